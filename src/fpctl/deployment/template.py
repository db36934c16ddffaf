"""Azure Resource Manager templates of rules, and of what their queries refer to.

https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fpctl.deployment.release import Release

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
ALERT_RULES_VERSION = "2024-09-01"
SAVED_SEARCHES_VERSION = "2020-08-01"
_WORKSPACE = "Microsoft.OperationalInsights/workspaces"


class Watchlist(NamedTuple):
    """A watchlist that a tuned query reads: its alias, and its content as CSV with the header first."""

    alias: str
    csv: str
    key: str = "SearchKey"


class SavedFunction(NamedTuple):
    """A function that a tuned query calls: its name and its KQL body."""

    name: str
    body: str


def template(
    rules: Iterable[Release], watchlists: Iterable[Watchlist] = (), functions: Iterable[SavedFunction] = ()
) -> dict[str, Any]:
    """Return a template that makes the rules in the workspace that its parameter `workspace` names.

    Args:
        rules: those that can go out; others are passed over.
        watchlists, functions: what the queries refer to; the rules wait for them.
    """
    companions = [*(_watchlist(one) for one in watchlists), *(_function(one) for one in functions)]
    waits = [_id_of(resource) for resource in companions]
    resources = companions + [_rule(rule, waits) for rule in rules if rule.ready and rule.body is not None]
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "workspace": {"type": "string", "metadata": {"description": "Name of the Log Analytics workspace."}}
        },
        "resources": resources,
    }


def _rule(release: Release, waits: list[str]) -> dict[str, Any]:
    assert release.body is not None
    properties = literal(release.body.fresh())
    resource: dict[str, Any]
    if release.resource == "alertRules":
        resource = {
            "type": f"{_WORKSPACE}/providers/alertRules",
            "apiVersion": ALERT_RULES_VERSION,
            "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{release.guid}')]",
            "kind": release.body.kind,
        }
    else:
        resource = {
            "type": f"{_WORKSPACE}/savedSearches",
            "apiVersion": SAVED_SEARCHES_VERSION,
            "name": f"[concat(parameters('workspace'), '/{release.guid}')]",
        }
    if waits:
        resource["dependsOn"] = waits
    return {**resource, "properties": properties}


def _watchlist(watchlist: Watchlist) -> dict[str, Any]:
    return {
        "type": f"{_WORKSPACE}/providers/watchlists",
        "apiVersion": ALERT_RULES_VERSION,
        "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{watchlist.alias}')]",
        "properties": {
            "displayName": watchlist.alias,
            "provider": "fpctl",
            "source": f"{watchlist.alias}.csv",
            "itemsSearchKey": watchlist.key,
            "rawContent": literal(watchlist.csv),
            "contentType": "text/csv",
            "numberOfLinesToSkip": 0,
        },
    }


def _function(function: SavedFunction) -> dict[str, Any]:
    return {
        "type": f"{_WORKSPACE}/savedSearches",
        "apiVersion": SAVED_SEARCHES_VERSION,
        "name": f"[concat(parameters('workspace'), '/{function.name}')]",
        "properties": {
            "category": "fpctl",
            "displayName": function.name,
            "functionAlias": function.name,
            "query": literal(function.body),
            "version": 2,
        },
    }


def _id_of(resource: Mapping[str, Any]) -> str:
    inner = str(resource["name"]).removeprefix("[concat(parameters('workspace'), '/").removesuffix("')]")
    kind = str(resource["type"]).removeprefix(f"{_WORKSPACE}/").removeprefix("providers/")
    if inner.startswith("Microsoft.SecurityInsights/"):
        name = inner.partition("/")[2]
        place = f"resourceId('{_WORKSPACE}/providers', parameters('workspace'), 'Microsoft.SecurityInsights')"
        return f"[concat({place}, '/{kind}/{name}')]"
    return f"[resourceId('{_WORKSPACE}/{kind}', parameters('workspace'), '{inner}')]"


def literal(value: Any) -> Any:
    """Return a value with each text escaped that Resource Manager would take for an expression.

    That is a text in square brackets; one that only begins with a bracket is none
    (https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions#escape-characters).
    """
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") and value.endswith("]") else value
    if isinstance(value, Mapping):
        return {key: literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [literal(item) for item in value]
    return value
