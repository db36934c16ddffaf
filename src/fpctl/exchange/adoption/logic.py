"""A condition as alternatives of comparisons that must hold together, whatever its brackets and negations."""

from __future__ import annotations

from typing import NamedTuple

from fpctl.kql import tree

MAX_ALTERNATIVES = 64

_NEGATIVE = {"!=": "==", "<>": "==", "!~": "=~", "!in": "in", "!in~": "in~", "!between": "between"}


class TooManyError(Exception):
    """A condition has more alternatives than one exclusion should have."""


class Fact(NamedTuple):
    """A comparison that must hold, or must not.

    `op` is the operator without its `!` (`==`, `has`, `in~` ...), or empty where the node is none that
    compares: then only its text says what it means.
    """

    node: tree.Expr
    op: str
    left: tree.Expr | None
    right: tuple[tree.Expr, ...]
    holds: bool


def alternatives(expression: tree.Expr, holds: bool) -> list[list[Fact]]:
    """Return the alternatives under which a condition holds (or does not).

    Raises:
        TooManyError: there are more than MAX_ALTERNATIVES.
    """
    node = expression
    while isinstance(node, tree.Group):
        node = node.inner
    negated = is_not(node)
    if negated is not None:
        return alternatives(negated, not holds)
    if isinstance(node, tree.Binary) and node.ops[0] in ("and", "or"):
        parts = [alternatives(operand, holds) for operand in node.operands]
        if (node.ops[0] == "or") == holds:
            return _bounded([one for part in parts for one in part])
        product: list[list[Fact]] = [[]]
        for part in parts:
            product = _bounded([[*before, *after] for before in product for after in part])
        return product
    return [[_fact(node, holds)]]


def is_not(node: tree.Expr) -> tree.Expr | None:
    """Return what is in `not(...)`, or in a comparison of a call with `false`; None for anything else."""
    if isinstance(node, tree.Call) and node.name.value.lower() == "not" and len(node.args) == 1:
        return node.args[0]
    return None


def is_negative(node: tree.Expr) -> bool:
    """Return whether a condition is written as a negation: `not(...)`, `!=`, `!in`, or such joined with `or`."""
    while isinstance(node, tree.Group):
        node = node.inner
    if is_not(node) is not None:
        return True
    if isinstance(node, tree.Binary):
        if node.ops[0] == "or":
            return all(is_negative(operand) for operand in node.operands)
        return len(node.ops) == 1 and (node.ops[0].startswith("!") or node.ops[0] == "<>")
    return isinstance(node, tree.Membership) and node.op.startswith("!")


def _bounded(found: list[list[Fact]]) -> list[list[Fact]]:
    if len(found) > MAX_ALTERNATIVES:
        raise TooManyError(f"it amounts to more than {MAX_ALTERNATIVES} alternatives")
    return found


def _fact(node: tree.Expr, holds: bool) -> Fact:
    if isinstance(node, tree.Membership):
        op, left, right = node.op, node.left, node.items
    elif isinstance(node, tree.Binary) and len(node.ops) == 1:
        op, left, right = node.ops[0], node.operands[0], node.operands[1:]
    else:
        return Fact(node, "", None, (), holds)
    positive = _NEGATIVE.get(op, op.removeprefix("!"))
    return Fact(node, positive, left, tuple(right), holds if positive == op else not holds)
