"""Which permission an account lacks, and the commands that grant it.

Roles: https://learn.microsoft.com/azure/sentinel/roles and
https://learn.microsoft.com/azure/azure-monitor/logs/manage-access. Permissions of Microsoft Graph:
https://learn.microsoft.com/graph/permissions-reference. What a token says of itself is for hints only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fpctl.settings import Settings

GRAPH = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph."""
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The application that `cli` and `device-code` use without `client_id`."""

Purpose = Literal["query", "deploy"]

_ROLES: Mapping[Purpose, str] = {"query": "Microsoft Sentinel Reader", "deploy": "Microsoft Sentinel Contributor"}
_PERMISSIONS: Mapping[Purpose, str] = {"query": "ThreatHunting.Read.All", "deploy": "CustomDetection.ReadWrite.All"}


def workspace_grant(purpose: Purpose, claims: Mapping[str, Any], settings: Settings) -> str:
    """Return what an account lacks on a workspace, and the command that grants it.

    The scope is the resource group: a role on the workspace alone would have to be on its solution too.
    """
    role = _ROLES[purpose]
    workspace = settings.workspace or settings.deploy.workspace or settings.engine.log_analytics.resource_id or ""
    group = workspace.partition("/providers/")[0] if workspace.startswith("/") else ""
    scope = group or "/subscriptions/SUBSCRIPTION/resourceGroups/GROUP"
    other = " (or Log Analytics Reader)" if purpose == "query" else ""
    return (
        f"{_who(claims)} needs the role {role}{other} on the workspace's resource group: "
        f'az role assignment create --assignee {claims.get("oid") or "OBJECT_ID"} --role "{role}" --scope {scope}'
    )


def graph_grant(purpose: Purpose, claims: Mapping[str, Any]) -> str:
    """Return which permission of Microsoft Graph a token lacks, and the commands that grant it."""
    name, app = _PERMISSIONS[purpose], str(claims.get("appid") or claims.get("azp") or "")
    delegated = "scp" in claims
    if delegated and app == AZURE_CLI:
        return f"the Azure CLI's application cannot have {name}. {registration(name)}"
    had = str(claims.get("scp") or "").split() if delegated else claims.get("roles") or []
    if name in had:
        more = " and, in Defender's unified RBAC, the role Detection tuning (manage)" if purpose == "deploy" else ""
        person = (
            f"{_who(claims)} has {name}; a person also needs a role in Microsoft Defender that covers the data{more}"
        )
        return f"{person}: https://learn.microsoft.com/defender-xdr/manage-rbac"
    shown = f"it has {', '.join(sorted(map(str, had)))}" if had else "it has no permission of Microsoft Graph"
    return f"{_who(claims)} lacks the permission {name} ({shown}): {_commands(name, app or 'CLIENT_ID', delegated)}"


def registration(permission: str = _PERMISSIONS["query"]) -> str:
    """Return how a person gets an application of their own to sign in with."""
    return (
        "register one of your own: az ad app create --display-name fpctl --is-fallback-public-client true "
        "--public-client-redirect-uris https://login.microsoftonline.com/common/oauth2/nativeclient; "
        f'{_commands(permission, "CLIENT_ID", True)}; then set `client_id` and `credential = "device-code"`'
    )


def _commands(permission: str, app: str, delegated: bool) -> str:
    listed, kind = ("oauth2PermissionScopes", "Scope") if delegated else ("appRoles", "Role")
    id = f"$(az ad sp show --id {GRAPH} --query \"{listed}[?value=='{permission}'].id\" -o tsv)"
    return (
        f"az ad app permission add --id {app} --api {GRAPH} --api-permissions {id}={kind} "
        f"&& az ad app permission admin-consent --id {app}"
    )


def _who(claims: Mapping[str, Any]) -> str:
    """Return who signed in, as far as the token says."""
    person = claims.get("upn") or claims.get("preferred_username")
    if person:
        return str(person)
    app = claims.get("app_displayname") or claims.get("appid") or claims.get("azp")
    return f"the application {app}" if app else "the account"
