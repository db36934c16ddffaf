"""A run of many rules: planned a few at a time while others run, and able to go on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from fpctl.exclusions.model import Exclusion
from fpctl.execution.checkpoint import Checkpoint
from fpctl.execution.run import RunResult
from fpctl.execution.run_summary import RunSummary
from fpctl.execution.session import Session, rule_key, text_hash
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ClauseStyle
from fpctl.rules.formats.registry import LoadedRule

PLANNED_AT_ONCE = 10
"""Rules planned together: few enough that the engine does not wait for them."""

KEPT_ROWS = 20
"""Result rows kept of each run: the rest of the rows would stay in memory until the last rule has run."""

Check = Callable[[Sequence[RuleOutcome]], Sequence[RuleOutcome]]
"""Returns the outcomes of a few rules without what must not run."""


@dataclass(slots=True)
class Batch:
    """The rules of one run, and what has become of them so far.

    Attributes:
        check: looks at each portion of planned rules before it runs.
        done: rules (key and hash of the tuned query) that the interrupted run, which this one continues, has done.
        outcomes: of every rule that has been planned, in the order of the rules.
        results: of every rule that has run, in the order in which they ended.
    """

    rules: Sequence[LoadedRule]
    exclusions: Sequence[Exclusion]
    planner: Planner
    folds: bool
    check: Check
    done: frozenset[tuple[str, str]] = frozenset()
    outcomes: list[RuleOutcome] = field(default_factory=list)
    results: list[RunResult] = field(default_factory=list)
    summary: RunSummary = field(init=False)

    def __post_init__(self) -> None:
        self.summary = RunSummary(len(self.rules))

    def planned(self) -> Iterator[RuleOutcome]:
        """Yield the rules that are to run, planned a few at a time."""
        source = tune(self.rules, self.exclusions, self.planner, style=ClauseStyle(folds=self.folds))
        while few := list(islice(source, PLANNED_AT_ONCE)):
            checked = self.check(few)
            self.outcomes += checked
            for outcome in checked:
                if outcome.tuned is None:
                    self.summary.unplanned += 1
                elif (rule_key(outcome.rule), text_hash(outcome.tuned.tuned)) in self.done:
                    self.summary.before += 1
                else:
                    yield outcome

    def run(
        self,
        session: Session,
        checkpoint: Checkpoint | None,
        progress: Callable[[int, str], object] = lambda done, note: None,
        on_result: Callable[[RunResult], object] = lambda result: None,
    ) -> None:
        """Run the rules, and note those that ran well in the checkpoint.

        Args:
            on_result: is given each result with all of its rows; of those that are kept only the first rows stay.

        Raises:
            FpctlError: the history or the checkpoint cannot be written.
        """
        for result in session.run(self.planned()):
            on_result(result)
            self.results.append(replace(result, result=result.result and result.result.first(KEPT_ROWS)))
            self.summary.add(result)
            if checkpoint is not None and result.status == "ok":
                checkpoint.add(rule_key(result.rule), text_hash(result.tuned.tuned))
            progress(self.summary.done, self.summary.note())

    def in_order(self) -> list[RunResult]:
        """Return the results in the order of the rules."""
        order = {id(outcome.tuned): at for at, outcome in enumerate(self.outcomes)}
        return sorted(self.results, key=lambda result: order[id(result.tuned)])
