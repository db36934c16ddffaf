"""What is printed is data on stdout and talk on stderr, whatever the values hold."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.cli.shared import output
from fpctl.errors import Location, Problem


def test_data_is_written_as_it_is(capfdbinary):
    output.write("a\r\nb\nü✓\x1b")
    assert capfdbinary.readouterr().out == "a\r\nb\nü✓\x1b".encode()


def test_a_table_aligns_numbers_and_shows_what_is_unknown(capsys):
    output.show_table(
        ["exclusion", "hits", "last"],
        [["fp-1", 12_345, datetime(2026, 11, 20, 4, 15, tzinfo=timezone(timedelta(hours=1)))], ["fp-2", None, None]],
        right=["hits"],
    )
    assert capsys.readouterr().out == (
        "exclusion      hits  last\n"
        "-----------  ------  -------------------\n"
        "fp-1         12,345  2026-11-20 03:15:00\n"
        "fp-2              -  -\n"
    )


def test_a_number_in_a_text_stays_a_text(capsys):
    output.show_table(["id"], [["007"], ["1e3"]])
    assert capsys.readouterr().out == "id\n----\n007\n1e3\n"


def test_an_escape_sequence_in_a_value_does_not_reach_the_terminal(capsys):
    output.show_table(["device"], [["build\x1b[2J01\r\n\u202eexe\x9b"]])
    assert capsys.readouterr().out.splitlines()[2] == "build\\x1b[2J01\\r\\n\\u202eexe\\x9b"


@given(st.text())
def test_whatever_a_value_holds_it_is_one_printable_line(text):
    shown = output.visible(text)
    assert not any(character in shown for character in "\x00\x07\x08\n\r\t\x1b\x7f\x85\x9b\u202e")
    assert output.visible(shown) == shown


def test_json_keeps_order_and_writes_times_in_utc(capsys):
    when = datetime(2026, 11, 20, 3, tzinfo=UTC)
    output.show_json({"b": when, "a": date(2026, 11, 20), "path": Path("x/y"), "ü": None})
    out = capsys.readouterr().out
    assert out.startswith('{\n  "b": "2026-11-20T03:00:00Z",\n  "a": "2026-11-20",\n  "path": "x/y",\n  "ü": null')
    assert list(json.loads(out)) == ["b", "a", "path", "ü", "problems"]
    assert json.loads(out)["path"] == "x/y"


def test_csv_quotes_what_must_be_quoted(capfdbinary):
    output.show_csv(["a", "b"], [['x,"y"\nz', None], [datetime(2026, 11, 20, tzinfo=UTC), 3]])
    assert capfdbinary.readouterr().out == b'a,b\r\n"x,""y""\nz",\r\n2026-11-20T00:00:00Z,3\r\n'


def test_problems_go_to_stderr_and_are_counted(capsys):
    output.show_problems(
        [
            Problem("unknown-key", "unknown key `reson`", Location("a.yaml", 3, 1), "did you mean `reason`?"),
            Problem("invalid-yaml", "read all the same", Location("b.yaml", 7), severity="warning"),
            Problem("expired", "expired", Location("c.yaml"), severity="warning"),
        ]
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "a.yaml:3:1: error: unknown key `reson`\n  hint: did you mean `reason`?\n"
        "b.yaml:7: warning: read all the same\n"
        "c.yaml: warning: expired\n"
        "1 error, 2 warnings\n"
    )


def test_no_problems_are_no_words(capsys):
    output.show_problems([])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ([], ""),
        ([0, 0], "▁▁"),
        ([None, 0, 1], "?▁█"),
        ([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█"),
        ([1, 1_000_000], "▂█"),
        ([5, 5], "██"),
    ],
)
def test_a_sparkline_tells_zero_from_some_and_from_unknown(counts, line):
    assert output.sparkline(counts) == line


class Terminal:
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.coloured("x", "error", Terminal()) == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.coloured("x", "error", Terminal()) == "x"


def test_colour_is_not_for_files(capsys):
    assert output.coloured("x", "error") == "x"


def test_progress_is_silent_where_nobody_looks(capsys, monkeypatch):
    monkeypatch.setattr("fpctl.cli.shared.progress.PROGRESS_AFTER", 0.0)
    with output.progress("Running", 3) as update:
        update(3)
    assert capsys.readouterr() == ("", "")
