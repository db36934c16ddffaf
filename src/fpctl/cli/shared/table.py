"""A table as text that fits the terminal."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
"""Blanks between two columns."""
NARROWEST = 12
"""No column is cut to less; below that, rows become records."""
PADDING = 2
"""Blanks that tabulate puts beside a header."""
ELLIPSIS = "…"


def fitted(headers: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str], width: int | None) -> str:
    """Return a table with a line for each row; None as the width cuts nothing.

    What is too wide is cut in its widest columns, the last of them first, so that the first columns, which say what a
    row is about, stay whole the longest. Where even that is not enough, each row becomes a record of lines.
    """
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(len(headers))]
    widths = [max(cells, len(header) + PADDING) for cells, header in zip(widths, headers, strict=True)]
    if width is not None and rows:
        cut = _cut(headers, widths, right, width)
        if cut is None:
            return _records(headers, rows, width)
        rows = [[_shortened(cell, one) for cell, one in zip(row, cut, strict=True)] for row in rows]
    from tabulate import tabulate

    text = tabulate(
        rows,
        headers=list(headers),
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if header in right else "left" for header in headers] if rows else None,
    )
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _shortened(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + ELLIPSIS


def _cut(headers: Sequence[str], widths: Sequence[int], right: frozenset[str], width: int) -> list[int] | None:
    """Return widths that fit, or None where there are none. Numbers, which stand to the right, are never cut."""
    found = list(widths)
    least = [
        one if header in right else min(one, max(NARROWEST, len(header) + PADDING))
        for header, one in zip(headers, widths, strict=True)
    ]
    over = sum(found) + GAP * (len(found) - 1) - width
    while over > 0:
        spare = [(found[at] - least[at], at) for at in range(len(found)) if found[at] > least[at]]
        if not spare:
            return None
        widest = max(found[at] for _, at in spare)
        at = max(at for _, at in spare if found[at] == widest)
        found[at] -= 1
        over -= 1
    return found


def _records(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    margin = max(len(header) for header in headers)
    room = max(width - margin - GAP, NARROWEST)
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines += [""] if number else []
        for header, cell in zip(headers, row, strict=True):
            pieces = [cell[at : at + room] for at in range(0, len(cell), room)] or [""]
            lines += [f"{header if not at else '':<{margin}}{GAP * ' '}{piece}" for at, piece in enumerate(pieces)]
    return "".join(f"{line.rstrip()}\n" for line in lines)
