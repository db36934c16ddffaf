"""Texts of files and services in Markdown: nothing that they say becomes markup, and no reader sees an escape.

What could be markup, a mention, a link or an issue is put in a code span, where it has no effect. In a table a
bar is written as `\\\\|` even there, which GitHub shows as a bar.

Source: GitHub Flavored Markdown (https://github.github.com/gfm), 4.10 tables and 6.1 code spans.
"""

from __future__ import annotations

import re

from fpctl.text.visible import visible_lines

_PLAIN = re.compile(r"[\w .,;()?%='\"/+-]*")
_STARTS = re.compile(r"\s*(?:[-+=]|\d+[.)])")
_SPAN = re.compile(r"(?<!`)`[^`]+`(?!`)")
_LINK = re.compile(r"www\.|\w\.\w+/|_", re.IGNORECASE)


def said(text: str) -> str:
    """Return a text for a paragraph, a list or a heading: one line, as it is or as a code span."""
    line = " ".join(visible_lines(text).split())
    # fpctl's own messages have names in code spans already.
    between = _SPAN.split(line)
    if not _STARTS.match(line) and all(_PLAIN.fullmatch(part) and not _LINK.search(part) for part in between):
        return line
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}"


def cell(text: str) -> str:
    """Return a text for a cell of a table."""
    return said(text).replace("|", "\\|")


def fenced(lines: list[str], language: str) -> list[str]:
    """Return lines as a code block whose fence no line of them ends."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *(visible_lines(line).replace("\n", " ") for line in lines), fence]
