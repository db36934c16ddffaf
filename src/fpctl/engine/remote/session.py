"""The HTTP session that every client of a service uses: one origin, no redirects, bounded bodies, no token in them.

Microsoft's clients are built on `requests`, so its transport adapter is the one place through which every
request and every answer passes, whichever client makes it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.endpoint import Endpoint
from fpctl.engine.remote.retry import RequestFailure

MOST_BYTES = 192 * 1024 * 1024
"""Of an answer, decompressed. Log Analytics answers with at most about 100 MB, advanced hunting with 124 MB."""
MOST_SECONDS = 900.0
"""For one answer to arrive, even if nobody waits for it any more."""
_BLOCK = 64 * 1024
_TOKEN = b"[token]"
_SHORTEST_TOKEN = 16
"""A cut-off token is recognised from this many bytes on."""


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """How large an answer may be, and how long it may take to arrive."""

    most_bytes: int = MOST_BYTES
    most_seconds: float = MOST_SECONDS
    clock: Callable[[], float] = time.monotonic


def service_session(place: Endpoint, service: str, bounds: BodyBounds | None = None) -> requests.Session:
    """Return a session that reaches one service only.

    Args:
        place: where the service is; nothing is sent to any other origin.
        service: its name, for messages.
        bounds: of answers.
    """
    session = requests.Session()
    guard_session(session, place, service, bounds)
    return session


def guard_session(session: requests.Session, place: Endpoint, service: str, bounds: BodyBounds | None = None) -> None:
    """Make a client's own session reach one service only, see `service_session`."""
    session.trust_env = not place.loopback  # a proxy must not see what stays on this machine
    # Encodings whose output can be bounded while it is decompressed.
    session.headers["Accept-Encoding"] = "gzip, deflate"
    adapter = _GuardedAdapter(place, service, bounds or BodyBounds())
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return the scheme, host and port of an address; the port is None where it is the scheme's own."""
    parts = urlsplit(url)
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), None if parts.port == standard else parts.port


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, place: Endpoint, service: str, bounds: BodyBounds) -> None:
        super().__init__(pool_maxsize=50)
        self._origin = origin_of(place.url)
        self._service = service
        self._bounds = bounds

    def send(self, request: requests.PreparedRequest, *arguments: Any, **settings: Any) -> requests.Response:
        if origin_of(request.url or "") != self._origin:
            raise RequestFailure(
                EngineError(f"{self._service} points to another host: nothing was sent there", code="bad-response"),
                "fatal",
            )
        if arguments:  # `stream` is the first by position
            arguments = (True, *arguments[1:])
        else:
            settings["stream"] = True
        response = super().send(request, *arguments, **settings)
        try:
            body = self._body(response)
        except BaseException:
            response.close()
            raise
        # What `requests` itself sets when a body was read; then the connection can be used again.
        response._content = without_token(body, request.headers.get("Authorization"))
        response._content_consumed = True
        response.close()
        return response

    def _body(self, response: requests.Response) -> bytes:
        encoding = response.headers.pop("Content-Encoding", "").strip().lower()
        ends = self._bounds.clock() + self._bounds.most_seconds
        found, size = [], 0
        try:
            for block in _decompressed(_blocks(response.raw), encoding):
                size += len(block)
                if size > self._bounds.most_bytes:
                    raise self._too_large()
                if self._bounds.clock() > ends:
                    raise self._too_slow()
                found.append(block)
        except ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error, request=response.request) from error
        except ProtocolError as error:
            raise requests.exceptions.ConnectionError(error, request=response.request) from error
        except (HTTPError, zlib.error) as error:
            raise requests.exceptions.ContentDecodingError(error, request=response.request) from error
        return b"".join(found)

    def _too_large(self) -> RequestFailure:
        megabytes = self._bounds.most_bytes // (1024 * 1024)
        return RequestFailure(
            EngineError(
                f"the answer of {self._service} is larger than {megabytes:,} MB",
                code="too-large",
                hint="narrow the time range, or return fewer rows or columns",
            ),
            "fatal",
        )

    def _too_slow(self) -> RequestFailure:
        return RequestFailure(
            EngineError(
                f"{self._service} has not sent its whole answer in {self._bounds.most_seconds:,.0f} s",
                code="timeout",
                hint="narrow the time range, or return fewer rows",
                retryable=True,
            ),
            "fatal",
        )


def _blocks(raw: Any) -> Iterator[bytes]:
    while block := raw.read(_BLOCK, decode_content=False):
        yield block


def _decompressed(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield what blocks decompress to, never more than a block at a time: a small body may hold gigabytes."""
    if encoding in ("", "identity"):
        yield from blocks
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise requests.exceptions.ContentDecodingError(f"the encoding {encoding[:40]!r} was not asked for")
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, recognised by its header
    for block in blocks:
        rest = block
        while rest and not machine.eof:
            yield machine.decompress(rest, _BLOCK)
            rest = machine.unconsumed_tail
    while not machine.eof and (more := machine.decompress(machine.unconsumed_tail, _BLOCK)):
        yield more
    if not machine.eof:
        raise ProtocolError("the compressed body is cut off")


def without_token(body: bytes, authorization: str | bytes | None) -> bytes:
    """Return a body in which the token that was sent does not occur, whole or cut off.

    Here, before anything is parsed, shortened or stored: whatever text is made of the answer later has no token.

    Args:
        body: as it came.
        authorization: the header that was sent.
    """
    if not authorization:
        return body
    header = authorization.encode("latin-1", "replace") if isinstance(authorization, str) else authorization
    token = header.partition(b" ")[2].strip() or header.strip()
    if len(token) < _SHORTEST_TOKEN:
        return body
    # The first part of a JSON web token says only how it is signed, and is not a secret.
    secret_from = token.find(b".") + 1 if token.startswith(b"eyJ") else 0
    least = secret_from + _SHORTEST_TOKEN
    begin, found, at = token[:least], [], 0
    while (next_at := body.find(begin, at)) >= 0:
        found.append(body[at:next_at] + _TOKEN)
        at = next_at + least
        while at - next_at < len(token) and at < len(body) and body[at] == token[at - next_at]:
            at += 1
    return b"".join((*found, body[at:])) if found else body
