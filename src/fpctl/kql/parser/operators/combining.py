"""Operators that read other tables, or run several pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.expressions import as_source
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.parser.sources import entity, find_table, simple_path, union_leg
from fpctl.kql.tree import (
    Expr,
    Facet,
    Find,
    FindColumn,
    Fork,
    ForkLeg,
    Join,
    Lookup,
    MacroExpand,
    Partition,
    Pipeline,
    Search,
    Source,
    Star,
    Union,
)

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

_UNION = frozenset(("best_effort",))


def join(p: Expressions) -> Join:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    right = as_source(p.expression())
    on: tuple[Expr, ...] = ()
    if p.take("on"):
        on = p.expression_list()
    elif p.take("where"):
        p.expression()
    return new(Join, (p.starts[at], p.end(), p.texts[at], found, right, on))


def lookup(p: Expressions) -> Lookup:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    right = as_source(p.expression())
    p.expect("on", "in `lookup`")
    on = p.expression_list()
    return new(Lookup, (p.starts[at], p.end(), p.texts[at], found, right, on))


def union(p: Expressions) -> Union:
    at = p.at
    p.at = at + 1
    found = parameters(p, _UNION)
    legs = [union_leg(p)]
    while p.take(","):
        legs.append(union_leg(p))
    return new(Union, (p.starts[at], p.end(), p.texts[at], found, tuple(legs)))


# --------------------------------------------------------------------------- search and find


def search(p: Expressions) -> Search:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    p.datascope()
    tables = _tables(p)
    predicate = _search_predicate(p)
    return new(Search, (p.starts[at], p.end(), p.texts[at], found, tables, predicate))


def _search_predicate(p: Expressions) -> Expr:
    if p.kinds[p.at] == "*" and p.kinds[p.at + 1] in ("and", "|", ";", ")", "END"):
        star: Star = p.star()
        if not p.take("and"):
            return star
        rest = p.expression()
        return p._chain("and", [star, rest])
    return p.expression()


def find(p: Expressions) -> Find:
    at = p.at
    p.at = at + 1
    p.datascope()
    found = parameters(p, before_equals=False)
    tables = _tables(p)
    if found or tables:
        p.expect("where", "in `find`")
    else:
        p.take("where")
    predicate = p.expression()
    project: tuple[FindColumn, ...] | None = None
    project_away: tuple[FindColumn, ...] | None = None
    if p.take("project"):
        project = _find_columns(p)
    else:
        p.take("project-smart")
    if p.take("__projectAway"):
        project_away = _find_columns(p)
    return new(Find, (p.starts[at], p.end(), p.texts[at], found, tables, predicate, project, project_away))


def _tables(p: Expressions) -> tuple[Source, ...]:
    if not p.take("in"):
        return ()
    p.expect("(", "after `in`")
    tables = [find_table(p)]
    while p.take(","):
        tables.append(find_table(p))
    p.expect(")", "to close the list of tables")
    return tuple(tables)


def _find_columns(p: Expressions) -> tuple[FindColumn, ...]:
    columns = [_find_column(p)]
    while p.take(","):
        columns.append(_find_column(p))
    return tuple(columns)


def _find_column(p: Expressions) -> FindColumn:
    at = p.at
    if p.take("pack"):
        p.expect("(", "after `pack`")
        p.expect("*", "in `pack(*)`")
        p.expect(")", "after `pack(*`")
        return new(FindColumn, (p.starts[at], p.end(), "*", None))
    if p.take("*"):
        return new(FindColumn, (p.starts[at], p.end(), "*", None))
    name = p.name("a column name")
    scalar = p.scalar_type(extra=True) if p.take(":") else None
    return new(FindColumn, (p.starts[at], p.end(), name.value, scalar))


# --------------------------------------------------------------------------- several pipelines


def body(p: Expressions) -> Pipeline:
    """Parse `( operators )`, the body of mv-apply and its like."""
    p.expect("(", "and a sub-query")
    p.descend()
    pipeline = p.body()
    p.expect(")", "to close the sub-query")
    p.depth -= 1
    return pipeline


def partition(p: Expressions) -> Partition:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    p.expect("by", "in `partition`")
    by = simple_path(p)
    if p.take("in") and p.literal() is None:
        name = p.name("a function after `in`")
        p.call(name)
    if p.kinds[p.at] == "{":
        p.at += 1
        p.descend()
        pipeline = p.pipeline()
        p.expect("}", "to close the sub-query")
        p.depth -= 1
    else:
        pipeline = body(p)
    return new(Partition, (p.starts[at], p.end(), p.texts[at], found, by, pipeline))


def partition_by(p: Expressions) -> Partition:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    by = simple_path(p)
    if p.take("id") and p.literal() is None:
        raise p.unexpected("a literal after `id`")
    pipeline = body(p)
    return new(Partition, (p.starts[at], p.end(), p.texts[at], found, by, pipeline))


def fork(p: Expressions) -> Fork:
    at = p.at
    p.at = at + 1
    legs = [_fork_leg(p)]
    while p.kinds[p.at] == "(" or _named_leg_follows(p):
        legs.append(_fork_leg(p))
    return new(Fork, (p.starts[at], p.end(), p.texts[at], tuple(legs)))


def _named_leg_follows(p: Expressions) -> bool:
    end = p.name_end(p.at)
    return bool(end) and p.kinds[end] == "="


def _fork_leg(p: Expressions) -> ForkLeg:
    at = p.at
    name = None
    if p.kinds[at] != "(":
        name = p.name("`(` or a name after `fork`")
        p.expect("=", "after the leg's name")
    p.expect("(", "and a sub-query")
    p.descend()
    pipeline = _fork_body(p)
    p.expect(")", "to close the sub-query")
    p.depth -= 1
    return new(ForkLeg, (p.starts[at], p.end(), name, pipeline))


def _fork_body(p: Expressions) -> Pipeline:
    # Here `count` and its like are operators, though elsewhere they would be names.
    if p.starts_body():
        return p.body()
    return p.pipeline()


def facet(p: Expressions) -> Facet:
    at = p.at
    p.at = at + 1
    p.expect("by", "after `facet`")
    by = [simple_path(p)]
    while p.take(","):
        by.append(simple_path(p))
    pipeline: Pipeline | None = None
    if p.take("with"):
        p.descend()
        pipeline = body(p) if p.kinds[p.at] == "(" else p.one_operator()
        p.depth -= 1
    return new(Facet, (p.starts[at], p.end(), p.texts[at], tuple(by), pipeline))


def macro_expand(p: Expressions) -> MacroExpand:
    at = p.at
    p.at = at + 1
    found = parameters(p, _UNION)
    group = _entity_group(p)
    p.expect("as", "in `macro-expand`")
    alias = p.name("a name after `as`")
    p.expect("(", "and statements")
    p.descend()
    statements = p.statements(")")
    p.expect(")", "to close `macro-expand`")
    p.depth -= 1
    return new(MacroExpand, (p.starts[at], p.end(), p.texts[at], found, group, alias, statements))


def _entity_group(p: Expressions) -> Expr:
    if p.kinds[p.at] == "entity_group":
        return p.entity_group()
    if p.texts[p.at] in ("cluster", "database") and p.kinds[p.at + 1] == "(":
        path = entity(p)
        assert not isinstance(path, Union | Search | Find | MacroExpand)
        return path  # type: ignore[return-value]
    return p.name("an entity group")
