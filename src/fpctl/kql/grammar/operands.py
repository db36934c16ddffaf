"""Operands: names, literals, calls, paths, and whatever is in brackets."""

from __future__ import annotations

from collections.abc import Callable

from fpctl.kql.grammar.cursor import MAX_NESTING, new
from fpctl.kql.grammar.dynamic import dynamic_end
from fpctl.kql.grammar.parameters import parameter_value
from fpctl.kql.grammar.schemas import Schemas
from fpctl.kql.tokens import (
    LITERAL_TYPES,
    LONG,
    NAME,
    NAME_KINDS,
    PARAMETER_KEYWORD_NAMES,
    REAL,
    STRING,
    STRING_OPERATORS,
    TIMESPAN,
)
from fpctl.kql.tree import Call, Expr, Group, Index, Literal, Name, Path, Pipeline, Subquery, Unary, Wildcard

_NAME_GOES_ON = frozenset(("(", ".", "[", "datascope"))
_PATH_GOES_ON = frozenset((".", "["))
_SIGNED = frozenset((LONG, REAL, TIMESPAN))
_NEVER_CALLED = PARAMETER_KEYWORD_NAMES | {"@"}
_TABLE_CALL_KINDS = frozenset(("nooptimization",))
_ARGUMENT_ENDS = frozenset((",", ")"))


class Operands(Schemas):
    """The part of the grammar that binds tighter than any binary operator."""

    __slots__ = ()

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
        elif kind == "*" and kinds[at + 1] in STRING_OPERATORS:
            return self.star()
        else:
            raise self.unexpected("an expression")
        return self.path(node) if kinds[self.at] in _PATH_GOES_ON else node

    def unsigned_operand(self) -> Expr:
        """Parse an operand that has no sign, as after a sign: `- -1` is not KQL."""
        if self.kinds[self.at] in ("+", "-", "*"):
            raise self.unexpected("an operand")
        return self.operand()

    def _after_name(self, name: Name) -> Expr:
        node: Expr = name
        if self.kinds[self.at] == "(":
            node = self.call(name)
        elif self.kinds[self.at] == "datascope":
            self.datascope()
        return self.path(node) if self.kinds[self.at] in _PATH_GOES_ON else node

    def datascope(self) -> None:
        """Step over `datascope = all`, if it is next: it says where the rows are kept, not which."""
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
        return self.stepped(base, self.called(self.selector()))

    def called(self, selector: Expr) -> Expr:
        """Parse arguments after a selector that can be a function's name, if they follow."""
        if self.kinds[self.at] != "(" or self.texts[self.at - 1] in _NEVER_CALLED:
            return selector
        return self.call(selector) if isinstance(selector, Name) else selector

    def stepped(self, base: Expr, step: Expr) -> Path | Index:
        """Return the path from `base` by a step that was parsed just now."""
        if isinstance(step, Name | Call | Wildcard):
            return new(Path, (base[0], self.end(), base, step))
        return new(Index, (base[0], self.end(), base, step))

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
                if kinds[self.at] == "*" and kinds[self.at + 1] in _ARGUMENT_ENDS:
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
        operand = self.unsigned_operand()
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
        arg = self.query_value()
        self.expect(")", f"to close `{name.value}(`")
        self.depth -= 1
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

    def _typeof(self) -> Expr:
        if self.kinds[self.at + 1] == "(":
            return self.type_literal()
        at = self.at
        self.at = at + 1
        name = self.name_at(at, at + 1)
        return self._after_name(name) if self.kinds[self.at] in _NAME_GOES_ON else name


_OPERANDS: dict[str, Callable[[Operands], Expr]] = {
    "(": Operands.parenthesised,
    "+": Operands._sign,
    "-": Operands._sign,
    "[": Operands._bracket,
    "{": Operands._brace,
    "@": Operands._at_sign,
    "dynamic": Operands._dynamic,
    "typeof": Operands._typeof,
    "toscalar": Operands.table_call,
    "totable": Operands.table_call,
    **dict.fromkeys(
        ("datatable", "__contextual_datatable", "externaldata", "external_data", "materialized-view-combine"),
        lambda parser: parser.table_literal(),
    ),
}
