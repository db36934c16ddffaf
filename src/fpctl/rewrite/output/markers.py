"""Inserting clauses into a text and removing them again, with every other byte unchanged.

A clause is on a line of its own that begins with a line break *before* it, so it is safe after
a trailing comment and at the end of a text without a last newline. Two forms:

* The rest of the line after the insertion point is blank or a comment: the clause line goes in front of the
  line break. Removing the clause removes its leading line break and the line.
* More code follows on the insertion point's line (a one-line query, `)`, `;`): the clause line goes right at
  the insertion point and a line break is added after it too; the marker then ends in a backslash ("the line
  went on here"), and removing the clause removes that second line break as well.

A bare table name that is a leg of a union has no pipeline that a clause could be placed in. It is put into
parentheses; the marker then ends in `\\)`, and removing the clause removes the pair as well.

A marker is a comment, `// fpctl fp-2026-0007 check:1a2b3c4d`. A clause of many exclusions says how many, what
they match, and a digest of their ids: `// fpctl 1,000 exclusions: device, sha256:0123456789ab check:1a2b3c4d`.
Where the target forbids comments a marker is a term that is never true,
`"fpctl fp-2026-0007 check:1a2b3c4d" == ""`.

The check value is computed from the clause and the rest of its marker. Only a clause with the right one is
taken for fpctl's own: a comment that merely mentions fpctl is a person's own, and so is a clause that was edited by
hand. What looks like a clause of fpctl and is none is named (`lookalikes`), and stays.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from fpctl.kql.lexer import tokenize
from fpctl.kql.tokens import Tokens
from fpctl.text.edits import Edit, EditedText, deletion, insertion, joined_spans
from fpctl.text.source import newline_of

MARKER = "fpctl"
NAMED = 8
"""How many exclusions of a clause its marker names."""
_CONTINUES = "\\"
_WRAPS = "\\)"
_REST_OF_LINE = re.compile(r"[ \t\u00a0]*(?://[^\r\n\u2028\u2029]*)?(?=\r?\n|\Z)")
_CLAUSE_LINE = re.compile(r"[ \t]*(?=\|[ \t]*where\b)")
_COMMENT_MARKER = re.compile(
    r"[ \t]*// fpctl (?P<ids>\S(?:.*?\S)?)(?: check:(?P<check>[0-9a-f]{8}))?(?: (?P<ending>\\\)?))?[ \t]*"
)
_LITERAL_MARKER = re.compile(
    r'(?P<or> or )"fpctl (?P<ids>[^"\\]+?)(?: check:(?P<check>[0-9a-f]{8}))?(?: (?P<ending>\\\\\)?))?" == ""'
)
_NEGATION = "| where not("
_ID = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_IDS = re.compile(rf"{_ID}(?:, {_ID})*|[\d,]+ exclusions: (?:[a-z_, ]+, )?sha256:[0-9a-f]{{12}}")
"""What is in a marker: ids of exclusions, or how many they are with a digest."""
_SUMMARY = re.compile(r"[\d,]+ exclusions: ")


@dataclass(frozen=True, slots=True)
class MarkedClause:
    """A clause found in a tuned text: the span that `strip` removes, and the exclusions it names.

    `opening` is the offset of a parenthesis that goes with it.
    """

    start: int
    end: int
    exclusions: tuple[str, ...]
    """Empty where the marker only says how many they are."""
    opening: int | None = None

    def spans(self) -> list[tuple[int, int]]:
        """Return the spans to remove."""
        own = [(self.start, self.end)]
        return own if self.opening is None else [(self.opening, self.opening + 1), *own]


@dataclass(frozen=True, slots=True)
class ClauseLine:
    """One clause to place: `clause` is `| where not(...)` on one line, without a marker.

    `anchor` is where the operator (or source) before the insertion point begins: its line gives the indentation.
    `wraps` is where a bare union leg begins that must be put into parentheses.
    """

    offset: int
    clause: str
    exclusions: tuple[str, ...]
    anchor: int
    wraps: int | None = None
    about: str = ""
    """What the exclusions match, for the marker of a clause of many."""


def edits_for(
    text: str, clauses: Sequence[ClauseLine], *, comments: bool = True, newline: str | None = None
) -> list[Edit]:
    """Return the edits in order of offset; clauses of the same insertion point keep their given order.

    Where a bare leg ends a union, the insertion point in the leg and the one after the union are at the same
    offset: the leg's edit comes first, and with it the parenthesis that closes the leg.

    Args:
        text: the base query, without clauses.
        clauses: what to put in; `offset` is the end of the insertion point's last token.
        comments: False where the target forbids comments; the marker is then a literal.
        newline: what ends a line; the text's own style if not given.
    """
    newline = newline or newline_of(text)
    edits: list[Edit] = []
    by_point: dict[tuple[int, bool], list[ClauseLine]] = {}
    for clause in clauses:
        by_point.setdefault((clause.offset, clause.wraps is None), []).append(clause)
    for (offset, _), lines in sorted(by_point.items(), key=lambda point: point[0]):
        indent = _indentation(text, lines[0].anchor)
        wraps = lines[0].wraps
        rest = _REST_OF_LINE.match(text, offset) if wraps is None else None
        ending = "" if rest is not None else _CONTINUES if wraps is None else _WRAPS
        inserted = "".join(
            f"{newline}{indent}{_with_marker(line, comments, ending if line is lines[-1] else '')}" for line in lines
        )
        if rest is not None:
            edits.append(insertion(rest.end(), inserted))
        elif wraps is None:
            edits.append(insertion(offset, inserted + newline))
        else:
            edits.append(insertion(wraps, "("))
            edits.append(insertion(offset, f"{inserted}{newline})"))
    return sorted(edits, key=lambda edit: edit.start)


def closes_leg(edit: Edit) -> bool:
    """Return whether an edit ends with the parenthesis that closes a leg of a union."""
    return edit.text.endswith("\n)")


def summary(exclusions: Sequence[str], about: str) -> str:
    """Return what stands for the ids of many exclusions in a marker; it changes when any of them does."""
    digest = hashlib.sha256("\n".join(sorted(exclusions)).encode()).hexdigest()[:12]
    return f"{len(exclusions):,} exclusions: {f'{about}, ' if about else ''}sha256:{digest}"


def _with_marker(line: ClauseLine, comments: bool, ending: str) -> str:
    ids = ", ".join(line.exclusions) if len(line.exclusions) <= NAMED else summary(line.exclusions, line.about)
    shown = f"{ids} check:{_check(line.clause, ids, ending)}{' ' if ending else ''}"
    if comments:
        return f"{line.clause} // {MARKER} {shown}{ending}"
    # The escaped backslash of the literal form reads back as one.
    return f'{line.clause} or "{MARKER} {shown}{ending.replace(_CONTINUES, _CONTINUES * 2)}" == ""'


def _check(clause: str, ids: str, ending: str) -> str:
    """Return the check value of a clause and its marker: 32 bits that nobody types by accident."""
    return hashlib.sha256("\n".join((clause, ids, ending)).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _indentation(text: str, anchor: int) -> str:
    """Return the white space that begins the line of the operator before the insertion point, or of the source."""
    line = text[text.rfind("\n", 0, anchor) + 1 : anchor]
    return line[: len(line) - len(line.lstrip(" \t"))]


def find_clauses(text: str) -> list[MarkedClause]:
    """Return every clause that fpctl wrote into a query, in order.

    Raises:
        KqlSyntaxError: the text has a marker and cannot be read as KQL tokens.
    """
    return _read(text)[0]


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A line that looks like a clause of fpctl and is not what fpctl wrote. It is part of the base query.

    `offset` is that of its `|`. `edited` is set where the marker has a check value, so that somebody changed
    the line afterwards; without one it may be a clause of fpctl 0.1, or a person's own.
    """

    offset: int
    exclusions: str
    edited: bool

    @property
    def message(self) -> str:
        """What to tell the rule's author."""
        if self.edited:
            return f"this clause of fpctl ({self.exclusions}) was edited by hand; it is kept as part of the rule"
        return (
            f"this looks like a clause of fpctl ({self.exclusions}) but has no check value; "
            "it is kept as part of the rule"
        )


def lookalikes(text: str) -> list[Lookalike]:
    """Return the lines of a query that look like clauses of fpctl and are kept; see `find_clauses`."""
    return _read(text)[1]


def _read(text: str) -> tuple[list[MarkedClause], list[Lookalike]]:
    found: list[MarkedClause] = []
    kept: list[Lookalike] = []
    if MARKER not in text:
        return found, kept
    tokens = tokenize(text)
    group_start = -1
    at = text.find("\n")
    while at >= 0:
        end = text.find("\n", at + 1)
        stop = len(text) if end < 0 else end - 1 if text[end - 1] == "\r" else end
        start = at - 1 if at and text[at - 1] == "\r" else at
        line = _marker_on(text, tokens, at + 1, stop)
        if line is not None:
            if not found or found[-1].end != start:
                group_start = start
            clause = _clause_of(text, tokens, line, start, stop, group_start)
            if clause is not None:
                found.append(clause)
            elif line.match["check"] or (line.whole and _IDS.fullmatch(line.match["ids"])):
                kept.append(Lookalike(line.pipe, line.match["ids"], line.match["check"] is not None))
        at = end
    return found, kept


class _Line(NamedTuple):
    """A line of a query that begins with `| where` and ends in what may be a marker."""

    pipe: int
    clause: str
    match: re.Match[str]

    @property
    def ending(self) -> str:
        return (self.match["ending"] or "").replace(_CONTINUES * 2, _CONTINUES)

    @property
    def whole(self) -> bool:
        """Whether it has the form of a clause: everything is inside of `not(...)`."""
        return self.match.re is _LITERAL_MARKER or (self.clause.startswith(_NEGATION) and self.clause.endswith(")"))


def _marker_on(text: str, tokens: Tokens, start: int, stop: int) -> _Line | None:
    """Return the line between two offsets if it begins with `| where` and ends in what may be a marker.

    A marker is the whole of what follows the line's last token, or that token's own text: the same words inside
    a string, or inside a person's comment, are none.
    """
    head = _CLAUSE_LINE.match(text, start, stop)
    if head is None or text.find(MARKER, head.end(), stop) < 0:
        return None
    pipe = head.end()
    index = bisect_left(tokens.starts, stop) - 1
    while index >= 0 and tokens.starts[index] == tokens.ends[index]:
        index -= 1  # the end of the text is a token of no length
    first = bisect_left(tokens.starts, pipe)
    if index < 0 or tokens.ends[index] > stop or tokens.starts[first] != pipe:
        return None
    comment = _COMMENT_MARKER.fullmatch(text, tokens.ends[index], stop)
    if comment is not None:
        return _Line(pipe, text[pipe : tokens.ends[index]], comment)
    if index < 3 or tokens.texts[index] != '""':
        return None
    # `... or "marker" == ""`: the words of the marker are a token of their own.
    literal = _LITERAL_MARKER.fullmatch(text, tokens.ends[index - 4] if index >= 4 else pipe, stop)
    if literal is None or literal.end("or") != tokens.starts[index - 2]:
        return None
    return _Line(pipe, text[pipe : literal.start()], literal)


def _clause_of(text: str, tokens: Tokens, line: _Line, start: int, stop: int, group_start: int) -> MarkedClause | None:
    """Return the clause of a line, or None where its check value is missing or wrong."""
    ids, ending = line.match["ids"], line.ending
    if not line.whole or line.match["check"] != _check(line.clause, ids, ending):
        return None
    end, opening = stop, None
    if ending:
        # Right after a token, with the rest of its line after the clause: else it was moved here by hand.
        behind = bisect_left(tokens.ends, group_start)
        if behind == len(tokens.ends) or tokens.ends[behind] != group_start:
            return None
        end = min(end + (2 if text.startswith("\r\n", end) else 1), len(text))
    if ending == _WRAPS:
        opening = _opening(tokens, group_start)
        if opening is None or not text.startswith(")", end):
            return None
        end += 1
    exclusions = () if _SUMMARY.match(ids) else tuple(ids.split(", "))
    return MarkedClause(start, end, exclusions, opening)


def _opening(tokens: Tokens, clause_start: int) -> int | None:
    """Return the offset of the parenthesis before the table name that a clause follows."""
    index = bisect_left(tokens.starts, clause_start) - 1
    if index > 0 and tokens.texts[index] == "]":
        while index > 0 and tokens.texts[index] != "[":
            index -= 1
    return tokens.starts[index - 1] if index > 0 and tokens.texts[index - 1] == "(" else None


def stripped(text: str) -> EditedText:
    """Return the way from a query to its base query: every clause of fpctl removed, every other byte as it was.

    Raises:
        KqlSyntaxError: the text has a marker and cannot be read as KQL tokens.
    """
    return _without(text, find_clauses(text))


def separated(text: str) -> tuple[EditedText, list[Lookalike]]:
    """Return what `stripped` and `lookalikes` do, from one reading; the offsets are those of the base query."""
    clauses, kept = _read(text)
    base = _without(text, clauses)
    return base, [replace(one, offset=base.edited_offset(one.offset)) for one in kept]


def _without(text: str, clauses: Sequence[MarkedClause]) -> EditedText:
    spans = joined_spans(span for clause in clauses for span in clause.spans())
    return EditedText.of(text, [deletion(start, end) for start, end in spans])


def strip(text: str) -> str:
    """Return the base query; see `stripped`."""
    return stripped(text).text
