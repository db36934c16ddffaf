"""A tree as one line of text, and the golden queries: what the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.kql.parser import parse
from fpctl.kql.tree import Literal, Name, Node, Query, QueryStatement, Star, Wildcard

GOLDEN = Path(__file__).parent / "golden"


def outline(node: Node, text: str) -> str:
    """Return `Where(where Binary([==] [a 1]))` of a node: names, literals and stars stand for themselves."""
    if isinstance(node, Name):
        return node.value
    if isinstance(node, Wildcard):
        return node.pattern
    if isinstance(node, Star):
        return "*"
    if isinstance(node, Literal):
        return text[node.start : node.end]
    if isinstance(node, QueryStatement):
        return outline(node.pipeline, text)
    fields = [_field(value, text) for value in node[2:]]
    return f"{type(node).__name__}({' '.join(field for field in fields if field)})"


def _field(value: object, text: str) -> str:
    if value is None or value is False or value == ():
        return ""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return outline(value, text)  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return f"[{' '.join(_field(item, text) for item in value)}]"
    return str(value)


def of(text: str) -> str:
    """Return the outlines of a text's statements."""
    query: Query = parse(text)
    return "; ".join(outline(statement, text) for statement in query.statements)


def scalar(text: str) -> str:
    """Return the outline of an expression."""
    query = f"print {text}"
    statement = parse(query).statements[0]
    assert isinstance(statement, QueryStatement)
    printed = statement.pipeline.source
    return outline(printed.items[0], query)  # type: ignore[union-attr]


def golden(name: str) -> list[object]:
    """Return the queries of a golden file as test parameters, each named by its first comment."""
    blocks = (GOLDEN / f"{name}.kql").read_text(encoding="utf-8").split("=====\n")
    return [pytest.param(block, id=block.splitlines()[0].removeprefix("// ")) for block in blocks]
