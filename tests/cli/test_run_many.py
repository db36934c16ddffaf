"""`fpctl run` of many rules: several at once, going on after an interrupt, a dry run, and the summary."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fpctl.history.history import History
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import Misbehaviour, Request
from servers.store import Store

RULE = """DeviceNetworkEvents
| where RemotePort == {port}
| project Timestamp, DeviceName, RemotePort
"""
EXCLUSION = """id: fp-1
rules: ["*"]
match:
  device: [build01]
reason: patching
owner: a@contoso.com
approved_by: b@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
NOW = ("--to", "2026-11-20T00:00:00Z")
RULES = 8


@pytest.fixture(scope="module")
def server() -> Iterator[LogAnalyticsServer]:
    store = Store(
        """CREATE TABLE DeviceNetworkEvents AS SELECT TIMESTAMP '2026-11-19 08:00:00' AS Timestamp,
           CASE WHEN x % 2 = 0 THEN 'build01.contoso.com' ELSE 'ws-1' END AS DeviceName,
           CAST(440 + x % 8 AS INTEGER) AS RemotePort FROM range(64) AS numbers(x)"""
    )
    with LogAnalyticsServer(store) as running:
        yield running
    store.close()


@pytest.fixture
def many(workplace: Path, server: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("rules", "exclusions"):
        (workplace / folder).mkdir()
    for number in range(RULES):
        (workplace / "rules" / f"r{number}.kql").write_text(RULE.format(port=440 + number))
    (workplace / "exclusions" / "fp-1.yaml").write_text(EXCLUSION)
    (workplace / "fpctl.toml").write_text(
        "[engine]\ndefault = 'log-analytics'\ncredential = 'none'\n"
        f"[engine.log-analytics]\nworkspace_id = 'w'\nendpoint = '{server.url}'\n"
    )
    server.requests.clear()
    server.script.clear()
    server.on_request = None
    return workplace


def queries(server: LogAnalyticsServer) -> list[str]:
    return [request.body["query"] for request in server.requests if request.path.endswith("/query")]


def test_all_rules_run_and_are_shown_in_their_order(fpctl: Callable[..., Any], many: Path) -> None:
    outcome = fpctl("run", *NOW, "--format", "json")
    assert outcome.code == 0, outcome.err
    shown = json.loads(outcome.out)
    assert [run["path"] for run in shown["runs"]] == [f"r{number}.kql" for number in range(RULES)]
    assert shown["summary"] == {
        "rules": 8, "ok": 8, "partial": 0, "failed": 0, "unplanned": 0, "done_before": 0, "hits": 32,
    }  # fmt: skip
    assert outcome.err.endswith("8 rules: 8 ok; 32 hits\n")
    assert not (many / ".fpctl" / "run.jsonl").exists()


def test_tables_are_checked_once_for_all_rules(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer
) -> None:
    fpctl("run", *NOW)
    assert sum("countif" in text and "Oldest" in text for text in queries(server)) == 1


def test_no_more_requests_than_asked_for_are_in_flight(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer
) -> None:
    lock, now, most = threading.Lock(), 0, 0
    answer = server.answer

    def counted(request: Request) -> tuple[int, Any]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.02)
        try:
            return answer(request)
        finally:
            with lock:
                now -= 1

    server.answer = counted  # type: ignore[method-assign]
    try:
        assert fpctl("run", *NOW, "--at-once", "3").code == 0
    finally:
        server.answer = answer  # type: ignore[method-assign]
    assert most == 3


def test_a_rule_that_fails_is_run_again_by_resume_and_only_that(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer
) -> None:
    (many / "rules" / "r3.kql").write_text("NoSuchTable\n| where RemotePort == 443\n")
    first = fpctl("run", *NOW)
    assert first.code == 2
    assert first.err.endswith(
        "8 rules: 7 ok, 1 failed; 32 hits\n  hint: `fpctl run --resume` runs the rules that are not done\n"
    )
    (many / "rules" / "r3.kql").write_text(RULE.format(port=443))
    server.requests.clear()
    second = fpctl("run", "--resume", "--format", "json")
    assert second.code == 0, second.err
    shown = json.loads(second.out)
    assert [run["path"] for run in shown["runs"]] == ["r3.kql"]
    assert (shown["summary"]["ok"], shown["summary"]["done_before"]) == (1, 7)
    assert not any("RemotePort == 440" in text for text in queries(server))
    with History.open(many / ".fpctl" / "history.db") as history:
        assert sorted(run.status for run in history.runs()) == ["failed", *["ok"] * 8]
        assert {run.range_end.isoformat() for run in history.runs() if run.range_end} == {"2026-11-20T00:00:00+00:00"}
    assert not (many / ".fpctl" / "run.jsonl").exists()


def test_resume_runs_a_rule_again_whose_clauses_have_changed(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer
) -> None:
    server.script.extend([Misbehaviour("status", 400)])  # the check of the tables, so that the first rules fail
    assert fpctl("run", *NOW, "--at-once", "1").code == 2
    (many / "exclusions" / "fp-1.yaml").write_text(EXCLUSION.replace('["*"]', '["r5.kql"]'))
    shown = json.loads(fpctl("run", "--resume", "--format", "json").out)
    assert shown["summary"]["done_before"] == 1
    assert "r5.kql" not in [run["path"] for run in shown["runs"]]


def test_an_interrupted_run_goes_on(many: Path, server: LogAnalyticsServer, fpctl: Callable[..., Any]) -> None:
    seen = threading.Semaphore(0)
    held = threading.Event()

    def slow(request: Request) -> None:
        if request.body and "RemotePort == 44" in request.body["query"]:
            seen.release()
            if "RemotePort == 445" in request.body["query"]:
                held.wait(60)

    server.on_request = slow
    process = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "run", *NOW, "--at-once", "1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(11):  # two for each of the five rules before it, and one of its own
            assert seen.acquire(timeout=60)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        held.set()
        process.kill()
    assert process.returncode == 130
    assert err == "5 of 8 rules are done; `fpctl run --resume` runs the others\nfpctl: interrupted\n"
    with History.open(many / ".fpctl" / "history.db") as history:
        assert len(history.runs()) == 5
    server.on_request = None
    shown = json.loads(fpctl("run", "--resume", "--format", "json").out)
    assert [run["path"] for run in shown["runs"]] == ["r5.kql", "r6.kql", "r7.kql"]
    with History.open(many / ".fpctl" / "history.db") as history:
        assert len(history.runs()) == 8


def test_an_interrupt_among_rules_that_run_at_once_leaves_whole_runs(
    many: Path, server: LogAnalyticsServer, fpctl: Callable[..., Any]
) -> None:
    held = threading.Event()

    def slow(request: Request) -> None:
        if request.body and "RemotePort == 445" in request.body["query"]:
            held.wait(60)

    server.on_request = slow
    process = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "run", *NOW, "--at-once", "3"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoint = many / ".fpctl" / "run.jsonl"
    try:
        for _ in range(1200):  # a line for the request, and one for each rule that is done
            if checkpoint.exists() and len(checkpoint.read_text().splitlines()) == RULES:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        held.set()
        process.kill()
    assert (process.returncode, err) == (
        130, "7 of 8 rules are done; `fpctl run --resume` runs the others\nfpctl: interrupted\n",
    )  # fmt: skip
    with History.open(many / ".fpctl" / "history.db") as history:
        assert [run.status for run in history.runs()] == ["ok"] * 7
    server.on_request = None
    shown = json.loads(fpctl("run", "--resume", "--format", "json").out)
    assert [run["path"] for run in shown["runs"]] == ["r5.kql"]


def test_resume_takes_nothing_that_would_change_the_run(fpctl: Callable[..., Any], many: Path) -> None:
    outcome = fpctl("run", "--resume", "--since", "2d")
    assert outcome.code == 2
    assert "--resume continues the previous run: do not give rules, engine, data or range" in outcome.err


def test_resume_without_an_interrupted_run(fpctl: Callable[..., Any], many: Path) -> None:
    outcome = fpctl("run", "--resume")
    assert outcome.code == 2
    assert outcome.err == (
        "fpctl: .fpctl/run.jsonl: there is no interrupted run to continue\n  hint: run without --resume\n"
    )


def test_a_dry_run_asks_nobody_and_records_nothing(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer
) -> None:
    outcome = fpctl("run", *NOW, "--dry-run", "--format", "json")
    assert outcome.code == 0
    first = json.loads(outcome.out)["runs"][0]
    assert first == {
        "rule": "r0.kql", "name": "r0", "path": "r0.kql", "status": "planned", "engine": "log-analytics",
        "tables": ["DeviceNetworkEvents"], "exclusions": ["fp-1"], "queries": 2,
    }  # fmt: skip
    assert outcome.err.endswith("8 rules would run with the engine log-analytics: 16 queries\n")
    assert server.requests == []
    assert not (many / ".fpctl").exists()


def test_a_rule_that_cannot_be_planned_is_counted(fpctl: Callable[..., Any], many: Path) -> None:
    (many / "rules" / "bad.kql").write_text("DeviceInfo | where\n")
    outcome = fpctl("run", *NOW)
    assert outcome.code == 2
    assert "9 rules: 8 ok, 1 could not be planned; 32 hits\n" in outcome.err


def test_a_missing_table_where_tables_cannot_be_listed_stops_no_other_rule(
    fpctl: Callable[..., Any], many: Path
) -> None:
    settings = (many / "fpctl.toml").read_text().replace("workspace_id = 'w'", "resource_id = '/subscriptions/s'")
    (many / "fpctl.toml").write_text(settings)
    (many / "rules" / "r0.kql").write_text("NoSuchTable\n| where RemotePort == 440\n")
    outcome = fpctl("run", *NOW)
    assert outcome.code == 2
    assert "r0.kql: the engine has no table NoSuchTable, which the rule reads\n" in outcome.err
    assert "8 rules: 7 ok, 1 failed; 24 hits\n" in outcome.err


def test_the_credential_can_be_chosen(
    fpctl: Callable[..., Any], many: Path, server: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", "not-a-real-token")
    assert fpctl("run", "r0.kql", *NOW, "--credential", "token").code == 0
    assert {request.headers.get("Authorization") for request in server.requests} == {"Bearer not-a-real-token"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("preview", "fp-1", "--since", "30d"),
        ("tune", "r0.kql", "--since", "30d"),
        ("capture", "r0.kql", "--where", "DeviceName == 'ws-1'", "--name", "n"),
    ],
)
def test_whoever_looks_at_events_can_choose_the_credential(
    fpctl: Callable[..., Any],
    many: Path,
    server: LogAnalyticsServer,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", "not-a-real-token")
    fpctl(*arguments, *NOW, "--credential", "token")  # the tables there lack most columns: what is asked matters here
    assert {request.headers.get("Authorization") for request in server.requests} == {"Bearer not-a-real-token"}


def test_the_local_engine_runs_one_rule_after_the_other_whatever_is_asked(
    fpctl: Callable[..., Any], many: Path
) -> None:
    (many / "data").mkdir()
    row = {"Timestamp": "2026-11-19T08:00:00Z", "DeviceName": "build01", "RemotePort": 441}
    (many / "data" / "DeviceNetworkEvents.jsonl").write_text(json.dumps(row))
    threads: set[str] = set()
    from fpctl.engine.local.engine import LocalEngine

    query_many = LocalEngine.query_many

    def noted(self: LocalEngine, *arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return query_many(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalEngine, "query_many", noted)
        outcome = fpctl("run", *NOW, "--engine", "local", "--data", "data", "--at-once", "4", "--format", "json")
    assert json.loads(outcome.out)["summary"]["ok"] == 8
    assert threads == {threading.main_thread().name}


def test_a_rule_that_failed_among_several_has_no_empty_section(fpctl: Callable[..., Any], many: Path) -> None:
    (many / "rules" / "broken.kql").write_text("// name: No such table\nNoSuchTable_CL\n| where A_s == 'x'\n")
    outcome = fpctl("run", *NOW)
    assert outcome.out.count("No such table") == 1  # in the table at the end
    assert "NoSuchTable_CL" in outcome.err
