"""What nobody decides by typing YAML on a page: approvals, and whether an exclusion suppresses anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fpctl.errors import Location, Problem
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion

RECORDED = ("draft", "shadow")
"""What a page may record: a draft waits for an approval, a shadow exclusion only counts. Neither suppresses."""
APPROVED_KEYS = ("rules", "match", "window", "placement", "broad")
"""What somebody who approves has looked at; the expiry date has a button of its own, which analysts may use."""


def reserved(
    before: Mapping[str, Exclusion], after: Iterable[LoadedExclusion], path: str, *, approver: bool
) -> list[Problem]:
    """Return what a typed text decides and may not.

    Args:
        before: the exclusions that the file held, by id; empty for a new one.
        after: those that the text holds.
        path: of the file, for what is not in it any more.
        approver: whether the person may approve.
    """
    found: list[Problem] = []
    known = list(after)
    for loaded in known:
        old = before.get(loaded.id)
        found += _decided(loaded, old)
        if old is not None and old.status == "active" and old.approved_by and not approver:
            found += _approved(loaded, old)
    for id in sorted(set(before) - {loaded.id for loaded in known}):
        hint = "to end an exclusion, retire it"
        found.append(Problem("missing-id", f"the exclusion {id} is gone", Location(path), hint))
    return found


def _decided(loaded: LoadedExclusion, old: Exclusion | None) -> list[Problem]:
    new = loaded.exclusion
    found = []
    for key in ("approved_by", "approval"):
        if getattr(new, key) != (getattr(old, key) if old is not None else None):
            message = f"`{key}` is not written by hand here: an approval names who is signed in"
            hint = "leave it out, and have the exclusion approved" if old is None else "leave it as it was"
            found.append(Problem("reserved-key", message, loaded.at_key(key), hint))
    if new.status not in (RECORDED if old is None or old.status in RECORDED else (old.status,)):
        message = f"a text does not make an exclusion {new.status}"
        hint = "write `status: draft` or `status: shadow`" if old is None else "use the buttons on its page"
        found.append(Problem("reserved-key", message, loaded.at_key("status"), hint))
    return found


def _approved(loaded: LoadedExclusion, old: Exclusion) -> list[Problem]:
    return [
        Problem(
            "reserved-key",
            f"{old.approved_by} approved `{key}` as it was: only an approver may change it",
            loaded.at_key(key),
            "record a new exclusion, or ask an approver",
        )
        for key in APPROVED_KEYS
        if getattr(loaded.exclusion, key) != getattr(old, key)
    ]
