"""`fpctl tune`: planted patterns are proposed, narrow, and what only resembles them keeps firing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.execution.time_range import window_range
from fpctl.policy import Forbidden
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.candidates import Groups, candidates
from fpctl.tuning.drafts import add_command
from fpctl.tuning.likeness import likeness
from fpctl.tuning.rhythm import HourCount, Rhythm, rhythm
from fpctl.tuning.suggestion import ProposalCriteria, Suggestion, TuningResult, suggest

END = datetime(2026, 11, 24)
LOOK = ("--to", "2026-11-24", "--since", "14d")
HASHES = {name: str(number) * 64 for number, name in enumerate(("patch", "mon", "attack", "chrome"), 2)}


def row(
    moment: datetime, device: str, process: str, parent: str, file_hash: str, url: str, line: str = ""
) -> dict[str, Any]:
    return {
        "Timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "DeviceName": device, "RemoteUrl": url,
        "InitiatingProcessFileName": process, "InitiatingProcessParentFileName": parent,
        "InitiatingProcessSHA256": HASHES[file_hash], "InitiatingProcessCommandLine": line,
        "InitiatingProcessVersionInfoProductName": "rport",
    }  # fmt: skip


def events() -> list[dict[str, Any]]:
    """Return two weeks: patching on two Sundays, monitoring all the time, and attacks that resemble both."""
    rows = []
    for day in (datetime(2026, 11, 15), datetime(2026, 11, 22)):
        for device in ("build01.contoso.com", "build02.contoso.com"):
            rows += [
                row(
                    day + timedelta(hours=2, minutes=step),
                    device,
                    "msiexec.exe",
                    "cw.exe",
                    "patch",
                    "rport.contoso.com",
                )
                for step in range(50)
            ]
    for step in range(14 * 24):
        line = f"powershell -File Get-Data.ps1 -Target srv{step % 50}"
        moment = END - timedelta(hours=step, minutes=30)
        rows.append(row(moment, "mon-01", "powershell.exe", "rport.exe", "mon", "rport.contoso.com", line))
    sunday, midnight, url = datetime(2026, 11, 22, 2), datetime(2026, 11, 20, 23, 56), "rport.contoso.com"
    for step in range(9):
        moment = sunday + timedelta(minutes=step)
        rows += [
            row(moment, "ws-7", "msiexec.exe", "cw.exe", "patch", url),
            row(moment, "build01.contoso.com", "msiexec.exe", "cw.exe", "attack", url),
            row(moment - timedelta(days=4), "build02.contoso.com", "msiexec.exe", "cw.exe", "patch", url),
            # This one runs past midnight: two dates, yet it happened once.
            row(midnight + timedelta(minutes=step), "mon-01", "powershell.exe", "rport.exe", "mon", "evil.net", "a"),
        ]
    return rows


def laid(folder: Path) -> Path:
    folder.mkdir()
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(map(json.dumps, events())))
    return folder


@pytest.fixture
def data(workplace: Path) -> Path:
    (workplace / "exclusions" / "fp-1.yaml").unlink()
    return laid(workplace / "data")


QUERY = (
    "DeviceNetworkEvents\n| where InitiatingProcessVersionInfoProductName has 'rport'\n"
    "| summarize Count = count() by DeviceName, RemoteUrl"
)


def suggested(folder: Path, most: int = 5, kept: Callable[[Exclusion], bool] = lambda exclusion: True) -> TuningResult:
    now = END.replace(tzinfo=UTC)
    tables, span = Tables.packaged(), Timespan(now - timedelta(days=14), now)
    planner = Planner(tables, FieldMap.packaged(None, tables), now.date(), windows_within=window_range(span, now))
    criteria = ProposalCriteria(shared_names(Forbidden()), RiskWeights(), frozenset(), kept)
    rule = Rule("rmm-net", "RMM tool", QUERY, "net.kql", "bare")
    with LocalEngine(folder, now=now, tables=tables) as engine:
        return suggest(rule, (), planner, engine, span, replace(criteria, most=most))


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> TuningResult:
    return suggested(laid(tmp_path_factory.mktemp("tune") / "data"))


def match_of(one: Suggestion) -> dict[str, list[str]]:
    return {field: list(values) for field, values in one.exclusion.match[0].fields().items()}


def test_each_planted_pattern_is_proposed_once_with_all_that_is_the_same_in_it(tuning: TuningResult) -> None:
    monitoring, patching = tuning.suggestions
    assert match_of(monitoring) == {
        "device": ["mon-01"], "url": ["rport.contoso.com"], "hash": [HASHES["mon"]], "process": ["powershell.exe"],
        "parent_process": ["rport.exe"], "command_line": ["get-data.ps1"],
    }  # fmt: skip
    assert match_of(patching) == {
        "device": ["build01.contoso.com", "build02.contoso.com"], "url": ["rport.contoso.com"],
        "hash": [HASHES["patch"]], "process": ["msiexec.exe"], "parent_process": ["cw.exe"],
    }  # fmt: skip
    assert (monitoring.rows_removed, patching.rows_removed) == (336, 200)
    assert (monitoring.like.scenario, patching.like.scenario) == ("monitoring-script", "scheduled-patching")


def test_a_pattern_that_keeps_hours_gets_a_window(tuning: TuningResult) -> None:
    monitoring, patching = tuning.suggestions
    assert patching.when.weekly == ("sun 02:00-03:00",)
    assert patching.exclusion.window is not None
    assert (patching.days, monitoring.days) == (3, 14)
    assert monitoring.exclusion.window is None


def test_what_only_resembles_a_pattern_is_left(tuning: TuningResult) -> None:
    assert (tuning.rows, tuning.rows_left) == (572, 36)


def test_a_proposal_comes_with_its_clause_and_the_command_that_records_it(tuning: TuningResult) -> None:
    patching = tuning.suggestions[1]
    assert add_command(patching).startswith(
        "fpctl add --rule rmm-net --scenario scheduled-patching --no-defaults --device build01.contoso.com"
    )
    assert "--weekly 'sun 02:00-03:00'" in add_command(patching)
    assert patching.clause.startswith('| where not(DeviceName in~ ("build01.contoso.com", "build02.contoso.com")')


def test_what_would_suppress_a_known_attack_is_not_proposed(tmp_path: Path) -> None:
    def kept(exclusion: Exclusion) -> bool:
        return exclusion.match[0].process != ("powershell.exe",)

    found = suggested(laid(tmp_path / "data"), 1, kept)
    assert [match_of(one)["process"] for one in found.suggestions] == [["msiexec.exe"]]


def test_accepted_proposals_are_drafts_and_take_out_what_was_said(fpctl: Callable[..., Any], data: Path) -> None:
    arguments = ("tune", "rmm-net", "--data", data, *LOOK)
    outcome = fpctl(*arguments, "--accept", "all", "--owner", "a@contoso.com")
    assert outcome.code == 0, outcome.err
    assert "1. 336 events (58.7%), 1 result row\n" in outcome.out
    assert "   looks like      scheduled-patching: msiexec.exe installs; it happens at fixed hours" in outcome.out
    assert "All together: 536 of 572 events (93.7%) and " in outcome.out
    files = sorted((data.parent / "exclusions").glob("*.yaml"))
    assert len(files) == 2
    for path in files:
        text = path.read_text()
        assert "status: draft" in text
        path.write_text(text.replace("status: draft", "status: active").replace("created:", "# created:"))
    look = ("--to", "2026-11-24", "--since", "14d")
    run = json.loads(fpctl("run", "--data", data, *look, "--no-record", "--format", "json").out)["runs"][0]
    assert (run["rows_before"], run["rows_suppressed"]) == (572, 536)
    # What is in place is not proposed again.
    again = json.loads(fpctl(*arguments, "--format", "json").out)
    assert (again["rows"], again["proposals"]) == (36, [])


# ------------------------------------------------------------------ groups to candidates


def groups(*rows: tuple[str, int]) -> Groups:
    fields = ("device", "url", "process", "parent_process")
    return Groups(fields, tuple(tuple(text.split("/")) for text, _ in rows), tuple(count for _, count in rows))


def test_a_program_alone_is_never_a_candidate() -> None:
    found = candidates(groups(*((f"/{n}.net/a.exe/p.exe".replace(f"{n}.net", ""), 10) for n in range(60))), 5, True, 50)
    assert found == []


def test_a_device_alone_is_never_a_candidate() -> None:
    assert candidates(groups(("d1/u.net//", 100), ("d1/v.net//", 100)), 5, True, 50) == []


def test_programs_on_different_devices_are_different_candidates() -> None:
    best = candidates(groups(("b1/u.net/setup.exe/tool.exe", 100), ("m1/u.net/sh.exe/tool.exe", 100)), 5, True, 50)
    assert {one.match["process"] for one in best} == {("setup.exe",), ("sh.exe",)}


def test_programs_that_do_one_job_on_the_same_devices_are_one_candidate() -> None:
    made = [(f"b{n}/u.net/{exe}/tool.exe", 50) for n in (1, 2, 3) for exe in ("setup.exe", "patch.exe")]
    best = candidates(groups(*made), 5, True, 50)[0]
    assert (best.match["process"], best.rows) == (("patch.exe", "setup.exe"), 300)


# ------------------------------------------------------------------ rhythm and likeness


def hours(*found: tuple[int, int, int, int]) -> list[HourCount]:
    return [HourCount(*one) for one in found]


@pytest.mark.parametrize(
    ("counts", "seen", "weekly"),
    [
        (hours((6, 2, 100, 2), (6, 3, 100, 2)), 2, ("sun 02:00-04:00",)),
        (hours(*((day, 8, 50, 2) for day in range(5))), 10, ("mon-fri 08:00-09:00",)),
        (hours(*((day, 1, 50, 2) for day in range(7))), 14, ("daily 01:00-02:00",)),
        (hours((5, 23, 50, 2), (6, 0, 50, 2)), 4, ("sat 23:00-01:00",)),
        (hours(*((day, 1, 2, 1) for day in (0, 1, 4, 5, 6))), 5, ("daily 01:00-02:00",)),
        (hours((6, 2, 1000, 2), (2, 14, 9, 1)), 3, ("sun 02:00-03:00",)),
        (hours((6, 2, 100, 2), (2, 14, 90, 1)), 3, ()),
        (hours((6, 2, 100, 1)), 1, ()),
        (hours(*((day, hour, 10, 2) for day in range(7) for hour in range(24))), 14, ()),
    ],
    ids=[
        "sundays",
        "work days",
        "daily",
        "past midnight",
        "five days in a row",
        "one odd hour",
        "two rhythms",
        "seen once",
        "always",
    ],
)
def test_a_window_is_suggested_only_for_a_rhythm(counts: list[HourCount], seen: int, weekly: tuple[str, ...]) -> None:
    assert rhythm(counts, seen, 14).weekly == weekly


@pytest.mark.parametrize(
    ("match", "scenario"),
    [
        ({"process": ["msiexec.exe"], "parent_process": ["connectwise.clientservice.exe"]}, "scheduled-patching"),
        ({"process": ["taskhostw.exe"], "command_line": ["shutdown /r /t 0"]}, "remote-reboot"),
        ({"process": ["powershell.exe"], "command_line": ["get-monitoringdata.ps1"]}, "monitoring-script"),
        ({"process": ["sqlservr.exe"], "url": ["backup.contoso.com"]}, "database-backup"),
        ({"process": ["rport.exe"], "hash": ["a"], "url": ["deploy.contoso.com"]}, "software-deployment"),
        ({"process": ["chrome.exe"], "url": ["cdn.example"]}, None),
    ],
)
def test_a_pattern_looks_like_the_scenario_that_most_speaks_for(
    match: dict[str, list[str]], scenario: str | None
) -> None:
    assert likeness(match, 5, Rhythm("")).scenario == scenario
