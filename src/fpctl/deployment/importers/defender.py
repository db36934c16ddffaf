"""Custom detections of Defender XDR as files: in Graph's current schema, with their base queries.

A file keeps all that the service has of a detection, so that it goes out again as it came in.
https://learn.microsoft.com/graph/api/resources/security-detectionrule
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fpctl.deployment.artifacts.detection_rule import detection_rule
from fpctl.deployment.artifacts.identity import detection_id
from fpctl.deployment.imported_rules import ImportedFile, ImportedRules, clauses_note, file_name
from fpctl.deployment.importers import ImporterDescription
from fpctl.deployment.target import DeployedResource
from fpctl.errors import FpctlError, Location, Problem
from fpctl.rewrite.output.markers import strip
from fpctl.rules.formats.registry import LoadedRule, read_rule_file
from fpctl.rules.model import Rule

DESCRIPTION = ImporterDescription(
    help="""Import custom detections from Defender XDR as JSON files, one per detection.

    A file keeps all properties of a detection, with its base query: fpctl's clauses are removed. A detection in the
    schema that Graph removed on 2026-10-01 is converted to the current schema, and a note lists the changes.
    Without a file, imports from the tenant. Existing files, and detections whose id is already in use, are skipped.
    Exit code 1: something was left out. 2: a file could not be read.
    """,
    files="Responses of Microsoft Graph's detectionRules (JSON). Default: read from the tenant.",
    service="defender",
)
_ORDER = ("id", "displayName", "description", "status", "schedule", "queryCondition", "detectionAction")


def read_files(exports: Iterable[tuple[str, str]]) -> ImportedRules:
    """Return the custom detections of answers of Graph, in the current schema or in the one removed in 2026.

    Args:
        exports: (path as shown in messages, text of the JSON file).
    """
    files: list[ImportedFile] = []
    problems: list[Problem] = []
    notes: list[str] = []
    taken: set[str] = set()
    for path, text in exports:
        file = read_rule_file(text, path, "detections.json")
        problems += file.problems
        for loaded in file.rules:
            at = Location(path, loaded.line)
            if loaded.rule.kind != "defender-custom-detection":
                message = f"{loaded.rule.name}: not a custom detection; left out"
                problems.append(Problem("other-service", message, at, "use `fpctl import sentinel`", "warning"))
                continue
            try:
                files.append(_file(loaded, taken, notes))
            except FpctlError as error:
                problems.append(Problem("not-written", f"{loaded.rule.name}: {error.message}", at, error.hint))
    return ImportedRules(tuple(files), (), tuple(problems), tuple(notes))


def read_service(place: str, deployed: Sequence[DeployedResource]) -> ImportedRules:
    """Return the custom detections of a tenant."""
    if not deployed:
        return ImportedRules((), (), ())
    answer = {"value": [{"id": one.guid, **one.properties} for one in deployed]}
    return read_files([(place, json.dumps(answer, ensure_ascii=True))])


def _file(loaded: LoadedRule, taken: set[str], notes: list[str]) -> ImportedFile:
    """Return the file of one detection. Raises FpctlError where its clauses cannot be read."""
    rule = loaded.rule
    if note := clauses_note(rule.name, rule.query):
        notes.append(note)
    query = strip(rule.query)
    made = detection_rule(rule, query, ())
    notes += (f"{rule.name}: {change}" for change in made.changed)
    stated = {"id": _id(rule), **made.body.fresh()}
    ordered = {key: stated[key] for key in (*_ORDER, *stated) if key in stated}
    text = json.dumps(_without_nulls(ordered), indent=2, ensure_ascii=False) + "\n"
    return ImportedFile(file_name(rule.name, taken, ".json"), text, replace(rule, id=stated["id"], query=query))


def _id(rule: Rule) -> str:
    """Return the detection's own id; without one, an id made of its name, the same with every export."""
    return detection_id(replace(rule, id=rule.name) if rule.id.startswith("detections.json") else rule)


def _without_nulls(value: Any) -> Any:
    """Return JSON without nulls and annotations of an answer, which say nothing about the rule."""
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if item is not None and not key.startswith("@odata.context")}
        return {key: _without_nulls(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
