"""Result rows of a rule before and after an exclusion: which are gone, changed, or new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fpctl.engine.interface import Engine, EngineError, Table, Timespan
from fpctl.errors import FpctlError
from fpctl.execution.result_changes import RowChanges, compare, keys_of
from fpctl.kql import tree
from fpctl.kql.parser import parse
from fpctl.rewrite.plan.tuned_rule import TunedRule

COMPARED = 50_000
"""Up to this number, result rows are fetched and compared one by one; beyond it, the engine counts them."""


def row_changes(before: TunedRule, after: TunedRule, engine: Engine, span: Timespan) -> RowChanges:
    """Return how the result rows of two tunings of one rule differ.

    Raises:
        FpctlError: a query failed, or was answered in part only.
    """
    cut = f"| take {COMPARED + 1}"
    first, last = asked([continued(one, cut) for one in (before, after)], engine, span)
    if max(len(first.rows), len(last.rows)) <= COMPARED:
        return compare(first, last, keys_of(after))
    counts = row_counts([before, after], engine, span)
    return RowChanges(counts[0], counts[1], compared=False)


def row_counts(tuned: Iterable[TunedRule], engine: Engine, span: Timespan) -> list[int]:
    """Return how many result rows rules have, counted by the engine.

    Raises:
        FpctlError: a query failed, or was answered in part only.
    """
    return [int(table.rows[0][0]) for table in asked([continued(one, "| count") for one in tuned], engine, span)]


def continued(tuned: TunedRule, operators: str) -> str:
    """Return a tuned query whose result is continued by operators."""
    result = parse(tuned.tuned).results()[-1].pipeline
    last = result.operators[-1] if result.operators else None
    end = result.end
    if isinstance(last, tree.Render):
        # A chart is the last thing a query can be.
        end = tuned.tuned.rindex("|", 0, last.start)
    return f"{tuned.tuned[:end]}\n{operators}"


def united(texts: Sequence[str]) -> str | None:
    """Return the union of queries as one query; None where they define different things before their results."""
    if len(texts) == 1:
        return texts[0]
    queries = [(text, parse(text).results()[-1].pipeline) for text in texts]
    heads = {text[: result.start] for text, result in queries}
    if len(heads) != 1:
        return None
    (head,) = heads
    return f"{head}union {', '.join(f'({text[result.start : result.end]})' for text, result in queries)}"


def asked(texts: Sequence[str], engine: Engine, span: Timespan) -> list[Table]:
    """Return the answers to queries.

    Raises:
        EngineError: one of them failed.
        FpctlError: one was answered in part only, which proves nothing.
    """
    answers: list[Table] = []
    for answer in engine.query_many(texts, span):
        if isinstance(answer, EngineError):
            raise answer
        if answer.partial is not None:
            raise FpctlError(f"the service returned a partial answer: {answer.partial}")
        answers.append(answer)
    return answers
