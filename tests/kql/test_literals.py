"""Values to literals and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.kql.lexer import tokenize
from fpctl.kql.literals import bracket_name, datetime_literal, string_literal, string_value
from fpctl.kql.parser import parse
from fpctl.kql.tokens import END
from fpctl.kql.tree import Name, QueryStatement, Where, walk

# Surrogates are in: a JSON file can bring a lone one.
ANY_TEXT = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("build01.contoso.com", '"build01.contoso.com"'),
        ("", '""'),
        ('say "hi"', r'"say \"hi\""'),
        ("it's", '"it\'s"'),
        ("C:\\temp", r'"C:\\temp"'),
        ("a\nb\r\tc", r'"a\nb\r\tc"'),
        ("a\x00b\x7f", r'"a\u0000b\u007f"'),
        ("a\u2028b\u2029c\x85d", r'"a\u2028b\u2029c\u0085d"'),
        ("evil\u202etxt.exe", r'"evil\u202etxt.exe"'),
        ("zero\u200bwidth", r'"zero\u200bwidth"'),
        ("lone \ud800", r'"lone \ud800"'),
        ("Müller 東京 🛂", '"Müller 東京 🛂"'),
        ('" or true // ', r'"\" or true // "'),
        ("{x} | take 1; T", '"{x} | take 1; T"'),
    ],
)
def test_string_literal(value: str, literal: str) -> None:
    assert string_literal(value) == literal


@given(ANY_TEXT)
def test_any_value_survives(value: str) -> None:
    expected = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert string_value(string_literal(value)) == expected


@given(ANY_TEXT)
def test_no_value_breaks_out_of_its_literal(value: str) -> None:
    query = f"T | where a in~ ({string_literal(value)}) // end"
    kinds = [kind for kind in tokenize(query).kinds if kind != END]
    assert kinds == ["NAME", "|", "where", "NAME", "in~", "(", "STRING", ")"]


@given(ANY_TEXT)
def test_a_literal_stays_on_its_line(value: str) -> None:
    assert len(string_literal(value).splitlines()) == 1


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'a'", "a"),
        ('"a"', "a"),
        (r"'\\ \' \" \t \n \r'", "\\ ' \" \t \n \r"),
        (r"'\a\b\f\v'", "\a\b\f\v"),
        (r"'\u0041\x42\103\0\7'", "ABC\0\7"),
        (r"'\377\400'", "\377\x200"),
        (r"'\U0001F600'", "😀"),
        (r"'\ud83d\ude00'", "😀"),
        (r"@'C:\temp\'", "C:\\temp\\"),
        ("@'it''s'", "it's"),
        ('@"say ""hi"""', 'say "hi"'),
        ("```one\n'two' \\n```", "one\n'two' \\n"),
        ("~~~a```b~~~", "a```b"),
        ("h'x'", "x"),
        ('H@"C:\\"', "C:\\"),
        ("'a' \"b\"", "ab"),
        ("'a' // why\n  @'b'", "ab"),
    ],
)
def test_string_value(literal: str, value: str) -> None:
    assert string_value(literal) == value


@pytest.mark.parametrize("text", ["", "a", "'a", "'a' b", "5", "'a' + 'b'"])
def test_what_is_not_a_string_literal_has_no_value(text: str) -> None:
    with pytest.raises(ValueError, match="not a KQL string literal"):
        string_value(text)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("DeviceName", "DeviceName"),
        ("_x9", "_x9"),
        ("count", "count"),
        ("on", "on"),
        ("my col", "['my col']"),
        ("a-b", "['a-b']"),
        ("a.b", "['a.b']"),
        ("it's", r"['it\'s']"),
        ("a]b", "['a]b']"),
        ("", "['']"),
        ("9lives", "['9lives']"),
        ("kind", "['kind']"),
        ("where", "['where']"),
        ("contains", "['contains']"),
        ("time", "['time']"),
        ("guid", "['guid']"),
        ("true", "['true']"),
        ("Straße", "['Straße']"),
    ],
)
def test_bracket_name(name: str, spelled: str) -> None:
    assert bracket_name(name) == spelled


@given(st.text(min_size=1, max_size=30))
def test_any_name_is_read_back_as_itself(name: str) -> None:
    query = f"T | where {bracket_name(name)} == 1"
    statement = parse(query).statements[0]
    assert isinstance(statement, QueryStatement)
    where = statement.pipeline.operators[0]
    assert isinstance(where, Where)
    names = [node.value for node in walk(where.predicate) if isinstance(node, Name)]
    assert names == [name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")]


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (date(2027, 5, 24), "datetime(2027-05-24)"),
        (datetime(2027, 5, 24, 10, 30, tzinfo=UTC), "datetime(2027-05-24T10:30:00Z)"),
        (datetime(2027, 5, 24, 10, 30, tzinfo=timezone(timedelta(hours=2))), "datetime(2027-05-24T08:30:00Z)"),
        (datetime(2027, 5, 24, 10, 30), "datetime(2027-05-24T10:30:00Z)"),
        (datetime(2027, 5, 24, 10, 30, 0, 1500, tzinfo=UTC), "datetime(2027-05-24T10:30:00.001500Z)"),
    ],
)
def test_datetime_literal(value: date, literal: str) -> None:
    assert datetime_literal(value) == literal
    assert tokenize(literal).kinds[0] == "DATETIME"
