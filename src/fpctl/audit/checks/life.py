"""FP1xx: how long an exclusion holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, days
from fpctl.audit.finding import Finding
from fpctl.exclusions.model import Exclusion
from fpctl.rules.selector import parse_selector


def _expired(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.repository.exclusions.exclusions:
        exclusion = loaded.exclusion
        if exclusion.state(context.today) == "expired" and exclusion.expires is not None:
            ago = (context.today - exclusion.expires).days
            when = "today" if ago == 0 else f"{days(ago)} ago, on {exclusion.expires}"
            yield check.finding(
                loaded.at_key("expires"),
                f"{loaded.id} expired {when}: it suppresses nothing any more",
                exclusion=loaded.id,
                fix=f'fpctl retire {loaded.id} --reason "..."',
            )


def _expiring(context: AuditContext, check: Check) -> Iterator[Finding]:
    warn = context.policy.lifetime.warn
    for loaded in context.reviewed:
        expires = loaded.exclusion.expires
        left = (expires - context.today).days if expires is not None else None
        if expires is not None and left is not None and left <= warn:
            yield check.finding(
                loaded.at_key("expires"),
                f"{loaded.id} expires in {days(left)}, on {expires}",
                exclusion=loaded.id,
                fix=f"fpctl renew {loaded.id} --until {min(warn * 3, _limit(context, loaded.exclusion)[0])}d",
            )


def _endless(context: AuditContext, check: Check) -> Iterator[Finding]:
    if "expires" not in context.policy.require:
        return
    for loaded in context.kept:
        if loaded.exclusion.expires is None:
            yield check.finding(
                loaded.at,
                f"{loaded.id} has no `expires`: it never stops suppressing",
                exclusion=loaded.id,
                fix=f"fpctl renew {loaded.id} --until {_limit(context, loaded.exclusion)[0]}d",
            )


def _over_long(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        exclusion = loaded.exclusion
        since = _since(exclusion)
        if exclusion.expires is None or since is None:
            continue
        limit, why = _limit(context, exclusion)
        length = (exclusion.expires - since).days
        if length > limit:
            approved = exclusion.approval is not None and exclusion.approval.on == since
            beginning = "its approval" if approved else "`created`"
            yield check.finding(
                loaded.at_key("expires"),
                f"{loaded.id} is valid for {days(length)} from {beginning} on {since} to {exclusion.expires}; "
                f"at most {days(limit)} are allowed {why}",
                exclusion=loaded.id,
                # What was renewed has to be looked at again; what was too long from the beginning is shortened.
                fix=f"fpctl approve {loaded.id}"
                if _could_be_approved(context, exclusion, limit)
                else f"fpctl edit {loaded.id}",
            )


def _could_be_approved(context: AuditContext, exclusion: Exclusion, limit: int) -> bool:
    return (
        exclusion.expires is not None
        and exclusion.status != "draft"
        and (exclusion.expires - context.today).days <= limit
    )


def _since(exclusion: Exclusion) -> date | None:
    """Return the day from which a lifetime counts: the last approval's, or `created` where that is later."""
    approved = exclusion.approval.on if exclusion.approval is not None else None
    return max((day for day in (approved, exclusion.created) if day is not None), default=None)


def _limit(context: AuditContext, exclusion: Exclusion) -> tuple[int, str]:
    """Return the most days an exclusion may hold, and for what kind of exclusion that is."""
    lifetime = context.policy.lifetime
    scenario = exclusion.scenario or ""
    limits = [
        (lifetime.scenarios[scenario], f"in the scenario {scenario}")
        if scenario in lifetime.scenarios
        else (lifetime.narrow, "by the policy")
    ]
    if any(not parse_selector(text).names_one for text in exclusion.rules):
        limits.append((lifetime.sweeping, "where a pattern chooses the rules"))
    if any(not alternative.narrow for alternative in exclusion.match) or context.broad.get(exclusion.id):
        limits.append((lifetime.broad, "where no device, URL or hash is named"))
    return min(limits, key=lambda limit: limit[0])


CHECKS = (
    Check(
        "FP101", "expired", "warning", "The exclusion has expired",
        "From the day `expires` on, an exclusion is not in any plan, and clauses in rules that were not applied "
        "again stop suppressing by themselves if the rule's time column is visible. The events it suppressed "
        "raise alerts again: either that is intended, or somebody forgot to renew it. An expired exclusion that "
        "stays in the folder also makes it harder to see which ones are active.",
        "Retire it with the reason, or renew it (`fpctl renew ID --until 90d`) after you have checked that its "
        "reason still applies.",
        _expired,
        example="fp-2026-0007 expired 3 days ago, on 2026-11-21: it suppresses nothing any more",
    ),
    Check(
        "FP102", "expiring", "note", "The exclusion expires soon",
        "It is still active but will expire in a few days. The finding comes early enough to find out whether "
        "the reason still applies; expiry dates exist to prevent renewing without checking. Use `fpctl audit "
        "--only expiring --fail-on note` in a scheduled job.",
        "Ask its owner, then renew it or let it expire.",
        _expiring, ("lifetime.warn",),
        "fp-2026-0007 expires in 12 days, on 2026-12-06",
    ),
    Check(
        "FP103", "no-expiry", "error", "The exclusion never expires",
        "The reason for an exclusion ends one day: the tool is replaced, the host is reinstalled, the contract "
        "ends. Without `expires` nobody is asked, and what remains is a blind spot whose name and behaviour an "
        "attacker can imitate.",
        "Set `expires`, for example with `fpctl renew ID --until DATE`.",
        _endless, ("require",),
        "fp-2026-0007 has no `expires`: it never stops suppressing",
    ),
    Check(
        "FP104", "over-long", "error", "The exclusion is valid longer than the policy allows",
        "The lifetime counts from the day of the last approval (`approval.on`), or from `created` if that is "
        "later or no approval is recorded, to `expires`. A renewed exclusion therefore needs another approval, "
        "not another file. The limit depends on the scenario and on how much the exclusion suppresses. If a "
        "pattern selects its rules, or if it names no device, URL or hash, the shortest limit that applies "
        "counts.",
        "Shorten it or, after a renewal, have it reviewed and approved again.",
        _over_long, ("lifetime.narrow", "lifetime.sweeping", "lifetime.broad", "lifetime.scenarios"),
        "fp-2026-0007 is valid for 365 days from `created` on 2026-11-24 to 2027-11-24; at most 184 days are "
        "allowed by the policy",
    ),
)  # fmt: skip
