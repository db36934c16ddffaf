"""Rule files with damage at random places: always rules or located problems, never a crash or a wrong map."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.rules.formats.registry import read_rule_file
from fpctl.text.edits import apply_edits, insertion

WHOLE = {
    "r.yaml": (
        "id: r\nname: 'a: b'\ntags: [x, {y: z}]\n"
        "requiredDataConnectors:\n  - connectorId: C\n    dataTypes:\n      - T\n"
        'description: "one\\ttwo\n  three"\nquery: |\n  T\n  | where a == "x" // c\n\n    | count\nversion: 1.0.0\n'
    ),
    "broken.yaml": (
        "id: r\r\nc:\r\n  - a: 1\r\n  b: 2\r\nquery: |-\r\n    T\r\n    | where a\r\n    | count\r\nversion: 1\r\n"
    ),
    "folded.yml": "id: r\nquery: >-\n  T\n  | where a\n\n  | count\n---\nquery: 'T\n\n  | where ''a''\n  | count'\n",
    "r.json": '{"resources": [{"name": "n", "kind": "NRT", "properties": {"query": "T\\n| \\ud83d\\ude00 \\"x\\""}}]}',
    "r.md": "# A\n\n- x\n\n  ```kql\n  T\n  | count\n  ```\n\n~~~\nT\n| where a\n~~~\n",
    "r.kql": "// name: n\nT\r\n| where a\n",
}

MARKS = ("", "\n", "\r\n", "\t", " ", ":", "- ", "|", ">", "'", '"', "\\", "{", "[", "#", "&a ", "*a", "\0", "```")
DAMAGE = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 6), st.sampled_from((*MARKS, "\ufeff", "é😀", "\u2028"))), max_size=4
)


@pytest.mark.parametrize("name", WHOLE)
@given(damage=DAMAGE)
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_gives_rules_that_map_exactly_or_problems(name: str, damage: list[tuple[int, int, str]]) -> None:
    text = WHOLE[name]
    for at, length, inserted in damage:
        at = min(at, len(text))
        text = text[:at] + inserted + text[at + length :]
    file = read_rule_file(text, name, name)
    assert all(problem.at.path == name and problem.at.line for problem in file.problems)
    for index, loaded in enumerate(file.rules):
        rule = loaded.text
        edits = [insertion(0, "x"), insertion(len(rule.query) // 2, f"{rule.newline}| y // z{rule.newline}")]
        for edit in edits:
            if rule.problem([edit]) is not None:
                continue
            again = read_rule_file(rule.insert([edit]), name, name)
            if len(again.rules) != len(file.rules):
                continue  # a block that became, or is no longer, something that looks like a query
            other = again.rules[index].text
            assert other.query == apply_edits(rule.query, [edit])
            assert other.remove([(edit.start, edit.start + len(edit.text))]) == text
