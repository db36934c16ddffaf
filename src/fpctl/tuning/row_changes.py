"""Result rows of a rule before and after an exclusion: which are gone, changed, or stand only after."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpctl.engine.interface import Engine, EngineError, Table, Timespan
from fpctl.errors import FpctlError
from fpctl.kql import tree
from fpctl.kql.parser import parse
from fpctl.rewrite.plan.tuned_rule import TunedRule

COMPARED = 50_000
"""Up to so many result rows are fetched and compared one by one; of more, the engine counts them."""


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Result rows before and after, compared by what the rule groups by (by all columns if it does not group).

    `appeared` rows stand only after: none for a clause without an `effect` warning. `compared` is False where
    there are too many rows to look at each: `before` and `after` are exact all the same, the rest is not known.
    """

    before: int
    after: int
    vanished: tuple[Mapping[str, Any], ...] = ()
    appeared: tuple[Mapping[str, Any], ...] = ()
    changed: int = 0
    compared: bool = True


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
            raise FpctlError(f"the service answered in part only: {answer.partial}")
        answers.append(answer)
    return answers


def keys_of(tuned: TunedRule) -> tuple[str, ...]:
    """Return the result columns that tell one row of a rule from another: what its last aggregation groups by.

    Empty where it does not group, and then a row is told by all its columns.
    """
    pipeline = next((one for one in tuned.analysis.pipelines if one.path == "main"), None)
    if pipeline is None or not pipeline.points:
        return ()
    last = pipeline.points[-1].scope.columns
    grouping = next((op for op in reversed(pipeline.node.operators) if isinstance(op, tree.Summarize)), None)
    if grouping is None:
        return ()
    names: list[str] = []
    for item in grouping.by:
        if isinstance(item, tree.Named):
            names += [name.value for name in item.names]
        elif isinstance(item, tree.Name):
            names.append(item.value)
        elif isinstance(item, tree.Call):
            # `by bin(Timestamp, 1d)` names its column after the argument.
            names += [arg.value for arg in item.args[:1] if isinstance(arg, tree.Name)]
    return tuple(name for name in names if name in last)


def compare(before: Table, after: Table, keys: Sequence[str]) -> RowChanges:
    """Return how the result rows differ."""
    keyed = [name for name in keys if name in before.names() and name in after.names()]
    old, new = _by_key(before, keyed), _by_key(after, keyed)
    vanished = [row for key, rows in old.items() for row in rows[len(new.get(key, ())) :]]
    appeared = [row for key, rows in new.items() for row in rows[len(old.get(key, ())) :]]
    changed = 0
    if keyed:
        for key in old.keys() & new.keys():
            changed += _bag(old[key]) != _bag(new[key])
    return RowChanges(len(before.rows), len(after.rows), tuple(vanished), tuple(appeared), changed)


def _by_key(table: Table, keys: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in table.dicts():
        key = _canonical({name: row[name] for name in keys} if keys else row)
        found.setdefault(key, []).append(row)
    return found


def _bag(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(map(_canonical, rows))


def _canonical(value: Any) -> str:
    """Return a value as text; a set made by an aggregate has no order of its own."""
    return json.dumps(_sorted(value), sort_keys=True, default=str)


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value
