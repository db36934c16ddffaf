"""What the policy asks of an exclusion before it suppresses anything: a reason, an owner and an approval.

One that lacks any of them counts as a draft, whatever its file says.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from fpctl.exclusions.model import Exclusion, State
from fpctl.policy import ApprovalPolicy, Policy

Lacking = Literal["reason", "owner", "approval"]


def lacking(exclusion: Exclusion, policy: Policy | None) -> tuple[Lacking, ...]:
    """Return what an exclusion lacks of what the policy asks; nothing if the policy is not enforced (None)."""
    if policy is None:
        return ()
    missing: list[Lacking] = []
    if "reason" in policy.require and not (exclusion.reason or "").strip():
        missing.append("reason")
    if "owner" in policy.require and not (exclusion.owner or "").strip():
        missing.append("owner")
    if approval_needed(exclusion, policy.approval) is not None and not _is_approved(exclusion, policy):
        missing.append("approval")
    return tuple(missing)


def approval_needed(exclusion: Exclusion, policy: ApprovalPolicy) -> str | None:
    """Return why an exclusion needs an approval; None if it needs none."""
    if policy.needed == "never":
        return None
    if policy.needed == "always":
        return "the policy requires an approval for every exclusion"
    if exclusion.broad:
        return "it is broad"
    for alternative in exclusion.match:
        for field in policy.fields:
            if getattr(alternative, field) is not None:
                return f"it matches on `{field}`"
    return None


def in_effect(exclusion: Exclusion, policy: Policy | None) -> Exclusion:
    """Return an exclusion as it counts: a draft if it is to suppress events and lacks what the policy asks."""
    if exclusion.status == "active" and lacking(exclusion, policy):
        return exclusion.model_copy(update={"status": "draft"})
    return exclusion


def state_in_effect(exclusion: Exclusion, policy: Policy | None, today: date) -> State:
    """Return the state of an exclusion as it counts on a day."""
    state = exclusion.state(today)
    return "draft" if state in ("active", "not-yet-valid") and lacking(exclusion, policy) else state


def words_for(missing: tuple[Lacking, ...]) -> str:
    """Return what is lacking in words: `no reason and no approval`."""
    return " and ".join(f"no {one}" for one in missing)


def _is_approved(exclusion: Exclusion, policy: Policy) -> bool:
    """Return whether somebody approved it who may: one of the approvers, and not the owner if these must differ."""
    approver = (exclusion.approved_by or "").strip()
    if not approver or not policy.may_approve(approver):
        return False
    return not (policy.approval.differs and approver.casefold() == (exclusion.owner or "").strip().casefold())
