"""Shadow exclusions: counted by runs, never in the tuned text, and reviewed after a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, HitTotals, RuleVersion, RunRecord
from fpctl.tuning.shadow import reviews

TODAY = date(2026, 11, 24)


def shadow(workplace: Path, id: str = "fp-2", device: str = "build01") -> Path:
    file = workplace / "exclusions" / f"{id}.yaml"
    file.write_text(
        f"id: {id}\nrules: [rmm-net]\nmatch: {{device: [{device}]}}\ncreated: 2026-11-01\nexpires: 2027-05-01\n"
        "status: shadow\n"
    )
    return file


@pytest.fixture
def data(workplace: Path) -> Path:
    folder = workplace / "data"
    folder.mkdir()
    rows = [
        {"DeviceName": device, "InitiatingProcessFileName": process}
        for device, process in (("build01", "msiexec.exe"), ("build01", "rport.exe"), ("ws-1", "rport.exe"))
    ]
    lines = [
        json.dumps({"Timestamp": "2026-11-23T10:00:00Z", "InitiatingProcessVersionInfoProductName": "rport", **row})
        for row in rows
    ]
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(lines))
    return folder


def run(fpctl: Callable[..., Any], data: Path, *more: str) -> dict[str, Any]:
    outcome = fpctl("run", "--data", data, "--to", "2026-11-24", "--format", "json", *more)
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)["runs"][0]
    return found


def test_a_shadow_is_counted_and_takes_nothing_out(fpctl: Callable[..., Any], workplace: Path, data: Path) -> None:
    shadow(workplace)
    found = run(fpctl, data, "--no-record")
    assert (found["rows_before"], found["rows_suppressed"], found["result_rows"]) == (3, 1, 2)
    assert [(one["exclusion"], one["rows"]) for one in found["hits"]] == [("fp-1", 1)]
    # fp-1 takes one of its two events out already, so only the other would be its own.
    assert [(one["exclusion"], one["rows"], one["unique"]) for one in found["shadow"]] == [("fp-2", 2, 1)]


def test_a_shadow_is_not_in_the_tuned_text(fpctl: Callable[..., Any], workplace: Path) -> None:
    shadow(workplace)
    outcome = fpctl("apply", "--on", "2026-11-24")
    assert "fp-2" not in outcome.out
    assert "not applied: fp-2 [shadow] fp-2 is only counted (status: shadow)" in outcome.err


def test_what_a_shadow_would_hit_is_recorded(fpctl: Callable[..., Any], workplace: Path, data: Path) -> None:
    shadow(workplace)
    run(fpctl, data)
    (one,) = json.loads(fpctl("review", "--days", "1", "--format", "json").out)["shadows"]
    assert (one["exclusion"], one["runs"], one["rows"], one["unique"]) == ("fp-2", 1, 2, 1)


def test_a_shadow_is_activated_only_with_an_approval(fpctl: Callable[..., Any], workplace: Path) -> None:
    file = shadow(workplace)
    refused = fpctl("review", "fp-2", "--activate")
    assert (refused.code, "status: shadow" in file.read_text()) == (2, True)
    assert "fp-2 has no approval" in refused.err
    file.write_text(file.read_text() + "approved_by: m.weber@contoso.com\n")
    waits = fpctl("review", "fp-2", "--activate")
    assert (waits.code, "fp-2 stays in shadow: " in waits.err) == (2, True)
    assert fpctl("review", "fp-2", "--activate", "--force", "CHG7 needs it tonight").code == 0
    assert "status: active" in file.read_text()
    assert "CHG7 needs it tonight" in fpctl("log", "fp-2").out


def test_a_shadow_is_dropped_with_a_reason(fpctl: Callable[..., Any], workplace: Path) -> None:
    file = shadow(workplace)
    assert fpctl("review", "fp-2", "--drop", "it suppressed nothing").code == 0
    assert "status: retired" in file.read_text()
    assert "it suppressed nothing" in file.read_text()


def test_only_a_shadow_can_be_decided_upon(fpctl: Callable[..., Any], workplace: Path) -> None:
    outcome = fpctl("review", "fp-1", "--activate")
    assert (outcome.code, "fp-1 is active, not in shadow" in outcome.err) == (2, True)


@pytest.fixture
def watched(workplace: Path) -> dict[str, Path]:
    """Return what a run counted twenty days ago: fp-2 is ready and approved, fp-3 not approved, fp-4 idle."""
    files = {
        "fp-2": shadow(workplace),
        "fp-3": shadow(workplace, "fp-3", "ws-1"),
        "fp-4": shadow(workplace, "fp-4", "x"),
    }
    files["fp-2"].write_text(files["fp-2"].read_text() + "approved_by: m.weber@contoso.com\n")
    started = datetime.now(UTC) - timedelta(days=20)
    rows = {"fp-2": 2, "fp-3": 1, "fp-4": 0}
    hits = tuple(HitRecord(ExclusionVersion(id, "h"), count, count) for id, count in rows.items())
    version = RuleVersion("rmm-net", "RMM", "h", "T")
    with History.open(".fpctl/history.db") as history:
        history.record_run(RunRecord(version, "local", "ok", started, started, hits=hits))
    for file in files.values():
        file.write_text(file.read_text().replace("2026-11-01", "2026-10-01"))
    return files


def statuses(files: dict[str, Path]) -> list[str]:
    return [next(line for line in file.read_text().splitlines() if "status:" in line) for file in files.values()]


def test_accepting_does_what_the_review_says(fpctl: Callable[..., Any], watched: dict[str, Path]) -> None:
    outcome = fpctl("review", "--accept")
    assert statuses(watched) == ["status: active", "status: shadow", "status: retired"]
    assert outcome.code == 1, outcome.err
    assert "fp-2 is active now\n" in outcome.err
    assert "fp-3 stays in shadow: it is not approved (fpctl approve fp-3)\n" in outcome.err
    assert "fp-4 is retired\n" in outcome.err
    assert "it would have suppressed nothing" in watched["fp-4"].read_text()
    actions = {(one["exclusion"], one["action"]) for one in json.loads(fpctl("log", "--format", "json").out)["entries"]}
    assert {("fp-2", "activated"), ("fp-4", "retired")} <= actions


@pytest.mark.parametrize(
    ("answers", "after", "code"),
    [
        (["d", "l", "l"], ["status: retired", "status: shadow", "status: shadow"], 1),
        (["a", "d", "drop"], ["status: active", "status: retired", "status: retired"], 0),
        (["", "x", "a"], ["status: shadow", "status: shadow", "status: shadow"], 1),
    ],
)
def test_a_person_is_offered_to_activate_or_drop_each(
    fpctl: Callable[..., Any],
    watched: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    answers: list[str],
    after: list[str],
    code: int,
) -> None:
    given = iter(answers)
    monkeypatch.setattr("fpctl.cli.shared.terminal.may_ask", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda question, **_: next(given))
    assert (fpctl("review").code, statuses(watched)) == (code, after)


def test_only_one_decision_at_a_time(fpctl: Callable[..., Any], workplace: Path) -> None:
    shadow(workplace)
    outcome = fpctl("review", "fp-2", "--activate", "--accept")
    assert (outcome.code, "only one of them" in outcome.err) == (2, True)


def totals(rows: int | None, unique: int | None, days: int) -> HitTotals:
    first = TODAY - timedelta(days=days)
    return HitTotals("fp", runs=1, unknown_runs=0, rows=rows, unique=unique, first_day=first)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (None, "wait"),
        (totals(5, 5, 3), "wait"),
        (totals(5, 5, 14), "activate"),
        (totals(0, 0, 14), "drop"),
        (totals(5, 0, 14), "drop"),
        (totals(None, None, 14), "look"),
    ],
)
def test_the_verdict_comes_from_the_runs(found: HitTotals | None, verdict: str) -> None:
    exclusion = Exclusion.model_validate(
        {"id": "fp", "rules": ["*"], "match": {"device": "b"}, "status": "shadow", "created": date(2026, 11, 1)}
    )
    (review,) = reviews([exclusion], {"fp": found} if found else {}, TODAY)
    assert review.verdict == verdict


def test_what_is_forced_stands_in_the_audit_trail_with_its_reason(fpctl: Callable[..., Any], workplace: Path) -> None:
    event = (
        "{DeviceName: build01, InitiatingProcessFileName: msiexec.exe, InitiatingProcessVersionInfoProductName: rport}"
    )
    (workplace / "rules" / "net.tests.yaml").write_text(f"must_fire:\n  - rows: {{DeviceNetworkEvents: {event}}}\n")
    outcome = fpctl("apply", "--out", "tuned", "--on", "2026-11-24", "--force", "accepted in CHG1")
    assert outcome.code == 0, outcome.err
    entries = json.loads(fpctl("log", "--format", "json").out)["entries"]
    assert [(one["exclusion"], one["reason"]) for one in entries if one["action"] == "forced"] == [
        ("fp-1", "accepted in CHG1")
    ]
    assert fpctl("log", "verify").code == 0
