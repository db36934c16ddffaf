"""Microsoft's binder accepts every predicate, and reads from it the values and operators that were meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fields.samples import COLUMNS, VALUES
from fpctl.exclusions.window import Window
from fpctl.rewrite.predicate import BoundColumn, Dialect, DialectError, TimeLimits, UtcRange, build
from oracle.bridge import Oracle

TABLES = {
    "T": {
        "Timestamp": "datetime",
        "Detail": "dynamic",
        "Id": "guid",
        "Size": "long",
        **{column.text: column.type for columns in COLUMNS.values() for column in columns},
    }
}
EXTRA = {
    "device": [
        BoundColumn("tostring(Detail.displayName)", "string", "host-name"),
        BoundColumn("tostring(Detail['a b'][0])", "string", "host-name"),
        BoundColumn("Detail", "dynamic", "host-name"),
        BoundColumn("Id", "guid", "device-id"),
    ],
    "port": [BoundColumn("Size", "long", "port"), BoundColumn("Detail.port", "dynamic", "port")],
}


def bound(oracle: Oracle, clause: str) -> list[str]:
    return [diagnostic.message for diagnostic in oracle.bind(f"T\n{clause}\n| summarize n = count()", TABLES)]


@pytest.mark.node
@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("field", sorted(COLUMNS))
def test_every_field_binds(oracle: Oracle, field: str, dialect: Dialect) -> None:
    columns = [*COLUMNS[field], *EXTRA.get(field, [])]
    said = 0
    for values in [*([value] for value in VALUES[field]), VALUES[field]]:
        try:
            predicate = build(
                [{field: values}], {field: columns}, times=TimeLimits(column="Timestamp", expires=date(2027, 5, 24))
            )
            clause = predicate.clause(dialect)
            assert bound(oracle, clause) == [], clause
            assert oracle.bind(f"T | summarize n = countif({predicate.render(dialect)})", TABLES) == []
            said += 1
        except DialectError:
            assert dialect is Dialect.NRT
    assert said


@pytest.mark.node
def test_a_window_binds_in_every_form(oracle: Oracle) -> None:
    window = Window.model_validate(
        {
            "weekly": ["sun 02:00-04:00", "mon-fri 22:30-06:00", "daily 00:00-24:00"],
            "intervals": ["2026-12-24 18:00/2026-12-27 06:00"],
            "timezone": "Europe/Rome",
        }
    )
    within = UtcRange(datetime(2026, 12, 20, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC))
    columns = {"port": COLUMNS["port"]}
    for predicate in (
        build([{"port": ["1"]}], columns, times=TimeLimits(window=window, column="Timestamp")),
        build([{"port": ["1"]}], columns, times=TimeLimits(window=window, within=within, column="Timestamp")),
    ):
        assert bound(oracle, predicate.clause()) == [], predicate.clause()


@pytest.mark.node
@pytest.mark.parametrize(
    "value",
    [
        'a"b',
        "a\\b",
        "a\\",
        'a\\\\"',
        "tab\there",
        "{curly}",
        "// no comment",
        "a'b",
        "é€𝄞",
        "\u2028line",
        "a``` b",
        "@'x'",
    ],
)
def test_a_value_is_read_back_as_it_was_written(oracle: Oracle, value: str) -> None:
    from fpctl.kql.literals import string_literal

    text = string_literal(value)
    assert oracle.literal(text)[1] == value
