"""Rules out of ARM templates, portal exports, saved searches and query packs, as files in the Azure-Sentinel format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fpctl.deployment.artifacts.identity import rule_guid
from fpctl.deployment.artifacts.rule_artifact import COMPANION_CATEGORY
from fpctl.deployment.artifacts.sentinel_yaml import rule_yaml, text_entry
from fpctl.documents.yaml_text import entry
from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import write_text
from fpctl.rewrite.output.markers import find_clauses, strip
from fpctl.rules.formats.registry import LoadedRule, read_rule_file
from fpctl.rules.loader import load_rules
from fpctl.rules.model import Rule

_NO_QUERY = ("fusion", "microsoftsecurityincidentcreation", "mlbehavioranalytics", "threatintelligence")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file to write: a rule's, or a saved function's (then `rule` is None). `relative` is its name."""

    relative: str
    text: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class SentinelImport:
    """What an export holds: files for the rules folder, files for `functions/`, and what could not be taken over.

    `notes` tell what was left out on purpose: what fpctl had put into the workspace itself.
    """

    rules: tuple[ImportedFile, ...]
    functions: tuple[ImportedFile, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def read_sentinel_exports(exports: Iterable[tuple[str, str]]) -> SentinelImport:
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
                        notes.append(f"{alias}: left out: fpctl made this function, and makes it again")
                    else:
                        functions.append(_function(loaded.rule, str(alias)))
                    continue
                rule = _rule(loaded)
                if count := len(find_clauses(loaded.rule.query)):
                    clauses = "1 clause" if count == 1 else f"{count} clauses"
                    notes.append(f"{rule.name}: {clauses} of fpctl taken out: the file has the base query")
                name = _file_name(rule.name, taken)
                body = rule_yaml(rule, rule.query, rule.version)
            except FpctlError as error:
                at = Location(path, loaded.line)
                problems.append(Problem("not-written", f"{loaded.rule.name}: {error.message}", at, error.hint))
                continue
            rules.append(ImportedFile(name, body, rule))
    return SentinelImport(tuple(rules), tuple(functions), tuple(problems), tuple(notes))


def store(found: SentinelImport, rules: Path, functions: Path, *, replace: bool) -> tuple[list[Path], list[str]]:
    """Write the files of an import; return those that were written, and a line for each that was left alone.

    Args:
        rules, functions: the folders for rules and saved functions.
        replace: overwrite files that exist.
    """
    known = {loaded.rule.id.lower(): loaded.path for loaded in load_rules(rules).rules} if rules.is_dir() else {}
    written: list[Path] = []
    left: list[str] = []
    for each in (*found.rules, *found.functions):
        path = (rules if each.rule is not None else functions) / each.relative
        other = known.get(each.rule.id.lower()) if each.rule is not None else None
        if each.rule is not None and other is not None and not (replace and Path(other) == path):
            left.append(f"{each.rule.name}: a rule with the same id exists: {other}")
        elif path.exists() and not replace:
            left.append(f"{path} exists already")
        else:
            write_text(path, each.text)
            written.append(path)
    return written, left


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


def _file_name(name: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME].rstrip("-") or "rule"
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found)
    return f"{found}.yaml"


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
