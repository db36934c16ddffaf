"""Drafts that were read, as files to be written; one that the loader would refuse is a loss, not an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.exchange.format import ReadDraft
from fpctl.exchange.loss import Loss
from fpctl.exclusions.drafts.draft import DraftError
from fpctl.exclusions.exclusion_writer import NewExclusion
from fpctl.repository.model import Repository
from fpctl.repository.recording import entries_of


@dataclass(frozen=True, slots=True)
class Written:
    """What may be written, and what was refused."""

    entries: tuple[NewExclusion, ...]
    losses: tuple[Loss, ...]


def entries_for(drafts: Sequence[ReadDraft], repository: Repository, folder: Path, today: date) -> Written:
    """Return the entries of drafts in a folder.

    An id that is in use is an exclusion that is there already: the draft is left out.
    """
    entries: list[NewExclusion] = []
    losses: list[Loss] = []
    taken: set[str] = set()
    for draft, line in drafts:
        about = draft.id or draft.title
        try:
            (entry,) = entries_of([replace(draft, approved_by=None)], repository, folder, today)
            if entry.exclusion.id.casefold() in taken:
                raise FpctlError(f"the id `{entry.exclusion.id}` is there twice")
        except DraftError as error:
            first, *more = error.problems
            others = f" (and {len(more)} more faults)" if more else ""
            hint = f" ({first.hint})" if first.hint else ""
            losses.append(Loss("left-out", about, f"{first.message}{others}{hint}", line))
        except FpctlError as error:
            place = f" ({error.at})" if error.at else ""
            losses.append(Loss("left-out", about, f"{error.message}{place}", line))
        else:
            taken.add(entry.exclusion.id.casefold())
            entries.append(entry)
    return Written(tuple(entries), tuple(losses))
