"""A Defender XDR custom detection as Microsoft Graph has it.

https://learn.microsoft.com/graph/api/resources/security-detectionrule
https://learn.microsoft.com/defender-xdr/custom-detection-rules
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from fpctl.durations import duration
from fpctl.rules.model import Rule

_PERIODS = (
    (timedelta(hours=24), "24H"),
    (timedelta(hours=12), "12H"),
    (timedelta(hours=3), "3H"),
    (timedelta(hours=1), "1H"),
)
"""How often a detection can run; `0` is continuously."""

_DEVICE, _USER, _MAILBOX = "impactedDeviceAsset", "impactedUserAsset", "impactedMailboxAsset"
_ASSETS = {
    "DeviceId": _DEVICE, "DeviceName": _DEVICE, "RemoteDeviceName": _DEVICE,
    "RecipientEmailAddress": _MAILBOX, "SenderFromAddress": _MAILBOX, "SenderMailFromAddress": _MAILBOX,
    "RecipientObjectId": _USER, "AccountObjectId": _USER, "AccountSid": _USER, "AccountUpn": _USER,
    "InitiatingProcessAccountSid": _USER, "InitiatingProcessAccountUpn": _USER,
    "InitiatingProcessAccountObjectId": _USER,
}  # fmt: skip
ENTITY_COLUMNS = tuple(_ASSETS)
"""A detection's result must have one of these, and `Timestamp` and `ReportId`."""

_READ_ONLY = ("id", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime", "lastRunDetails",
              "detectorId")  # fmt: skip


def detection_rule(rule: Rule, query: str, columns: Collection[str]) -> dict[str, Any]:
    """Return a custom detection.

    Args:
        rule: any rule on Defender XDR's tables; one that is a detection already keeps all it has.
        query: the tuned query.
        columns: what the query returns.
    """
    if "queryCondition" in rule.metadata:
        lifted = ("queryFrequency", "tactics", "relevantTechniques", "severity", "description")
        kept = {key: value for key, value in rule.metadata.items() if key not in (*_READ_ONLY, *lifted)}
        return kept | {"queryCondition": {"queryText": query}}
    return {
        "displayName": rule.name,
        "isEnabled": True,
        "queryCondition": {"queryText": query},
        "schedule": {"period": period(rule)[0]},
        "detectionAction": {
            "alertTemplate": {
                "title": rule.name,
                "description": rule.description or rule.name,
                "severity": (rule.severity or "medium").lower(),
                "category": rule.tactics[0].replace(" ", "") if rule.tactics else "SuspiciousActivity",
                "recommendedActions": None,
                "mitreTechniques": list(rule.techniques),
                "impactedAssets": assets(columns),
            },
            "organizationalScope": None,
            "responseActions": [],
        },
    }


def period(rule: Rule) -> tuple[str, bool]:
    """Return how often the detection runs, and whether that is what the rule says.

    A frequency that Defender does not have becomes the next more frequent one: nothing is missed.
    """
    if rule.continuous or rule.kind == "nrt":
        return "0", True
    wanted = duration(rule.query_frequency) if rule.query_frequency else timedelta(hours=24)
    for length, word in _PERIODS:
        if wanted is not None and length <= wanted:
            return word, length == wanted
    return "1H", False


def assets(columns: Collection[str]) -> list[dict[str, str]]:
    """Return whom an alert is about: one column of each kind of asset that the result has."""
    found: dict[str, str] = {}
    for column, kind in _ASSETS.items():
        if column in columns:
            found.setdefault(kind, column)
    return [
        {"@odata.type": f"#microsoft.graph.security.{kind}", "identifier": column[0].lower() + column[1:]}
        for kind, column in found.items()
    ]
