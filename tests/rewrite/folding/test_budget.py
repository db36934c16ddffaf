"""A query that its product would not take: said in fewer words, with lists beside it, or without what has no room."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ClauseStyle
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.formats.registry import read_rule_file
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

LIMIT = 10_000
TABLES = Tables.packaged("auto", "xdr")
RULE = """id: 0b5a4c1e-0000-4000-8000-000000000001
name: Many exclusions
description: A scheduled rule.
kind: Scheduled
severity: Low
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
requiredDataConnectors: []
query: |
  DeviceNetworkEvents
  | where ActionType == 'ConnectionSuccess'
"""


def rule(text: str = RULE) -> Rule:
    return read_rule_file(text, Path("r.yaml"), "r.yaml").rules[0].rule


def exclusion(number: int, match: object, **more: object) -> Exclusion:
    known = {"id": f"fp-{number:04}", "rules": [rule().id], "match": match, "created": date(2026, 1, 1), **more}
    return Exclusion.model_validate(known)


def plan(exclusions: list[Exclusion], text: str = RULE, **style: object) -> TunedRule:
    planner = Planner(TABLES, FieldMap.packaged(None, TABLES), date(2026, 12, 1))
    chosen = ClauseStyle(fits=True, **style)  # type: ignore[arg-type]
    return planner.plan(rule(text), [(one, True) for one in exclusions], style=chosen)


def devices(count: int) -> list[Exclusion]:
    return [exclusion(n, {"device": [f"host{n:04}.corp.contoso.com"]}) for n in range(count)]


def test_few_long_exclusions_share_a_list_before_anything_leaves_the_query() -> None:
    text = f"{RULE}  // {'x' * 9_300}\n"
    tuned = plan(devices(9), text)
    assert [len(one.exclusions) for one in tuned.plan.insertions] == [9]
    assert tuned.external is None
    assert len(tuned.tuned) <= LIMIT


def test_lists_go_to_a_watchlist_with_the_exclusions_of_each_value() -> None:
    exclusions = [
        *devices(1_000),
        exclusion(2_000, {"device": ["host0007.corp.contoso.com"]}, expires=date(2027, 5, 24)),
        *(
            exclusion(3_000 + n, {"device": [f"host{n:04}.corp.contoso.com"], "process": [f"p{n}.exe"]})
            for n in range(50)
        ),
    ]
    tuned = plan(exclusions)
    verify(tuned)
    assert len(tuned.tuned) <= LIMIT
    assert tuned.external is not None
    rows = list(csv.DictReader(io.StringIO(tuned.external.table())))
    assert {row["SearchKey"]: row["Exclusions"] for row in rows if row["List"] == "1"}["host0007.corp.contoso.com"] == (
        "fp-0007 fp-2000"
    )
    assert {row["SearchKey"]: row["Exclusions"] for row in rows}["host0007.corp.contoso.com|p7.exe"] == "fp-3007"
    assert f'_GetWatchlist("{tuned.external.alias}") | where List == "1" | project SearchKey' in tuned.tuned
    assert [warning.code for warning in tuned.plan.warnings] == ["out-of-line"]
    assert strip(tuned.tuned) == tuned.base


def test_ends_and_hours_stay_in_the_query_when_values_leave_it() -> None:
    weekly = {"weekly": ["sun 02:00-04:00"]}
    exclusions = [
        *(exclusion(n, {"device": [f"a{n:04}.contoso.com"]}, expires=date(2027, 1, 1 + n % 3)) for n in range(600)),
        *(exclusion(1_000 + n, {"device": [f"b{n:04}.contoso.com"]}, window=weekly) for n in range(600)),
    ]
    tuned = plan(exclusions)
    assert len(tuned.tuned) <= LIMIT
    assert all(f"datetime(2027-01-0{day})" in tuned.tuned for day in (1, 2, 3))
    assert "dayofweek(Timestamp) == 0d" in tuned.tuned


def test_a_saved_function_holds_the_lists_where_that_is_asked_for() -> None:
    tuned = plan(devices(1_000), store="function")
    verify(tuned)
    assert tuned.external is not None
    names = [path for path, _ in tuned.external.files()]
    assert names == [f"companions/{tuned.external.alias}.kql", f"companions/{tuned.external.alias}.md"]
    assert f"{tuned.external.alias}() | where List" in tuned.tuned
    assert tuned.external.body().count("host") == 1_000


def test_what_no_list_can_hold_is_refused_with_the_numbers() -> None:
    exclusions = [
        *devices(600),
        *(exclusion(1_000 + n, {"device": [f"c{n:04}"], "command_line": [f"--job {n:060}"]}) for n in range(300)),
    ]
    tuned = plan(exclusions)
    assert len(tuned.tuned) <= LIMIT
    left_out = [skip for skip in tuned.plan.skips if skip.reason == "budget"]
    assert {skip.exclusion for skip in left_out} == {f"fp-{1_000 + n}" for n in range(300 - len(left_out), 300)}
    assert 0 < len(left_out) < 300
    assert all(skip.finding for skip in left_out)
    assert "characters with all exclusions, and a Sentinel analytics rule may have 10,000" in left_out[0].message
    placed = {name for one in tuned.plan.insertions for name in one.exclusions}
    assert placed.isdisjoint(skip.exclusion for skip in left_out)
    assert len(placed) + len(left_out) == 900


def test_one_clause_each_is_kept_where_asked_for_and_the_length_is_told() -> None:
    tuned = plan(devices(300), folds=False)
    assert len(tuned.plan.insertions) == 300
    assert [warning.code for warning in tuned.plan.warnings] == ["query-length"]


def test_a_hunting_query_may_be_of_any_length() -> None:
    scheduled = ("kind", "severity", "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
    text = "".join(line for line in RULE.splitlines(True) if not line.startswith(scheduled))
    tuned = plan(devices(1_000), text)
    assert tuned.external is None
    assert len(tuned.tuned) > LIMIT


def test_the_guide_says_how_to_load_a_watchlist() -> None:
    tuned = plan(devices(1_000))
    assert tuned.external is not None
    guide = dict(tuned.external.files())[f"companions/{tuned.external.alias}.md"]
    assert f"watchlists/{tuned.external.alias}?api-version=" in guide
    assert '"SearchKey"' in guide
