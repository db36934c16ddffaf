"""Clauses into the text and out of it again, every other byte as it was.

A clause stands on a line of its own that begins with a line break *before* it, so it is safe after
a trailing comment and at the end of a text without a last newline. Two forms:

* The rest of the line after the insertion point is blank or a comment: the clause line goes in front of the
  line break. Taking it out removes its leading line break and the line.
* More code follows on the insertion point's line (a one-line query, `)`, `;`): the clause line goes right at
  the insertion point and a line break is added behind it too; the marker then ends in a backslash ("the line
  went on here"), and taking the clause out removes that second line break as well.

A bare table name that is a leg of a union has no pipeline that a clause could stand in. It is put into
parentheses; the marker then ends in `\\)`, and taking the clause out removes the pair as well.

A marker is a comment, `// fpctl fp-2026-0007`. A clause of many exclusions says how many, what they
match, and a digest of their ids: `// fpctl 1,000 exclusions: device, sha256:0123456789ab`. Where the
target forbids comments a marker is a term that is never true, `"fpctl fp-2026-0007" == ""`.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from fpctl.kql.lexer import tokenize
from fpctl.kql.tokens import Tokens
from fpctl.text.edits import Edit, EditedText, deletion, insertion, joined_spans
from fpctl.text.source import newline_of

MARKER = "fpctl"
NAMED = 8
"""So many exclusions of one clause its marker names."""
_CONTINUES = "\\"
_WRAPS = "\\)"
_REST_OF_LINE = re.compile(r"[ \t\u00a0]*(?://[^\r\n\u2028\u2029]*)?(?=\r?\n|\Z)")
_CLAUSE_LINE = re.compile(r"(\r?\n)[ \t]*\|[ \t]*where\b")
_COMMENT_MARKER = re.compile(r"//[ \t]*fpctl[ \t]+(\S[^\r\n\u2028\u2029]*?)[ \t]*(?=\r?\n|\Z)")
_SUMMARY = re.compile(r"[\d,]+ exclusions: ")
_LITERAL_MARKER = re.compile(r'"fpctl ([^"\\]*?)( \\\\\)?)?" == ""(?=\r?\n|\Z)')


@dataclass(frozen=True, slots=True)
class MarkedClause:
    """A clause found in a tuned text: the span that `strip` removes, and the exclusions it names.

    `opening` is the offset of a parenthesis that goes with it.
    """

    start: int
    end: int
    exclusions: tuple[str, ...]
    """Empty where the marker only says how many they are."""
    line_start: int
    """Offset of the clause's first character, its `|`."""
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
    if comments:
        return f"{line.clause} // {MARKER} {ids}{' ' if ending else ''}{ending}"
    # The escaped backslash of the literal form reads back as one.
    shown = ending.replace(_CONTINUES, _CONTINUES * 2)
    return f'{line.clause} or "{MARKER} {ids}{" " if shown else ""}{shown}" == ""'


def _indentation(text: str, anchor: int) -> str:
    """Return the white space that begins the line of the operator before the insertion point, or of the source."""
    line = text[text.rfind("\n", 0, anchor) + 1 : anchor]
    return line[: len(line) - len(line.lstrip(" \t"))]


def find_clauses(text: str) -> list[MarkedClause]:
    """Return every marked clause of a query, in order.

    Only a comment (or the literal form) on a line that begins with `| where` counts; the same words
    inside a string or in a comment elsewhere do not.

    Raises:
        KqlSyntaxError: the text has a marker and cannot be read as KQL tokens.
    """
    found: list[MarkedClause] = []
    if MARKER not in text:
        return found
    tokens = tokenize(text)
    group_start = -1
    for match in sorted(
        [*_COMMENT_MARKER.finditer(text), *_LITERAL_MARKER.finditer(text)], key=lambda m: (m.start(), m.end())
    ):
        if not _follows_a_token(text, tokens, match.start()):
            continue
        newline_at = text.rfind("\n", 0, match.start())
        if newline_at < 0:
            continue
        start = newline_at - 1 if newline_at and text[newline_at - 1] == "\r" else newline_at
        line = _CLAUSE_LINE.match(text, start)
        if line is None or line.end() > match.start():
            continue
        ids, ending = _ids_and_ending(match)
        if not found or found[-1].end != start:
            group_start = start
        end, opening = match.end(), None
        if ending:
            end = min(end + (2 if text.startswith("\r\n", end) else 1), len(text))
        if ending == _WRAPS:
            opening = _opening(tokens, group_start)
            if opening is None or not text.startswith(")", end):
                continue
            end += 1
        found.append(MarkedClause(start, end, ids, text.index("|", start), opening))
    return found


def _ids_and_ending(match: re.Match[str]) -> tuple[tuple[str, ...], str]:
    ids = match.group(1)
    ending = ""
    if match.re is _LITERAL_MARKER:
        ending = (match.group(2) or "").strip().replace(_CONTINUES * 2, _CONTINUES)
    else:
        for possible in (_WRAPS, _CONTINUES):
            if ids.endswith(possible):
                ids, ending = ids.removesuffix(possible), possible
                break
    if _SUMMARY.match(ids):
        return (), ending
    return tuple(part.strip() for part in ids.split(",")), ending


def _opening(tokens: Tokens, clause_start: int) -> int | None:
    """Return the offset of the parenthesis before the table name that a clause follows."""
    index = bisect_left(tokens.starts, clause_start) - 1
    if index > 0 and tokens.texts[index] == "]":
        while index > 0 and tokens.texts[index] != "[":
            index -= 1
    return tokens.starts[index - 1] if index > 0 and tokens.texts[index - 1] == "(" else None


def _follows_a_token(text: str, tokens: Tokens, offset: int) -> bool:
    """Return whether only blanks lie between the last token before `offset` and it.

    So a marker inside a string literal, or inside a person's own comment, is not taken for one.
    """
    index = bisect_left(tokens.starts, offset) - 1
    return index >= 0 and tokens.ends[index] <= offset and not text[tokens.ends[index] : offset].strip(" \t")


def stripped(text: str) -> EditedText:
    """Return the way from a query to its base query: every clause of fpctl removed, every other byte as it was.

    Raises:
        KqlSyntaxError: the text has a marker and cannot be read as KQL tokens.
    """
    spans = joined_spans(span for clause in find_clauses(text) for span in clause.spans())
    return EditedText.of(text, [deletion(start, end) for start, end in spans])


def strip(text: str) -> str:
    """Return the base query; see `stripped`."""
    return stripped(text).text
