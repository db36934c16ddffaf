"""What a reader of a tuned query should know about a clause: the warnings of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.rewrite.placement.picked import picked_columns
from fpctl.rewrite.placement.result import Placement, PlacementResult
from fpctl.rewrite.plan.base_rule import BaseRule
from fpctl.rewrite.plan.clauses import line_of
from fpctl.rewrite.plan.model import PlanWarning, Skip
from fpctl.rewrite.plan.size_fit import Budget, SizeFit
from fpctl.rewrite.predicate import Predicate
from fpctl.rules.model import Rule
from fpctl.text.source import SourceText

INVERTING_TRIGGERS = {"lt": "less than", "eq": "equal to", "ne": "not equal to"}
"""Trigger operators with which a smaller result can fire the rule (docs/kql.md, rule level)."""

SHOWN_VALUES = 3
SHOWN_TABLES = 5


def match_warnings(
    exclusion: Exclusion, alternatives: Sequence[Alternative], placed: PlacementResult, source: SourceText
) -> Iterator[PlanWarning]:
    """Yield what holds for the exclusion in this rule as a whole: alternatives and parts of the query left out."""
    left = [str(number) for number, given in enumerate(exclusion.match, 1) if given not in alternatives]
    if left:
        message = f"alternative {', '.join(left)} of the match names a field that no table here has"
        yield PlanWarning("partial-match", message, None, exclusion.id)
    for refusal in placed.left_out:
        line = source.line_column(refusal.offset)[0] if refusal.offset is not None else None
        message = f"events of one part of the query are not suppressed: {refusal.message}"
        yield PlanWarning("partial-union", message, line, exclusion.id)
    if placed.joined:
        message = f"the rows also hold events of {_tables(placed.joined)}, which the clause does not test"
        yield PlanWarning("joined-event", message, None, exclusion.id)


def placement_warnings(
    exclusion: Exclusion, placement: Placement, predicate: Predicate, base: BaseRule
) -> Iterator[PlanWarning]:
    """Yield what holds for one clause of a rule."""
    source = base.source
    line = line_of(placement, source)
    found = placement.resolution
    if predicate.untested:
        values = ", ".join(f"{u.field} {u.value}" for u in predicate.untested[:SHOWN_VALUES])
        rest = len(predicate.untested) - SHOWN_VALUES
        message = f"no column here can hold {values}{f' and {rest} more' if rest > 0 else ''}: these match nothing"
        yield PlanWarning("untested-values", message, line, exclusion.id)
    if predicate.unguarded:
        message = f"no time column is certain to be there, so {_unbounded(exclusion)}"
        yield PlanWarning("no-expiry-guard", message, line, exclusion.id)
    if found.assumed:
        message = f"the columns of this table are not known; {', '.join(found.assumed)} is assumed to be there"
        yield PlanWarning("assumed-columns", message, line, exclusion.id)
    if found.mixed:
        message = (
            "the fields come from different events of a joined row: the clause takes it out when they hold together"
        )
        yield PlanWarning("mixed-sources", message, line, exclusion.id)
    if found.partial:
        message = f"{', '.join(found.partial)} is no longer visible here; matches in it are not suppressed"
        yield PlanWarning("partial-fields", message, line, exclusion.id)
    if found.untested:
        tables = _tables(found.untested)
        message = f"events of {tables} are not suppressed: not every column of theirs with the fields is visible here"
        yield PlanWarning("partial-union", message, line, exclusion.id)
    if exclusion.placement == "result":
        for one in picked_columns(placement, base.query):
            group = f"the same {', '.join(one.keys)}" if one.keys else "the whole table"
            message = (
                f"each row here stands for all events of {group}, and {one.column} is that of one of them "
                f"({one.aggregate}): the clause suppresses the others with it"
            )
            yield PlanWarning("picked-event", message, source.line_column(one.offset)[0], exclusion.id)
    for effect in placement.effects:
        message = f"{effect.keyword}: {effect.message}"
        yield PlanWarning("effect", message, source.line_column(effect.offset)[0], exclusion.id)
    days = predicate.days(found.time_column)
    if days:
        for effect in placement.partial_groups:
            message = (
                f"{effect.keyword}: {effect.message} while the rule looks at events from before and after {days}, "
                f"where the clause of {exclusion.id} stops or starts"
            )
            yield PlanWarning("partial-groups", message, source.line_column(effect.offset)[0], exclusion.id)


def trigger_warnings(rule: Rule) -> Iterator[PlanWarning]:
    """Yield that a rule fires on few results, where it does."""
    trigger = INVERTING_TRIGGERS.get(rule.trigger_operator or "")
    if trigger:
        message = (
            f"the rule fires on a result count that is {trigger} {rule.trigger_threshold}: fewer rows can make it fire"
        )
        yield PlanWarning("trigger-operator", message)


def size_skips(fitted: SizeFit, budget: Budget, named: Set[str]) -> Iterator[Skip]:
    """Yield the exclusions for which the query has no room; `named` are those that name the rule itself."""
    message = (
        f"the query would have {fitted.needed:,} characters with all exclusions, and {budget.target} may have "
        f"{budget.characters or 0:,}; for this one there is no room"
    )
    hint = "match on whole values instead of parts, split the rule, or shorten its query"
    for exclusion in fitted.left_out:
        yield Skip(exclusion, "budget", message, None, hint, exclusion in named)


def size_warnings(fitted: SizeFit, budget: Budget, length: int) -> Iterator[PlanWarning]:
    """Yield that lists are kept outside the query, and that the query is too long; `length` is its characters."""
    if fitted.external is not None:
        count = sum(len(one.values) for one in fitted.external.lists)
        yield PlanWarning(
            "out-of-line",
            f"{count:,} values are in the {fitted.external.store} {fitted.external.alias}, which has to be loaded "
            "before the rule: fpctl apply --out writes it, with the commands",
        )
    if budget.characters is not None and length > budget.characters:
        yield PlanWarning(
            "query-length", f"the query has {length:,} characters, and {budget.target} may have {budget.characters:,}"
        )


def _tables(names: Sequence[str]) -> str:
    """Return the first of some tables, and how many more there are."""
    rest = len(names) - SHOWN_TABLES
    return ", ".join(names[:SHOWN_TABLES]) + (f" and {rest} more" if rest > 0 else "")


def _unbounded(exclusion: Exclusion) -> str:
    """Return what the missing time column means for an exclusion."""
    if exclusion.expires is None:
        return f"{exclusion.id} also suppresses events from before {exclusion.created}, its first day"
    return (
        f"the end of {exclusion.id} on {exclusion.expires} depends on applying the rule again: until then the clause "
        "keeps suppressing"
    )
