"""What an approver saw of every rule that an exclusion reaches: its base query, by the hash, and the clause's place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.exclusions.edit import Changes
from fpctl.exclusions.lifecycle import approved, approver_of
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.repository.apply import RuleOutcome
from fpctl.repository.model import Repository
from fpctl.repository.single_exclusion import in_force, reached
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.placement.column_resolver import LITERAL_SOURCES
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule


def base_hash(query: str) -> str:
    """Return the SHA-256 of a rule's base query: its text without fpctl's clauses, as hexadecimal digits.

    A text that cannot be read as KQL tokens is hashed as it is.
    """
    try:
        base = strip(query)
    except KqlSyntaxError:
        base = query
    return hashlib.sha256(base.encode("utf-8")).hexdigest()


def rules_seen(exclusion: Exclusion, rules: Iterable[Rule]) -> dict[str, str]:
    """Return the base hash of each rule that the exclusion reaches, by rule id."""
    return {rule.id: base_hash(rule.query) for rule in rules if exclusion.selects(rule) is not None}


def places_seen(exclusion: Exclusion, rules: Sequence[Rule], planner: Planner) -> dict[str, str]:
    """Return where the clause is in each rule that the exclusion reaches, by rule id.

    Rules in which it has no place, or that cannot be read, are left out. See `place_of` for the words.
    """
    alone = in_force(exclusion).model_copy(update={"expires": None})
    found: dict[str, str] = {}
    for rule, named in reached(exclusion, rules):
        try:
            tuned = planner.plan(rule, [(alone, named)])
        except FpctlError:
            continue
        if tuned.clauses:
            found[rule.id] = place_of(tuned.clauses)
    return found


def place_of(clauses: Iterable[Clause]) -> str:
    """Return where clauses are: `DeviceNetworkEvents: after where`, several with `; `.

    Lines and offsets are not part of it: a comment above moves every line and no clause.
    """
    return "; ".join(sorted({_words(clause) for clause in clauses}))


def standing(outcome: RuleOutcome) -> Mapping[str, str]:
    """Return where the clauses of each exclusion are in a rule, by exclusion, in the words of `place_of`."""
    if outcome.places is not None or outcome.tuned is None:
        return outcome.places or {}
    clauses: dict[str, list[Clause]] = {}
    for clause in outcome.tuned.clauses:
        clauses.setdefault(clause.exclusion, []).append(clause)
    return {id: place_of(found) for id, found in clauses.items()}


def tables_of(placement: str) -> str:
    """Return the tables that a place of `place_of` names."""
    return ", ".join(sorted({table for one in placement.split("; ") for table in one.rpartition(": ")[0].split(", ")}))


def _words(clause: Clause) -> str:
    placement = clause.placement
    tables = sorted(set().union(*placement.point.scope.branches.values()) - LITERAL_SOURCES)
    inside = "" if placement.path == "main" else f" in {placement.path}"
    return f"{', '.join(tables) or 'no table'}: after {placement.point.after}{inside}"


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """An approval that is to be written: by whom, for which rules (ids), and what changes in the file."""

    loaded: LoadedExclusion
    approver: str
    rules: frozenset[str]
    changes: Changes

    @property
    def activates(self) -> bool:
        """Whether the exclusion was a draft and becomes active."""
        return "status" in self.changes


def approvals(
    chosen: Sequence[LoadedExclusion],
    by: str,
    repository: Repository,
    planner: Planner,
    progress: Callable[[int], object] = lambda done: None,
) -> list[PendingApproval]:
    """Return the approvals of exclusions, each with what the approver sees today.

    Args:
        by: who approves.
        progress: called with how many are done.

    Raises:
        FpctlError: one of them cannot be approved: it is retired, or nobody or the owner is named.
    """
    rules = [loaded.rule for loaded in repository.rules.rules]
    found: list[PendingApproval] = []
    for loaded in chosen:
        approver = approver_of(loaded.exclusion, by)
        seen = rules_seen(loaded.exclusion, rules)
        places = places_seen(loaded.exclusion, rules, planner)
        changes = approved(loaded.exclusion, approver, seen, places, planner.today)
        found.append(PendingApproval(loaded, approver, frozenset(seen), changes))
        progress(len(found))
    return found
