"""Rules as YAML files in the format of the Azure-Sentinel repository."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fpctl.deployment.artifacts.rule_artifact import RuleArtifact
from fpctl.documents.yaml_node import YamlError, read_documents
from fpctl.documents.yaml_text import Value, entry
from fpctl.durations import short_duration
from fpctl.errors import FpctlError, Location
from fpctl.rules.formats.registry import YAML, edited, read_rule_file
from fpctl.rules.model import Rule

_OPERATORS = {"GreaterThan": "gt", "LessThan": "lt", "Equal": "eq", "NotEqual": "ne"}
_DURATIONS = ("queryFrequency", "queryPeriod", "suppressionDuration")
_BEFORE = ("severity", "requiredDataConnectors", "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")
_AFTER = (
    "eventGroupingSettings", "entityMappings", "customDetails", "alertDetailsOverride", "incidentConfiguration",
    "suppressionEnabled", "suppressionDuration",
)  # fmt: skip
_VERSION = re.compile(r"^(version[ \t]*:[ \t]*)([^\r\n#]*?)([ \t]*(?:#[^\r\n]*)?)(?=\r?$)", re.MULTILINE)
_NOT_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def artifact_yaml(artifact: RuleArtifact) -> str:
    """Return the rule's file as it goes out: its own YAML with the clauses and the version, else YAML made of it.

    It is made of it too where the file is not valid YAML or holds several rules: fpctl can read such a
    file, and a pipeline cannot.

    Raises:
        FpctlError: the clauses cannot be written in the file's style, or the rule's values not as YAML.
    """
    rule, loaded, tuned = artifact.rule, artifact.outcome.loaded, artifact.outcome.tuned
    assert tuned is not None
    if not rule.path.lower().endswith(YAML) or not _is_one_document(loaded.text.file_text):
        return rule_yaml(rule, artifact.query, artifact.version, rule_id=artifact.guid)
    text = edited(loaded.text.file_text, [(loaded.text, tuned.edits)]) if tuned.edits else loaded.text.file_text
    if artifact.version is None or artifact.version == rule.version:
        return text
    changed, count = _VERSION.subn(lambda found: f"{found[1]}{artifact.version}{found[3]}", text, count=1)
    if count:
        return changed
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text}{'' if text.endswith(newline) else newline}version: {artifact.version}{newline}"


def _is_one_document(text: str) -> bool:
    try:
        return len(read_documents(text)) == 1
    except YamlError:
        return False


def rule_yaml(rule: Rule, query: str, version: str | None, *, rule_id: str | None = None) -> str:
    """Return a rule as a YAML document with the keys in the order of the Azure-Sentinel repository.

    Line breaks of the query are line feeds in it, which KQL takes for the same.

    Raises:
        FpctlError: a value cannot be written, or the file would not read back as the same query.
    """
    query = query.replace("\r\n", "\n")
    parts = [entry("id", rule_id or rule.id), entry("name", rule.name)]
    if rule.description:
        parts.append(text_entry("description", rule.description.replace("\r\n", "\n")))
    if rule.kind in ("scheduled", "nrt"):
        parts.append(entry("kind", "Scheduled" if rule.kind == "scheduled" else "NRT"))
    values = dict(rule.metadata)
    parts += _stated(values, _BEFORE)
    if rule.tactics:
        parts.append(entry("tactics", list(rule.tactics)))
    if rule.techniques:
        parts.append(entry("relevantTechniques", list(rule.techniques)))
    parts.append(text_entry("query", query))
    parts += _stated(values, _AFTER)
    if version:
        parts.append(entry("version", version))
    text = "".join(parts)
    again = read_rule_file(text, rule.path, "rule.yaml").rules
    if len(again) != 1 or again[0].rule.query != query:
        raise FpctlError("the query cannot be written as YAML", Location(rule.path))
    return text


def text_entry(key: str, text: str) -> str:
    """Return a text of several lines as a literal block, or quoted where a block cannot hold it."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if "\n" not in text and key != "query":
        return entry(key, text)
    if _NOT_IN_BLOCK.search(text) or not first:
        return f"{key}: {json.dumps(text, ensure_ascii=True)}\n"
    indent = "2" if text[:1] in (" ", "\t", "\n") else ""
    chomping = "" if text.endswith("\n") and not text.endswith("\n\n") else "+" if text.endswith("\n") else "-"
    body = text[:-1] if text.endswith("\n") else text
    block = "".join(f"  {line}\n" if line else "\n" for line in body.split("\n"))
    return f"{key}: |{indent}{chomping}\n{block}"


def _stated(values: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    found = []
    for key in keys:
        value = values.get(key)
        if value is None or value in ({}, []):
            continue
        if key in _DURATIONS and isinstance(value, str):
            value = short_duration(value)
        elif key == "triggerOperator" and isinstance(value, str):
            value = _OPERATORS.get(value, value)
        found.append(entry(key, _plain(value)))
    return found


def _plain(value: Any) -> Value:
    """Return a value without what YAML in this format has no place for: nulls and empty maps inside."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None and item != {}}
    if isinstance(value, list):
        return [_plain(item) for item in value if item is not None and item != {}]
    return value if isinstance(value, str | bool | int) else str(value)
