"""The field names of the notation (those of the Elastic Common Schema) and the fields they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a name stands for: a field of a match, or None and the reason why there is none."""

    field: str | None
    reason: str = ""


_NAMES: Mapping[str, tuple[str, ...]] = {
    "device": ("host.name", "host.hostname", "host.id", "device.name", "device.hostname", "device.id"),
    "url": ("url.domain", "url.full", "url.original", "url", "destination.domain", "server.domain"),
    "hash": (
        "file.hash", "file.hash.md5", "file.hash.sha1", "file.hash.sha256",
        "process.hash", "process.hash.md5", "process.hash.sha1", "process.hash.sha256",
    ),
    "process": ("process.name",),
    "parent_process": ("process.parent.name", "process.parent_process.name", "parent_process.name"),
    "command_line": ("process.command_line", "process.commandline"),
    "path": ("process.executable", "file.path", "file.directory"),
    "account": ("user.name", "user.email", "user.id"),
    "ip": ("source.ip", "destination.ip", "client.ip", "server.ip"),
    "signer": ("process.code_signature.subject_name", "file.code_signature.subject_name"),
    "port": ("destination.port", "server.port"),
}  # fmt: skip

_PARENT = "the events hold the parent's file name, not its path: use process.parent.name"
_REFUSED: Mapping[str, str] = {
    "file.name": "a match has the process and the path of a file: use process.name or file.path",
    "file.extension": "an extension alone would match too much: use file.path or file.hash",
    "process.parent.executable": _PARENT,
    "process.parent_process.executable": _PARENT,
    "process.parent.command_line": "events hold the command line of the process itself: use process.command_line",
    "process.args": "a match looks at the whole command line: use process.command_line CONTAINS",
    "process.pid": "a process id is another one each time",
    "process.parent.pid": "a process id is another one each time",
    "source.port": "the client's port is another one each time: use destination.port",
    "url.path": "a path is matched together with its host: use url.full",
    "url.query": "a match looks at host and path, not at the query",
    "url.scheme": "a match looks at host and path, whatever the scheme",
    "user.domain": 'write the domain with the name: user.name == "CONTOSO\\svc-backup"',
    "host.ip": "a host is named by its name: use host.name",
    "host.os.type": "name the hosts: use host.name",
}

MEANINGS: Mapping[str, Meaning] = {
    **{name: Meaning(field) for field, names in _NAMES.items() for name in names},
    **{name: Meaning(None, reason) for name, reason in _REFUSED.items()},
}
"""By name, in lower case."""


def meaning_of(name: str) -> Meaning | None:
    """Return what a name stands for, None if it is unknown. Case does not count."""
    return MEANINGS.get(name.lower())


def known_names() -> list[str]:
    """Return the names that stand for a field, sorted."""
    return sorted(name for name, meaning in MEANINGS.items() if meaning.field is not None)
