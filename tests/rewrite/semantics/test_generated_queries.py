"""What a clause does to the result of a query, on data, for queries and data made at random."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from rewrite.semantics.estate import EXCLUSIONS, WITHOUT, Estate, estate, named
from rewrite.semantics.pipelines import queries

estates = st.builds(estate, st.integers(0, 5), st.integers(0, len(EXCLUSIONS) - 1))
many = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])


def tables_of(tuned: TunedRule) -> set[str]:
    """Return the tables whose events the clauses take out, by the lineage of the columns they test."""
    found: set[str] = set()
    for clause in tuned.clauses:
        columns = clause.placement.point.scope.columns
        for bound in clause.placement.resolution.bindings.values():
            found.update(origin.table for column in bound for origin in columns[column.text].origins)
    return found


def without(text: str, tables: set[str]) -> str:
    """Return a query that reads the tables without the rows that the exclusion names."""
    for table in tables:
        text = text.replace(table, table + WITHOUT)
    return text


def comparable(tuned: TunedRule, rows: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """Return rows without the numbers that an aggregate computes: these change with every row removed."""
    (result,) = tuned.query.results()
    names = list(tuned.analysis.columns_of(result.pipeline).points[-1].scope.columns)
    kept = [index for index, name in enumerate(names) if not name.startswith("n_")]
    if len(kept) == len(names):
        return rows
    return Counter({tuple(row[index] for index in kept): 1 for row in rows})


def behind_an_outer_join(text: str, tables: set[str]) -> bool:
    """Return whether a row that loses its event of a table may stay, with empty cells.

    The clause behind the join takes such a row out; without the event it would have been another row.
    """
    if any(kind in text for kind in ("kind=rightouter", "kind=fullouter")):
        return True
    left = text.find("kind=leftouter")
    return left >= 0 and any(text.index(table) > left for table in tables)


@many
@given(queries(), estates)
def test_the_result_is_that_of_the_data_without_the_excluded_events(text: str, estate: Estate) -> None:
    tuned = estate.plan(text)
    tables = tables_of(tuned)
    mixed = any(clause.placement.resolution.mixed or clause.placement.resolution.partial for clause in tuned.clauses)
    if not tuned.clauses or mixed or behind_an_outer_join(text, tables):
        event("not compared")
        return
    event(f"placed in {len(tuned.clauses)} gaps")
    assert estate.run(tuned.tuned) == estate.run(without(text, tables)), tuned.tuned


@many
@given(queries(), estates)
def test_no_row_appears_unless_the_plan_warns(text: str, estate: Estate) -> None:
    tuned = estate.plan(text)
    verify(tuned)
    warned = any(warning.code == "effect" for warning in tuned.plan.warnings)
    if not tuned.clauses or warned:
        event("warned" if warned else "not placed")
        return
    event("safe")
    new = comparable(tuned, estate.run(tuned.tuned)) - comparable(tuned, estate.run(text))
    assert not new, tuned.tuned


CONDITIONS = (
    ('AccountName != "bob"', lambda row: (row["AccountName"] or "") != "bob"),
    ("isnotempty(AccountName)", lambda row: bool(row["AccountName"])),
    ("ProcessId > 4", lambda row: row["ProcessId"] is not None and row["ProcessId"] > 4),
    ("not(ProcessId > 4)", lambda row: row["ProcessId"] is not None and row["ProcessId"] <= 4),
    ('FileName =~ "msiexec.exe"', lambda row: (row["FileName"] or "").lower() == "msiexec.exe"),
    ('FileName !endswith ".exe"', lambda row: not (row["FileName"] or "").lower().endswith(".exe")),
    ('DeviceName startswith "build"', lambda row: (row["DeviceName"] or "").lower().startswith("build")),
)
"""Conditions on DeviceProcessEvents, in KQL and in Python."""
BEHIND = ("", "| summarize n = count() by DeviceName", "| project-away DeviceName, FileName", "| take 3", "| count")


@many
@given(st.lists(st.sampled_from(CONDITIONS), max_size=3), st.sampled_from(BEHIND), estates)
def test_what_is_counted_is_what_is_taken_out(conditions: list[Any], behind: str, estate: Estate) -> None:
    text = "\n".join(["DeviceProcessEvents", *(f"| where {kql}" for kql, _ in conditions), behind])
    tuned = estate.plan(text)
    if not tuned.clauses:
        event("not placed")
        return
    event("counted")
    (counting,) = tuned.counting_queries()
    assert counting.text is not None
    answer = estate.engine.query(counting.text)
    counts = counting.read(answer.names(), answer.rows)
    rows = [row for row in estate.rows["DeviceProcessEvents"] if all(test(row) for _, test in conditions)]
    match = estate.exclusion.match[0].fields()
    hits = [row for row in rows if named("DeviceProcessEvents", match, row)]
    assert (counts.rows_before, counts.suppressed) == (len(rows), len(hits))
    (hit,) = counts.hits
    assert (hit.exclusion, hit.rows, hit.unique) == ("fp-1", len(hits), len(hits))
    times = [row["Timestamp"] for row in hits]
    assert (hit.first, hit.last) == (min(times, default=None), max(times, default=None))


@many
@given(queries(), estates)
def test_every_gap_can_be_counted_and_takes_out_no_more_than_it_sees(text: str, estate: Estate) -> None:
    tuned = estate.plan(text)
    for counting in tuned.counting_queries():
        assert counting.text is not None, counting.unknown
        answer = estate.engine.query(counting.text)
        counts = counting.read(answer.names(), answer.rows)
        (hit,) = counts.hits
        assert hit.rows == hit.unique == counts.suppressed <= counts.rows_before
