"""A new operator is a node and one entry: with these, every stage from the parser to the local engine knows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import duckdb
import pytest

from fpctl.compiler import Refusal, compile_query, operator_registry, operators
from fpctl.compiler.context import Expressions
from fpctl.compiler.relation import Relation
from fpctl.compiler.sql import FALSE
from fpctl.errors import KqlSyntaxError
from fpctl.exclusions.model import Exclusion
from fpctl.execution.invariants import is_repeatable
from fpctl.kql.binder.environment import NoTables
from fpctl.kql.grammar.cursor import new
from fpctl.kql.operators import table
from fpctl.kql.operators.model import PLACES_ARE_FILLED, HandsOn, OperatorSpec, RowEffect
from fpctl.kql.parser import parse, pipelines
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tagging import tagging
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

KEYWORD = "project-smart"  # a word of the lexer that is no operator
QUERY = "DeviceProcessEvents\n| where FileName =~ 'msiexec.exe'\n| project-smart\n"


class ProjectSmart(NamedTuple):
    """Its node."""

    start: int
    end: int
    keyword: str


def _parse(p: Any) -> ProjectSmart:
    at = p.at
    p.at = at + 1
    return new(ProjectSmart, (p.starts[at], p.end(), p.texts[at]))


ENTRY = OperatorSpec(
    (KEYWORD,),
    ProjectSmart,
    _parse,
    lambda context, node, scope: scope,
    RowEffect.ROW_WISE,
    fewer_rows=None,
    hands_on=HandsOn.EACH,
)


def register(monkeypatch: pytest.MonkeyPatch, entry: OperatorSpec) -> None:
    """Put an entry into the table, as if it stood in a module of `kql/operators/`."""
    by_keyword = MappingProxyType({**table.BY_KEYWORD, KEYWORD: entry})
    monkeypatch.setattr(table, "BY_KEYWORD", by_keyword)
    monkeypatch.setattr(pipelines, "BY_KEYWORD", by_keyword)
    monkeypatch.setitem(table.PARSERS, KEYWORD, entry.parse)


def tuned(query: str = QUERY, status: str = "active") -> TunedRule:
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    exclusion = Exclusion.model_validate(
        {
            "id": "fp-1",
            "rules": ["*"],
            "match": {"device": ["build01"]},
            "status": status,
            "created": date(2026, 11, 1),
            "expires": date(2027, 5, 1),
        }
    )
    return planner.plan(Rule("r", "r", query, "r.kql", "bare"), [(exclusion, True)])


def clause_follows(text: str) -> str:
    """Return the line before the clause."""
    lines = text.splitlines()
    (at,) = [number for number, line in enumerate(lines) if "fpctl fp-1" in line]
    return lines[at - 1]


def test_without_its_entry_it_is_refused_by_the_parser() -> None:
    with pytest.raises(KqlSyntaxError):
        parse(QUERY)


def test_a_clause_goes_behind_an_operator_that_keeps_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, ENTRY)
    assert clause_follows(tuned().tuned) == f"| {KEYWORD}"


def test_a_clause_goes_before_a_barrier(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, replace(ENTRY, rows=RowEffect.BARRIER))
    assert clause_follows(tuned().tuned) == "| where FileName =~ 'msiexec.exe'"


def test_no_clause_goes_where_no_where_may_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, replace(ENTRY, where_may_follow=False))
    assert clause_follows(tuned().tuned) == "| where FileName =~ 'msiexec.exe'"


def test_what_missing_rows_do_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, replace(ENTRY, rows=RowEffect.BARRIER, fewer_rows="smart columns vanish"))
    (warning,) = [one for one in tuned().plan.warnings if one.code == "effect"]
    assert "smart columns vanish" in warning.message
    assert warning.line == 3


@pytest.mark.parametrize(("hands_on", "tagged"), [(HandsOn.EACH, {"fp-1"}), (HandsOn.NOT, set())])
def test_rows_that_it_hands_on_keep_their_tag(
    monkeypatch: pytest.MonkeyPatch, hands_on: HandsOn, tagged: set[str]
) -> None:
    register(monkeypatch, replace(ENTRY, rows=RowEffect.BARRIER, hands_on=hands_on))
    assert tagging(tuned(status="shadow")).tagged == tagged


@pytest.mark.parametrize(("fewer_rows", "repeatable"), [(None, True), (PLACES_ARE_FILLED, False)])
def test_an_operator_that_picks_rows_is_not_repeatable(
    monkeypatch: pytest.MonkeyPatch, fewer_rows: str | None, repeatable: bool
) -> None:
    register(monkeypatch, replace(ENTRY, fewer_rows=fewer_rows))
    assert is_repeatable(tuned()) is repeatable


def test_the_local_engine_refuses_it_by_name_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, ENTRY)
    query = f"print a = 1 | {KEYWORD}"
    with pytest.raises(Refusal, match=KEYWORD) as refusal:
        compile_query(parse(query), NoTables(), NoData(), datetime(2026, 11, 24))
    assert query[refusal.value.offset :] == KEYWORD


def test_a_function_that_enters_itself_compiles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, ENTRY)
    monkeypatch.setitem(operator_registry.OPERATORS, ProjectSmart, None)  # put back at the end: not there

    @operator_registry.operator(ProjectSmart)
    def project_smart(compiler: Expressions, node: ProjectSmart, rows: Relation) -> Relation:
        return rows.filtered(FALSE)

    compiled = compile_query(parse(f"print a = 1 | {KEYWORD} | count"), NoTables(), NoData(), datetime(2026, 11, 24))
    assert duckdb.sql(compiled.sql).fetchall() == [(0,)]


def test_every_module_of_the_compiler_is_found_by_itself() -> None:
    folder = Path(operators.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    entered = {compile_one.__module__.rpartition(".")[2] for compile_one in operator_registry.OPERATORS.values()}
    entered |= {compile_one.__module__.rpartition(".")[2] for compile_one in operator_registry.SOURCES.values()}
    assert entered <= modules
    assert {"rows", "scanning", "searching", "sources"} <= entered


class NoData:
    """Data without any table."""

    def stored(self, name: str) -> None:
        return None

    def watchlist(self, alias: str) -> None:
        return None

    def external(self, uri: str, columns: object) -> None:
        return None

    def rows(self, sql: str, lists: object) -> None:
        return None
