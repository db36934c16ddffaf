"""One rule and its exclusions to a plan and a tuned query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.kql import tree
from fpctl.rewrite.output.markers import ClauseLine, edits_for
from fpctl.rewrite.placement.column_resolver import ColumnResolver
from fpctl.rewrite.placement.placer import Placer
from fpctl.rewrite.placement.visible_columns import VisibleColumnsCache
from fpctl.rewrite.placement.wildcard_tables import WildcardCache
from fpctl.rewrite.plan.base_rule import BaseRule, read_base
from fpctl.rewrite.plan.clauses import Clause, anchor_of, by_point, insertion_of
from fpctl.rewrite.plan.exclusion_cache import ExclusionCache
from fpctl.rewrite.plan.exclusion_clauses import ExclusionPlacer, WindowRange, inactive_skip
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.model import Plan, PlanWarning, Skip
from fpctl.rewrite.plan.plan_warnings import size_skips, size_warnings, trigger_warnings
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, UNLIMITED, ClauseStyle, Lines, SizeFit, budget_of, fit
from fpctl.rewrite.plan.tuned_rule import PlanDetails, TunedRule
from fpctl.rewrite.predicate import Dialect
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.text.edits import Edit, EditedText, apply_edits

_KEPT = 64
"""How many base rules are kept: commands that try one exclusion after another ask for the same few rules."""


class Planner:
    """Plans rules against exclusions.

    Args:
        tables: the schema.
        fields: the field mapping.
        today: the day the plan is for; exclusions outside their dates are left out.
        streamed: the schema for queries that mention `TimeGenerated`: where Defender XDR and Log
            Analytics disagree on a type, such a query is meant for the latter.
        windows_within: for an engine that cannot compute local times: returns the range of events that
            a rule reads, for which windows are written out as intervals of UTC.
        begun_by: exclusions created after this day do not suppress events from before they were created:
            their clauses name `created`. None where no clause does.
    """

    def __init__(
        self,
        tables: Tables,
        fields: FieldMap,
        today: date,
        *,
        streamed: Tables | None = None,
        windows_within: WindowRange | None = None,
        begun_by: date | None = None,
    ) -> None:
        self.windows_within = windows_within
        self.begun_by = begun_by
        self.tables = tables
        self.streamed = streamed or tables
        self.fields = fields
        self.today = today
        self._known: dict[str, bool] = {}
        self._wildcards: WildcardCache = {}
        self._visible = VisibleColumnsCache()
        self._exclusions = ExclusionCache()
        self._bases: dict[int, BaseRule] = {}
        self._tables_read: dict[int, tuple[Rule, frozenset[str]]] = {}

    def read(self, rule: Rule) -> BaseRule:
        """Return a rule's base query with its tree and columns, read once for a rule.

        Raises:
            KqlSyntaxError: the base query cannot be parsed.
        """
        known = self._bases.get(id(rule))
        if known is None:
            known = read_base(rule, self.tables, self.streamed)
            if len(self._bases) >= _KEPT:
                del self._bases[next(iter(self._bases))]
            # The rule is kept with its answer: as long as that lives, its id is its own.
            self._bases[id(rule)] = known
        return known

    def tables_read(self, rule: Rule) -> frozenset[str]:
        """Return the tables that a rule reads; none for a rule that cannot be read. All that are asked for are kept."""
        known = self._tables_read.get(id(rule))
        if known is None:
            try:
                tables = frozenset(self.read(rule).tables_read())
            except FpctlError:
                tables = frozenset()
            # The rule is kept with its answer: as long as that lives, its id is its own.
            known = self._tables_read[id(rule)] = rule, tables
        return known[1]

    def plan(
        self,
        rule: Rule,
        exclusions: Iterable[tuple[Exclusion, bool]],
        *,
        newline: str | None = None,
        style: ClauseStyle = ANY_LENGTH,
    ) -> TunedRule:
        """Plan one rule.

        Args:
            exclusions: those that select the rule, each with whether it names the rule itself
                (then a refusal is a finding) or only matches it by pattern.
            newline: what ends a line where the query is kept; the query's own style if not given.
            style: how the clauses are written.

        Raises:
            KqlSyntaxError: the base query cannot be parsed.
        """
        base = self.read(rule)
        dialect = Dialect.NRT if rule.continuous else Dialect.STANDARD
        ordered = sorted(exclusions, key=lambda pair: pair[0].id)
        chosen = self._chosen(base, ordered, dialect)

        def edits_of(lines: Lines) -> list[Edit]:
            return edits_for(base.text, _clause_lines(lines), comments=dialect is not Dialect.NRT, newline=newline)

        budget = budget_of(rule)
        kept = budget if style.fits and style.folds else UNLIMITED
        points = by_point(chosen.clauses, dialect, folds=style.folds)
        fitted = fit(points, rule, kept, lambda lines: len(apply_edits(base.text, edits_of(lines))), style.store)
        edited = EditedText.of(base.text, edits_of(fitted.lines))
        if chosen.clauses:
            chosen.warn(trigger_warnings(rule))
        chosen.skips.extend(size_skips(fitted, budget, {exclusion.id for exclusion, named in ordered if named}))
        chosen.warn(size_warnings(fitted, budget, len(edited.text) if style.fits and edited.edits else 0))
        chosen.warn(
            PlanWarning("edited-clause", one.message, base.source.line_column(one.offset)[0]) for one in base.lookalikes
        )
        chosen.warn(
            PlanWarning(unknown.code, unknown.message, base.source.line_column(unknown.offset)[0])
            for unknown in base.analysis.problems
        )
        details = PlanDetails(base, fitted.points, _tables_with(base.tables, fitted), tuple(chosen.shadows))
        return TunedRule(
            chosen.plan(base, fitted), base.text, edited.text, edited.edits, lambda: details, style, fitted.external
        )

    def _chosen(self, base: BaseRule, exclusions: Sequence[tuple[Exclusion, bool]], dialect: Dialect) -> _Chosen:
        """Return what becomes of each exclusion in a rule."""
        resolver = ColumnResolver(
            self.fields,
            self._is_known,
            lambda: tree.names(base.query),
            base.time_column,
            base.tables.table,
            base.has_time,
            self._visible,
        )
        placer = ExclusionPlacer(
            base,
            Placer(base.query, base.analysis, resolver, base.tables, self._wildcards),
            dialect,
            self._exclusions,
            self.windows_within,
            self.begun_by,
        )
        chosen = _Chosen()
        for exclusion, named in exclusions:
            state = exclusion.state(self.today)
            if state not in ("active", "shadow"):
                chosen.skips.append(inactive_skip(exclusion, state))
                continue
            found = placer.place(exclusion, named)
            if isinstance(found, Skip):
                chosen.skips.append(found)
            elif state == "shadow":
                chosen.shadows.extend(found.clauses)
                chosen.skips.append(inactive_skip(exclusion, state))
            else:
                chosen.clauses.extend(found.clauses)
                chosen.warn(found.warnings)
        return chosen

    def _is_known(self, table: str) -> bool:
        known = self._known.get(table)
        if known is None:
            known = self._known[table] = self.tables.table(table) is not None or isinstance(
                self.tables.function(table), Mapping
            )
        return known


@dataclass(slots=True)
class _Chosen:
    """What becomes of the exclusions of one rule."""

    clauses: list[Clause] = field(default_factory=list)
    shadows: list[Clause] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)
    warnings: dict[tuple[object, ...], PlanWarning] = field(default_factory=dict)

    def warn(self, warnings: Iterable[PlanWarning]) -> None:
        for warning in warnings:
            self.warnings.setdefault((warning.code, warning.line, warning.message, warning.exclusion), warning)

    def plan(self, base: BaseRule, fitted: SizeFit) -> Plan:
        return Plan(
            base.rule.id,
            tuple(insertion_of(placement, line, base.source) for placement, line in fitted.lines),
            tuple(sorted(self.skips, key=lambda skip: (skip.exclusion, skip.reason))),
            tuple(sorted(self.warnings.values(), key=lambda w: (w.line or 0, w.code, w.message, w.exclusion or ""))),
        )


def _clause_lines(lines: Lines) -> list[ClauseLine]:
    return [
        ClauseLine(
            placement.point.offset, line.text, line.exclusions, anchor_of(placement), placement.wraps, line.about
        )
        for placement, line in lines
    ]


def _tables_with(tables: Tables, fitted: SizeFit) -> Tables:
    """Return the schema with the function that holds a rule's lists, where there is one."""
    if fitted.external is not None and fitted.external.store == "function":
        return tables.with_functions({fitted.external.alias: ExternalLists.COLUMNS})
    return tables
