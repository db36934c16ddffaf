"""The repository as it is on disk: read again when a file has changed, and judged in the background.

A page must answer within a blink, and reading 5,000 exclusions takes a second. So the files' names, sizes and times
are looked at (at most once a second), and only files that differ are read again. Plans, findings and risk of the whole
estate take seconds: they are worked out on a thread, and pages say from when what they show is.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.exclusions.loader import ExclusionSet, ReadFiles, load_exclusions
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.history.history import History
from fpctl.report.build import build_estate
from fpctl.report.estate import Estate
from fpctl.report.recorded import read_recorded
from fpctl.repository.apply import RuleOutcome
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.repository.model import Repository, open_repository
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.loader import RuleSet, load_rules
from fpctl.rules.test_cases import RuleTestCache
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.estate_view import EstateView
from fpctl.web.work.memo import Memo
from fpctl.web.work.rule_key import rule_key
from fpctl.web.work.rule_plans import RulePlans

LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""


class Snapshot:
    """One state of the repository, and what pages look up in it again and again.

    Attributes:
        repository: what was read.
        read: when.
        fingerprint: of the files' names, sizes and times.
        memo: what pages made of it.
        tests: of the rules.
    """

    def __init__(self, repository: Repository, read: datetime, fingerprint: str) -> None:
        self.repository, self.read, self.fingerprint = repository, read, fingerprint
        self.memo = Memo()
        self.tests = RuleTestCache()

    @cached_property
    def rules(self) -> dict[str, LoadedRule]:
        """The rules by key."""
        return {rule_key(loaded): loaded for loaded in self.repository.rules.rules}

    @cached_property
    def _rules_by_name(self) -> dict[str, list[LoadedRule]]:
        found: dict[str, list[LoadedRule]] = {}
        for loaded in self.repository.rules.rules:
            for name in {loaded.rule.id, loaded.rule.path}:
                found.setdefault(name, []).append(loaded)
        return found

    @cached_property
    def exclusions(self) -> dict[str, LoadedExclusion]:
        """The exclusions by id."""
        return {loaded.id: loaded for loaded in self.repository.exclusions.exclusions}

    @cached_property
    def index(self) -> ExclusionIndex:
        """Which exclusion reaches which rule."""
        return ExclusionIndex(self.repository.active(), self.repository.rules.rules)

    def rule(self, key: str) -> LoadedRule | None:
        """Return a rule by key, id or path; None where there is none, or several have the id."""
        found = self.rules.get(key)
        if found is not None:
            return found
        same = self._rules_by_name.get(key, ())
        return same[0] if len(same) == 1 else None

    def exclusion(self, id: str) -> LoadedExclusion | None:
        """Return an exclusion by id, or None."""
        return self.exclusions.get(id)

    def reached_by(self, exclusion: Exclusion) -> list[LoadedRule]:
        """Return the rules that an exclusion reaches, which need not be recorded yet."""
        rules = self.repository.rules.rules
        return [rules[number] for number in self.index.rules_of(exclusion)]

    def reaching(self, loaded: LoadedRule) -> list[LoadedExclusion]:
        """Return the exclusions that reach a rule, by id."""
        return [self.exclusions[exclusion.id] for exclusion, _ in self.index.of(loaded.rule)]


@dataclass(frozen=True, slots=True)
class Judged:
    """The estate of a snapshot, when it was worked out, and whether the files or runs have changed since."""

    view: EstateView
    made: datetime
    stale: bool

    @property
    def estate(self) -> Estate:
        """Its values."""
        return self.view.estate


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of each folder, with its fingerprint: a folder that has not changed is not read again."""

    rules: tuple[str, RuleSet]
    exclusions: tuple[str, ExclusionSet]
    schema: str
    repository: Repository


class Snapshots:
    """The present snapshot and its judgement. Safe to share between threads."""

    def __init__(self, config: ConsoleConfig, history: History) -> None:
        self._config, self._history = config, history
        self._lock = threading.RLock()
        self._looked = -LOOK_EVERY
        self._snapshot: Snapshot | None = None
        self._estate: tuple[tuple[str, date, int], EstateView, datetime] | None = None
        self._pending: tuple[tuple[str, date, int], Future[EstateView]] | None = None
        self._worker = ThreadPoolExecutor(1, "estate")
        self._last_run = 0
        self._kept: _Read | None = None
        self._files = ReadFiles()
        self._plans = RulePlans()

    def close(self) -> None:
        """Let the worker end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def now(self) -> Snapshot:
        """Return the repository as it is.

        Raises:
            FpctlError: a folder is missing.
        """
        with self._lock:
            moment = time.monotonic()
            if self._snapshot is not None and moment - self._looked < LOOK_EVERY:
                return self._snapshot
            self._looked = moment
            self._last_run = self._history.last_run_number()
            prints = self._fingerprints()
            fingerprint = ".".join(prints)
            if self._snapshot is None or self._snapshot.fingerprint != fingerprint:
                self._snapshot = Snapshot(self._read(*prints), self._config.clock(), fingerprint)
            return self._snapshot

    def changed(self) -> None:
        """Look at files and history at the next question: something was just written."""
        with self._lock:
            self._looked = -LOOK_EVERY

    def today(self) -> date:
        """Return the day that plans are for, in UTC."""
        return self._config.clock().date()

    def outcome(self, loaded: LoadedRule) -> RuleOutcome:
        """Return the outcome of planning one rule today."""
        snapshot = self.now()
        return self._plans.outcome(rule_key(loaded), loaded, snapshot.index, snapshot.repository, self.today())

    def judged(self, *, wait: float = 10.0) -> Judged | None:
        """Return the estate, newest that there is; None where the first is not ready within `wait` seconds.

        Raises:
            FpctlError: it cannot be worked out.
        """
        snapshot = self.now()
        key = (snapshot.fingerprint, self.today(), self._last_run)
        with self._lock:
            if self._estate is not None and self._estate[0] == key:
                return Judged(self._estate[1], self._estate[2], stale=False)
            if self._pending is None or (self._pending[1].done() and (self._pending[0] != key or self._failed())):
                self._pending = (key, self._worker.submit(self._judge, snapshot, key))
            future = self._pending[1]
            kept = self._estate
        try:
            view = future.result(timeout=0.05 if kept is not None else wait)
        except TimeoutError:
            return None if kept is None else Judged(kept[1], kept[2], stale=True)
        with self._lock:
            made = self._estate[2] if self._estate is not None else snapshot.read
            current = self._estate is not None and self._estate[0] == key
        return Judged(view, made, stale=not current)

    def _failed(self) -> bool:
        """Return whether the last attempt ended with an error: then the next question tries again."""
        return self._pending is not None and self._pending[1].exception() is not None

    def _judge(self, snapshot: Snapshot, key: tuple[str, date, int]) -> EstateView:
        config, repository = self._config, snapshot.repository
        made = config.clock()
        outcomes = self._plans.outcomes(snapshot.rules, snapshot.index, repository, key[1])
        usage = config.settings.policy.usage
        estate = build_estate(
            repository, config.settings, key[1], outcomes,
            recorded=lambda: read_recorded(config.history, key[1], usage), exclusions=config.exclusions,
        )  # fmt: skip
        view = EstateView(estate)
        with self._lock:
            self._estate = (key, view, made)
        return view

    def _read(self, rules: str, exclusions: str, schema: str) -> Repository:
        config, settings, kept = self._config, self._config.settings, self._kept
        known = kept.rules[1] if kept is not None and kept.rules[0] == rules else load_rules(config.rules)
        if kept is not None and kept.exclusions[0] == exclusions:
            found = kept.exclusions[1]
        else:
            found = load_exclusions(config.exclusions, self._files)
        repository = open_repository(
            known,
            found,
            root=settings.paths.root,
            environment=settings.tables.environment,
            overrides=settings.fields,
            from_created=settings.clauses.from_created,
            enforced=settings.enforced,
        )
        if kept is not None and kept.schema == schema:
            # Plans are kept as long as the tables are the same objects.
            same = kept.repository
            repository = replace(repository, tables=same.tables, streamed=same.streamed, fields=same.fields)
        self._kept = _Read((rules, known), (exclusions, found), schema, repository)
        return repository

    def _fingerprints(self) -> tuple[str, str, str]:
        """Return what rules, exclusions and schema look like from outside."""
        root = self._config.settings.paths.root
        return (
            _fingerprint(self._config.rules),
            _fingerprint(self._config.exclusions),
            _fingerprint(root / "schema", root / "functions"),
        )


def _fingerprint(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
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
