"""The chain of the audit trail put to the test: which entries were edited, removed or put in.

The head says how many entries there are and which is the last. From there the chain is followed back,
from each entry to the one whose hash it carries; what the chain does not reach was put in, and what it
asks for and cannot find was removed or edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from fpctl.history.entry import GENESIS, TrailEntry, entry_of, hash_of

Kind = Literal["edited", "removed", "inserted", "head", "definition", "trigger", "replaced"]

_NOT_ITS_HASH = "its text does not match its hash"
_NOT_THE_NEXT = "its hash differs from the one in the next entry"


class EntryRow(NamedTuple):
    """An entry as it is stored: the other columns repeat what the body says."""

    number: int
    exclusion: str
    at: datetime | None
    after: str | None
    hash: str
    body: str


class Head(NamedTuple):
    """How many entries there are, and the hash of the last."""

    count: int  # type: ignore[assignment]  # of entries, not of an element
    hash: str


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """One thing that is wrong; `number` is that of the entry, where it is about one."""

    kind: Kind
    message: str
    number: int | None = None
    exclusion: str | None = None


def examine(rows: Sequence[EntryRow], head: Head) -> list[ChainFinding]:
    """Return what is wrong with the stored entries, in the order of their numbers."""
    return _Examination(rows, head).findings()


class _Examination:
    def __init__(self, rows: Sequence[EntryRow], head: Head) -> None:
        self.rows = {row.number: row for row in rows}
        self.entries: dict[int, TrailEntry] = {}
        self.by_hash: dict[str, EntryRow] = {}
        self.found: dict[int, ChainFinding] = {}
        self.head = head
        self.head_fault: str | None = None
        for row in rows:
            try:
                entry = self.entries[row.number] = entry_of(row.body, row.hash)
            except ValueError:
                self.note("edited", row.number, "its text is not an entry")
                continue
            # Of a text that occurs there twice, the one in its own place is the original.
            if entry.number == row.number or hash_of(row.body) not in self.by_hash:
                self.by_hash[hash_of(row.body)] = row

    def note(self, kind: Kind, number: int, why: str) -> None:
        row, entry = self.rows.get(number), self.entries.get(number)
        subject = (row.exclusion if row is not None else None) or (entry.rule.path if entry and entry.rule else None)
        about = f" ({subject})" if subject else ""
        exclusion = (row.exclusion or None) if row is not None else None
        self.found.setdefault(number, ChainFinding(kind, f"entry {number}{about} was {kind}: {why}", number, exclusion))

    def findings(self) -> list[ChainFinding]:
        reached = self.follow()
        inserted = [number for number in self.rows if number not in reached]
        for number in inserted:
            why = "the chain does not reach it" if number <= self.head.count else "the head does not count it"
            self.note("inserted", number, why)
        for number, row in self.rows.items():
            if number in reached:
                self.own_columns(row, renumbered=bool(inserted))
        first = [ChainFinding("head", self.head_fault, None)] if self.head_fault else []
        return [*(self.found[number] for number in sorted(self.found)), *first]

    def follow(self) -> set[int]:
        """Walk the chain from its head to its first entry; return the numbers of the rows that belong to it."""
        reached: set[int] = set()
        wanted = self.head.hash
        for number in range(self.head.count, 0, -1):
            if wanted == GENESIS:
                there = self.head.count - number
                self.head_fault = f"the head counts {self.head.count} entries, but the chain has {there}"
                break
            row = self.by_hash.get(wanted)
            if row is None:
                row = self.rows.get(number)
                if row is None or row.number in reached:
                    self.note("removed", number, "the next entry has its hash, but it is missing")
                    wanted = self.computed(number - 1)
                    continue
                same = row.hash == wanted
                self.note("edited", number, _NOT_ITS_HASH if same else _NOT_THE_NEXT)
            reached.add(row.number)
            entry = self.entries.get(row.number)
            wanted = entry.previous if entry is not None else ""
            if wanted not in self.by_hash and number > 1 and row.number in self.found:
                # An edited entry may name anything as the one before: go on from the one that is there.
                wanted = self.computed(number - 1) or wanted
        return reached

    def computed(self, number: int) -> str:
        row = self.rows.get(number)
        return hash_of(row.body) if row is not None else GENESIS if number == 0 else ""

    def own_columns(self, row: EntryRow, *, renumbered: bool) -> None:
        """Compare the other columns with the body."""
        entry = self.entries.get(row.number)
        if entry is None:
            return
        if row.hash != hash_of(row.body):
            self.note("edited", row.number, _NOT_ITS_HASH)
        elif entry.number != row.number and not renumbered:
            self.note("edited", row.number, f"it was entry {entry.number}")
        elif (entry.exclusion, entry.at, entry.after) != (row.exclusion, row.at, row.after):
            self.note("edited", row.number, "its columns differ from its text")
