"""Tables and saved functions that a rule repository declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.schema.repository import load_repository


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_repository_without_folders_declares_nothing(tmp_path: Path) -> None:
    loaded = load_repository(tmp_path)
    assert (loaded.tables, loaded.functions, loaded.problems) == ({}, {}, ())


def test_tables_and_functions_are_read_with_every_spelling_of_a_type(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "schema/own.yaml": "Mine_CL: {A: String, B: int64, C: boolean, D: double}\nOther_CL: {T: datetime}\n",
            "functions/Known.kql": "DeviceInfo | distinct DeviceName",
            "functions/sentinel.yaml": "FunctionName: Parsed\nFunctionQuery: |\n  Syslog\n  | take 1\n",
            "functions/result.yaml": "FunctionName: Shape\ncolumns: {A: long}\n",
        },
    )
    loaded = load_repository(tmp_path)
    assert loaded.problems == ()
    assert loaded.tables == {
        "Mine_CL": {"A": "string", "B": "long", "C": "bool", "D": "real"},
        "Other_CL": {"T": "datetime"},
    }
    assert loaded.functions == {
        "Known": "() {\nDeviceInfo | distinct DeviceName\n}",
        "Parsed": "() {\nSyslog\n| take 1\n}",
        "Shape": {"A": "long"},
    }


@pytest.mark.parametrize(
    ("name", "text", "function"),
    [
        ("f.kql", "T | take 1 // few", "() {\nT | take 1 // few\n}"),
        ("f.kql", "T | take 1;\n", "() {\nT | take 1\n}"),
        ("f.kql", "(n:long) { T | take n }", "(n:long) { T | take n }"),
        ("f.kql", "let f = (n:long=1) { T | take n };", "(n:long=1) { T | take n }"),
        ("f.kql", "let n = 1;\nT | take n", "() {\nlet n = 1;\nT | take n\n}"),
        (
            "f.yaml",
            "FunctionQuery: T | where a has x\n"
            "ParserParams: [{Name: x, Type: string, Default: '*'}, {Name: n, Type: int}]",
            '(x:string="", n:int) {\nT | where a has x\n}',
        ),
        ("f.yaml", "FunctionQuery: T\nFunctionParameters: 'n:long=1'", "(n:long=1) {\nT\n}"),
    ],
)
def test_a_function_is_given_as_after_let(tmp_path: Path, name: str, text: str, function: str) -> None:
    write(tmp_path, {f"functions/{name}": text})
    loaded = load_repository(tmp_path)
    assert loaded.problems == ()
    assert loaded.functions == {"f": function}


def test_a_function_that_is_not_kql_is_reported_where_it_breaks(tmp_path: Path) -> None:
    write(tmp_path, {"functions/f.kql": "T\n| where a ==\n| take 1"})
    (problem,) = load_repository(tmp_path).problems
    assert problem.code == "kql-syntax"
    assert (problem.at.path, problem.at.line) == (str(tmp_path / "functions/f.kql"), 3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "schema/a.yaml",
            "T: {A: text}",
            "schema/a.yaml:1:8: error: A: text is not a Kusto type\n"
            "  hint: one of bool, datetime, decimal, dynamic, guid, int, long, real, string, timespan",
        ),
        ("schema/a.yaml", "T:\n  A: string\n  A: long", "schema/a.yaml:3:3: error: the column A is declared twice"),
        (
            "schema/a.yaml",
            "- T",
            "schema/a.yaml:1:1: error: a mapping is needed here\n  hint: tables: {TableName: {Column: type}}",
        ),
        (
            "schema/a.yaml",
            "T: string",
            "schema/a.yaml:1:4: error: a mapping is needed here\n  hint: columns: {Column: type}",
        ),
        (
            "schema/a.yaml",
            "T: {}",
            "schema/a.yaml:1:4: error: no columns are declared\n  hint: write {Column: type, ...}",
        ),
        ("schema/a.yaml", "", "schema/a.yaml: error: the file is empty\n  hint: remove it, or declare something"),
        (
            "functions/f.kql",
            " \n",
            "functions/f.kql: error: the file is empty\n  hint: write the function's KQL, or remove the file",
        ),
        (
            "functions/my-f.kql",
            "T",
            "functions/my-f.kql: error: 'my-f' cannot be the name of a function\n"
            "  hint: name the file after the function: letters, digits and _",
        ),
        (
            "functions/f.yaml",
            "FunctionName: f",
            "functions/f.yaml: error: the function has neither FunctionQuery nor columns\n"
            "  hint: add `FunctionQuery: |` with its KQL, or `columns: {Column: type}` with what it returns",
        ),
        ("functions/f.yaml", "FunctionQuery: {a: b}", "functions/f.yaml:1:16: error: FunctionQuery must be a text"),
    ],
)
def test_a_broken_file_is_a_located_problem_and_declares_nothing(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    write(tmp_path, {name: text, "schema/good.yaml": "Good_CL: {A: string}"})
    loaded = load_repository(tmp_path)
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in loaded.problems] == [message]
    assert list(loaded.tables) == ["Good_CL"]
    assert loaded.functions == {}


def test_a_file_that_is_not_yaml_is_reported_where_it_breaks(tmp_path: Path) -> None:
    write(tmp_path, {"schema/a.yaml": "T: {A: string}\nU: {A: string: long}\n"})
    (problem,) = load_repository(tmp_path).problems
    assert problem.code == "invalid-yaml"
    assert problem.at.line == 2
    assert problem.message.startswith("the file is not YAML: ")


def test_a_table_in_two_files_is_reported_with_both_places(tmp_path: Path) -> None:
    write(tmp_path, {"schema/a.yaml": "T: {A: string}", "schema/b.yaml": "T: {A: long}"})
    (problem,) = load_repository(tmp_path).problems
    assert problem.code == "duplicate-table"
    assert problem.at.path == str(tmp_path / "schema/b.yaml")
    assert problem.hint == f"the other place is {tmp_path / 'schema/a.yaml'}:1:1"


def test_a_file_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "a.yaml").write_bytes(b"T: \xff")
    (problem,) = load_repository(tmp_path).problems
    assert problem.code == "unreadable"
    assert problem.message == "byte 0xff is not UTF-8"


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{n}: [{', '.join(['*a'] * 20)}]\n" for n in range(10))
    write(tmp_path, {"schema/a.yaml": bomb})
    (problem,) = load_repository(tmp_path).problems
    assert problem.message == "the file uses 200 YAML aliases; at most 100 are read"
