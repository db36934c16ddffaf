"""A Sentinel analytics rule as the Security Insights API has it.

Wire names: azure-mgmt-securityinsight, `ScheduledAlertRule` and `NrtAlertRule`;
https://learn.microsoft.com/rest/api/securityinsights/alert-rules/create-or-update
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpctl.deployment.artifacts.body import Body
from fpctl.durations import iso_duration
from fpctl.rules.model import Rule

SEVERITIES = ("High", "Medium", "Low", "Informational")
_OPERATORS = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}
_FLAGS = {"createIncident", "enabled", "reopenClosedIncident", "suppressionEnabled"}
_DURATIONS = {"lookbackDuration", "suppressionDuration"}
_CARRIED = (
    "suppressionDuration", "suppressionEnabled", "enabled", "incidentConfiguration", "eventGroupingSettings",
    "alertDetailsOverride", "customDetails", "entityMappings", "sentinelEntitiesMappings", "alertRuleTemplateName",
)  # fmt: skip
"""Keys that a rule file has in the same shape as the service."""

_DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "severity": "Medium",
    "enabled": True,
    "suppressionDuration": "PT5H",
    "suppressionEnabled": False,
}
"""What a new rule is given where its file does not say; that of a rule already there is left as it is."""

READ_ONLY = ("lastModifiedUtc",)


def alert_rule(rule: Rule, query: str) -> Body:
    """Return an analytics rule.

    Args:
        rule: a scheduled or NRT rule.
        query: the tuned query.
    """
    scheduled = rule.kind == "scheduled"
    stated: dict[str, Any] = {"displayName": rule.name, "query": query}
    if rule.description:
        stated["description"] = rule.description
    if rule.severity:
        stated["severity"] = rule.severity.capitalize()
    if scheduled:
        stated["queryFrequency"] = iso_duration(rule.query_frequency or rule.query_period or "1d")
        stated["queryPeriod"] = iso_duration(rule.query_period or rule.query_frequency or "1d")
        stated["triggerOperator"] = _OPERATORS[rule.trigger_operator or "gt"]
        stated["triggerThreshold"] = rule.trigger_threshold if rule.trigger_threshold is not None else 0
    if rule.tactics:
        stated["tactics"] = list(rule.tactics)
    plain = [technique for technique in rule.techniques if "." not in technique]
    narrow = [technique for technique in rule.techniques if "." in technique]
    if rule.techniques:
        # The service wants the technique of each sub-technique among the techniques.
        stated["techniques"] = list(dict.fromkeys([*plain, *(one.partition(".")[0] for one in narrow)]))
    if narrow:
        stated["subTechniques"] = narrow
    for key in _CARRIED:
        value = rule.metadata.get(key)
        if value is not None:
            stated[key] = _typed(key, value)
    defaults = dict(_DEFAULTS)
    if rule.version and "alertRuleTemplateName" in stated:
        # It says which version of the template the rule was made from. Raised later, it would hide from people in
        # the portal that the template has an update.
        defaults["templateVersion"] = rule.version
    return Body("Scheduled" if scheduled else "NRT", stated, defaults, True)


def _typed(key: str, value: Any) -> Any:
    """Return an authored value with the types that the service wants: a YAML file is read as texts."""
    if isinstance(value, Mapping):
        return {name: _typed(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed("", item) for item in value]
    if isinstance(value, str):
        if key in _FLAGS:
            return value.strip().lower() in ("true", "yes", "on")
        if key in _DURATIONS:
            return iso_duration(value)
    return value
