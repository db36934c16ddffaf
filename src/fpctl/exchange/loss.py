"""What an import or export could not carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LossKind = Literal["left-out", "part", "narrower", "wider"]
"""What became of the record.

left-out  it is not there at all: to carry the rest of it would suppress more than it said
part      it is there, a part that does not change what it suppresses is not (a ticket, a comment)
narrower  it is there, and suppresses less than it did
wider     it is there, and may suppress more than it did: look at it before you approve it
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that was not carried.

    Args:
        kind: see `LossKind`.
        about: the exclusion, or the record's name in the file; empty if it is about the whole file.
        message: what, and why.
        line: the line of the file that was read; None for an export.
    """

    kind: LossKind
    about: str
    message: str
    line: int | None = None

    def text(self, path: str | None = None) -> str:
        """Return the loss in a line, with its place in the file `path` if it has one."""
        place = f"{path}:{self.line}: " if path is not None and self.line is not None else ""
        about = f"{self.about}: " if self.about else ""
        return f"{place}{self.kind.replace('-', ' ')}: {about}{self.message}"

    def to_dict(self) -> dict[str, object]:
        """Return the documented JSON of a loss."""
        return {"kind": self.kind, "about": self.about or None, "line": self.line, "message": self.message}


def in_order(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Return losses by line, each once; those of one line as they were found."""
    return tuple(sorted(dict.fromkeys(losses), key=lambda loss: loss.line or 0))
