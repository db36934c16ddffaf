"""`fpctl hits`: totals and trends, with what never ran and what is unknown told apart from zero."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fpctl.cli.shared import options
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)

EXCLUSION = """\
id: {id}
title: Title of {id}
rules: ["*"]
match: {{device: [build01]}}
reason: Monthly patching
owner: a.rossi@contoso.com
ticket: CHG0012345
created: 2026-11-01
expires: 2027-05-01
approved_by: m.weber@contoso.com
status: active
"""


@pytest.fixture
def record(workplace: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that records a run of some days ago: exclusion id to rows, None for unknown."""
    monkeypatch.setattr(options, "now", lambda: NOW)

    def add(hits: dict[str, int | None], *, days_ago: int = 0, rule: str = "r1", name: str = "Rule one") -> datetime:
        started = NOW - timedelta(days=days_ago)
        unknown = None in hits.values()
        records = tuple(
            HitRecord(ExclusionVersion(id, "v1"), rows, rows, started if rows else None, started if rows else None)
            for id, rows in hits.items()
        )
        with History.open(workplace / ".fpctl" / "history.db") as history:
            history.record_run(
                RunRecord(
                    RuleVersion(rule, name, "b1", "T"),
                    "local",
                    "failed" if unknown else "ok",
                    started,
                    started,
                    error="the counting query failed" if unknown else None,
                    hits=records,
                )
            )
        return started

    return add


def author(workplace: Path, *ids: str) -> None:
    folder = workplace / "exclusions"
    folder.mkdir(exist_ok=True)
    for id in ids:
        (folder / f"{id}.yaml").write_text(EXCLUSION.format(id=id), encoding="utf-8")


def lines(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in text.splitlines()[2:]}


def test_totals_are_shown_per_exclusion(fpctl, record):
    record({"fp-1": 1200, "fp-2": 3}, days_ago=1)
    started = record({"fp-1": 34, "fp-2": 0})
    outcome = fpctl("hits")
    assert (outcome.code, outcome.err) == (0, "")
    header = outcome.out.splitlines()[0]
    assert header.split() == ["exclusion", "hits", "unique", "runs", "first", "event", "last", "event", "trend"]
    shown = lines(outcome.out)
    assert shown["fp-1"][1:4] == ["1,234", "1,234", "2"]
    assert shown["fp-1"][6:8] == started.strftime("%Y-%m-%d %H:%M:%S").split()
    assert shown["fp-1"][8] == "█▂"
    assert shown["fp-2"][1:4] == ["3", "3", "2"]
    assert shown["fp-2"][8] == "█▁"


def test_an_exclusion_that_hit_nothing_is_zero(fpctl, record):
    record({"fp-1": 0})
    assert lines(fpctl("hits").out)["fp-1"][1:] == ["0", "0", "1", "-", "-", "▁"]


def test_an_exclusion_that_no_run_has_had_is_listed_without_a_count(fpctl, record, workplace):
    record({"fp-2": 5})
    author(workplace, "fp-1", "fp-2")
    outcome = fpctl("hits")
    assert list(lines(outcome.out)) == ["fp-1", "fp-2"]
    assert lines(outcome.out)["fp-1"][1:] == ["-", "-", "0", "-", "-", "·"]


def test_unknown_hits_are_said_to_be_unknown(fpctl, record):
    record({"fp-1": None})
    record({"fp-2": None}, days_ago=2)
    record({"fp-2": 7}, days_ago=1)
    outcome = fpctl("hits")
    assert outcome.code == 0
    assert lines(outcome.out)["fp-1"][1:] == ["unknown", "-", "1", "(1", "unknown)", "-", "-", "··?"]
    assert lines(outcome.out)["fp-2"][1:6] == ["7", "7", "2", "(1", "unknown)"]
    assert lines(outcome.out)["fp-2"][-1] == "?█·"


def test_the_trend_shows_thirty_days_at_most(fpctl, record):
    record({"fp-1": 9}, days_ago=400)
    record({"fp-1": 1})
    assert lines(fpctl("hits").out)["fp-1"][-1] == "·" * 29 + "█"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--rule", "r1"), {"fp-1": "1", "fp-2": "2"}),
        (("--rule", "Rule two"), {"fp-1": "10"}),
        (("--exclusion", "fp-1"), {"fp-1": "11"}),
        (("--since", "5d"), {"fp-1": "10"}),
    ],
)
def test_hits_are_narrowed_by_rule_exclusion_and_time(fpctl, record, arguments, expected):
    record({"fp-1": 1, "fp-2": 2}, days_ago=10)
    record({"fp-1": 10}, rule="r2", name="Rule two")
    assert {id: cells[1] for id, cells in lines(fpctl("hits", *arguments).out).items()} == expected


def test_hits_are_shown_by_rule_where_asked(fpctl, record):
    record({"fp-1": 1})
    record({"fp-1": 10}, rule="r2", name="Rule two")
    rows = fpctl("hits", "--by-rule").out.splitlines()[2:]
    assert [row.split()[:4] for row in rows] == [["fp-1", "Rule", "one", "1"], ["fp-1", "Rule", "two", "10"]]


def test_json_has_a_stable_shape(fpctl, record, workplace):
    started = record({"fp-1": 4}).isoformat().replace("+00:00", "Z")
    author(workplace, "fp-1", "fp-9")
    outcome = fpctl("hits", "--format", "json")
    assert json.loads(outcome.out) == {
        "since": None,
        "hits": [
            {
                "exclusion": "fp-1",
                "title": "Title of fp-1",
                "status": "active",
                "rule": None,
                "rule_name": None,
                "rows": 4,
                "unique": 4,
                "runs": 1,
                "unknown_runs": 0,
                "first": started,
                "last": started,
                "last_hit": started,
                "last_run": started,
                "trend": [{"day": started[:10], "runs": 1, "rows": 4}],
                "drift": [],
            },
            {
                "exclusion": "fp-9",
                "title": "Title of fp-9",
                "status": "active",
                "rule": None,
                "rule_name": None,
                "rows": None,
                "unique": None,
                "runs": 0,
                "unknown_runs": 0,
                "first": None,
                "last": None,
                "last_hit": None,
                "last_run": None,
                "trend": [],
                "drift": [],
            },
        ],
        "problems": [],
    }


def test_csv_leaves_the_unknown_empty(fpctl, record):
    record({"fp-1": None, "fp-2": None})
    rows = list(csv.DictReader(io.StringIO(fpctl("hits", "--format", "csv").out)))
    assert [(row["exclusion"], row["rows"], row["unknown_runs"]) for row in rows] == [
        ("fp-1", "", "1"),
        ("fp-2", "", "1"),
    ]


def test_no_history_is_said_and_none_is_made(fpctl, workplace):
    outcome = fpctl("hits", "--format", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {"since": None, "hits": [], "problems": []}
    assert outcome.err == "No run has been recorded yet: there is no .fpctl/history.db. `fpctl run` creates it.\n"
    assert list(workplace.iterdir()) == []


def test_another_history_is_read_where_it_is_named(fpctl, record, workplace, monkeypatch):
    record({"fp-1": 4})
    (workplace / ".fpctl" / "history.db").rename(workplace / "team.db")
    assert lines(fpctl("hits", "--history", "team.db").out)["fp-1"][1] == "4"
    monkeypatch.setenv("FPCTL_HISTORY_URL", f"sqlite:///{workplace / 'team.db'}")
    assert lines(fpctl("hits").out)["fp-1"][1] == "4"


def test_an_unknown_rule_is_met_with_the_nearest(fpctl, record):
    record({"fp-1": 4}, rule="a464ea00", name="RPort")
    outcome = fpctl("hits", "--rule", "Rport1")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: no run of a rule 'Rport1' is recorded\n  hint: did you mean `RPort`?\n"


def test_an_unknown_exclusion_is_met_with_the_nearest(fpctl, record, workplace):
    record({"fp-1": 4})
    author(workplace, "fp-2026-0001")
    outcome = fpctl("hits", "--exclusion", "fp-2026-0002")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: no exclusion 'fp-2026-0002' is known\n  hint: did you mean `fp-2026-0001`?\n"


def test_a_time_that_is_none_is_a_usage_error(fpctl):
    outcome = fpctl("hits", "--since", "yesterday")
    assert (outcome.code, outcome.out) == (2, "")
    assert (
        "'yesterday' is not a valid time (expected one such as 30d, 12h, 2026-11-01 or 2026-11-01T08:00:00Z)"
        in outcome.err
    )


def test_a_broken_exclusion_file_is_said_and_the_rest_is_shown(fpctl, record, workplace):
    record({"fp-1": 4})
    author(workplace, "fp-1")
    (workplace / "exclusions" / "broken.yaml").write_text("id: [", encoding="utf-8")
    outcome = fpctl("hits")
    assert outcome.code == 2
    assert lines(outcome.out)["fp-1"][1] == "4"
    assert "broken.yaml:2:1: error: not valid YAML" in outcome.err
    assert outcome.err.endswith("1 error\n")


def test_a_history_that_is_none_is_one_clear_message(fpctl, workplace):
    (workplace / "notes.txt").write_text("not a database, but long enough to be looked at\n" * 40)
    outcome = fpctl("hits", "--history", "notes.txt")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "fpctl: notes.txt: this file is not a history\n  hint: choose another file for the history\n"
