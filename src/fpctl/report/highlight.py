"""A query as pieces with the class of each token, for pages that colour KQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import scan
from fpctl.kql.tokens import COMMENT, KEYWORDS, LITERAL_TYPES, NAME, STRING, WHITESPACE

PieceClass = Literal["keyword", "string", "literal", "comment", "plain"]


class Piece(NamedTuple):
    """A part of a line and the class of the token that it is part of."""

    kind: PieceClass
    text: str


def highlighted(text: str) -> list[list[Piece]]:
    """Return the lines of a query as pieces; joined they are the text. What is not KQL is one plain piece a line.

    Neighbours of one class are one piece: a clause may name a thousand values.
    """
    lines: list[list[Piece]] = [[]]
    for kind, part in _parts(text):
        first, *rest = part.split("\n")
        if first:
            lines[-1].append(Piece(kind, first))
        lines.extend([Piece(kind, more)] if more else [] for more in rest)
    return lines


def _parts(text: str) -> Iterator[tuple[PieceClass, str]]:
    try:
        tokens = scan(text)
    except KqlSyntaxError:
        yield "plain", text
        return
    begin = 0
    held: PieceClass = "plain"
    for token in tokens.pieces():
        kind = _class(token.kind)
        if kind != held:
            if token.start > begin:
                yield held, text[begin : token.start]
            begin, held = token.start, kind
    if begin < len(text):
        yield held, text[begin:]


def _class(kind: str) -> PieceClass:
    if kind == COMMENT:
        return "comment"
    if kind == STRING:
        return "string"
    if kind in LITERAL_TYPES:
        return "literal"
    if kind in (NAME, WHITESPACE):
        return "plain"
    return "keyword" if kind in KEYWORDS or kind[:1].isalpha() else "plain"
