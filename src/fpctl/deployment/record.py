"""What deployments did, kept so that they can be rolled back: a JSON file each, in `.fpctl/deployments/`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from fpctl.deployment.artifacts.rule_artifact import Resource
from fpctl.errors import FpctlError, Location
from fpctl.files import read_text, write_text

FOLDER = Path(".fpctl") / "deployments"
"""Relative to the folder of the settings file."""

Status = Literal["planned", "sent", "done", "failed", "rolled-back"]
"""`sent`: nobody saw the answer, since fpctl was stopped: it may have arrived."""
UNDOABLE: tuple[Status, ...] = ("sent", "done", "failed")
"""States in which the workspace may be other than before."""
_VERSION = 1
_STAMP = len("20261124T031700Z")


@dataclass(slots=True)
class Step:
    """One rule of a deployment.

    Attributes:
        before: what was there (`etag`, `kind`, `properties`); None if nothing was.
        wanted: the kind and properties that were sent.
        etag: of what is there since; None before it is done.
        error: why it failed.
        recorded: its status is in the audit trail.
    """

    rule: str
    path: str
    resource: Resource
    guid: str
    before: Mapping[str, Any] | None
    wanted: Mapping[str, Any]
    status: Status = "planned"
    etag: str | None = None
    error: str | None = None
    recorded: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "rule": self.rule,
            "path": self.path,
            "resource": self.resource,
            "guid": self.guid,
            "status": self.status,
            "etag": self.etag,
            "error": self.error,
            "recorded": self.recorded,
            "before": self.before,
            "wanted": self.wanted,
        }


@dataclass(slots=True)
class Deployment:
    """A deployment and its file, which is written anew after each step: a crash leaves what was done.

    Attributes:
        path: the file; its stem is the deployment's id.
        workspace: the workspace's resource id.
        started: when.
        who: who started it; empty where it is not known.
    """

    path: Path
    workspace: str
    started: datetime
    steps: list[Step] = field(default_factory=list)
    who: str = ""

    @property
    def id(self) -> str:
        """Its id: the time at which it began."""
        return self.path.stem

    @classmethod
    def begin(cls, folder: Path, workspace: str, now: datetime, steps: list[Step], who: str = "") -> Self:
        """Return a new deployment, written down before anything is sent. Raises FpctlError."""
        stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        path, number = folder / f"{stem}.json", 1
        while path.exists():
            number += 1
            path = folder / f"{stem}-{number}.json"
        made = cls(path, workspace, now, steps, who)
        made.save()
        return made

    def save(self) -> None:
        """Write the file. Raises FpctlError."""
        value = {
            "fpctl_deployment": _VERSION,
            "workspace": self.workspace,
            "started": self.started.astimezone(UTC).isoformat(),
            "who": self.who,
            "rules": [step.to_dict() for step in self.steps],
        }
        write_text(self.path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return a deployment from its file. Raises FpctlError where it is none."""
        try:
            value = json.loads(read_text(path))
            if value["fpctl_deployment"] != _VERSION:
                raise ValueError("another version")
            steps = [Step(**step) for step in value["rules"]]
            started = datetime.fromisoformat(value["started"])
            return cls(path, str(value["workspace"]), started, steps, str(value.get("who", "")))
        except (KeyError, TypeError, ValueError) as error:
            raise FpctlError("this is no record of a deployment", Location(str(path))) from error


def newest_first(folder: Path) -> Iterator[Deployment]:
    """Yield the recorded deployments, the newest first, each read when it is asked for.

    Raises:
        FpctlError: a file is none.
    """
    paths = list(folder.glob("*.json")) if folder.is_dir() else []
    for path in sorted(paths, key=lambda path: (path.stem[:_STAMP], len(path.stem), path.stem), reverse=True):
        yield Deployment.read(path)


def deployments(folder: Path) -> list[Deployment]:
    """Return the recorded deployments, the newest first. Raises FpctlError where a file is none."""
    found = list(newest_first(folder))
    return sorted(found, key=lambda one: (one.started, len(one.id), one.id), reverse=True)


def last_known(recorded: list[Deployment], workspace: str) -> dict[tuple[Resource, str], Mapping[str, Any]]:
    """Return the properties that were last put into a workspace, by (resource, GUID): newer deployments win."""
    known: dict[tuple[Resource, str], Mapping[str, Any]] = {}
    for deployment in reversed(recorded):
        if deployment.workspace.lower() != workspace.lower():
            continue
        for step in deployment.steps:
            key = (step.resource, step.guid.lower())
            if step.status == "done":
                known[key] = step.wanted["properties"]
            elif step.status == "rolled-back" and step.before is not None:
                known[key] = step.before["properties"]
            elif step.status == "rolled-back":
                known.pop(key, None)
    return known
