"""How the values of computed columns move when rows are missing, and which conditions that makes true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from fpctl.kql import tree


class Monotonicity(Enum):
    """How the value of a column moves when rows of its group are removed."""

    FALLS = "falls"
    RISES = "rises"
    EITHER = "either"
    UNCOVERED = "uncovered"
    """It rises, because what was subtracted is missing: the second argument of `set_difference`."""


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
_KEEPS_MONOTONICITY = frozenset(
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


class ComputedColumns:
    """The computed columns at one place of a pipeline, with how their values move."""

    def __init__(self, query: tree.Query) -> None:
        self.query = query
        self.text = query.text
        self.columns: dict[str, Monotonicity] = {}

    def depend(self, node: tree.Node) -> bool:
        """Return whether an expression refers to a computed column."""
        return any(name in self.columns for name in names(node))

    def may_be_suffixed(self) -> None:
        """Count the names that a join gives the columns where they clash, too."""
        self.columns = {
            f"{name}{suffix}": monotonicity for name, monotonicity in self.columns.items() for suffix in ("", "1", "2")
        }

    def rename(self, items: Sequence[tree.Expr]) -> None:
        """Follow `project-rename`."""
        for item in items:
            if isinstance(item, tree.Named) and isinstance(item.value, tree.Name):
                monotonicity = self.columns.pop(item.value.value, None)
                if monotonicity is not None:
                    self.columns[item.names[0].value] = monotonicity

    def aggregate_monotonicity(self, value: tree.Expr) -> Monotonicity:
        """Return how an aggregate moves when rows of its group are missing."""
        if isinstance(value, tree.Call):
            name = value.name.value
            if any(self.depend(argument) for argument in value.args):
                return self.nested_monotonicity(value)
            if name in FALLING:
                return Monotonicity.FALLS
            if name in RISING:
                return Monotonicity.RISES
            if name in _KEEPS_MONOTONICITY and len(value.args) >= 1:
                return self.aggregate_monotonicity(value.args[0])
        if isinstance(value, tree.Group):
            return self.aggregate_monotonicity(value.inner)
        return Monotonicity.EITHER

    def nested_monotonicity(self, value: tree.Call) -> Monotonicity:
        """Return how an aggregate of values moves that move themselves, while groups go missing as well."""
        name = value.name.value
        if name in ("max", "sum", "make_set", "makeset") and self.monotonicity(value.args[0]) is Monotonicity.FALLS:
            return Monotonicity.FALLS if name in ("max", "sum") else Monotonicity.EITHER
        if name == "countif" and not list(self.inverting(value.args[0], True)):
            return Monotonicity.FALLS
        return Monotonicity.EITHER

    def assign(self, items: Sequence[tree.Expr], *, keep: bool) -> None:
        """Follow `extend` (which keeps what it does not name) or `project`."""
        movements = dict(self.columns) if keep else {}
        for item in items:
            if isinstance(item, tree.Named):
                monotonicity = self.monotonicity(item.value)
                for name in item.names:
                    movements.pop(name.value, None)
                    if monotonicity is not None:
                        movements[name.value] = monotonicity
            elif isinstance(item, tree.Name) and item.value in self.columns:
                movements[item.value] = self.columns[item.value]
        self.columns = movements

    def monotonicity(self, value: tree.Node) -> Monotonicity | None:
        """Return how an expression moves; None when it does not depend on a computed column."""
        if isinstance(value, tree.Name):
            return self.columns.get(value.value)
        if isinstance(value, tree.Group):
            return self.monotonicity(value.inner)
        if isinstance(value, tree.Call) and value.name.value in _KEEPS_MONOTONICITY and value.args:
            return self.monotonicity(value.args[0])
        if isinstance(value, tree.Call) and value.name.value == "set_difference" and len(value.args) == 2:
            kept, taken = (self.monotonicity(argument) for argument in value.args)
            if kept is None and taken is not None:
                return Monotonicity.UNCOVERED if taken is Monotonicity.FALLS else Monotonicity.EITHER
            if kept is Monotonicity.FALLS and taken is None:
                return Monotonicity.FALLS
        if isinstance(value, tree.Binary) and set(value.ops) == {"+"}:
            found = {self.monotonicity(operand) for operand in value.operands} - {None}
            if len(found) <= 1:
                return next(iter(found), None)
        return Monotonicity.EITHER if self.depend(value) else None

    def subtracts(self, condition: tree.Node) -> bool:
        """Return whether a condition compares other rows with those of the insertion point."""
        if isinstance(condition, tree.Call) and condition.args:
            return self.monotonicity(condition.args[0]) is Monotonicity.UNCOVERED
        if not isinstance(condition, tree.Binary) or len(condition.operands) != 2:
            return False
        moves = [self.monotonicity(operand) for operand in condition.operands]
        if Monotonicity.UNCOVERED in moves:
            return True
        other = next((o for o, move in zip(condition.operands, moves, strict=True) if move is None), None)
        definite = any(move in (Monotonicity.FALLS, Monotonicity.RISES) for move in moves)
        if not definite or other is None or condition.ops[0] not in ("<", "<=", ">", ">="):
            return False
        groupings = (node for node in tree.walk(self.query) if isinstance(node, tree.Summarize))
        aggregated = {name for node in groupings for name in _outputs(node)}
        return any(name in aggregated for name in names(other))

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
        """Return whether a single condition can turn true (false, when not `positive`) with fewer rows."""
        if not self.depend(node):
            return False
        if isinstance(node, tree.Call) and node.args:
            monotonicity = self.monotonicity(node.args[0])
            if node.name.value in _PRESENCE:
                return not (positive and monotonicity is not Monotonicity.EITHER)
            if node.name.value in _ABSENCE:
                return positive or monotonicity is Monotonicity.EITHER
        if isinstance(node, tree.Binary) and len(node.operands) == 2:
            op = node.ops[0]
            left, right = (self.monotonicity(operand) for operand in node.operands)
            if op in ("<", "<=", ">", ">="):
                if op in ("<", "<="):
                    left, right = right, left
                # Now `left > right` must not become true: left may fall, right may rise.
                want_left, want_right = (
                    (Monotonicity.FALLS, Monotonicity.RISES) if positive else (Monotonicity.RISES, Monotonicity.FALLS)
                )
                return left not in (None, want_left) or right not in (None, want_right)
            if op == "!=" and positive and self.is_zero(node.operands[1]) and left is Monotonicity.FALLS:
                return False
            if op == "==" and not positive and self.is_zero(node.operands[1]) and left is Monotonicity.FALLS:
                return False
            if op in _CONTAINING and right is None:
                return not (positive and left is Monotonicity.FALLS)
        if isinstance(node, tree.Membership) and node.op in _CONTAINING:
            return not (positive and self.monotonicity(node.left) is Monotonicity.FALLS)
        return True

    def is_zero(self, node: tree.Node) -> bool:
        return isinstance(node, tree.Literal) and self.text[node.start : node.end] == "0"


def names(node: tree.Node) -> Iterator[str]:
    """Yield every name in an expression."""
    for inner in tree.walk(node):
        if isinstance(inner, tree.Name):
            yield inner.value


def calls(node: tree.Node) -> Iterator[tree.Call]:
    """Yield every call in an expression or operator."""
    for inner in tree.walk(node):
        if isinstance(inner, tree.Call):
            yield inner


_DEFAULT_PREFIX = {"make_set": "set_", "makeset": "set_", "make_list": "list_", "makelist": "list_"}


def _outputs(node: tree.Summarize) -> Iterator[str]:
    for item in node.aggregates:
        yield from item_names(item)


def item_names(item: tree.Expr) -> list[str]:
    """Return the names of the columns that an aggregate makes."""
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
