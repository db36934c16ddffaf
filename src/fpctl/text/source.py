"""A source text and the places in it: offset to line and column, carets, newline style."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from fpctl.errors import Location


@dataclass(slots=True)
class SourceText:
    """A text with a name. Offsets are 0-based characters; lines and columns are 1-based.

    Only `\\n` and `\\r\\n` end a line, as in KQL and in every editor that shows it.
    """

    text: str
    path: str | None = None
    _starts: list[int] = field(default_factory=list, repr=False, compare=False)

    def line_starts(self) -> list[int]:
        """Return the offset of each line's first character."""
        if not self._starts:
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        return self._starts

    def line_column(self, offset: int) -> tuple[int, int]:
        """Return the 1-based (line, column) of an offset; the end of the text is a place too."""
        starts = self.line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return line `number` (1-based) without its line ending."""
        starts = self.line_starts()
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def location(self, offset: int) -> Location:
        """Return where an offset is, for messages."""
        return Location(self.path, *self.line_column(offset))

    def caret(self, offset: int) -> str:
        """Return the line of an offset and a caret under it, tabs kept so that the caret lines up."""
        line, column = self.line_column(offset)
        shown = self.line(line)
        lead = "".join("\t" if c == "\t" else " " for c in shown[: column - 1])
        return f"    {shown}\n    {lead}^"


def newline_of(text: str) -> str:
    """Return the newline style of a text: `\\r\\n` if its first line ends so, else `\\n`."""
    at = text.find("\n")
    return "\r\n" if at > 0 and text[at - 1] == "\r" else "\n"
