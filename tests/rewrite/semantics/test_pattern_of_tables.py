"""A clause behind a pattern of tables tests each row by the columns of the row's own table."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EXCLUSION = Exclusion.model_validate(
    {
        **{"id": "fp-1", "rules": ["*"], "match": {"process": ["msiexec.exe"]}, "broad": True},
        **{"owner": "ana@contoso.com", "approved_by": "bob@contoso.com"},
        "expires": date(2027, 5, 1),
    }
)
# FileName is the process in one table and the file that was written in the other.
ROWS = {
    "DeviceProcessEvents": [
        {"Row": "process-benign", "FileName": "msiexec.exe", "InitiatingProcessFileName": "explorer.exe"},
        {"Row": "process-child", "FileName": "evil.exe", "InitiatingProcessFileName": "msiexec.exe"},
        {"Row": "process-other", "FileName": "evil.exe", "InitiatingProcessFileName": "explorer.exe"},
    ],
    "DeviceFileEvents": [
        {"Row": "file-written-under-that-name", "FileName": "msiexec.exe", "InitiatingProcessFileName": "evil.exe"},
        {"Row": "file-benign", "FileName": "setup.log", "InitiatingProcessFileName": "msiexec.exe"},
        {"Row": "file-unknown", "FileName": None, "InitiatingProcessFileName": None},
    ],
}
HOLDS = {"DeviceProcessEvents": "FileName", "DeviceFileEvents": "InitiatingProcessFileName"}


@pytest.mark.parametrize(
    "query",
    [
        "union withsource=SourceTable Device*\n| project Row",
        "union withsource=SourceTable Device*\n| where isnotempty(Row)\n| extend SourceTable = tolower(SourceTable)\n"
        "| project Row",
        "union withsource=T Device*\n| project Row, FileName, T, InitiatingProcessFileName, Timestamp",
    ],
)
def test_a_column_is_tested_only_where_it_holds_the_field(query: str, tmp_path: Path) -> None:
    for table, rows in ROWS.items():
        content = pyarrow.Table.from_pylist([{"Timestamp": NOW, **row} for row in rows])
        pyarrow.parquet.write_table(content, tmp_path / f"{table}.parquet")
    tables = Tables.packaged()
    tuned = Planner(tables, FieldMap.packaged(None, tables), NOW.date()).plan(
        Rule("r", "r", query, "r.kql", "bare"), [(EXCLUSION, True)]
    )
    with LocalEngine(tmp_path, now=NOW, tables=tables) as engine:
        span = Timespan(NOW - timedelta(days=1), NOW + timedelta(days=1))
        given = {row["Row"] for row in engine.query(tuned.base, span).dicts()}
        left = {row["Row"] for row in engine.query(tuned.tuned, span).dicts()}
    every = {(table, row["Row"], row[HOLDS[table]]) for table, rows in ROWS.items() for row in rows}
    assert given == {row for _, row, _ in every}
    assert left == {row for _, row, value in every if value != "msiexec.exe"}
