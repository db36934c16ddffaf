"""The formats by name, and what goes into a reader and comes out of a writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from fpctl.exchange.loss import Loss
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.reader import LoadedExclusion


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What an import knows besides the file.

    Args:
        rules: selectors of the rules that the exclusions are for; those that the file names, if empty.
        today: the day.
        owner: who answers for them, where the file does not say.
        columns: by column of a CSV file, the field it holds, where its name does not say.
        raw: returns the plain text columns that hold a field in the rules' table; see `notation.to_match`.
    """

    rules: tuple[str, ...]
    today: date
    owner: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    raw: Callable[[str], Sequence[str]] | None = None


class ReadDraft(NamedTuple):
    """A draft that was read, and the line at which it is in the file."""

    draft: DraftExclusion
    line: int


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was read. No two drafts have the same id; one without an id gets its own."""

    drafts: tuple[ReadDraft, ...]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What is to be written: the file's text, the exclusions in it, and what it could not carry."""

    text: str
    exclusions: tuple[str, ...]
    losses: tuple[Loss, ...]


class FormatDescription(NamedTuple):
    """What a format is, for the help.

    Attributes:
        title: what is written, in a few words.
        help: what is read from it and what is left out, as the help text of its import.
        columns: the reader accepts what a column holds (`--column`).
    """

    title: str
    help: str
    columns: bool = False


class Format(Protocol):
    """A module or package of `fpctl.exchange.formats`; adding one adds the format everywhere."""

    DESCRIPTION: FormatDescription

    def read(self, text: str, path: str, context: ImportContext) -> ImportResult:
        """Read a file.

        Raises:
            FpctlError: it is not one of this format at all.
        """

    def write(self, exclusions: Sequence[LoadedExclusion], today: date) -> ExportResult:
        """Write exclusions as a file of this format."""


def format_of(name: str) -> Format:
    """Return the module of a format by its name, one of `format_names()`."""
    return cast(Format, import_module(f"fpctl.exchange.formats.{name}"))


def inactive_loss(loaded: LoadedExclusion, today: date) -> Loss | None:
    """Return the loss of an exclusion that suppresses nothing on a day: what it goes to has no such state."""
    state = loaded.exclusion.state(today)
    if state == "active":
        return None
    words = {
        "not-yet-valid": f"it begins on {loaded.exclusion.created}",
        "expired": f"it expired on {loaded.exclusion.expires}",
        "shadow": "it is only counted (status: shadow)",
    }
    return Loss("left-out", loaded.id, f"it is not active: {words.get(state, f'it is {state}')}")
