"""The field names of the notation (those of the Elastic Common Schema) and the fields they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fpctl.fields.registry import FIELDS


class Meaning(NamedTuple):
    """What a name stands for: a field of a match, or None and the reason why there is none."""

    field: str | None
    reason: str = ""


_PARENT = "the events hold the parent's file name, not its path: use process.parent.name"
_REFUSED: Mapping[str, str] = {
    "file.name": "a match has the process and the path of a file: use process.name or file.path",
    "file.extension": "an extension alone would match too much: use file.path or file.hash",
    "process.parent.executable": _PARENT,
    "process.parent_process.executable": _PARENT,
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
    **{name: Meaning(None, reason) for name, reason in _REFUSED.items()},
    **{name: Meaning(field.name) for field in FIELDS.values() for name in field.ecs},
}
"""By name, in lower case."""


def meaning_of(name: str) -> Meaning | None:
    """Return what a name stands for, None if it is unknown. Case does not count."""
    return MEANINGS.get(name.lower())


def known_names() -> list[str]:
    """Return the names that stand for a field, sorted."""
    return sorted(name for name, meaning in MEANINGS.items() if meaning.field is not None)
