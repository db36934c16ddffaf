"""Where no column of a rule's tables is known to hold a field: the columns that look right, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fpctl.errors import Location, Problem
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.repository.apply import RuleOutcome
from fpctl.repository.single_exclusion import in_force, trial
from fpctl.rewrite.placement.resolution import IF_EXISTS
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.model import Rule
from fpctl.schema.fields import look_alikes

SHOWN = 4
"""How many columns that look right are named."""


@dataclass(frozen=True, slots=True)
class UnheldField:
    """A field that no column of some tables is known to hold; `columns` look as if one of them did."""

    field: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]
    known: bool

    @property
    def message(self) -> str:
        """What is wrong."""
        tables = " and ".join(self.tables)
        if self.known:
            return f"no column of {tables} holds the field {self.field}"
        return f"nothing shows which column of {tables} holds {self.field}: the clause could never match"

    @property
    def hint(self) -> str:
        """The cures."""
        column = self.columns[0] if self.columns else "ColumnName"
        looks = f"{', '.join(self.columns[:SHOWN])} look right. " if len(self.columns) > 1 else ""
        looks = f"{column} looks right. " if len(self.columns) == 1 else looks
        setting = f'[fields.{self.tables[0]}] {self.field} = ["{column}"]'
        cure = f"{looks}Say so in fpctl.toml: {setting}"
        return cure if self.known else f"{cure}; or read the columns from data: fpctl schema pull --data DIR"


def unheld_fields(exclusion: Exclusion, rule: Rule, planner: Planner, tuned: TunedRule) -> list[UnheldField]:
    """Return the fields of an exclusion that no column of a rule's tables is known to hold.

    Args:
        tuned: the rule planned with the exclusion.
    """
    base = planner.read(rule)
    tables = sorted(base.tables_read())
    refused = any(s.exclusion == exclusion.id and s.reason == "field-not-in-table" for s in tuned.plan.skips)
    clauses = [clause for clause in tuned.clauses if clause.exclusion == exclusion.id]
    fields = dict.fromkeys(field for one in exclusion.match for field in one.fields())
    found = []
    for field in fields:
        if any(planner.fields.columns(table, field) for table in tables):
            continue
        unknown = [table for table in tables if planner.tables.table(table) is None]
        bound = [column for clause in clauses for column in clause.placement.resolution.bindings.get(field, ())]
        hoped = bool(bound) and all(column.text.startswith(IF_EXISTS) for column in bound)
        if (refused and not unknown) or (hoped and unknown):
            names = _names(tables, planner, rule)
            found.append(UnheldField(field, tuple(unknown or tables), look_alikes(field, names), not unknown))
    return found


def _names(tables: Iterable[str], planner: Planner, rule: Rule) -> list[str]:
    """Return the columns that the tables have, or that the query names."""
    names = {name for table in tables for name in planner.tables.table(table) or ()}
    for pipeline in planner.read(rule).analysis.pipelines:
        for point in pipeline.points:
            names |= {name for name, column in point.scope.columns.items() if column.kind in ("table", "renamed")}
    return sorted(names)


def never_matching(
    exclusion: Exclusion, outcomes: Iterable[RuleOutcome], planner: Planner
) -> list[tuple[RuleOutcome, UnheldField]]:
    """Return each rule that an exclusion names and cannot match, with the field whose columns are missing."""
    alone = in_force(exclusion)
    return [
        (outcome, field)
        for outcome in outcomes
        if outcome.tuned is not None and alone.selects(outcome.rule) == "named"
        for field in unheld_fields(alone, outcome.rule, planner, outcome.tuned)
    ]


def unmatched(exclusion: Exclusion, rules: Iterable[LoadedRule], planner: Planner, at: Location) -> list[Problem]:
    """Return an error for each field for want of which an exclusion could never match in a rule that it names.

    Args:
        rules: all of them.
        at: where the exclusion is.
    """
    if exclusion.status == "retired":
        return []
    named = [loaded for loaded in rules if exclusion.selects(loaded.rule) == "named"]
    outcomes = trial(exclusion, named, planner, verified=False)
    return [
        Problem("never-matches", f"{exclusion.id} in {outcome.rule.path}: {field.message}", at, field.hint)
        for outcome, field in never_matching(exclusion, outcomes, planner)
    ]


def newly_unmatched(
    before: Iterable[LoadedExclusion], after: Iterable[LoadedExclusion], rules: Sequence[LoadedRule], planner: Planner
) -> list[Problem]:
    """Return the same for the exclusions of an edited file, without what was so before the edit."""
    known = {problem.message for one in before for problem in unmatched(one.exclusion, rules, planner, one.at)}
    found = (problem for one in after for problem in unmatched(one.exclusion, rules, planner, one.at_key("match")))
    return [problem for problem in found if problem.message not in known]
