"""Azure Resource Manager templates of rules, and of what their queries refer to.

https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fpctl.deployment.artifacts.rule_artifact import COMPANION_CATEGORY, RuleArtifact
from fpctl.rewrite.plan.external_lists import ExternalLists

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
ALERT_RULES_VERSION = "2025-10-01-preview"
"""Stable versions neither list near-real-time rules nor have `subTechniques` and `sentinelEntitiesMappings`."""
WATCHLISTS_VERSION = "2025-09-01"
SAVED_SEARCHES_VERSION = "2020-08-01"
_WORKSPACE = "Microsoft.OperationalInsights/workspaces"


def template(rules: Iterable[RuleArtifact]) -> dict[str, Any]:
    """Return a template that makes the rules in the workspace that its parameter `workspace` names.

    A watchlist or function that a query reads its lists from is in it too, and the rule waits for it.

    Args:
        rules: those that can go out; others are passed over.
    """
    resources: list[dict[str, Any]] = []
    for rule in rules:
        if not rule.ready or rule.body is None:
            continue
        externals = [_companion(rule.external)] if rule.external is not None else []
        resources += [*externals, _rule(rule, [_id_of(resource) for resource in externals])]
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "workspace": {"type": "string", "metadata": {"description": "Name of the Log Analytics workspace."}}
        },
        "resources": resources,
    }


def _rule(artifact: RuleArtifact, waits: list[str]) -> dict[str, Any]:
    assert artifact.body is not None
    properties = literal(artifact.body.fresh())
    resource: dict[str, Any]
    if artifact.resource == "alertRules":
        resource = {
            "type": f"{_WORKSPACE}/providers/alertRules",
            "apiVersion": ALERT_RULES_VERSION,
            "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{artifact.guid}')]",
            "kind": artifact.body.kind,
        }
    else:
        resource = {
            "type": f"{_WORKSPACE}/savedSearches",
            "apiVersion": SAVED_SEARCHES_VERSION,
            "name": f"[concat(parameters('workspace'), '/{artifact.guid}')]",
        }
    if waits:
        resource["dependsOn"] = waits
    return {**resource, "properties": properties}


def _companion(external: ExternalLists) -> dict[str, Any]:
    if external.store == "function":
        return _function(external)
    return {
        "type": f"{_WORKSPACE}/providers/watchlists",
        "apiVersion": WATCHLISTS_VERSION,
        "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{external.alias}')]",
        "properties": {
            "displayName": external.alias,
            "provider": "fpctl",
            "source": f"{external.alias}.csv",
            "itemsSearchKey": "SearchKey",
            "rawContent": literal(external.table()),
            "contentType": "text/csv",
            "numberOfLinesToSkip": 0,
        },
    }


def _function(external: ExternalLists) -> dict[str, Any]:
    return {
        "type": f"{_WORKSPACE}/savedSearches",
        "apiVersion": SAVED_SEARCHES_VERSION,
        "name": f"[concat(parameters('workspace'), '/{external.alias}')]",
        "properties": {
            "category": COMPANION_CATEGORY,
            "displayName": external.alias,
            "functionAlias": external.alias,
            "query": literal(external.body()),
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
