"""Drift: what has changed under an exclusion since it was approved, and since earlier runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.execution.drift import device_kind, new_devices, since_approval, unusual_hits
from fpctl.history.records import PastHits
from fpctl.repository.approval_snapshot import base_hash, place_of, places_seen, tables_of
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

QUERY = "DeviceNetworkEvents\n| where RemotePort == 443\n| project Timestamp, DeviceName, RemoteUrl"
INSIDE = f"let T = {QUERY} | summarize count() by RemoteUrl;\nT | where count_ > 3"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def rule(query: str, id: str = "r") -> Rule:
    return Rule(id, id.upper(), query, f"{id}.kql", "bare")


def exclusion(**keys: Any) -> Exclusion:
    return Exclusion.model_validate({"id": "fp", "rules": ["*"], "match": {"device": "b1"}, **keys})


@pytest.fixture(scope="module")
def planner() -> Planner:
    tables = Tables.packaged()
    return Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))


def approved(planner: Planner, query: str = QUERY, **keys: Any) -> Exclusion:
    """Return an exclusion that was approved when the rule `r` had this query."""
    before = exclusion(**keys)
    seen = {"rules": {"r": base_hash(query)}, "places": places_seen(before, [rule(query)], planner)}
    return exclusion(**keys, approval=seen)


def drifted(planner: Planner, one: Exclusion, query: str) -> dict[str, str]:
    tuned = planner.plan(rule(query), [(one, False)])
    skips = {skip.exclusion: skip for skip in tuned.plan.skips}
    place = place_of(tuned.clauses) if tuned.clauses else None
    found = since_approval(one, "r", "R", base_hash(query), place, skips.get(one.id))
    return {drift.kind: drift.message for drift in found}


def test_an_approval_knows_where_the_clause_stood(planner: Planner) -> None:
    one = approved(planner, INSIDE)
    assert one.approval is not None
    assert one.approval.places == {"r": "DeviceNetworkEvents: after project in let T"}


@pytest.mark.parametrize("status", ["draft", "shadow", "active"])
def test_the_place_is_that_of_the_exclusion_in_force(planner: Planner, status: str) -> None:
    days = {"created": "2027-01-01", "expires": "2027-02-01"}
    found = places_seen(exclusion(status=status, **days), [rule(QUERY)], planner)
    assert found == {"r": "DeviceNetworkEvents: after project"}


def test_nothing_has_drifted_where_nothing_changed(planner: Planner) -> None:
    assert drifted(planner, approved(planner), QUERY) == {}


def test_a_comment_changes_the_query_and_moves_no_clause(planner: Planner) -> None:
    found = drifted(planner, approved(planner), "// a comment\n" + QUERY)
    assert found == {"rule-changed": "the query of `R` has changed since fp was approved for it"}


def test_clauses_that_fpctl_put_in_are_no_change(planner: Planner) -> None:
    one = approved(planner)
    tuned = planner.plan(rule(QUERY), [(one, True)]).tuned
    assert "fpctl fp" in tuned
    assert base_hash(tuned) == base_hash(QUERY)


def test_a_rule_that_the_approver_did_not_see_is_told(planner: Planner) -> None:
    one = exclusion(approval={"rules": {"other": base_hash("T")}})
    assert list(drifted(planner, one, QUERY)) == ["rule-added"]


def test_a_column_that_is_gone_is_told_with_where_the_clause_stood(planner: Planner) -> None:
    found = drifted(planner, approved(planner), "DeviceNetworkEvents | where RemotePort == 443 | summarize count()")
    # The clause now stands before the aggregation: moved, and not lost.
    assert "moved-clause" in found
    found = drifted(planner, approved(planner), "EmailUrlInfo | where Url has 'a'")
    start = "fp suppresses nothing in `R` any more, where its clause was on DeviceNetworkEvents: after project: "
    assert found["lost-place"].startswith(start)
    assert found["lost-place"].endswith("[field-not-in-table]")


def test_another_table_is_told_apart_from_another_place(planner: Planner) -> None:
    found = drifted(planner, approved(planner), QUERY.replace("DeviceNetworkEvents", "DeviceProcessEvents"))
    assert found["table-changed"] == (
        "the clause of fp in `R` was on DeviceNetworkEvents: after project when it was approved and is "
        "now on DeviceProcessEvents: after project"
    )
    found = drifted(planner, approved(planner), INSIDE)
    assert "now on DeviceNetworkEvents: after project in let T" in found["moved-clause"]


def test_what_was_never_approved_or_is_not_in_force_has_not_drifted(planner: Planner) -> None:
    assert drifted(planner, exclusion(), "DeviceNetworkEvents | summarize count()") == {}
    expired = approved(planner, expires="2026-11-24")
    assert drifted(planner, expired, QUERY) == {}


@pytest.mark.parametrize(
    ("place", "tables"),
    [
        ("DeviceNetworkEvents: after where", "DeviceNetworkEvents"),
        ("A, B: after union; A: after where in leg 1", "A, B"),
        ("odd: name: after where", "odd: name"),
    ],
)
def test_the_tables_of_a_place(place: str, tables: str) -> None:
    assert tables_of(place) == tables


def past(rows: int, days: float | None = 1.0, exclusion: str = "fp") -> PastHits:
    if days is None:
        return PastHits(exclusion, rows, None, None)
    return PastHits(exclusion, rows, NOW - timedelta(days=days), NOW)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("earlier", "latest", "span", "told"),
    [
        ([past(100), past(120), past(90)], 1_000, DAY, True),
        ([past(100), past(120), past(90)], 999, DAY, False),
        ([past(1), past(2), past(3)], 99, DAY, False),
        ([past(1), past(2), past(3)], 100, DAY, True),
        ([past(100), past(120)], 5_000, DAY, False),
        ([past(0), past(0), past(0)], 100, DAY, True),
        ([past(100), past(100), past(100)], 3_000, timedelta(days=30), False),
        ([past(100), past(100), past(100)], 3_000, timedelta(days=2), True),
        ([past(100, None)] * 3, 1_000, None, True),
        ([past(100, None)] * 3, 1_000, DAY, False),
        ([past(100, exclusion="other")] * 3, 1_000, DAY, False),
    ],
    ids=["ten times", "less than ten times", "few", "just enough", "too few runs", "from nothing", "a longer range",
         "a like range", "the rule's own range", "another kind of range", "of another exclusion"],
)  # fmt: skip
def test_unusual_is_ten_times_the_median_of_enough_like_runs(
    earlier: list[PastHits], latest: int, span: timedelta | None, told: bool
) -> None:
    assert (unusual_hits("fp", "r", "R", earlier, latest, span) is not None) is told


def test_hits_on_a_new_kind_of_device_are_told() -> None:
    assert new_devices("fp", "r", "R", {"build"}, {"build"}) is None
    assert new_devices("fp", "r", "R", set(), {"build"}) is None
    found = new_devices("fp", "r", "R", {"build"}, {"build", "fin-ws", "dc"})
    assert found is not None
    assert found.message.endswith("that it never did before: dc, fin-ws")


KINDS = {
    "fin-ws-017.contoso.com": "fin-ws", "BUILD01": "build", "dc": "dc", "10": "10", "ws-": "ws", "ws-1-2": "ws-1",
    "--5": "--5", "a_b_9": "a_b", "10.0.0.1": "10", "srv2019-01": "srv2019",
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_kind_of_device_is_its_name_without_domain_and_number(name: str, kind: str) -> None:
    assert device_kind(name) == kind


def test_the_engine_tells_the_same_kinds(tmp_path: Any) -> None:
    from fpctl.engine.local.engine import LocalEngine
    from fpctl.execution.drift import kind_expression

    text = io.StringIO()
    csv.writer(text).writerows([["DeviceName"], *([name] for name in KINDS)])
    (tmp_path / "DeviceEvents.csv").write_text(text.getvalue())
    engine = LocalEngine(tmp_path, now=NOW)
    query = f"DeviceEvents | project DeviceName, Kind = {kind_expression('DeviceName')}"
    assert dict(engine.query(query).rows) == {name: device_kind(name) for name in KINDS}
    engine.close()
