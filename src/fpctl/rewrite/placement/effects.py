"""What happens after an insertion point when rows are missing there: constructs that can fire more with fewer rows.

Behind the insertion point an aggregate may be compared the wrong way (`where count_ < 5`), another row may take
the place of the one removed (`arg_max`, `top`, `take`), or a baseline may shift (`make-series`,
averages). The clause still goes in; the plan carries a warning with the operator and its line.
Facts: the class B constructs in docs/kql.md, each measured there with a counter-example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fpctl.kql import tree
from fpctl.kql.operators.model import Polarity
from fpctl.kql.operators.table import spec_of
from fpctl.rewrite.placement.computed_columns import ComputedColumns, calls, item_names
from fpctl.rewrite.placement.monotonicity import EITHER, FALLS, SHRINKS, Monotonicity
from fpctl.rewrite.placement.positions import Edge
from fpctl.rewrite.placement.row_keys import RowKeys, key_names


class Effect(NamedTuple):
    """One construct that can add or change result rows. `offset` is where its operator begins.

    `inverts` is set where it is certain that each row removed can let others through: only the part
    that is subtracted from (successes from failures, known things from new ones) comes from the insertion point.
    """

    offset: int
    keyword: str
    message: str
    inverts: bool = False


PICKING = frozenset({"arg_max", "arg_min", "argmax", "argmin", "take_any", "take_anyif", "any", "anyif"})
"""Aggregates that pick one row: without it another row takes its place."""
WINDOW = frozenset(
    {
        "prev", "next", "row_number", "row_cumsum", "row_window_session", "row_rank_dense", "row_rank_min",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of the query that rows are missing in.

    Attributes:
        query: the whole query.
        functions: the functions that the query defines, for `invoke`.
        columns: returns the names of the columns before and after an operator; None where that is not known.
        tested: the columns that tell alone which rows are removed: a group of one value of each of them loses all
            its rows or none. Empty where the time of a row counts, too.
    """

    query: tree.Query
    functions: Mapping[str, Sequence[tree.Function]] = field(default_factory=dict)
    columns: Callable[[tree.Operator], tuple[Sequence[str], Sequence[str]] | None] = lambda _: None
    tested: frozenset[str] = frozenset()


def effects(steps: Iterable[tree.Operator | Edge], context: Context) -> list[Effect]:
    """Return the effects of what follows an insertion point, in order.

    Args:
        steps: the operators between the insertion point and the result, outermost last, and an edge where another
            pipeline takes the rows up. A join among the operators has the insertion point's rows on its left side.
        context: what is known of the query.
    """
    return list(_Follower(context).follow(steps))


class _Follower:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.text = context.query.text
        self.computed = ComputedColumns(context.query)
        self.keys = RowKeys(context.tested)
        self.keyed = False
        self.inside: set[int] = set()

    def follow(self, steps: Iterable[tree.Operator | Edge]) -> Iterator[Effect]:
        for step in steps:
            if isinstance(step, Edge):
                yield from self.use(step)
            else:
                yield from self.operator(step)
                # The first column is what `in` tests against: after a summarize that is its first key.
                self.keyed = isinstance(step, tree.Summarize) and bool(step.by)

    def use(self, edge: Edge) -> Iterator[Effect]:
        """Another pipeline takes the rows up: as its source, as the right side of a join, as a list."""
        node = edge.node
        if edge.index > 0 or isinstance(node, tree.Union):
            # Rows of other legs may be in the same groups.
            self.keys.forget()
        if isinstance(node, (tree.Join, tree.Lookup)) and edge.index > 0:
            yield from self.computed_keys(node)
            self.computed.may_be_suffixed()
        elif not edge.feeds_rows and not self.keyed and not self.only_shrinks(edge):
            yield Effect(node.start, _keyword(node), f"{edge.where} is computed from the rows, so its values change")
        if not edge.feeds_rows:
            self.computed.columns = {}

    def only_shrinks(self, edge: Edge) -> bool:
        """Return whether a list computed from the rows can only lose elements: `in (T | summarize make_set(X))`."""
        moving = set(self.computed.columns.values())
        return not moving or (moving == {SHRINKS} and edge.polarity is Polarity.POSITIVE)

    def computed_keys(self, node: tree.Join | tree.Lookup) -> Iterator[Effect]:
        if any(self.computed.depend(condition) for condition in node.on):
            yield self.effect(node, "it compares a value that was itself computed from the rows")

    # ------------------------------------------------------------------ operators

    def operator(self, node: tree.Operator) -> Iterator[Effect]:
        yield from self.windows(node)
        before = dict(self.computed.columns)
        known = self.context.columns(node)
        if isinstance(node, tree.Summarize) and self.keys.groups_vanish(node.by):
            self.computed.columns = {}
            self.keys.aggregated(node.by, _keys(node, known))
            return
        follow = _FOLLOW.get(type(node))
        if follow is not None:
            yield from follow(self, node)
        else:
            self.other_columns(node, before)
        why = spec_of(node).without_rows(node)
        if why is not None and not (
            isinstance(node, tree.Join) and self.keys.one_left_row(node, known[0] if known is not None else None)
        ):
            yield self.effect(node, why)
        if isinstance(node, tree.Summarize):
            self.keys.aggregated(node.by, _keys(node, known))
        else:
            self.keys.follow(node, known[1] if known is not None else None)

    def other_columns(self, node: tree.Operator, before: Mapping[str, Monotonicity]) -> None:
        """Follow an operator that nothing here knows: its effect on computed columns can go either way."""
        if not before:
            return
        known = self.context.columns(node)
        depends = any(self.computed.depend(item) for item in tree.children(node))
        for name in known[1] if known is not None else ():
            # A union gives columns of one name and several types a suffix.
            suffixed = any(name.startswith(computed) for computed in before)
            if name not in known[0] and (depends or suffixed):  # type: ignore[index]
                self.computed.columns[name] = EITHER

    def extend(self, node: tree.Extend | tree.Serialize | tree.Project) -> Iterator[Effect]:
        before = dict(self.computed.columns)
        unnamed = self.computed.assign(node.items, keep=not isinstance(node, tree.Project))
        known = self.context.columns(node) if unnamed else None
        named = {name.value for item in node.items if isinstance(item, tree.Named) for name in item.names}
        named |= {item.value for item in node.items if isinstance(item, tree.Name)}
        for name in known[1] if known is not None else ():
            if name not in named and (name not in known[0] or name in before):  # type: ignore[index]
                # A result without a name: `Column1`, or the parts of `series_stats()`.
                self.computed.columns[name] = unnamed[0] if len(unnamed) == 1 and name not in before else EITHER
        yield from ()

    def rename(self, node: tree.ProjectRename) -> Iterator[Effect]:
        self.computed.rename(node.items)
        yield from ()

    def count(self, node: tree.Count) -> Iterator[Effect]:
        self.computed.columns = {node.alias.value if node.alias else "Count": FALLS}
        yield from ()

    def distinct(self, node: tree.Distinct) -> Iterator[Effect]:
        if any(self.computed.depend(item) for item in node.items) and not self.keys.determine(node.items):
            yield self.effect(node, "it lists a value that was itself computed from the rows")

    def join(self, node: tree.Join | tree.Lookup) -> Iterator[Effect]:
        yield from self.computed_keys(node)

    def make_series(self, node: tree.MakeSeries) -> Iterator[Effect]:
        self.computed.columns = {}
        yield from ()

    def expand(self, node: tree.MvExpand) -> Iterator[Effect]:
        for name, moves in self.elements(node.items).items():
            if moves is EITHER:
                self.computed.columns[name] = EITHER
            else:
                # An element that is missing is a row that is missing.
                self.computed.columns.pop(name, None)
        self.other_indexes(node)
        yield from ()

    def elements(self, items: Sequence[tree.ExpandItem]) -> dict[str, Monotonicity]:
        """Return the columns of elements that are taken from computed columns, with how the whole moves."""
        found: dict[str, Monotonicity] = {}
        for item in items:
            value = item.value
            moves = self.computed.moves(value.value if isinstance(value, tree.Named) else value)
            names = [name.value for name in value.names] if isinstance(value, tree.Named) else []
            names += [value.value] if isinstance(value, tree.Name) else []
            if moves is not None:
                found |= dict.fromkeys(names, moves if moves is Monotonicity.SHRINKS else EITHER)
        return found

    def other_indexes(self, node: tree.MvExpand | tree.MvApply) -> None:
        if self.elements(node.items):
            for parameter in node.parameters:
                if parameter.name == "with_itemindex" and isinstance(parameter.value, tree.Name):
                    self.computed.columns[parameter.value.value] = EITHER

    def apply(self, node: tree.MvApply) -> Iterator[Effect]:
        """`mv-apply`: its body works on the elements of one row; those of a computed set may be missing."""
        found = self.elements(node.items)
        if not found and not any(self.computed.depend(item) for item in node.items):
            # Nothing is missing inside a row that is there.
            return
        kept, keys = dict(self.computed.columns), copy(self.keys)
        for name, moves in found.items():
            if moves is EITHER:
                self.computed.columns[name] = EITHER
            else:
                self.computed.columns.pop(name, None)
        self.other_indexes(node)
        yield from self.follow(node.body.operators)
        self.computed.columns = {**kept, **self.computed.columns}
        self.keys = keys

    def partition(self, node: tree.Partition) -> Iterator[Effect]:
        yield from self.follow(node.body.operators)

    def graph(self, node: tree.MakeGraph) -> Iterator[Effect]:
        if node.partition_body is not None:
            yield from self.follow(node.partition_body.operators)

    def fork(self, node: tree.Fork) -> Iterator[Effect]:
        before = self.computed.columns
        for leg in node.legs:
            self.computed.columns = dict(before)
            yield from self.follow(leg.body.operators)

    def facet(self, node: tree.Facet) -> Iterator[Effect]:
        if node.body is not None:
            yield from self.follow(node.body.operators)

    def invoke(self, node: tree.Invoke) -> Iterator[Effect]:
        name = node.call.name.value if isinstance(node.call, tree.Call) else self.text[node.call.start : node.call.end]
        known = self.context.functions.get(name, ())
        for function in known:
            result = function.body[-1] if len(function.body) == 1 else None
            simple = (
                isinstance(result, tree.QueryStatement)
                and function.parameters
                and isinstance(result.pipeline.source, tree.Name)
                and result.pipeline.source.value == function.parameters[0].name.value
            )
            if simple and id(function) not in self.inside:
                self.inside.add(id(function))
                yield from self.follow(result.pipeline.operators)  # type: ignore[union-attr]
            else:
                yield self.effect(node, f"what the parts of {name}() do without the removed rows is not followed")
        if not known:
            yield self.effect(node, f"what {name}() does without the removed rows is not known")

    def effect(self, node: tree.Operator, why: str, inverts: bool = False) -> Effect:
        return Effect(node.start, node.keyword, why, inverts)

    def summarize(self, node: tree.Summarize) -> Iterator[Effect]:
        columns: dict[str, Monotonicity] = {}
        found: list[Monotonicity] = []
        picks = False
        if any(self.computed.depend(key) for key in node.by):
            if self.keys.determine(node.by) and not any(map(self.computed.depend, _not_names(node.by))):
                # The groups are those of the keys by which the value was computed.
                columns |= {
                    name: moves for name, moves in self.computed.columns.items() if name in set(key_names(node.by))
                }
            else:
                yield self.effect(node, "it groups by a value that was itself computed from the rows")
        for item in node.aggregates:
            value = item.value if isinstance(item, tree.Named) else item
            picked = next((call for call in calls(value) if call.name.value in PICKING), None)
            if picked is not None:
                # Said once, here: conditions on what was picked say nothing more.
                yield self.effect(node, f"{picked.name.value}() picks one row: without it another row takes its place")
                picks = True
                continue
            moves = self.computed.aggregate(value)
            found.append(moves)
            for name in item_names(item):
                columns[name] = moves
        if not picks:
            known = self.context.columns(node)
            names = known[1][len(node.by) :] if known is not None else ()
            if len(names) == len(found):
                columns |= zip(names, found, strict=True)
            # Aggregates of several columns (`percentiles`).
            for name in names:
                columns.setdefault(name, EITHER)
        self.computed.columns = columns

    def where(self, node: tree.Where) -> Iterator[Effect]:
        if not self.computed.columns:
            return
        for condition in self.computed.inverting(node.predicate):
            shown = " ".join(self.text[condition.start : condition.end].split())
            if len(shown) > 80:
                shown = shown[:77] + "..."
            if self.computed.subtracts(condition):
                yield self.effect(
                    node, f"`{shown}` sets these rows against others: with fewer of them it turns true", True
                )
            else:
                yield self.effect(node, f"`{shown}` can become true when rows are missing from its group")

    def windows(self, node: tree.Operator) -> Iterator[Effect]:
        for call in calls(node) if isinstance(node, _WITH_WINDOWS) else ():
            if call.name.value in WINDOW:
                yield self.effect(node, f"{call.name.value}() looks at neighbouring rows, which change")
                return


_WITH_WINDOWS = (tree.Extend, tree.Project, tree.Where, tree.Serialize)
_FOLLOW: Mapping[type, Callable[[_Follower, Any], Iterator[Effect]]] = {
    tree.Where: _Follower.where,
    tree.Summarize: _Follower.summarize,
    tree.Extend: _Follower.extend,
    tree.Serialize: _Follower.extend,
    tree.Project: _Follower.extend,
    tree.ProjectRename: _Follower.rename,
    tree.Count: _Follower.count,
    tree.Distinct: _Follower.distinct,
    tree.Join: _Follower.join,
    tree.Lookup: _Follower.join,
    tree.MakeSeries: _Follower.make_series,
    tree.MvExpand: _Follower.expand,
    tree.MvApply: _Follower.apply,
    tree.Partition: _Follower.partition,
    tree.MakeGraph: _Follower.graph,
    tree.Fork: _Follower.fork,
    tree.Facet: _Follower.facet,
    tree.Invoke: _Follower.invoke,
}
"""Operators whose effect on computed columns is known; those of any other are taken to move either way."""


def _keys(node: tree.Summarize, known: tuple[Sequence[str], Sequence[str]] | None) -> Sequence[str]:
    """Return the names of the columns of an aggregation's keys, which come first; none where they are not known."""
    return known[1][: len(node.by)] if known is not None else ()


def _not_names(keys: Sequence[tree.Expr]) -> list[tree.Expr]:
    return [key for key in keys if not isinstance(key, tree.Name)]


def _keyword(node: tree.Node) -> str:
    return str(getattr(node, "keyword", "use"))
