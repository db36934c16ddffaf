"""Macros inside macros: what DuckDB plans does not multiply with each of them, and means the same."""

from __future__ import annotations

import pytest

from compiler.conftest import NOW, NoData
from fpctl.compiler import compile_query
from fpctl.compiler.macro_arguments import BOUND, _Binder, bound_once
from fpctl.kql.binder.environment import NoTables
from fpctl.kql.parser import parse

NESTED = "tostring(parse_json(toupper(tostring(parse_json(trim('x', tostring(parse_json(s))))))))"


def compiled(expression: str):
    text = f"datatable(s: string)['[\"x\"]', 'no json', ''] | project x = tolower({expression})"
    return compile_query(parse(text), NoTables(), NoData(), NOW)


def test_nested_json_is_read_as_before(run):
    assert run(f"datatable(s: string)['[\"x\"]', 'no json', ''] | project x = {NESTED}") == [
        ('["X"]',),
        ("NO JSON",),
        ("",),
    ]


def test_large_arguments_are_bound():
    assert BOUND in compiled(NESTED).sql


def test_what_duckdb_plans_does_not_multiply():
    query = compiled(NESTED).tree
    # With each macro putting its argument in several times, it would be tens of thousands.
    assert _Binder().bound(bound_once(query))[1] < 2_000


@pytest.mark.parametrize("expression", ["s", "strcat(s, 'x')", "tostring(parse_json(s).a)"])
def test_small_expressions_stay_as_they_are(expression):
    assert BOUND not in compiled(expression).sql
