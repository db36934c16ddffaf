"""Whatever stands in rules, exclusions and events, no command prints it so that a terminal, a CI log, a spreadsheet or
a page would act on it."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli.trial import FILES, commands, furnish, repository, said, trials_of
from fpctl.text.visible import csv_cell, json_text, visible, visible_lines

HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u2028\u202e\u2066\ufeff]")
ANNOTATION = re.compile(r"^\s*::\S+.*::|##vso\[|##\[", re.MULTILINE)

NAME = "::error::\\e[31mRed\\u202Eexe\\u061C\\u2028\\u200B ##vso[task.complete]"
"""As it is written in YAML, in double quotes."""

HOSTILE = {
    "rules/remote_tool.yaml": FILES["rules/remote_tool.yaml"].replace(
        "name: Remote tool talks to the internet", f'name: "{NAME}"'
    ),
    "rules/remote_tool.tests.yaml": FILES["rules/remote_tool.tests.yaml"].replace(
        "name: a tunnel from a workstation", f'name: "{NAME}"'
    ),
    "exclusions/fp-2026-0001.yaml": re.sub(
        r"title: .*", lambda _: f'title: "=HYPERLINK(1){NAME}"', FILES["exclusions/fp-2026-0001.yaml"]
    ),
    "exclusions/fp-2026-0002.yaml": re.sub(
        r"owner: .*", lambda _: f'owner: "@SUM(1){NAME}"', FILES["exclusions/fp-2026-0002.yaml"]
    ),
    "data/DeviceNetworkEvents.jsonl": FILES["data/DeviceNetworkEvents.jsonl"].replace(
        '"contoso.com"', json.dumps("::error::\x1b[2J\u202e.contoso.com")
    ),
}


def calls() -> list[Any]:
    """Return each command's good call, once in every format that it has."""
    found = []
    for name, command in commands():
        if name in ("demo", "serve", "deploy", "init", "edit"):
            continue
        arguments = shlex.split(trials_of(name)[0].run)[1:]
        formats = next((p.type_descriptor.choices for p in command.params if p.opts[0] == "--format"), [None])
        for format in formats:
            if format == "parquet":
                continue  # bytes, which nobody reads as text
            if name == "export" and format not in (None, "arm", "yaml"):
                arguments = ["export"]
            more = ["--format", format] if format and "--format" not in arguments else []
            found.append(pytest.param([*arguments, *more], format, id=f"{name}-{format}"))
    return found


@pytest.mark.parametrize(("arguments", "format"), calls())
def test_no_command_prints_what_something_else_would_act_on(
    arguments: list[str], format: str | None, tmp_path: Path
) -> None:
    furnish(tmp_path, HOSTILE)
    with repository(tmp_path):
        outcome = said(arguments)
    assert "unexpected" not in outcome.err
    # A rule's own text on stdout is data: a file that is written as it is.
    data = arguments[0] in ("apply", "strip", "export") and format != "json"
    assert not HIDDEN.search(outcome.err if data else outcome.out + outcome.err)
    assert not ANNOTATION.search(outcome.err if data else outcome.out + outcome.err)
    if format in ("json", "sarif") and outcome.out:
        json.loads(outcome.out)
    if format == "csv" and arguments[0] != "export":
        for row in csv.reader(io.StringIO(outcome.out, newline="")):
            assert not any(re.match(r"\s*[=+@]", cell) for cell in row), row


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x9bc", "a\\x1b[31mb\\x9bc"),
        ("\u202e\u061c\u2028\u200b", "\\u202e\\u061c\\u2028\\u200b"),
        ("a\tb\nc\r", "a\\tb\\nc\\r"),
        ("\U000e0041", "\\U000e0041"),
        ("::error::x", "\\x3a:error::x"),
        ("  ::warning file=a::x", "  \\x3a:warning file=a::x"),
        ("a ::error::x", "a ::error::x"),
        ("::ffff:10.0.0.5", "::ffff:10.0.0.5"),
        ("::1", "::1"),
        ("x ##[error]y ##vso[z]", "x \\x23#[error]y \\x23#vso[z]"),
        ("schöner Ä☃ 漢字", "schöner Ä☃ 漢字"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_stay_lines() -> None:
    assert visible_lines("a\tb\n ::error::c\r\n\u2028") == "a\tb\n \\x3a:error::c\\x0d\n\\u2028".replace("\\x0d", "\\r")


def test_json_escapes_what_cannot_be_seen_and_reads_back_the_same() -> None:
    value = {"a": "\x9b\u202e\u2028\u200b\U000e0041ü\x1b ##vso[x]", "b": [1]}
    text = json_text(value)
    assert not HIDDEN.search(text)
    assert "ü" in text
    assert "##vso" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), (" =x", "' =x"), ("a=1", "a=1"), (-5, -5), ("a\x1bb", "a\\x1bb")],
)
def test_a_cell_is_no_formula(cell: object, written: object) -> None:
    assert csv_cell(cell) == written
