"""Types: `typeof(...)`, and the schemas of tables and parameters."""

from __future__ import annotations

from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.layers import Grammar
from fpctl.kql.tokens import EXTRA_SCALAR_TYPES, NAME, SCALAR_TYPES
from fpctl.kql.tree import ColumnDecl, Star, TypeLiteral


class Schemas(Grammar):
    """The part of the grammar that is about types."""

    __slots__ = ()

    def star(self) -> Star:
        """Step over a `*`."""
        at = self.at
        self.at = at + 1
        return new(Star, (self.starts[at], self.ends[at]))

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
