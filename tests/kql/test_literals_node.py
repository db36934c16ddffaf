"""Microsoft's lexer reads the literals that we write, and gives them the values that we read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.kql.lexer import scan
from fpctl.kql.literals import bracket_name, string_literal, string_value
from fpctl.kql.tokens import END, LITERAL_TYPES
from oracle.bridge import Oracle

pytestmark = pytest.mark.node

SPELLINGS = [
    "'a'",
    '"a"',
    r"'\\ \' \" \t \n \r'",
    r"'\u0041\x42\103'",
    r"'\377\7'",
    r"'\a\b\f\v\0'",
    r"'\ud83d\ude00'",
    r"@'C:\temp\'",
    "@'it''s'",
    '@"say ""hi"""',
    "```one\n'two' \\n```",
    "~~~a```b~~~",
    "h'x'",
    'H@"C:\\"',
    "'a' \"b\" @'c'",
]


def values(oracle: Oracle, literals: list[str]) -> list[object]:
    return [oracle.literal(literal)[1] for literal in literals]


@pytest.mark.parametrize("literal", SPELLINGS)
def test_every_spelling_has_the_value_microsoft_gives_it(oracle: Oracle, literal: str) -> None:
    assert oracle.literal(literal) == ("string", string_value(literal))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=20))
@settings(max_examples=40)
def test_any_value_is_read_back_by_microsoft(oracle: Oracle, texts: list[str]) -> None:
    assert values(oracle, list(map(string_literal, texts))) == texts


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=60)
def test_any_name_is_one_column_to_microsoft(oracle: Oracle, name: str) -> None:
    assert oracle.bind(f"T | project {bracket_name(name)}", {"T": {name: "string"}}) == []


@pytest.mark.parametrize(
    "literal",
    """
    1 0x1F 1.5 1. 1e5 1.5e-3 true FALSE 1d 1.5h 10m 30s 5ms 1tick 2microseconds 3minutes int(5) long(5) long(null)
    real(1.5) double(2) decimal(1.5) bool(true) datetime(2026-01-01) date(2026-01-01) time(1d) timespan(00:01:00)
    guid(74be27de-1e4e-49d9-b579-fe0b331d3642) int64(5) int32(6)
    """.split(),  # noqa: SIM905 - a word list reads better as words
)
def test_literals_have_the_type_microsoft_gives_them(oracle: Oracle, literal: str) -> None:
    tokens = scan(literal)
    assert tokens.kinds[1] == END
    assert oracle.literal(literal)[0] == LITERAL_TYPES[tokens.kinds[0]]
