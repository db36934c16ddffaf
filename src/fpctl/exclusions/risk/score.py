"""How much an exclusion could hide: a score of 0 to 100, explained point by point.

It is deterministic: the same exclusion, rules, weights and day give the same score. What was not
measured gives no points and is reported as not measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.fields.registry import FIELDS
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule

RiskLevel = Literal["low", "medium", "high"]

GRAVE_TACTICS = frozenset({"credentialaccess", "commandandcontrol", "lateralmovement", "exfiltration", "impact"})
"""Tactics under which a missed alert costs most, folded to letters."""

MANY_VALUES = 25
QUARTER, HALF_YEAR = 92, 184


class RiskFactor(NamedTuple):
    """One reason: its code (a weight's name), its points, and why in words."""

    code: str
    points: int
    message: str


class Share(NamedTuple):
    """What was measured on events: which part of the devices is covered, and of the events suppressed; 0 to 1."""

    devices: float | None = None
    traffic: float | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """The score with its points, the heaviest first. `measured` is False where no events were looked at."""

    score: int
    level: RiskLevel
    factors: tuple[RiskFactor, ...]
    measured: bool

    def to_dict(self) -> dict[str, object]:
        """Return the documented JSON of a risk."""
        return {
            "score": self.score,
            "level": self.level,
            "measured": self.measured,
            "factors": [{"code": one.code, "points": one.points, "message": one.message} for one in self.factors],
        }


def assess(
    exclusion: Exclusion,
    rules: Sequence[Rule],
    known: SharedNames,
    weights: RiskWeights,
    *,
    today: date,
    tested: frozenset[str] = frozenset(),
    share: Share | None = None,
    broad: Collection[int] = (),
) -> Risk:
    """Score an exclusion.

    Args:
        rules: the rules that it reaches.
        known: shared hosts, script hosts, folders that everybody may write to.
        weights: points for each reason.
        today: the day from which an exclusion without `created` holds.
        tested: ids of rules that have an event that must fire.
        share: what was measured; None if nothing was.
        broad: numbers of alternatives that are broad in the tables of the rules (`repository.narrowness`).
    """
    worst: list[RiskFactor] = []
    for number, alternative in enumerate(exclusion.match):
        points = list(_alternative(alternative, number in broad, known, weights))
        if not worst or sum(p.points for p in points) > sum(p.points for p in worst):
            worst = points
    found = [
        *worst,
        *_measured(share or Share(), weights),
        *_rules(rules, weights, tested),
        *_life(exclusion, weights, today),
    ]
    if all(one.values("hash") or one.values("signer") for one in exclusion.match):
        found.append(RiskFactor("pinned", weights.pinned, "a hash or signer identifies the file"))
    if exclusion.window is not None:
        found.append(RiskFactor("window", weights.window, "it applies during certain hours only"))
    kept = sorted((point for point in found if point.points), key=lambda point: (-point.points, point.code))
    score = max(0, min(100, sum(point.points for point in kept)))
    level: RiskLevel = "high" if score >= weights.high else "medium" if score >= weights.medium else "low"
    measured = share is not None and (share.devices is not None or share.traffic is not None)
    return Risk(score, level, tuple(kept), measured)


def _alternative(one: Alternative, broad: bool, known: SharedNames, weights: RiskWeights) -> Iterator[RiskFactor]:
    fields = one.fields()
    pinned = bool(one.values("hash") or one.values("signer"))
    if broad or not one.narrow:
        yield RiskFactor("unanchored", weights.unanchored, "no device, URL or hash is named")
    if len(fields) + (one.where is not None) == 1:
        only = next(iter(fields), "where")
        yield RiskFactor("one_field", weights.one_field, f"{only} is the only field it matches on")
    for field, values in fields.items():
        starred = next((value for value in values if "*" in value), None)
        if starred is not None and not FIELDS[field].is_free_text():
            yield RiskFactor("wildcard", weights.wildcard, f"{field} `{starred}` has a wildcard")
        if FIELDS[field].identifies and len(values) > MANY_VALUES:
            yield RiskFactor("many_values", weights.many_values, f"{len(values):,} values of {field} are named")
    yield from _programs(one, pinned, known, weights)
    if one.values("command_line"):
        yield RiskFactor("command_line", weights.command_line, FIELDS["command_line"].chosen)
    if not pinned:
        path = next((p for p in one.values("path") if any(folder.match(p) for folder in known.folders)), None)
        if path is not None:
            yield RiskFactor("writable_path", weights.writable_path, f"every user can write to `{path}`")
    shared = next((url for url in one.values("url") if _shared(url, known)), None)
    if shared is not None:
        yield RiskFactor("shared_host", weights.shared_host, f"anybody can put content on `{shared}`")
    digest = next((value for value in one.values("hash") if value.lower() in known.hashes), None)
    if digest is not None:
        yield RiskFactor(
            "shared_program", weights.shared_program, f"the hash is that of {known.hashes[digest.lower()]}"
        )
    if one.where is not None:
        yield RiskFactor("raw_condition", weights.raw_condition, "a raw condition is not evaluated here")


def _programs(one: Alternative, pinned: bool, known: SharedNames, weights: RiskWeights) -> Iterator[RiskFactor]:
    names = (*one.values("process"), *one.values("parent_process"))
    if names and not pinned:
        yield RiskFactor("file_name", weights.file_name, f"any file can be called `{names[0]}`: no hash, no signer")
    host = next((name for name in one.values("process") if name.lower() in known.programs), None)
    if host is not None and not one.values("command_line") and not one.values("url") and one.where is None:
        what = known.programs[host.lower()]
        yield RiskFactor("script_host", weights.script_host, f"`{host}` is {what}, and nothing says what it runs")


def _shared(url: str, known: SharedNames) -> bool:
    rest = (url.partition("://")[2] or url).lower()
    host, slash, path = rest.partition("/")
    host = host.partition(":")[0].removesuffix(".")
    if host in known.by_path:
        return not (slash and path.strip("/*"))
    return host in known.by_subdomain


def _measured(share: Share, weights: RiskWeights) -> Iterator[RiskFactor]:
    if share.devices is not None:
        text = f"{share.devices:.1%} of the devices seen are covered"
        yield RiskFactor("estate", round(weights.estate * share.devices), text)
    if share.traffic is not None:
        text = f"{share.traffic:.1%} of the events at the clause are suppressed"
        yield RiskFactor("traffic", round(weights.traffic * share.traffic), text)


def _rules(rules: Sequence[Rule], weights: RiskWeights, tested: frozenset[str]) -> Iterator[RiskFactor]:
    grave = next((rule for rule in rules if (rule.severity or "").lower() == "high"), None)
    medium = next((rule for rule in rules if (rule.severity or "").lower() == "medium"), None)
    if grave is not None:
        yield RiskFactor("severity", weights.severity, f"{grave.name} is of high severity")
    elif medium is not None:
        yield RiskFactor("severity", weights.severity // 2, f"{medium.name} is of medium severity")
    tactics = sorted({t for rule in rules for t in rule.tactics if _letters(t) in GRAVE_TACTICS})
    if tactics:
        yield RiskFactor("tactic", weights.tactic, f"a rule is about {', '.join(tactics)}")
    if len(rules) > 1:
        yield RiskFactor("more_rules", min(weights.more_rules, len(rules) - 1), f"{len(rules):,} rules are affected")
    if rules and all(rule.id in tested for rule in rules):
        yield RiskFactor("tested", weights.tested, "every rule has an event that must fire")
    elif not any(rule.id in tested for rule in rules):
        yield RiskFactor("untested", weights.untested, "no rule has an event that must fire")


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalpha())


def _life(exclusion: Exclusion, weights: RiskWeights, today: date) -> Iterator[RiskFactor]:
    if exclusion.expires is None:
        yield RiskFactor("endless", weights.endless, "it never expires")
        return
    days = (exclusion.expires - (exclusion.created or today)).days
    if days > HALF_YEAR:
        yield RiskFactor("long", weights.long, f"it is valid for {days:,} days, longer than half a year")
    elif days > QUARTER:
        yield RiskFactor("long", weights.long // 2, f"it is valid for {days:,} days, longer than a quarter")
