"""Attack variants put to the clause itself, on the local engine: which would be suppressed, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.fields.registry import FIELDS, usable_roles
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import UtcRange
from fpctl.rules.model import Rule
from fpctl.schema.families import families_of, is_narrow
from fpctl.tuning.fixture import laid_out
from fpctl.tuning.variants import Variant, seed_of, variants

_NUMBER = "FpctlVariant"
"""A column of the generated events that distinguishes them; no table documents it."""

MOST_ALTERNATIVES = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """A variant and what became of it: suppressed or not, by which fields it is still held, in which table."""

    alternative: int
    table: str
    variant: Variant
    suppressed: bool
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RedteamResult:
    """All attempts against an exclusion, and tables that could not be tried, with the reason."""

    attempts: tuple[Attempt, ...]
    skipped: tuple[tuple[str, str], ...]

    def through(self) -> tuple[Attempt, ...]:
        """Return the variants that would be suppressed and that an attacker could bring about."""
        return tuple(one for one in self.attempts if one.suppressed and one.variant.needs)


def run_redteam(
    exclusion: Exclusion, rules: Iterable[Rule], planner: Planner, tables: Iterable[str] | None = None
) -> RedteamResult:
    """Try attack variants against an exclusion, in each table that its rules read.

    The events hold what the exclusion's fields can hold and nothing else; the clause is that which a rule
    over the bare table gets.

    Args:
        exclusion: taken to be active.
        planner: plans for the day that is taken for today.
        tables: the tables to try; those that the rules read if not given.
    """
    names = sorted(tables if tables is not None else {name for rule in rules for name in tables_of(rule, planner)})
    attempts: list[Attempt] = []
    skipped: list[tuple[str, str]] = []
    for table in names:
        try:
            tried, notes = _table(exclusion, table, planner)
            attempts += tried
            skipped += [(table, note) for note in notes]
        except FpctlError as error:
            skipped.append((table, error.message))
    return RedteamResult(tuple(attempts), tuple(skipped))


def tables_of(rule: Rule, planner: Planner) -> set[str]:
    """Return the tables that a rule reads; none for a rule that cannot be read."""
    try:
        return set(tables_read(planner.plan(rule, ())))
    except FpctlError:
        return set()


def _table(exclusion: Exclusion, table: str, planner: Planner) -> tuple[list[Attempt], list[str]]:
    """Return the attempts in one table, and what was not tried."""
    today = datetime.combine(planner.today, time(12), UTC)
    known = planner.tables.table(table)
    if known is None:
        raise FpctlError("its columns are unknown")
    tried: list[tuple[int, Variant]] = []
    for number, alternative in enumerate(exclusion.match[:MOST_ALTERNATIVES], 1):
        seed = seed_of(exclusion, alternative, today)
        tried.append((number, seed))
        unnamed = _unnamed(alternative, table, planner)
        tried += [(number, variant) for variant in variants(exclusion, alternative, seed, today, unnamed)]
    rows = [_event(variant, table, planner, number) for number, (_, variant) in enumerate(tried)]
    moments = [variant.moment for _, variant in tried]
    within = UtcRange(min(moments) - timedelta(days=8), max(moments) + timedelta(days=8))
    local = Planner(
        planner.tables, planner.fields, planner.today, streamed=planner.streamed, windows_within=lambda *_: within
    )
    tuned = local.plan(_bare(table), [(exclusion, True)])
    condition = _condition(tuned, exclusion)
    text = f"{table}\n| where {condition}\n| project {_NUMBER}"
    with laid_out({table: rows}, [table], planner.tables, max(moments) + timedelta(days=1)) as engine:
        hit = {int(row[0]) for row in engine.query(text).rows}
    seeds = {
        alternative: index for index, (alternative, variant) in enumerate(tried) if variant.name == "what it is for"
    }
    if not any(index in hit for index in seeds.values()):
        raw = " (it has a raw condition)" if any(one.where is not None for one in exclusion.match) else ""
        raise FpctlError(f"no event that the exclusion suppresses can be created for this table{raw}")
    notes = [
        f"alternative {number}: no event that it suppresses can be created"
        + (" (it has a raw condition)" if exclusion.match[number - 1].where is not None else "")
        for number, index in seeds.items()
        if index not in hit
    ]
    if len(exclusion.match) > MOST_ALTERNATIVES:
        notes.append(f"only the first {MOST_ALTERNATIVES} of {len(exclusion.match):,} alternatives")
    attempts = [
        Attempt(alternative, table, variant, index in hit, (*variant.fields, *(["where"] if variant.columns else [])))
        for index, (alternative, variant) in enumerate(tried)
        if seeds[alternative] in hit and index not in seeds.values()
    ]
    return attempts, notes


def _unnamed(alternative: Alternative, table: str, planner: Planner) -> list[str]:
    """Return the fields that an alternative would have to name to be narrow in a table; none where it is."""
    among = families_of([table])
    if is_narrow(alternative.fields(), among):
        return []
    together = dict.fromkeys(field for family in among for fields in family.together for field in fields)
    return [name for name in together if not alternative.values(name) and planner.fields.columns(table, name)]


def _bare(table: str) -> Rule:
    return Rule("fpctl-redteam", "redteam", f"{table}\n", "redteam.kql", "bare")


def _condition(tuned: TunedRule, exclusion: Exclusion) -> str:
    found = [clause.condition for clause in tuned.clauses if clause.exclusion == exclusion.id]
    if not found:
        refused = next((skip for skip in tuned.plan.skips), None)
        raise FpctlError(refused.message if refused is not None else "no clause can be placed in it")
    return " or ".join(f"({one})" for one in found)


def _event(variant: Variant, table: str, planner: Planner, number: int) -> Mapping[str, Any]:
    """Return a row of a table whose columns hold a variant's values, wherever a value is allowed."""
    row: dict[str, Any] = {_NUMBER: number, "Timestamp": variant.moment, "TimeGenerated": variant.moment}
    kinds = planner.tables.table(table) or {}
    row = {name: value for name, value in row.items() if name == _NUMBER or name in kinds}
    for field, value in variant.fields.items():
        roles = usable_roles(field, [value]) if value else None
        for column in planner.fields.columns(table, field):
            if (roles is not None and column.role not in roles) or column.column in row:
                continue
            shaped = FIELDS[field].shaped(column.role, value)
            if column.members or column.parse:
                row[column.column] = _nested(column.members, shaped)
            else:
                row[column.column] = int(value) if kinds.get(column.column) in ("int", "long") else shaped
    for name, asked in variant.columns.items():
        if name in kinds:
            row.setdefault(name, asked)
    return row


def _nested(members: tuple[str, ...], value: str) -> Any:
    found: Any = value
    for member in reversed(members):
        found = [found] if member.isdigit() else {member: found}
    return found
