"""Artifacts as files: which file each goes to, what is in it, and what was in it before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from fpctl.deployment.artifacts.rule_artifact import RuleArtifact
from fpctl.deployment.artifacts.sentinel_yaml import artifact_yaml
from fpctl.deployment.artifacts.template import template
from fpctl.deployment.artifacts.version import Published
from fpctl.files import read_text
from fpctl.repository.apply import TunedFile
from fpctl.rules.formats.registry import read_rule_file
from fpctl.rules.model import Rule

Format = Literal["arm", "yaml", "graph"]
SUFFIXES: Mapping[Format, str] = {"arm": ".json", "yaml": ".yaml", "graph": ".json"}


def file_names(rules: Iterable[Rule], format: Format) -> dict[tuple[str, str], str]:
    """Return a file name for each rule, by (path, id): that of its own file, numbered where several would share one."""
    names: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for rule in rules:
        stem = str(PurePosixPath(rule.path).with_suffix(""))
        name, number = f"{stem}{SUFFIXES[format]}", 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}{SUFFIXES[format]}"
        taken.add(name.lower())
        names[rule.path, rule.id] = name
    return names


def published_in(folder: Path, name: str) -> Published | None:
    """Return what an earlier export wrote into a file; None where there is none, or it holds no one rule."""
    path = folder / name
    if not path.is_file():
        return None
    rules = read_rule_file(read_text(path), str(path), name).rules
    return Published(rules[0].rule.version, rules[0].rule.query) if len(rules) == 1 else None


def artifact_file(artifact: RuleArtifact, name: str, format: Format) -> TunedFile:
    """Return the file of one artifact that is ready.

    Raises:
        FpctlError: it cannot be written as YAML.
    """
    return TunedFile(name, artifact_text([artifact], format))


def artifact_text(ready: Iterable[RuleArtifact], format: Format) -> str:
    """Return artifacts that are ready as one text: a template, YAML documents, or a list for Microsoft Graph.

    Raises:
        FpctlError: one cannot be written as YAML.
    """
    if format == "yaml":
        return "---\n".join(text if text.endswith("\n") else f"{text}\n" for text in map(artifact_yaml, ready))
    if format == "arm":
        return _json(template(ready))
    detections = [{"id": artifact.guid, **artifact.body.fresh()} for artifact in ready if artifact.body is not None]
    return _json(detections[0] if len(detections) == 1 else detections)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
