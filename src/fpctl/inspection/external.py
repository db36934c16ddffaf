"""Copies of the lists that rules read with `externaldata`, fetched once and only when asked for."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fpctl.engine.interface import EngineError
from fpctl.engine.local.attached import INDEX, MAX_BYTES, FetchedCopy, fetched_copies, plain_address
from fpctl.engine.remote.destination import trusted_hosts
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.engine.remote.retry import RequestFailure
from fpctl.errors import KqlSyntaxError
from fpctl.files import write_text
from fpctl.kql import tree
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse

_SECONDS = 60.0


@dataclass(slots=True)
class ExternalPull:
    """What a pull did.

    Attributes:
        copies: what was fetched, by address.
        left: what was not, and why.
    """

    copies: list[FetchedCopy] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def external_addresses(queries: Iterable[str]) -> list[str]:
    """Return the addresses that queries read with `externaldata`, sorted; those made of parts are not known here."""
    found: set[str] = set()
    for text in queries:
        try:
            query = parse(text)
        except KqlSyntaxError:
            continue
        named = {
            node.name.value: node.value
            for node in tree.walk(query)
            if isinstance(node, tree.Let) and isinstance(node.value, tree.Literal)
        }
        for node in tree.walk(query):
            if not isinstance(node, tree.ExternalData):
                continue
            for uri in node.uris:
                literal = named.get(uri.value) if isinstance(uri, tree.Name) else uri
                if isinstance(literal, tree.Literal) and literal.type == "string":
                    found.add(string_value(text[literal.start : literal.end]))
    return sorted(found)


def pull_external(
    addresses: Iterable[str],
    folder: Path,
    now: datetime,
    environ: Mapping[str, str],
    progress: Callable[[str], None] = lambda address: None,
) -> ExternalPull:
    """Fetch lists into `.external/` of a data folder, each with its date and hash.

    Rules are somebody's text: only https, only hosts on the internet (or in FPCTL_TRUSTED_HOSTS), no redirects, no
    credentials, bounded in size and time.

    Args:
        addresses: as `external_addresses` gives them.
        folder: the data folder.
        now: the date of the copies, aware.
        environ: the environment, for FPCTL_TRUSTED_HOSTS.
        progress: called with each address before it is fetched.
    """
    done, known = ExternalPull(), fetched_copies(folder)
    for address in addresses:
        plain = plain_address(address)
        progress(plain)
        try:
            data = _fetched(address, trusted_hosts(environ))
        except (EngineError, RequestFailure) as error:
            done.left.append(f"{plain}: {error}")
            continue
        digest = hashlib.sha256(data).hexdigest()
        ending = Path(urlsplit(plain).path).suffix[:8]
        file = INDEX.parent / f"{hashlib.sha256(plain.encode()).hexdigest()[:16]}{ending}"
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        copy = FetchedCopy(plain, file.as_posix(), digest, len(data), now.isoformat(timespec="seconds"))
        known[plain] = copy
        done.copies.append(copy)
        content = {"copies": [asdict(known[one]) for one in sorted(known)]}
        write_text(folder / INDEX, json.dumps(content, indent=1) + "\n")
    return done


def _fetched(address: str, trusted: frozenset[str]) -> bytes:
    import requests

    from fpctl.engine.remote.session import BodyBounds, service_session

    if ";" in address:
        raise EngineError("the address holds a credential; fetch it yourself, and name the file in the settings",
                          code="settings")  # fmt: skip
    parts = urlsplit(address)
    place = endpoint_of(f"{parts.scheme}://{parts.netloc}", setting="the address")
    if place.host not in trusted:
        _check_public(place.host)
    session = service_session(place, place.host, BodyBounds(MAX_BYTES, 10 * _SECONDS))
    try:
        response = session.get(address, timeout=_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise EngineError(f"cannot be reached ({type(error).__name__})", code="network") from error
    finally:
        session.close()
    if response.status_code != 200:
        moved = response.headers.get("Location") if response.is_redirect else None
        raise EngineError(f"answered {response.status_code}" + (f", it moved to {moved}" if moved else ""),
                          code="bad-response")  # fmt: skip
    return response.content


def _check_public(host: str) -> None:
    """Raise EngineError for a host inside a network: a rule must not make fpctl read what only this machine can."""
    try:
        found = {ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(host, 443)}
    except (OSError, ValueError) as error:
        raise EngineError(f"the host {host} is not known", code="network") from error
    if not all(one.is_global for one in found):
        raise EngineError(
            f"{host} is not on the internet", code="settings", hint=f"if it is right: FPCTL_TRUSTED_HOSTS={host}"
        )
