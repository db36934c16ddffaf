"""Operators that take values apart: mv-expand, mv-apply, parse, parse-kv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.operators.combining import body
from fpctl.kql.parser.parameters import parameters, property_list
from fpctl.kql.tokens import DECLARED_NAME_KINDS, STRING
from fpctl.kql.tree import Capture, ExpandItem, Expr, Literal, MvApply, MvExpand, Parameter, Parse, ParseKv, Star

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

_EXPAND = frozenset(("bagexpansion",))
_PARSE = frozenset(("flags",))
_PARSE_KINDS = frozenset(("simple", "relaxed"))
_PARSE_KV = frozenset(("pair_delimiter", "kv_delimiter", "regex", "quote", "escape", "greedy"))


def mv_expand(p: Expressions) -> MvExpand:
    at = p.at
    p.at = at + 1
    found = parameters(p, _EXPAND)
    items = [_item(p)]
    while p.take(","):
        items.append(_item(p))
    limit = p.expression() if p.take("limit") else None
    return new(MvExpand, (p.starts[at], p.end(), p.texts[at], found, tuple(items), limit))


def mv_apply(p: Expressions) -> MvApply:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items = [_item(p, optional=True)]
    while p.take(","):
        items.append(_item(p))
    limit = p.expression() if p.take("limit") else None
    if p.take("id"):
        p.expression()
    p.expect("on", "in `mv-apply`")
    pipeline = body(p)
    return new(MvApply, (p.starts[at], p.end(), p.texts[at], found, tuple(items), limit, pipeline))


def _item(p: Expressions, optional: bool = False) -> ExpandItem:
    # `mv-apply to typeof(...)` is about the whole row: an empty star.
    implied = optional and p.kinds[p.at] == "to"
    value: Expr = new(Star, (p.starts[p.at], p.starts[p.at])) if implied else p.named()
    to_type: str | None = None
    if p.take("to"):
        if p.kinds[p.at] != "typeof":
            raise p.unexpected("`typeof(...)` after `to`")
        to_type = p.type_literal().type
    return new(ExpandItem, (value[0], p.end(), value, to_type))


def parse(p: Expressions) -> Parse:
    """Parse `parse` or `parse-where`."""
    at = p.at
    p.at = at + 1
    found = parameters(p, _PARSE, words=_PARSE_KINDS)
    value = p.expression()
    p.expect("with", f"in `{p.texts[at]}`")
    pattern: list[Literal | Star | Capture] = []
    while True:
        kind = p.kinds[p.at]
        if kind == "*":
            pattern.append(p.star())
        elif kind == STRING:
            literal = p.literal()
            assert isinstance(literal, Literal)
            pattern.append(literal)
        elif kind in DECLARED_NAME_KINDS or p.bracketed_end(p.at):
            name = p.declared_name()
            scalar = p.scalar_type() if p.take(":") else None
            pattern.append(new(Capture, (name[0], p.end(), name.value, scalar)))
        else:
            return new(Parse, (p.starts[at], p.end(), p.texts[at], found, value, tuple(pattern)))


def parse_kv(p: Expressions) -> ParseKv:
    at = p.at
    p.at = at + 1
    value = p.expression()
    p.expect("as", "in `parse-kv`")
    columns = p.row_schema()
    options: tuple[Parameter, ...] = ()
    if p.take("with"):
        p.expect("(", "after `with`")
        options = property_list(p, _PARSE_KV, ")")
        p.expect(")", "to close `with (`")
    return new(ParseKv, (p.starts[at], p.end(), p.texts[at], value, columns, options))
