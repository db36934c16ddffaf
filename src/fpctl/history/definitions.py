"""What exclusions said at their last entry in the trail, next to the chain: for noticing changes made outside fpctl."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import col

from fpctl.history.chain import ChainFinding, EntryRow
from fpctl.history.entry import AuditEvent, Definition, canonical, hash_of
from fpctl.history.tables import DefinitionRow

_CHUNK = 500
"""Values in one `IN (...)`: far below every database's limit on parameters."""


def known(connection: Connection) -> dict[str, str]:
    """Return the content hash of each exclusion at its last entry."""
    query = select(col(DefinitionRow.exclusion_id), col(DefinitionRow.content_hash))
    return {row[0]: row[1] for row in connection.execute(query)}


def contents(connection: Connection, ids: Iterable[str]) -> dict[str, Definition]:
    """Return what exclusions said at their last entry; those that are not known are left out."""
    found: dict[str, Definition] = {}
    for chunk in chunks(list(ids)):
        rows = connection.execute(
            select(
                col(DefinitionRow.exclusion_id), col(DefinitionRow.content_hash), col(DefinitionRow.content),
                col(DefinitionRow.paths),
            ).where(col(DefinitionRow.exclusion_id).in_(chunk))
        )  # fmt: skip
        for id, content_hash, content, paths in rows:
            found[id] = Definition(id, content_hash, json.loads(content), tuple(json.loads(paths)))
    return found


def keep(connection: Connection, acts: Sequence[AuditEvent]) -> None:
    """Remember what the exclusions say now."""
    latest = {act.exclusion: act.after for act in acts if act.exclusion}
    for chunk in chunks(sorted(latest)):
        connection.execute(delete(DefinitionRow).where(col(DefinitionRow.exclusion_id).in_(chunk)))
    rows = [
        {
            "exclusion_id": id,
            "content_hash": after.content_hash,
            "content": canonical(after.content),
            "paths": canonical(list(after.paths)),
        }
        for id, after in sorted(latest.items())
        if after is not None
    ]
    if rows:
        connection.execute(insert(DefinitionRow), rows)


def findings_of(rows: Sequence[EntryRow], stored: Sequence[tuple[str, str, str]]) -> list[ChainFinding]:
    """Return where what exclusions said last is not what their last entry says."""
    last = {
        row.exclusion: (row.number, row.after) for row in sorted(rows, key=lambda row: row.number) if row.exclusion
    }  # not of rules
    findings: list[ChainFinding] = []
    for id, content_hash, content in sorted(stored):
        number, after = last.pop(id, (None, None))
        if after != content_hash or _content_hash(content) != content_hash:
            which = f"entry {number}" if number is not None else "any entry"
            message = f"what {id} said last is not what {which} says: it was edited"
            findings.append(ChainFinding("definition", message, number, id))
    for id, (number, after) in sorted(last.items()):
        if after is not None:
            message = f"what {id} said last is missing, though entry {number} says it"
            findings.append(ChainFinding("definition", message, number, id))
    return findings


def _content_hash(content: str) -> str:
    """Return the hash of a stored content as `Exclusion.content_hash` makes it."""
    try:
        data = json.loads(content)
    except ValueError:
        return ""
    return hash_of(json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in pieces that one statement can name."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
