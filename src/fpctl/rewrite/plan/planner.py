"""One rule and its exclusions to a plan and a tuned query."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.kql import tree
from fpctl.kql.binder import Analysis, analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.output.counting import Counted, CountingQuery, counting_query, tally_query
from fpctl.rewrite.output.markers import ClauseLine, edits_for, strip
from fpctl.rewrite.placement.column_resolver import TIME_COLUMNS, Resolver
from fpctl.rewrite.placement.placer import Placer
from fpctl.rewrite.placement.required_columns import NeedsError, needs_of
from fpctl.rewrite.placement.result import Outcome, Place, Placed, Refusal
from fpctl.rewrite.placement.wildcard_tables import KnownPatterns
from fpctl.rewrite.plan.clauses import Clause, GapClauses, Line, by_gap
from fpctl.rewrite.plan.external_lists import Companion
from fpctl.rewrite.plan.model import Insertion, Plan, PlanWarning, Skip
from fpctl.rewrite.plan.plan_warnings import caveats_of_match, caveats_of_place
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, UNLIMITED, Budget, Fit, Lines, Wording, budget_of, fit
from fpctl.rewrite.predicate import Dialect, DialectError, PredicateError, UtcRange, build
from fpctl.rules.model import Rule
from fpctl.rules.text.query_text import Edit, apply_edits
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.text.source import SourceText

INVERTING_TRIGGERS = {"lt": "less than", "eq": "equal to", "ne": "not equal to"}
"""Trigger operators with which a smaller result can fire the rule (docs/kql.md, rule level)."""

_TIME_WORDS = tuple((name, re.compile(rf"\b{name}\b")) for name in TIME_COLUMNS)

WindowRange = Callable[[Rule, tree.Query], UtcRange]


@dataclass(frozen=True, slots=True)
class Workings:
    """What a plan was made from: the tree, the columns of every gap, and the clauses at their gaps."""

    gaps: tuple[GapClauses, ...]
    query: tree.Query
    analysis: Analysis
    tables: Tables
    shadows: tuple[Clause, ...] = ()
    """Exclusions that are only counted (`status: shadow`), each at its gap; the tuned text has none of them."""


@dataclass(frozen=True)
class TunedQuery:
    """A rule's base query, its plan, and the tuned text.

    `base` is the text without any clause of fpctl, even if the rule file had some. `edits` turn
    `base` into `tuned`. `recall` returns the workings: at hand where the rule was planned in this
    process, made again where another one did (`rewrite.cores`).
    """

    plan: Plan
    base: str
    tuned: str
    edits: tuple[Edit, ...]
    recall: Callable[[], Workings] = field(repr=False, compare=False)
    wording: Wording = ANY_LENGTH
    companion: Companion | None = None
    """Lists for which the text has no room."""

    @cached_property
    def workings(self) -> Workings:
        """What the plan was made from."""
        return self.recall()

    @property
    def gaps(self) -> tuple[GapClauses, ...]:
        """The gaps that have clauses, in order of offset."""
        return self.workings.gaps

    @property
    def query(self) -> tree.Query:
        """The tree of `base`."""
        return self.workings.query

    @property
    def analysis(self) -> Analysis:
        """The columns at every gap of `base`."""
        return self.workings.analysis

    @property
    def tables(self) -> Tables:
        """The schema that the tuned text is read with, its companion included."""
        return self.workings.tables

    @property
    def shadows(self) -> tuple[Clause, ...]:
        """The exclusions that are only counted, each at its gap."""
        return self.workings.shadows

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every exclusion at every gap where it stands, in order."""
        return tuple(clause for gap in self.gaps for clause in gap.clauses)

    def counting_queries(self) -> list[CountingQuery]:
        """Return the counting queries, one per gap, in order of offset."""
        return [self._counting(gap) for gap in self.gaps]

    def shadow_queries(self) -> list[tuple[CountingQuery, frozenset[str]]]:
        """Return the counting queries of the shadow exclusions, one per gap, each with the ids that it is about.

        The exclusions in force at the same gap are counted along, so that a hit is unique only if nothing
        takes the event out yet.
        """
        at: dict[tuple[str, int, int], list[Clause]] = {}
        for clause in self.shadows:
            at.setdefault(_gap_of(clause.place), []).append(clause)
        found: list[tuple[CountingQuery, frozenset[str]]] = []
        for key, shadows in sorted(at.items()):
            here = [clause for clause in self.clauses if _gap_of(clause.place) == key]
            query = self._counting(GapClauses(shadows[0].place, (*here, *shadows), shadows[0].predicate.dialect))
            found.append((query, frozenset(clause.exclusion for clause in shadows)))
        return found

    def _counting(self, gap: GapClauses) -> CountingQuery:
        if gap.many:
            return tally_query(self.query, gap.place, gap.tally(), self.edits)
        counted = [Counted(clause.exclusion, clause.condition) for clause in gap.clauses]
        return counting_query(self.query, gap.place, counted, self.edits)


class Planner:
    """Plans rules against exclusions.

    Args:
        tables: the schema.
        fields: the field mapping.
        today: the day the plan is for; exclusions outside their dates are left out.
        streamed: the schema for queries that speak of `TimeGenerated`: where Defender XDR and Log
            Analytics disagree on a type, such a query is meant for the latter.
        windows_within: for an engine that cannot compute local times: returns the range of events that
            a rule reads, for which windows are written out as intervals of UTC.
    """

    def __init__(
        self,
        tables: Tables,
        fields: FieldMap,
        today: date,
        *,
        streamed: Tables | None = None,
        windows_within: WindowRange | None = None,
    ) -> None:
        self.windows_within = windows_within
        self.tables = tables
        self.streamed = streamed or tables
        self.fields = fields
        self.today = today
        self._known: dict[str, bool] = {}
        self._patterns: KnownPatterns = {}

    def plan(
        self,
        rule: Rule,
        exclusions: Iterable[tuple[Exclusion, bool]],
        *,
        newline: str | None = None,
        wording: Wording = ANY_LENGTH,
    ) -> TunedQuery:
        """Plan one rule.

        Args:
            exclusions: those that select the rule, each with whether it names the rule itself
                (then a refusal is a finding) or only sweeps it.
            newline: what ends a line where the query is kept; the query's own style if not given.
            wording: how the clauses are said.

        Raises:
            KqlSyntaxError: the base query cannot be parsed.
        """
        base = strip(rule.query)
        query = parse(base, rule.path)
        source = SourceText(base, rule.path)
        prefer = time_column_of(base)
        tables = self.tables_for(prefer)
        analysis = analyse(query, tables)
        placer = Placer(
            query,
            analysis,
            Resolver(self.fields, self._is_known, lambda: tree.names(query), prefer, tables.table),
            tables,
            self._patterns,
        )
        dialect = Dialect.NRT if rule.continuous else Dialect.STANDARD

        skips: list[Skip] = []
        warnings: dict[tuple[object, ...], PlanWarning] = {}
        clauses: list[Clause] = []
        shadows: list[Clause] = []

        def warn(warning: PlanWarning) -> None:
            warnings.setdefault((warning.code, warning.line, warning.message, warning.exclusion), warning)

        ordered = sorted(exclusions, key=lambda pair: pair[0].id)
        for exclusion, named in ordered:
            state = exclusion.state(self.today)
            if state not in ("active", "shadow"):
                skips.append(_not_in_force(exclusion, state))
                continue
            try:
                alternatives, outcome = _place(placer, exclusion)
                if isinstance(outcome, Refusal):
                    skips.append(_refused(exclusion, outcome, source, named))
                    continue
                within = self.windows_within(rule, query) if self.windows_within and exclusion.window else None
                new, found = self._clauses(exclusion, alternatives, outcome, dialect, source, within)
            except NeedsError as error:
                skips.append(Skip(exclusion.id, "invalid-where", error.message, None, error.hint, named))
            except PredicateError as error:
                skips.append(Skip(exclusion.id, error.reason, error.message, None, error.hint, named))
            except DialectError as error:
                skips.append(Skip(exclusion.id, "dialect", error.message, None, error.hint, named))
            else:
                if state == "shadow":
                    shadows.extend(new)
                    skips.append(_not_in_force(exclusion, state))
                    continue
                clauses.extend(new)
                for warning in found:
                    warn(warning)
        if clauses:
            trigger = INVERTING_TRIGGERS.get(rule.trigger_operator or "")
            if trigger:
                warn(
                    PlanWarning(
                        "trigger-operator",
                        f"the rule fires on a result count that is {trigger} {rule.trigger_threshold}: "
                        "fewer rows can make it fire",
                    )
                )
        gaps = by_gap(clauses, dialect, folds=wording.folds)

        def edits_of(lines: Lines) -> list[Edit]:
            return edits_for(base, _clause_lines(lines), comments=dialect is not Dialect.NRT, newline=newline)

        budget = budget_of(rule)
        kept = budget if wording.fits and wording.folds else UNLIMITED
        fitted = fit(gaps, rule, kept, lambda lines: len(apply_edits(base, edits_of(lines))), wording.store)
        insertions = tuple(_insertion(place, line, source) for place, line in fitted.lines)
        edits = tuple(edits_of(fitted.lines))
        tuned = apply_edits(base, edits)
        skips.extend(_no_room(fitted, budget, {exclusion.id for exclusion, named in ordered if named}))
        for warning in _about_room(fitted, budget, len(tuned) if wording.fits and edits else 0):
            warn(warning)
        for unknown in analysis.problems:
            warn(PlanWarning(unknown.code, unknown.message, source.line_column(unknown.offset)[0]))
        plan = Plan(
            rule.id,
            insertions,
            tuple(sorted(skips, key=lambda s: (s.exclusion, s.reason))),
            tuple(sorted(warnings.values(), key=lambda w: (w.line or 0, w.code, w.message, w.exclusion or ""))),
        )
        if fitted.companion is not None and fitted.companion.store == "function":
            tables = tables.with_functions({fitted.companion.alias: Companion.COLUMNS})
        workings = Workings(fitted.gaps, query, analysis, tables, tuple(shadows))
        return TunedQuery(plan, base, tuned, edits, lambda: workings, wording, fitted.companion)

    def tables_for(self, time_column: str | None) -> Tables:
        """Return the schema for a query that uses this time column."""
        return self.streamed if time_column == "TimeGenerated" else self.tables

    def _is_known(self, table: str) -> bool:
        known = self._known.get(table)
        if known is None:
            known = self._known[table] = self.tables.table(table) is not None or isinstance(
                self.tables.function(table), Mapping
            )
        return known

    def _clauses(
        self,
        exclusion: Exclusion,
        alternatives: Sequence[Alternative],
        placed: Placed,
        dialect: Dialect,
        source: SourceText,
        within: UtcRange | None,
    ) -> tuple[list[Clause], list[PlanWarning]]:
        clauses: list[Clause] = []
        warnings = list(caveats_of_match(exclusion, alternatives, placed, source))
        for place in placed.places:
            predicate = build(
                alternatives,
                place.resolution.bindings,
                window=exclusion.window,
                within=within,
                time_column=place.resolution.time_column,
                expires=exclusion.expires,
                dialect=dialect,
            )
            clause = Clause(exclusion.id, place, predicate, _fields(alternatives))
            if dialect is Dialect.NRT:
                clause.text  # noqa: B018  (says now if the dialect has no words for it)
            clauses.append(clause)
            warnings.extend(caveats_of_place(exclusion, place, predicate, source, _line(source, place)))
        return clauses, warnings


def time_column_of(query: str) -> str | None:
    """Return the time column that a query speaks of: it tells which product the query is meant for."""
    return next((name for name, word in _TIME_WORDS if word.search(query)), None)


def _insertion(place: Place, line: Line, source: SourceText) -> Insertion:
    number = _line(source, place)
    where = f"after {place.gap.after}, line {number}"
    if place.path != "main":
        where += f", in {place.path}"
    return Insertion(line.exclusions, place.gap.offset, number, where, place.path, line.text, line.condition)


def _clause_lines(lines: Lines) -> list[ClauseLine]:
    return [
        ClauseLine(place.gap.offset, line.text, line.exclusions, _anchor(place), place.wraps, line.about)
        for place, line in lines
    ]


def _no_room(fitted: Fit, budget: Budget, named: Set[str]) -> Iterable[Skip]:
    message = (
        f"the query would have {fitted.needed:,} characters with all exclusions, and {budget.target} may have "
        f"{budget.characters or 0:,}; for this one there is no room"
    )
    hint = "match on whole values instead of parts, split the rule, or shorten its query"
    for exclusion in fitted.left_out:
        yield Skip(exclusion, "budget", message, None, hint, exclusion in named)


def _about_room(fitted: Fit, budget: Budget, length: int) -> Iterable[PlanWarning]:
    if fitted.companion is not None:
        count = sum(len(one.values) for one in fitted.companion.lists)
        yield PlanWarning(
            "out-of-line",
            f"{count:,} values stand in the {fitted.companion.store} {fitted.companion.alias}, which has to be loaded "
            "before the rule: fpctl apply --out writes it, with the commands",
        )
    if budget.characters is not None and length > budget.characters:
        yield PlanWarning(
            "query-length", f"the query has {length:,} characters, and {budget.target} may have {budget.characters:,}"
        )


def _fields(alternatives: Sequence[Alternative]) -> tuple[str, ...]:
    named = {field for one in alternatives for field in one.fields()}
    raw = {"where"} if any(one.where is not None for one in alternatives) else set()
    return tuple(sorted(named | raw))


def _place(placer: Placer, exclusion: Exclusion) -> tuple[tuple[Alternative, ...], Outcome]:
    """Return where an exclusion goes, with the alternatives of its match that can match here at all.

    An alternative that names a field which no table of the rule has can match no event of it; the
    others still can.
    """

    def outcome_of(alternatives: Sequence[Alternative]) -> Outcome:
        needs = needs_of(alternatives, exclusion.id, time=exclusion.window is not None)
        return placer.place(needs, exclusion.placement)

    outcome = outcome_of(exclusion.match)
    if isinstance(outcome, Refusal) and outcome.reason == "field-not-in-table" and len(exclusion.match) > 1:
        possible = tuple(
            alternative for alternative in exclusion.match if not isinstance(outcome_of([alternative]), Refusal)
        )
        if possible:
            return possible, outcome_of(possible)
    return exclusion.match, outcome


def _line(source: SourceText, place: Place) -> int:
    offset = place.gap.offset - 1 if place.gap.index == 0 else _anchor(place)
    return source.line_column(max(offset, 0))[0]


def _gap_of(place: Place) -> tuple[str, int, int]:
    return place.path, place.gap.offset, place.gap.index


def _anchor(place: Place) -> int:
    """Return where the operator before the gap begins, or the source."""
    index = place.gap.index
    return place.pipeline.start if index == 0 else place.pipeline.operators[index - 1].start


def _not_in_force(exclusion: Exclusion, state: str) -> Skip:
    messages = {
        "draft": "is a draft; approve it to bring it into force",
        "retired": "is retired",
        "shadow": "is only counted (status: shadow)",
        "expired": f"expired on {exclusion.expires}",
        "not-yet-valid": f"begins on {exclusion.created}",
    }
    return Skip(exclusion.id, state, f"{exclusion.id} {messages[state]}")  # type: ignore[arg-type]


def _refused(exclusion: Exclusion, refusal: Refusal, source: SourceText, named: bool) -> Skip:
    line = source.line_column(refusal.offset)[0] if refusal.offset is not None else None
    return Skip(exclusion.id, refusal.reason, refusal.message, line, refusal.hint, named)


__all__ = ["Clause", "Planner", "TunedQuery"]
