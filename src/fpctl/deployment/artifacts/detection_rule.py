"""A Defender XDR custom detection as Microsoft Graph v1.0 has it.

https://learn.microsoft.com/graph/api/resources/security-detectionrule
https://learn.microsoft.com/defender-xdr/custom-detection-rules

A rule file in the schema that Graph removed on 2026-10-01 (`isEnabled`, `schedule.period`, `category`,
`impactedAssets`, `responseActions`) is read, and goes out in the current one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fpctl.deployment.artifacts.body import Body
from fpctl.durations import duration, iso_duration
from fpctl.rules.model import EntityMapping, Rule

CONTINUOUS = "PT0S"
FREQUENCIES = (timedelta(hours=24), timedelta(hours=12), timedelta(hours=3), timedelta(hours=1))
"""How often a detection on tables of Defender XDR can run, besides continuously."""
CUSTOM_SHORTEST, CUSTOM_LONGEST = timedelta(minutes=5), timedelta(days=14)
"""Bounds of the frequency of a detection that reads Sentinel's tables only."""
READ_ONLY = ("id", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime", "lastRunDetails",
             "detectorId")  # fmt: skip
_REMOVED = ("isEnabled", "responseActions", "impactedAssets", "category", "mitreTechniques", "period",
            "nextRunDateTime")  # fmt: skip

_ENTITIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Host": ("hosts", {"HostName": "nameColumn", "FullName": "nameColumn", "DnsDomain": "dnsDomainColumn",
                       "NTDomain": "ntDomainColumn", "NetBiosName": "netBiosNameColumn"}),
    "Account": ("accounts", {"Name": "nameColumn", "FullName": "nameColumn", "NTDomain": "ntDomainColumn",
                             "DnsDomain": "dnsDomainColumn", "UPNSuffix": "upnSuffixColumn", "Sid": "sidColumn",
                             "AadUserId": "aadUserIdColumn"}),
    "IP": ("ips", {"Address": "addressColumn"}),
    "URL": ("urls", {"Url": "addressColumn"}),
    "DNS": ("dns", {"DomainName": "domainNameColumn"}),
    "File": ("files", {"Name": "nameColumn"}),
    "AzureResource": ("azureResources", {"ResourceId": "resourceIdColumn"}),
    "CloudApplication": ("cloudApplications", {"AppId": "appIdColumn", "Name": "nameColumn"}),
    "Mailbox": ("mailboxes", {"MailboxPrimaryAddress": "primaryAddressColumn"}),
    "MailMessage": ("mailMessages", {"NetworkMessageId": "networkMessageIdColumn", "Recipient": "recipientColumn",
                                     "Sender": "senderColumn", "Subject": "subjectColumn"}),
    "MailCluster": ("mailClusters", {"Query": "queryColumn", "Source": "sourceColumn"}),
    "SecurityGroup": ("securityGroups", {"DistinguishedName": "distinguishedNameColumn", "SID": "sidColumn",
                                         "ObjectGuid": "objectIdColumn"}),
    "RegistryKey": ("registryValues", {"Key": "keyColumn"}),
    "RegistryValue": ("registryValues", {"Name": "valueNameColumn"}),
}  # fmt: skip
"""Sentinel's entities as Graph's: the group, and the property of each identifier."""

_COLUMNS: Mapping[str, tuple[str, str]] = {
    "DeviceId": ("hosts", "deviceIdColumn"),
    "DeviceName": ("hosts", "nameColumn"),
    "RemoteDeviceName": ("hosts", "nameColumn"),
    "AccountObjectId": ("accounts", "aadUserIdColumn"),
    "AccountSid": ("accounts", "sidColumn"),
    "AccountUpn": ("accounts", "upnColumn"),
    "InitiatingProcessAccountObjectId": ("accounts", "aadUserIdColumn"),
    "InitiatingProcessAccountSid": ("accounts", "sidColumn"),
    "InitiatingProcessAccountUpn": ("accounts", "upnColumn"),
    "RecipientObjectId": ("accounts", "aadUserIdColumn"),
    "RecipientEmailAddress": ("mailboxes", "primaryAddressColumn"),
    "SenderFromAddress": ("mailboxes", "primaryAddressColumn"),
    "SenderMailFromAddress": ("mailboxes", "primaryAddressColumn"),
}
"""Columns of Defender XDR that say what an alert is about, in order of preference within a group."""
ENTITY_COLUMNS = tuple(_COLUMNS)

_ASSETS: Mapping[str, str] = {
    "initiatingAccountSid": "InitiatingProcessAccountSid",
    "processAccountObjectId": "InitiatingProcessAccountObjectId",
}
"""Identifiers of the removed schema that are not the column's own name (security-impacteduserasset)."""

_ACTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "isolateDevice": ("isolateDevices", {"deviceIdColumn": "DeviceId"}),
    "restrictAppExecution": ("restrictAppExecutions", {"deviceIdColumn": "DeviceId"}),
    "collectInvestigationPackage": ("collectInvestigationPackages", {"deviceIdColumn": "DeviceId"}),
    "runAntivirusScan": ("runAntivirusScans", {"deviceIdColumn": "DeviceId"}),
    "initiateInvestigation": ("initiateInvestigations", {"deviceIdColumn": "DeviceId"}),
    "forceUserPasswordReset": ("forceUserPasswordResets", {"accountSidColumn": ""}),
    "disableUser": ("disableUsers", {"accountSidColumn": ""}),
    "markUserAsCompromised": ("markUsersAsCompromised", {"accountObjectIdColumn": ""}),
    "hardDelete": ("hardDeleteEmails", {"networkMessageIdColumn": "NetworkMessageId",
                                        "recipientColumn": "RecipientEmailAddress"}),
    "softDelete": ("softDeleteEmails", {"networkMessageIdColumn": "NetworkMessageId",
                                        "recipientColumn": "RecipientEmailAddress"}),
}  # fmt: skip
"""Response actions of the removed schema as automated actions; `` is filled with the action's identifier."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A custom detection to give out.

    Attributes:
        body: what is sent to Graph.
        changed: what of the rule's file is expressed differently, or cannot be expressed, in the current schema.
    """

    body: Body
    changed: tuple[str, ...] = ()


def detection_rule(rule: Rule, query: str, columns: Collection[str], *, custom: bool = False) -> Detection:
    """Return a custom detection.

    Args:
        rule: any rule on Defender XDR's or Sentinel's tables; one that is a detection already keeps all it has.
        query: the tuned query.
        columns: what the query returns.
        custom: the query reads Sentinel's tables only, for which more frequencies are accepted.
    """
    own = {key: value for key, value in rule.metadata.items() if key not in READ_ONLY}
    frequency = frequency_of(rule, custom=custom)
    schedule = {} if frequency is None else {"schedule": {"frequency": frequency}}
    if "queryCondition" in rule.metadata:
        stated, changed = current_schema(own)
        return Detection(Body(None, stated | {"queryCondition": {"queryText": query}} | schedule, {}, True), changed)
    template: dict[str, Any] = {
        "title": rule.name,
        "description": rule.description or rule.name,
        "severity": (rule.severity or "medium").lower(),
        "tactics": tactics(rule.tactics, rule.techniques),
        "entityMappings": entities(rule.entity_mappings, columns),
    }
    if rule.custom_details:
        template["customDetails"] = dict(rule.custom_details)
    stated = {
        "displayName": rule.name,
        "queryCondition": {"queryText": query},
        **schedule,
        "detectionAction": {"alertTemplate": template},
    }
    return Detection(Body(None, stated, {"status": "enabled"}, True))


def frequency_of(rule: Rule, *, custom: bool = False) -> str | None:
    """Return how often the detection runs, as ISO 8601; None where nothing is at least as frequent as the rule.

    A frequency that Defender does not have becomes the next more frequent one, so that nothing is missed.
    """
    if rule.continuous or rule.kind == "nrt":
        return CONTINUOUS
    text = rule.query_frequency or rule.query_period or "24h"
    wanted = timedelta() if text == "0" else duration(text)
    if wanted is None:
        return None
    if not wanted:
        return CONTINUOUS
    if custom and CUSTOM_SHORTEST <= wanted <= CUSTOM_LONGEST:
        return iso_duration(text)
    chosen = next((length for length in FREQUENCIES if length <= wanted), None)
    return None if chosen is None else iso_duration(f"{int(chosen.total_seconds())}s")


def tactics(names: Iterable[str], techniques: Iterable[str]) -> list[dict[str, Any]]:
    """Return tactics with their techniques. A rule file does not say which belongs to which: all go with the first."""
    found: dict[str, list[str]] = {}
    for technique in techniques:
        whole, _, part = technique.partition(".")
        found.setdefault(whole, [])
        if part:
            found[whole].append(technique)
    listed = [{"technique": whole, "subTechniques": parts} for whole, parts in found.items()]
    named = [name.replace(" ", "") for name in names]
    return [{"tactic": name, "techniques": [] if number else listed} for number, name in enumerate(named)]


def entities(mappings: Iterable[EntityMapping], columns: Collection[str]) -> dict[str, list[dict[str, str]]]:
    """Return what an alert is about: the rule's entity mappings, and else one mapping for each group of columns."""
    found: dict[str, list[dict[str, str]]] = {}
    for mapping in mappings:
        group, names = _ENTITIES.get(mapping.entity_type, ("", {}))
        made = {names[identifier]: column for identifier, column in mapping.columns if identifier in names}
        if made:
            found.setdefault(group, []).append(made)
        elif mapping.entity_type == "FileHash":
            found.setdefault("files", []).extend(_hashes(mapping))
    if "DeviceId" in columns and "hosts" in found:
        found["hosts"][0].setdefault("deviceIdColumn", "DeviceId")
    if found:
        return found
    for column, (group, name) in _COLUMNS.items():
        if column in columns:
            first = found.setdefault(group, [{}])[0]
            first.setdefault(name, column)
    return found


def _hashes(mapping: EntityMapping) -> list[dict[str, str]]:
    values = [column for identifier, column in mapping.columns if identifier == "Value"]
    return [
        {"sha256Column" if "256" in column else "sha1Column": column} for column in values if "sha" in column.lower()
    ]


def current_schema(own: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a detection in the current schema, and what changed from the removed one."""
    changed: list[str] = []
    stated = {key: value for key, value in own.items() if key not in ("isEnabled", "schedule", "detectionAction")}
    if "status" not in stated and "isEnabled" in own:
        stated["status"] = "enabled" if own["isEnabled"] else "disabled"
        changed.append("`isEnabled` is `status` now")
    schedule = own.get("schedule")
    if isinstance(schedule, Mapping):
        kept = {key: value for key, value in schedule.items() if key not in _REMOVED}
        if "period" in schedule:
            changed.append("`schedule.period` is `schedule.frequency` now")
        if kept:
            stated["schedule"] = kept
    action = own.get("detectionAction")
    if isinstance(action, Mapping):
        stated["detectionAction"] = _action(action, changed)
    return stated, tuple(changed)


def _action(action: Mapping[str, Any], changed: list[str]) -> dict[str, Any]:
    made = {key: value for key, value in action.items() if key not in (*_REMOVED, "alertTemplate")}
    template = action.get("alertTemplate")
    if isinstance(template, Mapping):
        made["alertTemplate"] = _template(template, changed)
    responses = action.get("responseActions")
    if responses and "automatedActions" not in action:
        made["automatedActions"] = _automated(responses, changed)
    scope = made.get("organizationalScope")
    if isinstance(scope, Mapping) and "scopeNames" in scope:
        made["organizationalScope"] = {"deviceGroups": scope["scopeNames"]}
        changed.append("`organizationalScope.scopeNames` is `deviceGroups` now")
    return {key: value for key, value in made.items() if value is not None}


def _template(template: Mapping[str, Any], changed: list[str]) -> dict[str, Any]:
    made = {key: value for key, value in template.items() if key not in _REMOVED and value is not None}
    category, techniques = template.get("category"), template.get("mitreTechniques")
    if "tactics" not in template and (category or techniques):
        names = [str(category)] if category else []
        made["tactics"] = tactics(names, techniques if isinstance(techniques, list) else ())
        changed.append("`category` and `mitreTechniques` are `tactics` now")
    assets = template.get("impactedAssets")
    if "entityMappings" not in template and isinstance(assets, list) and assets:
        mapped = _mapped(assets)
        made["entityMappings"] = mapped
        changed.append("`impactedAssets` is `entityMappings` now")
    return made


def _mapped(assets: Iterable[Any]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for asset in assets:
        identifier = str(asset.get("identifier") or "") if isinstance(asset, Mapping) else ""
        column = _ASSETS.get(identifier, identifier[:1].upper() + identifier[1:])
        group, name = _COLUMNS.get(column, ("", ""))
        if not group:
            continue
        found.setdefault(group, [{}])[0].setdefault(name, column)
    return found


def _automated(responses: Any, changed: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for response in responses if isinstance(responses, list) else ():
        if not isinstance(response, Mapping):
            continue
        word = str(response.get("@odata.type") or "").rpartition(".")[2].removesuffix("ResponseAction")
        group, names = _ACTIONS.get(word, ("", {}))
        if not group:
            changed.append(
                f"the response action {word or 'without a type'} has no counterpart that fpctl knows: left out"
            )
            continue
        identifier = str(response.get("identifier") or "").partition(",")[0]
        column = _ASSETS.get(identifier, identifier[:1].upper() + identifier[1:])
        made: dict[str, Any] = {name: default or column for name, default in names.items()}
        if "isolationType" in response:
            made["isolationType"] = response["isolationType"]
        found.setdefault(group, []).append(made)
        changed.append(f"the response action {word} is in `automatedActions.{group}` now")
    return found
