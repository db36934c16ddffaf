"""Planning a collection on all cores, with a pool of forked worker processes.

Planning is Python throughout, so threads would not help. The workers are forked, so that each has the rules,
the exclusions and the schema without a copy; what comes back is the outcome of each rule without its details
(tree, columns), which are made again where somebody asks for them. Where processes cannot be forked (Windows)
or should not be (macOS, whose libraries do not support it), everything is planned here; so are the rules that a
worker has not planned when it dies.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.repository.apply import RuleOutcome, Status, outcome_of, tune, without_clauses
from fpctl.repository.approval_snapshot import standing
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.model import Plan
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle
from fpctl.rewrite.plan.tuned_rule import PlanDetails, TunedRule
from fpctl.rules.formats.registry import LoadedRule
from fpctl.text.edits import Edit

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

ENOUGH = 60_000
"""Characters of rules below which one process is done before a second one has started; measured by parsing."""
PORTION = 16
"""Rules that a worker takes at a time: rules of a folder are alike, and share what is kept between them."""
_MAYBE_WIDE = re.compile(r"\bunion\b[^|;]*\*|^\s*(?:search|find)\b", re.MULTILINE)
_WIDE_WORDS = ("union", "search", "find")


@dataclass(frozen=True, slots=True)
class Planning:
    """How rules are planned; the arguments of `tune`."""

    exclusions: Sequence[Exclusion]
    planner: Planner
    verified: bool = True
    style: ClauseStyle = ANY_LENGTH

    def outcome(self, prepared: LoadedRule | RuleOutcome, index: ExclusionIndex) -> RuleOutcome:
        """Return the outcome of one rule as `without_clauses` gives it."""
        return outcome_of(prepared, index, self.planner, self.verified, self.style)

    def here(self, rules: Sequence[LoadedRule]) -> Iterator[RuleOutcome]:
        """Yield the outcomes of rules, planned in this process."""
        return tune(rules, self.exclusions, self.planner, verified=self.verified, style=self.style)


def cpu_count() -> int:
    """Return how many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tune_in_parallel(rules: Sequence[LoadedRule], planning: Planning, jobs: int | None = None) -> Iterator[RuleOutcome]:
    """Return the outcome of each rule, in the given order, as `tune` yields them.

    The workers start at once, before the first outcome is asked for; call this before threads are started.

    Args:
        jobs: processes at the most; None for one per core, and only this one for a handful of rules.
    """
    wanted = cpu_count() if jobs is None else jobs
    small = jobs is None and sum(len(loaded.rule.query) for loaded in rules) < ENOUGH
    if wanted < 2 or small or len(rules) <= PORTION or not sys.platform.startswith("linux"):
        return planning.here(rules)
    bare = without_clauses(rules)
    portions = _portions(bare)
    pool, futures = _started(bare, planning, portions, min(wanted, len(portions)))
    return _collected(bare, planning, pool, futures)


def _portions(rules: Sequence[LoadedRule | RuleOutcome]) -> list[list[int]]:
    """Return the indexes of the rules in portions: first those that may read all tables, whose columns one worker
    works out once, then the others as they lie in their folders."""
    wide = [index for index, loaded in enumerate(rules) if _may_be_wide(loaded.rule.query)]
    others = sorted(set(range(len(rules))) - set(wide))
    found = [wide] if wide else []
    return found + [others[at : at + PORTION] for at in range(0, len(others), PORTION)]


def _may_be_wide(query: str) -> bool:
    """Return whether a query may read all tables. Most have none of the words, which takes less time to see."""
    return any(word in query for word in _WIDE_WORDS) and _MAYBE_WIDE.search(query) is not None


Found = dict[int, "_Light"]
"""Outcomes by the index of their rule."""

_work: tuple[Sequence[LoadedRule | RuleOutcome], Planning, ExclusionIndex] | None = None
"""What a forked worker plans from; it inherits this, so that nothing is sent to it but indexes."""


def _started(
    rules: Sequence[LoadedRule | RuleOutcome], planning: Planning, portions: Sequence[Sequence[int]], size: int
) -> tuple[ProcessPoolExecutor, dict[int, Future[Found]]]:
    """Start a pool on portions of the rules, and return it with the future that has each rule."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    global _work
    _work = rules, planning, ExclusionIndex(planning.exclusions)
    pool = ProcessPoolExecutor(size, multiprocessing.get_context("fork"), _default_signals)
    # What is here now is left alone by the workers' garbage collectors, so that its memory stays shared.
    gc.freeze()
    try:
        futures = {
            index: future for portion in portions for future in (pool.submit(_plan, portion),) for index in portion
        }
    finally:
        gc.unfreeze()
        _work = None
    return pool, futures


def _default_signals() -> None:
    """Let a worker end on SIGTERM, and leave Ctrl-C to the process that started it."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _plan(portion: Sequence[int]) -> Found:
    """Plan a portion of the rules, in a worker."""
    assert _work is not None, "a worker is forked while there is work"
    rules, planning, index = _work
    return {number: _Light.of(planning.outcome(rules[number], index)) for number in portion}


def _collected(
    rules: Sequence[LoadedRule | RuleOutcome],
    planning: Planning,
    pool: ProcessPoolExecutor,
    futures: dict[int, Future[Found]],
) -> Iterator[RuleOutcome]:
    """Yield the outcomes in the order of the rules; what a worker could not do is done here."""
    index = ExclusionIndex(planning.exclusions)
    try:
        for number, prepared in enumerate(rules):
            future = futures.pop(number)
            if isinstance(prepared, RuleOutcome):
                yield prepared
            elif future.exception() is not None:
                # Whatever stopped the worker happens again here, where it can be reported.
                yield planning.outcome(prepared, index)
            else:
                yield future.result()[number].outcome(prepared, index, planning)
    finally:
        if futures:
            # The caller has had enough: a portion of long rules would keep it waiting.
            for worker in list((pool._processes or {}).values()):
                worker.terminate()
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Light:
    """An outcome as it goes from one process to another."""

    status: Status
    error: FpctlError | None
    plan: Plan | None = None
    base: str = ""
    tuned: str = ""
    edits: tuple[Edit, ...] = ()
    external: ExternalLists | None = None
    places: Mapping[str, str] | None = None

    @classmethod
    def of(cls, outcome: RuleOutcome) -> _Light:
        tuned = outcome.tuned
        if tuned is None:
            return cls(outcome.status, outcome.error)
        return cls(
            outcome.status, outcome.error, tuned.plan, tuned.base, tuned.tuned, tuned.edits, tuned.external,
            standing(outcome),
        )  # fmt: skip

    def outcome(self, loaded: LoadedRule, index: ExclusionIndex, planning: Planning) -> RuleOutcome:
        if self.plan is None:
            return RuleOutcome(loaded, self.status, None, self.error)

        def rebuild() -> PlanDetails:
            again = planning.planner.plan(
                loaded.rule, index.of(loaded.rule), newline=loaded.text.newline, style=planning.style
            )
            return again.details

        tuned = TunedRule(self.plan, self.base, self.tuned, self.edits, rebuild, planning.style, self.external)
        return RuleOutcome(loaded, self.status, tuned, self.error, self.places)
