"""Rules in JSON: ARM and portal exports, REST listings, saved searches, Defender detections, plain objects.

An export may hold many rules. Wire names: `azure-mgmt-securityinsight` (alert rules), the
`Microsoft.OperationalInsights` resource types (saved searches, query packs), and Microsoft Graph's
`detectionRule`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from fpctl.rules.formats.registry import LoadedRule, RuleReader
from fpctl.rules.model import RuleKind, read_rule
from fpctl.rules.text.json_text import JsonError, JsonMember, JsonString, JsonText, plain, read_json

_SURROGATE = re.compile("[\ud800-\udfff]")
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def read(reader: RuleReader) -> Iterator[LoadedRule]:
    """Yield the rules of a JSON file in order of their place."""
    start = 1 if reader.text.startswith("\ufeff") else 0
    try:
        root = read_json(reader.text, start)
    except JsonError as error:
        reader.error("invalid-json", f"not valid JSON: {error}", error.offset)
        return
    found = list(_find(root))
    if not found:
        reader.warn("no-query", "no rule found in the JSON file; it is left out", start)
    for number, (owner, query, place) in enumerate(found, 1):
        text = JsonText(query, reader.path, reader.text)
        if not text.query.strip():
            reader.error("no-query", "the rule's query is empty", query.start)
            continue
        if half_character := _half_character(owner):
            hint = "write both halves of it (\\ud83d\\ude00), or the character itself"
            reader.error("invalid-text", f"{half_character} is half of a character; no text can hold it", place, hint)
            continue
        if "apiVersion" in owner and text.query.startswith("["):
            # Resource Manager evaluates such a string; what the engine would get is not in the file.
            hint = "write the query itself; begin one that needs a `[` with a comment line"
            reader.error("arm-expression", "the rule's query is an ARM template expression", query.start, hint)
            continue
        metadata, kind = _metadata(owner, query)
        fallback = reader.relative if len(found) == 1 else f"{reader.relative}#{number}"
        stem = PurePosixPath(reader.relative).stem
        rule, faults = read_rule(metadata, text.query, reader.relative, fallback, stem, kind)
        if kind == "defender-custom-detection":
            # What was lifted for reading is not the detection's own: its description is not that of its alerts.
            own = {key: plain(member.value) for key, member in owner.items() if key != "properties"}
            rule = replace(rule, metadata=own if "id" in metadata else {k: v for k, v in own.items() if k != "id"})
        places = {key: member.start for key, member in _members(owner).items()}
        reader.faults(faults, places, place)
        yield LoadedRule(rule, text, reader.source.line_column(place)[0])


def _find(value: Any) -> Iterator[tuple[dict[str, JsonMember], JsonString, int]]:
    """Yield (owner object, query, offset) for each rule, depth first; what is inside a rule is not searched."""
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        current, place = stack.pop()
        if isinstance(current, list):
            stack.extend((item, place) for item in reversed(current))
        if not isinstance(current, dict):
            continue
        query = _query(current)
        if query is not None:
            first = min((member.start for member in current.values()), default=place)
            yield current, query, first
        else:
            stack.extend((member.value, member.start) for member in reversed(list(current.values())))


def _query(owner: dict[str, JsonMember]) -> JsonString | None:
    condition = _object(owner, "queryCondition")
    if isinstance(found := _value(condition, "queryText"), JsonString):
        return found
    properties = _object(owner, "properties")
    kind = _text(owner, "type").lower()
    if kind.endswith("/queries") and isinstance(found := _value(properties, "body"), JsonString):
        return found
    if ("kind" in owner or "type" in owner or "name" in owner) and isinstance(
        found := _value(properties, "query"), JsonString
    ):
        return found
    named = "name" in owner or "displayName" in owner or "id" in owner
    # Workbooks hold queries too; their items are recognised by `queryType`.
    if named and "queryType" not in owner and isinstance(found := _value(owner, "query"), JsonString):
        return found
    return None


def _half_character(value: Any) -> str | None:
    """Return the first escape of half a character (a lone surrogate) in a value, as it is written; None for none."""
    stack: list[Any] = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            stack += [*current, *(member.value for member in current.values())]
        elif isinstance(current, list):
            stack += current
        else:
            text = current.value if isinstance(current, JsonString) else current
            if isinstance(text, str) and (found := _SURROGATE.search(text)):
                return f"\\u{ord(found[0]):04x}"
    return None


def _value(owner: dict[str, JsonMember], key: str) -> Any:
    return owner[key].value if key in owner else None


def _object(owner: dict[str, JsonMember], key: str) -> dict[str, JsonMember]:
    value = _value(owner, key)
    return value if isinstance(value, dict) else {}


def _text(owner: dict[str, JsonMember], key: str) -> str:
    value = _value(owner, key)
    return value.value if isinstance(value, JsonString) else ""


def _members(owner: dict[str, JsonMember]) -> dict[str, JsonMember]:
    """Return a rule's members, a resource's `properties` lifted to its level."""
    return {**owner, **_object(owner, "properties")}


def _metadata(owner: dict[str, JsonMember], query: JsonString) -> tuple[dict[str, Any], RuleKind | None]:
    metadata = {key: plain(member.value) for key, member in _members(owner).items() if member.value is not query}
    metadata.pop("properties", None)
    if "queryCondition" in owner:
        return _detection(metadata), "defender-custom-detection"
    if "properties" in owner:
        # In a template `id` and `name` are expressions around the rule's GUID; the title is `displayName`.
        metadata.pop("id", None)
        metadata.pop("name", None)
        identity = _GUID.findall(_text(owner, "name")) or _GUID.findall(_text(owner, "id"))
        if identity:
            metadata["id"] = identity[-1]
        metadata["relevantTechniques"] = [*_list(metadata, "techniques"), *_list(metadata, "subTechniques")]
        metadata.pop("techniques", None)
    return metadata, None


def _list(metadata: dict[str, Any], key: str) -> list[Any]:
    value = metadata.get(key)
    return value if isinstance(value, list) else []


def _tactics(template: dict[str, Any]) -> tuple[Any, Any]:
    """Return the tactics and techniques of an alert template, in the current schema or the one removed in 2026."""
    listed = template.get("tactics")
    if not isinstance(listed, list):
        return template.get("category"), template.get("mitreTechniques")
    named = [item for item in listed if isinstance(item, dict)]
    used = [one for item in named for one in item.get("techniques") or () if isinstance(one, dict)]
    techniques = [name for one in used for name in (one.get("subTechniques") or [one.get("technique")])]
    return [item.get("tactic") for item in named if item.get("tactic")], [name for name in techniques if name]


def _detection(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return a Graph `detectionRule` in the keys of a rule file."""
    action = metadata.get("detectionAction")
    template = action.get("alertTemplate") if isinstance(action, dict) else None
    schedule = metadata.get("schedule")
    lifted = dict(metadata)
    if isinstance(template, dict):
        lifted |= {key: template[key] for key in ("severity", "description") if key in template}
        lifted["tactics"], lifted["relevantTechniques"] = _tactics(template)
    if isinstance(schedule, dict) and (often := schedule.get("frequency", schedule.get("period"))) is not None:
        lifted["queryFrequency"] = often
    if isinstance(lifted.get("id"), str) and not lifted["id"].strip():
        del lifted["id"]
    return lifted
