"""Expressions: names, operators, lists, and calls by the table of functions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from fpctl.compiler import access
from fpctl.compiler.arithmetic import NoArithmetic, calculated, negated
from fpctl.compiler.comparison import Incomparable, between, compared
from fpctl.compiler.context import Expressions
from fpctl.compiler.membership import membership
from fpctl.compiler.patterns import BadPattern
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.regexes import matches
from fpctl.compiler.registry import AGGREGATES, SCALARS, SPECIALS, TUPLES
from fpctl.compiler.sql import Sql, Text, conjunction, disjunction, func, negation
from fpctl.compiler.terms import OPERATORS, equal_text, parsed_operator, string_test
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant, literal
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.bindings import Routine, Scalar, Tabular
from fpctl.kql.binder.nearest import nearest

_COMPARISONS = frozenset({"==", "!=", "<>", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})


class ExpressionCompiler(Expressions):
    """Compiles expressions; `Compiler` adds pipelines and the query's own functions."""

    payloads: dict[int, Any]
    """By `id` of a binding: the compiled `Value` of a scalar, the `Relation` of a table."""
    windows: dict[int, Value]
    """By `id` of a call of a window function: the column below that holds it."""

    # ----------------------------------------------------------------- entry points

    def value(self, node: tree.Expr) -> Value:
        """Compile an expression."""
        return _KINDS[type(node)](self, node)

    def values(self, nodes: Sequence[tree.Expr]) -> list[Value]:
        """Compile several expressions."""
        return [self.value(node) for node in nodes]

    def condition(self, node: tree.Expr) -> Sql:
        """Compile a predicate of which only counts whether it is true."""
        if isinstance(node, tree.Group):
            return self.condition(node.inner)
        if isinstance(node, tree.Binary):
            if node.ops[0] == "and":
                return conjunction([self.condition(operand) for operand in node.operands])
            if node.ops[0] == "or":
                return disjunction([self.condition(operand) for operand in node.operands])
            if node.ops[0] in _COMPARISONS and len(node.ops) == 1:
                return self._compared(node, loose=True).sql
        return self.boolean(node).sql

    def boolean(self, node: tree.Expr) -> Value:
        """Compile an expression that is to be a bool: a number counts as true where it is not 0."""
        value = self.value(node)
        if value.type == "bool":
            return value
        found = converted(value, "bool") if value.type in ("int", "long", "real", "dynamic", "decimal") else None
        if found is None:
            self.refuse("condition", f"a {value.type} is not a condition", node)
        return found

    # ----------------------------------------------------------------- names

    def _name(self, node: tree.Name) -> Value:
        name, row = node.value, self.row
        extra = row.extra.get(name)
        if extra is not None:
            return extra
        held = row.columns.get(name)
        if held is not None:
            return held.value(row.of)
        if row.right is not None and name in row.right:
            return row.right[name].value(row.right_of)
        bound = self.binder.names.get(name)
        if isinstance(bound, Scalar):
            payload = self.payloads.get(id(bound))
            if payload is not None:
                return self.scalar_payload(payload)
            self.refuse("parameter", f"the parameter {name} has no value", node, "give it a default")
        if isinstance(bound, Routine):
            return self.routine_value(bound, tree.Call(node.start, node.end, node, ()))
        if isinstance(bound, Tabular):
            self.refuse("table", f"{name} is a table, not a value", node)
        hint = nearest(name, row.columns)
        self.refuse("column", f"there is no column {name}", node, hint and f"did you mean {hint}?", "unknown-column")

    @abstractmethod
    def scalar_payload(self, payload: Any) -> Value:
        """Return the value of a scalar `let` or parameter."""

    @abstractmethod
    def routine_value(self, routine: Routine, call: tree.Call) -> Value:
        """Compile a call of a function of the query that gives a value."""

    def _path(self, node: tree.Path) -> Value:
        steps: list[Value] = []
        base: tree.Expr = node
        while True:
            if isinstance(base, tree.Path):
                if isinstance(base.base, tree.Name) and base.base.value in ("$left", "$right"):
                    break
                of_step = self._of_step(base)
                if of_step is not None:
                    return access.part(of_step, steps[::-1]) if steps else of_step
                if not isinstance(base.member, tree.Name):
                    self.refuse("path", f"`{self.text(base.member)}` cannot follow a dot here", base.member)
                steps.append(self._member(base.member))
                base = base.base
            elif isinstance(base, tree.Index):
                steps.append(self.value(base.index))
                base = base.base
            elif isinstance(base, tree.Group):
                base = base.inner
            else:
                break
        value = self._of_side(base) if isinstance(base, tree.Path) else self._base(base, steps)
        if not steps:
            return value
        if value.type != "dynamic":
            self.refuse(
                "path",
                f"`{self.text(base)}` is a {value.type}, which has no parts",
                node,
                "parse_json() makes it dynamic",
            )
        return access.part(value, steps[::-1])

    def _member(self, name: tree.Name) -> Value:
        """Return a member's name; `bag.[name]` is the value of a name of the query, where there is one."""
        if self.binder.text[name.start - 1] == "[" and isinstance(self.binder.names.get(name.value), Scalar):
            return self._name(name)
        return constant(name.value, "string")

    def _base(self, base: tree.Expr, steps: list[Value]) -> Value:
        """Return what a path begins with: of a call that gives several values, the one that the first index says."""
        if isinstance(base, tree.Call) and len(base.args) > 1 and base.name.value in TUPLES and steps:
            values = TUPLES[base.name.value](self, base)
            at = steps[-1].constant
            if isinstance(at, int) and 0 <= at < len(values) > 1:
                steps.pop()
                return values[at]
        return self.value(base)

    def _of_step(self, node: tree.Path) -> Value | None:
        """Return a column of a step of `scan`, None where the path begins with something else."""
        if not (self.row.extra and isinstance(node.base, tree.Name) and isinstance(node.member, tree.Name)):
            return None
        return self.row.extra.get(f"{node.base.value}.{node.member.value}")

    def _of_side(self, node: tree.Path) -> Value:
        base, member = node.base, node.member
        assert isinstance(base, tree.Name)
        name = member.value if isinstance(member, tree.Name) else ""
        right = base.value == "$right"
        columns = (self.row.right or {}) if right else self.row.columns
        held = columns.get(name)
        if held is None:
            side = "right" if right else "left"
            self.refuse("column", f"there is no column {name} on the {side} side", node, code="unknown-column")
        return held.value(self.row.right_of if right else self.row.of)

    # ----------------------------------------------------------------- operators

    def _literal(self, node: tree.Literal) -> Value:
        return literal(node, self.binder.text)

    def _group(self, node: tree.Group) -> Value:
        return self.value(node.inner)

    def _unary(self, node: tree.Unary) -> Value:
        value = self.value(node.operand)
        if node.op == "+":
            return value
        try:
            return negated(value)
        except NoArithmetic:
            self.refuse("-", f"a {value.type} has no sign", node)

    def _binary(self, node: tree.Binary) -> Value:
        op = node.ops[0]
        if op in ("and", "or"):
            parts = [self.boolean(operand) for operand in node.operands]
            join = conjunction if op == "and" else disjunction
            return Value(join([part.sql for part in parts]), "bool", nullable=any(part.may_be_null for part in parts))
        if op in _ARITHMETIC:
            value = self.value(node.operands[0])
            for one, operand in zip(node.ops, node.operands[1:], strict=True):
                right = self.value(operand)
                try:
                    value = calculated(one, value, right)
                except NoArithmetic as error:
                    self.refuse(one, f"{self.text(node)}: {error} cannot be calculated with {one}", node)
            return value
        if op in _COMPARISONS:
            return self._compared(node, loose=False)
        if op in ("=~", "!~", ":"):
            return self._text_equal(node)
        if op == "matches regex":
            return self._matches(node)
        if op in OPERATORS:
            return self._string_operator(node)
        self.refuse(op, f"the operator {op} is not supported by the local engine", node)

    def _compared(self, node: tree.Binary, *, loose: bool) -> Value:
        left, right = self.value(node.operands[0]), self.value(node.operands[1])
        try:
            return compared(node.ops[0], left, right, loose=loose)
        except Incomparable as error:
            self.refuse(node.ops[0], f"{error} are not compared", node, "convert one to the type of the other")

    def as_text(self, node: tree.Expr) -> Value:
        """Compile an expression as a string, as the string operators take it."""
        value = self.value(node)
        text = converted(value, "string")
        if text is None:
            self.refuse("string", f"a {value.type} is not a string", node)
        return text

    def _text_equal(self, node: tree.Binary) -> Value:
        left, right = self.as_text(node.operands[0]), self.as_text(node.operands[1])
        if node.ops[0] == ":":
            return Value(string_test("has", left, right, sensitive=False), "bool", nullable=False)
        test = equal_text(left, right, sensitive=False)
        return Value(negation(test) if node.ops[0] == "!~" else test, "bool", nullable=False)

    def _string_operator(self, node: tree.Binary) -> Value:
        name, is_negated, sensitive = parsed_operator(node.ops[0])
        if any(isinstance(operand, tree.Star) for operand in node.operands):
            return self.in_every_column(node)
        left, right = self.as_text(node.operands[0]), self.as_text(node.operands[1])
        test = string_test(name, left, right, sensitive=sensitive)
        return Value(negation(test) if is_negated else test, "bool", nullable=False)

    def in_every_column(self, node: tree.Binary) -> Value:
        """Compile `* has "x"`: any column's text holds."""
        name, is_negated, sensitive = parsed_operator(node.ops[0])
        word = self.as_text(node.operands[1])
        if name in ("startswith", "endswith"):
            texts = [
                found for held in self.row.columns.values() if (found := converted(held.value(self.row.of), "string"))
            ]
            test = disjunction([string_test(name, text, word, sensitive=sensitive) for text in texts])
        else:
            test = string_test(name, self.whole_row(), word, sensitive=sensitive)
        return Value(negation(test) if is_negated else test, "bool", nullable=False)

    def whole_row(self) -> Value:
        """Return all columns as one text, for what looks into every column; what is between is not a letter."""
        texts = [converted(held.value(self.row.of), "string") for held in self.row.columns.values()]
        return Value(func("concat_ws", Text("\x01"), *(text.sql for text in texts if text is not None)), "string")

    def _matches(self, node: tree.Binary) -> Value:
        text, pattern = self.as_text(node.operands[0]), self.value(node.operands[1])
        try:
            return matches(text, pattern)
        except BadPattern as error:
            self.refuse("matches regex", f"the pattern cannot be used: {error}", node.operands[1])

    def _membership(self, node: tree.Membership) -> Value:
        if node.op in ("between", "!between"):
            value, low, high = (self.value(one) for one in (node.left, *node.items))
            try:
                return between(value, low, high, negated=node.op == "!between")
            except Incomparable as error:
                self.refuse(node.op, f"{error} are not compared", node)
        return membership(self, node)

    # ----------------------------------------------------------------- calls

    def _call(self, node: tree.Call) -> Value:
        name = node.name.value
        bound = self.binder.names.get(name)
        if isinstance(bound, Routine):
            return self.routine_value(bound, node)
        if self.grouping and name in AGGREGATES:
            found = self.aggregate(node)
            return found if isinstance(found, Value) else found[0]
        window = self.windows.get(id(node))
        if window is not None:
            return window
        special = SPECIALS.get(name)
        if special is not None:
            return special(self, node)
        overloads = SCALARS.get(name)
        if overloads is None:
            return self.unknown_call(node)
        arguments = self.values(node.args)
        for overload in overloads:
            given = overload.fit(arguments)
            if given is not None:
                try:
                    return overload.value(arguments, given)
                except (BadPattern, ValueError) as error:
                    self.refuse(name, f"{name}(): {error}", node)
        kinds = ", ".join(argument.type for argument in arguments)
        self.refuse(name, f"{name}() does not take ({kinds}) in the local engine", node)

    def aggregate(self, node: tree.Call) -> Value | tuple[Value, ...]:
        """Compile an aggregate of the rows at hand; its arguments are of single rows."""
        self.grouping = False
        try:
            return AGGREGATES[node.name.value](self, node)
        finally:
            self.grouping = True

    @abstractmethod
    def unknown_call(self, node: tree.Call) -> Value:
        """Compile a call of no built-in function."""

    # ----------------------------------------------------------------- what is not a value by itself

    def _no_value(self, node: tree.Expr) -> Value:
        raise Refusal("expression", f"`{self.text(node)}` is not a value here", node.start)

    def _named(self, node: tree.Named) -> Value:
        return self.value(node.value)


_KINDS: dict[type, Callable[[Any, Any], Value]] = {
    tree.Name: ExpressionCompiler._name,
    tree.Literal: ExpressionCompiler._literal,
    tree.Path: ExpressionCompiler._path,
    tree.Index: ExpressionCompiler._path,
    tree.Call: ExpressionCompiler._call,
    tree.Binary: ExpressionCompiler._binary,
    tree.Membership: ExpressionCompiler._membership,
    tree.Unary: ExpressionCompiler._unary,
    tree.Group: ExpressionCompiler._group,
    tree.Named: ExpressionCompiler._named,
    tree.Subquery: ExpressionCompiler._no_value,
    tree.Star: ExpressionCompiler._no_value,
    tree.Wildcard: ExpressionCompiler._no_value,
    tree.TypeLiteral: ExpressionCompiler._no_value,
    tree.Ordered: ExpressionCompiler._no_value,
}
