"""Generated queries, answered by the interpreter and by the compiler: a few hundred here, the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reference.differential import answer, compiled, connected, rows_of
from reference.fuzz import guarded
from reference.generator import Generator
from reference.golden import CASES, Case
from reference.test_interpreter import sortable
from reference.values import Value, text_of

SEEDS = 300
IN_ONE_TEST = 50


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    made = connected()
    yield made
    made.close()


@pytest.mark.parametrize("first", range(0, SEEDS, IN_ONE_TEST))
def test_generated_queries_have_one_answer(connection: Any, first: int) -> None:
    for seed in range(first, first + IN_ONE_TEST):
        text = Generator(seed).query().text()
        found = guarded(connection, text)
        assert found.outcome not in ("differs", "failed"), f"seed {seed}: {found.text}\n{text}"


def test_the_same_seed_makes_the_same_query() -> None:
    assert Generator(7).query().text() == Generator(7).query().text()
    assert Generator(7).query().text() != Generator(8).query().text()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.page}-{at}" for at, case in enumerate(CASES)])
def test_the_compiler_gives_what_the_page_says(connection: Any, case: Case) -> None:
    query = compiled(connection, case.query)
    rows = [
        [shown(Value(column.type, value)) for column, value in zip(query.columns, row, strict=True)]
        for row in rows_of(connection, query)
    ]
    assert sortable(rows) == sortable(case.rows)


def shown(value: Value) -> str | None:
    if value.raw is None:
        return None
    return text_of(value).lower() if value.type == "bool" else text_of(value)


@pytest.mark.parametrize(
    "expression",
    [
        "0.5 < real(nan)",
        "d == real(nan)",
        "d >= 1.0",
        "d between (real(null) .. 2.0)",
        "9223372036854775807 + i",
        "7 % 9223372036854775807",
        "i % real(+inf)",
        "tolong(1e30)",
        "toint(9999999999)",
        "tostring(true)",
        "substring('abc', -7)",
        "substring('abc', 1, 9223372036854775807)",
        "trim('a', 'aaXaa')",
        "endofday(datetime(9999-12-31))",
        "startofweek(datetime(null))",
        "datetime_diff('week', datetime(0001-01-01), datetime(2024-01-01))",
        "bitset_count_ones(-7)",
        "todatetime(dynamic(1))",
        "make_timespan(1, 9223372036854775807)",
        "parse_json(' ')",
        "tohex(datetime_diff('week', datetime(0001-01-01), datetime(2023-12-31)))",
        "gettype(1.5)",
        "datetime(9999-12-31 23:59:59) between (datetime(9999-12-31 23:59:59) .. 1d)",
        "todatetime(dynamic(1.5))",
        "toguid('-00000000-0000-0000-0000-000000000000')",
        "bin(tolong(-9223372036854775807), 5)",
        "bin(tolong(-9223372036854775807), i)",
        "bin(i, 9223372036854775807)",
        "1.0 / (-(0.0 * d))",
        "toupper('ßa')",
        "bin(i, 0)",
        "1.0 / (-(0.0))",
        "abs(-(2147483648))",
        "sum_of_nothing",
        "sum_of_dynamics",
        "bits_of_ints",
    ],
)
def test_what_once_differed(connection: Any, expression: str) -> None:
    """Differences that generated queries have found."""
    text = f"datatable(i:long, d:real)[1, real(nan), 2, 1.5, long(null), real(null)] | extend x = {expression}"
    if expression == "sum_of_nothing":
        text = "datatable(i:long)[] | summarize avg(i), variance(i), sum(i), make_set(i)"
    if expression == "sum_of_dynamics":
        text = "datatable(d:dynamic, b:bool)[dynamic(1), true, dynamic('x'), true] | summarize sum(d), sumif(d, b)"
    if expression == "bits_of_ints":
        text = "datatable(i:int)[1, 6] | summarize binary_all_or(i), min(bin(i, 0))"
    found = answer(connection, text)
    assert found.outcome == "same", found.text
