"""Renewing, retiring and approving an exclusion: what changes in its file, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from fpctl.documents.yaml_text import Value
from fpctl.errors import FpctlError
from fpctl.exclusions.edit import Changes, Removed
from fpctl.exclusions.model import Exclusion


def renewal(exclusion: Exclusion, until: date, today: date) -> Changes:
    """Return the change that makes an exclusion hold until a day (the first on which it no longer does).

    Raises:
        FpctlError: it is retired, the day is past, or it is not after the present expiry.
    """
    if exclusion.status == "retired":
        raise FpctlError(f"{exclusion.id} is retired", None, "record a new exclusion: fpctl add")
    if until <= today:
        raise FpctlError(f"{exclusion.id} cannot be renewed until {until}, which is not after today, {today}")
    if exclusion.expires is not None and until <= exclusion.expires:
        hint = f"give a later date, or shorten it with fpctl edit {exclusion.id}"
        raise FpctlError(f"{exclusion.id} is already valid until {exclusion.expires}", None, hint)
    return {"expires": until}


def retirement(exclusion: Exclusion, reason: str, today: date) -> Changes:
    """Return the changes that retire an exclusion; the day and the reason are added to its notes.

    Raises:
        FpctlError: it is retired already, or no reason is given.
    """
    if exclusion.status == "retired":
        raise FpctlError(f"{exclusion.id} is already retired")
    said = " ".join(reason.split())
    if not said:
        raise FpctlError("retiring needs a reason", None, 'say why: --reason "the RMM tool was removed"')
    note = f"retired {today}: {said}"
    notes = f"{exclusion.notes.rstrip()}\n{note}" if exclusion.notes else note
    return {"notes": notes, "status": "retired"}


def approved(
    exclusion: Exclusion, by: str, rules: Mapping[str, str], places: Mapping[str, str], today: date
) -> Changes:
    """Return the changes that record an approval; a draft becomes active.

    Args:
        by: who approves.
        rules: by id, the base hash of each rule that the exclusion reaches: what the approver saw.
        places: by rule id, where the clause is in it.
        today: the day of the approval.

    Raises:
        FpctlError: the approver owns the exclusion or is not named, or it is retired.
    """
    if exclusion.status == "retired":
        raise FpctlError(f"{exclusion.id} is retired", None, "record a new exclusion: fpctl add")
    approver = approver_of(exclusion, by)
    approval: dict[str, Value] = {"on": today}
    if rules:
        approval["rules"] = dict(sorted(rules.items()))
    if places:
        approval["places"] = dict(sorted(places.items()))
    changes: dict[str, Value | Removed] = {"approved_by": approver, "approval": approval}
    if exclusion.status == "draft":
        changes["status"] = "active"
    return changes


def check_approver(approver: str, allowed: Callable[[str], bool]) -> None:
    """Check that the policy lets somebody approve.

    Raises:
        FpctlError: it does not.
    """
    if approver.strip() and not allowed(approver):
        hint = "the settings say who may: [policy] approvers"
        raise FpctlError(f"{approver.strip()} is not one of the approvers of the policy", None, hint)


def approver_of(exclusion: Exclusion, by: str) -> str:
    """Return the approver's name as it is written down.

    Raises:
        FpctlError: nobody is named, or the owner is.
    """
    approver = by.strip()
    if not approver:
        raise FpctlError("there is no approver", None, "give --by, or set git's user.email")
    if exclusion.owner is not None and approver.casefold() == exclusion.owner.strip().casefold():
        raise FpctlError(f"{approver} owns {exclusion.id} and cannot approve it", None, "have somebody else approve it")
    return approver
