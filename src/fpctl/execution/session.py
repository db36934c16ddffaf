"""Many runs: check the tables, run each rule, record what came out. One failing rule never stops the others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from fpctl.engine.interface import Engine, EngineError, TableStatus, Timespan
from fpctl.errors import FpctlError, UnexpectedError
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.execution.connectors import ConnectorCheck, ConnectorStatus, silent_note
from fpctl.execution.drift_check import DriftWatch
from fpctl.execution.rule_error import place_in_file
from fpctl.execution.run import RunResult, run_rule, unknown_hits
from fpctl.execution.stream import completed
from fpctl.execution.table_facts import TableFacts
from fpctl.execution.time_range import range_of, with_own_period
from fpctl.history.history import History
from fpctl.history.records import DriftRecord, ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule


@dataclass(frozen=True, slots=True)
class Session:
    """What all runs of one command share.

    Args:
        engine: runs the queries.
        timespan: asked for by the user, or None: the rules' own time filters decide.
        now: what "now" means in the rules.
        clock: returns the current time, for the record.
        exclusions: the loaded exclusions by id, for their versions in the record.
        history: where runs are recorded; None records nothing.
        with_base: run the base queries too.
        concurrency: rules under way at a time.
        watch: looks at each run for what has drifted; None looks for nothing.
    """

    engine: Engine
    timespan: Timespan | None
    now: datetime
    clock: Callable[[], datetime]
    exclusions: Mapping[str, LoadedExclusion]
    history: History | None = None
    with_base: bool = False
    concurrency: int = 1
    watch: DriftWatch | None = None
    _facts: TableFacts = field(init=False, repr=False)
    _connectors: ConnectorCheck = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_facts", TableFacts(self.engine))
        object.__setattr__(self, "_connectors", ConnectorCheck(self.engine, self._facts))

    def run(self, outcomes: Iterable[RuleOutcome]) -> Iterator[RunResult]:
        """Yield one result per rule that could be planned, recorded as it comes.

        Rules come in the order in which they are done; with `concurrency` 1 that is the order given. The
        outcomes may be an iterator: rules are then planned while others run. An interrupt (Ctrl-C) between or in
        runs leaves the record with whole runs only.

        Raises:
            FpctlError: the history cannot be written.
        """
        planned = ((outcome, outcome.tuned) for outcome in outcomes if outcome.tuned is not None)
        for (_, tuned), timed in completed(planned, lambda pair: self._timed(*pair), self.concurrency):
            if self.history is not None:
                self.history.record_run(self._record(timed.result, tuned, timed.started, timed.finished))
            yield timed.result

    def _timed(self, outcome: RuleOutcome, tuned: TunedRule) -> _Timed:
        started = self.clock()
        try:
            result = self._watched(self._one(outcome, tuned))
        except FpctlError as error:
            result = self._failed(outcome.rule, tuned, error)
        except Exception as error:
            # What nobody foresaw in the answers to one rule ends no other rule.
            result = self._failed(outcome.rule, tuned, UnexpectedError.of(error, "running this rule", None))
        return _Timed(result, started, self.clock())

    def _watched(self, result: RunResult) -> RunResult:
        """Return the run with what has drifted; a failure to find out does not fail the run."""
        if self.watch is None:
            return result
        try:
            return self.watch.look(result, self.engine, result.span)
        except FpctlError as error:
            return replace(result, notes=(*result.notes, f"drift is unknown: {error.message}"))

    def _failed(self, rule: Rule, tuned: TunedRule, error: FpctlError) -> RunResult:
        hits = unknown_hits(tuned)
        return RunResult(
            rule, tuned, self.engine.name, "failed", hits=hits, error=error.message, hint=error.hint, span=self.timespan
        )

    def _one(self, outcome: RuleOutcome, tuned: TunedRule) -> RunResult:
        rule = outcome.rule
        # A service gives a scheduled rule the events of its own period; so does a run on files.
        remote = self.engine.description.capabilities.remote
        given = self.timespan if remote else with_own_period(rule, self.timespan, self.now)
        wanted = range_of(rule, tuned.query, given, self.now)
        statuses = self._facts.of(tables_read(tuned), wanted)
        missing = [status.name for status in statuses if not status.exists]
        if missing:
            names = self._facts.names()
            there = f" (it has: {', '.join(names[:12]) or 'none'})" if names is not None else ""
            message = f"the engine has no table {', '.join(missing)}, which the rule reads{there}"
            return self._failed(rule, tuned, FpctlError(message, hint=missing_hint(self.engine)))
        # What a scan costs follows from the range in the request, whatever the query filters by.
        asked = wanted if any(status.billed for status in statuses) else given
        result = run_rule(rule, tuned, self.engine, asked, with_base=self.with_base)
        result = replace(result, span=asked)
        if result.offset is not None:
            at, caret = place_in_file(outcome.loaded, tuned.base, result.offset)
            result = replace(result, at=at, caret=caret)
        notes = [empty_note(status, wanted, self.engine) for status in statuses if status.rows_in_range == 0]
        connectors, note = self._connector_states(rule, wanted)
        notes += [note] if note is not None else []
        return replace(result, notes=(*result.notes, *notes), connectors=connectors)

    def _connector_states(self, rule: Rule, wanted: Timespan | None) -> tuple[tuple[ConnectorStatus, ...], str | None]:
        """Return the state of the rule's data connectors, and a note where none delivers. No run fails by it."""
        if not self.engine.description.capabilities.remote:
            return (), None
        try:
            states = self._connectors.of(rule, wanted)
        except EngineError as error:
            return (), f"the data connectors could not be checked: {error.message}"
        return states, silent_note(states)

    def _record(self, result: RunResult, tuned: TunedRule, started: datetime, finished: datetime) -> RunRecord:
        return RunRecord(
            RuleVersion(result.rule.id, result.rule.name, text_hash(tuned.base), tuned.base),
            result.engine,
            result.status,
            started,
            finished,
            result.span.start if result.span else None,
            result.span.end if result.span else None,
            text_hash(tuned.tuned),
            result.rows_before,
            result.rows_suppressed,
            result.result.count if result.result is not None and result.result.partial is None else None,
            result.error,
            tuple(
                HitRecord(self._version(hit.exclusion), hit.rows, hit.unique, hit.first, hit.last)
                for hit in (*result.hits, *result.shadow)
            ),
            tuple(DriftRecord(one.exclusion, one.kind, one.message) for one in result.drift),
            result.device_kinds,
        )

    def _version(self, exclusion: str) -> ExclusionVersion:
        loaded = self.exclusions[exclusion]
        return ExclusionVersion(exclusion, loaded.content_hash, loaded.exclusion.title)


class _Timed(NamedTuple):
    result: RunResult
    started: datetime
    finished: datetime


def rule_key(rule: Rule) -> str:
    """Return what identifies a rule of a repository: ids alone may occur twice."""
    return f"{rule.path}:{rule.id}"


def text_hash(text: str) -> str:
    """Return the SHA-256 of a query text: what identifies a version of a rule."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def missing_hint(engine: Engine) -> str:
    """Return what to do about a table that an engine does not have."""
    if engine.description.capabilities.remote:
        return "ensure this data connector is enabled"
    return "put a file (TABLE.parquet, .csv or .jsonl) or a folder of that name into the data folder"


def empty_note(status: TableStatus, wanted: Timespan | None, engine: Engine) -> str:
    """Return the words for a table that holds no rows where the rule looks."""
    if wanted is None:
        where = "no rows"
    else:
        where = f"no rows between {wanted.start:%Y-%m-%d %H:%M} and {wanted.end:%Y-%m-%d %H:%M} UTC"
    newest = f"; its newest row is of {status.newest:%Y-%m-%d %H:%M}" if status.newest else ""
    if engine.description.capabilities.remote:
        return f"{status.name} holds {where}{newest}: ensure this data connector is enabled"
    if status.newest is not None and wanted is not None and status.newest < wanted.start:
        then = status.newest.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return f"{status.name} holds {where}{newest}: run the rule as of then with --to {then:%Y-%m-%dT%H:%MZ}"
    return f"{status.name} holds {where}{newest}: choose another range with --since or --to, or add files of it"
