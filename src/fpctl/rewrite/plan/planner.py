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
from fpctl.rewrite.output.counting import Counted, CountingQuery, counting_query, grouped_counting_query
from fpctl.rewrite.output.markers import ClauseLine, edits_for, strip
from fpctl.rewrite.placement.column_resolver import TIME_COLUMNS, ColumnResolver
from fpctl.rewrite.placement.placer import Placer
from fpctl.rewrite.placement.required_columns import RequiredColumnsError, columns_required
from fpctl.rewrite.placement.result import Outcome, Placement, PlacementRefusal, PlacementResult
from fpctl.rewrite.placement.wildcard_tables import WildcardCache
from fpctl.rewrite.plan.clauses import Clause, Line, PointClauses, by_point
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.model import Insertion, Plan, PlanWarning, Skip
from fpctl.rewrite.plan.plan_warnings import match_warnings, placement_warnings
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, UNLIMITED, Budget, ClauseStyle, Lines, SizeFit, budget_of, fit
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
class PlanDetails:
    """What a plan was made from: the tree, the columns at every insertion point, and the clauses there."""

    points: tuple[PointClauses, ...]
    query: tree.Query
    analysis: Analysis
    tables: Tables
    shadows: tuple[Clause, ...] = ()
    """Exclusions that are only counted (`status: shadow`); the tuned text has none of them."""


@dataclass(frozen=True)
class TunedQuery:
    """A rule's base query, its plan, and the tuned text.

    `base` is the text without any clause of fpctl, even if the rule file had some. `edits` turn
    `base` into `tuned`. `rebuild` returns the details: at hand where the rule was planned in this
    process, made again where another one did (`repository.parallel`).
    """

    plan: Plan
    base: str
    tuned: str
    edits: tuple[Edit, ...]
    rebuild: Callable[[], PlanDetails] = field(repr=False, compare=False)
    style: ClauseStyle = ANY_LENGTH
    external: ExternalLists | None = None
    """Lists for which the text has no room."""

    @cached_property
    def details(self) -> PlanDetails:
        """What the plan was made from."""
        return self.rebuild()

    @property
    def points(self) -> tuple[PointClauses, ...]:
        """The insertion points that have clauses, in order of offset."""
        return self.details.points

    @property
    def query(self) -> tree.Query:
        """The tree of `base`."""
        return self.details.query

    @property
    def analysis(self) -> Analysis:
        """The columns at every insertion point of `base`."""
        return self.details.analysis

    @property
    def tables(self) -> Tables:
        """The schema that the tuned text is read with, its external lists included."""
        return self.details.tables

    @property
    def shadows(self) -> tuple[Clause, ...]:
        """The exclusions that are only counted, each at its insertion point."""
        return self.details.shadows

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every exclusion at every insertion point where it stands, in order."""
        return tuple(clause for point in self.points for clause in point.clauses)

    def counting_queries(self) -> list[CountingQuery]:
        """Return the counting queries, one per insertion point, in order of offset."""
        return [self._counting(point) for point in self.points]

    def shadow_queries(self) -> list[tuple[CountingQuery, frozenset[str]]]:
        """Return the counting queries of the shadow exclusions, one per insertion point, each with its ids.

        The exclusions in force at the same insertion point are counted along, so that a hit is unique only if nothing
        takes the event out yet.
        """
        at: dict[tuple[str, int, int], list[Clause]] = {}
        for clause in self.shadows:
            at.setdefault(_point_of(clause.placement), []).append(clause)
        found: list[tuple[CountingQuery, frozenset[str]]] = []
        for key, shadows in sorted(at.items()):
            here = [clause for clause in self.clauses if _point_of(clause.placement) == key]
            query = self._counting(PointClauses(shadows[0].placement, (*here, *shadows), shadows[0].predicate.dialect))
            found.append((query, frozenset(clause.exclusion for clause in shadows)))
        return found

    def _counting(self, point: PointClauses) -> CountingQuery:
        if point.many:
            return grouped_counting_query(self.query, point.placement, point.accumulator(), self.edits)
        counted = [Counted(clause.exclusion, clause.condition) for clause in point.clauses]
        return counting_query(self.query, point.placement, counted, self.edits)


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
        self._patterns: WildcardCache = {}

    def plan(
        self,
        rule: Rule,
        exclusions: Iterable[tuple[Exclusion, bool]],
        *,
        newline: str | None = None,
        style: ClauseStyle = ANY_LENGTH,
    ) -> TunedQuery:
        """Plan one rule.

        Args:
            exclusions: those that select the rule, each with whether it names the rule itself
                (then a refusal is a finding) or only sweeps it.
            newline: what ends a line where the query is kept; the query's own style if not given.
            style: how the clauses are said.

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
            ColumnResolver(self.fields, self._is_known, lambda: tree.names(query), prefer, tables.table),
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
                if isinstance(outcome, PlacementRefusal):
                    skips.append(_refused(exclusion, outcome, source, named))
                    continue
                within = self.windows_within(rule, query) if self.windows_within and exclusion.window else None
                new, found = self._clauses(exclusion, alternatives, outcome, dialect, source, within)
            except RequiredColumnsError as error:
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
        points = by_point(clauses, dialect, folds=style.folds)

        def edits_of(lines: Lines) -> list[Edit]:
            return edits_for(base, _clause_lines(lines), comments=dialect is not Dialect.NRT, newline=newline)

        budget = budget_of(rule)
        kept = budget if style.fits and style.folds else UNLIMITED
        fitted = fit(points, rule, kept, lambda lines: len(apply_edits(base, edits_of(lines))), style.store)
        insertions = tuple(_insertion(placement, line, source) for placement, line in fitted.lines)
        edits = tuple(edits_of(fitted.lines))
        tuned = apply_edits(base, edits)
        skips.extend(_no_room(fitted, budget, {exclusion.id for exclusion, named in ordered if named}))
        for warning in _about_room(fitted, budget, len(tuned) if style.fits and edits else 0):
            warn(warning)
        for unknown in analysis.problems:
            warn(PlanWarning(unknown.code, unknown.message, source.line_column(unknown.offset)[0]))
        plan = Plan(
            rule.id,
            insertions,
            tuple(sorted(skips, key=lambda s: (s.exclusion, s.reason))),
            tuple(sorted(warnings.values(), key=lambda w: (w.line or 0, w.code, w.message, w.exclusion or ""))),
        )
        if fitted.external is not None and fitted.external.store == "function":
            tables = tables.with_functions({fitted.external.alias: ExternalLists.COLUMNS})
        details = PlanDetails(fitted.points, query, analysis, tables, tuple(shadows))
        return TunedQuery(plan, base, tuned, edits, lambda: details, style, fitted.external)

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
        placed: PlacementResult,
        dialect: Dialect,
        source: SourceText,
        within: UtcRange | None,
    ) -> tuple[list[Clause], list[PlanWarning]]:
        clauses: list[Clause] = []
        warnings = list(match_warnings(exclusion, alternatives, placed, source))
        for placement in placed.placements:
            predicate = build(
                alternatives,
                placement.resolution.bindings,
                window=exclusion.window,
                within=within,
                time_column=placement.resolution.time_column,
                expires=exclusion.expires,
                dialect=dialect,
            )
            clause = Clause(exclusion.id, placement, predicate, _fields(alternatives))
            if dialect is Dialect.NRT:
                clause.text  # noqa: B018  (says now if the dialect has no words for it)
            clauses.append(clause)
            warnings.extend(placement_warnings(exclusion, placement, predicate, source, _line(source, placement)))
        return clauses, warnings


def time_column_of(query: str) -> str | None:
    """Return the time column that a query speaks of: it tells which product the query is meant for."""
    return next((name for name, word in _TIME_WORDS if word.search(query)), None)


def _insertion(placement: Placement, line: Line, source: SourceText) -> Insertion:
    number = _line(source, placement)
    where = f"after {placement.point.after}, line {number}"
    if placement.path != "main":
        where += f", in {placement.path}"
    return Insertion(line.exclusions, placement.point.offset, number, where, placement.path, line.text, line.condition)


def _clause_lines(lines: Lines) -> list[ClauseLine]:
    return [
        ClauseLine(placement.point.offset, line.text, line.exclusions, _anchor(placement), placement.wraps, line.about)
        for placement, line in lines
    ]


def _no_room(fitted: SizeFit, budget: Budget, named: Set[str]) -> Iterable[Skip]:
    message = (
        f"the query would have {fitted.needed:,} characters with all exclusions, and {budget.target} may have "
        f"{budget.characters or 0:,}; for this one there is no room"
    )
    hint = "match on whole values instead of parts, split the rule, or shorten its query"
    for exclusion in fitted.left_out:
        yield Skip(exclusion, "budget", message, None, hint, exclusion in named)


def _about_room(fitted: SizeFit, budget: Budget, length: int) -> Iterable[PlanWarning]:
    if fitted.external is not None:
        count = sum(len(one.values) for one in fitted.external.lists)
        yield PlanWarning(
            "out-of-line",
            f"{count:,} values stand in the {fitted.external.store} {fitted.external.alias}, which has to be loaded "
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
        required = columns_required(alternatives, exclusion.id, time=exclusion.window is not None)
        return placer.placement(required, exclusion.placement)

    outcome = outcome_of(exclusion.match)
    if isinstance(outcome, PlacementRefusal) and outcome.reason == "field-not-in-table" and len(exclusion.match) > 1:
        possible = tuple(
            alternative
            for alternative in exclusion.match
            if not isinstance(outcome_of([alternative]), PlacementRefusal)
        )
        if possible:
            return possible, outcome_of(possible)
    return exclusion.match, outcome


def _line(source: SourceText, placement: Placement) -> int:
    offset = placement.point.offset - 1 if placement.point.index == 0 else _anchor(placement)
    return source.line_column(max(offset, 0))[0]


def _point_of(placement: Placement) -> tuple[str, int, int]:
    return placement.path, placement.point.offset, placement.point.index


def _anchor(placement: Placement) -> int:
    """Return where the operator before the insertion point begins, or the source."""
    index = placement.point.index
    return placement.pipeline.start if index == 0 else placement.pipeline.operators[index - 1].start


def _not_in_force(exclusion: Exclusion, state: str) -> Skip:
    messages = {
        "draft": "is a draft; approve it to bring it into force",
        "retired": "is retired",
        "shadow": "is only counted (status: shadow)",
        "expired": f"expired on {exclusion.expires}",
        "not-yet-valid": f"begins on {exclusion.created}",
    }
    return Skip(exclusion.id, state, f"{exclusion.id} {messages[state]}")  # type: ignore[arg-type]


def _refused(exclusion: Exclusion, refusal: PlacementRefusal, source: SourceText, named: bool) -> Skip:
    line = source.line_column(refusal.offset)[0] if refusal.offset is not None else None
    return Skip(exclusion.id, refusal.reason, refusal.message, line, refusal.hint, named)


__all__ = ["Clause", "Planner", "TunedQuery"]
