"""Small data sets, each with and without the rows that an exclusion names, on the local engine.

Which rows an exclusion names is told by the independent matcher of the predicate tests.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fields.matcher import matches
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import BoundColumn
from fpctl.rules.model import read_rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEMA: Mapping[str, Mapping[str, str]] = {
    "DeviceProcessEvents": {
        "Timestamp": "datetime", "DeviceName": "string", "FileName": "string", "AccountName": "string",
        "ProcessId": "long",
    },
    "DeviceNetworkEvents": {
        "Timestamp": "datetime", "DeviceName": "string", "InitiatingProcessFileName": "string",
        "RemoteUrl": "string", "RemotePort": "int",
    },
    "DeviceFileEvents": {
        "Timestamp": "datetime", "DeviceName": "string", "FileName": "string", "InitiatingProcessFileName": "string",
    },
    "EmailEvents": {"Timestamp": "datetime", "SenderFromAddress": "string", "Subject": "string"},
}  # fmt: skip
ABSENT: Mapping[str, Mapping[str, str]] = {
    "DeviceImageLoadEvents": {
        "Timestamp": "datetime", "DeviceName": "string", "FileName": "string", "InitiatingProcessFileName": "string",
    },
}  # fmt: skip
"""Tables that the schema has, and the data have not."""
WITHOUT = "Without"
"""Added to a table's name: the same rows less those that the exclusion names."""

EXCLUSIONS: Sequence[Mapping[str, Sequence[str]]] = (
    {"device": ("build01",)},
    {"device": ("build01", "web*.contoso.com")},
    {"device": ("build01",), "process": ("msiexec.exe",)},
    {"process": ("msiexec.exe", "setup*.exe")},
    {"url": ("contoso.com",)},
)

_DEVICES = ("build01", "BUILD01.contoso.com", "build010", "web1.contoso.com", "db1", "", None)
_FILES = ("msiexec.exe", "MSIEXEC.EXE", "setup64.exe", "notmsiexec.exe", "a.exe", "", None)
_VALUES: Mapping[str, Sequence[Any]] = {
    "DeviceName": _DEVICES,
    "FileName": _FILES,
    "InitiatingProcessFileName": _FILES,
    "AccountName": ("ann", "bob", "carl", "db1", "", None),
    "ProcessId": (4, 8, 15, None),
    "RemoteUrl": (
        "https://contoso.com/a",
        "contoso.com.evil.net",
        "a.contoso.com",
        "http://contoso.com@evil.net/",
        "",
        None,
    ),
    "RemotePort": (22, 443, 8443, None),
    "SenderFromAddress": ("ann", "bob", "carl", ""),
    "Subject": ("db1", "build01", "hello", ""),
}

TABLES = Tables.only(
    {**{name + suffix: columns for name, columns in SCHEMA.items() for suffix in ("", WITHOUT)}, **ABSENT}
)
FIELDS = FieldMap.packaged(None, TABLES)
PLANNER = Planner(TABLES, FIELDS, date(2026, 11, 24))


@dataclass(frozen=True)
class Estate:
    """A data set with one exclusion: `engine` has each table twice, `rows` the rows of each."""

    engine: LocalEngine
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    exclusion: Exclusion
    without: LocalEngine
    """The same tables under the same names, without the rows that the exclusion names."""

    def run_without(self, text: str) -> Counter[tuple[Any, ...]]:
        """Return the rows of a query over the tables without the named rows."""
        return Counter(tuple(map(_plain, row)) for row in self.without.query(text).rows)

    def run(self, text: str) -> Counter[tuple[Any, ...]]:
        """Return the rows of a query, with how often each occurs."""
        return Counter(tuple(map(_plain, row)) for row in self.engine.query(text).rows)

    def has_fields(self, table: str) -> bool:
        """Tell whether the exclusion could name an event of a table."""
        return all(FIELDS.columns(table, field) for field in self.exclusion.match[0].fields())

    def plan(self, text: str, placement: str = "auto", **metadata: Any) -> TunedRule:
        """Plan the exclusion in a query."""
        rule, _ = read_rule(metadata, text, "query.kql", "query", "query")
        return PLANNER.plan(rule, [(self.exclusion.model_copy(update={"placement": placement}), False)])


def named(table: str, match: Mapping[str, Sequence[str]], row: Mapping[str, Any]) -> bool:
    """Return whether an exclusion names a row of a table."""
    bindings: dict[str, list[BoundColumn]] = {}
    for field in match:
        columns = [c for c in FIELDS.columns(table, field) if c.column in SCHEMA[table]]
        if not columns:
            return False
        bindings[field] = [BoundColumn(c.column, SCHEMA[table][c.column], c.role) for c in columns]
    return matches([match], bindings, {name: row.get(name) for name in SCHEMA[table]})


_MADE: dict[tuple[int, int], Estate] = {}
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def estate(seed: int, number: int) -> Estate:
    """Return the data set of a seed, with the exclusion of a number; made once."""
    if (seed, number) not in _MADE:
        _FOLDERS.append(tempfile.TemporaryDirectory(prefix="fpctl-semantics-"))
        _MADE[seed, number] = _make(Random(seed), EXCLUSIONS[number], Path(_FOLDERS[-1].name))
    return _MADE[seed, number]


def close_estates() -> None:
    """Close the engines of all data sets, and remove their files."""
    for made in _MADE.values():
        made.engine.close()
        made.without.close()
    for folder in _FOLDERS:
        folder.cleanup()
    _MADE.clear()
    _FOLDERS.clear()


def _make(random: Random, match: Mapping[str, Sequence[str]], folder: Path) -> Estate:
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, columns in SCHEMA.items():
        rows[table] = [
            {name: NOW - timedelta(hours=random.randrange(5)) if kind == "datetime" else random.choice(_VALUES[name])
             for name, kind in columns.items()}
            for _ in range(random.choice((0, 3, 6, 6, 9, 9, 14)))
        ]  # fmt: skip
        write_table(folder / f"{table}.parquet", columns, rows[table])
        others = [row for row in rows[table] if not named(table, match, row)]
        write_table(folder / f"{table}{WITHOUT}.parquet", columns, others)
        (folder / "without").mkdir(exist_ok=True)
        write_table(folder / "without" / f"{table}.parquet", columns, others)
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["*"], "match": match, "broad": True, "approved_by": "a test"}
    )
    engines = [LocalEngine(path, now=NOW, tables=TABLES, threads=1) for path in (folder, folder / "without")]
    return Estate(engines[0], rows, exclusion, engines[1])


def write_table(path: Path, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    types = {"datetime": pa.timestamp("us", tz="UTC"), "string": pa.string(), "long": pa.int64(), "int": pa.int32()}
    pq.write_table(
        pa.table({name: pa.array([row[name] for row in rows], types[kind]) for name, kind in columns.items()}), path
    )


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (list, dict)) else value
