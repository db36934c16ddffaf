"""The commands of the guides for Sentinel and Defender, in their order, against services on loopback."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fpctl.schema.tables import Tables
from servers.graph import GraphServer
from servers.graph_detections import GraphDetectionsServer
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import Request
from servers.security_insights import SecurityInsightsServer
from servers.store import Store

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULE = "0c4a1f6f-0001-4000-8000-000000000001"
QUERY = """DeviceNetworkEvents
| where RemotePort == 443
| where DeviceName != 'old-01'
| project Timestamp, ReportId, DeviceId, DeviceName"""
KINDS = {
    "string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "datetime": "TIMESTAMP", "bool": "BOOLEAN",
    "real": "DOUBLE", "dynamic": "JSON", "guid": "UUID",
}  # fmt: skip
"""DuckDB's types."""
EXTRA = {
    "adopt": ("--yes",),
    "add": (
        "--device", "build01", "--reason", "Patching", "--owner", "a@contoso.com", "--ticket", "CHG1", "--id", "fp-1",
        "--yes",
    ),
    "approve": ("--by", "m.weber@contoso.com"),
    "deploy": ("--yes",),
    "init": (".",),
}  # fmt: skip
"""What the guide leaves to the reader."""
CODES = {
    "doctor": (0, 1), f"adopt {RULE} --yes": (1,), "diff --deployed": (1,), "diff --deployed --target defender": (1,),
    "audit": (0, 1),
}  # fmt: skip
"""Exit codes of commands that find something."""


def commands(name: str) -> list[list[str]]:
    """Return the commands of a page in their order, with what the guide leaves to the reader filled in."""
    page = (DOCS / name).read_text("utf-8")
    found = []
    for text in re.findall(r"`fpctl ([^`]+)`", page):
        words = [{"RULE": RULE, "ID": "fp-1"}.get(word, word) for word in shlex.split(" ".join(text.split()))]
        found.append([*words, *EXTRA.get(words[0], ())])
    return found


def settings_of(name: str) -> str:
    """Return the settings that a page shows."""
    page = (DOCS / name).read_text("utf-8")
    block = re.search(r"^ *```toml\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    assert block is not None
    return "".join(line.strip() + "\n" for line in block[1].splitlines())


@pytest.fixture
def bare(repository: Path) -> Path:
    """Return an empty folder."""
    (repository / "rules" / "remote_tool.yaml").unlink()
    for name in ("rules", "exclusions"):
        (repository / name).rmdir()
    return repository


@pytest.fixture
def logs() -> Iterator[LogAnalyticsServer]:
    given = {"Timestamp", "DeviceName", "InitiatingProcessFileName", "RemoteUrl", "RemotePort"}
    columns = Tables.packaged("auto", "xdr").table("DeviceNetworkEvents") or {}
    others = ", ".join(f"CAST(NULL AS {KINDS[kind]}) AS {name}" for name, kind in columns.items() if name not in given)
    store = Store(
        f"""CREATE TABLE DeviceNetworkEvents AS SELECT
           TIMESTAMP '2026-11-24 08:00:00' - x * INTERVAL 3 HOUR AS Timestamp,
           CASE WHEN x % 4 < 3 THEN 'build01.contoso.com' ELSE 'ws-1' END AS DeviceName,
           CASE WHEN x % 4 < 3 THEN 'agent.exe' ELSE 'evil.exe' END AS InitiatingProcessFileName,
           CASE WHEN x % 4 < 3 THEN 'deploy.contoso.com' ELSE 'evil.example' END AS RemoteUrl,
           CAST(443 AS INTEGER) AS RemotePort, {others} FROM range(80) AS numbers(x)"""
    )
    with LogAnalyticsServer(store) as running:
        yield running
    store.close()


class Tenant(GraphDetectionsServer, GraphServer):
    """Microsoft Graph with detections and hunting."""

    def __init__(self, store: Store) -> None:
        GraphServer.__init__(self, store)
        self.rules, self.refused, self._count = {}, (), 0

    def answer(self, request: Request) -> tuple[int, Any]:
        hunts = request.path == "/v1.0/security/runHuntingQuery"
        return GraphServer.answer(self, request) if hunts else GraphDetectionsServer.answer(self, request)


def test_the_guide_for_defender(
    fpctl: Callable[..., Any], bare: Path, logs: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tenant(logs.store) as tenant:
        body = {
            "id": RULE, "displayName": "Remote", "status": "enabled", "schedule": {"frequency": "P1D"},
            "queryCondition": {"queryText": QUERY}, "detectionAction": {"alertTemplate": {
                "title": "Remote tool", "description": "x", "severity": "medium", "recommendedActions": "Call",
                "tactics": [{"tactic": "Impact", "techniques": [{"technique": "T1486", "subTechniques": []}]}],
                "entityMappings": {"hosts": [{"nameColumn": "DeviceName"}]},
            }},
        }  # fmt: skip
        assert tenant._created(body)[0] == 201
        for name, value in {"ENDPOINT": tenant.url, "CREDENTIAL": "none"}.items():
            monkeypatch.setenv(f"FPCTL_DEFENDER_{name}", value)
        for words in commands("defender.md"):
            outcome = fpctl(*words)
            expected = CODES.get(" ".join(words), (0,))
            assert outcome.code in expected, (words, outcome.out, outcome.err)
            if words[0] == "init":
                (bare / "fpctl.toml").write_text(settings_of("defender.md"), encoding="utf-8")
        assert "fp-1" in tenant.rules[RULE]["queryCondition"]["queryText"]


def test_the_guide_for_sentinel(
    fpctl: Callable[..., Any], bare: Path, logs: LogAnalyticsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SecurityInsightsServer() as workspace:
        workspace.resources[f"alertRules/{RULE}"] = {
            "name": RULE, "etag": '"1"', "kind": "Scheduled", "properties": {
                "displayName": "Remote", "enabled": True, "severity": "Medium", "query": QUERY, "tactics": [],
                "queryFrequency": "PT1H", "queryPeriod": "P14D", "triggerOperator": "GreaterThan",
                "triggerThreshold": 0, "suppressionDuration": "PT5H", "suppressionEnabled": False,
            },
        }  # fmt: skip
        for name, value in {
            "FPCTL_WORKSPACE": "main", "FPCTL_CREDENTIAL": "none", "FPCTL_DEPLOY_ENDPOINT": workspace.url,
            "FPCTL_LOG_ANALYTICS_ENDPOINT": logs.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        for words in commands("sentinel.md"):
            outcome = fpctl(*words)
            expected = CODES.get(" ".join(words), (0,))
            assert outcome.code in expected, (words, outcome.out, outcome.err)
            if words[0] == "init":
                (bare / "fpctl.toml").write_text(settings_of("sentinel.md"), encoding="utf-8")
            if words[0] == "deploy":
                query = workspace.resources[f"alertRules/{RULE}"]["properties"]["query"]
                assert ("// fpctl fp-1" in query) == ("--rollback" not in words)
        assert "// fpctl fp-1" in "".join(path.read_text("utf-8") for path in (bare / "arm").iterdir())
