"""How the values of computed columns move when rows are missing, and which conditions that makes true.

Everything here is a list of what is known to be safe. An operator or a condition that is not listed can move a value
either way, and so can add alerts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from fpctl.kql import tree
from fpctl.kql.literals import string_value
from fpctl.rewrite.placement.monotonicity import (
    EITHER,
    FALLING,
    FALLS,
    LOSES_PARTS,
    OPPOSITE,
    RISES,
    SHRINKS,
    UNCOVERED,
    Monotonicity,
    applied,
    of_aggregate,
    together,
)

_PRESENCE = frozenset({"isnotempty", "isnotnull"})
_ABSENCE = frozenset({"isempty", "isnull"})
_CONTAINING = frozenset({"has", "has_cs", "contains", "contains_cs", "has_any", "has_all"})
_NON_NEGATIVE = frozenset(
    {
        "abs", "strlen", "array_length", "tobool", "toint", "tolong", "todouble", "toreal", "todecimal", "coalesce",
        "max_of", "min_of", "bin", "floor", "ceiling", "round", "sqrt", "pow",
    }
)  # fmt: skip
"""Functions that give no negative number for arguments that are none."""
_NUMBERS = frozenset({"long", "int", "real", "decimal", "timespan"})
_ELEMENT = re.compile(r"[^\",\[\]{}]+")
"""A text that cannot span two elements of a list as JSON: `["a","b"]`."""
_WORD = re.compile(r"[\w.\\/:@-]+")
"""A text that cannot span two elements of a list that was joined with some separator."""


class ComputedColumns:
    """The computed columns at one place of a pipeline, with how their values move."""

    def __init__(self, query: tree.Query) -> None:
        self.query = query
        self.text = query.text
        self.columns: dict[str, Monotonicity] = {}

    def depend(self, node: tree.Node) -> bool:
        """Return whether an expression refers to a computed column, including by its name as text."""
        return bool(self.columns) and any(name in self.columns for name in self.names(node))

    def names(self, node: tree.Node) -> Iterator[str]:
        """Yield every name in an expression; `column_ifexists("n", 0)` names n."""
        for inner in tree.walk(node):
            if isinstance(inner, tree.Name):
                yield inner.value
            elif isinstance(inner, tree.Call) and inner.name.value.startswith("column_if") and inner.args:
                named = self.string(inner.args[0])
                if named is not None:
                    yield named

    def string(self, node: tree.Node) -> str | None:
        if isinstance(node, tree.Literal) and node.type == "string":
            return string_value(self.text[node.start : node.end])
        return None

    def may_be_suffixed(self) -> None:
        """Count the names that a join gives the columns where they clash, too."""
        self.columns = {f"{name}{suffix}": moves for name, moves in self.columns.items() for suffix in ("", "1", "2")}

    def rename(self, items: Sequence[tree.Expr]) -> None:
        """Follow `project-rename`."""
        for item in items:
            if isinstance(item, tree.Named) and isinstance(item.value, tree.Name):
                moves = self.columns.pop(item.value.value, None)
                if moves is not None:
                    self.columns[item.names[0].value] = moves

    # ------------------------------------------------------------------ aggregates

    def aggregate(self, value: tree.Expr) -> Monotonicity:
        """Return how an aggregate moves when rows of its group are missing."""
        if isinstance(value, tree.Group):
            return self.aggregate(value.inner)
        if isinstance(value, tree.Call):
            name = value.name.value
            if any(self.depend(argument) for argument in value.args):
                return self.aggregate_of_computed(value)
            known = of_aggregate(name, non_negative=bool(value.args) and self.non_negative(value.args[0]))
            if known is not None:
                return known
            if value.args:
                return applied(name, self.aggregate(value.args[0]))
        if isinstance(value, tree.Binary) and any(map(_has_call, value.operands)):
            return self.combined(
                value, [self.aggregate(operand) if _has_call(operand) else None for operand in value.operands]
            )
        return EITHER

    def aggregate_of_computed(self, value: tree.Call) -> Monotonicity:
        """Return how an aggregate of values moves that move themselves, while groups go missing as well."""
        name = value.name.value
        if name in ("max", "sum") and self.moves(value.args[0]) is FALLS:
            return FALLS if name == "max" or self.non_negative(value.args[0]) else EITHER
        if name == "countif" and not list(self.inverting(value.args[0])):
            return FALLS
        return EITHER

    def non_negative(self, value: tree.Node, depth: int = 0) -> bool:
        """Return whether a number cannot be negative. Columns of tables are taken for counts and sizes."""
        if depth > 20:
            return False
        if isinstance(value, tree.Group):
            return self.non_negative(value.inner, depth + 1)
        if isinstance(value, tree.Literal):
            return value.type in _NUMBERS | {"bool"} and not self.text[value.start :].startswith("-")
        if isinstance(value, tree.Name):
            return all(self.non_negative(made, depth + 1) for made in self.definitions.get(value.value, ()))
        if isinstance(value, (tree.Path, tree.Index)):
            return True
        if isinstance(value, tree.Binary) and set(value.ops) <= {"+", "*", "/"}:
            return all(self.non_negative(operand, depth + 1) for operand in value.operands)
        if isinstance(value, tree.Call):
            name = value.name.value
            if name in ("iff", "iif") and len(value.args) == 3:
                return all(self.non_negative(argument, depth + 1) for argument in value.args[1:])
            if name == "case":
                branches = [*value.args[1::2], value.args[-1]]
                return all(self.non_negative(branch, depth + 1) for branch in branches)
            return name in FALLING | _NON_NEGATIVE and all(
                name in FALLING or self.non_negative(argument, depth + 1) for argument in value.args
            )
        return False

    @cached_property
    def definitions(self) -> Mapping[str, Sequence[tree.Expr]]:
        """What the query computes under each name: anywhere, as a name may mean something else elsewhere."""
        found: dict[str, list[tree.Expr]] = {}
        for node in tree.walk(self.query):
            if isinstance(node, tree.Named):
                for name in node.names:
                    if not (isinstance(node.value, tree.Name) and node.value.value == name.value):
                        found.setdefault(name.value, []).append(node.value)
            elif isinstance(node, tree.Let) and not isinstance(node.value, (tree.Function, tree.Subquery)):
                found.setdefault(node.name.value, []).append(node.value)
        return found

    # ------------------------------------------------------------------ values of a row

    def assign(self, items: Sequence[tree.Expr], *, keep: bool) -> list[Monotonicity]:
        """Follow `extend` (which keeps what it does not name) or `project`.

        Returns:
            How the values of items without a name move, which the caller can name.
        """
        columns = dict(self.columns) if keep else {}
        unnamed: list[Monotonicity] = []
        for item in items:
            if isinstance(item, tree.Named):
                moves = self.moves(item.value)
                for name in item.names:
                    columns.pop(name.value, None)
                    if moves is not None:
                        columns[name.value] = moves if len(item.names) == 1 else EITHER
            elif isinstance(item, tree.Name):
                if item.value in self.columns:
                    columns[item.value] = self.columns[item.value]
            elif (moves := self.moves(item)) is not None:
                unnamed.append(moves)
        self.columns = columns
        return unnamed

    def moves(self, value: tree.Node) -> Monotonicity | None:
        """Return how an expression moves; None when it does not depend on a computed column."""
        if not self.depend(value):
            return None
        if isinstance(value, tree.Name):
            return self.columns.get(value.value)
        if isinstance(value, tree.Group):
            return self.moves(value.inner)
        if isinstance(value, tree.Call) and value.args:
            return self.called(value)
        if isinstance(value, tree.Binary) and value.ops[0] in ("+", "-", "*", "/"):
            return self.combined(value, [self.moves(operand) for operand in value.operands])
        return self.truth(value)

    def truth(self, value: tree.Node) -> Monotonicity:
        """Return how a condition moves that is kept as a value: `extend many = n > 5`."""
        if isinstance(value, (tree.Binary, tree.Membership)):
            if not list(self.inverting(value)):
                return FALLS
            if not list(self.inverting(value, positive=False)):
                return RISES
        return EITHER

    def called(self, value: tree.Call) -> Monotonicity:
        name, args = value.name.value, value.args
        first, others = args[0], [self.moves(argument) for argument in args[1:]]
        if name.startswith("column_if"):
            named = self.string(first)
            return self.columns.get(named, EITHER) if named is not None and others == [None] else EITHER
        if name == "not":
            return OPPOSITE.get(self.moves(first) or EITHER, EITHER)
        if name in ("iff", "iif") and len(args) == 3:
            return self.chosen(args)
        if name == "set_difference" and len(args) == 2:
            kept, taken = self.moves(first), others[0]
            if kept is None:
                return UNCOVERED if taken is SHRINKS else EITHER
            return SHRINKS if kept is SHRINKS and taken is None else EITHER
        if name in ("max_of", "min_of"):
            return together([self.moves(argument) for argument in args])
        if any(moves is not None for moves in others):
            return self.truth_of_call(value)
        found = applied(name, self.moves(first) or EITHER)
        if name == "strcat_array" and len(args) == 2 and not self.string(args[1]):
            return EITHER
        return found if found is not EITHER else self.truth_of_call(value)

    def truth_of_call(self, value: tree.Call) -> Monotonicity:
        if not self.changes(value, positive=True):
            return FALLS
        return RISES if not self.changes(value, positive=False) else EITHER

    def chosen(self, args: Sequence[tree.Expr]) -> Monotonicity:
        """Return how `iff(condition, then, otherwise)` moves: with its condition, where the two are numbers."""
        condition = self.moves(args[0])
        numbers = [self.number(argument) for argument in args[1:]]
        if None in numbers or condition not in OPPOSITE:
            return EITHER
        assert condition is not None
        then, otherwise = numbers
        return condition if then >= otherwise else OPPOSITE[condition]  # type: ignore[operator]

    def number(self, node: tree.Node) -> float | None:
        sign = 1
        while isinstance(node, (tree.Group, tree.Unary)):
            if isinstance(node, tree.Unary):
                sign = -sign if node.op == "-" else sign
                node = node.operand
            else:
                node = node.inner
        if not isinstance(node, tree.Literal) or node.type not in ("long", "int", "real"):
            return None
        try:
            return sign * float(self.text[node.start : node.end])
        except ValueError:
            return None

    def combined(self, value: tree.Binary, found: Sequence[Monotonicity | None]) -> Monotonicity:
        """Return how a sum or a product moves whose operands move so."""
        if set(value.ops) == {"+"}:
            return together(found)
        if len(found) == 2 and value.ops[0] in ("-", "*", "/"):
            left, right = found
            number = self.number(value.operands[1])
            if value.ops[0] == "-":
                opposite = None if right is None else OPPOSITE.get(right, EITHER)
                return together([left, opposite])
            if right is None and number:
                return (left or EITHER) if number > 0 else OPPOSITE.get(left or EITHER, EITHER)
            first = self.number(value.operands[0])
            if value.ops[0] == "*" and left is None and first:
                return (right or EITHER) if first > 0 else OPPOSITE.get(right or EITHER, EITHER)
        return EITHER

    # ------------------------------------------------------------------ conditions

    def subtracts(self, condition: tree.Node) -> bool:
        """Return whether a condition compares something the rows have no part in with what comes from the rows."""
        if isinstance(condition, tree.Call) and condition.args:
            return self.moves(condition.args[0]) is UNCOVERED
        if not isinstance(condition, tree.Binary) or len(condition.operands) != 2:
            return False
        found = [self.moves(operand) for operand in condition.operands]
        if UNCOVERED in found:
            return True
        other = next((o for o, moves in zip(condition.operands, found, strict=True) if moves is None), None)
        definite = any(moves in (FALLS, RISES) for moves in found)
        if not definite or other is None or condition.ops[0] not in ("<", "<=", ">", ">="):
            return False
        groupings = (node for node in tree.walk(self.query) if isinstance(node, tree.Summarize))
        aggregated = {name for node in groupings for item in node.aggregates for name in item_names(item)}
        return any(name in aggregated for name in self.names(other))

    def inverting(self, condition: tree.Node, *, positive: bool = True) -> Iterator[tree.Node]:
        """Yield the conditions that can turn true (false, when not `positive`) with fewer rows."""
        stack: list[tuple[tree.Node, bool]] = [(condition, positive)]
        while stack:
            node, sign = stack.pop()
            if isinstance(node, tree.Group):
                stack.append((node.inner, sign))
            elif isinstance(node, tree.Binary) and node.ops[0] in ("and", "or"):
                stack.extend((operand, sign) for operand in reversed(node.operands))
            elif isinstance(node, tree.Call) and node.name.value == "not":
                stack.extend((argument, not sign) for argument in node.args)
            elif self.changes(node, positive=sign):
                yield node

    def changes(self, node: tree.Node, *, positive: bool) -> bool:
        """Return whether a single condition can turn true (false, when not `positive`) with fewer rows."""
        if not self.depend(node):
            return False
        safe = FALLS if positive else RISES
        if isinstance(node, tree.Name):
            return self.columns.get(node.value) is not safe
        if isinstance(node, tree.Call) and node.args:
            return self.call_changes(node, positive)
        if isinstance(node, tree.Binary) and len(node.operands) == 2:
            return self.comparison_changes(node, positive)
        if isinstance(node, tree.Membership) and node.op in _CONTAINING and not any(map(self.depend, node.items)):
            return not (positive and self.contains(node.left, node.items))
        return True

    def call_changes(self, node: tree.Call, positive: bool) -> bool:
        name, first = node.name.value, self.moves(node.args[0])
        alone = not any(self.depend(argument) for argument in node.args[1:])
        if name in _PRESENCE:
            return not (positive and first in (FALLS, SHRINKS, LOSES_PARTS, RISES))
        if name in _ABSENCE:
            return positive or first in (EITHER, UNCOVERED)
        if name == "set_has_element" and alone:
            return not (positive and first is SHRINKS)
        if name.startswith("column_if"):
            return self.moves(node) is not (FALLS if positive else RISES)
        return True

    def comparison_changes(self, node: tree.Binary, positive: bool) -> bool:
        op = node.ops[0]
        left, right = (self.moves(operand) for operand in node.operands)
        if op in ("<", "<=", ">", ">="):
            if op in ("<", "<="):
                left, right = right, left
            # Now `left > right` must not become true: left may fall, right may rise.
            want_left, want_right = (FALLS, RISES) if positive else (RISES, FALLS)
            return left not in (None, want_left) or right not in (None, want_right)
        if op in ("==", "!=") and right is None:
            other = node.operands[1]
            truth = self.boolean(other)
            if truth is not None and left in (FALLS, RISES):
                # `flag == false` is `not(flag)`.
                as_is = truth is (op == "==")
                return (left is FALLS) is not (positive is as_is)
            if self.is_zero(other) and left is FALLS and not self.may_be_negative(node.operands[0]):
                return (op == "==") is positive
        if op in _CONTAINING and right is None:
            return not (positive and self.contains(node.operands[0], node.operands[1:]))
        return True

    def contains(self, left: tree.Node, items: Sequence[tree.Node]) -> bool:
        """Return whether a column loses parts, and each text that is looked for can only be part of one of them."""
        texts = [self.string(item) for item in items]
        whole = {SHRINKS: _ELEMENT, LOSES_PARTS: _WORD}.get(self.moves(left) or EITHER)
        return whole is not None and all(text is not None and whole.fullmatch(text) for text in texts)

    def may_be_negative(self, node: tree.Node) -> bool:
        return not self.non_negative(node)

    def boolean(self, node: tree.Node) -> bool | None:
        if isinstance(node, tree.Literal) and node.type == "bool":
            return {"true": True, "false": False}.get(self.text[node.start : node.end].lower())
        return None

    def is_zero(self, node: tree.Node) -> bool:
        return isinstance(node, tree.Literal) and self.text[node.start : node.end] == "0"


def _has_call(node: tree.Node) -> bool:
    return next(calls(node), None) is not None


def calls(node: tree.Node) -> Iterator[tree.Call]:
    """Yield every call in an expression or operator."""
    for inner in tree.walk(node):
        if isinstance(inner, tree.Call):
            yield inner


_DEFAULT_PREFIX = {"make_set": "set_", "makeset": "set_", "make_list": "list_", "makelist": "list_"}


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
