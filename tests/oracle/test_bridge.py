"""The oracle itself: that it answers, and in Python's offsets."""

from __future__ import annotations

import pytest

from oracle.bridge import Oracle

pytestmark = pytest.mark.node

TABLES = {"Door": {"Badge": "string", "Level": "int"}}


def test_parse_reports_a_syntax_error_where_it_is(oracle: Oracle) -> None:
    (diagnostic,) = oracle.parse("Door | where")
    assert (diagnostic.severity, diagnostic.start) == ("Error", 12)


def test_bind_reports_an_unknown_column(oracle: Oracle) -> None:
    (diagnostic,) = oracle.bind("Door | where Key == 1", TABLES)
    assert diagnostic.code == "KS142"


def test_gaps_give_the_columns_after_each_operator(oracle: Oracle) -> None:
    text = "Door | project Badge | extend n = 1"
    diagnostics, points = oracle.points(text, TABLES)
    assert diagnostics == []
    assert points[4].columns == (("Badge", "string"), ("Level", "int"))
    assert points[20].columns == (("Badge", "string"),)
    assert points[len(text)].columns == (("Badge", "string"), ("n", "long"))


def test_offsets_count_code_points(oracle: Oracle) -> None:
    text = "Door | where Badge == '\U0001f511' | take 1"
    _, points = oracle.points(text, TABLES)
    assert len(text) in points


def test_a_function_body_is_bound_as_its_first_call_sees_it(oracle: Oracle) -> None:
    text = "let f = (T: (*)) { T | extend seen = 1 };\nf(Door)"
    _, points = oracle.points(text, TABLES)
    assert points[text.index("}") - 1].columns == (("Badge", "string"), ("Level", "int"), ("seen", "long"))


def test_a_schema_can_be_defined_once(oracle: Oracle) -> None:
    oracle.define("doors", TABLES, {"Opened": {"columns": {"At": "datetime"}, "open": True}})
    _, points = oracle.points("Opened() | take 1", "doors")
    assert (points[17].columns, points[17].open) == ((("At", "datetime"),), True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [(r"'a\nb'", ("string", "a\nb")), ("@'x''y' 'z'", ("string", "x'yz")), ("true", ("bool", True))],
)
def test_literal_gives_type_and_value(oracle: Oracle, text: str, expected: tuple[str, object]) -> None:
    assert oracle.literal(text) == expected
