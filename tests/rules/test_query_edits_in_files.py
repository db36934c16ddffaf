"""Edits of a query go into its file in the file's own style, and come out again without a trace."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.rules.formats.registry import RuleFile, edited, read_rule_file, stripped
from fpctl.rules.text.query_text import RuleText, UnsafeEdit
from fpctl.text.edits import Edit, apply_edits, insertion, joined_insertions

CLAUSE = '\n| where not(DeviceName in~ ("build01", "b\'2")) // fpctl fp-1'


def read(text: str, name: str) -> RuleFile:
    return read_rule_file(text, f"rules/{name}", name)


def only(text: str, name: str) -> RuleText:
    file = read(text, name)
    assert [str(problem) for problem in file.problems if problem.severity == "error"] == []
    (loaded,) = file.rules
    return loaded.text


def spans_of(edits: list[Edit]) -> list[tuple[int, int]]:
    spans, shift = [], 0
    for offset, _, text in joined_insertions(edits):
        spans.append((offset + shift, offset + shift + len(text)))
        shift += len(text)
    return spans


def assert_round_trip(text: RuleText, edits: list[Edit], name: str, index: int = 0) -> str:
    """Insert, read again, suppress: the query is the edited one, and the file is the first one again."""
    new_file = text.insert(edits)
    again = read(new_file, name).rules[index].text
    assert again.query == apply_edits(text.query, joined_insertions(edits))
    assert again.remove(spans_of(edits)) == text.file_text
    return new_file


STYLES = {
    "literal": "id: r\nquery: |\n  T\n  | where a == 1\n\n  | count\nversion: 1.0.0\n",
    "literal at the end": "id: r\nquery: |\n  T\n  | where a == 1\n  | count\n",
    "literal without a last newline": "id: r\nquery: |\n  T\n  | where a == 1\n  | count",
    "literal, stripped": "id: r\nquery: |-\n    T\n    | where a == 1\n    | count\n\n\nversion: 1\n",
    "literal, kept": "id: r\nquery: |+\n    T\n    | where a == 1\n    | count\n\n\nversion: 1\n",
    "literal with an indicator": "id: r\nquery: |2\n    T\n  | where a == 1\n  | count\n",
    "literal, blank lines with spaces": "id: r\nquery: |\n    T\n  \n    \n      \n    | where a == 1\n    | count\n",
    "literal with tabs": "id: r\nquery: |\n  T\n  \t| where a == 1\n  | count\t\n",
    "literal, comment in the header": "id: r\nquery: | # the query\n  T\n  | where a == 1\n  | count\n",
    "literal with an anchor and a tag": "id: r\nquery: &q !!str |\n  T\n  | where a == 1\n  | count\n",
    "literal beginning with empty lines": "id: r\nquery: |\n\n\n  T\n  | where a == 1\n  | count\n",
    "double quoted": 'id: r\nquery: "T\\n| where a == \\"1\\"\\n| count"\n',
    "double quoted, folded": 'id: r\nquery: "T\n  | where a == \\x31\\\n    2\n\n\n  | count"\nversion: 1\n',
    "single quoted, several lines": "id: r\nquery: 'T\n\n  | where a == ''1''\n\n  | count'\nversion: 1\n",
    "plain, several lines": "id: r\nquery: T\n\n  | where a == 1\n\n  | count\nversion: 1\n",
    "folded": "id: r\nquery: >\n  T\n\n  | where a == 1\n\n  | count\nversion: 1\n",
    "folded, more indented": "id: r\nquery: >-\n  T\n    | where a == 1\n    | count\nversion: 1\n",
    "not valid YAML": "id: r\nc:\n  - a: 1\n  b: 2\nquery: |\n  T\n  | where a == 1\n  | count\nversion: 1\n",
    "not valid YAML, tab first": "id: r\nquery: |\n  \tT\n  | where a == 1\n  | count\nversion: 1\n",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("style", STYLES)
def test_a_clause_survives_in_every_yaml_style(style: str, newline: str) -> None:
    text = only(STYLES[style].replace("\n", newline), "r.yaml")
    at = len(text.query[: text.query.index("| count")].rstrip())
    new_file = assert_round_trip(text, [insertion(at, CLAUSE)], "r.yaml")
    assert new_file.count("\n") == new_file.count("\r\n") or newline == "\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("style", [name for name in STYLES if "literal" in name or "double" in name])
def test_an_edit_at_any_place_is_exact_or_refused(style: str, newline: str) -> None:
    text = only(STYLES[style].replace("\n", newline), "r.yaml")
    accepted = 0
    for offset in range(len(text.query) + 1):
        for inserted in ("x", "\nx", "x\n", "\n", "x\n\ny\n", " x", "\n  x"):
            edits = [insertion(offset, inserted)]
            if text.problem(edits) is None:
                assert_round_trip(text, edits, "r.yaml")
                accepted += 1
    assert accepted > 3 * len(text.query)


QUERY_LINES = st.lists(
    st.one_of(
        st.text(alphabet="ab|'\"\\#:-é😀 \t", max_size=8),
        st.sampled_from(["", "T", "| where a == 1", "// c", "  ", "- x", "? y"]),
    ),
    min_size=1,
    max_size=6,
)


@given(
    lines=QUERY_LINES,
    indent=st.integers(1, 5),
    newline=st.sampled_from(["\n", "\r\n"]),
    chomping=st.sampled_from(["", "-", "+"]),
    last_newline=st.booleans(),
    edits=st.lists(st.tuples(st.integers(0, 60), st.text(alphabet="x|\n é", min_size=1, max_size=6)), max_size=4),
)
@settings(max_examples=400, deadline=None)
def test_literal_blocks_take_any_edits_exactly(
    lines: list[str], indent: int, newline: str, chomping: str, last_newline: bool, edits: list[tuple[int, str]]
) -> None:
    block = newline.join(" " * indent + line for line in ["T", *lines])
    text = f"id: r{newline}query: |{chomping}{newline}{block}{newline if last_newline else ''}"
    rule = only(text, "r.yaml")
    chosen = [insertion(min(offset, len(rule.query)), inserted) for offset, inserted in edits]
    if rule.problem(chosen) is None:
        assert_round_trip(rule, chosen, "r.yaml")
    else:
        with pytest.raises(UnsafeEdit):
            rule.insert(chosen)


@given(
    query=st.text(alphabet="ab|'\"\\#:é😀\u2028\x85\x07 \t\n", min_size=1).filter(str.strip),
    edits=st.lists(st.tuples(st.integers(0, 40), st.text(alphabet="x|\n\"\\'\t\x00\ufeff é", min_size=1, max_size=6))),
    ascii_only=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_json_strings_take_any_edits_exactly(query: str, edits: list[tuple[int, str]], ascii_only: bool) -> None:
    text = json.dumps([{"name": "n", "query": query}], ensure_ascii=ascii_only, indent=1)
    rule = only(text, "r.json")
    assert rule.query == query
    assert_round_trip(rule, [insertion(min(offset, len(query)), inserted) for offset, inserted in edits], "r.json")


@given(
    query=st.text(alphabet="ab|'\"\\#:é😀\u2028\x85\x07 \t\n", min_size=1).filter(str.strip),
    edits=st.lists(st.tuples(st.integers(0, 40), st.text(alphabet="x|\n\"\\'\t\x00\ufeff é", min_size=1, max_size=6))),
)
@settings(max_examples=300, deadline=None)
def test_double_quoted_yaml_takes_any_edits_exactly(query: str, edits: list[tuple[int, str]]) -> None:
    quoted = json.dumps(query, ensure_ascii=False).replace("\x85", "\\N").replace("\u2028", "\\L")
    rule = only(f"query: {quoted}\nid: r\n", "r.yaml")
    assert rule.query == query
    assert_round_trip(rule, [insertion(min(offset, len(query)), inserted) for offset, inserted in edits], "r.yaml")


@given(
    parts=st.lists(st.sampled_from(["T", "| where a", " ", "\n", "\n\n", "\n  ", "''", "|x", "'", "é"]), max_size=8),
    style=st.sampled_from(["single", "plain", "folded", "double"]),
    edits=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["x", "\nx", "\n| where x // f", "x\n", " "])), max_size=3
    ),
)
@settings(max_examples=400, deadline=None)
def test_folding_styles_are_exact_or_refuse(parts: list[str], style: str, edits: list[tuple[int, str]]) -> None:
    body = "".join(parts).replace("\n", "\n  ")
    written = {
        "single": "'T" + body.replace("'", "''") + "'",
        "plain": "T" + body,
        "folded": ">\n  T" + body,
        "double": '"T' + body + '"',
    }[style]
    file = read(f"query: {written}\nid: r\n", "r.yaml")
    if len(file.rules) != 1 or file.problems:
        return
    rule = file.rules[0].text
    chosen = [insertion(min(offset, len(rule.query)), inserted) for offset, inserted in edits]
    if rule.problem(chosen) is None:
        assert_round_trip(rule, chosen, "r.yaml")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["r.kql", "r.csl", "r.kusto"])
def test_a_bare_file_is_edited_in_place(newline: str, bom: str, name: str) -> None:
    text = only(f"{bom}// name: n{newline}T{newline}| count", name)
    assert text.newline == newline
    at = text.query.index("| count") - len(newline)
    new_file = assert_round_trip(text, [insertion(at, f"{newline}| where x")], name)
    assert new_file == f"{bom}// name: n{newline}T{newline}| where x{newline}| count"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["", "  ", "   "])
def test_a_fenced_block_is_edited_in_place(newline: str, indent: str) -> None:
    fence = newline.join(f"{indent}{line}" for line in ["```kql", "T", "| where a", "", "| count", "```"])
    text = only(f"# Title{newline}{newline}- item:{newline}{fence}{newline}after{newline}", "r.md")
    at = text.query.index("| where a") + len("| where a")
    new_file = assert_round_trip(text, [insertion(at, f"{text.newline}| where x")], "r.md")
    assert f"{indent}| where a{newline}{indent}| where x{newline}" in new_file


def test_edits_of_several_rules_of_one_file_are_joined() -> None:
    file = read(json.dumps([{"name": "a", "query": "A\n| count"}, {"name": "b", "query": "B\n| count"}]), "r.json")
    first, second = (loaded.text for loaded in file.rules)
    new_file = edited(file.text, [(second, [insertion(1, "\n| y")]), (first, [insertion(1, "\n| x")])])
    again = read(new_file, "r.json")
    assert [loaded.rule.query for loaded in again.rules] == ["A\n| x\n| count", "B\n| y\n| count"]
    spans = [(loaded.text, [(1, 5)]) for loaded in again.rules]
    assert stripped(new_file, spans) == file.text


@pytest.mark.parametrize("written", ["'T | where a == ''1'' | count'", "T | where a == 1 | count"])
def test_a_one_line_scalar_takes_a_clause_at_its_end_and_refuses_one_inside(written: str) -> None:
    text = only(f"id: r\nquery: {written}\n", "r.yaml")
    assert_round_trip(text, [insertion(len(text.query), CLAUSE.replace(": ", ":").replace(" #", "#"))], "r.yaml")
    # YAML folds the white space beside a line break away, so the text behind the clause would change.
    with pytest.raises(UnsafeEdit) as caught:
        text.insert([insertion(text.query.index(" | count"), CLAUSE + "\n")])
    assert str(caught.value).endswith(
        "the way the file writes its query cannot express this edit\n"
        "  hint: write the query as a literal block: `query: |`"
    )


def test_an_edit_that_a_literal_block_cannot_hold_is_a_located_problem() -> None:
    text = only("id: r\nquery: |\n  T\n  | count\n", "r.yaml")
    problem = text.problem([insertion(1, "\n| where a == '\u2028'")])
    assert str(problem) == (
        "rules/r.yaml:3:4: error: the character U+2028 is not allowed in a YAML block\n"
        "  hint: escape it in the KQL literal"
    )


def test_an_edit_that_would_change_the_blocks_indentation_is_refused() -> None:
    text = only("id: r\nquery: |\n  T\n  | count\n", "r.yaml")
    with pytest.raises(UnsafeEdit, match="which YAML takes for indentation"):
        text.insert([insertion(0, "  // x\n")])


def test_a_comment_that_a_single_line_scalar_cannot_hold_is_refused() -> None:
    text = only("id: r\nquery: T | where a | count\n", "r.yaml")
    with pytest.raises(UnsafeEdit, match="cannot express this edit"):
        text.insert([insertion(1, " # x")])


def test_a_query_offset_is_located_in_the_file() -> None:
    text = only("id: r\nquery: |\n    T\n    | count\n", "r.yaml")
    assert str(text.file_location(text.query.index("count"))) == "rules/r.yaml:4:7"
