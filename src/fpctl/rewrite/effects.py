"""What happens behind a gap when rows are missing there: constructs that can fire more with fewer rows.

Behind the gap an aggregate may be compared the wrong way (`where count_ < 5`), another row may take
the place of the one removed (`arg_max`, `top`, `take`), or a baseline may shift (`make-series`,
averages). The clause still goes in; the plan carries a warning with the operator and its line.
Facts: the class B constructs in docs/kql.md, each measured there with a counter-example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.rewrite.joins import join_kind
from fpctl.rewrite.polarity import Edge


class Trend(Enum):
    """How the value of a column moves when rows of its group are removed."""

    FALLS = "falls"
    RISES = "rises"
    EITHER = "either"
    UNCOVERED = "uncovered"
    """It rises, because what was subtracted is missing: the second argument of `set_difference`."""


class Effect(NamedTuple):
    """One construct that can add or change result rows. `offset` is where its operator begins.

    `inverts` is set where it is certain that each row removed can let others through: only the part
    that is subtracted from (successes from failures, known things from new ones) comes from the gap.
    """

    offset: int
    keyword: str
    message: str
    inverts: bool = False


FALLING = frozenset(
    {
        "count", "countif", "dcount", "dcountif", "count_distinct", "count_distinctif", "sum", "sumif",
        "max", "maxif", "make_set", "make_list", "make_set_if", "make_list_if", "makeset", "makelist",
        "make_bag", "make_bag_if", "make_dictionary", "make_list_with_nulls", "hll", "hll_if",
        "buildschema",
    }
)  # fmt: skip
"""Aggregates whose value can only fall (or lose elements) without some rows; `sum` of non-negative numbers."""
RISING = frozenset({"min", "minif"})
PICKING = frozenset({"arg_max", "arg_min", "argmax", "argmin", "take_any", "take_anyif", "any", "anyif"})
"""Aggregates that pick one row: without it another row takes its place."""
WINDOW = frozenset(
    {
        "prev", "next", "row_number", "row_cumsum", "row_window_session", "row_rank_dense", "row_rank_min",
    }
)  # fmt: skip
SAFE_PLUGINS = frozenset({"ipv4_lookup", "ipv6_lookup", "geo_polygon_lookup", "geo_line_lookup"})
_KEEPS_TREND = frozenset(
    {
        "array_length", "bag_keys", "strlen", "toint", "tolong", "todouble", "toreal", "tostring", "floor",
        "ceiling", "round", "abs", "tobool", "coalesce", "todatetime", "totimespan", "array_sort_asc",
        "array_sort_desc", "strcat_array", "parse_json", "todynamic",
    }
)  # fmt: skip
_PRESENCE = frozenset({"isnotempty", "isnotnull", "set_has_element"})
_ABSENCE = frozenset({"isempty", "isnull"})
_CONTAINING = frozenset(
    {
        "has", "has_cs", "contains", "contains_cs", "has_any", "has_all", "hasprefix", "hassuffix", "startswith",
        "endswith",
    }
)  # fmt: skip


def effects(
    steps: Iterable[tree.Operator | Edge],
    query: tree.Query,
    functions: Mapping[str, Sequence[tree.Function]] | None = None,
    outputs: Callable[[tree.Summarize], Sequence[str]] | None = None,
) -> list[Effect]:
    """Return the effects of what lies behind a gap, in order.

    Args:
        steps: the operators between the gap and the result, outermost last, and an edge where another
            pipeline takes the rows up. A join among the operators has the gap's rows on its left side.
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
        self.query = query
        self.outputs = outputs
        self.text = query.text
        self.functions = functions
        self.trends: dict[str, Trend] = {}
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
            self.trends = {f"{name}{suffix}": trend for name, trend in self.trends.items() for suffix in ("", "1", "2")}
        elif not edge.flow and self.trends and not self.keyed:
            yield Effect(node.start, _keyword(node), f"{edge.where} is computed from the rows, so its values change")
        if not edge.flow:
            self.trends = {}

    def computed_keys(self, node: tree.Join | tree.Lookup) -> Iterator[Effect]:
        if any(name in self.trends for condition in node.on for name in _names(condition)):
            yield self.effect(node, "it compares a value that was itself computed from the rows")

    def operator(self, node: tree.Operator) -> Iterator[Effect]:
        yield from self.windows(node)
        if isinstance(node, tree.Where):
            yield from self.where(node)
        elif isinstance(node, tree.Summarize):
            yield from self.summarize(node)
        elif isinstance(node, (tree.Extend, tree.Serialize)):
            self.assign(node.items, keep=True)
        elif isinstance(node, tree.Project):
            self.assign(node.items, keep=False)
        elif isinstance(node, tree.ProjectRename):
            for item in node.items:
                if isinstance(item, tree.Named) and isinstance(item.value, tree.Name):
                    trend = self.trends.pop(item.value.value, None)
                    if trend is not None:
                        self.trends[item.names[0].value] = trend
        elif isinstance(node, tree.Count):
            self.trends = {node.alias.value if node.alias else "Count": Trend.FALLS}
        elif isinstance(node, (tree.Top, tree.Take, tree.Sample, tree.SampleDistinct, tree.TopNested, tree.TopHitters)):
            yield self.effect(node, "the places of removed rows are filled by other rows")
        elif isinstance(node, tree.Distinct):
            if any(name in self.trends for item in node.items for name in _names(item)):
                yield self.effect(node, "it lists a value that was itself computed from the rows")
        elif isinstance(node, (tree.Join, tree.Lookup)):
            yield from self.computed_keys(node)
            if isinstance(node, tree.Join) and join_kind(node) == "innerunique":
                yield self.effect(
                    node, "kind=innerunique keeps one left row per key: without it another left row takes its place"
                )
        elif isinstance(node, tree.MakeSeries):
            why = "the series is computed without the removed rows: baselines shift and anomalies can appear"
            yield self.effect(node, why)
            self.trends = {}
        elif isinstance(node, tree.Reduce):
            yield self.effect(node, "the groups are formed without the removed rows")
        elif isinstance(node, tree.Scan):
            yield self.effect(node, "the removed rows are missing from the sequences it matches")
        elif isinstance(node, tree.Evaluate):
            plugin = node.call.name.value
            # With a schema, bag_unpack works on each row alone; without one its columns depend on all rows.
            if plugin not in SAFE_PLUGINS and not (plugin == "bag_unpack" and node.schema is not None):
                yield self.effect(node, f"the result of {plugin}() is formed without the removed rows")
        elif isinstance(node, tree.GraphOperator):
            if node.keyword in _GRAPH_EFFECTS:
                yield self.effect(node, _GRAPH_EFFECTS[node.keyword])
        elif isinstance(node, tree.Invoke):
            yield from self.invoke(node)
        elif isinstance(node, tree.Partition):
            yield from self.follow(node.body.operators)
        elif isinstance(node, tree.MakeGraph):
            if node.partition_body is not None:
                yield from self.follow(node.partition_body.operators)
        elif isinstance(node, tree.Fork):
            before = dict(self.trends)
            for leg in node.legs:
                self.trends = dict(before)
                yield from self.follow(leg.body.operators)

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

    # ------------------------------------------------------------------ aggregates

    def summarize(self, node: tree.Summarize) -> Iterator[Effect]:
        trends: dict[str, Trend] = {}
        picks = False
        for key in node.by:
            if any(name in self.trends for name in _names(key)):
                yield self.effect(node, "it groups by a value that was itself computed from the rows")
                break
        for item in node.aggregates:
            value = item.value if isinstance(item, tree.Named) else item
            picked = next((call for call in _calls(value) if call.name.value in PICKING), None)
            if picked is not None:
                # Said once, here: conditions on what was picked say nothing more.
                yield self.effect(node, f"{picked.name.value}() picks one row: without it another row takes its place")
                picks = True
                continue
            trend = self.aggregate_trend(value)
            for name in _item_names(item):
                trends[name] = trend
        if not picks:
            # Aggregates of several columns (`percentiles`), and names that follow from more than a first argument.
            for name in self.outputs(node)[len(node.by) :]:
                trends.setdefault(name, Trend.EITHER)
        self.trends = trends

    def aggregate_trend(self, value: tree.Expr) -> Trend:
        if isinstance(value, tree.Call):
            name = value.name.value
            if any(inner in self.trends for argument in value.args for inner in _names(argument)):
                return self.trend_of_trends(value)
            if name in FALLING:
                return Trend.FALLS
            if name in RISING:
                return Trend.RISES
            if name in _KEEPS_TREND and len(value.args) >= 1:
                return self.aggregate_trend(value.args[0])
        if isinstance(value, tree.Group):
            return self.aggregate_trend(value.inner)
        return Trend.EITHER

    def trend_of_trends(self, value: tree.Call) -> Trend:
        """Return how an aggregate of values moves that move themselves, while groups go missing as well."""
        name = value.name.value
        if name in ("max", "sum", "make_set", "makeset") and self.trend(value.args[0]) is Trend.FALLS:
            return Trend.FALLS if name in ("max", "sum") else Trend.EITHER
        if name == "countif" and not list(self.inverting(value.args[0], True)):
            return Trend.FALLS
        return Trend.EITHER

    def assign(self, items: Sequence[tree.Expr], *, keep: bool) -> None:
        trends = dict(self.trends) if keep else {}
        for item in items:
            if isinstance(item, tree.Named):
                trend = self.trend(item.value)
                for name in item.names:
                    trends.pop(name.value, None)
                    if trend is not None:
                        trends[name.value] = trend
            elif isinstance(item, tree.Name) and item.value in self.trends:
                trends[item.value] = self.trends[item.value]
        self.trends = trends

    def trend(self, value: tree.Node) -> Trend | None:
        """Return how an expression moves; None when it does not depend on a computed column."""
        if isinstance(value, tree.Name):
            return self.trends.get(value.value)
        if isinstance(value, tree.Group):
            return self.trend(value.inner)
        if isinstance(value, tree.Call) and value.name.value in _KEEPS_TREND and value.args:
            return self.trend(value.args[0])
        if isinstance(value, tree.Call) and value.name.value == "set_difference" and len(value.args) == 2:
            kept, taken = (self.trend(argument) for argument in value.args)
            if kept is None and taken is not None:
                return Trend.UNCOVERED if taken is Trend.FALLS else Trend.EITHER
            if kept is Trend.FALLS and taken is None:
                return Trend.FALLS
        if isinstance(value, tree.Binary) and set(value.ops) == {"+"}:
            found = {self.trend(operand) for operand in value.operands} - {None}
            if len(found) <= 1:
                return next(iter(found), None)
        return Trend.EITHER if any(name in self.trends for name in _names(value)) else None

    # ------------------------------------------------------------------ conditions

    def where(self, node: tree.Where) -> Iterator[Effect]:
        if not self.trends:
            return
        for condition in self.inverting(node.predicate, True):
            shown = " ".join(self.text[condition.start : condition.end].split())
            if len(shown) > 80:
                shown = shown[:77] + "..."
            if self.subtracts(condition):
                yield self.effect(
                    node, f"`{shown}` sets these rows against others: with fewer of them it turns true", True
                )
            else:
                yield self.effect(node, f"`{shown}` can become true when rows are missing from its group")

    def subtracts(self, condition: tree.Node) -> bool:
        """Return whether a condition compares something the gap has no part in with what comes from the gap."""
        if isinstance(condition, tree.Call) and condition.args:
            return self.trend(condition.args[0]) is Trend.UNCOVERED
        if not isinstance(condition, tree.Binary) or len(condition.operands) != 2:
            return False
        moves = [self.trend(operand) for operand in condition.operands]
        if Trend.UNCOVERED in moves:
            return True
        other = next((o for o, move in zip(condition.operands, moves, strict=True) if move is None), None)
        definite = any(move in (Trend.FALLS, Trend.RISES) for move in moves)
        if not definite or other is None or condition.ops[0] not in ("<", "<=", ">", ">="):
            return False
        groupings = (node for node in tree.walk(self.query) if isinstance(node, tree.Summarize))
        aggregated = {name for node in groupings for name in _outputs(node)}
        return any(name in aggregated for name in _names(other))

    def inverting(self, condition: tree.Node, sign: bool) -> Iterator[tree.Node]:
        """Yield the conditions that can turn true (false, when `sign` is False) with fewer rows."""
        stack: list[tuple[tree.Node, bool]] = [(condition, sign)]
        while stack:
            node, positive = stack.pop()
            if isinstance(node, tree.Group):
                stack.append((node.inner, positive))
            elif isinstance(node, tree.Binary) and node.ops[0] in ("and", "or"):
                stack.extend((operand, positive) for operand in reversed(node.operands))
            elif isinstance(node, tree.Call) and node.name.value == "not":
                stack.extend((argument, not positive) for argument in node.args)
            elif self.moves_up(node, positive):
                yield node

    def moves_up(self, node: tree.Node, positive: bool) -> bool:
        if not any(name in self.trends for name in _names(node)):
            return False
        if isinstance(node, tree.Call) and node.args:
            trend = self.trend(node.args[0])
            if node.name.value in _PRESENCE:
                return not (positive and trend is not Trend.EITHER)
            if node.name.value in _ABSENCE:
                return positive or trend is Trend.EITHER
        if isinstance(node, tree.Binary) and len(node.operands) == 2:
            op = node.ops[0]
            left, right = (self.trend(operand) for operand in node.operands)
            if op in ("<", "<=", ">", ">="):
                if op in ("<", "<="):
                    left, right = right, left
                # Now `left > right` must not become true: left may fall, right may rise.
                want_left, want_right = (Trend.FALLS, Trend.RISES) if positive else (Trend.RISES, Trend.FALLS)
                return left not in (None, want_left) or right not in (None, want_right)
            if op == "!=" and positive and self.is_zero(node.operands[1]) and left is Trend.FALLS:
                return False
            if op == "==" and not positive and self.is_zero(node.operands[1]) and left is Trend.FALLS:
                return False
            if op in _CONTAINING and right is None:
                return not (positive and left is Trend.FALLS)
        if isinstance(node, tree.Membership) and node.op in _CONTAINING:
            return not (positive and self.trend(node.left) is Trend.FALLS)
        return True

    def is_zero(self, node: tree.Node) -> bool:
        return isinstance(node, tree.Literal) and self.text[node.start : node.end] == "0"

    def windows(self, node: tree.Operator) -> Iterator[Effect]:
        if isinstance(node, (tree.Extend, tree.Project, tree.Where, tree.Serialize)):
            for call in _calls(node):
                if call.name.value in WINDOW:
                    yield self.effect(node, f"{call.name.value}() looks at neighbouring rows, which change")
                    return


_GRAPH_EFFECTS = {
    "graph-shortest-paths": "without an edge another path becomes the shortest",
    "graph-mark-components": "without an edge a component falls into parts",
}


def _keyword(node: tree.Node) -> str:
    return str(getattr(node, "keyword", "use"))


def _names(node: tree.Node) -> Iterator[str]:
    for inner in tree.walk(node):
        if isinstance(inner, tree.Name):
            yield inner.value


def _calls(node: tree.Node) -> Iterator[tree.Call]:
    for inner in tree.walk(node):
        if isinstance(inner, tree.Call):
            yield inner


_DEFAULT_PREFIX = {"make_set": "set_", "makeset": "set_", "make_list": "list_", "makelist": "list_"}


def _outputs(node: tree.Summarize) -> Iterator[str]:
    for item in node.aggregates:
        yield from _item_names(item)


def _item_names(item: tree.Expr) -> list[str]:
    return [name.value for name in item.names] if isinstance(item, tree.Named) else _default_names(item)


def _default_names(value: tree.Expr) -> list[str]:
    """Return the name Kusto gives an aggregate without one (docs/kql.md, `summarize`)."""
    if not isinstance(value, tree.Call):
        return []
    name = value.name.value
    prefix = _DEFAULT_PREFIX.get(name, f"{name}_")
    first = value.args[0] if value.args else None
    if isinstance(first, tree.Name):
        return [prefix + first.value]
    return [prefix]
