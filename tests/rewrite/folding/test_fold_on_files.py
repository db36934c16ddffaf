"""A rule with many exclusions on the local engine: folded or one by one, the same rows and the same counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.execution.run import RunResult, run_rule
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ClauseStyle
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.formats.registry import read_rule_file
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

TABLES = Tables.packaged("auto", "xdr")
QUERY = "DeviceNetworkEvents\n| where ActionType == 'ConnectionSuccess'\n"
UNION = (
    "union (DeviceNetworkEvents | where RemotePort == 443 | project DeviceName, RemoteUrl, Timestamp),\n"
    "      (DeviceNetworkEvents | where RemotePort != 443 | project DeviceName, RemoteUrl, Timestamp)\n"
)
START = datetime(2027, 1, 1)
ROWS = 3_000
TODAY = date(2026, 12, 1)


def rule(query: str = QUERY) -> Rule:
    return read_rule_file(query, Path("r.kql"), "r.kql").rules[0].rule


def rows() -> list[dict[str, object]]:
    return [
        {
            "Timestamp": START + timedelta(hours=n % 960),
            "ActionType": "ConnectionSuccess" if n % 5 else "ConnectionFailed",
            "DeviceName": f"{'HOST' if n % 2 else 'host'}{n % 97:02}{'.corp.contoso.com' if n % 3 else ''}",
            "InitiatingProcessFileName": f"agent{n % 11}.exe",
            "InitiatingProcessSHA256": f"{n % 31:064x}",
            "InitiatingProcessCommandLine": f"run --job {n % 13}",
            "RemoteUrl": f"https://s{n % 19}.site{n % 7}.example:8443/app/v{n % 3}"
            if n % 4
            else f"s{n % 19}.site1.test",
            "RemotePort": 443 if n % 2 else 8443,
            "ReportId": n,
        }
        for n in range(ROWS)
    ]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("events")
    pq.write_table(pa.Table.from_pylist(rows()), folder / "DeviceNetworkEvents.parquet")
    with LocalEngine(folder, now=datetime(2027, 3, 1, tzinfo=UTC), tables=TABLES, threads=2) as opened:
        yield opened


def exclusion(number: int, match: object, **more: object) -> Exclusion:
    known = {"id": f"fp-{number:04}", "rules": ["*"], "match": match, "created": date(2026, 1, 1), **more}
    return Exclusion.model_validate(known)


def many(end: date) -> list[Exclusion]:
    """Return exclusions of every shape that overlap a lot; those with an end share twelve days from `end` on."""
    found: list[Exclusion] = []
    for n in range(240):
        kinds: list[object] = [
            {"device": [f"host{n % 97:02}"]},
            {"device": [f"host{n % 97:02}.corp.contoso.com"]},
            {"device": [f"host{n % 53:02}"], "process": [f"agent{n % 11}.exe", f"agent{n % 5}.exe"]},
            {"url": [f"site{n % 7}.example"], "process": [f"AGENT{n % 11}.exe"]},
            {"url": [f"https://s{n % 19}.site{n % 7}.example/app/v{n % 3}"]},
            {"hash": [f"{n % 40:064x}"]},
            {"device": [f"host{n % 97:02}"], "command_line": [f"--job {n % 13}"]},
            [{"device": [f"host{n % 97:02}"], "port": [443]}, {"url": [f"s{n % 19}.site1.test"]}],
        ]
        found.append(exclusion(n, kinds[n % 8], **({"expires": end + timedelta(days=n % 12)} if n % 3 else {})))
    return found


def tuned(exclusions: list[Exclusion], *, folds: bool = True, query: str = QUERY) -> TunedRule:
    planner = Planner(TABLES, FieldMap.packaged(None, TABLES), TODAY)
    return planner.plan(rule(query), [(one, False) for one in exclusions], style=ClauseStyle(folds=folds))


def by_hand(exclusions: list[Exclusion], engine: LocalEngine) -> dict[int, list[str]]:
    """Return which exclusions take each row, each asked for alone."""
    takers: dict[int, list[str]] = {row[0]: [] for row in engine.query("DeviceNetworkEvents | project ReportId").rows}
    for one in exclusions:
        condition = tuned([one]).clauses[0].condition
        for (number,) in engine.query(f"{QUERY.splitlines()[0]} | where {condition} | project ReportId").rows:
            takers[number].append(one.id)
    return takers


def run(exclusions: list[Exclusion], engine: LocalEngine, query: str = QUERY) -> RunResult:
    result = run_rule(rule(query), tuned(exclusions, query=query), engine, with_base=True)
    assert result.error is None
    return result


@pytest.mark.parametrize("end", [date(2027, 1, 5), date(2028, 1, 1)], ids=["ends among the events", "ends later"])
def test_folded_and_one_by_one_leave_the_same_rows(engine: LocalEngine, end: date) -> None:
    exclusions = many(end)
    folded, single = tuned(exclusions), tuned(exclusions, folds=False)
    assert len(folded.plan.insertions) < 15 < len(single.plan.insertions)
    left = [sorted(engine.query(f"{one.tuned}| project ReportId").rows) for one in (folded, single)]
    assert left[0] == left[1]
    assert 0 < len(left[0]) < ROWS * 4 // 5


@pytest.mark.parametrize("end", [date(2027, 1, 5), date(2028, 1, 1)], ids=["ends among the events", "ends later"])
def test_counts_are_those_of_each_exclusion_alone(engine: LocalEngine, end: date) -> None:
    exclusions = many(end)[:120]
    takers = by_hand(exclusions, engine)
    passed = {row["ReportId"]: row["Timestamp"] for row in rows() if row["ActionType"] == "ConnectionSuccess"}
    result = run(exclusions, engine)
    assert result.rows_before == len(passed)
    assert result.rows_suppressed == sum(bool(takers[number]) for number in passed)  # type: ignore[index]
    assert result.result is not None
    assert len(result.result.rows) == len(passed) - (result.rows_suppressed or 0)
    expected = {}
    for one in exclusions:
        mine = [number for number in passed if one.id in takers[number]]  # type: ignore[index]
        times = sorted(passed[number].replace(tzinfo=UTC) for number in mine)  # type: ignore[attr-defined]
        unique = sum(takers[number] == [one.id] for number in mine)  # type: ignore[index]
        expected[one.id] = (len(mine), unique, *((times[0], times[-1]) if times else (None, None)))
    assert {hit.exclusion: (hit.rows, hit.unique, hit.first, hit.last) for hit in result.hits} == expected


def test_the_legs_of_a_union_add_up(engine: LocalEngine) -> None:
    exclusions = [exclusion(n, {"device": [f"host{n:02}"]}) for n in range(40)]
    result = run(exclusions, engine, UNION)
    named = {f"host{n:02}" for n in range(40)}
    taken = sum(str(row["DeviceName"]).lower().split(".")[0] in named for row in rows())
    assert (result.rows_before, result.rows_suppressed) == (ROWS, taken)
    assert sum(hit.rows or 0 for hit in result.hits) == taken


def test_a_folded_query_is_checked_stripped_and_applied_again(engine: LocalEngine) -> None:
    exclusions = many(date(2028, 1, 1))
    first = tuned(exclusions)
    verify(first)
    assert strip(first.tuned) == QUERY
    again = tuned(exclusions, query=first.tuned)
    assert (again.base, again.tuned) == (first.base, first.tuned)


def test_few_exclusions_keep_a_clause_each(engine: LocalEngine) -> None:
    exclusions = [exclusion(n, {"device": [f"host{n:02}"]}) for n in range(10)]
    assert [one.exclusions for one in tuned(exclusions).plan.insertions] == [(f"fp-{n:04}",) for n in range(10)]
    eleven = [*exclusions, exclusion(10, {"device": ["host10"]})]
    assert [len(one.exclusions) for one in tuned(eleven).plan.insertions] == [11]
