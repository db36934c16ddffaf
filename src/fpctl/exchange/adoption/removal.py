"""Terms out of a query's text, every other byte as it was."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from fpctl.exchange.adoption.tails import Tail
from fpctl.kql.lexer import tokenize

_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*)?(\r?\n|\Z)")


def spans_of(text: str, tails: Sequence[Tail]) -> list[tuple[int, int]]:
    """Return the spans that take terms out: a whole operator where none of its terms is left."""
    spans: list[tuple[int, int]] = []
    by_operator: dict[int, list[Tail]] = {}
    for tail in tails:
        by_operator.setdefault(tail.number, []).append(tail)
    for _, group in sorted(by_operator.items()):
        places = {tail.place for tail in group}
        if len(places) == len(group[0].terms):
            spans.append(_operator_span(text, group[0]))
        else:
            spans += _term_spans(group[0], places)
    return spans


def _term_spans(tail: Tail, places: Collection[int]) -> list[tuple[int, int]]:
    """Return the spans of terms with the `and` beside each: the one before it, or after it if it is the first."""
    spans: list[tuple[int, int]] = []
    first_kept = min(place for place in range(len(tail.terms)) if place not in places)
    if first_kept > 0:
        spans.append((tail.terms[0].start, tail.terms[first_kept].start))
    spans += [(tail.terms[place - 1].end, tail.terms[place].end) for place in sorted(places) if place > first_kept]
    return spans


def _operator_span(text: str, tail: Tail) -> tuple[int, int]:
    """Return the span of an operator with its `|`: whole lines where it has them for itself."""
    tokens = tokenize(text)
    start = max(
        at for at, kind in zip(tokens.starts, tokens.kinds, strict=True) if kind == "|" and at < tail.operator.start
    )
    line = text.rfind("\n", 0, start) + 1
    rest = _REST_OF_LINE.match(text, tail.operator.end)
    if text[line:start].strip(" \t") == "" and rest is not None:
        if rest[1] or line == 0:
            return line, rest.end()
        # The last line has no line break of its own: the one before it goes.
        before = line - 2 if text[line - 2 : line] == "\r\n" else line - 1
        return before, rest.end()
    end = tail.operator.end
    while end < len(text) and text[end] in " \t":
        end += 1
    if rest is not None:
        # At the end of a line blanks go in front of the `|` instead, and a comment stays.
        end = tail.operator.end
        while start > 0 and text[start - 1] in " \t":
            start -= 1
    return start, end


def comment_of(text: str, start: int, end: int) -> str | None:
    """Return the words of the comments in a span and after it on its line, None if there are none."""
    line_end = text.find("\n", end)
    shown = text[start : line_end if line_end >= 0 else len(text)]
    pieces = [shown[piece.start : piece.end] for piece in tokenize(shown).pieces() if piece.kind == "COMMENT"]
    words = " ".join(" ".join(piece.strip().lstrip("/").split()) for piece in pieces).strip()
    return words or None
