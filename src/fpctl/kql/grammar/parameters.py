"""Operator parameters: `kind=inner`, `hint.strategy=shuffle`, and the entries of `with (...)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.grammar.cursor import new
from fpctl.kql.tokens import NAME_KINDS
from fpctl.kql.tree import Expr, Name, Parameter

if TYPE_CHECKING:
    from fpctl.kql.grammar.operands import Operands

_KNOWN = frozenset(
    """
    __crossCluster __crossDB __id __isFuzzy __noWithSource __packedColumn __sourceColumnIndex bagexpansion bin_legacy
    cycles decodeblocks expandoutput force_remote hint.concurrency hint.distribution hint.materialized
    hint.num_partitions hint.progressive_top hint.remote hint.shufflekey hint.spread hint.strategy isfuzzy kind
    with_itemindex with_match_id with_source with_step_name withsource
    """.split()  # noqa: SIM905
)
"""Names that are parameters of every operator that takes any."""
_LATE_HINTS = frozenset(("pass_filters", "pass_filters_column"))
"""Hints that the lexer does not know as one word: `hint`, `.`, `pass_filters`."""
_PATH_VALUES = frozenset(("title", "xtitle", "ytitle"))
_COLUMN_LISTS = frozenset(("ycolumns", "anomalycolumns", "series", "by"))


def parameters(
    p: Operands,
    declared: frozenset[str] = frozenset(),
    *,
    before_equals: bool = True,
    words: frozenset[str] = frozenset(),
    most: int = 0,
) -> tuple[Parameter, ...]:
    """Parse the parameters that follow, possibly none.

    Args:
        declared: names that are parameters of this operator alone.
        before_equals: a name is a parameter only if a `=` follows; otherwise its `=` is required.
        most: how many to parse at most; 0 for all.
        words: keywords that are legal values of `kind` here, such as `simple` of `parse kind=simple`.
    """
    kinds, texts = p.kinds, p.texts
    found: list[Parameter] = []
    while True:
        at = p.at
        name = texts[at]
        if name not in _KNOWN and name not in declared:
            late = name == "hint" and kinds[at + 1] == "." and texts[at + 2] in _LATE_HINTS
            if not late or not p.adjacent(at + 1) or not p.adjacent(at + 2):
                return tuple(found)
            name = f"hint.{texts[at + 2]}"
            p.at = at + 3
        else:
            if before_equals and kinds[at + 1] != "=":
                return tuple(found)
            p.at = at + 1
        p.expect("=", f"after `{name}`")
        value = parameter_value(p, words if name == "kind" else frozenset())
        found.append(new(Parameter, (p.starts[at], p.end(), name, value)))
        if len(found) == most:
            return tuple(found)


def parameter_value(p: Operands, words: frozenset[str] = frozenset()) -> Expr:
    """Parse a literal, a word, or a name."""
    at = p.at
    if p.kinds[at] in NAME_KINDS or p.texts[at] in words:
        p.at = at + 1
        return new(Name, (p.starts[at], p.ends[at], p.texts[at]))
    value = p.literal()
    if value is not None:
        return value
    return p.name("a value")


def property_list(p: Operands, declared: frozenset[str], closing: str) -> tuple[Parameter, ...]:
    """Parse `name=value, ...` up to the token `closing`, which is left standing."""
    found: list[Parameter] = []
    if p.kinds[p.at] == closing:
        return ()
    while True:
        at = p.at
        name = p.texts[at]
        if name not in declared:
            raise p.unexpected(f"a property: one of {', '.join(sorted(declared))}")
        p.at = at + 1
        p.expect("=", f"after `{name}`")
        if name in _COLUMN_LISTS:
            found += column_list(p, at, name, declared)
        else:
            value = p.unsigned_operand() if name in _PATH_VALUES else parameter_value(p)
            found.append(new(Parameter, (p.starts[at], p.end(), name, value)))
        if not p.take(","):
            return tuple(found)


def column_list(p: Operands, at: int, name: str, declared: frozenset[str]) -> list[Parameter]:
    """Parse the names after `ycolumns=`; each one is a parameter of its own in the tree."""
    found: list[Parameter] = []
    while True:
        column = p.declared_name("a column name")
        found.append(new(Parameter, (p.starts[at], column[1], name, column)))
        if p.kinds[p.at] != "," or (p.texts[p.at + 1] in declared and p.kinds[p.at + 2] == "="):
            return found
        p.at += 1
