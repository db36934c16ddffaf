"""What happens behind an insertion point when rows are missing there: constructs that can fire more with fewer rows.

Behind the insertion point an aggregate may be compared the wrong way (`where count_ < 5`), another row may take
the place of the one removed (`arg_max`, `top`, `take`), or a baseline may shift (`make-series`,
averages). The clause still goes in; the plan carries a warning with the operator and its line.
Facts: the class B constructs in docs/kql.md, each measured there with a counter-example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.kql.operators.table import spec_of
from fpctl.rewrite.placement.monotonicity import ComputedColumns, Monotonicity, calls, item_names
from fpctl.rewrite.placement.positions import Edge


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


def effects(
    steps: Iterable[tree.Operator | Edge],
    query: tree.Query,
    functions: Mapping[str, Sequence[tree.Function]] | None = None,
    outputs: Callable[[tree.Summarize], Sequence[str]] | None = None,
) -> list[Effect]:
    """Return the effects of what lies behind an insertion point, in order.

    Args:
        steps: the operators between the insertion point and the result, outermost last, and an edge where another
            pipeline takes the rows up. A join among the operators has the insertion point's rows on its left side.
        query: the whole query.
        functions: the functions that the query defines, for `invoke`.
        outputs: tells the columns that a summarize gives, keys first.
    """
    return list(_Follower(query, functions or {}, outputs or (lambda _: ())).follow(steps))


class _Follower:
    def __init__(
        self,
        query: tree.Query,
        functions: Mapping[str, Sequence[tree.Function]],
        outputs: Callable[[tree.Summarize], Sequence[str]],
    ) -> None:
        self.text = query.text
        self.outputs = outputs
        self.functions = functions
        self.computed = ComputedColumns(query)
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
        if isinstance(node, (tree.Join, tree.Lookup)) and edge.index > 0:
            yield from self.computed_keys(node)
            self.computed.may_be_suffixed()
        elif not edge.feeds_rows and self.computed.columns and not self.keyed:
            yield Effect(node.start, _keyword(node), f"{edge.where} is computed from the rows, so its values change")
        if not edge.feeds_rows:
            self.computed.columns = {}

    def computed_keys(self, node: tree.Join | tree.Lookup) -> Iterator[Effect]:
        if any(self.computed.depend(condition) for condition in node.on):
            yield self.effect(node, "it compares a value that was itself computed from the rows")

    def operator(self, node: tree.Operator) -> Iterator[Effect]:
        yield from self.windows(node)
        if isinstance(node, tree.Where):
            yield from self.where(node)
        elif isinstance(node, tree.Summarize):
            yield from self.summarize(node)
        elif isinstance(node, (tree.Extend, tree.Serialize)):
            self.computed.assign(node.items, keep=True)
        elif isinstance(node, tree.Project):
            self.computed.assign(node.items, keep=False)
        elif isinstance(node, tree.ProjectRename):
            self.computed.rename(node.items)
        elif isinstance(node, tree.Count):
            self.computed.columns = {node.alias.value if node.alias else "Count": Monotonicity.FALLS}
        elif isinstance(node, tree.Distinct):
            if any(self.computed.depend(item) for item in node.items):
                yield self.effect(node, "it lists a value that was itself computed from the rows")
        elif isinstance(node, (tree.Join, tree.Lookup)):
            yield from self.computed_keys(node)
        elif isinstance(node, tree.MakeSeries):
            self.computed.columns = {}
        elif isinstance(node, tree.Invoke):
            yield from self.invoke(node)
        elif isinstance(node, tree.Partition):
            yield from self.follow(node.body.operators)
        elif isinstance(node, tree.MakeGraph):
            if node.partition_body is not None:
                yield from self.follow(node.partition_body.operators)
        elif isinstance(node, tree.Fork):
            before = self.computed.columns
            for leg in node.legs:
                self.computed.columns = dict(before)
                yield from self.follow(leg.body.operators)
        why = spec_of(node).without_rows(node)
        if why is not None:
            yield self.effect(node, why)

    def invoke(self, node: tree.Invoke) -> Iterator[Effect]:
        name = node.call.name.value if isinstance(node.call, tree.Call) else self.text[node.call.start : node.call.end]
        known = self.functions.get(name, ())
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
        movements: dict[str, Monotonicity] = {}
        picks = False
        if any(self.computed.depend(key) for key in node.by):
            yield self.effect(node, "it groups by a value that was itself computed from the rows")
        for item in node.aggregates:
            value = item.value if isinstance(item, tree.Named) else item
            picked = next((call for call in calls(value) if call.name.value in PICKING), None)
            if picked is not None:
                # Said once, here: conditions on what was picked say nothing more.
                yield self.effect(node, f"{picked.name.value}() picks one row: without it another row takes its place")
                picks = True
                continue
            monotonicity = self.computed.aggregate_monotonicity(value)
            for name in item_names(item):
                movements[name] = monotonicity
        if not picks:
            # Aggregates of several columns (`percentiles`), and names that follow from more than a first argument.
            for name in self.outputs(node)[len(node.by) :]:
                movements.setdefault(name, Monotonicity.EITHER)
        self.computed.columns = movements

    def where(self, node: tree.Where) -> Iterator[Effect]:
        if not self.computed.columns:
            return
        for condition in self.computed.inverting(node.predicate, True):
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
        if isinstance(node, (tree.Extend, tree.Project, tree.Where, tree.Serialize)):
            for call in calls(node):
                if call.name.value in WINDOW:
                    yield self.effect(node, f"{call.name.value}() looks at neighbouring rows, which change")
                    return


def _keyword(node: tree.Node) -> str:
    return str(getattr(node, "keyword", "use"))
