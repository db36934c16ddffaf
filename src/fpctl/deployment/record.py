"""What deployments did, kept so that they can be rolled back: a JSON Lines file each, in `.fpctl/deployments/`.

A record is only ever appended to: a line with the whole of a step before it is sent, and a short line for what
became of it. So a deployment of thousands of rules writes each rule once, and a crash leaves what was done. An
index beside the records says what is in each, so that a command reads only the records that it needs; it is made
again from the records where it is missing or out of date.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, cast

from fpctl.deployment.target import Resource
from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import write_text

FOLDER = Path(".fpctl") / "deployments"
"""Relative to the folder of the settings file."""
INDEX = "index.json"

Status = Literal["planned", "sent", "done", "failed", "rolled-back"]
"""`sent`: the answer is not known, because fpctl was stopped: it may have arrived."""
UNDOABLE: tuple[Status, ...] = ("sent", "done", "failed")
"""States in which the target may differ from before."""
MOST_LINE = 32 * 1024 * 1024
"""Bytes of a line: a watchlist's rows are the longest thing in it."""
MOST_BYTES = 1024 * 1024 * 1024
"""Of a record. 2,000 rules of 8 KB make 50 MB."""
_VERSION = 2
_STAMP = len("20261124T031700Z")


@dataclass(slots=True)
class Step:
    """One resource of a deployment.

    Attributes:
        before: what was there (`etag`, `kind`, `properties`); None if nothing was.
        wanted: the kind and properties that were sent; no properties where it was deleted.
        etag: of what is there since; None before it is done.
        error: why it failed.
        recorded: its status is in the audit trail.
        number: its place in the deployment.
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
    number: int = -1

    @property
    def key(self) -> tuple[Resource, str]:
        """What the resource is known by in its target."""
        return self.resource, self.guid.lower()

    def state(self) -> dict[str, Any]:
        """Return what changes in a step after it was sent."""
        return {"status": self.status, "etag": self.etag, "error": self.error, "recorded": self.recorded}


@dataclass(slots=True)
class Deployment:
    """A deployment and its record.

    Attributes:
        path: the record; its stem is the deployment's id.
        workspace: what it went to: a workspace's resource id, or a tenant.
        started: when.
        who: who started it; empty where it is not known.
    """

    path: Path
    workspace: str
    started: datetime
    steps: list[Step] = field(default_factory=list)
    who: str = ""
    _written: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)
    _end: int = 0
    """Bytes of the record that are whole lines: what a crash left after them is overwritten."""

    @property
    def id(self) -> str:
        """Its id: the time at which it began."""
        return self.path.stem

    @classmethod
    def begin(cls, folder: Path, workspace: str, now: datetime, steps: list[Step], who: str = "") -> Self:
        """Return a new deployment, written down before anything is sent. Raises FpctlError."""
        stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        path, number = folder / f"{stem}.jsonl", 1
        while path.exists():
            number += 1
            path = folder / f"{stem}-{number}.jsonl"
        made = cls(path, workspace, now, steps, who)
        head = {
            "fpctl_deployment": _VERSION,
            "workspace": workspace,
            "started": now.astimezone(UTC).isoformat(),
            "who": who,
        }
        write_text(path, _line(head))
        made._end = len(_line(head))
        for number, step in enumerate(steps):
            step.number = number
        return made

    def save(self, step: Step) -> None:
        """Append what is new of a step, on disk when this returns. Raises FpctlError."""
        state = step.state()
        if self._written.get(step.number) == state:
            return
        whole = asdict(step) if step.number not in self._written else {"number": step.number, **state}
        line = _line(whole).encode()
        try:
            with self.path.open("r+b") as file:
                file.seek(self._end)
                file.truncate()
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FpctlError(
                f"the record cannot be written: {error.strerror or error}", Location(str(self.path))
            ) from error
        self._end += len(line)
        self._written[step.number] = state

    def summary(self) -> dict[str, Any]:
        """Return what the index says of it."""
        return {
            "workspace": self.workspace,
            "undoable": any(step.status in UNDOABLE for step in self.steps),
            "unrecorded": any(step.status != "planned" and not step.recorded for step in self.steps),
            "keys": sorted({f"{step.resource}/{step.guid.lower()}" for step in self.steps}),
        }

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return a deployment from its record.

        A line that a crash cut off, at the end of the file, is not there.

        Raises:
            FpctlError: it is not a record, or it is damaged.
        """
        try:
            lines = _lines(path)
            head, end = next(lines)
            if head["fpctl_deployment"] != _VERSION:
                raise ValueError("another version")
            found = cls(path, str(head["workspace"]), datetime.fromisoformat(head["started"]), [], str(head["who"]))
            found._end = end
            known: dict[int, Step] = {}
            for line, end in lines:
                found._end = end
                number = line["number"]
                if number in known:
                    for name in ("status", "etag", "error", "recorded"):
                        setattr(known[number], name, line[name])
                else:
                    known[number] = Step(**line)
            found.steps = list(known.values())
            found._written = {step.number: step.state() for step in found.steps}
            return found
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise FpctlError(
                "this record of a deployment is damaged",
                Location(str(path)),
                "move it out of the folder; what it deployed can no longer be rolled back with it",
            ) from error


@dataclass(slots=True)
class DeploymentRecords:
    """The records of a folder.

    Attributes:
        folder: where they are.
        problems: records that could not be read, found so far; the others are not affected.
    """

    folder: Path
    problems: list[Problem] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Return the ids of the deployments, the newest first."""
        return [path.stem for path in self._paths()]

    def get(self, id: str) -> Deployment | None:
        """Return a deployment by its id, None if there is no record. Raises FpctlError if it is damaged."""
        path = self.folder / f"{id}.jsonl"
        return Deployment.read(path) if path in self._paths() else None

    def newest_first(self, *, where: str | None = None) -> Iterator[Deployment]:
        """Yield the deployments, the newest first, each read when it is asked for; damaged ones are problems.

        Args:
            where: `undoable` or `unrecorded`: only those of which the index says so.
        """
        index = self.index()
        for path in self._paths():
            summary = index.get(path.name)
            if summary is None or (where is not None and not summary[where]):
                continue
            if (found := self._read(path)) is not None:
                yield found

    def index(self) -> dict[str, dict[str, Any]]:
        """Return what is in each record, by its file name; of records that changed it is read again."""
        known = self._stored_index()
        found: dict[str, dict[str, Any]] = {}
        changed = False
        for path in self._paths():
            stamp = _stamp(path)
            summary = known.get(path.name)
            if summary is None or summary.get("stamp") != stamp:
                deployment = self._read(path)
                changed = True
                if deployment is None:
                    continue
                summary = {**deployment.summary(), "stamp": _stamp(path)}
            found[path.name] = summary
        if changed or found.keys() != known.keys():
            # It only saves time: whether it can be written does not matter.
            try:
                write_text(self.folder / INDEX, json.dumps(found), durable=False)
            except FpctlError:
                return found
        return found

    def last_known(
        self, workspace: str, wanted: Iterable[tuple[Resource, str]]
    ) -> dict[tuple[Resource, str], Mapping[str, Any]]:
        """Return the properties that were last put into a workspace, by (resource, GUID).

        Args:
            workspace: as recorded.
            wanted: what is asked for; older records are read only as long as some of it is missing.
        """
        missing = {(resource, guid.lower()) for resource, guid in wanted}
        known: dict[tuple[Resource, str], Mapping[str, Any]] = {}
        index = self.index()
        for path in self._paths():
            summary = index.get(path.name)
            if summary is None or summary["workspace"].lower() != workspace.lower():
                continue
            if not any(f"{resource}/{guid}" in summary["keys"] for resource, guid in missing):
                continue
            deployment = self._read(path)
            for step in reversed(deployment.steps) if deployment is not None else ():
                if step.key not in missing or step.status not in ("done", "rolled-back"):
                    continue
                missing.discard(step.key)
                state = step.wanted if step.status == "done" else step.before
                if state is not None and state.get("properties") is not None:
                    known[step.key] = state["properties"]
        return known

    def _paths(self) -> list[Path]:
        found = list(self.folder.glob("*.jsonl")) if self.folder.is_dir() else []
        return sorted(found, key=lambda path: (path.stem[:_STAMP], len(path.stem), path.stem), reverse=True)

    def _read(self, path: Path) -> Deployment | None:
        try:
            return Deployment.read(path)
        except FpctlError as error:
            problem = Problem("damaged-record", error.message, error.at or Location(str(path)), error.hint, "warning")
            if problem not in self.problems:
                self.problems.append(problem)
            return None

    def _stored_index(self) -> dict[str, dict[str, Any]]:
        try:
            stored = json.loads((self.folder / INDEX).read_bytes())
            return cast("dict[str, dict[str, Any]]", stored) if isinstance(stored, dict) else {}
        except (OSError, ValueError):
            return {}


def _stamp(path: Path) -> str:
    about = path.stat()
    return f"{about.st_size}-{about.st_mtime_ns}"


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True) + "\n"


def _lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the objects of a record, each with the offset of its end; a last line that a crash cut off is not one."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise ValueError("too large, or not a file")
        with path.open("rb") as file:
            end = 0
            while line := file.readline(MOST_LINE + 1):
                if len(line) > MOST_LINE:
                    raise ValueError("a line is too long")
                if not line.endswith(b"\n"):
                    return
                try:
                    value = json.loads(line)
                except RecursionError as error:
                    raise ValueError("a line is nested too deep") from error
                if not isinstance(value, dict):
                    raise ValueError("a line is not an object")
                end += len(line)
                yield value, end
    except OSError as error:
        raise FpctlError(f"the record cannot be read: {error.strerror or error}", Location(str(path))) from error
