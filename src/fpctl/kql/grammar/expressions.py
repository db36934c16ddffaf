"""Scalar expressions, and what may stand for a table inside one.

Precedence, loosest first (the string operators bind tighter than arithmetic, unlike in most
languages): `or`; `and`; equality and membership; relations; `+ -`; `* / %`; string operators;
sign; path. Of equality, relations and string operators one level holds a single operator:
`a == b == c` is not KQL.
"""

from __future__ import annotations

from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.operands import Operands
from fpctl.kql.tokens import DECLARED_NAME_KINDS, LITERAL_TYPES, STRING_OPERATORS
from fpctl.kql.tree import Binary, Call, Expr, Group, Literal, Membership, Name, Named, Path, Pipeline, Source, Subquery

_EQUALITY, _RELATION, _SUM, _PRODUCT, _STRING = 1, 2, 3, 4, 5
_LEVELS = {
    **dict.fromkeys(("==", "!=", "<>"), _EQUALITY),
    **dict.fromkeys(("in", "in~", "!in", "!in~", "has_any", "has_all", "between", "!between"), _EQUALITY),
    **dict.fromkeys(("<", "<=", ">", ">="), _RELATION),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    **dict.fromkeys(STRING_OPERATORS, _STRING),
}
_LISTED = frozenset(("in", "in~", "!in", "!in~", "has_any", "has_all"))
_RANGED = frozenset(("between", "!between"))
_LOGICAL = frozenset(("and", "or"))
_ITEM_ENDS = frozenset((",", ")"))


class Expressions(Operands):
    """The part of the grammar that is made of operators between operands, and of lists of such."""

    __slots__ = ()

    # ------------------------------------------------------------------ named expressions and lists

    def named(self) -> Expr:
        """Parse `name = value`, `(a, b) = value`, or an expression."""
        at = self.at
        kinds = self.kinds
        kind = kinds[at]
        if kinds[at + 1] == "=" and kind in DECLARED_NAME_KINDS:
            self.at = at + 2
            value = self.expression()
            start = self.starts[at]
            name = new(Name, (start, self.ends[at], self.texts[at]))
            return new(Named, (start, self.ends[self.at - 1], (name,), value))
        if kind == "[" or kind == "{":
            end = self.bracketed_end(at)
            if end and kinds[end] == "=":
                self.at = end + 1
                names: tuple[Name, ...] = (self.name_at(at, end),)
                value = self.expression()
                return new(Named, (self.starts[at], self.ends[self.at - 1], names, value))
        elif kind == "(":
            names = self._name_list(at)
            if names:
                value = self.expression()
                return new(Named, (self.starts[at], self.ends[self.at - 1], names, value))
        return self.expression()

    def _name_list(self, at: int) -> tuple[Name, ...]:
        """Step over `(a, b) =` if that is what follows."""
        kinds = self.kinds
        names: list[Name] = []
        index = at + 1
        while True:
            end = self.name_end(index, DECLARED_NAME_KINDS)
            if not end:
                return ()
            names.append(self.name_at(index, end))
            index = end + 1
            if kinds[end] != ",":
                break
        if kinds[end] != ")" or kinds[end + 1] != "=":
            return ()
        self.at = end + 2
        return tuple(names)

    def named_list(self) -> tuple[Expr, ...]:
        """Parse one named expression or several, separated by commas."""
        items = [self.named()]
        while self.kinds[self.at] == ",":
            self.at += 1
            items.append(self.named())
        return tuple(items)

    def expression_list(self) -> tuple[Expr, ...]:
        """Parse one expression or several, separated by commas."""
        items = [self.expression()]
        while self.kinds[self.at] == ",":
            self.at += 1
            items.append(self.expression())
        return tuple(items)

    # ------------------------------------------------------------------ operators

    def expression(self) -> Expr:
        """Parse an expression: `or` over `and` over comparisons, each chain one flat node."""
        first = self.comparison()
        kinds = self.kinds
        if kinds[self.at] not in _LOGICAL:
            return first
        alternatives: list[Expr] = []
        while True:
            if kinds[self.at] == "and":
                conditions = [first]
                while kinds[self.at] == "and":
                    self.at += 1
                    conditions.append(self.comparison())
                first = self._chain("and", conditions)
            if kinds[self.at] != "or":
                break
            alternatives.append(first)
            self.at += 1
            first = self.comparison()
        if not alternatives:
            return first
        alternatives.append(first)
        return self._chain("or", alternatives)

    def _chain(self, op: str, operands: list[Expr]) -> Binary:
        return new(Binary, (operands[0][0], operands[-1][1], (op,) * (len(operands) - 1), tuple(operands)))

    def comparison(self) -> Expr:
        """Parse everything that binds tighter than `and`."""
        if self.kinds[self.at] == "*" and self.kinds[self.at + 1] == "==":
            left: Expr = self.star()
        else:
            left = self.operand()
        level = _LEVELS.get(self.kinds[self.at])
        return left if level is None else self._operators(left, _EQUALITY)

    def _operators(self, left: Expr, lowest: int) -> Expr:
        """Parse the operators after `left` that bind at least as tightly as level `lowest`."""
        kinds = self.kinds
        highest = _STRING
        while True:
            op = kinds[self.at]
            level = _LEVELS.get(op, 0)
            if level < lowest or level > highest:
                return left
            if level == _EQUALITY:
                if op in _LISTED:
                    if op == "in" and kinds[self.at + 1] == "range":
                        return left  # make-series: `on x in range(...)`
                    return self._listed(op, left)
                if op in _RANGED:
                    return self._ranged(op, left)
            ops = [op]
            operands = [left]
            while True:
                self.at += 1
                right = self.operand()
                op = kinds[self.at]
                next_level = _LEVELS.get(op, 0)
                if next_level > level:
                    right = self._operators(right, level + 1)
                    op = kinds[self.at]
                    next_level = _LEVELS.get(op, 0)
                operands.append(right)
                if next_level != level or (level != _SUM and level != _PRODUCT):
                    break
                ops.append(op)
            left = new(Binary, (left[0], right[1], tuple(ops), tuple(operands)))
            highest = level - 1

    def _listed(self, op: str, left: Expr) -> Membership:
        """Parse `in (...)`: a list of values, or one sub-query."""
        self.at += 1
        self.expect("(", f"after `{op}`")
        self.descend()
        kinds, starts, ends = self.kinds, self.starts, self.ends
        items: list[Expr] = []
        if self.at_operator():
            items.append(self.query_value())
        else:
            while True:
                at = self.at
                kind = kinds[at]
                # Lists of values can be very long: the plain ones take a short cut.
                if kinds[at + 1] in _ITEM_ENDS and kind in LITERAL_TYPES:
                    items.append(new(Literal, (starts[at], ends[at], LITERAL_TYPES[kind])))
                    self.at = at + 1
                else:
                    items.append(self.expression())
                if kinds[self.at] != ",":
                    break
                self.at += 1
            if kinds[self.at] == "|" and len(items) == 1:
                pipeline = self.pipeline_from(items[0])
                items[0] = new(Subquery, (pipeline[0], pipeline[1], pipeline))
        self.expect(")", f"to close the list of `{op}`")
        self.depth -= 1
        return new(Membership, (left[0], self.ends[self.at - 1], op, left, tuple(items)))

    def _ranged(self, op: str, left: Expr) -> Membership:
        """Parse `between (low .. high)`."""
        self.at += 1
        self.expect("(", f"after `{op}`")
        self.descend()
        low = self.expression()
        self.expect("..", f"between the bounds of `{op}`")
        high = self.expression()
        self.expect(")", f"to close `{op} (`")
        self.depth -= 1
        return new(Membership, (left[0], self.ends[self.at - 1], op, left, (low, high)))


def as_source(node: Expr) -> Source:
    """Return what an expression is where a table is meant: `(T)` is a sub-query, a table literal is an operator."""
    if isinstance(node, Group) and isinstance(node.inner, Name | Call | Path | Group | Subquery):
        inner = node.inner
        return new(Subquery, (node[0], node[1], new(Pipeline, (inner[0], inner[1], as_source(inner), ()))))
    if isinstance(node, Subquery) and node[0] == node.pipeline[0] and not node.pipeline.operators:
        return node.pipeline.source or node
    return node
