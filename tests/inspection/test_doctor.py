"""`fpctl doctor`: each thing that can be wrong is found, named, and comes with a way to put it right."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.inspection.service import reach
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import Misbehaviour
from servers.security_insights import WORKSPACE, SecurityInsightsServer

Fpctl = Callable[..., Any]


def found(outcome: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the findings by (area, subject)."""
    listed = json.loads(outcome.out)["findings"]
    by_key = {(one["area"], one["subject"]): one for one in listed}
    assert len(by_key) == len(listed)
    assert all(one["hint"] for one in listed if one["status"] in ("warning", "error")), listed
    return by_key


def doctor(fpctl: Fpctl, *arguments: str) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    outcome = fpctl("doctor", "--format", "json", *arguments)
    return outcome.code, found(outcome)


def test_all_is_well(fpctl: Fpctl, server: LogAnalyticsServer) -> None:
    code, findings = doctor(fpctl)
    assert code == 0
    assert {(area, one["status"]) for (area, _), one in findings.items()} == {
        (area, "ok")
        for area in ("settings", "history", "service", "clock", "credential", "permission", "tables", "limits")
    }
    table = findings["tables", "DeviceNetworkEvents"]
    assert table["message"] == "10 rows where rules look; the newest is of 2026-11-19 08:00 UTC"
    assert table["rules"] == ["net.kql"]


def test_a_table_that_is_missing(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "file.kql").write_text("DeviceFileEvents\n| where Timestamp > ago(1d)\n")
    code, findings = doctor(fpctl)
    assert code == 1
    table = findings["tables", "DeviceFileEvents"]
    assert (table["status"], table["message"], table["rules"]) == ("error", "the table does not exist", ["file.kql"])
    assert table["hint"].startswith("ensure this data connector is enabled")
    assert findings["tables", "DeviceNetworkEvents"]["status"] == "ok"


def test_a_table_without_rows_where_the_rule_looks(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "info.kql").write_text("DeviceInfo\n| where Timestamp > ago(7d)\n")
    code, findings = doctor(fpctl, "info.kql")
    assert code == 1
    table = findings["tables", "DeviceInfo"]
    assert (table["status"], table["message"], table["hint"]) == (
        "warning",
        "no rows since 2026-11-13 00:00 UTC, where rules look; its newest row is of 2026-01-01 08:00 UTC",
        "ensure this data connector is enabled",
    )


def test_a_table_that_gets_no_rows_any_more(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "ev.kql").write_text("DeviceEvents\n| where Timestamp > ago(30d)\n")
    _, findings = doctor(fpctl, "ev.kql")
    table = findings["tables", "DeviceEvents"]
    assert (table["status"], table["message"]) == (
        "warning",
        "1 row where rules look, but none for 18 days: the newest is of 2026-11-01 08:00 UTC",
    )


def test_a_documented_column_that_the_table_lacks(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "net.kql").write_text("DeviceNetworkEvents\n| where RemoteUrl has 'x'\n")
    code, findings = doctor(fpctl)
    assert code == 1
    column = findings["tables", "net.kql"]
    assert column["status"] == "warning"
    assert "RemoteUrl" in column["message"]


def test_a_slip_in_a_tables_name(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "slip.kql").write_text("Own_CK\n| take 1\n")
    _, findings = doctor(fpctl)
    assert findings["tables", "Own_CK"]["hint"] == ("ensure this data connector is enabled; did you mean `Own_CL`?")


def test_no_permission(fpctl: Fpctl, server: LogAnalyticsServer) -> None:
    server.scripted = lambda request: request.method == "POST"  # type: ignore[method-assign]
    server.script.append(Misbehaviour("status", 403))
    code, findings = doctor(fpctl)
    assert code == 1
    assert findings["permission", "log-analytics"]["status"] == "error"
    assert "Log Analytics Reader" in findings["permission", "log-analytics"]["hint"]
    assert findings["tables", "log-analytics"]["status"] == "skipped"


def test_a_token_that_has_ended(fpctl: Fpctl, server: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", "not-a-real-token")
    server.scripted = lambda request: request.method == "POST"  # type: ignore[method-assign]
    server.script.append(Misbehaviour("expired"))
    code, findings = doctor(fpctl, "--credential", "token")
    assert code == 1
    credential = findings["credential", "log-analytics"]
    assert credential["message"].startswith("Log Analytics rejected the token (401)")
    assert "get a new one" in credential["hint"]


def test_no_token_at_all(fpctl: Fpctl, server: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPCTL_CREDENTIAL", "token")
    code, findings = doctor(fpctl)
    assert code == 1
    assert findings["settings", "log-analytics"]["message"] == "FPCTL_ACCESS_TOKEN is not set"


def test_a_service_that_is_not_there(fpctl: Fpctl, server: LogAnalyticsServer) -> None:
    server.close()
    code, findings = doctor(fpctl)
    assert code == 1
    assert findings["service", "127.0.0.1"]["status"] == "error"
    assert "HTTPS_PROXY" in findings["service", "127.0.0.1"]["hint"]
    assert findings["tables", "log-analytics"]["status"] == "skipped"


@pytest.mark.parametrize(
    ("off", "status", "words"),
    [(0, "ok", "is right"), (100, "warning", "s ahead of the service's"), (-3600, "error", "s behind the service's")],
)
def test_the_clock(server: LogAnalyticsServer, off: int, status: str, words: str) -> None:
    findings = list(reach(server.url, lambda: time.time() + off))
    assert (findings[1].area, findings[1].status) == ("clock", status)
    assert words in findings[1].message
    assert server.requests[0].headers.get("Authorization") is None


def test_no_workspace_is_set(fpctl: Fpctl, workplace: Path) -> None:
    (workplace / "fpctl.toml").write_text("[engine]\ndefault = 'log-analytics'\n")
    code, findings = doctor(fpctl)
    assert code == 1
    assert findings["settings", "log-analytics"]["message"] == "no workspace is set"


def test_a_rule_that_cannot_be_planned(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "bad.kql").write_text("DeviceInfo | where\n")
    code, findings = doctor(fpctl)
    assert code == 1
    assert findings["settings", "bad.kql"]["message"].startswith("the rule cannot be planned: ")


def test_a_query_that_is_too_long_for_sentinel(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    text = RULE_YAML.format("x" * 10_000)
    (workplace / "rules" / "long.yaml").write_text(text)
    code, findings = doctor(fpctl)
    assert code == 1
    assert "Sentinel allows 10,000" in findings["limits", "long.yaml"]["message"]


RULE_YAML = """id: long
name: long
kind: Scheduled
queryFrequency: 1d
queryPeriod: 1d
query: |
  DeviceNetworkEvents
  | where DeviceName != "{}"
"""


def test_the_local_engine_needs_no_service(fpctl: Fpctl, workplace: Path) -> None:
    (workplace / "data").mkdir()
    row = {"Timestamp": "2026-11-19T12:00:00Z", "DeviceName": "x", "RemotePort": 443}
    (workplace / "data" / "DeviceNetworkEvents.jsonl").write_text(json.dumps(row))
    code, findings = doctor(fpctl, "--data", "data")
    assert code == 0
    assert findings["tables", "DeviceNetworkEvents"]["status"] == "ok"
    assert not any(area in ("service", "clock", "credential", "permission") for area, _ in findings)


def test_the_workspace_to_deploy_to(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    with SecurityInsightsServer() as manager:
        text = (workplace / "fpctl.toml").read_text()
        (workplace / "fpctl.toml").write_text(
            f"{text}[deploy]\nworkspace = '{WORKSPACE}'\nendpoint = '{manager.url}'\n"
        )
        assert doctor(fpctl)[1]["deployment", WORKSPACE]["message"] == "0 rules and saved searches can be read"
        manager.script.extend([Misbehaviour("status", 403)] * 2)  # the plans of tables, and the deployment
        code, findings = doctor(fpctl)
        assert (code, findings["deployment", WORKSPACE]["status"]) == (1, "error")
        assert "Microsoft Sentinel Contributor" in findings["deployment", WORKSPACE]["hint"]


def test_the_text_shows_a_fix_below_each_finding(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    for number in range(5):
        (workplace / "rules" / f"f{number}.kql").write_text("DeviceFileEvents\n| take 1\n")
    outcome = fpctl("doctor", "--quiet")
    assert outcome.code == 1
    assert outcome.out == (
        "error   tables: DeviceFileEvents: the table does not exist\n"
        "        hint: ensure this data connector is enabled\n"
        "        rules: f0.kql, f1.kql, f2.kql and 2 more\n"
    )
