"""Kusto's v2 answers: frames, plain or progressive, put together to one table, with every error in them heard.

azure-kusto-data reads the plain `DataTable` frames only: of a progressive or fragmented answer it
shows no rows at all, and it looks neither at `HasErrors` and `Cancelled` of the last frame nor at
whether that frame came. Format: https://learn.microsoft.com/kusto/api/rest/response-http-v2
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fpctl.engine.interface import EngineError, Table
from fpctl.engine.remote.decode import bad_response, table_of
from fpctl.engine.remote.errors import service_error_of, shorten

_FAILED_BELOW = 4
"""`Level` of a completion row: 4 is information, anything lower went wrong."""


@dataclass(slots=True)
class _Building:
    """A table while its frames come in."""

    kind: str
    columns: list[tuple[str, str]]
    rows: list[list[Any]] = field(default_factory=list)
    complete: bool = False


class _Answer:
    """A v2 answer while its frames come in."""

    def __init__(self) -> None:
        self.tables: dict[Any, _Building] = {}
        self.reasons: list[str] = []
        self.ended = False

    def add(self, frame: Mapping[str, Any]) -> None:
        """Take one frame."""
        kind = frame.get("FrameType")
        if kind == "DataTable":
            building = _begin(frame, self.tables)
            _append(building, frame.get("Rows"), self.reasons)
            building.complete = True
        elif kind == "TableHeader":
            _begin(frame, self.tables)
        elif kind == "TableFragment":
            building = _known(frame, self.tables)
            if frame.get("TableFragmentType") == "DataReplace":
                building.rows.clear()
            _append(building, frame.get("Rows"), self.reasons)
        elif kind == "TableCompletion":
            self._complete(frame)
        elif kind == "DataSetCompletion":
            self._end(frame)
        elif kind not in ("DataSetHeader", "TableProgress"):
            raise bad_response(f"it has a frame of an unknown kind, {str(kind)[:40]!r}")

    def _complete(self, frame: Mapping[str, Any]) -> None:
        building = _known(frame, self.tables)
        building.complete = True
        failed = _one_api_errors(frame, self.reasons)
        if not failed and frame.get("RowCount", len(building.rows)) != len(building.rows):
            raise bad_response(f"it announces {frame['RowCount']:,} rows and has {len(building.rows):,}")

    def _end(self, frame: Mapping[str, Any]) -> None:
        self.ended = True
        _one_api_errors(frame, self.reasons)
        if frame.get("Cancelled"):
            self.reasons.append("the query was cancelled")
        elif frame.get("HasErrors") and not self.reasons:
            self.reasons.append("the service reports errors without naming them")

    def table(self) -> Table:
        """Return the result. Raises EngineError, see `table_of_frames`."""
        if not self.ended or not all(building.complete for building in self.tables.values()):
            raise bad_response("its last frames are missing")
        statistics = _completion(self.tables, self.reasons)
        primary = [building for building in self.tables.values() if building.kind == "PrimaryResult"]
        if len(primary) > 1:
            raise EngineError(
                f"the query returns {len(primary)} results; a rule must return one",
                code="unsupported",
                hint="remove `fork`",
            )
        reason = shorten("; ".join(dict.fromkeys(self.reasons))) if self.reasons else None
        if not primary or (reason is not None and not primary[0].rows):
            if reason is None:
                raise bad_response("it has no result")
            raise EngineError(f"the query failed: {reason}", code="partial", retryable=True)
        return table_of(primary[0].columns, primary[0].rows, partial=reason, statistics=statistics)


def table_of_frames(frames: Any) -> Table:
    """Return the result of a v2 answer.

    Raises:
        EngineError: `bad-response`, frames are missing or do not fit; `partial`, the query failed
            before its first row; `unsupported`, it has several results.
    """
    if not isinstance(frames, list) or not all(isinstance(frame, Mapping) for frame in frames):
        raise bad_response("it is not a list of frames")
    answer = _Answer()
    for frame in frames:
        answer.add(frame)
    return answer.table()


def table_of_v1(answer: Any) -> Table:
    """Return the first table of a v1 answer, which management commands get. Raises EngineError `bad-response`."""
    tables = answer.get("Tables") if isinstance(answer, Mapping) else None
    if not isinstance(tables, list) or not tables or not isinstance(tables[0], Mapping):
        raise bad_response("it has no table")
    return table_of(_columns(tables[0]), tables[0].get("Rows"))


def _begin(frame: Mapping[str, Any], tables: dict[Any, _Building]) -> _Building:
    building = _Building(str(frame.get("TableKind")), _columns(frame))
    identity = frame.get("TableId")
    if identity in tables:
        raise bad_response(f"it has two tables with the id {identity}")
    tables[identity] = building
    return building


def _known(frame: Mapping[str, Any], tables: dict[Any, _Building]) -> _Building:
    building = tables.get(frame.get("TableId"))
    if building is None:
        raise bad_response("it has rows of a table before the table")
    return building


def _columns(frame: Mapping[str, Any]) -> list[tuple[str, str]]:
    try:
        return [(column["ColumnName"], column.get("ColumnType") or column["DataType"]) for column in frame["Columns"]]
    except (KeyError, TypeError, AttributeError):
        raise bad_response("a column has no name or no type") from None


def _append(building: _Building, rows: Any, reasons: list[str]) -> None:
    if not isinstance(rows, list):
        raise bad_response("a table has no rows")
    if all(isinstance(row, list) for row in rows):
        building.rows.extend(rows)
        return
    for row in rows:
        if isinstance(row, list):
            building.rows.append(row)
        elif not (isinstance(row, Mapping) and _one_api_errors(row, reasons)):
            raise bad_response("a row is neither a list of values nor an error")


def _one_api_errors(holder: Mapping[str, Any], reasons: list[str]) -> bool:
    """Add what the errors of a frame or row say. An error with `@permanent` or without: the rows are not whole."""
    errors = holder.get("OneApiErrors")
    for item in errors if isinstance(errors, list) else ():
        said = service_error_of(item.get("error") if isinstance(item, Mapping) else None)
        reasons.append(f"{said.code}: {said.message}" if said else "an error without a text")
    return bool(errors)


def _completion(tables: Mapping[Any, _Building], reasons: list[str]) -> dict[str, Any]:
    """Return the resources that the query used, and add the errors among its completion rows."""
    statistics: dict[str, Any] = {}
    for building in tables.values():
        if building.kind != "QueryCompletionInformation":
            continue
        names = [name for name, _ in building.columns]
        for values in building.rows:
            row = dict(zip(names, values, strict=False))
            level, payload = row.get("Level"), row.get("Payload")
            if isinstance(level, int) and level < _FAILED_BELOW:
                reasons.append(str(row.get("StatusCodeName") or "an error") + (f": {payload}" if payload else ""))
            if row.get("EventTypeName") == "QueryResourceConsumption" and isinstance(payload, str):
                try:
                    statistics = dict(json.loads(payload))
                except (ValueError, TypeError):
                    continue
    return statistics
