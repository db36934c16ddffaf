"""Whether a rule can be tried locally, told from its text and the schema alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from fpctl.compiler.coverage import obstacle, reason
from fpctl.kql.parser import parse

NOW = datetime(2026, 11, 24)
COLUMNS = {"TimeGenerated": "datetime", "Name": "string", "Count": "long"}


class Schema:
    """Five hundred tables of the same columns."""

    def table(self, name: str) -> Mapping[str, str] | None:
        return COLUMNS if name.startswith("T") else None

    def tables(self) -> Iterable[str]:
        return [f"T{number:03}" for number in range(500)]

    def function(self, name: str) -> None:
        return None


def test_a_rule_whose_constructs_are_all_had_has_no_obstacle() -> None:
    text = "T1 | where TimeGenerated > ago(1d) | summarize n = count() by Name | where n > 3"
    assert obstacle(parse(text), Schema(), NOW) is None


def test_an_obstacle_names_what_it_is_and_where() -> None:
    text = "T1 | extend x = geo_distance_2points(1.0, 2.0, 3.0, 4.0)"
    found = obstacle(parse(text), Schema(), NOW)
    assert found is not None
    assert (found.what, found.offset) == ("geo_distance_2points", text.index("geo_"))


def test_a_pattern_of_all_tables_is_looked_at_through_a_few() -> None:
    assert obstacle(parse("union * | where Name == 'x' | count"), Schema(), NOW) is None


def test_what_is_refused_has_a_reason() -> None:
    assert reason("row_hash") == "another result in every run"
    assert reason("hll_merge") == "a sketch in the service's own format"
    assert reason("something_new") == "not supported"
