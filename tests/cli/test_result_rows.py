"""`fpctl run --format csv|jsonl|parquet`: every result row for another program, and for `fpctl add` again."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from fpctl.engine.interface import ResultColumn, Table
from fpctl.report.result_export import RowFormat, file_names, write_rows
from fpctl.rules.model import Rule

RULE = "DeviceNetworkEvents\n| where RemotePort == 443\n| project Timestamp, DeviceName, RemoteUrl, RemotePort\n"
ROWS = 25
NOW = ("--data", "data", "--to", "2026-11-20T00:00:00Z")

VALUES = Table(
    tuple(
        ResultColumn(kind, kind)
        for kind in ("string", "long", "real", "bool", "datetime", "timespan", "dynamic", "decimal")
    ),
    [
        ("=1+1", 443, 0.5, True, datetime(2026, 11, 20, 8, 0, 0, 5, UTC), timedelta(days=1, seconds=1),
         {"a": [1, None]}, Decimal("1.50")),
        (None, None, float("nan"), None, None, None, None, None),
    ],
)  # fmt: skip


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def event(number: int) -> str:
    url = f"https://deploy.contoso.com/{number}"
    row = {"Timestamp": f"2026-11-19T08:00:{number:02}Z", "DeviceName": f"build{number:02}.contoso.com"}
    return json.dumps({**row, "RemoteUrl": url, "RemotePort": 443})


@pytest.fixture
def repository(workplace: Path) -> Path:
    write(workplace / "rules" / "net.kql", RULE)
    write(workplace / "data" / "DeviceNetworkEvents.jsonl", "\n".join(map(event, range(ROWS))))
    (workplace / "exclusions").mkdir()
    return workplace


def written(format: RowFormat, table: Table = VALUES) -> bytes:
    stream = io.BytesIO()
    write_rows(table, format, stream)
    return stream.getvalue()


def test_csv_has_each_value_as_text_and_no_formula() -> None:
    header, first, second = csv.reader(io.StringIO(written("csv").decode()))
    assert header == ["string", "long", "real", "bool", "datetime", "timespan", "dynamic", "decimal"]
    assert first == ["'=1+1", "443", "0.5", "true", "2026-11-20T08:00:00.000005Z", "1.00:00:01", '{"a": [1, null]}', "1.50"]  # fmt: skip  # noqa: E501
    assert second == ["", "", "nan", "", "", "", "", ""]


def test_json_lines_have_numbers_and_nested_values() -> None:
    first, second = map(json.loads, written("jsonl").splitlines())
    assert first == {
        "string": "=1+1", "long": 443, "real": 0.5, "bool": True, "datetime": "2026-11-20T08:00:00.000005Z",
        "timespan": "1.00:00:01", "dynamic": {"a": [1, None]}, "decimal": "1.50",
    }  # fmt: skip
    assert second["real"] == "NaN"
    assert {value for key, value in second.items() if key != "real"} == {None}


def test_parquet_has_types() -> None:
    table = parquet.read_table(io.BytesIO(written("parquet")))
    assert [str(field.type) for field in table.schema] == [
        "string", "int64", "double", "bool", "timestamp[us, tz=UTC]", "string", "string", "string",
    ]  # fmt: skip
    assert table.column("long").to_pylist() == [443, None]
    assert table.column("dynamic").to_pylist() == ['{"a": [1, null]}', None]


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_an_answer_without_rows_keeps_its_columns(format: RowFormat) -> None:
    data = written(format, Table(VALUES.columns, []))
    if format == "parquet":
        assert parquet.read_table(io.BytesIO(data)).num_columns == len(VALUES.columns)
    else:
        assert data.decode().split(",")[0] == ("string" if format == "csv" else "")


def test_every_row_goes_to_stdout_and_the_talk_to_stderr(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("run", "net.kql", *NOW, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert outcome.code == 0, outcome.err
    assert (len(rows), rows[0]["RemotePort"]) == (ROWS, "443")
    assert f"net: {ROWS} rows (without exclusions {ROWS})" in outcome.err


def test_the_table_shows_twenty_rows_and_says_how_to_get_the_rest(fpctl: Callable[..., Any], repository: Path) -> None:
    out = fpctl("run", "net.kql", *NOW).out
    assert out.count("deploy.contoso.com") == 20
    assert "... and 5 more rows (--format csv, jsonl or parquet writes all of them)" in out


def test_several_rules_need_a_folder(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "deep" / "other.kql", RULE)
    refused = fpctl("run", *NOW, "--format", "jsonl")
    assert (refused.code, refused.out) == (2, "")
    assert "--out DIR" in refused.err
    outcome = fpctl("run", *NOW, "--format", "jsonl", "--out", "rows")
    assert (outcome.code, outcome.out) == (0, "")
    found = {path.relative_to("rows").as_posix(): path for path in Path("rows").rglob("*") if path.is_file()}
    assert sorted(found) == ["deep/other.jsonl", "net.jsonl"]
    assert len(found["net.jsonl"].read_text().splitlines()) == ROWS


def test_a_folder_is_for_rows_only(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("run", "net.kql", *NOW, "--out", "rows")
    assert (outcome.code, outcome.err) == (
        2,
        "fpctl: --out is for result rows\n  hint: give --format csv, jsonl, parquet too\n",
    )


def test_several_rules_end_with_one_table(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "other.kql", RULE.replace("443", "80"))
    out = fpctl("run", *NOW).out
    assert [line.split() for line in out.splitlines()[-4:]] == [
        ["rule", "status", "rows", "without", "exclusions", "suppressed"],
        ["------", "--------", "------", "--------------------", "------------"],
        ["net", "ok", "25", "25", "-"],
        ["other", "ok", "0", "0", "-"],
    ]


def test_a_run_that_fails_leaves_the_file_of_before(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rows" / "net.csv", "before")
    write(repository / "rules" / "net.kql", RULE.replace("DeviceNetworkEvents", "NoSuchTable"))
    outcome = fpctl("run", *NOW, "--format", "csv", "--out", "rows")
    assert outcome.code == 2
    assert sorted(path.name for path in Path("rows").iterdir()) == ["net.csv"]
    assert Path("rows/net.csv").read_text() == "before"


def test_no_file_is_written_through_a_link_out_of_the_folder(
    fpctl: Callable[..., Any], repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (repository / "rows").mkdir()
    (repository / "rows" / "deep").symlink_to(outside)
    write(repository / "rules" / "deep" / "other.kql", RULE)
    outcome = fpctl("run", "other.kql", *NOW, "--format", "csv", "--out", "rows")
    assert outcome.code == 2
    assert "leads out of rows" in outcome.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_the_rows_of_a_run_go_on_to_add(repository: Path, format: str) -> None:
    """Two processes and a pipe, as a shell starts them."""
    call = [sys.executable, "-m", "fpctl"]
    run = subprocess.Popen(
        [*call, "run", "net.kql", *NOW, "--format", format], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    accept = ("--accept", "1", "--reason", "r", "--owner", "a@contoso.com", "--yes", "--format", "json")
    add = subprocess.run(
        [*call, "add", "net.kql", "--from-result", "-", *accept], stdin=run.stdout, capture_output=True, check=False
    )
    run.communicate()
    assert (run.returncode, add.returncode) == (0, 0), add.stderr
    (made,) = json.loads(add.stdout)["exclusions"]
    assert "url: [deploy.contoso.com]" in made["text"]


def test_files_are_named_as_the_rules_and_by_id_where_a_file_has_several() -> None:
    def rule(path: str, id: str) -> Rule:
        return Rule(id, id, "T", path, "hunting")

    rules = [rule("a/x.yaml", "1"), rule("a/arm.json", "b/1"), rule("a/arm.json", "c:2")]
    assert file_names(rules, "csv") == {0: "a/x.csv", 1: "a/arm-b-1.csv", 2: "a/arm-c-2.csv"}
