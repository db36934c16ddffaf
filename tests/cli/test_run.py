"""`fpctl run`: rows, hits and the record; and that nothing unknown is ever shown or recorded as zero."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord

RULE = """DeviceNetworkEvents
| where Timestamp > ago(5d)
| where RemotePort == 443
| summarize Count = count() by DeviceName
"""
EXCLUSION = """id: {id}
rules: [net.kql]
match:
  {match}
reason: patching
owner: a@contoso.com
approved_by: b@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
NOW = ("--to", "2026-11-20T00:00:00Z")


def event(device: str, process: str, day: int, port: int = 443) -> str:
    return json.dumps(
        {
            "Timestamp": f"2026-11-{day:02}T08:00:00Z",
            "DeviceName": device,
            "InitiatingProcessFileName": process,
            "RemotePort": port,
        }
    )


EVENTS = [
    event("build01.contoso.com", "msiexec.exe", 18),
    event("BUILD01.contoso.com", "evil.exe", 19),
    event("build010.contoso.com", "msiexec.exe", 19),
    event("ws-1.contoso.com", "msiexec.exe", 19),
    event("build01.contoso.com", "msiexec.exe", 19, port=80),
    event("build01.contoso.com", "msiexec.exe", 2),
]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def repository(workplace: Path) -> Path:
    write(workplace / "rules" / "net.kql", RULE)
    write(workplace / "exclusions" / "fp-1.yaml", EXCLUSION.format(id="fp-1", match="device: [build01]"))
    write(
        workplace / "exclusions" / "fp-2.yaml",
        EXCLUSION.format(id="fp-2", match="device: [build01.contoso.com, ws-1]\n  process: [msiexec.exe]"),
    )
    write(workplace / "data" / "DeviceNetworkEvents.jsonl", "\n".join(EVENTS))
    return workplace


def run_of(outcome: Any) -> dict[str, Any]:
    (run,) = json.loads(outcome.out)["runs"]
    assert isinstance(run, dict)
    return run


def test_rows_and_hits_are_counted_at_the_gap(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("run", "--data", "data", *NOW, "--format", "json")
    run = run_of(outcome)
    assert outcome.code == 0, outcome.err
    assert (run["status"], run["engine"], run["error"]) == ("ok", "local", None)
    assert (run["rows_before"], run["rows_suppressed"], run["result_rows"]) == (4, 3, 1)
    assert run["base_result_rows"] == 4
    first, second = run["hits"]
    assert (first["exclusion"], first["rows"], first["unique"]) == ("fp-1", 2, 1)
    assert (first["first"], first["last"]) == ("2026-11-18T08:00:00Z", "2026-11-19T08:00:00Z")
    assert (second["exclusion"], second["rows"], second["unique"]) == ("fp-2", 2, 1)


def test_the_run_is_recorded_and_shown_by_hits(fpctl: Callable[..., Any], repository: Path) -> None:
    fpctl("run", "--data", "data", *NOW)
    fpctl("run", "--data", "data", *NOW)
    hits = json.loads(fpctl("hits", "--format", "json").out)["hits"]
    assert [(h["exclusion"], h["rows"], h["runs"]) for h in hits] == [("fp-1", 4, 2), ("fp-2", 4, 2)]


def test_old_hits_of_single_runs_are_pruned_where_the_settings_say_so(
    fpctl: Callable[..., Any], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = ExclusionVersion("fp-1", "v1")
    old = datetime(2026, 1, 5, 12, tzinfo=UTC)
    with History.open(repository / ".fpctl" / "history.db") as history:
        for _ in range(60):
            history.record_run(
                RunRecord(
                    RuleVersion("old", "Old", "b", "T"),
                    "local",
                    "ok",
                    old,
                    old,
                    hits=(HitRecord(version, 2, 1, old, old),),
                )
            )
    before = fpctl("hits", "--rule", "old", "--format", "json").out
    write(repository / "fpctl.toml", "[history]\nkeep_raw_days = 30\n")
    outcome = fpctl("run", "--data", "data", *NOW)
    assert "10 hits of single runs before " in outcome.err
    assert "were pruned; their daily totals are kept (history.keep_raw_days)" in outcome.err
    assert fpctl("hits", "--rule", "old", "--format", "json").out == before
    assert "were pruned" not in fpctl("run", "--data", "data", *NOW).err
    assert "Hits of 2026-01-05 are stored by day only" in fpctl("hits", "--since", "2026-01-05T11:00:00Z").err


def test_no_record_leaves_no_history(fpctl: Callable[..., Any], repository: Path) -> None:
    assert fpctl("run", "--data", "data", *NOW, "--no-record").code == 0
    assert not (repository / ".fpctl").exists()


def test_the_text_shows_result_hits_and_rows(fpctl: Callable[..., Any], repository: Path) -> None:
    out = fpctl("run", "--data", "data", *NOW).out
    assert "build010.contoso.com" in out
    assert "Result rows: 1 (without exclusions 4)\n" in out
    assert "Rows at the clauses: 4 before, 1 after\n" in out
    assert "fp-1              2         1  2026-11-18 08:00:00  2026-11-19 08:00:00\n" in out


def test_since_narrows_the_events(fpctl: Callable[..., Any], repository: Path) -> None:
    run = run_of(fpctl("run", "--data", "data", *NOW, "--since", "2026-11-19", "--format", "json"))
    assert (run["rows_before"], run["rows_suppressed"]) == (3, 2)


def test_a_window_counts_only_events_inside_its_local_hours(fpctl: Callable[..., Any], repository: Path) -> None:
    # The events are at 08:00 UTC, 09:00 in Rome in November; the 19th is a Thursday, the 18th a Wednesday.
    window = 'window: {weekly: ["thu 08:30-09:30"], timezone: Europe/Rome}\n'
    write(repository / "exclusions" / "fp-1.yaml", EXCLUSION.format(id="fp-1", match="device: [build01]") + window)
    run = run_of(fpctl("run", "--data", "data", *NOW, "--format", "json"))
    assert [(hit["exclusion"], hit["rows"]) for hit in run["hits"]] == [("fp-1", 1), ("fp-2", 2)]
    applied = fpctl("apply", "--on", "2026-11-20")
    assert 'datetime_utc_to_local(Timestamp, "Europe/Rome")' in applied.out


def test_no_data_folder(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("run")
    assert outcome.code == 2
    assert outcome.err == (
        "fpctl: the local engine needs a folder of data\n"
        "  hint: give --data FOLDER, or set `data` in [paths] of fpctl.toml\n"
    )
    missing = fpctl("run", "--data", "nowhere")
    assert missing.code == 2
    assert "nowhere" in missing.err
    assert not (repository / ".fpctl").exists()


def test_a_missing_table_fails_the_run_and_leaves_the_counts_unknown(
    fpctl: Callable[..., Any], repository: Path
) -> None:
    (repository / "data" / "DeviceNetworkEvents.jsonl").rename(repository / "data" / "DeviceInfo.jsonl")
    outcome = fpctl("run", "--data", "data", *NOW, "--format", "json")
    run = run_of(outcome)
    assert outcome.code == 2
    assert (run["status"], run["rows_before"], run["rows_suppressed"], run["result_rows"]) == (
        "failed",
        None,
        None,
        None,
    )
    assert "the engine has no table DeviceNetworkEvents, which the rule reads (it has: DeviceInfo)" in outcome.err
    assert "hint: put a file (TABLE.parquet, .csv or .jsonl) or a folder of that name" in outcome.err
    assert "connector" not in outcome.err


def test_a_table_without_rows_in_range_is_said(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("run", "--data", "data", "--to", "2027-01-20T00:00:00Z", "--format", "json")
    assert outcome.code == 1
    assert (
        "DeviceNetworkEvents holds no rows between 2027-01-15 00:00 and 2027-01-20 00:00 UTC; "
        "its newest row is of 2026-11-19 08:00: run the rule as of then with --to 2026-11-19T08:01Z"
    ) in outcome.err


PERIODS = {
    "sentinel.yaml": "id: s\nname: s\nqueryFrequency: 1d\nqueryPeriod: 1d\nquery: |\n  DeviceNetworkEvents\n",
    "detection.json": '{"id": "d", "displayName": "d", "queryCondition": {"queryText": "DeviceNetworkEvents"}, '
    '"schedule": {"frequency": "PT12H"}}',
}
"""Rules with a period of their own: the day before, and two days, which is what Defender gives one of 12 hours."""


@pytest.mark.parametrize(
    ("rule", "arguments", "start", "rows"),
    [
        ("sentinel.yaml", (), "2026-11-19T00:00:00Z", 4),
        ("detection.json", (), "2026-11-18T00:00:00Z", 5),
        ("sentinel.yaml", ("--since", "5d"), "2026-11-15T00:00:00Z", 5),
        ("detection.json", ("--from", "2026-11-01T00:00:00Z"), "2026-11-01T00:00:00Z", 6),
    ],
)
def test_a_rule_reads_the_events_of_its_own_period_unless_a_start_is_given(
    fpctl: Callable[..., Any], repository: Path, rule: str, arguments: tuple[str, ...], start: str, rows: int
) -> None:
    write(repository / "rules" / rule, PERIODS[rule])
    call = ("run", rule, "--data", "data", *NOW, *arguments, "--no-record")
    run = run_of(fpctl(*call, "--format", "json"))
    assert (run["from"], run["to"], run["base_result_rows"]) == (start, "2026-11-20T00:00:00Z", rows)
    shown = f"events of {start[:10]} 00:00 to 2026-11-20 00:00 UTC"
    assert shown in fpctl(*call).out
    assert ("--since or --from overrides it" in fpctl(*call).out) == (not arguments)


def test_a_rule_without_a_period_reads_what_its_query_says(fpctl: Callable[..., Any], repository: Path) -> None:
    run = run_of(fpctl("run", "--data", "data", *NOW, "--no-record", "--format", "json"))
    assert run["from"] is None


def test_what_the_engine_cannot_run_is_named_and_recorded_as_unknown(
    fpctl: Callable[..., Any], repository: Path
) -> None:
    write(repository / "rules" / "net.kql", RULE + "| evaluate autocluster()\n")
    outcome = fpctl("run", "--data", "data", *NOW, "--format", "json")
    run = run_of(outcome)
    assert outcome.code == 2
    assert run["status"] == "failed"
    assert "autocluster" in run["error"]
    assert {hit["rows"] for hit in run["hits"]} == {None}
    hits = json.loads(fpctl("hits", "--format", "json").out)["hits"]
    assert [h["rows"] for h in hits] == [None, None]


def test_one_failing_rule_does_not_stop_the_others(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "a_bad.kql", "DeviceInfo | where\n")
    outcome = fpctl("run", "--data", "data", *NOW, "--format", "json")
    assert outcome.code == 2
    assert {run["status"] for run in json.loads(outcome.out)["runs"]} == {"ok", "failed"}


def test_a_broken_history_is_one_clear_error_and_stays_as_it_is(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "history.db", "this is no database, it is a text of more than sixteen bytes")
    before = (repository / "history.db").read_bytes()
    outcome = fpctl("run", "--data", "data", *NOW, "--history", "history.db")
    assert outcome.code == 2
    assert outcome.err.startswith("fpctl: history.db: ")
    assert (repository / "history.db").read_bytes() == before


def test_the_range_options_are_checked(fpctl: Callable[..., Any], repository: Path) -> None:
    both = fpctl("run", "--data", "data", "--since", "5d", "--from", "2026-11-01")
    assert both.code == 2
    assert "give either --since or --from, not both" in both.err
    backwards = fpctl("run", "--data", "data", *NOW, "--from", "2026-12-01")
    assert backwards.code == 2
    assert "the range ends at 2026-11-20 00:00, before it begins" in backwards.err


def test_ctrl_c_in_a_run_leaves_no_record(repository: Path) -> None:
    # 3,000 rows joined with themselves four times: far longer than the second that the signal waits for.
    rows = "\n".join(event("build01.contoso.com", "msiexec.exe", 19) for _ in range(3000))
    write(repository / "data" / "DeviceNetworkEvents.jsonl", rows)
    joins = "\n".join("| join kind=inner (DeviceNetworkEvents | project RemotePort) on RemotePort" for _ in range(4))
    write(repository / "rules" / "net.kql", f"DeviceNetworkEvents\n{joins}\n| summarize count() by DeviceName\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "run", "--data", "data", *NOW],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history = repository / ".fpctl" / "history.db"
    try:
        for _ in range(600):
            if history.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, (out, err)
    assert err == "fpctl: interrupted\n"
    with History.open(history) as kept:
        assert kept.runs() == []
    assert sorted(path.name for path in repository.iterdir()) == [".fpctl", "data", "exclusions", "rules"]
