"""Planning a collection on all cores: the work of one process, done by several.

Planning is Python throughout, so threads would not help. The processes are forked, so that each has the
rules, the exclusions and the schema without a copy; what comes back is the outcome of each rule without its
details (tree, columns), which are made again where somebody asks for them. Where no process can be forked
(Windows) or none should be (macOS, whose libraries do not bear it), everything is planned here; so are the rules
of a process that dies.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import re
import select
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.repository.apply import RuleOutcome, Status, outcome_of, tune, without_clauses
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.model import Plan
from fpctl.rewrite.plan.planner import PlanDetails, Planner, TunedQuery
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.text.query_text import Edit

ENOUGH = 60_000
"""Characters of rules below which one process has done before a second one has begun; as plain parsing goes."""
PORTION = 16
"""Rules that a process takes at a time: rules of a folder are alike, and share what is kept between them."""
MOST_PORTIONS = 4_096
"""Their numbers have to lie in a pipe, which holds 64 KiB."""
_MAYBE_WIDE = re.compile(r"\bunion\b[^|;]*\*|^\s*(?:search|find)\b", re.MULTILINE)
_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Planning:
    """How rules are planned; the arguments of `tune`."""

    exclusions: Sequence[Exclusion]
    planner: Planner
    second_parser: bool = True
    checked: bool = True
    style: ClauseStyle = ANY_LENGTH

    def outcome(self, loaded: LoadedRule, targets: ExclusionIndex) -> RuleOutcome:
        """Return the outcome of one rule that has no clauses yet."""
        return outcome_of(loaded, targets, self.planner, self.second_parser, self.checked, self.style)

    def here(self, rules: Sequence[LoadedRule]) -> Iterator[RuleOutcome]:
        """Yield the outcomes of rules, planned in this process."""
        return tune(
            rules,
            self.exclusions,
            self.planner,
            second_parser=self.second_parser,
            checked=self.checked,
            style=self.style,
        )


def cores() -> int:
    """Return how many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tune_in_parallel(rules: Sequence[LoadedRule], planning: Planning, jobs: int | None = None) -> Iterator[RuleOutcome]:
    """Return the outcome of each rule, in the given order, as `tune` yields them.

    The processes start at once, before the first outcome is asked for; call this before threads are started.

    Args:
        jobs: processes at the most; None for one per core, and only this one for a handful of rules.
    """
    wanted = cores() if jobs is None else jobs
    small = jobs is None and sum(len(loaded.rule.query) for loaded in rules) < ENOUGH
    if wanted < 2 or small or len(rules) <= PORTION or not sys.platform.startswith("linux"):
        return planning.here(rules)
    bare = without_clauses(rules)
    portions = _portions(bare)
    return _collected(bare, planning, _Crew(bare, planning, portions, min(wanted, len(portions))))


def _portions(rules: Sequence[LoadedRule]) -> list[list[int]]:
    """Return the indexes of the rules in portions: first those that may read all tables, whose columns one process
    works out once, then the others as they lie in their folders."""
    wide = [index for index, loaded in enumerate(rules) if _MAYBE_WIDE.search(loaded.rule.query)]
    others = sorted(set(range(len(rules))) - set(wide))
    size = max(PORTION, len(rules) // MOST_PORTIONS + 1)
    found = [wide] if wide else []
    return found + [others[at : at + size] for at in range(0, len(others), size)]


def _collected(rules: Sequence[LoadedRule], planning: Planning, crew: _Crew) -> Iterator[RuleOutcome]:
    waiting: dict[int, _Light] = {}
    targets = ExclusionIndex(planning.exclusions)
    try:
        results = crew.results()
        for index, loaded in enumerate(rules):
            while index not in waiting:
                found = next(results, None)
                if found is None:
                    break
                waiting.update(found)
            light = waiting.pop(index, None)
            if light is None:
                yield from planning.here([loaded])
            else:
                yield light.outcome(loaded, targets, planning)
    finally:
        crew.end()


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

    @classmethod
    def of(cls, outcome: RuleOutcome) -> _Light:
        tuned = outcome.tuned
        if tuned is None:
            return cls(outcome.status, outcome.error)
        return cls(outcome.status, outcome.error, tuned.plan, tuned.base, tuned.tuned, tuned.edits, tuned.external)

    def outcome(self, loaded: LoadedRule, targets: ExclusionIndex, planning: Planning) -> RuleOutcome:
        if self.plan is None:
            return RuleOutcome(loaded, self.status, None, self.error)

        def rebuild() -> PlanDetails:
            again = outcome_of(loaded, targets, planning.planner, False, False, planning.style)
            assert again.tuned is not None
            return again.tuned.details

        tuned = TunedQuery(self.plan, self.base, self.tuned, self.edits, rebuild, planning.style, self.external)
        return RuleOutcome(loaded, self.status, tuned, self.error)


class _Crew:
    """Forked processes that plan portions of the rules, whichever is next."""

    def __init__(
        self, rules: Sequence[LoadedRule], planning: Planning, portions: Sequence[Sequence[int]], size: int
    ) -> None:
        self._pipes: list[int] = []
        self._children: list[int] = []
        # The numbers of the portions lie in a pipe: who reads one takes it from the others.
        tickets, numbers = os.pipe()
        os.write(numbers, b"".join(_LENGTH.pack(number) for number in range(len(portions))))
        os.close(numbers)
        gc.freeze()
        try:
            for _ in range(size):
                reading, writing = os.pipe()
                child = os.fork()
                if child == 0:
                    for pipe in (*self._pipes, reading):
                        os.close(pipe)
                    _work(rules, planning, portions, tickets, writing)
                os.close(writing)
                self._children.append(child)
                self._pipes.append(reading)
        finally:
            gc.unfreeze()
            os.close(tickets)

    def results(self) -> Iterator[dict[int, _Light]]:
        """Yield what the processes have done, as it comes, until all have ended."""
        pipes = list(self._pipes)
        while pipes:
            for pipe in select.select(pipes, [], [])[0]:
                body = _message(pipe)
                if body is None:
                    pipes.remove(pipe)
                else:
                    yield pickle.loads(body)  # written by a fork of this process, into a pipe of its own

    def end(self) -> None:
        """Stop what still runs: the caller may have had enough."""
        for pipe in self._pipes:
            os.close(pipe)
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        self._pipes.clear()
        self._children.clear()


def _work(
    rules: Sequence[LoadedRule], planning: Planning, portions: Sequence[Sequence[int]], tickets: int, writing: int
) -> NoReturn:
    """Plan portions until none is left, in a forked process."""
    try:
        targets = ExclusionIndex(planning.exclusions)
        while ticket := os.read(tickets, _LENGTH.size):
            found = {
                index: _Light.of(planning.outcome(rules[index], targets))
                for index in portions[_LENGTH.unpack(ticket)[0]]
            }
            body = memoryview(pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL))
            for part in (memoryview(_LENGTH.pack(len(body))), body):
                while part:
                    part = part[os.write(writing, part) :]
        os._exit(0)
    except BaseException:
        # What is missing is planned by the parent, which then meets the same fault and can tell of it.
        os._exit(1)


def _message(pipe: int) -> bytes | None:
    """Return the next message of a process, or None when it has ended, be it in the middle of one."""
    head = _exactly(pipe, _LENGTH.size)
    return None if head is None else _exactly(pipe, _LENGTH.unpack(head)[0])


def _exactly(pipe: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(pipe, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
