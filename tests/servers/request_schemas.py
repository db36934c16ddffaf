"""What the services accept as bodies, as JSON Schemas written by hand from Microsoft's reference pages.

Strict: a property that a page does not name is refused. The loopback services check each body with it, so that every
test that deploys is a test of the bodies too.

- https://learn.microsoft.com/rest/api/securityinsights/alert-rules/create-or-update (2025-10-01-preview for NRT)
- https://learn.microsoft.com/rest/api/securityinsights/watchlists/create-or-update
- https://learn.microsoft.com/rest/api/securityinsights/watchlist-items/create-or-update
- https://learn.microsoft.com/rest/api/loganalytics/saved-searches/create-or-update
- https://learn.microsoft.com/graph/api/resources/security-detectionrule
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema

STRING, FLAG = {"type": "string"}, {"type": "boolean"}
TEXT = {"type": "string", "minLength": 1}
DURATION = {"type": "string", "pattern": r"^P(?!$)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$"}
ATTACK = (
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation",
    "DefenseEvasion", "CredentialAccess", "Discovery", "LateralMovement", "Collection", "Exfiltration",
    "CommandAndControl", "Impact", "PreAttack", "ImpairProcessControl", "InhibitResponseFunction",
)  # fmt: skip
ENTITY_TYPES = (
    "Account", "Host", "IP", "Malware", "File", "Process", "CloudApplication", "DNS", "AzureResource", "FileHash",
    "RegistryKey", "RegistryValue", "SecurityGroup", "URL", "Mailbox", "MailCluster", "MailMessage", "SubmissionMail",
)  # fmt: skip
MAPPINGS: Mapping[str, tuple[str, ...]] = {
    "hosts": ("deviceIdColumn", "dnsDomainColumn", "nameColumn", "netBiosNameColumn", "ntDomainColumn"),
    "accounts": (
        "aadUserIdColumn", "dnsDomainColumn", "nameColumn", "ntDomainColumn", "sidColumn", "upnColumn",
        "upnSuffixColumn",
    ),
    "ips": ("addressColumn", "scopeColumn"), "urls": ("addressColumn",),
    "files": ("nameColumn", "sha1Column", "sha256Column"), "mailboxes": ("primaryAddressColumn",),
    "dns": ("domainNameColumn", "hostIpAddressColumn", "serverIpColumn"), "azureResources": ("resourceIdColumn",),
    "cloudApplications": ("appIdColumn", "nameColumn"), "mailClusters": ("queryColumn", "sourceColumn"),
    "mailMessages": ("networkMessageIdColumn", "recipientColumn", "senderColumn", "subjectColumn"),
    "processes": ("sha1Column", "sha256Column"), "registryValues": ("keyColumn", "valueNameColumn"),
    "securityGroups": ("distinguishedNameColumn", "objectIdColumn", "sidColumn"),
    "oAuthApplications": ("oAuthAppIdColumn",), "amazonResources": ("amazonResourceIdColumn",),
    "googleCloudResources": ("fullResourceNameColumn",),
}  # fmt: skip
DEVICE = ("deviceIdColumn",)
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "isolateDevices": ("deviceIdColumn", "isolationType"), "restrictAppExecutions": DEVICE,
    "collectInvestigationPackages": DEVICE, "runAntivirusScans": DEVICE, "initiateInvestigations": DEVICE,
    "stopAndQuarantineFiles": ("deviceIdColumn", "sha1Column", "sha256Column"),
    "allowFiles": ("sha1Column", "sha256Column", "deviceGroupNames"),
    "blockFiles": ("sha1Column", "sha256Column", "deviceGroupNames"),
    "disableUsers": ("accountSidColumn", "accountObjectIdColumn"),
    "forceUserPasswordResets": ("accountSidColumn", "accountObjectIdColumn"),
    "markUsersAsCompromised": ("accountObjectIdColumn",),
    **dict.fromkeys(
        ("hardDeleteEmails", "softDeleteEmails", "moveEmailsToDeletedItems", "moveEmailsToInbox", "moveEmailsToJunk"),
        ("networkMessageIdColumn", "recipientColumn"),
    ),
}  # fmt: skip


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False
    }  # fmt: skip


def _list(items: Any, **bounds: int) -> dict[str, Any]:
    return {"type": "array", "items": items, **bounds}


def _one_of(*values: str) -> dict[str, Any]:
    return {"enum": list(values)}


_GROUPING = _object(
    {
        "enabled": FLAG, "reopenClosedIncident": FLAG, "lookbackDuration": DURATION,
        "matchingMethod": _one_of("AllEntities", "AnyAlert", "Selected"),
        "groupByEntities": _list(_one_of(*ENTITY_TYPES)),
        "groupByAlertDetails": _list(_one_of("DisplayName", "Severity")), "groupByCustomDetails": _list(STRING),
    },
    "enabled", "reopenClosedIncident", "lookbackDuration", "matchingMethod",
)  # fmt: skip
_SHARED: Mapping[str, Any] = {
    "displayName": TEXT, "description": STRING, "enabled": FLAG, "query": {**TEXT, "maxLength": 10_000},
    "severity": _one_of("High", "Medium", "Low", "Informational"), "suppressionDuration": DURATION,
    "suppressionEnabled": FLAG, "tactics": _list(_one_of(*ATTACK)),
    "techniques": _list({"type": "string", "pattern": r"^T\d{4}$"}),
    "subTechniques": _list({"type": "string", "pattern": r"^T\d{4}\.\d{3}$"}),
    "alertRuleTemplateName": STRING, "templateVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    "eventGroupingSettings": _object({"aggregationKind": _one_of("SingleAlert", "AlertPerResult")}),
    "customDetails": {"type": "object", "additionalProperties": STRING},
    "entityMappings": _list(
        _object(
            {
                "entityType": _one_of(*ENTITY_TYPES),
                "fieldMappings": _list(_object({"identifier": TEXT, "columnName": TEXT}), minItems=1, maxItems=3),
            }
        ),
        maxItems=10,
    ),
    "sentinelEntitiesMappings": _list(_object({"columnName": TEXT})),
    "alertDetailsOverride": _object(
        {
            "alertDisplayNameFormat": STRING, "alertDescriptionFormat": STRING, "alertTacticsColumnName": STRING,
            "alertSeverityColumnName": STRING,
            "alertDynamicProperties": _list(_object({"alertProperty": TEXT, "value": STRING})),
        }
    ),
    "incidentConfiguration": _object({"createIncident": FLAG, "groupingConfiguration": _GROUPING}, "createIncident"),
}  # fmt: skip
_NEEDED = ("displayName", "enabled", "query", "severity", "suppressionDuration", "suppressionEnabled")
_SCHEDULE = {
    "queryFrequency": DURATION, "queryPeriod": DURATION, "triggerThreshold": {"type": "integer", "minimum": 0},
    "triggerOperator": _one_of("GreaterThan", "LessThan", "Equal", "NotEqual"),
}  # fmt: skip
_TACTIC = _object(
    {
        "tactic": {"type": "string", "pattern": "^[A-Za-z]+$"},
        "techniques": _list(
            _object(
                {
                    "technique": {"type": "string", "pattern": r"^T\d{4}$"},
                    "subTechniques": _list({"type": "string", "pattern": r"^T\d{4}\.\d{3}$"}),
                },
                "technique",
            )
        ),
    },
    "tactic",
)
_TEMPLATE = _object(
    {
        "title": TEXT, "description": STRING, "recommendedActions": {"type": ["string", "null"]},
        "severity": _one_of("informational", "low", "medium", "high"), "tactics": _list(_TACTIC),
        "customDetails": {"type": "object", "additionalProperties": STRING},
        "entityMappings": _object(
            {group: _list(_object(dict.fromkeys(names, STRING))) for group, names in MAPPINGS.items()}
        ),
    },
)  # fmt: skip
_DETECTION = {
    "displayName": TEXT, "description": STRING, "status": _one_of("enabled", "disabled"),
    "queryCondition": _object({"queryText": TEXT}, "queryText"), "schedule": _object({"frequency": DURATION}),
    "detectionAction": _object(
        {
            "alertTemplate": _TEMPLATE,
            "automatedActions": _object(
                {group: _list(_object(dict.fromkeys(names, STRING))) for group, names in ACTIONS.items()}
            ),
            "organizationalScope": {
                "anyOf": [{"type": "null"}, _object({"deviceGroups": _list(STRING)})],
            },
        }
    ),
}  # fmt: skip

BODIES: Mapping[str, dict[str, Any]] = {
    "Scheduled": _object(
        {
            "kind": {"const": "Scheduled"}, "etag": STRING,
            "properties": _object({**_SHARED, **_SCHEDULE}, *_NEEDED, *_SCHEDULE),
        },
        "kind", "properties",
    ),
    "NRT": _object(
        {"kind": {"const": "NRT"}, "etag": STRING, "properties": _object(_SHARED, *_NEEDED)}, "kind", "properties"
    ),
    "savedSearch": _object(
        {
            "etag": STRING,
            "properties": _object(
                {
                    "category": TEXT, "displayName": TEXT, "query": TEXT, "functionAlias": TEXT,
                    "functionParameters": STRING, "version": {"type": "integer"},
                    "tags": _list(_object({"name": TEXT, "value": STRING}, "name", "value")),
                },
                "category", "displayName", "query",
            ),
        },
        "properties",
    ),
    "watchlist": _object(
        {
            "etag": STRING,
            "properties": _object(
                {
                    "displayName": TEXT, "provider": TEXT, "source": TEXT, "sourceType": TEXT, "itemsSearchKey": TEXT,
                    "rawContent": {**STRING, "maxLength": 3_800_000}, "contentType": _one_of("text/csv", "Text/Csv"),
                    "numberOfLinesToSkip": {"type": "integer"}, "description": STRING, "watchlistType": STRING,
                    "watchlistAlias": TEXT, "defaultDuration": DURATION, "labels": _list(STRING),
                },
                "displayName", "provider", "itemsSearchKey",
            ),
        },
        "properties",
    ),
    "watchlistItem": _object(
        {
            "etag": STRING,
            "properties": _object(
                {
                    "itemsKeyValue": {"type": "object", "additionalProperties": STRING, "minProperties": 1},
                    "entityMapping": {"type": "object"},
                },
                "itemsKeyValue",
            ),
        },
        "properties",
    ),
    "newDetection": _object(
        {"id": {"type": "string", "pattern": r"^[A-Za-z0-9][\w.-]{0,127}$"}, **_DETECTION},
        "id", "displayName", "queryCondition", "schedule", "detectionAction",
    ),
    "detection": _object(_DETECTION),
}  # fmt: skip
"""By what is sent: the whole body of a PUT, POST or PATCH."""


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(BODIES[kind])
    return jsonschema.Draft202012Validator(BODIES[kind])


def violations(kind: str, body: Any, there: Mapping[str, Any] | None = None) -> list[str]:
    """Return what a body has that the reference does not allow.

    Args:
        kind: a key of `BODIES`.
        there: the properties that the service has; what it gave out itself may come back, known or not.
    """
    own = dict(there or {})
    given = body.get("properties") if isinstance(body, dict) else None

    def came_back(path: list[Any]) -> bool:
        return len(path) > 1 and path[0] == "properties" and own.get(path[1], body) == given[path[1]]

    found = []
    for error in _validator(kind).iter_errors(body):
        path = list(error.absolute_path)
        unknown = set(error.instance) - set(error.schema.get("properties", {})) if error.validator == _EXTRA else set()
        if unknown and path == ["properties"] and all(came_back([*path, name]) for name in unknown):
            continue
        if not came_back(path):
            found.append(f"{error.json_path}: {error.message[:200]}")
    return found


_EXTRA = "additionalProperties"
