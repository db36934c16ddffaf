"""How the result rows of two queries of one rule differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpctl.engine.interface import Table
from fpctl.kql import tree
from fpctl.rewrite.plan.tuned_rule import TunedRule


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Result rows before and after, compared by what the rule groups by (by all columns if nothing is aggregated).

    `appeared` rows exist only after: none for a clause without an `effect` warning. `compared` is False where
    there are too many rows to look at each: `before` and `after` are exact all the same, the rest is not known.
    """

    before: int
    after: int
    vanished: tuple[Mapping[str, Any], ...] = ()
    appeared: tuple[Mapping[str, Any], ...] = ()
    changed: int = 0
    compared: bool = True


_AGGREGATING = (
    tree.Summarize, tree.Count, tree.MakeSeries, tree.TopNested, tree.TopHitters, tree.Reduce, tree.Evaluate,
    tree.Partition, tree.Scan, tree.Serialize, tree.MakeGraph,
)  # fmt: skip
"""Operators by which a row says something about other rows, so that it changes when these go."""


def keys_of(tuned: TunedRule) -> tuple[str, ...] | None:
    """Return the result columns that tell one row of a rule from another, None where all of them do.

    They are what the last aggregation of the rule groups by. Where it aggregates elsewhere only (in a `let`, by
    `count`), they are the columns that hold an event's own values, as all others may change when rows go; there
    may be no such column, and then only the number of rows can be compared.
    """
    pipeline = next((one for one in tuned.analysis.pipelines if one.path == "main"), None)
    if pipeline is None or not pipeline.points:
        return None
    last = pipeline.points[-1].scope.columns
    grouping = next((op for op in reversed(pipeline.node.operators) if isinstance(op, tree.Summarize)), None)
    if grouping is None:
        if not any(isinstance(node, _AGGREGATING) for node in tree.walk(tuned.query)):
            return None
        return tuple(name for name, column in last.items() if column.kind not in ("derived", "redefined"))
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


def compare(before: Table, after: Table, keys: Sequence[str] | None) -> RowChanges:
    """Return how the result rows differ, in the columns that both have; for `keys` see `keys_of`."""
    both = [name for name in before.names() if name in after.names()]
    keyed = None if keys is None else [name for name in keys if name in both]
    old, new = _by_key(before, both, keyed), _by_key(after, both, keyed)
    vanished = [row for key, rows in old.items() for row in rows[len(new.get(key, ())) :]]
    appeared = [row for key, rows in new.items() for row in rows[len(old.get(key, ())) :]]
    changed = 0
    if keyed is not None:
        for key in old.keys() & new.keys():
            changed += _bag(old[key]) != _bag(new[key])
    return RowChanges(len(before.rows), len(after.rows), tuple(vanished), tuple(appeared), changed)


def _by_key(table: Table, columns: Sequence[str], keys: Sequence[str] | None) -> dict[str, list[Mapping[str, Any]]]:
    """Return the rows, cut to `columns`, by the text of their keys."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in table.dicts():
        shown = {name: row[name] for name in columns}
        key = _canonical(shown if keys is None else {name: row[name] for name in keys})
        found.setdefault(key, []).append(shown)
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
    # Sums of floating-point numbers depend on the order of the rows in their last digits.
    return float(f"{value:.12g}") if isinstance(value, float) else value
