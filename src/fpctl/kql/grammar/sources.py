"""What a pipeline reads, other than an expression: table literals, and the legs of union, search and find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.grammar.cursor import LIST_ENDS, MAX_NESTING, new
from fpctl.kql.grammar.expressions import as_source
from fpctl.kql.grammar.parameters import parameter_value, parameters
from fpctl.kql.tokens import DATETIME, GUID, NAME, RAW_GUID, STRING
from fpctl.kql.tree import (
    As,
    Call,
    ColumnDecl,
    DataTable,
    Expr,
    ExternalData,
    Group,
    Index,
    Literal,
    Name,
    Parameter,
    Pipeline,
    Source,
    Subquery,
    Wildcard,
)

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def table_literal(p: Expressions) -> Subquery:
    """Parse `datatable(...)[...]`, `externaldata(...)[...]` and their kin, as a sub-query without operators."""
    node = _TABLE_LITERALS[p.kinds[p.at]](p)
    return new(Subquery, (node[0], node[1], new(Pipeline, (node[0], node[1], node, ()))))


def _datatable(p: Expressions) -> Source:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    columns = p.row_schema()
    p.expect("[", "and the values of `datatable`")
    p.take(",")
    values: list[Expr] = []
    while p.kinds[p.at] != "]":
        value = p.literal()
        if value is None:
            raise p.unexpected("a literal in `datatable`")
        values.append(value)
        if not p.take(","):
            break
    p.expect("]", "to close `datatable`")
    return new(DataTable, (p.starts[at], p.end(), p.texts[at], found, columns, tuple(values)))


def _contextual_datatable(p: Expressions) -> Source:
    at = p.at
    p.at = at + 1
    p.descend()
    p.expression()
    p.depth -= 1
    columns = p.row_schema()
    return new(DataTable, (p.starts[at], p.end(), p.texts[at], (), columns, ()))


def _external_data(p: Expressions) -> Source:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    columns = p.row_schema()
    p.expect("[", f"and the addresses of `{p.texts[at]}`")
    uris = _addresses(p, "]")
    options = with_properties(p)
    return new(ExternalData, (p.starts[at], p.end(), p.texts[at], found, columns, uris, options))


def _addresses(p: Expressions, closing: str) -> tuple[Expr, ...]:
    addresses: list[Expr] = []
    while p.kinds[p.at] != closing:
        addresses.append(p.query_value())
        if not p.take(","):
            break
    p.expect(closing, "to close the list of addresses")
    return tuple(addresses)


def _materialized_view_combine(p: Expressions) -> Source:
    at = p.at
    name = p.name_at(at, at + 1)
    p.at = at + 1
    args: list[Expr] = []
    for clause in ("", "base", "delta", "aggregations"):
        if clause and p.texts[p.at] != clause:
            raise p.unexpected(f"`{clause}`")
        p.at += bool(clause)
        p.expect("(", f"after `{clause or name.value}`")
        if clause == "aggregations":
            body = p.body()
            args.append(new(Subquery, (body[0], body[1], body)))
        else:
            args.append(p.query_value())
        p.expect(")", f"to close `{clause or name.value}(`")
    return new(Call, (name[0], p.end(), name, tuple(args)))


_TABLE_LITERALS = {
    "datatable": _datatable,
    "__contextual_datatable": _contextual_datatable,
    "externaldata": _external_data,
    "external_data": _external_data,
    "materialized-view-combine": _materialized_view_combine,
}

# --------------------------------------------------------------------------- inline_external_table


def inline_external_table(p: Expressions) -> ExternalData:
    """Parse `inline_external_table (schema) kind=storage partition by (...) pathformat=(...) dataformat=csv (...)`."""
    at = p.at
    p.at = at + 1
    columns: tuple[ColumnDecl, ...] = ()
    if p.kinds[p.at] == "(":
        columns = p.row_schema()
        if not columns:
            raise p.unexpected("a schema of at least one column", p.at - 1)
    p.expect("kind", "of the table")
    p.expect("=", "after `kind`")
    kind = p.texts[p.at]
    if kind not in ("storage", "delta"):
        raise p.unexpected("`storage` or `delta`")
    p.at += 1
    if not columns and kind != "delta":
        raise p.unexpected("a schema before `kind`", at + 1)
    if p.take("partition"):
        p.expect("by", "after `partition`")
        _partition_columns(p)
    if p.take("pathformat"):
        p.expect("=", "after `pathformat`")
        _path_format(p)
    if p.take("dataformat"):
        p.expect("=", "after `dataformat`")
        p.expect(NAME, "after `dataformat=`")
    elif kind != "delta":
        raise p.unexpected("`dataformat`")
    p.expect("(", "and connection strings")
    uris = _addresses(p, ")")
    options = with_properties(p)
    return new(ExternalData, (p.starts[at], p.end(), p.texts[at], (), columns, uris, options))


def _partition_columns(p: Expressions) -> None:
    p.expect("(", "after `partition by`")
    p.take(",")
    while p.kinds[p.at] != ")":
        p.declared_name("a partition column")
        p.expect(":", "and a type")
        if p.kinds[p.at] not in ("datetime", "long", "string"):
            raise p.unexpected("`datetime`, `long` or `string`")
        p.at += 1
        if p.take("="):
            p.expression()
        if not p.take(","):
            break
    p.expect(")", "to close the partition columns")


def _path_format(p: Expressions) -> None:
    p.expect("(", "after `pathformat=`")
    _separator(p)
    while True:
        if p.take("datetime_pattern"):
            p.expect("(", "after `datetime_pattern`")
            p.expect(STRING, "(a pattern)")
            p.expect(",", "after the pattern")
            p.name("a partition column")
            p.expect(")", "to close `datetime_pattern(`")
        else:
            p.name("a partition column or `datetime_pattern(...)`")
        _separator(p)
        if p.kinds[p.at] == ")":
            break
    p.expect(")", "to close `pathformat=(`")


def _separator(p: Expressions) -> None:
    p.take(STRING)


def with_properties(p: Expressions) -> tuple[Parameter, ...]:
    """Parse an optional `with (name=value, ...)` whose names are free."""
    if not p.take("with"):
        return ()
    p.expect("(", "after `with`")
    found: list[Parameter] = []
    while p.kinds[p.at] not in LIST_ENDS:
        name = p.declared_name("a property")
        p.expect("=", f"after `{name.value}`")
        value = _property_value(p)
        found.append(new(Parameter, (name[0], value[1], name.value, value)))
        if not p.take(","):
            break
        if p.kinds[p.at] in LIST_ENDS:
            raise p.unexpected("a property after `,`")
    p.expect(")", "to close `with (`")
    return tuple(found)


def _property_value(p: Expressions) -> Expr:
    at = p.at
    if p.kinds[at] in (GUID, RAW_GUID):
        p.at = at + 1
        return new(Literal, (p.starts[at], p.ends[at], "guid"))
    if p.kinds[at] in (STRING, "LONG", "REAL", "BOOL", DATETIME):
        return parameter_value(p)
    return p.declared_name("a value")


# --------------------------------------------------------------------------- legs


def union_leg(p: Expressions) -> Source:
    """Parse a leg of `union`: a sub-query in parentheses, a table, a pattern, a path to either."""
    return as_source(p.parenthesised()) if p.kinds[p.at] == "(" else entity(p)


def find_table(p: Expressions) -> Source:
    """Parse a table of `find in (...)`, possibly `T | as name`."""
    table = entity(p)
    if p.kinds[p.at] != "|":
        return table
    p.at += 1
    if p.kinds[p.at] != "as":
        raise p.unexpected("`as`")
    alias = as_operator(p)
    pipeline = new(Pipeline, (table[0], alias[1], table, (alias,)))
    return new(Subquery, (table[0], alias[1], pipeline))


def as_operator(p: Expressions) -> As:
    """Parse `as [hint.materialized=true] name`."""
    at = p.at
    p.at = at + 1
    found = parameters(p)
    name = p.name("a name after `as`")
    return new(As, (p.starts[at], p.end(), p.texts[at], found, name))


def entity(p: Expressions) -> Source:
    """Parse a table: a name, a pattern, a function call, or a path of such."""
    end = p.wildcard_end(p.at)
    if end:
        return p.wildcard(end)
    node = p.called(_selected(p))
    for _ in range(MAX_NESTING):
        kind = p.kinds[p.at]
        if kind == ".":
            p.at += 1
            end = p.wildcard_end(p.at)
            if end:
                return p.stepped(node, p.wildcard(end))
            node = p.stepped(node, p.called(p.selector()))
        elif kind == "[":
            node = _indexed(p, node)
        else:
            return node
    p.fail_deep()


def simple_path(p: Expressions) -> Expr:
    """Parse a column as `partition by` and `facet by` take it: a name or a path, no call."""
    node = _selected(p)
    for _ in range(MAX_NESTING):
        kind = p.kinds[p.at]
        if kind == ".":
            p.at += 1
            node = p.stepped(node, p.selector())
        elif kind == "[":
            node = _indexed(p, node)
        else:
            return node
    p.fail_deep()


def _indexed(p: Expressions, base: Expr) -> Expr:
    index = p.selector()
    return new(Index, (base[0], p.end(), base, index))


def _selected(p: Expressions) -> Expr:
    """Parse the first step of a path; an expression in brackets is a group here, as there is nothing to index."""
    at = p.at
    node = p.selector()
    if p.kinds[at] == "[" and not isinstance(node, Name | Wildcard):
        return new(Group, (p.starts[at], p.end(), node))
    return node


def column_pattern(p: Expressions) -> Expr:
    """Parse a column name or a pattern of names, as `project-away` takes them."""
    end = p.wildcard_end(p.at)
    return p.wildcard(end) if end else p.name("a column name")
