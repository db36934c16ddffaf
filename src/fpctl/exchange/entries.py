"""Drafts that were read, as files to be written; one that the loader would refuse is a loss, not an error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.exchange.format import ReadDraft
from fpctl.exchange.loss import Loss
from fpctl.exclusions.drafts.draft import DraftError
from fpctl.exclusions.exclusion_writer import NewExclusion
from fpctl.exclusions.model import Exclusion
from fpctl.repository.model import Repository
from fpctl.repository.recording import entries_of


@dataclass(frozen=True, slots=True)
class Written:
    """What may be written, what was refused, and the ids of exclusions that say the same as drafts already."""

    entries: tuple[NewExclusion, ...]
    losses: tuple[Loss, ...]
    present: tuple[str, ...] = ()


def entries_for(drafts: Sequence[ReadDraft], repository: Repository, folder: Path, today: date) -> Written:
    """Return the entries of drafts in a folder.

    A draft with the rules, match and window of an exclusion that is recorded already, or that another draft of the
    file has, makes nothing new: importing a file twice changes nothing. An id that is in use for something else is a
    loss.
    """
    entries: list[NewExclusion] = []
    losses: list[Loss] = []
    present: list[str] = []
    taken: set[str] = set()
    known = {_content(loaded.exclusion): loaded.id for loaded in repository.exclusions.exclusions}
    for draft, line in drafts:
        about = draft.id or draft.title
        try:
            bare = replace(draft, id="", approved_by=None, expires=None, status="draft")
            (same,) = entries_of([bare], repository, folder, today)
            content = _content(same.exclusion)
            if content in known:
                present.append(known[content])
                continue
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
            known[content] = entry.exclusion.id
            entries.append(entry)
    return Written(tuple(entries), tuple(losses), tuple(present))


def _content(exclusion: Exclusion) -> Hashable:
    """Return what an exclusion suppresses: its rules, match and window, whatever its id and its reason."""
    rules = frozenset(selector.casefold() for selector in exclusion.rules)
    return rules, frozenset(exclusion.match), exclusion.window, exclusion.placement
