"""Entity types of Sentinel and what identifies them.

https://learn.microsoft.com/azure/sentinel/entities-reference and the validator of the Azure-Sentinel repository
(`EntityMappingIdentifiers.cs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fpctl.rules.model import EntityMapping
from fpctl.spelling import did_you_mean


class Entity(NamedTuple):
    """What a mapping may name. `strong`: one of these groups has to be there as a whole."""

    strong: tuple[tuple[str, ...], ...]
    others: tuple[str, ...] = ()

    def identifiers(self) -> set[str]:
        """Return every identifier."""
        return {name for group in self.strong for name in group} | set(self.others)


def _any_of(text: str, others: str = "") -> Entity:
    return Entity(tuple((name,) for name in text.split()), tuple(others.split()))


ENTITIES: Mapping[str, Entity] = {
    "Account": _any_of(
        "FullName Sid Name AadUserId PUID ObjectGuid",
        "NTDomain DnsDomain UPNSuffix AadTenantId IsDomainJoined DisplayName",
    ),
    "Host": _any_of(
        "FullName HostName NetBiosName AzureID OMSAgentID", "DnsDomain NTDomain OSFamily OSVersion IsDomainJoined"
    ),
    "IP": _any_of("Address"),
    "URL": _any_of("Url"),
    "DNS": _any_of("DomainName"),
    "File": _any_of("Name", "Directory"),
    "FileHash": Entity((("Algorithm", "Value"),)),
    "Process": _any_of("CommandLine ProcessId", "ElevationToken CreationTimeUtc"),
    "RegistryKey": _any_of("Key Hive"),
    "RegistryValue": _any_of("Name", "Value ValueType"),
    "AzureResource": _any_of("ResourceId"),
    "CloudApplication": _any_of("AppId Name", "InstanceName"),
    "Malware": _any_of("Name", "Category"),
    "Mailbox": _any_of("MailboxPrimaryAddress", "DisplayName Upn ExternalDirectoryObjectId RiskLevel"),
    "MailMessage": _any_of("NetworkMessageId Recipient", "Sender P1Sender P2Sender SenderIP Subject DeliveryAction"),
    "MailCluster": _any_of("Query Source"),
    "SecurityGroup": _any_of("DistinguishedName SID ObjectGuid"),
    "SubmissionMail": _any_of("SubmissionId NetworkMessageId Recipient Submitter"),
    "IoTDevice": _any_of("DeviceId", "DeviceName IoTHub Manufacturer Model OperatingSystem IpAddress MacAddress"),
}


def oddities(mapping: EntityMapping) -> Iterator[tuple[str, str | None]]:
    """Yield what the service may not know of a mapping: a message, and a hint where there is one.

    These are not refusals: the service learns new types and identifiers, and this list does not.
    """
    kind = mapping.entity_type
    known = ENTITIES.get(kind)
    if known is None:
        yield f"{kind} is not an entity type that fpctl knows", did_you_mean(kind, sorted(ENTITIES), what="type")
        return
    given = {identifier for identifier, _ in mapping.columns}
    for identifier in sorted(given - known.identifiers()):
        near = did_you_mean(identifier, sorted(known.identifiers()), what="identifier")
        yield f"the entity {kind} has no identifier {identifier} that fpctl knows", near
    if not any(given.issuperset(group) for group in known.strong):
        groups = ", ".join(" with ".join(group) for group in known.strong)
        yield f"the mapping of {kind} has nothing that identifies it", f"map one of {groups}"
