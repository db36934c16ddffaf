"""A query without comments: a continuous custom detection may not include any.

https://learn.microsoft.com/defender-xdr/custom-detection-rules
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fpctl.kql.lexer import tokenize

_COMMENT = re.compile(r"//[^\r\n\u2028\u2029]*")
_LINE = re.compile(r"[^\r\n]*(?:\r?\n|\r|\Z)")


class Comment(NamedTuple):
    """A comment that was left out, and the line that it was on."""

    line: int
    text: str


def without_comments(query: str) -> tuple[str, tuple[Comment, ...]]:
    """Return a query without its comments, and those that were left out; a line of comment only goes as a whole.

    Raises:
        KqlSyntaxError: the query cannot be read.
    """
    tokens = tokenize(query)
    found: list[Comment] = []
    parts: list[str] = []
    for trivia, text, start in zip(tokens.trivia, tokens.texts, tokens.starts, strict=True):
        begins = start - len(trivia)
        parts += (_without(trivia, begins, query, found), text)
    return "".join(parts), tuple(found)


def _without(trivia: str, begins: int, query: str, found: list[Comment]) -> str:
    """Return what is between two tokens without its comments."""
    if "//" not in trivia:
        return trivia
    kept: list[str] = []
    for match in _LINE.finditer(trivia):
        line = match[0]
        comment = _COMMENT.search(line)
        if comment is None:
            kept.append(line)
            continue
        at = begins + match.start()
        found.append(Comment(query.count("\n", 0, at) + 1, comment[0]))
        before, ending = line[: comment.start()], line[comment.end() :]
        whole = not before.strip() and (at == 0 or query[at - 1] in "\r\n")
        kept.append("" if whole else before.rstrip(" \t") + ending)
    return "".join(kept)
