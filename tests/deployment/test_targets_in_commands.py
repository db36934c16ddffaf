"""`--target`: one repository, several workspaces and tenants, whose records never mix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.graph_detections import GraphDetectionsServer
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import Request
from servers.security_insights import CUSTOMER_ID, WORKSPACE, SecurityInsightsServer
from servers.store import Store

from .conftest import ANALYTICS, LATE

Fpctl = Callable[..., Any]
OTHER = WORKSPACE.replace("/main", "/second-soc")
RULE = ANALYTICS.replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")


@pytest.fixture
def logs() -> Iterator[LogAnalyticsServer]:
    store = Store(
        "CREATE TABLE DeviceNetworkEvents AS SELECT TIMESTAMP '2026-11-20 08:00:00' AS Timestamp, 443 AS RemotePort, "
        "'1.2.3.4' AS RemoteIP, 'r' AS ReportId, 'd' AS DeviceId, name AS DeviceName "
        "FROM (VALUES ('build01'), ('build01'), ('build02'), ('ws-1')) AS devices(name)"
    )
    with LogAnalyticsServer(store) as running:
        yield running
    store.close()


@pytest.fixture
def estate(
    workplace: Path, server: SecurityInsightsServer, logs: LogAnalyticsServer
) -> Iterator[GraphDetectionsServer]:
    """A repository with three targets: a workspace by its id, the same by its name, and a tenant."""
    for path in (workplace / "rules").iterdir():
        path.unlink()
    (workplace / "rules" / "net.yaml").write_text(RULE)
    (workplace / "theirs").mkdir()
    (workplace / "theirs" / "fp-9.yaml").write_text(LATE.replace("fp-1", "fp-9").replace("build01", "build02"))
    with GraphDetectionsServer() as graph:
        (workplace / "fpctl.toml").write_text(
            f"workspace = '{WORKSPACE}'\n[engine]\ncredential = 'none'\n"
            f"[engine.log-analytics]\nendpoint = '{logs.url}'\n"
            f"[engine.defender]\nendpoint = '{graph.url}'\ntenant = 't'\n"
            f"[deploy]\nendpoint = '{server.url}'\n"
            f"[deploy.targets.ours]\nworkspace = '{CUSTOMER_ID}'\n"
            "[deploy.targets.theirs]\nworkspace = 'main'\nexclusions = 'theirs'\n"
            "[deploy.targets.xdr]\nservice = 'defender'\n"
        )
        yield graph


def hits(fpctl: Fpctl, *target: str) -> dict[str, int]:
    shown = json.loads(fpctl("hits", *target, "--format", "json").out)["hits"]
    return {one["exclusion"]: one["rows"] for one in shown if one["runs"]}


def test_each_target_runs_with_its_exclusions_and_counts_for_itself(
    fpctl: Fpctl, estate: GraphDetectionsServer, logs: LogAnalyticsServer, workplace: Path
) -> None:
    for target in ("ours", "theirs"):
        outcome = fpctl("run", "--target", target, "--to", "2026-11-21", "--since", "1d", "--format", "json")
        assert outcome.code == 0, outcome.err
        (run,) = json.loads(outcome.out)["runs"]
        assert (run["engine"], run["scanned_rows"]) == ("log-analytics", 80)
    assert hits(fpctl, "--target", "ours") == {"fp-1": 2}
    assert hits(fpctl, "--target", "theirs") == {"fp-9": 1}
    assert hits(fpctl) == {}
    assert (workplace / ".fpctl" / "targets" / "ours" / "history.db").is_file()
    asked = {request.path.split("/")[3] for request in logs.requests}
    assert asked == {CUSTOMER_ID}


def test_the_variable_names_the_target_of_every_command(
    fpctl: Fpctl, estate: GraphDetectionsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_TARGET", "theirs")
    assert fpctl("run", "--to", "2026-11-21", "--since", "1d").code == 0
    assert hits(fpctl) == {"fp-9": 1}
    assert hits(fpctl, "--target", "ours") == {}


def test_deploy_diff_and_rollback_go_to_the_target(
    fpctl: Fpctl, estate: GraphDetectionsServer, server: SecurityInsightsServer
) -> None:
    assert fpctl("deploy", "--target", "theirs", "--yes").code == 0
    (rule,) = server.resources.values()
    assert "build02" in rule["properties"]["query"]
    assert fpctl("diff", "--deployed", "--target", "theirs").code == 0
    assert fpctl("diff", "--deployed", "--target", "ours").code == 1  # the exclusions of the two differ
    deployed = fpctl("deploy", "net.yaml", "--target", "xdr", "--yes")
    assert deployed.code == 0, deployed.err
    assert len(estate.rules) == 1
    # The last deployment went to the tenant; the target's own is rolled back.
    assert fpctl("deploy", "--rollback", "--target", "theirs", "--yes").code == 0
    assert (server.resources, len(estate.rules)) == ({}, 1)
    trail = json.loads(fpctl("log", "--target", "theirs", "--format", "json").out)["entries"]
    assert [entry["action"] for entry in trail if entry["rule"]] == ["rolled back", "deployed"]


def test_export_takes_the_service_of_a_target(fpctl: Fpctl, estate: GraphDetectionsServer) -> None:
    assert json.loads(fpctl("export", "--target", "xdr").out)["displayName"] == "Remote tool"
    assert "build02" in json.loads(fpctl("export", "--target", "theirs").out)["resources"][0]["properties"]["query"]


def test_a_name_that_several_workspaces_have_is_refused_with_their_ids(
    fpctl: Fpctl, estate: GraphDetectionsServer, server: SecurityInsightsServer
) -> None:
    twin = WORKSPACE.replace("/soc/", "/another/")
    server.others.append(twin)
    outcome = fpctl("deploy", "--target", "theirs", "--yes")
    assert outcome.code == 2
    assert "2 workspaces have the name main" in outcome.err
    assert WORKSPACE in outcome.err
    assert twin in outcome.err


def test_a_workspace_that_cannot_be_found_is_named(
    fpctl: Fpctl, estate: GraphDetectionsServer, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_WORKSPACE", "nowhere-soc")
    outcome = fpctl("run")
    assert outcome.code == 2 or "nowhere-soc" in outcome.err
    outcome = fpctl("run", "--engine", "log-analytics")
    assert outcome.code == 2
    assert "none of the 1 workspaces that the account can read is nowhere-soc" in outcome.err


# ---------------------------------------------------------------------------- tables that are billed by the scan


def searches(logs: LogAnalyticsServer) -> list[Request]:
    return [request for request in logs.requests if "/search" in request.path]


def test_a_billed_scan_needs_consent(
    fpctl: Fpctl, estate: GraphDetectionsServer, server: SecurityInsightsServer, logs: LogAnalyticsServer
) -> None:
    server.plans["DeviceNetworkEvents"] = "Basic"
    logs.billed.add("DeviceNetworkEvents")
    logs.store.connection.execute(
        "CREATE TABLE Usage AS SELECT TIMESTAMP '2026-11-20 08:00:00' AS TimeGenerated, "
        "'DeviceNetworkEvents' AS DataType, 12345.0::DOUBLE AS Quantity"
    )
    asked = ("run", "--target", "ours", "--to", "2026-11-21", "--since", "1d")
    refused = fpctl(*asked)
    assert refused.code == 2
    assert "each query on DeviceNetworkEvents (Basic) is billed by the GB that it scans; 12.3 GB came in" in refused.err
    assert "--allow-billed-scan" in refused.err
    assert not searches(logs)
    allowed = fpctl(*asked, "--allow-billed-scan", "--format", "json")
    assert allowed.code == 0, allowed.err
    assert json.loads(allowed.out)["runs"][0]["rows_suppressed"] == 2
    # The result and the counts: two scans, and none to look whether the table has rows.
    assert [request.body["query"].count("\n| count") for request in searches(logs)] == [0, 0]


def test_the_range_of_a_billed_scan_is_in_the_request_though_none_was_asked_for(
    fpctl: Fpctl, estate: GraphDetectionsServer, server: SecurityInsightsServer, logs: LogAnalyticsServer
) -> None:
    server.plans["DeviceNetworkEvents"] = "Auxiliary"
    logs.billed.add("DeviceNetworkEvents")
    outcome = fpctl("run", "--target", "ours", "--allow-billed-scan")
    assert outcome.code == 0, outcome.err
    assert searches(logs)
    assert all("timespan=" in request.path for request in searches(logs))


def test_without_rights_in_resource_manager_queries_still_run(
    fpctl: Fpctl, estate: GraphDetectionsServer, server: SecurityInsightsServer, workplace: Path
) -> None:
    text = (workplace / "fpctl.toml").read_text()
    (workplace / "fpctl.toml").write_text(text.replace(f"workspace = '{WORKSPACE}'", f"workspace = '{CUSTOMER_ID}'"))
    server.answer = lambda request: (403, {"error": {"code": "AuthorizationFailed", "message": "no"}})  # type: ignore[method-assign]
    assert fpctl("run", "--engine", "log-analytics", "--to", "2026-11-21", "--since", "1d").code == 0
