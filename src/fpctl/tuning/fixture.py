"""Authored events laid out as a data folder, so that the local engine runs a rule on them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fpctl.engine.local.engine import LocalEngine
from fpctl.schema.tables import TIME_COLUMNS, Tables

DEFAULT_AGE = timedelta(hours=1)
"""An event without a time happened so long before now."""

_RELATIVE = re.compile(r"-(\d+(?:\.\d+)?)\s*([dhms])")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}

Events = Mapping[str, Iterable[Mapping[str, Any]]]


@contextmanager
def laid_out(events: Events, read: Iterable[str], tables: Tables, now: datetime) -> Iterator[LocalEngine]:
    """Yield a local engine over events.

    Documented columns that an event lacks read as null (texts as empty). A time column that it lacks is
    `DEFAULT_AGE` before now; `Timestamp` and `TimeGenerated` stand in for each other.

    Args:
        events: rows by table.
        read: the tables that the rule reads; those without events are empty.
        tables: documented columns.
        now: what `now()` is, and what relative times count from.
    """
    with tempfile.TemporaryDirectory(prefix="fpctl-") as place:
        folder = Path(place)
        for table in sorted({*events, *read}):
            if not events.get(table) and tables.table(table) is None:
                # A table of unknown columns cannot be empty: nothing would say what its columns are.
                continue
            rows = [resolved(row, table, tables, now) for row in events.get(table, ())]
            lines = (json.dumps(row, ensure_ascii=False, default=_text) for row in rows)
            (folder / f"{table}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        engine = LocalEngine(folder, now=now, tables=tables, threads=1)
        try:
            yield engine
        finally:
            engine.close()


def resolved(row: Mapping[str, Any], table: str, tables: Tables, now: datetime) -> dict[str, Any]:
    """Return a row with its times absolute and its time columns filled."""
    documented = tables.table(table) or {}
    times = {name for name, kind in documented.items() if kind == "datetime"} | {*TIME_COLUMNS}
    found = {name: _absolute(value, now) if name in times else value for name, value in row.items()}
    given = next((found[name] for name in TIME_COLUMNS if found.get(name) is not None), None)
    moment = given if given is not None else _stamp(now - DEFAULT_AGE)
    wanted = [name for name in TIME_COLUMNS if name in documented] or ([] if given is not None else [*TIME_COLUMNS])
    for name in wanted:
        if found.get(name) is None:
            found[name] = moment
    return found


def _absolute(value: Any, now: datetime) -> Any:
    if isinstance(value, str) and (match := _RELATIVE.fullmatch(value.strip())):
        return _stamp(now - timedelta(seconds=float(match[1]) * _SECONDS[match[2]]))
    return _stamp(value) if isinstance(value, datetime) else value


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _text(value: Any) -> str:
    return _stamp(value) if isinstance(value, datetime) else str(value)


def times_of(events: Events, tables: Tables, now: datetime) -> tuple[datetime, datetime]:
    """Return the first and last event time, both `now` where no time can be read."""
    found: list[datetime] = []
    for table, rows in events.items():
        for row in rows:
            filled = resolved(row, table, tables, now)
            for name in TIME_COLUMNS:
                try:
                    moment = datetime.fromisoformat(str(filled.get(name)))
                except ValueError:
                    continue
                found.append(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)
    return (min(found), max(found)) if found else (now, now)
