"""Statements, and the whole text."""

from __future__ import annotations

from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.sources import entity, with_properties
from fpctl.kql.grammar.syntax_errors import left_over, no_query
from fpctl.kql.parser.pipelines import Pipelines
from fpctl.kql.tokens import DECLARED_NAME_KINDS, DIRECTIVE, END, NAME_KINDS
from fpctl.kql.tree import (
    Call,
    Expr,
    Function,
    FunctionParameter,
    Let,
    Name,
    Query,
    QueryParameters,
    QueryStatement,
    Setting,
    Statement,
)


class Parser(Pipelines):
    """The whole grammar."""

    __slots__ = ()

    def text(self) -> Query:
        """Parse a text to its end."""
        while self.kinds[self.at] == DIRECTIVE:
            self.at += 1
        start = self.starts[self.at]
        if self.kinds[self.at] == END:
            raise no_query(self.tokens)
        statements = self.statements(END)
        return Query(start, self.end(), self.tokens.source.text, statements)

    def statements(self, closing: str) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while self.kinds[self.at] != closing:
            found.append(self._statement())
            if not self.take(";"):
                break
        if self.kinds[self.at] != closing:
            raise left_over(
                self.tokens, self.at, bool(found) and isinstance(found[-1], Let), closing, self.operator_words
            )
        return tuple(found)

    def _statement(self) -> Statement:
        kind, after = self.kinds[self.at], self.kinds[self.at + 1]
        if kind == "let":
            if self.name_end(self.at + 1):
                return self._let()
        elif kind == "set":
            return self._set()
        elif kind == "declare":
            if after == "query_parameters":
                return self._query_parameters()
            if after == "pattern":
                return self._pattern()
        elif kind == "alias" and after == "database":
            return self._alias()
        elif kind == "restrict" and after == "access":
            return self._restrict()
        pipeline = self.pipeline()
        return new(QueryStatement, (pipeline[0], pipeline[1], pipeline))

    # ------------------------------------------------------------------ let

    def _let(self) -> Let:
        at = self.at
        self.at = at + 1
        name = self.name("a name after `let`")
        self.expect("=", f"after `let {name.value}`")
        kind = self.kinds[self.at]
        value: Expr | Function
        if kind == "materialize":
            value = self.table_call()
        elif kind == "entity_group":
            value = self.entity_group()
        elif self._at_function():
            value = self._function()
        else:
            value = self.query_value()
        return new(Let, (self.starts[at], self.end(), name, value))

    def entity_group(self) -> Call:
        """Parse `entity_group [path, ...]` or `entity_group('name')`."""
        at = self.expect("entity_group")
        name = self.name_at(at, at + 1)
        if self.kinds[self.at] == "(":
            return self.call(name)
        self.expect("[", "after `entity_group`")
        members = self.expression_list()
        self.expect("]", "to close `entity_group [`")
        return new(Call, (name[0], self.end(), name, members))

    def _at_function(self) -> bool:
        kinds, at = self.kinds, self.at
        if kinds[at] == "view":
            at += 1
        if kinds[at] != "(":
            return False
        if kinds[at + 1] in (")", "*"):
            return True
        end = self.name_end(at + 1, DECLARED_NAME_KINDS)
        return bool(end) and kinds[end] == ":"

    def _function(self) -> Function:
        at = self.at
        view = self.take("view")
        parameters = self._function_parameters()
        body = self._function_body()
        return new(Function, (self.starts[at], self.end(), parameters, body, view))

    def _function_parameters(self) -> tuple[FunctionParameter, ...]:
        self.expect("(", "and parameters")
        found: list[FunctionParameter] = []
        if self.kinds[self.at] != ")":
            found.append(self.function_parameter())
            while self.take(","):
                found.append(self.function_parameter())
        self.expect(")", "to close the parameters")
        return tuple(found)

    def function_parameter(self) -> FunctionParameter:
        """Parse `name: type [= default]` or `name: (schema)`."""
        name = self.declared_name("a parameter")
        self.expect(":", f"and a type after the parameter `{name.value}`")
        scalar, columns = None, None
        if self.kinds[self.at] == "(":
            columns = self.schema_type()
        else:
            scalar = self.scalar_type()
        default: Expr | None = None
        if self.take("="):
            default = self.literal()
            if default is None:
                if self.kinds[self.at] not in NAME_KINDS:
                    raise self.unexpected("a literal as default value")
                default = self.name_at(self.at, self.at + 1)
                self.at += 1
        return new(FunctionParameter, (name[0], self.end(), name, scalar, columns, default))

    def _function_body(self, parameters: bool = True) -> tuple[Statement, ...]:
        self.expect("{", "and a function body")
        self.descend()
        found: list[Statement] = []
        while True:
            kind = self.kinds[self.at]
            if kind == "let":
                found.append(self._let())
            elif kind == "declare" and parameters:
                found.append(self._query_parameters())
            else:
                break
            self.expect(";", "after a statement")
        if self.kinds[self.at] not in ("}", ";"):
            pipeline = self.pipeline()
            found.append(new(QueryStatement, (pipeline[0], pipeline[1], pipeline)))
        self.take(";")
        self.expect("}", "to close the function body")
        self.depth -= 1
        return tuple(found)

    # ------------------------------------------------------------------ the other statements

    def _set(self) -> Setting:
        at = self.at
        self.at = at + 1
        name = self.name("an option after `set`")
        if self.take("="):
            self.expression()
        return new(Setting, (self.starts[at], self.end(), "set", name.value))

    def _query_parameters(self) -> QueryParameters:
        at = self.at
        self.at = at + 1
        self.expect("query_parameters", "after `declare`")
        parameters = self._function_parameters()
        if not parameters:
            raise self.unexpected("a parameter", self.at - 1)
        return new(QueryParameters, (self.starts[at], self.end(), parameters))

    def _alias(self) -> Setting:
        at = self.at
        self.at = at + 2
        name = self.name("a name after `alias database`")
        self.expect("=", "after the alias")
        self.expression()
        return new(Setting, (self.starts[at], self.end(), "alias", name.value))

    def _restrict(self) -> Setting:
        at = self.at
        self.at = at + 2
        self.expect("to", "after `restrict access`")
        self.expect("(", "after `restrict access to`")
        entity(self)
        while self.take(","):
            entity(self)
        self.expect(")", "to close `restrict access to (`")
        with_properties(self)
        return new(Setting, (self.starts[at], self.end(), "restrict", None))

    def _pattern(self) -> Setting:
        at = self.at
        self.at = at + 2
        name: Name = self.name("a name after `declare pattern`")
        if self.take("="):
            self.expect("(", "and the pattern's parameters")
            while self.kinds[self.at] != ")":
                self.column_declaration()
                if not self.take(","):
                    break
                if self.kinds[self.at] == ")":
                    raise self.unexpected("a parameter after `,`")
            self.expect(")", "to close the pattern's parameters")
            if self.take("["):
                self.column_declaration()
                self.expect("]", "after the pattern's path")
            self.expect("{", "and the pattern's cases")
            self._pattern_case()
            while self.kinds[self.at] == "(":
                self._pattern_case()
            self.expect("}", "to close the pattern")
        return new(Setting, (self.starts[at], self.end(), "pattern", name.value))

    def _pattern_case(self) -> None:
        self.expect("(", "and the values of a pattern's case")
        self.expression_list()
        self.expect(")", "to close the values")
        if self.take("."):
            self.expect("[", "after `.`")
            if self.literal() is None:
                raise self.unexpected("a literal")
            self.expect("]", "after the path value")
        self.expect("=", "after the case")
        self._function_body(parameters=False)
        self.expect(";", "after the case")
