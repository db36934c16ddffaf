"""Constructs with which a filter in the wrong place adds rows: shown on data, and refused or warned about.

The lists are those of docs/kql.md. `/*here*/` marks where a person would paste the clause.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from rewrite.semantics.estate import NOW, SCHEMA, TABLES, Estate, write_table

CLAUSE = '\n| where DeviceName != "build01"\n'

PROCESSES = [
    ("build01", "ann", "a.exe", 4, 1),
    ("build01", "ann", "b.exe", 8, 2),
    ("build01", "ann", "b.exe", 100, 0),
    ("db1", "ann", "a.exe", 15, 3),
    ("db1", "bob", "a.exe", 15, 4),
    ("build01", "bob", "a.exe", 4, 2),
    ("web1", "carl", "c.exe", 8, 1),
    ("web1", "carl", "c.exe", 15, 5),
    ("build01", "dora", "d.exe", 4, 1),
    ("db1", "dora", "d.exe", 8, 2),
    ("build01", "fred", "f.exe", 4, 1),
]
"""Device, account, file, process id, hours ago."""
MAILS = [("ann", "x"), ("bob", "y"), ("carl", "z"), ("dora", "y"), ("eve", "x"), ("fred", "z")]


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    rows: dict[str, list[dict[str, Any]]] = {
        "DeviceProcessEvents": [
            {"Timestamp": NOW - timedelta(hours=hours), "DeviceName": device, "AccountName": account,
             "FileName": file, "ProcessId": number}
            for device, account, file, number, hours in PROCESSES
        ],
        "DeviceNetworkEvents": [],
        "EmailEvents": [{"Timestamp": NOW, "SenderFromAddress": who, "Subject": what} for who, what in MAILS],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for table, columns in SCHEMA.items():
            write_table(Path(folder) / f"{table}.parquet", columns, rows.get(table, []))
        exclusion = Exclusion.model_validate({"id": "fp-1", "rules": ["*"], "match": {"device": "build01"}})
        with LocalEngine(Path(folder), now=NOW, tables=TABLES, threads=1) as engine:
            yield Estate(engine, rows, exclusion, engine)


class Construct(NamedTuple):
    """A query; `runs` is False where the local engine lacks an operator or function of it."""

    text: str
    runs: bool = True

    def base(self) -> str:
        return self.text.replace("/*here*/", "")

    def pasted(self) -> str:
        return self.text.replace("/*here*/", CLAUSE)


def added(estate: Estate, base: str, other: str) -> Counter[tuple[Any, ...]]:
    """Return the rows that only the other query gives."""
    return estate.run(other) - estate.run(base)


P = "DeviceProcessEvents /*here*/"
OTHERS = f"({P} | project SenderFromAddress = AccountName, FileName)"

INVERTING = {
    "leftanti, right side": Construct(f"EmailEvents | join kind=leftanti {OTHERS} on SenderFromAddress"),
    "anti, right side": Construct(f"EmailEvents | join kind=anti {OTHERS} on SenderFromAddress"),
    "leftantisemi, right side": Construct(f"EmailEvents | join kind=leftantisemi {OTHERS} on SenderFromAddress"),
    "rightanti, left side": Construct(
        f"{P} | project SenderFromAddress = AccountName | join kind=rightanti (EmailEvents) on SenderFromAddress"
    ),
    "rightantisemi, left side": Construct(
        f"{P} | project SenderFromAddress = AccountName | join kind=rightantisemi (EmailEvents) on SenderFromAddress"
    ),
    "!in (subquery)": Construct(f"EmailEvents | where SenderFromAddress !in (({P} | distinct AccountName))"),
    "!in~ (subquery)": Construct(f"EmailEvents | where SenderFromAddress !in~ (({P} | distinct AccountName))"),
    "not(in (subquery))": Construct(f"EmailEvents | where not(SenderFromAddress in (({P} | distinct AccountName)))"),
    "leftouter, right side, and a null test": Construct(
        f"EmailEvents | join kind=leftouter {OTHERS} on SenderFromAddress | where isempty(FileName)"
    ),
    "leftouter, right side": Construct(f"EmailEvents | join kind=leftouter {OTHERS} on SenderFromAddress"),
    "lookup, right side, and a null test": Construct(
        f"EmailEvents | lookup {OTHERS} on SenderFromAddress | where isempty(FileName)"
    ),
    "fullouter, right side, and a null test": Construct(
        f"EmailEvents | join kind=fullouter {OTHERS} on SenderFromAddress | where isempty(FileName)"
    ),
    "fullouter, left side": Construct(
        f"{P} | project SenderFromAddress = AccountName | join kind=fullouter (EmailEvents) on SenderFromAddress"
    ),
    "rightouter, left side": Construct(
        f"{P} | project SenderFromAddress = AccountName | join kind=rightouter (EmailEvents) on SenderFromAddress"
    ),
    "a baseline in a let": Construct(
        f"let known = {P} | distinct AccountName;\nEmailEvents | where SenderFromAddress !in (known)"
    ),
    "a let used in both ways": Construct(
        f"let runs = {P} | project AccountName, FileName, ProcessId;\n"
        "let known = runs | where ProcessId < 5 | distinct AccountName;\n"
        "runs | where ProcessId > 5 | where AccountName !in (known) | distinct AccountName"
    ),
    "toscalar as a threshold": Construct(
        f"let usual = toscalar({P} | summarize max(ProcessId));\n"
        "EmailEvents | extend Length = 20 * strlen(SenderFromAddress) | where Length > usual"
    ),
    "toscalar in place": Construct(
        "EmailEvents | extend Length = 20 * strlen(SenderFromAddress) "
        f"| where Length > toscalar({P} | summarize max(ProcessId))"
    ),
    "the successes that are subtracted": Construct(
        "let failures = EmailEvents | summarize Failures = count() by Who = SenderFromAddress;\n"
        f"let successes = {P} | summarize Successes = count() by Who = AccountName;\n"
        "failures | join kind=inner (successes) on Who | where Failures >= Successes | project Who"
    ),
    "set_difference, second argument": Construct(
        "let now = EmailEvents | summarize Now = make_set(\"a.exe\") by Who = SenderFromAddress;\n"
        f"let before = {P} | summarize Before = make_set(FileName) by Who = AccountName;\n"
        "now | join kind=inner (before) on Who | extend New = set_difference(Now, Before) "
        "| where array_length(New) > 0 | project Who",
        runs=False,
    ),
    "an allow-list as an argument": Construct(
        "let newcomers = (known: (AccountName: string)) { EmailEvents "
        "| where SenderFromAddress !in ((known | distinct AccountName)) };\n"
        f"newcomers(({P} | distinct AccountName))",
        runs=False,
    ),
    "a test for no path": Construct(
        f"let reached = {P} | make-graph DeviceName --> AccountName "
        "| graph-match (a)-[e]->(b) project Who = tostring(e.AccountName);\n"
        "EmailEvents | where SenderFromAddress !in (reached)",
        runs=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("construct", INVERTING.values(), ids=INVERTING)
def test_inverting_constructs_are_refused(estate: Estate, construct: Construct) -> None:
    tuned = estate.plan(construct.base())
    assert tuned.tuned == construct.base()
    (skip,) = tuned.plan.skips
    assert skip.reason in ("inverting-position", "both-polarities")
    if construct.runs:
        assert added(estate, construct.base(), construct.pasted()), "this data does not show why it is refused"


AGGREGATES = {
    "count < N": "| summarize n = count() by AccountName | where n < 2",
    "count == N": "| summarize n = count() by AccountName | where n == 1",
    "dcount == 1": "| summarize n = dcount(DeviceName) by AccountName | where n == 1 | project AccountName",
    "countif == 0": '| summarize n = countif(DeviceName startswith "build") by AccountName '
    "| where n == 0 | project AccountName",
    "failures > successes": '| summarize f = countif(DeviceName == "db1"), s = countif(DeviceName == "build01") '
    "by AccountName | where f > s | project AccountName",
    "max < x": "| summarize m = max(ProcessId) by AccountName | where m < 50 | project AccountName",
    "min > x": "| summarize m = min(ProcessId) by AccountName | where m > 4 | project AccountName",
    "avg compared": "| summarize m = avg(ProcessId) by AccountName | where m > 14 | project AccountName",
    "stdev compared": "| summarize m = stdev(ProcessId) by AccountName | where m < 10 | project AccountName",
    "percentile compared": "| summarize m = percentile(ProcessId, 50) by AccountName "
    "| where m >= 15 | project AccountName",
    "a ratio": "| summarize a = countif(DeviceName == 'db1'), b = count() by AccountName | extend r = todouble(a) / b "
    "| where r > 0.9 | project AccountName",
    "a set of one": "| summarize s = make_set(DeviceName) by AccountName "
    "| where array_length(s) == 1 | project AccountName",
    "arg_max": "| summarize arg_max(ProcessId, FileName) by AccountName",
    "arg_min": "| summarize arg_min(ProcessId, FileName) by AccountName",
    "top": "| top 2 by ProcessId desc",
    "take after sort": "| sort by ProcessId desc, FileName asc | take 3",
    "count of everything": "| count | where Count < 8",
    "groups of a count": "| summarize n = count() by AccountName | summarize Accounts = count() by n",
    "least of counts": "| summarize n = count() by AccountName, FileName | summarize least = min(n) by AccountName "
    "| where least < 2 | project AccountName",
    "latest joined back": "| summarize Last = max(ProcessId) by AccountName "
    "| join kind=inner (EmailEvents | extend Last = 5 * strlen(SenderFromAddress)) on Last",
}  # fmt: skip
WARNED = {name: Construct(f"{P} {tail}") for name, tail in AGGREGATES.items()} | {
    "innerunique, left side": Construct(
        f"{P} | project AccountName, DeviceName, FileName | sort by DeviceName asc "
        "| join kind=innerunique (EmailEvents) on $left.AccountName == $right.SenderFromAddress",
        runs=False,  # which left row is kept is arbitrary
    ),
    "take_any": Construct(f"{P} | summarize take_any(FileName) by AccountName", runs=False),
    "sample": Construct(f"{P} | sample 3", runs=False),
    "sample-distinct": Construct(f"{P} | sample-distinct 2 of AccountName", runs=False),
    "top-nested": Construct(f"{P} | top-nested 1 of AccountName by count()", runs=False),
    "top-hitters": Construct(f"{P} | top-hitters 1 of AccountName", runs=False),
    "partition with top": Construct(f"{P} | partition by AccountName (top 1 by ProcessId)", runs=False),
    "prev": Construct(f"{P} | project Timestamp, FileName | sort by Timestamp "
    "| extend Before = prev(FileName)", runs=False),
    "next": Construct(f"{P} | project Timestamp, FileName | sort by Timestamp "
    "| extend After = next(FileName)", runs=False),
    "row_number": Construct(f"{P} | sort by Timestamp asc | serialize Row = row_number() | where Row <= 3", runs=False),
    "row_cumsum": Construct(f"{P} | sort by Timestamp asc | serialize Sum = row_cumsum(ProcessId)", runs=False),
    "row_window_session": Construct(
        f"{P} | sort by Timestamp asc | serialize Session = row_window_session(Timestamp, 1h, 5m)", runs=False
    ),
    "scan": Construct(
        f"{P} | sort by Timestamp asc | scan declare (n: long = 0) with (step s: true => n = s.n + 1;)", runs=False
    ),
    "sequence_detect": Construct(
        f"{P} | evaluate sequence_detect(Timestamp, 1h, 1h, a = (ProcessId == 4), b = (ProcessId == 8), AccountName)",
        runs=False,
    ),
    "make-series": Construct(
        f"{P} | make-series n = count() default = 0 on Timestamp step 1h by AccountName "
        "| extend a = series_decompose_anomalies(n)",
        runs=False,
    ),
    "reduce": Construct(f"{P} | reduce by FileName", runs=False),
    "autocluster": Construct(f"{P} | evaluate autocluster()", runs=False),
    "basket": Construct(f"{P} | evaluate basket()", runs=False),
    "diffpatterns": Construct(f'{P} | evaluate diffpatterns(AccountName, "ann", "bob")', runs=False),
    "pivot": Construct(f"{P} | project AccountName, FileName | evaluate pivot(FileName)", runs=False),
    "bag_unpack without a schema": Construct(
        f"{P} | project Bag = pack_dictionary(DeviceName, FileName) | evaluate bag_unpack(Bag)", runs=False
    ),
}  # fmt: skip


@pytest.mark.parametrize("construct", WARNED.values(), ids=WARNED)
def test_constructs_that_change_an_aggregate_are_warned_about(estate: Estate, construct: Construct) -> None:
    tuned = estate.plan(construct.base())
    assert tuned.plan.insertions
    assert any(warning.code == "effect" for warning in tuned.plan.warnings)
    if construct.runs:
        assert added(estate, construct.base(), tuned.tuned), "this data does not show why it is warned about"


SAFE = {
    "count > N": "| summarize n = count() by AccountName | where n > 1 | project AccountName",
    "dcount > N": "| summarize n = dcount(DeviceName) by AccountName | where n > 1 | project AccountName",
    "max > x": "| summarize m = max(ProcessId) by AccountName | where m > 10 | project AccountName",
    "min < x": "| summarize m = min(ProcessId) by AccountName | where m < 10 | project AccountName",
    "countif > 0": '| summarize n = countif(FileName == "a.exe") by AccountName | where n > 0 | project AccountName',
    "a set that has": '| summarize s = make_set(FileName) by AccountName | where s has "a.exe" | project AccountName',
    "a large set": "| summarize s = make_set(FileName) by AccountName "
    "| where array_length(s) > 1 | distinct AccountName",
    "distinct": "| distinct AccountName",
    "most of counts": "| summarize n = count() by AccountName, FileName | summarize m = max(n) by AccountName "
    "| where m > 1 | project AccountName",
}  # fmt: skip


@pytest.mark.parametrize("tail", SAFE.values(), ids=SAFE)
def test_safe_constructs_are_not_warned_about_and_add_nothing(estate: Estate, tail: str) -> None:
    base = f"DeviceProcessEvents {tail}"
    tuned = estate.plan(base)
    assert tuned.plan.insertions
    assert not [warning for warning in tuned.plan.warnings if warning.code == "effect"]
    assert not added(estate, base, tuned.tuned)


@pytest.mark.parametrize("operator", ["lt", "eq", "ne"])
def test_a_rule_that_fires_on_few_results_is_warned_about(estate: Estate, operator: str) -> None:
    plan = estate.plan("DeviceProcessEvents", triggerOperator=operator, triggerThreshold=5).plan
    assert [warning.code for warning in plan.warnings] == ["trigger-operator"]


def test_a_rule_that_fires_on_many_results_is_not(estate: Estate) -> None:
    assert estate.plan("DeviceProcessEvents", triggerOperator="gt", triggerThreshold=0).plan.warnings == ()
