"""The library on a connection: what SQL calls is made, with what that calls, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import fpctl.compiler.installation as installation
from fpctl.compiler.library import ARROW_FUNCTIONS, MACROS


@pytest.fixture
def bare() -> Iterator[Any]:
    import duckdb

    made = duckdb.connect(":memory:")
    yield made
    made.close()


def made_on(connection: Any) -> set[str]:
    rows = connection.sql("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name LIKE 'kql_%'")
    return {name for (name,) in rows.fetchall()}


def test_a_query_without_calls_makes_nothing(bare: Any) -> None:
    installation.Library(bare).require("SELECT 1 AS x")
    assert made_on(bare) == set()


def test_a_macro_comes_with_what_it_calls_and_nothing_else(bare: Any) -> None:
    installation.Library(bare).require("SELECT kql_startofweek(0) AS x")
    assert made_on(bare) == {"kql_startofweek", "kql_datetime_in_range"}
    assert bare.sql("SELECT kql_startofweek(10 * 864000000000)").fetchall()


def test_each_part_can_be_the_first(bare: Any) -> None:
    library = installation.Library(bare)
    # The last ones call those before them.
    for name in reversed([*ARROW_FUNCTIONS, *MACROS]):
        library.require(f"SELECT {name}(1)")
    assert made_on(bare) == {*ARROW_FUNCTIONS, *MACROS}


def test_what_is_there_is_not_made_again(bare: Any) -> None:
    library = installation.Library(bare)
    for _ in range(2):
        library.require("SELECT kql_startofweek(0)")
        library.require("SELECT kql_startofweek(1)")
    assert made_on(bare) == {"kql_startofweek", "kql_datetime_in_range"}
