"""How far a run of many rules has come, so that an interrupted one can go on.

A JSON Lines file next to the history: what was asked for, then a line for each rule that is
done. It is taken away when every rule is. Only whole lines count, so a crash costs one rule at most.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from fpctl.engine.interface import Timespan
from fpctl.errors import FpctlError, Location
from fpctl.files import read_text, write_text

FILE_NAME = "run.jsonl"
"""In the folder of what fpctl notes."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked for: everything that must be the same when it goes on.

    Attributes:
        now: what "now" means in the rules.
        start, end: the range of events asked for; None for the rules' own.
        engine: its name.
        rules: the patterns given, none for all rules.
        data: the local engine's folder, if one was given.
        folds: whether many exclusions share clauses.
        over_past: whether the range ended on an earlier day than the run began.
    """

    now: datetime
    start: datetime | None
    end: datetime | None
    engine: str
    rules: tuple[str, ...] = ()
    data: str | None = None
    folds: bool = True
    over_past: bool = False

    @property
    def timespan(self) -> Timespan | None:
        """The range of events asked for."""
        return Timespan(self.start, self.end) if self.start and self.end else None

    def to_dict(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        return {
            "fpctl_run": _VERSION,
            "now": self.now.isoformat(),
            "start": self.start.isoformat() if self.start else None,
            "end": self.end.isoformat() if self.end else None,
            "engine": self.engine,
            "rules": list(self.rules),
            "data": self.data,
            "folds": self.folds,
            "over_past": self.over_past,
        }

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """Return a request from its JSON values. Raises KeyError, TypeError or ValueError where it is none."""
        if value["fpctl_run"] != _VERSION:
            raise ValueError("another version")
        start, end = (datetime.fromisoformat(value[key]) if value[key] else None for key in ("start", "end"))
        now = datetime.fromisoformat(value["now"]).astimezone(UTC)
        folds, over_past = bool(value.get("folds", True)), bool(value.get("over_past", False))
        return cls(now, start, end, str(value["engine"]), tuple(value["rules"]), value["data"], folds, over_past)


@dataclass(frozen=True, slots=True)
class InterruptedRun:
    """A run that did not come to its end: what was asked for, and (rule, hash of its tuned query) of what is done."""

    request: RunRequest
    done: frozenset[tuple[str, str]]


class Checkpoint:
    """The file of a run under way.

    Args:
        path: the file; one of an earlier run is replaced.
        request: what was asked for.
        done: what an interrupted run, which this one continues, has done already.

    Raises:
        FpctlError: it cannot be written.
    """

    def __init__(self, path: Path, request: RunRequest, done: frozenset[tuple[str, str]] = frozenset()) -> None:
        lines = [json.dumps(request.to_dict()), *(_line(*pair) for pair in sorted(done))]
        write_text(path, "".join(f"{line}\n" for line in lines))
        self._path = path
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise FpctlError(f"cannot write the file: {error.strerror or error}", Location(str(path))) from error

    def add(self, rule: str, tuned_hash: str) -> None:
        """Note that a rule is done. Raises FpctlError where it cannot be written."""
        try:
            self._file.write(f"{_line(rule, tuned_hash)}\n")
            self._file.flush()
        except OSError as error:
            raise FpctlError(f"cannot write the file: {error.strerror or error}", Location(str(self._path))) from error

    def close(self, *, finished: bool) -> None:
        """Close the file, and take it away if every rule is done and no later run has put its own there."""
        ours = os.fstat(self._file.fileno())
        with contextlib.suppress(OSError):
            self._file.close()
        if finished:
            with contextlib.suppress(OSError):
                if os.path.samestat(ours, self._path.stat()):
                    self._path.unlink()


def _line(rule: str, tuned_hash: str) -> str:
    return json.dumps({"rule": rule, "tuned": tuned_hash})


def read_interrupted(path: Path) -> InterruptedRun:
    """Return the run that did not come to its end.

    Raises:
        FpctlError: there is none, or the file is none of ours.
    """
    if not path.exists():
        raise FpctlError("there is no interrupted run to continue", Location(str(path)), "run without --resume")
    first, *rest = read_text(path).split("\n")
    try:
        request = RunRequest.of(json.loads(first))
    except (KeyError, TypeError, ValueError) as error:
        raise FpctlError(
            "this is not the record of a run that this version of fpctl can continue",
            Location(str(path)),
            "run without --resume",
        ) from error
    done = set()
    # What is after the last line break was being written when the run was stopped.
    for line in rest[:-1]:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            entry = json.loads(line)
            done.add((str(entry["rule"]), str(entry["tuned"])))
    return InterruptedRun(request, frozenset(done))
