"""Clauses go in on lines of their own and come out again without a trace."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.kql import tree
from fpctl.kql.parser import parse
from fpctl.rewrite.output.markers import ClauseLine, edits_for, find_clauses, lookalikes, strip
from fpctl.text.edits import apply_edits

CLAUSE = '| where not(DeviceName in~ ("build01"))'


def tuned(text: str, after: str, *ids: str, comments: bool = True) -> str:
    offset = text.index(after) + len(after)
    clause = CLAUSE if comments else '| where DeviceName !in ("build01")'
    anchor = max(text.rfind("|", 0, offset), 0)
    lines = [ClauseLine(offset, clause, (i,), anchor) for i in ids or ("fp-1",)]
    return apply_edits(text, edits_for(text, lines, comments=comments))


def shown(text: str) -> str:
    """Return a text without check values, which stand at the end of every marker."""
    plain, number = re.subn(r" check:[0-9a-f]{8}", "", text)
    assert number == len(find_clauses(text))
    return plain


def test_a_clause_takes_the_indentation_of_the_line_it_follows() -> None:
    text = "DeviceNetworkEvents\n    | where A == 1\n    | summarize count()"
    assert shown(tuned(text, "A == 1")) == (
        f"DeviceNetworkEvents\n    | where A == 1\n    {CLAUSE} // fpctl fp-1\n    | summarize count()"
    )


def test_a_condition_over_several_lines_gives_the_indentation_of_its_own_pipe() -> None:
    text = "T\n\t| where A == 1\n\t\t\tand B == 2\n\t| take 5"
    assert (
        shown(tuned(text, "B == 2")) == f"T\n\t| where A == 1\n\t\t\tand B == 2\n\t{CLAUSE} // fpctl fp-1\n\t| take 5"
    )


def test_a_trailing_comment_stays_on_its_line() -> None:
    text = "T\n| where A == 1 // why\n| take 5"
    assert shown(tuned(text, "A == 1")) == f"T\n| where A == 1 // why\n{CLAUSE} // fpctl fp-1\n| take 5"


def test_a_one_line_query_is_broken_at_the_gap_and_joined_again() -> None:
    text = "T | where A == 1 | take 5"
    result = tuned(text, "A == 1")
    assert shown(result) == f"T | where A == 1\n{CLAUSE} // fpctl fp-1 \\\n | take 5"
    assert strip(result) == text


def test_the_end_of_a_text_without_a_last_newline() -> None:
    text = "T\n| where A == 1"
    result = tuned(text, "A == 1")
    assert shown(result) == f"T\n| where A == 1\n{CLAUSE} // fpctl fp-1"
    assert strip(result) == text


def test_before_a_closing_parenthesis_on_the_same_line() -> None:
    text = "T | join kind=inner (U | where B == 1) on K"
    result = tuned(text, "B == 1")
    parse(result)
    assert strip(result) == text


def test_before_a_semicolon() -> None:
    text = "let X = T | where A == 1; X"
    result = tuned(text, "A == 1")
    parse(result)
    assert strip(result) == text


def test_crlf_is_kept() -> None:
    text = "T\r\n| where A == 1\r\n| take 5\r\n"
    result = tuned(text, "A == 1")
    assert shown(result) == f"T\r\n| where A == 1\r\n{CLAUSE} // fpctl fp-1\r\n| take 5\r\n"
    assert strip(result) == text


def test_several_clauses_of_one_gap_keep_their_order() -> None:
    text = "T | where A == 1 | take 5"
    result = tuned(text, "A == 1", "fp-1", "fp-2")
    assert shown(result) == f"T | where A == 1\n{CLAUSE} // fpctl fp-1\n{CLAUSE} // fpctl fp-2 \\\n | take 5"
    assert [clause.exclusions for clause in find_clauses(result)] == [("fp-1",), ("fp-2",)]
    assert strip(result) == text


def test_without_comments_the_marker_is_a_condition_that_is_never_true() -> None:
    text = "T | where A == 1 | project A"
    result = tuned(text, "A == 1", comments=False)
    assert "//" not in result
    assert '| where DeviceName !in ("build01") or "fpctl fp-1 \\\\" == ""' in shown(result)
    parse(result)
    assert strip(result) == text


def test_a_bare_union_leg_gets_parentheses_and_loses_them_again() -> None:
    text = "union DeviceProcessEvents, ['My Table'] | where A == 1"
    for leg in ("DeviceProcessEvents", "['My Table']"):
        start = text.index(leg)
        lines = [ClauseLine(start + len(leg), CLAUSE, (i,), start, start) for i in ("fp-1", "fp-2")]
        for comments in (True, False):
            result = apply_edits(text, edits_for(text, lines, comments=comments))
            parse(result)
            assert f"({leg}\n" in result
            assert strip(result) == text


@pytest.mark.parametrize(
    "text",
    [
        "T\n| where A == '| where x // fpctl fp-1'",
        "T // | where x // fpctl fp-1\n| take 1",
        "T\n| where A == ```\n| where not(x) // fpctl fp-1\n```",
        "T\n| where A == 1 // see // fpctl fp-1",
        "// fpctl fp-1\nT | take 1",
        "T\n| take 5 // fpctl fp-1",
    ],
    ids=["string", "comment", "multi-line string", "comment in a comment", "leading comment", "not a where"],
)
def test_marker_words_that_are_no_marker_are_left_alone(text: str) -> None:
    assert strip(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "| where FileName == 'evil.exe' // fpctl keeps missing this one",
        "| where IsAzureADJoined == true // fpctl does not touch this",
        "| where not(A == 1) //fpctl keep",
        "| where not(A == 1) // fpctl keep",
        "| where not(A == 1) // fpctl fp-1",
        "| where not(A == 1) // fpctl fp-1 check:00000000",
        "| where A == 1 // fpctl fp-1 check:1a2b3c4d",
        '| where A == 1 or "fpctl fp-1" == ""',
        '| where A == 1 or "fpctl fp-1 check:1a2b3c4d" == ""',
    ],
)
def test_a_line_that_fpctl_did_not_write_is_kept(line: str) -> None:
    text = f"T\n{line}\n| take 5"
    assert strip(text) == text
    assert find_clauses(text) == []


@pytest.mark.parametrize("comments", [True, False])
@pytest.mark.parametrize(("old", "new"), [("build01", "build02"), ("fp-1", "fp-2"), ("check:", "check: ")])
def test_a_clause_that_was_edited_by_hand_is_kept_and_named(comments: bool, old: str, new: str) -> None:
    text = tuned("T\n| where A == 1\n| take 5", "A == 1", comments=comments).replace(old, new)
    assert strip(text) == text
    if old != "check:":
        (kept,) = lookalikes(text)
        assert text[kept.offset :].startswith("| where")
        assert kept.edited
        assert "edited by hand" in kept.message


def test_only_the_edited_one_of_two_clauses_is_kept() -> None:
    text = tuned("T\n| where A == 1\n| take 5", "A == 1", "fp-1", "fp-2")
    edited = text.replace("build01", "build02", 1)
    assert strip(edited) == "T\n| where A == 1\n" + edited.split("\n")[2] + "\n| take 5"
    assert [one.exclusions for one in lookalikes(edited)] == ["fp-1"]


def test_a_clause_without_a_check_value_is_named_where_it_has_the_form_of_one() -> None:
    assert [one.edited for one in lookalikes("T\n| where not(A == 1) // fpctl fp-1")] == [False]
    assert lookalikes("T\n| where A == 1 // fpctl keeps missing this one") == []
    assert lookalikes("T\n| where not(A == 1) // fpctl is wrong here") == []


def test_a_clause_whose_line_went_on_is_kept_where_it_was_moved() -> None:
    text = tuned("T | where A == 1 | take 5", "A == 1")
    clause = text.split("\n")[1]
    moved = f"T\n| where A == 1 // why\n{clause}\n| take 5"
    assert strip(moved) == moved


@pytest.mark.parametrize("comments", [True, False])
@pytest.mark.parametrize(
    "value", ["// fpctl x", "// fpctl fp-1 check:1a2b3c4d", '\\" or \\"fpctl fp-1\\" == \\"', "x // fpctl fp-9 \\\\"]
)
def test_a_value_that_holds_a_marker_is_no_marker(comments: bool, value: str) -> None:
    base = "T | where A == 1 | take 5"
    clause = f'| where not(CommandLine has "{value}")'
    line = ClauseLine(base.index(" | take"), clause, ("fp-1",), 2)
    text = apply_edits(base, edits_for(base, [line], comments=comments))
    parse(text)
    assert [one.exclusions for one in find_clauses(text)] == [("fp-1",)]
    assert strip(text) == base


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "| where A == 1",
            "| where A has 'x;y' // note",
            "|take 5",
            '| extend B = strcat(A, "// no")',
            "| order by A desc",
        ]
    ),
    min_size=1,
    max_size=6,
)
BREAKS = st.sampled_from([" ", "\n", "\r\n", "\n\n  ", " // c\n", "\t"])


@given(FRAGMENTS, st.data())
def test_strip_undoes_every_clause_wherever_it_stands(fragments: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(["T", "  T", "let X = 1;\nT", "// head\nT"]))
    for fragment in fragments:
        separator = data.draw(BREAKS)
        if "// note" in text[text.rfind("\n") + 1 :] and "\n" not in separator:
            separator = "\n"
        text += separator + fragment
    text += data.draw(st.sampled_from(["", "\n", " ", "\n\n", " // end"]))
    pipeline = parse(text).results()[0].pipeline
    assert pipeline.source is not None
    offsets = [pipeline.source.end, *(operator.end for operator in pipeline.operators)]
    chosen = data.draw(st.lists(st.sampled_from(offsets), min_size=1, max_size=5))
    lines = [ClauseLine(offset, CLAUSE, (f"fp-{n}",), offset) for n, offset in enumerate(chosen)]
    result = apply_edits(text, edits_for(text, lines))
    assert strip(result) == text
    operators = parse(result).results()[0].pipeline.operators
    assert len(operators) == len(pipeline.operators) + len(chosen)
    assert sum(isinstance(operator, tree.Where) for operator in operators) >= len(chosen)
