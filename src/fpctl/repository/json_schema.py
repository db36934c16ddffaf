"""JSON Schemas of rule and exclusion files, made from the models, so that editors complete and check keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.scenarios.model import SCENARIO_IDS, scenario
from fpctl.fields.registry import FIELDS
from fpctl.rules.model import RuleMetadata
from fpctl.rules.selector import PREFIXES

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The newest that the YAML language server of the usual editors fully supports."""

_EXCLUSION: Mapping[str, str] = {
    "id": "Unique; names the file and marks the clause in tuned rules. `fpctl add` makes one.",
    "title": "A line that says what the exclusion is.",
    "scenario": "The documented benign situation, if it is one.",
    "rules": f"Which rules: ids, names, paths, globs, or {', '.join(f'{p}:' for p in PREFIXES)}; `*` for all.",
    "match": "What to match: all fields of a map must match, a list of values is any of them, a list of maps is or.",
    "window": "Times at which the exclusion applies.",
    "reason": "Why this is benign.",
    "ticket": "Ticket or change number.",
    "owner": "Owner.",
    "created": "First day on which it is valid.",
    "expires": "First day on which it is no longer valid.",
    "approved_by": "Who approved it; not the owner.",
    "approval": "What the approver saw; written by `fpctl approve`.",
    "status": "draft: not approved yet. active: suppresses events. shadow: only counted. retired: ended.",
    "broad": "Allow a match without device, url and hash; needs an approval.",
    "placement": "Where the clause goes: auto, at the source, or at the end of the query.",
    "notes": "Anything else to know.",
    "tags": "Words to find it by.",
}
_MATCH: Mapping[str, str] = {
    **{name: field.help for name, field in FIELDS.items()},
    "where": "A KQL condition that must also be true; only for what the fields cannot express.",
}
_WINDOW: Mapping[str, str] = {
    "weekly": "Such as `sun 02:00-04:00`, `mon-fri 22:00-06:00`, `daily 12:00-13:00`.",
    "intervals": "Such as `2026-12-24 18:00/2026-12-27 06:00`.",
    "timezone": "Time zone of these times, such as Europe/Rome.",
}
_APPROVAL: Mapping[str, str] = {
    "on": "The day.",
    "rules": "By rule id, the hash of its base query as the approver saw it.",
    "places": "By rule id, the tables that the clause was on, and after which operator.",
}
_RULE: Mapping[str, str] = {
    "id": "Unique; exclusions refer to the rule by it.",
    "name": "The rule's name.",
    "query": "The base query, in KQL, without any exclusion.",
    "requiredDataConnectors": "The data connectors for the tables that the query reads.",
    "triggerOperator": "With triggerThreshold: how many results fire the rule.",
}
_TEXT = {"type": "string"}
_VALUE = {"type": ["string", "integer"]}


def exclusion_schema() -> dict[str, Any]:
    """Return the schema of an exclusion file's document."""
    made = Exclusion.model_json_schema()
    parts = made["$defs"]
    match = _described(parts["Alternative"], _MATCH)
    for name in FIELDS:
        _set_choice(match["properties"], name, _one_or_many(_VALUE))
    window = _described(parts["Window"], _WINDOW)
    for name in ("weekly", "intervals"):
        _set_choice(window["properties"], name, _one_or_many(_TEXT))
    properties = _described(made, _EXCLUSION)["properties"]
    for name in ("rules", "tags"):
        _set_choice(properties, name, _one_or_many(_TEXT))
    one = {"$ref": "#/definitions/match"}
    _set_choice(properties, "match", [one, {"type": "array", "items": one, "minItems": 1}])
    properties["id"]["pattern"] = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
    properties["scenario"] |= {
        "enum": list(SCENARIO_IDS),
        "description": _EXCLUSION["scenario"] + " " + "; ".join(f"{id}: {scenario(id).title}" for id in SCENARIO_IDS),
    }
    properties["window"] |= window
    properties["approval"] |= _described(parts["Approval"], _APPROVAL)
    return {
        "$schema": DIALECT,
        "title": "fpctl exclusion",
        "type": "object",
        "additionalProperties": False,
        "required": made["required"],
        "properties": properties,
        "definitions": {"match": match},
    }


def rule_schema() -> dict[str, Any]:
    """Return the schema of a rule file: the keys that fpctl reads; others are the authors' to have."""
    made = RuleMetadata.model_json_schema()
    properties = {name: _plain(field, made["$defs"]) for name, field in made["properties"].items()}
    # `displayName` is the portal's word for it; files say `name`.
    properties = {"id": properties.pop("id"), "name": properties.pop("displayName"), **properties}
    properties["query"] = {"type": "string"}
    for name, field in properties.items():
        field["description"] = _RULE.get(name, f"See the Azure-Sentinel rule format: {name}.")
        if field.get("type") == "array" and field.get("items") == _TEXT:
            _set_choice(properties, name, _one_or_many(_TEXT))
    properties["triggerOperator"] |= {"enum": ["gt", "lt", "eq", "ne", "GreaterThan", "LessThan", "Equal", "NotEqual"]}
    return {
        "$schema": DIALECT,
        "title": "KQL detection rule",
        "type": "object",
        "required": ["query"],
        "properties": properties,
    }


def schema_text(schema: Mapping[str, Any]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _one_or_many(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item, {"type": "array", "items": item, "minItems": 1}]


def _set_choice(properties: dict[str, Any], name: str, choices: Sequence[Mapping[str, Any]]) -> None:
    """Let a property be any of the choices; the models list what files may also write as one."""
    properties[name] = {"description": properties[name]["description"], "anyOf": list(choices)}


def _described(part: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    properties = {}
    for name, field in part["properties"].items():
        properties[name] = {**_plain(field, {}), "description": texts[name]}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _plain(field: Any, parts: Mapping[str, Any]) -> Any:
    """Return a property without pydantic's titles, without "or null", and with its parts written out."""
    if isinstance(field, list):
        return [_plain(item, parts) for item in field]
    if not isinstance(field, dict):
        return field
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return _plain(parts[name], parts) if name in parts else {}
    kept = {
        key: {name: _plain(item, parts) for name, item in value.items()}
        if key == "properties"
        else _plain(value, parts)
        for key, value in field.items()
        if key not in ("title", "default", "description")
    }
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        kept.pop("anyOf")
        kept |= choices[0]
    elif choices:
        kept["anyOf"] = choices
    return kept
