"""`fpctl doctor` names the permission that is missing, and the command that grants it."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.inspection.grants import AZURE_CLI, GRAPH, graph_grant, workspace_grant
from fpctl.settings import Settings
from servers.graph import GraphServer
from servers.graph_detections import GraphDetectionsServer
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import Misbehaviour
from servers.security_insights import WORKSPACE, SecurityInsightsServer
from servers.store import Store

Fpctl = Callable[..., Any]
GROUP = WORKSPACE.partition("/providers/")[0]
APP = {"appid": "the-app", "oid": "the-object", "roles": ["SecurityEvents.Read.All"]}


def token(claims: dict[str, Any]) -> str:
    """Return a token that says something of itself; nobody has signed it."""
    parts = ({"alg": "none"}, {"exp": 4_000_000_000, **claims})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.c2ln"


def test_an_application_lacks_a_permission_of_graph() -> None:
    found = graph_grant("query", APP)
    assert found.startswith(
        "the application the-app lacks the permission ThreatHunting.Read.All (it has SecurityEvents.Read.All): "
    )
    command = shlex.split(found.partition("): ")[2])
    assert command[:7] == ["az", "ad", "app", "permission", "add", "--id", "the-app"]
    assert GRAPH in command
    assert "appRoles[?value=='ThreatHunting.Read.All'].id" in found
    assert found.endswith("=Role && az ad app permission admin-consent --id the-app")


def test_a_person_with_an_application_of_their_own_needs_the_delegated_one() -> None:
    found = graph_grant("deploy", {"appid": "mine", "scp": "openid User.Read", "upn": "a@contoso.com"})
    assert found.startswith(
        "a@contoso.com lacks the permission CustomDetection.ReadWrite.All (it has User.Read, openid)"
    )
    assert "oauth2PermissionScopes" in found
    assert "=Scope" in found


def test_the_application_of_the_azure_cli_cannot_be_granted_it() -> None:
    found = graph_grant("query", {"appid": AZURE_CLI, "scp": "openid", "upn": "a@contoso.com"})
    assert found.startswith("the Azure CLI's application cannot have ThreatHunting.Read.All. register one of your own")
    assert "--is-fallback-public-client true" in found
    assert found.endswith('then set `client_id` and `credential = "device-code"`')


def test_whoever_has_the_permission_lacks_a_role() -> None:
    found = graph_grant("deploy", {"appid": "mine", "scp": "CustomDetection.ReadWrite.All", "upn": "a@contoso.com"})
    assert found.startswith("a@contoso.com has CustomDetection.ReadWrite.All; a person also needs a role")
    assert "Detection tuning (manage)" in found


@pytest.mark.parametrize(
    ("workspace", "scope"),
    [
        (WORKSPACE, GROUP),
        ("soc-main", "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP"),
        (None, "/subscriptions/SUBS"),
    ],
)
def test_a_role_is_granted_on_the_resource_group(workspace: str | None, scope: str) -> None:
    found = workspace_grant("query", APP, Settings(workspace=workspace))
    assert '--assignee the-object --role "Microsoft Sentinel Reader" --scope ' + scope in found


def doctor(fpctl: Fpctl, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    outcome = fpctl("doctor", *arguments, "--format", "json")
    return {(one["area"], one["subject"]): one for one in json.loads(outcome.out)["findings"]}


def test_doctor_says_what_is_missing_in_a_workspace(
    fpctl: Fpctl, workplace: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", token(APP))
    with LogAnalyticsServer(store) as logs, SecurityInsightsServer() as manager:
        (workplace / "fpctl.toml").write_text(
            f"workspace = '{WORKSPACE}'\n[engine]\ndefault = 'log-analytics'\ncredential = 'token'\n"
            f"[engine.log-analytics]\nendpoint = '{logs.url}'\nworkspace_id = 'w'\n"
            f"[deploy]\nendpoint = '{manager.url}'\n"
        )
        manager.answer = lambda request: (403, {"error": {"code": "AuthorizationFailed", "message": "no"}})  # type: ignore[method-assign]
        logs.script.extend([Misbehaviour("no-content"), Misbehaviour("status", 403)])
        found = doctor(fpctl)
    assert "Microsoft Sentinel Reader" in found["permission", "log-analytics"]["hint"]
    assert (
        f'--assignee the-object --role "Microsoft Sentinel Contributor" --scope {GROUP}'
        in (found["deployment", WORKSPACE]["hint"])
    )


def test_doctor_says_what_is_missing_in_graph(
    fpctl: Fpctl, workplace: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", token({**APP, "tid": "t"}))
    with GraphServer(store) as graph:
        (workplace / "fpctl.toml").write_text(
            f"[engine]\ncredential = 'token'\n[engine.defender]\nendpoint = '{graph.url}'\n"
        )
        graph.answer = lambda request: (403, {"error": {"code": "Forbidden", "message": "Missing scopes"}})  # type: ignore[method-assign]
        found = doctor(fpctl, "--target", "defender")
    assert "lacks the permission ThreatHunting.Read.All" in found["permission", "defender"]["hint"]
    assert "lacks the permission CustomDetection.ReadWrite.All" in found["deployment", "tenants/t"]["hint"]


def test_doctor_says_why_functions_are_the_default(fpctl: Fpctl, workplace: Path, server: LogAnalyticsServer) -> None:
    with SecurityInsightsServer() as manager, GraphDetectionsServer():
        text = (workplace / "fpctl.toml").read_text()
        (workplace / "fpctl.toml").write_text(
            f"{text}[deploy]\nworkspace = '{WORKSPACE}'\nendpoint = '{manager.url}'\n"
        )
        found = doctor(fpctl)["deployment", "value lists"]
    assert found["status"] == "ok"
    assert "one request replaces the whole list" in found["message"]
