"""A clause in the body of a function holds for every call of it, and names what the body may name."""

from __future__ import annotations

import pytest

from fpctl.rewrite.plan.verify import verify
from oracle.bridge import Oracle, errors
from rewrite.placement.planning import plan, planner, positions, refused, spelled

COUNTED = "T | where FileName != 'zz' | summarize c = count() by DeviceName"


def test_a_body_whose_calls_read_other_columns_is_not_filtered() -> None:
    query = f"let f = (T: (DeviceName: string, FileName: string)) {{ {COUNTED} }}; union f(<D>), f(<F>)"
    reason, message = refused(query, {"process": "powershell.exe"})
    assert reason == "column-ambiguous"
    assert "called for tables that hold the fields in different columns" in message


def test_a_body_whose_calls_agree_is_filtered_once() -> None:
    query = f"let f = (T: (DeviceName: string, FileName: string)) {{ {COUNTED} }}; union f(<D>), f(<F>)"
    assert positions(query) == ["let f/body"]


def test_a_body_that_reads_a_table_by_its_name_is_filtered_only_where_all_names_agree() -> None:
    body = "table(name) | where ActionType != '' | summarize c = count() by DeviceName"
    query = f"let f = (name: string) {{ {body} }};\nunion f('<D>'), f('<F>')"
    assert refused(query, {"process": "powershell.exe"})[0] == "column-ambiguous"
    assert positions(query) == ["let f/body"]


def test_only_declared_columns_are_named_in_a_body() -> None:
    query = "let f = (T: (FileName: string)) { T | summarize c = count() by FileName }; f(<D>)"
    reason, _ = refused(query)
    assert reason == "columns-dropped"


def test_a_table_of_any_columns_has_none_that_can_be_named() -> None:
    query = "let f = (T: (*)) { T | summarize c = count() }; f(<D>)"
    assert refused(query)[0] == "columns-dropped"


def test_the_guard_of_a_clause_names_only_declared_columns() -> None:
    query = "let f = (T: (DeviceName: string)) { T | summarize c = count() by DeviceName }; f(<D>)"
    tuned = plan(query, expires="2027-05-24")
    assert "Timestamp" not in tuned.tuned
    assert [warning.code for warning in tuned.plan.warnings if warning.code == "no-expiry-guard"]


@pytest.mark.node
def test_what_is_placed_in_a_body_binds_by_microsofts_binder(oracle: Oracle) -> None:
    query = f"let f = (T: (DeviceName: string, FileName: string)) {{ {COUNTED} }}; union f(<D>), f(<F>)"
    tables = {name: dict(planner().tables.table(name) or {}) for name in ("DeviceProcessEvents", "DeviceFileEvents")}
    assert errors(oracle.bind(plan(query, expires="2027-05-24").tuned, tables)) == []
    undeclared = spelled(query).replace("T | where", 'T | where AccountName != "x" | where')
    assert [error.code for error in errors(oracle.bind(undeclared, tables))] == ["KS142"]


def test_a_clause_with_an_undeclared_column_does_not_pass_verification() -> None:
    from fpctl.kql.analysis import analyse
    from fpctl.kql.parser import parse

    query = spelled("let f = (T: (DeviceName: string)) { T | where AccountName != 'x' }; f(<D>)")
    (problem,) = analyse(parse(query), planner().tables).problems
    assert (problem.code, query[problem.offset :][:11]) == ("unknown-column", "AccountName")
    verify(plan("let f = (T: (DeviceName: string)) { T | summarize count() by DeviceName }; f(<D>)"))


def test_a_leg_that_is_a_parameter_is_not_taken_for_a_table() -> None:
    query = "let f = (T: (DeviceName: string)) { union T, <E> | summarize c = count() }; f(<D>)"
    tuned = plan(query)
    assert "(T |" not in tuned.tuned
