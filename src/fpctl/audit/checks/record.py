"""FP2xx: what the record says about an exclusion, and who approved it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, selector_at
from fpctl.audit.finding import Finding
from fpctl.exclusions.completeness import approval_needed
from fpctl.exclusions.model import Exclusion
from fpctl.repository.approval_snapshot import base_hash


def _without(context: AuditContext, check: Check, key: str, message: str) -> Iterator[Finding]:
    if key not in context.policy.require:
        return
    for loaded in context.kept:
        if not (getattr(loaded.exclusion, key) or "").strip():
            yield check.finding(
                loaded.at_key(key), f"{loaded.id} {message}", exclusion=loaded.id, fix=f"fpctl edit {loaded.id}"
            )


def _no_owner(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _without(context, check, "owner", "has no `owner`: nobody is responsible for it")


def _no_reason(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _without(context, check, "reason", "has no `reason`: nobody can tell when it is no longer needed")


def _no_ticket(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _without(context, check, "ticket", "has no `ticket`: the work that it allows cannot be looked up")


def _bad_ticket(context: AuditContext, check: Check) -> Iterator[Finding]:
    pattern = re.compile(context.policy.ticket)
    for loaded in context.kept:
        ticket = (loaded.exclusion.ticket or "").strip()
        if ticket and not pattern.fullmatch(ticket):
            yield check.finding(
                loaded.at_key("ticket"),
                f"`{ticket}` of {loaded.id} does not look like a ticket: the policy's pattern is "
                f"`{context.policy.ticket}`",
                exclusion=loaded.id,
                fix=f"fpctl edit {loaded.id}",
                subject=ticket,
            )


_OWN_CHECK = ("owner", "reason", "ticket", "expires")


def _missing_key(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for key in context.policy.require:
            if key not in _OWN_CHECK and not getattr(loaded.exclusion, key):
                yield check.finding(
                    loaded.at,
                    f"{loaded.id} has no `{key}`, which the policy requires",
                    exclusion=loaded.id,
                    fix=f"fpctl edit {loaded.id}",
                    subject=key,
                )


def _not_approved(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.reviewed:
        exclusion = loaded.exclusion
        why = approval_needed(exclusion, context.policy.approval)
        if why is not None and not (exclusion.approved_by or "").strip():
            yield check.finding(
                loaded.at,
                f"nobody approved {loaded.id}: {why}",
                exclusion=loaded.id,
                fix=f"fpctl approve {loaded.id}",
            )


def _self_approved(context: AuditContext, check: Check) -> Iterator[Finding]:
    if not context.policy.approval.differs:
        return
    for loaded in context.kept:
        approver, owner = ((getattr(loaded.exclusion, key) or "").strip() for key in ("approved_by", "owner"))
        if approver and approver.casefold() == owner.casefold():
            yield check.finding(
                loaded.at_key("approved_by"),
                f"{owner} owns {loaded.id} and approved it",
                exclusion=loaded.id,
                fix=f"fpctl approve {loaded.id} --by SOMEBODY-ELSE",
            )


def _not_an_approver(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.reviewed:
        approver = (loaded.exclusion.approved_by or "").strip()
        if approver and not context.policy.may_approve(approver):
            yield check.finding(
                loaded.at_key("approved_by"),
                f"{approver} approved {loaded.id}, and is not one of the approvers of the policy",
                exclusion=loaded.id,
                fix=f"fpctl approve {loaded.id}",
            )


@lru_cache(maxsize=1 << 13)
def _hash(query: str) -> str:
    return base_hash(query)


def _seen(exclusion: Exclusion) -> Mapping[str, str]:
    return exclusion.approval.rules if exclusion.approval is not None else {}


def _rule_changed(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.reviewed:
        seen = _seen(loaded.exclusion)
        for index in context.index.rules_of(loaded.exclusion) if seen else ():
            rule = context.rules[index].rule
            if rule.id in seen and seen[rule.id].lower() != _hash(rule.query):
                yield check.finding(
                    loaded.at_key("approval"),
                    f"the query of `{rule.name}` has changed since {loaded.id} was approved for it",
                    exclusion=loaded.id,
                    rule=rule.id,
                    fix=f"fpctl approve {loaded.id}",
                    related=context.rules[index].text.file_location(0),
                )


def _rule_added(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.reviewed:
        seen = _seen(loaded.exclusion)
        for index in context.index.rules_of(loaded.exclusion) if seen else ():
            rule = context.rules[index].rule
            if rule.id not in seen:
                yield check.finding(
                    selector_at(loaded, context.index, index),
                    f"{loaded.id} reaches `{rule.name}`, which it did not when it was approved",
                    exclusion=loaded.id,
                    rule=rule.id,
                    fix=f"fpctl approve {loaded.id}",
                    related=context.rules[index].text.file_location(0),
                )


def _unrecorded(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.reviewed:
        exclusion = loaded.exclusion
        if (exclusion.approved_by or "").strip() and not _seen(exclusion):
            yield check.finding(
                loaded.at_key("approved_by"),
                f"what {exclusion.approved_by} saw when approving {loaded.id} is not recorded: "
                "a change of its rules will not be noticed",
                exclusion=loaded.id,
                fix=f"fpctl approve {loaded.id} --by {exclusion.approved_by}",
            )


CHECKS = (
    Check(
        "FP201", "no-owner", "error", "Nobody owns the exclusion",
        "The owner is the person to ask when the exclusion is about to expire, suppresses too much, or hides "
        "something. A team's address is better than that of a person who may leave.",
        "Set `owner`.",
        _no_owner, ("require",), "fp-2026-0007 has no `owner`: nobody is responsible for it",
    ),
    Check(
        "FP202", "no-reason", "error", "The exclusion has no reason",
        "An exclusion claims that certain events are benign. Without the reason nobody can check the claim, or "
        "notice when it no longer applies.",
        "Describe in `reason` what causes the events and why that is expected.",
        _no_reason, ("require",), "fp-2026-0007 has no `reason`: nobody can tell when it is no longer needed",
    ),
    Check(
        "FP203", "no-ticket", "error", "The exclusion has no ticket",
        "The ticket or change is where the work that causes the events was requested and approved.",
        "Set `ticket`.",
        _no_ticket, ("require",), "fp-2026-0007 has no `ticket`: the work that it allows cannot be looked up",
    ),
    Check(
        "FP204", "bad-ticket", "error", "The ticket is not valid",
        "The whole of `ticket` has to match the policy's pattern, so that `later`, `n/a` or a sentence is not "
        "accepted. The default pattern accepts `CHG0012345`, `SEC-42` and `#17`.",
        "Correct the ticket, or change the pattern if your tickets look different.",
        _bad_ticket, ("ticket",),
        "`tbd` of fp-2026-0007 does not look like a ticket: the policy's pattern is `([A-Z][A-Z0-9_]*-?|#)[0-9]+`",
    ),
    Check(
        "FP205", "missing-key", "error", "A key that the policy requires is missing",
        "One of the keys in `require` that have no check of their own is missing: `title`, `scenario`, "
        "`created`, `notes`, `tags`.",
        "Add the key.",
        _missing_key, ("require",), "fp-2026-0007 has no `created`, which the policy requires",
    ),
    Check(
        "FP206", "not-approved", "error", "The exclusion is not approved",
        "An exclusion that is active, in shadow or about to start needs somebody other than its author to have "
        "looked at what it suppresses. Drafts do not, because they suppress nothing.",
        "`fpctl show ID` shows what it does; `fpctl approve ID` records who approved it, when, and for which rules.",
        _not_approved, ("approval.needed", "approval.fields"),
        "nobody approved fp-2026-0007: the policy requires an approval for every exclusion",
    ),
    Check(
        "FP207", "self-approved", "error", "The owner approved the exclusion",
        "Two people see more than one, and one stolen account must not be enough to blind a rule.",
        "Have somebody else approve it.",
        _self_approved, ("approval.differs",), "a.rossi@contoso.com owns fp-2026-0007 and approved it",
    ),
    Check(
        "FP208", "rule-changed", "warning", "A rule changed after the exclusion was approved for it",
        "`fpctl approve` records a hash of the base query of each rule that the exclusion applies to. If the "
        "rule now looks for something else, the exclusion may hide more than anybody intended. fpctl's clauses "
        "in the query do not count as a change; every other character does.",
        "Check the rule with `fpctl explain RULE`, then approve again.",
        _rule_changed, (),
        "the query of `RMM network connection` has changed since fp-2026-0007 was approved for it",
    ),
    Check(
        "FP209", "rule-added", "warning", "The exclusion applies to a rule that was not part of its approval",
        "A tag, a technique, a glob or `*` also matches rules that are written later. Nobody has looked at what "
        "the exclusion suppresses in these.",
        "Check the rule, then approve again, or name the rules one by one.",
        _rule_added, (), "fp-2026-0007 reaches `New RMM rule`, which it did not when it was approved",
    ),
    Check(
        "FP210", "unrecorded-approval", "note", "The approval does not record what was reviewed",
        "`approved_by` was written by hand, and there is no `approval` with the hashes of the rules. It is an "
        "approval, but FP208 and FP209 have nothing to compare with.",
        "Record it with `fpctl approve ID --by WHO`.",
        _unrecorded, (),
        "what m.weber@contoso.com saw when approving fp-2026-0007 is not recorded: a change of its rules will "
        "not be noticed",
    ),
    Check(
        "FP211", "wrong-approver", "error", "Somebody approved it who may not",
        "`[policy] approvers` names who may approve, and this approver is not among them. `fpctl approve` "
        "refuses such a name; one that is written into the file by hand is found here.",
        "Have it approved by one of them.",
        _not_an_approver, ("approvers",),
        "c.neri@contoso.com approved fp-2026-0007, and is not one of the approvers of the policy",
    ),
)  # fmt: skip
