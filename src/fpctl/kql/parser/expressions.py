"""Scalar expressions, and what may stand for a table inside one.

Precedence, loosest first (the string operators bind tighter than arithmetic, unlike in most
languages): `or`; `and`; equality and membership; relations; `+ -`; `* / %`; string operators;
sign; path. Of equality, relations and string operators one level holds a single operator:
`a == b == c` is not KQL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from fpctl.kql.parser.cursor import MAX_NESTING, Cursor, new
from fpctl.kql.parser.dynamic import dynamic_end
from fpctl.kql.parser.parameters import parameter_value
from fpctl.kql.tokens import (
    DECLARED_NAME_KINDS,
    EXTRA_SCALAR_TYPES,
    LITERAL_TYPES,
    LONG,
    NAME,
    NAME_KINDS,
    PARAMETER_KEYWORD_NAMES,
    REAL,
    SCALAR_TYPES,
    STRING,
    TIMESPAN,
)
from fpctl.kql.tree import (
    Binary,
    Call,
    ColumnDecl,
    Expr,
    FunctionParameter,
    Group,
    Index,
    Literal,
    Membership,
    Name,
    Named,
    Path,
    Pipeline,
    Source,
    Star,
    Statement,
    Subquery,
    TypeLiteral,
    Unary,
)

_EQUALITY, _RELATION, _SUM, _PRODUCT, _STRING = 3, 4, 5, 6, 7
_LEVELS = {
    **dict.fromkeys(("==", "!=", "<>"), _EQUALITY),
    **dict.fromkeys(("in", "in~", "!in", "!in~", "has_any", "has_all", "between", "!between"), _EQUALITY),
    **dict.fromkeys(("<", "<=", ">", ">="), _RELATION),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    **dict.fromkeys(
        """
        =~ !~ : has !has has_cs !has_cs hasprefix !hasprefix hasprefix_cs !hasprefix_cs hassuffix !hassuffix
        hassuffix_cs !hassuffix_cs like notlike likecs notlikecs contains notcontains !contains containscs contains_cs
        notcontainscs !contains_cs startswith !startswith startswith_cs !startswith_cs endswith !endswith endswith_cs
        !endswith_cs
        """.split(),  # noqa: SIM905
        _STRING,
    ),
    "matches regex": _STRING,
}
_LISTED = frozenset(("in", "in~", "!in", "!in~", "has_any", "has_all"))
_RANGED = frozenset(("between", "!between"))
_LOGICAL = frozenset(("and", "or"))
_NAME_GOES_ON = frozenset(("(", ".", "[", "datascope"))
_PATH_GOES_ON = frozenset((".", "["))
_SIGNED = frozenset((LONG, REAL, TIMESPAN))
_TABLE_CALL_KINDS = frozenset(("nooptimization",))
_ITEM_ENDS = frozenset((",", ")"))


class Expressions(Cursor, ABC):
    """The expression grammar. Sub-queries are the business of the class that completes it."""

    __slots__ = ()

    # ------------------------------------------------------------------ what pipelines provide

    @abstractmethod
    def query(self) -> Expr | Pipeline:
        """Parse what may stand in parentheses: a pipeline, or a lone expression when no operator follows it."""

    @abstractmethod
    def at_operator(self) -> bool:
        """Return whether a tabular operator starts here, rather than an expression."""

    @abstractmethod
    def pipeline_from(self, source: Expr) -> Pipeline:
        """Parse the operators after a source."""

    @abstractmethod
    def body(self) -> Pipeline:
        """Parse a pipeline that has no source of its own, from its first operator."""

    @abstractmethod
    def starts_body(self) -> bool:
        """Return whether the next token is an operator's keyword, in a place where it cannot be a name."""

    @abstractmethod
    def one_operator(self) -> Pipeline:
        """Parse a single operator as a pipeline without a source."""

    @abstractmethod
    def entity_group(self) -> Call:
        """Parse `entity_group [path, ...]` or `entity_group('name')`."""

    @abstractmethod
    def function_parameter(self) -> FunctionParameter:
        """Parse `name: type [= default]` or `name: (schema)`."""

    @abstractmethod
    def statements(self, closing: str) -> tuple[Statement, ...]:
        """Parse statements up to the token `closing`."""

    @abstractmethod
    def table_literal(self) -> Subquery:
        """Parse `datatable`, `externaldata` and their kin."""

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
        """Step over `(a, b) =` if that is what stands here."""
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
            query = self.query()
            items.append(new(Subquery, (query[0], query[1], query)) if isinstance(query, Pipeline) else query)
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

    # ------------------------------------------------------------------ operands

    def star(self) -> Star:
        """Step over a `*`."""
        at = self.at
        self.at = at + 1
        return new(Star, (self.starts[at], self.ends[at]))

    def operand(self) -> Expr:
        """Parse an operand of a binary operator: a sign, then a path or call or literal."""
        at = self.at
        kinds = self.kinds
        kind = kinds[at]
        if kind == NAME:
            self.at = at + 1
            name = new(Name, (self.starts[at], self.ends[at], self.texts[at]))
            return self._after_name(name) if kinds[at + 1] in _NAME_GOES_ON else name
        literal_type = LITERAL_TYPES.get(kind)
        if literal_type is not None:
            at += 1
            if kind == STRING:
                while kinds[at] == STRING:
                    at += 1
            literal = new(Literal, (self.starts[self.at], self.ends[at - 1], literal_type))
            self.at = at
            return self.path(literal) if kinds[at] in _PATH_GOES_ON else literal
        parse = _OPERANDS.get(kind)
        if parse is not None:
            node = parse(self)
        elif kind in NAME_KINDS or kind in PARAMETER_KEYWORD_NAMES:
            # `kind` and its like are names here, but not names of functions.
            self.at = at + 1
            node = new(Name, (self.starts[at], self.ends[at], self.texts[at]))
            if kinds[at + 1] in _NAME_GOES_ON and (kind in NAME_KINDS or kinds[at + 1] != "("):
                return self._after_name(node)
        elif kind == "*" and _LEVELS.get(kinds[at + 1]) == _STRING:
            return self.star()
        else:
            raise self.unexpected("an expression")
        return self.path(node) if kinds[self.at] in _PATH_GOES_ON else node

    def _after_name(self, name: Name) -> Expr:
        node: Expr = name
        if self.kinds[self.at] == "(":
            node = self.call(name)
        elif self.kinds[self.at] == "datascope":
            self.datascope()
        return self.path(node) if self.kinds[self.at] in _PATH_GOES_ON else node

    def datascope(self) -> None:
        """Step over `datascope = all`, if it stands here: it says where the rows are kept, not which."""
        if self.take("datascope"):
            self.expect("=", "after `datascope`")
            if self.texts[self.at] not in ("all", "hotcache"):
                raise self.unexpected("`all` or `hotcache`")
            self.at += 1

    def path(self, base: Expr) -> Expr:
        """Parse the `.member` and `[index]` steps after `base`."""
        kinds = self.kinds
        for _ in range(MAX_NESTING):
            at = self.at
            kind = kinds[at]
            if kind == ".":
                if kinds[at + 1] == NAME:
                    name = new(Name, (self.starts[at + 1], self.ends[at + 1], self.texts[at + 1]))
                    self.at = at + 2
                    member = self.call(name) if kinds[at + 2] == "(" else name
                    base = new(Path, (base[0], self.ends[self.at - 1], base, member))
                else:
                    base = self._path_step(base)
            elif kind == "[":
                index = self._index()
                base = new(Index, (base[0], self.ends[self.at - 1], base, index))
            else:
                return base
        self.fail_deep()

    def _path_step(self, base: Expr) -> Expr:
        """Parse a `.` and a member that is not a plain identifier."""
        self.at += 1
        selector = self.selector()
        if self.kinds[self.at] == "(" and isinstance(selector, Name) and selector.value not in PARAMETER_KEYWORD_NAMES:
            selector = self.call(selector)
        if isinstance(selector, Name | Call):
            return new(Path, (base[0], self.end(), base, selector))
        return new(Index, (base[0], self.end(), base, selector))

    def selector(self) -> Expr:
        """Parse a step of a path: a name, a bracketed name, pattern or index, a placeholder."""
        at = self.at
        kind = self.kinds[at]
        end = self.name_end(at)
        if end:
            self.at = end
            return self.name_at(at, end)
        if kind == "@" or kind in PARAMETER_KEYWORD_NAMES:
            self.at = at + 1
            return self.name_at(at, at + 1)
        if kind == "[":
            end = self.wildcard_end(at + 1)
            if end:
                self.at = at + 1
                pattern = self.wildcard(end)
                self.expect("]", "after a name pattern")
                return pattern
            return self._index()
        raise self.unexpected("a name")

    def _index(self) -> Expr:
        self.at += 1
        self.descend()
        index = self.expression()
        self.expect("]", "to close `[`")
        self.depth -= 1
        return index

    def _bracket(self) -> Expr:
        """Parse an operand that begins with `[`: a bracketed name, or an expression in brackets."""
        at = self.at
        node = self.selector()
        if isinstance(node, Name):
            return self.call(node) if self.kinds[self.at] == "(" else node
        return new(Group, (self.starts[at], self.end(), node))

    def _brace(self) -> Expr:
        at = self.at
        end = self.braced_end(at)
        if not end:
            raise self.unexpected("an expression")
        self.at = end
        node = self.name_at(at, end)
        return self.call(node) if self.kinds[end] == "(" else node

    def _at_sign(self) -> Expr:
        at = self.at
        self.at = at + 1
        return self.name_at(at, at + 1)

    def call(self, name: Name) -> Call:
        """Parse the arguments after a function's name."""
        kinds = self.kinds
        self.at += 1
        self.descend()
        args: list[Expr] = []
        if kinds[self.at] != ")":
            while True:
                if kinds[self.at] == "*" and kinds[self.at + 1] in _ITEM_ENDS:
                    args.append(self.star())
                else:
                    args.append(self.named())
                if kinds[self.at] != ",":
                    break
                self.at += 1
            if kinds[self.at] != ")":
                raise self.unexpected(f"`,` or `)` in the arguments of `{name.value}`")
        self.at += 1
        self.depth -= 1
        return new(Call, (name[0], self.ends[self.at - 1], name, tuple(args)))

    def parenthesised(self) -> Group | Subquery:
        """Parse `( ... )`: a `Subquery` when a pipeline is inside, else a `Group`."""
        at = self.expect("(")
        self.descend()
        inner = self.query()
        self.expect(")", "to close `(`")
        self.depth -= 1
        span = (self.starts[at], self.ends[self.at - 1], inner)
        return new(Subquery, span) if isinstance(inner, Pipeline) else new(Group, span)

    def _sign(self) -> Unary:
        at = self.at
        self.at = at + 1
        if self.kinds[self.at] in ("+", "-", "*"):
            raise self.unexpected("an operand after the sign")
        operand = self.operand()
        return new(Unary, (self.starts[at], self.end(), self.texts[at], operand))

    def table_call(self) -> Call:
        """Parse `toscalar(...)`, `totable(...)` or `materialize(...)`: functions of a whole pipeline."""
        at = self.at
        name = self.name_at(at, at + 1)
        self.at = at + 1
        if name.value != "materialize" and self.take("kind"):
            self.expect("=", "after `kind`")
            parameter_value(self, _TABLE_CALL_KINDS)
        self.expect("(", f"after `{name.value}`")
        self.descend()
        inner = self.query()
        self.expect(")", f"to close `{name.value}(`")
        self.depth -= 1
        arg: Expr = new(Subquery, (inner[0], inner[1], inner)) if isinstance(inner, Pipeline) else inner
        return new(Call, (name[0], self.end(), name, (arg,)))

    def literal(self) -> Expr | None:
        """Parse a literal alone, as in `datatable` and parameters: a sign belongs to it. None if there is none."""
        at = self.at
        kinds = self.kinds
        kind = kinds[at]
        if kind in LITERAL_TYPES:
            self.at = at + 1
            if kind == STRING:
                while kinds[self.at] == STRING:
                    self.at += 1
            return new(Literal, (self.starts[at], self.end(), LITERAL_TYPES[kind]))
        signed = kind in ("+", "-") and kinds[at + 1] in _SIGNED and self.adjacent(at + 1)
        if signed and self.texts[at + 1][0].isdigit():
            self.at = at + 2
            return new(Literal, (self.starts[at], self.end(), LITERAL_TYPES[kinds[at + 1]]))
        if kind == "dynamic" and kinds[at + 1] == "(":
            return self._dynamic()
        if kind == "typeof" and kinds[at + 1] == "(":
            return self.type_literal()
        end = self.braced_end(at)
        if end:
            self.at = end
            return self.name_at(at, end)
        return None

    def _dynamic(self) -> Literal:
        at = self.at
        if self.kinds[at + 1] != "(":
            raise self.unexpected("`(` after `dynamic`", at + 1)
        self.at = dynamic_end(self, at)
        return new(Literal, (self.starts[at], self.end(), "dynamic"))

    # ------------------------------------------------------------------ types

    def _typeof(self) -> Expr:
        if self.kinds[self.at + 1] == "(":
            return self.type_literal()
        at = self.at
        self.at = at + 1
        name = self.name_at(at, at + 1)
        return self._after_name(name) if self.kinds[self.at] in _NAME_GOES_ON else name

    def type_literal(self) -> TypeLiteral:
        """Parse `typeof(type)` or `typeof(name: type, ...)`."""
        at = self.expect("typeof")
        self.expect("(", "after `typeof`")
        first = self.kinds[self.at]
        known = SCALAR_TYPES.get(first) or EXTRA_SCALAR_TYPES.get(first)
        columns: list[ColumnDecl] = []
        if known or (first == NAME and self.kinds[self.at + 1] == ")"):
            known = known or self.texts[self.at]
            self.at += 1
        elif first != ")":
            while True:
                if self.kinds[self.at] == "*":
                    star = self.star()
                    columns.append(ColumnDecl(star.start, star.end, "*", None))
                else:
                    columns.append(self.column_declaration())
                if not self.take(","):
                    break
        self.expect(")", "to close `typeof(`")
        return new(TypeLiteral, (self.starts[at], self.end(), known, tuple(columns)))

    def column_declaration(self) -> ColumnDecl:
        """Parse `name: type`."""
        name = self.declared_name("a column name")
        self.expect(":", f"and a type after the column `{name.value}`")
        scalar: str | None = None
        if self.kinds[self.at] == "(":
            self.schema_type()
        else:
            scalar = self.scalar_type()
        return new(ColumnDecl, (name[0], self.end(), name.value, scalar))

    def scalar_type(self, extra: bool = False) -> str:
        """Step over a type name; return the type it means."""
        kind = self.kinds[self.at]
        known = SCALAR_TYPES.get(kind) or (EXTRA_SCALAR_TYPES.get(kind) if extra else None)
        if known is None:
            raise self.unexpected("a type such as string, long or datetime")
        self.at += 1
        return known

    def schema_type(self) -> tuple[ColumnDecl, ...]:
        """Parse `(*)` or `(name: type, ...)`, the type of a tabular parameter."""
        if self.kinds[self.at + 1] == "*":
            self.at += 1
            star = self.star()
            self.expect(")", "after `(*`")
            return (ColumnDecl(star.start, star.end, "*", None),)
        self.at += 1
        return self.column_declarations()

    def row_schema(self, open_ended: bool = False) -> tuple[ColumnDecl, ...]:
        """Parse `(name: type, ...)`; `open_ended` ones may begin with `*`."""
        self.expect("(", "and a schema")
        self.take(",")
        if open_ended and self.kinds[self.at] == "*":
            star = self.star()
            self.take(",")
            return (ColumnDecl(star.start, star.end, "*", None), *self.column_declarations())
        if open_ended:
            self.take(",")
        return self.column_declarations()

    def column_declarations(self) -> tuple[ColumnDecl, ...]:
        """Parse the declarations after a `(`, and its `)`; a trailing comma is legal."""
        self.descend()
        columns: list[ColumnDecl] = []
        while self.kinds[self.at] != ")":
            columns.append(self.column_declaration())
            if not self.take(","):
                break
        self.expect(")", "to close the schema")
        self.depth -= 1
        return tuple(columns)


def as_source(node: Expr) -> Source:
    """Return what an expression is where a table is meant: `(T)` is a sub-query, a table literal is an operator."""
    if isinstance(node, Group) and isinstance(node.inner, Name | Call | Path | Group | Subquery):
        inner = node.inner
        return new(Subquery, (node[0], node[1], new(Pipeline, (inner[0], inner[1], as_source(inner), ()))))
    if isinstance(node, Subquery) and node[0] == node.pipeline[0] and not node.pipeline.operators:
        return node.pipeline.source or node
    return node


_OPERANDS: dict[str, Callable[[Expressions], Expr]] = {
    "(": Expressions.parenthesised,
    "+": Expressions._sign,
    "-": Expressions._sign,
    "[": Expressions._bracket,
    "{": Expressions._brace,
    "@": Expressions._at_sign,
    "dynamic": Expressions._dynamic,
    "typeof": Expressions._typeof,
    "toscalar": Expressions.table_call,
    "totable": Expressions.table_call,
    **dict.fromkeys(
        ("datatable", "__contextual_datatable", "externaldata", "external_data", "materialized-view-combine"),
        lambda parser: parser.table_literal(),
    ),
}
