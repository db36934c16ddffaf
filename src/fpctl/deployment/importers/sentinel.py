"""Rules out of ARM templates, portal exports, saved searches and query packs, as files in the Azure-Sentinel format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fpctl.deployment.artifacts.identity import rule_guid
from fpctl.deployment.artifacts.rule_artifact import COMPANION_CATEGORY
from fpctl.deployment.artifacts.saved_search import CATEGORY
from fpctl.deployment.artifacts.sentinel_yaml import rule_yaml, text_entry
from fpctl.deployment.imported_rules import ImportedFile, ImportedRules, clauses_note, file_name
from fpctl.deployment.importers import ImporterDescription
from fpctl.deployment.target import DeployedResource
from fpctl.documents.yaml_text import entry
from fpctl.errors import FpctlError, Location, Problem
from fpctl.rewrite.output.markers import strip
from fpctl.rules.formats.registry import LoadedRule, read_rule_file
from fpctl.rules.model import Rule

DESCRIPTION = ImporterDescription(
    help="""Import rules from Microsoft Sentinel as YAML files, one per rule.

    Imports analytics rules, hunting queries and query packs. Saved functions go to functions/. Without a file,
    imports from the workspace in the settings. Existing files, and rules whose id is already in use, are skipped.
    Exit code 1: something was left out. 2: a file could not be read.
    """,
    files="ARM templates, portal exports, saved searches (JSON). Default: read from the workspace.",
    service="sentinel",
)
_NO_QUERY = ("fusion", "microsoftsecurityincidentcreation", "mlbehavioranalytics", "threatintelligence")


def read_files(exports: Iterable[tuple[str, str]]) -> ImportedRules:
    """Return the rules and functions of exports.

    Args:
        exports: (path as shown in messages, text of the JSON file).
    """
    rules: list[ImportedFile] = []
    functions: list[ImportedFile] = []
    problems: list[Problem] = []
    notes: list[str] = []
    taken: set[str] = set()
    for path, text in exports:
        file = read_rule_file(text, path, "export.json")
        problems += file.problems
        problems += _without_query(text, path)
        for loaded in file.rules:
            try:
                if alias := loaded.rule.metadata.get("functionAlias"):
                    if loaded.rule.metadata.get("category") == COMPANION_CATEGORY:
                        notes.append(f"{alias}: left out: fpctl generates this function")
                    else:
                        functions.append(_function(loaded.rule, str(alias)))
                    continue
                rule = _rule(loaded)
                if note := clauses_note(rule.name, loaded.rule.query):
                    notes.append(note)
                name = file_name(rule.name, taken)
                body = rule_yaml(rule, rule.query, rule.version)
            except FpctlError as error:
                at = Location(path, loaded.line)
                problems.append(Problem("not-written", f"{loaded.rule.name}: {error.message}", at, error.hint))
                continue
            rules.append(ImportedFile(name, body, rule))
    return ImportedRules(tuple(rules), tuple(functions), tuple(problems), tuple(notes))


def read_service(place: str, deployed: Sequence[DeployedResource]) -> ImportedRules:
    """Return the rules, hunting queries and functions of a workspace, and a note on the others.

    Saved searches that are neither are other people's notes, and watchlists hold data.
    """
    taken: list[dict[str, Any]] = []
    left = 0
    for one in deployed:
        properties = one.properties
        wanted = properties.get("functionAlias") or properties.get("category") == CATEGORY
        if one.resource == "alertRules" or (one.resource == "savedSearches" and wanted):
            taken.append({"name": one.guid, "kind": one.kind or "", "properties": dict(properties)})
        else:
            left += one.resource == "savedSearches"
    text = json.dumps({"value": taken}, ensure_ascii=True)
    found = read_files([(place, text)]) if taken else ImportedRules((), (), ())
    if left:
        searches = "1 saved search" if left == 1 else f"{left:,} saved searches"
        note = f"{searches} left out: neither hunting queries nor functions"
        found = replace(found, notes=(*found.notes, note))
    return found


def _rule(loaded: LoadedRule) -> Rule:
    """Return the rule as its file should have it: its base query, a lasting id, and what a saved search has in tags.

    Raises:
        FpctlError: the query has clauses of fpctl and cannot be read.
    """
    rule = replace(loaded.rule, query=strip(loaded.rule.query))
    if rule.kind not in ("scheduled", "nrt"):
        # The `version` of a saved search is that of its language.
        rule = replace(rule, version=None)
    # An id made of the export's file name would be another with the next export.
    named = replace(rule, id=rule.name) if rule.id.startswith("export.json") else rule
    rule = replace(rule, id=rule_guid(named))
    tags = _tags(rule.metadata.get("tags"))
    if tags.keys() & {"description", "tactics", "techniques"}:
        rule = replace(
            rule,
            description=rule.description or tags.get("description", ""),
            tactics=rule.tactics or _listed(tags.get("tactics", "")),
            techniques=rule.techniques or _listed(tags.get("techniques", "")),
        )
    return rule


def _tags(value: Any) -> dict[str, str]:
    """Return a saved search's tags, `[{name, value}]`, or a query pack's, `{name: [values]}`."""
    found: dict[str, str] = {}
    if isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping) and "name" in item and "value" in item:
                found[str(item["name"]).lower()] = str(item["value"])
    elif isinstance(value, Mapping):
        for name, values in value.items():
            found[str(name).lower()] = ",".join(map(str, values)) if isinstance(values, list) else str(values)
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _function(rule: Rule, alias: str) -> ImportedFile:
    if not re.fullmatch(r"\w+", alias, re.ASCII):
        raise FpctlError(f"{alias!r} cannot be the name of a function's file")
    parts = [entry("FunctionName", alias), text_entry("query", rule.query.replace("\r\n", "\n"))]
    parts[1] = f"FunctionQuery{parts[1].removeprefix('query')}"
    parameters = rule.metadata.get("functionParameters")
    if parameters:
        parts.insert(1, entry("FunctionParameters", str(parameters)))
    return ImportedFile(f"{alias}.yaml", "".join(parts), None)


def _without_query(text: str, path: str) -> Iterator[Problem]:
    """Yield a warning for each rule of a kind that has no query."""
    try:
        stack: list[Any] = [json.loads(text.removeprefix("\ufeff"))]
    except (ValueError, RecursionError):
        return  # the reader has said so already
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(reversed(current))
        elif isinstance(current, Mapping):
            kind = current.get("kind")
            if isinstance(kind, str) and kind.lower() in _NO_QUERY:
                properties = current.get("properties")
                name = properties.get("displayName") if isinstance(properties, Mapping) else None
                shown = name or current.get("name") or "a rule"
                message = f"{shown}: a rule of kind {kind} has no query; it is left out"
                yield Problem("no-query", message, Location(path), None, "warning")
            else:
                stack.extend(reversed(list(current.values())))
