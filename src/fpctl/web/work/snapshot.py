"""The repository as it stands on disk: read again when a file has changed, and judged in the background.

A page must answer within a blink, and reading 5,000 exclusions takes a second. So the files' names, sizes and times
are looked at (at most once a second), and what was read stays until one differs. Plans, findings and risk of the whole
estate take seconds: they are worked out on a thread, and pages say from when what they show is.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.history.history import History
from fpctl.report.build import build_estate
from fpctl.report.estate import Estate
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import Repository, open_repository
from fpctl.rules.formats.registry import LoadedRule
from fpctl.web.config import ConsoleConfig

LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""


def rule_key(loaded: LoadedRule) -> str:
    """Return what stands for a rule in an address: ids alone may occur twice."""
    return hashlib.sha256(f"{loaded.rule.path}\0{loaded.rule.id}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One state of the repository."""

    repository: Repository
    read: datetime
    fingerprint: str

    def rules(self) -> dict[str, LoadedRule]:
        """Return the rules by key."""
        return _rules_by_key(self)

    def rule(self, key: str) -> LoadedRule | None:
        """Return a rule by key, id or path; None where there is none, or several have the id."""
        found = self.rules().get(key)
        if found is not None:
            return found
        same = [one for one in self.repository.rules.rules if key in (one.rule.id, one.rule.path)]
        return same[0] if len(same) == 1 else None

    def exclusion(self, id: str) -> LoadedExclusion | None:
        """Return an exclusion by id, or None."""
        return next((one for one in self.repository.exclusions.exclusions if one.id == id), None)


@lru_cache(maxsize=4)
def _rules_by_key(snapshot: Snapshot) -> dict[str, LoadedRule]:
    return {rule_key(loaded): loaded for loaded in snapshot.repository.rules.rules}


@dataclass(frozen=True, slots=True)
class Judged:
    """The estate of a snapshot, when it was worked out, and whether the files or runs have changed since."""

    estate: Estate
    made: datetime
    stale: bool


class Snapshots:
    """The present snapshot and its judgement. Safe to share between threads."""

    def __init__(self, config: ConsoleConfig, history: History) -> None:
        self._config, self._history = config, history
        self._lock = threading.RLock()
        self._looked = -LOOK_EVERY
        self._snapshot: Snapshot | None = None
        self._estate: tuple[tuple[str, date, int], Estate, datetime] | None = None
        self._pending: tuple[tuple[str, date, int], Future[Estate]] | None = None
        self._worker = ThreadPoolExecutor(1, "estate")
        self._runs_seen = 0
        self._outcomes: dict[tuple[str, str, date], RuleOutcome] = {}

    def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def now(self) -> Snapshot:
        """Return the repository as it stands.

        Raises:
            FpctlError: a folder is missing.
        """
        with self._lock:
            moment = time.monotonic()
            if self._snapshot is not None and moment - self._looked < LOOK_EVERY:
                return self._snapshot
            self._looked = moment
            fingerprint = self._fingerprint()
            if self._snapshot is None or self._snapshot.fingerprint != fingerprint:
                self._snapshot = self._read(fingerprint)
                self._outcomes.clear()
            return self._snapshot

    def changed(self) -> None:
        """Look at the files at the next question: something was just written."""
        with self._lock:
            self._looked = -LOOK_EVERY

    def run_recorded(self) -> None:
        """Judge anew at the next question: a run was recorded."""
        with self._lock:
            self._runs_seen += 1

    def today(self) -> date:
        """Return the day that plans are for, in UTC."""
        return self._config.clock().date()

    def outcome(self, loaded: LoadedRule) -> RuleOutcome:
        """Return what planning one rule comes to today."""
        snapshot, today = self.now(), self.today()
        key = (snapshot.fingerprint, rule_key(loaded), today)
        with self._lock:
            kept = self._outcomes.get(key)
        if kept is not None:
            return kept
        repository = snapshot.repository
        (outcome,) = tune([loaded], repository.active(), repository.planner(today))
        with self._lock:
            if len(self._outcomes) > 200:
                self._outcomes.clear()
            self._outcomes[key] = outcome
        return outcome

    def judged(self, *, wait: float = 10.0) -> Judged | None:
        """Return the estate, newest that there is; None where the first is not ready within `wait` seconds.

        Raises:
            FpctlError: it cannot be worked out.
        """
        snapshot = self.now()
        key = (snapshot.fingerprint, self.today(), self._runs_seen)
        with self._lock:
            if self._estate is not None and self._estate[0] == key:
                return Judged(self._estate[1], self._estate[2], stale=False)
            if self._pending is None or (self._pending[1].done() and (self._pending[0] != key or self._failed())):
                self._pending = (key, self._worker.submit(self._judge, snapshot, key))
            future = self._pending[1]
            kept = self._estate
        try:
            estate = future.result(timeout=0.05 if kept is not None else wait)
        except TimeoutError:
            return None if kept is None else Judged(kept[1], kept[2], stale=True)
        with self._lock:
            made = self._estate[2] if self._estate is not None else snapshot.read
            current = self._estate is not None and self._estate[0] == key
        return Judged(estate, made, stale=not current)

    def _failed(self) -> bool:
        """Tell whether the last attempt ended with an error: then the next question tries again."""
        return self._pending is not None and self._pending[1].exception() is not None

    def _judge(self, snapshot: Snapshot, key: tuple[str, date, int]) -> Estate:
        config = self._config
        made = config.clock()
        estate = build_estate(
            snapshot.repository, config.settings, key[1], history=config.history, exclusions=config.exclusions
        )
        with self._lock:
            self._estate = (key, estate, made)
        return estate

    def _read(self, fingerprint: str) -> Snapshot:
        config, settings = self._config, self._config.settings
        repository = open_repository(
            config.rules,
            config.exclusions,
            root=settings.paths.root,
            environment=settings.tables.environment,
            overrides=settings.fields,
            from_created=settings.clauses.from_created,
        )
        return Snapshot(repository, config.clock(), fingerprint)

    def _fingerprint(self) -> str:
        root = self._config.settings.paths.root
        digest = hashlib.sha256()
        for folder in (self._config.rules, self._config.exclusions, root / "schema", root / "functions"):
            for path, size, changed in sorted(_files(folder)):
                digest.update(f"{path}\0{size}\0{changed}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield (path, size, time of the last change) of every file in a folder; nothing where there is none."""
    waiting = [str(folder)]
    if folder.is_file():
        status = folder.stat()
        yield str(folder), status.st_size, status.st_mtime_ns
        return
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                status = entry.stat()
            except OSError:
                continue
            yield entry.path, status.st_size, status.st_mtime_ns


def needed_rule(snapshot: Snapshot, key: str) -> LoadedRule:
    """Return a rule by key, id or path.

    Raises:
        FpctlError: there is none.
    """
    found = snapshot.rule(key)
    if found is None:
        raise FpctlError(f"there is no rule `{key}`", None, "the page of all rules lists them")
    return found
