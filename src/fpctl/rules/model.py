"""A detection rule: a KQL query and what its authors say about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

RuleKind = Literal["hunting", "scheduled", "nrt", "bare", "defender-custom-detection"]
"""What runs the rule: `hunting` has no schedule, `bare` is a query without metadata of its own."""


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """An entity of the alert: its type and, for each identifier, the result column that holds it."""

    entity_type: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: the authors' id; without one, the file's path in the rules folder (`#2` for its second query).
        path: the file's path relative to the rules folder, with `/`.
        connectors: ids of the required data connectors; `data_types` the tables they bring.
        alert_columns: result columns that `alertDetailsOverride` uses.
        trigger_operator: `gt`, `lt`, `eq` or `ne`, for scheduled rules; with `trigger_threshold`.
        query_frequency: as written (`1h`, `PT1H`); `0` is a continuous Defender detection.
        metadata: every authored key as read, the ones fpctl does not know included.
    """

    id: str
    name: str
    query: str
    path: str
    kind: RuleKind
    description: str = ""
    severity: str | None = None
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    connectors: tuple[str, ...] = ()
    data_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    entity_mappings: tuple[EntityMapping, ...] = ()
    custom_details: tuple[tuple[str, str], ...] = ()
    alert_columns: tuple[str, ...] = ()
    trigger_operator: Literal["gt", "lt", "eq", "ne"] | None = None
    trigger_threshold: int | None = None
    query_frequency: str | None = None
    query_period: str | None = None
    version: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def continuous(self) -> bool:
        """Whether the rule runs on each event as it arrives: no comments and few operators are allowed there."""
        return self.kind == "defender-custom-detection" and self.query_frequency in ("0", "PT0S")

    def required_columns(self) -> frozenset[str]:
        """Return the result columns that mappings, details and alert texts need."""
        mapped = (column for mapping in self.entity_mappings for _, column in mapping.columns)
        return frozenset((*mapped, *(column for _, column in self.custom_details), *self.alert_columns))


def _listed(value: object) -> object:
    """Accept one text where a list is meant: `tactics: CommandAndControl`, `T1219, T1105`."""
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _none_as(empty: type) -> BeforeValidator:
    return BeforeValidator(lambda value: empty() if value is None else value)


Texts = Annotated[list[str], BeforeValidator(_listed)]
_PLACEHOLDER = re.compile(r"%%\w+%%|<[^>]*>|\{\{.*\}\}")
_OPERATORS: dict[str, Literal["gt", "lt", "eq", "ne"]] = {
    "gt": "gt", "lt": "lt", "eq": "eq", "ne": "ne",
    "greaterthan": "gt", "lessthan": "lt", "equal": "eq", "notequal": "ne",
}  # fmt: skip
_COLUMN = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class _Foreign(BaseModel):
    """Other people's files: keys we do not know are theirs to have; `Rule.metadata` keeps them."""

    model_config = ConfigDict(defer_build=True, extra="ignore", coerce_numbers_to_str=True, populate_by_name=True)


class _Connector(_Foreign):
    connectorId: str | None = None
    dataTypes: Texts = []


class _FieldMapping(_Foreign):
    identifier: str
    columnName: str


class _EntityMapping(_Foreign):
    entityType: str
    fieldMappings: Annotated[list[_FieldMapping], _none_as(list)] = []


class _DynamicProperty(_Foreign):
    alertProperty: str
    value: str


class _AlertDetails(_Foreign):
    alertDisplayNameFormat: str | None = None
    alertDescriptionFormat: str | None = None
    alertTacticsColumnName: str | None = None
    alertSeverityColumnName: str | None = None
    alertDynamicProperties: Annotated[list[_DynamicProperty], _none_as(list)] = []

    def columns(self) -> list[str]:
        texts = (self.alertDisplayNameFormat or "", self.alertDescriptionFormat or "")
        named = [self.alertTacticsColumnName, self.alertSeverityColumnName]
        named += [dynamic.value for dynamic in self.alertDynamicProperties]
        return [*(name for text in texts for name in _COLUMN.findall(text)), *(name for name in named if name)]


class RuleMetadata(_Foreign):
    """The authored keys that fpctl uses, in the spelling of the Azure-Sentinel repository and of ARM exports.

    Source of the keys: Azure-Sentinel `.script/tests/detectionTemplateSchemaValidation/Models`.
    """

    id: str | None = None
    name: str | None = Field(None, validation_alias=AliasChoices("displayName", "name"))
    description: str | None = None
    kind: str | None = None
    severity: str | None = None
    tactics: Texts = []
    techniques: Texts = Field([], validation_alias=AliasChoices("relevantTechniques", "techniques"))
    connectors: Annotated[list[_Connector], _none_as(list)] = Field([], validation_alias="requiredDataConnectors")
    tags: list[Any] | dict[str, Any] | str | None = None
    entity_mappings: Annotated[list[_EntityMapping], _none_as(list)] = Field([], validation_alias="entityMappings")
    custom_details: Annotated[dict[str, str], _none_as(dict)] = Field({}, validation_alias="customDetails")
    alert_details: _AlertDetails | None = Field(None, validation_alias="alertDetailsOverride")
    trigger_operator: str | None = Field(None, validation_alias="triggerOperator")
    trigger_threshold: int | None = Field(None, validation_alias="triggerThreshold")
    query_frequency: str | None = Field(None, validation_alias="queryFrequency")
    query_period: str | None = Field(None, validation_alias="queryPeriod")
    version: str | None = Field(None, validation_alias=AliasChoices("version", "templateVersion"))


_EXPECTED = {
    "int_parsing": "is not a whole number", "int_type": "is not a whole number",
    "string_type": "is not a text", "list_type": "is not a list", "dict_type": "is not a map",
    "model_type": "is not a map", "model_attributes_type": "is not a map", "missing": "is missing",
}  # fmt: skip
"""What is wrong with a metadata value, by pydantic's type of error."""

_SPELLINGS = {
    "displayName": ("displayName", "name"),
    "relevantTechniques": ("relevantTechniques", "techniques"),
    "version": ("version", "templateVersion"),
}


@dataclass(frozen=True, slots=True)
class MetadataProblem:
    """A metadata key whose value is not what it should be; the rule is read without it."""

    key: str
    message: str


def read_rule(
    metadata: Mapping[str, Any],
    query: str,
    path: str,
    fallback_id: str,
    fallback_name: str,
    kind: RuleKind | None = None,
) -> tuple[Rule, list[MetadataProblem]]:
    """Return a rule made of authored metadata, and the keys that could not be used.

    Args:
        metadata: the authored keys; texts may be given for numbers.
        query: the decoded query.
        path: relative to the rules folder.
        fallback_id: the id of a rule that states none.
        fallback_name: the name of a rule that states none.
        kind: what the file format says; None to take it from the metadata.
    """
    usable, faults = dict(metadata), list[MetadataProblem]()
    while True:
        try:
            read = RuleMetadata.model_validate(usable)
            break
        except ValidationError as error:
            for detail in {e["loc"][0]: e for e in error.errors(include_url=False, include_input=False)}.values():
                stated_as = next(key for key in _SPELLINGS.get(str(detail["loc"][0]), detail["loc"]) if key in usable)
                del usable[stated_as]
                place = ".".join(str(step) for step in (stated_as, *detail["loc"][1:]))
                faults.append(
                    MetadataProblem(str(stated_as), f"`{place}` {_EXPECTED.get(detail['type'], 'cannot be used')}")
                )
    operator = None
    if read.trigger_operator:
        operator = _OPERATORS.get(read.trigger_operator.lower())
        if operator is None:
            faults.append(
                MetadataProblem(
                    "triggerOperator", f"`triggerOperator` must be gt, lt, eq or ne, not {read.trigger_operator}"
                )
            )
    stated = read.id.strip() if read.id else ""
    rule = Rule(
        id=stated if stated and not _PLACEHOLDER.fullmatch(stated) else fallback_id,
        name=(read.name or "").strip() or fallback_name,
        query=query,
        path=path,
        kind=kind or _kind(read),
        description=(read.description or "").strip(),
        severity=read.severity,
        tactics=tuple(read.tactics),
        techniques=tuple(read.techniques),
        connectors=tuple(c.connectorId for c in read.connectors if c.connectorId),
        data_types=tuple(name for c in read.connectors for name in c.dataTypes),
        tags=tuple(_tags(read.tags)),
        entity_mappings=tuple(
            EntityMapping(m.entityType, tuple((f.identifier, f.columnName) for f in m.fieldMappings))
            for m in read.entity_mappings
        ),
        custom_details=tuple(read.custom_details.items()),
        alert_columns=tuple(dict.fromkeys(read.alert_details.columns())) if read.alert_details else (),
        trigger_operator=operator,
        trigger_threshold=read.trigger_threshold,
        query_frequency=read.query_frequency,
        query_period=read.query_period,
        version=read.version,
        metadata=metadata,
    )
    return rule, faults


def _kind(read: RuleMetadata) -> RuleKind:
    stated = (read.kind or "").lower()
    if stated == "nrt":
        return "nrt"
    return "scheduled" if stated == "scheduled" or read.query_frequency else "hunting"


def _tags(value: list[Any] | dict[str, Any] | str | None) -> list[str]:
    """Return tags from any of the known shapes: a text, a list of texts, a map, a list of maps."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, dict):
        return [f"{key}={item}" if isinstance(item, str) else str(key) for key, item in value.items()]
    if isinstance(value, list):
        return [tag for item in value for tag in ([str(item)] if not isinstance(item, (dict, list)) else _tags(item))]
    return []
