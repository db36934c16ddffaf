"""`created` as the lower bound of a clause: for a later day, over the past, and where a team wants it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fpctl.cli.shared import options

RULE = "DeviceProcessEvents | where FileName == 'x.exe' | project Timestamp, DeviceName, FileName"
EVENTS = [
    {"Timestamp": "2026-11-05T00:00:00Z", "DeviceName": "build01", "FileName": "x.exe"},
    {"Timestamp": "2026-11-15T00:00:00Z", "DeviceName": "build01", "FileName": "x.exe"},
]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("rules", "exclusions", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "r.kql").write_text(RULE)
    (tmp_path / "exclusions" / "fp-1.yaml").write_text(
        "id: fp-1\nrules: [r]\nmatch: {device: build01}\ncreated: 2026-11-10\nexpires: 2099-01-01\n"
        "reason: patching\nowner: a@contoso.com\napproved_by: b@contoso.com\n"
    )
    lines = "".join(json.dumps(event) + "\n" for event in EVENTS)
    (tmp_path / "data" / "DeviceProcessEvents.jsonl").write_text(lines)
    return tmp_path


def on_the(day: str, monkeypatch) -> None:
    at = options.parse_moment(day, options.now(), "--to") + timedelta(hours=12)
    monkeypatch.setattr(options, "now", lambda: at)


def hits(fpctl, *arguments) -> int:
    answer = fpctl("run", "--data", "data", "--no-record", "--format", "json", *arguments)
    (run,) = json.loads(answer.out)["runs"]
    return run["hits"][0]["rows"]


def test_a_run_over_the_past_suppresses_nothing_from_before_the_exclusion(fpctl, workplace, monkeypatch):
    on_the("2026-11-24", monkeypatch)
    assert hits(fpctl, "--to", "2026-11-20") == 1


def test_a_run_of_today_suppresses_what_the_rule_still_sees(fpctl, workplace, monkeypatch):
    on_the("2026-11-24", monkeypatch)
    assert hits(fpctl, "--to", "2026-11-24T11:00:00Z") == 2


def test_a_team_can_have_the_lower_bound_in_every_clause(fpctl, workplace, monkeypatch):
    on_the("2026-11-24", monkeypatch)
    (workplace / "fpctl.toml").write_text("[clauses]\nfrom_created = true\n")
    assert hits(fpctl) == 1
    assert "Timestamp >= datetime(2026-11-10)" in fpctl("apply", "--diff").out


def test_a_rule_applied_early_waits_for_the_first_day(fpctl, workplace, monkeypatch):
    on_the("2026-11-01", monkeypatch)
    assert "Timestamp >= datetime(2026-11-10)" in fpctl("apply", "--on", "2026-11-12", "--diff").out


def test_a_rule_applied_on_a_later_day_has_no_lower_bound(fpctl, workplace, monkeypatch):
    on_the("2026-11-24", monkeypatch)
    found = fpctl("apply", "--diff").out
    assert "fpctl fp-1" in found
    assert ">=" not in found


def test_a_preview_counts_older_events_and_says_so(fpctl, workplace, monkeypatch):
    on_the("2026-11-24", monkeypatch)
    found = fpctl("preview", "fp-1", "--data", "data", "--since", "30d", "--format", "json")
    assert json.loads(found.out)["rules"][0]["events"] == 2
    assert "events from before 2026-11-10, the first day of fp-1, are counted too" in found.err
