"""Operators that add, drop, rename or order columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import LIST_ENDS, new
from fpctl.kql.parser.operators.rows import ORDERS
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.parser.sources import column_pattern
from fpctl.kql.tree import (
    Expr,
    Extend,
    Ordered,
    Project,
    ProjectAway,
    ProjectByNames,
    ProjectRename,
    ProjectReorder,
    Serialize,
)

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions


def extend(p: Expressions) -> Extend:
    at = p.at
    p.at = at + 1
    items = p.named_list()
    return new(Extend, (p.starts[at], p.ends[p.at - 1], p.texts[at], items))


def project(p: Expressions) -> Project:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.named_list()
    return new(Project, (p.starts[at], p.ends[p.at - 1], p.texts[at], items))


def project_rename(p: Expressions) -> ProjectRename:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.named_list()
    return new(ProjectRename, (p.starts[at], p.end(), p.texts[at], items))


def project_away(p: Expressions) -> ProjectAway:
    """Parse `project-away` or `project-keep`."""
    at = p.at
    p.at = at + 1
    items: list[Expr] = []
    if p.kinds[at + 1] not in LIST_ENDS:
        items.append(column_pattern(p))
        while p.take(","):
            items.append(column_pattern(p))
    return new(ProjectAway, (p.starts[at], p.end(), p.texts[at], tuple(items)))


def project_reorder(p: Expressions) -> ProjectReorder:
    at = p.at
    p.at = at + 1
    items: list[Ordered] = []
    if p.kinds[at + 1] not in LIST_ENDS:
        items.append(_ordered_pattern(p))
        while p.take(","):
            items.append(_ordered_pattern(p))
    return new(ProjectReorder, (p.starts[at], p.end(), p.texts[at], tuple(items)))


def _ordered_pattern(p: Expressions) -> Ordered:
    value = column_pattern(p)
    order = p.kinds[p.at] if p.kinds[p.at] in ORDERS else None
    p.at += order is not None
    return new(Ordered, (value[0], p.end(), value, order, None))


def project_by_names(p: Expressions) -> ProjectByNames:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.expression_list()
    return new(ProjectByNames, (p.starts[at], p.end(), p.texts[at], items))


def serialize(p: Expressions) -> Serialize:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items = () if p.kinds[p.at] in LIST_ENDS else p.named_list()
    return new(Serialize, (p.starts[at], p.end(), p.texts[at], found, items))
