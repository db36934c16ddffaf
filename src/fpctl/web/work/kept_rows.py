"""The rows of each rule's last run, kept in files beside the history, so that a restart of the server loses nothing.

Rows hold names of people and machines: the files are for the server's user only, and hold no more than pages show.
Remove the folder to forget them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from fpctl.engine.interface import Table
from fpctl.errors import FpctlError
from fpctl.exclusions.drafts.proposal import EntityColumn, entity_columns
from fpctl.fields.registry import FIELDS
from fpctl.files import read_text, write_text
from fpctl.repository.raw_columns import result_origins
from fpctl.rules.formats.registry import LoadedRule
from fpctl.web.work.snapshot import Snapshot

MOST_ROWS, MOST_VALUES, LONGEST_VALUE = 200, 20, 2_000
"""Rows of a run, values of a cell, and characters of a value that are kept."""
MOST_BYTES = 4_000_000
MOST_RULES = 500
"""How many rules have their rows kept; those written longest ago are removed first."""


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Rows of a result as pages show them.

    Attributes:
        run: the id of the run.
        message: how it ended.
        names: the columns.
        rows: for each row and column its values as text; a cell may hold several, or none.
        total: how many rows the result had.
    """

    run: str
    message: str
    names: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], ...], ...]
    total: int

    @classmethod
    def of(cls, run: str, message: str, table: Table) -> KeptRows:
        """Return what is kept of a result."""
        rows = tuple(tuple(_values(value)[:MOST_VALUES] for value in row) for row in table.rows[:MOST_ROWS])
        return cls(run, message, tuple(table.names()), rows, table.count)


def _values(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        return tuple(text for one in value[:MOST_VALUES] for text in _values(one))
    # The second is enough to look at, and a time is not a value of an exclusion.
    text = f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else str(value)
    return (text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…",)


class RowStore:
    """The kept rows of one console. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, key: str, found: KeptRows) -> None:
        """Keep the rows of a rule's last run in place of those before.

        Args:
            key: stands for the rule.

        Raises:
            FpctlError: the folder cannot be written.
        """
        rows = found.rows
        while len(text := json.dumps(asdict(found) | {"rows": rows}, ensure_ascii=True)) > MOST_BYTES:
            rows = rows[: len(rows) // 2]
        with self._lock:
            path = self._path(key)
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if not path.exists():
                    # Made first, so that what is written keeps its mode.
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            except OSError as error:
                raise FpctlError(f"cannot keep the rows of a run: {error.strerror}") from error
            write_text(path, text, durable=False)
            self._forget_oldest()

    def of(self, key: str) -> KeptRows | None:
        """Return the rows of a rule's last run; None where there are none, or the file is damaged."""
        try:
            data = json.loads(read_text(self._path(key), limit=2 * MOST_BYTES))
            rows = tuple(tuple(tuple(map(str, cell)) for cell in row) for row in data["rows"])
            names = tuple(map(str, data["names"]))
            if any(len(row) != len(names) for row in rows):
                return None
            return KeptRows(str(data["run"]), str(data["message"]), names, rows, int(data["total"]))
        except (FpctlError, ValueError, TypeError, KeyError):
            return None

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _forget_oldest(self) -> None:
        files = [path for path in self._folder.iterdir() if path.suffix == ".json"]
        with suppress(OSError):
            files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
            for path in files[MOST_RULES:]:
                path.unlink()


def entities(snapshot: Snapshot, loaded: LoadedRule, names: Sequence[str], today: date) -> Mapping[str, EntityColumn]:
    """Return by column of a rule's result the field that it holds; none for a rule that cannot be planned."""
    try:
        origins = result_origins([loaded], snapshot.repository.planner(today))
        return entity_columns(list(names), origins, snapshot.repository.fields)
    except FpctlError:
        return {}


def by_field(found: KeptRows, fields: Mapping[str, EntityColumn]) -> list[dict[str, tuple[str, ...]]]:
    """Return for each row the values of each field, as an exclusion names them.

    Args:
        fields: what `entities` returns.
    """
    rows: list[dict[str, tuple[str, ...]]] = []
    for row in found.rows:
        values: dict[str, dict[str, None]] = {}
        for name, cell in zip(found.names, row, strict=True):
            entity = fields.get(name)
            if entity is None:
                continue
            for value in cell:
                said = FIELDS[entity.field].named(value, entity.role) if len(value) <= LONGEST_VALUE else ""
                if said:
                    values.setdefault(entity.field, {})[said] = None
        rows.append({field: tuple(said) for field, said in values.items()})
    return rows
