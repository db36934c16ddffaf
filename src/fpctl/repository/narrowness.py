"""Whether an exclusion is narrow in the tables of its rules: what identifies a sign-in is broad on an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fpctl.exclusions.model import Exclusion
from fpctl.fields.registry import NARROW
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.families import Family, families_of, is_narrow


@dataclass(frozen=True, slots=True)
class BroadForRule:
    """A rule whose tables are of families in which an alternative is broad."""

    rule: Rule
    families: tuple[Family, ...]


def families_of_rules(rules: Iterable[Rule], planner: Planner) -> tuple[Family, ...]:
    """Return the families of all tables that some rules read."""
    return families_of(table for rule in rules for table in planner.tables_read(rule))


def broad_alternatives(exclusion: Exclusion, rules: Iterable[Rule], planner: Planner) -> Mapping[int, BroadForRule]:
    """Return, by number, alternatives that are narrow somewhere, but not in a rule of these: each with the first such.

    Only rules count whose tables have a column for each of the fields; no clause goes into the others.
    """
    found: dict[int, BroadForRule] = {}
    for number, alternative in enumerate(exclusion.match):
        fields = tuple(alternative.fields())
        if not alternative.narrow or any(name in NARROW for name in fields):
            continue
        for rule in rules:
            holding = [
                table
                for table in sorted(planner.tables_read(rule))
                if all(planner.fields.columns(table, field) for field in fields)
            ]
            if holding and not is_narrow(fields, among := families_of(holding)):
                found[number] = BroadForRule(rule, among)
                break
    return found
