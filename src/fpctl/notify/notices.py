"""What there is to notify of: values with a key that stays the same until the matter is another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fpctl.report.estate import Estate

NoticeKind = Literal["expires", "stale", "drifted", "failed"]
KINDS: tuple[NoticeKind, ...] = ("expires", "stale", "drifted", "failed")
TITLES = {
    "expires": "expires soon",
    "stale": "has suppressed nothing for a long time",
    "drifted": "has drifted since its approval",
    "failed": "the last run failed",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to notify of.

    Attributes:
        key: what it is about, with what would make it news again: an expiry date, the run that failed.
        about: the id of the exclusion, or the name of the rule.
        command: what mends it or begins to.
    """

    key: str
    kind: NoticeKind
    about: str
    message: str
    command: str | None = None


def notices(estate: Estate, kinds: Iterable[NoticeKind] = KINDS) -> list[Notice]:
    """Return what there is to notify of, in the order of `KINDS` and then by what it is about."""
    wanted = set(kinds)
    expiry = {entry.loaded.id: entry.loaded.exclusion.expires for entry in estate.overview.entries}
    found: list[Notice] = []
    for one in estate.decisions:
        if one.kind == "expires" and "expires" in wanted:
            key = f"expires:{one.exclusion}:{expiry.get(one.exclusion)}"
            found.append(Notice(key, "expires", one.exclusion, one.message, one.command))
        elif one.kind == "stale" and "stale" in wanted:
            found.append(Notice(f"stale:{one.exclusion}", "stale", one.exclusion, one.message, one.command))
        elif one.kind == "drifted" and "drifted" in wanted:
            key = f"drifted:{one.exclusion}:{one.message}"
            found.append(Notice(key, "drifted", one.exclusion, one.message, one.command))
    if "failed" in wanted:
        for rule in estate.rules:
            if rule.failed is not None:
                key = f"failed:{rule.rule}:{rule.failed_run}"
                found.append(Notice(key, "failed", rule.name, rule.failed, f"fpctl run {rule.rule}"))
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.about, one.key))
