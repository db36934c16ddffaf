"""The trail as the database holds it, read so that a damaged entry is named and hides no other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from fpctl.history.chain import ChainFinding, EntryRow, Head
from fpctl.history.entry import GENESIS, hash_of
from fpctl.history.tables import DefinitionRow, TrailHeadRow, TrailRow

_GUARDS = {
    "trail_keeps_UPDATE": "from being changed",
    "trail_keeps_DELETE": "from being removed",
    "trail_keeps_INSERT": "from being replaced",
    "trail_keeps": "from being changed, removed or replaced",
}
"""The triggers that fpctl makes, and what they keep entries from: the last one is PostgreSQL's."""

_TABLES = ("trail", "trail_head", "definition")


def read_head(connection: Connection, rows: Sequence[EntryRow]) -> tuple[Head, list[ChainFinding]]:
    """Return the head; where it cannot be read, the one that fits the last row, and a finding."""
    found: Any = None
    if connection.dialect.name == "sqlite":
        found = connection.execute(
            text("SELECT entries, CAST(hash AS BLOB) FROM trail_head WHERE id = 1")
        ).one_or_none()
        found = (found[0], _decoded(found[1])) if found is not None else None
    else:
        found = connection.execute(select(col(TrailHeadRow.entries), col(TrailHeadRow.hash))).one_or_none()
    if found is not None and isinstance(found[0], int) and found[0] >= 0 and isinstance(found[1], str):
        return Head(found[0], found[1]), []
    last = max(rows, key=lambda row: row.number, default=None)
    head = Head(last.number, hash_of(last.body)) if last is not None else Head(0, GENESIS)
    return head, [ChainFinding("head", "the head of the trail is missing or cannot be read")]


def read_rows(connection: Connection) -> tuple[list[EntryRow], list[ChainFinding]]:
    """Return every entry that can be read, in the order of the numbers, and a finding for each that cannot."""
    if connection.dialect.name != "sqlite":
        query = select(
            col(TrailRow.number), col(TrailRow.exclusion_id), col(TrailRow.at), col(TrailRow.after_hash),
            col(TrailRow.hash), col(TrailRow.body),
        ).order_by(col(TrailRow.number))  # fmt: skip
        return [EntryRow(*row) for row in connection.execute(query)], []
    # As bytes: text that is no longer UTF-8, or a time that is none, would end the reading of all rows.
    columns = ", ".join(f"CAST({name} AS BLOB)" for name in ("exclusion_id", "at", "after_hash", "hash", "body"))
    findings: list[ChainFinding] = []
    raw: list[Any] = []
    try:
        raw = list(connection.execute(text(f"SELECT number, {columns} FROM trail ORDER BY number")))
    except DBAPIError:
        # A damaged page: the other pages still hold their entries.
        numbers = connection.execute(text("SELECT entries FROM trail_head WHERE id = 1")).scalar_one()
        one = text(f"SELECT number, {columns} FROM trail WHERE number = :number")
        for number in range(1, int(numbers) + 1):
            try:
                raw += connection.execute(one, {"number": number})
            except DBAPIError:
                findings.append(ChainFinding("edited", f"entry {number} cannot be read: the file is damaged", number))
    rows: list[EntryRow] = []
    for number, exclusion, at, after, own_hash, body in raw:
        if isinstance(number, int):
            texts = (_decoded(value) or "" for value in (own_hash, body))
            rows.append(EntryRow(number, _decoded(exclusion) or "", _moment(at), _decoded(after), *texts))
        else:
            about = f" ({_decoded(exclusion)})" if exclusion else ""
            findings.append(ChainFinding("edited", f"an entry{about} has no number any more", None, None))
    return rows, findings


def read_definitions(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (exclusion, content hash, content) as stored next to the chain."""
    if connection.dialect.name != "sqlite":
        query = select(col(DefinitionRow.exclusion_id), col(DefinitionRow.content_hash), col(DefinitionRow.content))
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]
    columns = ", ".join(f"CAST({name} AS BLOB)" for name in ("exclusion_id", "content_hash", "content"))
    found = connection.execute(text(f"SELECT {columns} FROM definition"))
    return [(_decoded(row[0]) or "", _decoded(row[1]) or "", _decoded(row[2]) or "") for row in found]


def trigger_findings(connection: Connection) -> list[ChainFinding]:
    """Return the triggers on the trail's tables that are missing, disabled, or not fpctl's.

    A trigger may change or drop what fpctl writes, in every transaction from then on.
    """
    if connection.dialect.name == "sqlite":
        found = {
            row[0]: (row[1], str(row[2] or ""))
            for row in connection.execute(text("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"))
        }
        expected = {name for name in _GUARDS if name != "trail_keeps"}
        weakened = {name for name in expected & found.keys() if "RAISE(ABORT" not in found[name][1]}
    else:
        query = text(
            "SELECT t.tgname, c.relname, t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND c.relname = ANY(:tables)"
        )
        found = {row[0]: (row[1], row[2]) for row in connection.execute(query, {"tables": list(_TABLES)})}
        expected = {"trail_keeps"}
        weakened = {name for name in expected & found.keys() if found[name][1] not in ("O", "A")}
    findings = [
        ChainFinding("trigger", f"the trigger {name}, which keeps entries {_GUARDS[name]}, is missing")
        for name in sorted(expected - found.keys())
    ]
    findings += [
        ChainFinding("trigger", f"the trigger {name}, which keeps entries {_GUARDS[name]}, was changed or disabled")
        for name in sorted(weakened)
    ]
    findings += [
        ChainFinding("trigger", f"a trigger {name!r} on {table} is not fpctl's: it may change what is written there")
        for name, (table, _) in sorted(found.items())
        if name not in expected and table in _TABLES
    ]
    return findings


def _decoded(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _moment(value: Any) -> datetime | None:
    """Return a time as SQLite stores it; None where it is no longer a time."""
    try:
        return datetime.fromisoformat(_decoded(value) or "").replace(tzinfo=UTC)
    except ValueError:
        return None
