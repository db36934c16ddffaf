"""What one exclusion does, as the commands that record and change exclusions show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import report_outcome, show_diff
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.model import Exclusion
    from fpctl.execution.preview import Coverage
    from fpctl.repository.apply import RuleOutcome

SHOWN_RULES = 3
"""Rules whose diffs are shown."""

COUNTED_RULES = 20
"""Rules that are counted on the data at most."""


def coverage_of(
    context: AppContext, exclusion: Exclusion, outcomes: Sequence[RuleOutcome], chosen: options.EngineOptions
) -> Coverage | None:
    """Count what the exclusion would have suppressed, if an engine is at hand: a data folder, or one that is named."""
    local = chosen.data or context.settings.paths.data
    if chosen.engine is None and local is None:
        return None
    from fpctl.execution.preview import Coverage, coverage
    from fpctl.repository.single_exclusion import in_force

    alone = in_force(exclusion)
    countable = [one for one in outcomes if one.status == "rewritten"][:COUNTED_RULES]
    rules = [(one.rule, alone.selects(one.rule) == "named") for one in countable]
    engine = options.EngineOptions(chosen.engine or "local", chosen.data, chosen.credential)
    try:
        with context.engine(engine, context.now) as opened, output.progress("Counting what it would have suppressed"):
            return coverage(alone, rules, context.planner(), opened, context.now)
    except FpctlError as error:
        return Coverage(None, {}, frozenset(), None, len(rules), error.message)


def show_effect(outcomes: Sequence[RuleOutcome], covered: Coverage | None) -> None:
    """Show the clauses as a diff of the rules' text, what cannot be placed, and what would have been suppressed."""
    changed = [outcome for outcome in outcomes if outcome.status == "rewritten"]
    for outcome in changed[:SHOWN_RULES]:
        show_diff(outcome)
    if len(changed) > SHOWN_RULES:
        output.say(f"and the same in {output.counted(len(changed) - SHOWN_RULES, 'more rule')}")
    for outcome in outcomes:
        report_outcome(outcome, of_rule=False)
    if not outcomes:
        output.say("it matches no rule yet")
    if covered is not None:
        output.say(coverage_text(covered))
    elif changed:
        output.say("what it would have suppressed was not counted: give --data or --engine")


def coverage_text(covered: Coverage) -> str:
    """Return what an exclusion would have suppressed, in words."""
    if covered.rows is None:
        return f"what it would have suppressed is unknown: {covered.error}"
    days = covered.since.days if covered.since is not None else None
    when = f"in the last {days} days" if days else "in the rule's time range"
    if not covered.rows:
        why = f"; {covered.fields.text()}" if covered.fields is not None else ""
        return f"{when} it would have suppressed no event{why}"
    names = {"device": "device", "url": "URL", "hash": "hash"}
    parts = []
    for entity, count in covered.distinct.items():
        if not count:
            continue
        name = names.get(entity, entity)
        noun = name if count == 1 else {"hash": "hashes"}.get(entity, f"{name}s")
        parts.append(f"{'more than ' if entity in covered.many else ''}{count:,} {noun}")
    of = f" of {', '.join(parts)}" if parts else ""
    return f"{when} it would have suppressed {output.counted(covered.rows, 'event')}{of}"
