"""Edits of a text, applied in one pass, with a map of offsets in both directions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Edit(NamedTuple):
    """Replace `text[start:end]` by `text`. Where `start` is `end` it inserts, where `text` is empty it deletes."""

    start: int
    end: int
    text: str


class OverlappingEdits(ValueError):
    """Two edits want to change the same characters. It is a fault of the caller: neither is applied."""

    def __init__(self, first: Edit, second: Edit) -> None:
        super().__init__(f"edits overlap: {first.start}..{first.end} and {second.start}..{second.end}")
        self.first = first
        self.second = second


def insertion(offset: int, text: str) -> Edit:
    """Return the edit that inserts `text` before the character at `offset`."""
    return Edit(offset, offset, text)


def deletion(start: int, end: int) -> Edit:
    """Return the edit that deletes `text[start:end]`."""
    return Edit(start, end, "")


def ordered(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in order of offset; insertions at one offset keep the order given.

    An insertion where a replaced part begins comes before it, one where it ends comes after it.

    Raises:
        OverlappingEdits: two edits change the same characters, or one inserts inside what another replaces.
    """
    found: list[Edit] = []
    for edit in sorted(edits, key=_order):
        start, end, text = edit
        if start == end and not text:
            continue
        if found:
            last = found[-1]
            if start < last.end:
                raise OverlappingEdits(last, edit)
        found.append(edit)
    return found


def joined_insertions(edits: Iterable[Edit]) -> list[Edit]:
    """Return edits in order, with the insertions at one offset joined; see `ordered` for what is raised."""
    found: list[Edit] = []
    for edit in ordered(edits):
        if found and edit.start == edit.end == found[-1].start == found[-1].end:
            found[-1] = insertion(edit.start, found[-1].text + edit.text)
        else:
            found.append(edit)
    return found


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits applied.

    Raises:
        OverlappingEdits: see `ordered`.
    """
    return _applied(text, ordered(edits))


def _applied(text: str, edits: Iterable[Edit]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in edits:
        parts += text[at:start], new
        at = end
    parts.append(text[at:])
    return "".join(parts)


def _order(edit: Edit) -> tuple[int, int]:
    return edit.start, edit.end


def joined_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans sorted, with touching and overlapping ones joined and empty ones left out."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


@dataclass(frozen=True, slots=True)
class EditedText:
    """A text, edits of it, and the text that they lead to.

    Attributes:
        source: the text before.
        edits: in order, without overlaps.
        text: the text after.
    """

    source: str
    edits: tuple[Edit, ...]
    text: str
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, source: str, edits: Iterable[Edit]) -> EditedText:
        """Apply edits to a text.

        Raises:
            OverlappingEdits: see `ordered`.
        """
        found = tuple(ordered(edits))
        return cls(source, found, _applied(source, found))

    def _edited_starts(self) -> Sequence[int]:
        """Return where each edit's new text begins in the edited text."""
        if self.edits and not self._starts:
            shift = 0
            for start, end, new in self.edits:
                self._starts.append(start + shift)
                shift += len(new) - (end - start)
        return self._starts

    def edit_at(self, offset: int) -> Edit | None:
        """Return the edit whose new text holds an offset of the edited text; None where the source is unchanged."""
        starts = self._edited_starts()
        index = bisect_right(starts, offset) - 1
        # A deletion may begin where an insertion does: only the last one that begins here can hold the offset.
        if index >= 0 and offset < starts[index] + len(self.edits[index].text):
            return self.edits[index]
        return None

    def source_offset(self, offset: int) -> int | None:
        """Return an offset of the edited text as one of the source; None where it is in new text."""
        starts = self._edited_starts()
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return offset
        edit = self.edits[index]
        behind = offset - starts[index] - len(edit.text)
        return None if behind < 0 else edit.end + behind

    def edited_offset(self, offset: int) -> int:
        """Return an offset of the source as one of the edited text: after what is inserted there.

        Inside a replaced part it is where the new text begins.
        """
        index = bisect_right(self.edits, offset, key=lambda edit: edit.start) - 1
        if index < 0:
            return offset
        edit, start = self.edits[index], self._edited_starts()[index]
        return start if offset < edit.end else start + len(edit.text) + offset - edit.end
