"""Which column tells the event's time, so that a clause ends by itself when its exclusion does."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule, RuleKind
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import EnvironmentName, Tables

NO_TIME = "DeviceTvmSoftwareVulnerabilities\n| where VulnerabilitySeverityLevel == 'Critical'"
REDEFINED = "DeviceProcessEvents\n| extend Timestamp = tostring(Timestamp)"


def tuned(query: str, kind: RuleKind = "bare", environment: EnvironmentName = "auto") -> TunedRule:
    tables = Tables.packaged(environment)
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["r"], "match": {"device": "build01"}, "expires": date(2027, 5, 1)}
    )
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    return planner.plan(Rule("r", "r", query, "r.kql", kind), [(exclusion, True)])


@pytest.mark.parametrize("query", [NO_TIME, REDEFINED])
def test_a_rule_of_defender_xdr_gets_no_guard_on_a_column_that_is_not_there(query: str) -> None:
    found = tuned(query)
    assert "| where not(" in found.tuned
    assert "TimeGenerated" not in found.tuned
    (warning,) = [one for one in found.plan.warnings if one.code == "no-expiry-guard"]
    assert "depends on applying the rule again" in warning.message


@pytest.mark.parametrize(
    ("query", "kind", "environment"),
    [
        (NO_TIME, "scheduled", "auto"),
        (NO_TIME, "nrt", "auto"),
        (NO_TIME, "bare", "loganalytics"),
        (f"{NO_TIME} and TimeGenerated > ago(1d)", "bare", "auto"),
    ],
)
def test_a_rule_of_log_analytics_is_guarded_by_its_own_time(
    query: str, kind: RuleKind, environment: EnvironmentName
) -> None:
    assert "TimeGenerated < datetime(2027-05-01)" in tuned(query, kind, environment).tuned


def begun(begun_by: date | None, query: str = "DeviceProcessEvents", created: date = date(2026, 11, 20)) -> TunedRule:
    tables = Tables.packaged("auto")
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["r"], "match": {"device": "build01"}, "created": created, "expires": date(2027, 5, 1)}
    )
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24), begun_by=begun_by)
    return planner.plan(Rule("r", "r", query, "r.kql", "bare"), [(exclusion, True)])


def test_a_clause_has_no_lower_bound_unless_the_plan_is_for_another_day() -> None:
    assert ">=" not in begun(None).tuned


def test_a_clause_of_an_exclusion_that_begins_later_suppresses_no_older_event() -> None:
    clause = "Timestamp >= datetime(2026-11-20) and Timestamp < datetime(2027-05-01)"
    assert clause in begun(date(2026, 11, 19)).tuned
    assert clause in begun(date.min).tuned


def test_a_clause_of_an_exclusion_that_has_begun_stays_as_it_is() -> None:
    assert begun(date(2026, 11, 20)).tuned == begun(None).tuned


def test_without_a_time_the_plan_says_that_older_events_are_suppressed_too() -> None:
    tables = Tables.packaged("auto")
    endless = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["r"], "match": {"device": "build01"}, "created": date(2026, 11, 20)}
    )
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24), begun_by=date.min)
    (warning,) = planner.plan(Rule("r", "r", NO_TIME, "r.kql", "bare"), [(endless, True)]).plan.warnings
    assert (warning.code, "events from before 2026-11-20" in warning.message) == ("no-expiry-guard", True)


def test_a_rule_that_reads_a_table_of_log_analytics_runs_there() -> None:
    found = tuned("union DeviceProcessEvents, SecurityEvent")
    assert "TimeGenerated < datetime(2027-05-01)" in found.tuned
