"""What a single exclusion does to the rules that it reaches, before or after it is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from fpctl.exclusions.model import Exclusion
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.model import Rule


def in_force(exclusion: Exclusion) -> Exclusion:
    """Return the exclusion as it will be when it is approved and its first day has come, whatever the events' age."""
    return exclusion.model_copy(update={"status": "active", "created": None})


def active_on(exclusion: Exclusion, day: date) -> Exclusion:
    """Return the exclusion as it is when active on a day, also where it is a draft, or has ended by then."""
    active = in_force(exclusion)
    over = active.expires is not None and active.expires <= day
    return active.model_copy(update={"expires": None}) if over else active


def reached(exclusion: Exclusion, rules: Iterable[Rule]) -> list[tuple[Rule, bool]]:
    """Return the rules that an exclusion reaches, each with whether it names the rule itself."""
    return [(rule, how == "named") for rule in rules if (how := exclusion.selects(rule)) is not None]


def trial(
    exclusion: Exclusion, rules: Iterable[LoadedRule], planner: Planner, verified: bool = True
) -> list[RuleOutcome]:
    """Return what the exclusion, alone and active, does to each rule that it reaches, in the order given."""
    alone = in_force(exclusion)
    chosen = [loaded for loaded in rules if alone.selects(loaded.rule) is not None]
    return list(tune(chosen, [alone], planner, verified=verified))
