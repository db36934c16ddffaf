"""Into which insertion point of a query a clause goes, or why into none.

The rule (docs/architecture.md gives the reasons): the last insertion point of the outermost pipeline's row-wise
run at which every field is an untouched column; else down into the pipelines that feed it, only in
positive position. A refusal is a value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from fpctl.kql import tree
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.binder import Environment, Tabular
from fpctl.kql.binder.scope import InsertionPoint, Scope
from fpctl.kql.operators.joins import join_kind
from fpctl.kql.operators.model import Polarity
from fpctl.kql.operators.table import is_operator, spec_of
from fpctl.rewrite.placement.column_resolver import ColumnResolver
from fpctl.rewrite.placement.effects import Context, Effect, effects
from fpctl.rewrite.placement.joined import untested_tables
from fpctl.rewrite.placement.polarity import positions
from fpctl.rewrite.placement.positions import Edge, Positions
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.resolution import RequiredColumns, Resolution, Unresolved
from fpctl.rewrite.placement.result import (
    Outcome,
    Placement,
    PlacementRefusal,
    PlacementResult,
    both_ways,
    distinct,
    inverted,
    more_telling,
)
from fpctl.rewrite.placement.wildcard_tables import (
    WildcardCache,
    WildcardTableResolver,
    names_each_table,
    reads_pattern,
    table_name,
)
from fpctl.rewrite.reasons import SkipReason

Mode = Literal["auto", "source", "result"]

MAX_PATHS = 64
"""The most ways from an insertion point to the results that are checked for effects; queries have a handful."""


MANY_TABLES = 64
"""Where more tables meet, no field is held by the same columns of all: they are tested table by table at once."""


_READ_AGAIN: frozenset[SkipReason] = frozenset(
    {
        "columns-dropped", "column-redefined", "field-not-in-table", "after-aggregation",
        "inverting-position", "both-polarities",
    }
)  # fmt: skip
"""Reasons after which a less strict reading may still find a place somewhere else."""


class Placer:
    """Places clauses in one query. Results are remembered per (needs, mode): many exclusions ask the same."""

    def __init__(
        self,
        query: tree.Query,
        analysis: Analysis,
        resolver: ColumnResolver,
        environment: Environment,
        wildcards: WildcardCache,
    ) -> None:
        self.environment = environment
        self.query = query
        self.analysis = analysis
        self.resolver = resolver
        self.wildcards = WildcardTableResolver(resolver, wildcards)
        resolver.fuzzy = "isfuzzy" in query.text and any(map(_is_fuzzy, tree.walk(query)))
        self._positions: Positions | None = None
        self._memo: dict[tuple[RequiredColumns, Mode], Outcome] = {}
        self._around: dict[int, tuple[Collection[str], Collection[str]]] | None = None
        self._reads_pattern = any(self.reads_pattern(columns.node) for columns in analysis.pipelines)
        self._joins = any(
            isinstance(operator, (tree.Join, tree.Lookup))
            for columns in analysis.pipelines
            for operator in columns.node.operators
        )

    def leg_scope(self, leg: tree.Expr) -> Scope:
        """Return the columns of a leg of a union that is not a pipeline: a table, an alias of one, a call."""
        bound = self.analysis.lets.get(leg.value) if isinstance(leg, tree.Name) else None
        if isinstance(bound, Tabular):
            return bound.scope
        alone = tree.Pipeline(leg.start, leg.end, leg, ())
        statement = tree.QueryStatement(leg.start, leg.end, alone)
        query = tree.Query(leg.start, leg.end, self.query.text, (statement,))
        return analyse(query, self.environment).columns_of(alone).points[0].scope

    def reads_pattern(self, pipeline: tree.Pipeline) -> bool:
        """Return whether a pipeline's source is tables only, where no clause can be placed at each of them."""
        return reads_pattern(pipeline.source, self._may_be_table)

    def _may_be_table(self, name: str) -> bool:
        return name not in self.analysis.lets and self.environment.function(name) is None

    def columns_around(self, node: tree.Operator) -> tuple[Sequence[str], Sequence[str]] | None:
        """Return the names of the columns before and after an operator, as its first walk sees them."""
        if self._around is None:
            self._around = {}
            for pipeline in self.analysis.pipelines:
                operators, points = pipeline.node.operators, pipeline.points
                # A body without a source has no point before its first operator.
                before = points if len(points) > len(operators) else (None, *points)
                for operator, left, right in zip(operators, before, points[-len(operators) :], strict=False):
                    self._around[id(operator)] = left.scope.columns if left is not None else (), right.scope.columns
        known = self._around.get(id(node))
        return None if known is None else (tuple(known[0]), tuple(known[1]))

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters of the query's functions."""
        return frozenset(node.name.value for node in tree.walk(self.query) if isinstance(node, tree.FunctionParameter))

    @property
    def positions(self) -> Positions:
        """The polarity of every pipeline, computed when first asked for."""
        if self._positions is None:
            self._positions = positions(self.query, single=len(self.analysis.pipelines) == 1)
        return self._positions

    def place(self, required: RequiredColumns, mode: Mode) -> Outcome:
        """Return where a clause with these needs goes in every result of the query."""
        key = (required, mode)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._place(required, mode)
        return found

    def _place(self, required: RequiredColumns, mode: Mode) -> Outcome:
        results = self.query.results()
        if not results:
            return PlacementRefusal("no-table", "the text has no query statement, only definitions")
        outcomes = [self._result(statement.pipeline, required, mode) for statement in results]
        placed = [outcome for outcome in outcomes if isinstance(outcome, PlacementResult)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, PlacementRefusal)]
        if not placed:
            answer: PlacementRefusal | None = None
            for refusal in refused:
                answer = more_telling(answer, refusal)
            assert answer is not None
            return answer
        left_out = tuple(refusal for refusal in refused if refusal.reason not in _NOT_THERE)
        placements = distinct(placement for outcome in placed for placement in outcome.placements)
        joined: tuple[str, ...] = ()
        if self._joins:
            joined = untested_tables(self.query, self.analysis, self.resolver.fields, required, placements)
        return PlacementResult(placements, tuple(r for outcome in placed for r in outcome.left_out) + left_out, joined)

    def _result(self, pipeline: tree.Pipeline, required: RequiredColumns, mode: Mode) -> Outcome:
        if mode == "result":
            return self._at_result(pipeline, required)
        outcome: Outcome | None = None
        # The strict reading first. Only if it finds no place: the other side of a join that keeps one left
        # row per key, fields from several events of a joined row, a field of which a column is gone.
        for reading in (Reading.STRICT, Reading.KEPT_SIDE, Reading.MIXED_EVENTS, Reading.PARTIAL_FIELDS):
            attempt = _Attempt(self, required, mode, reading)
            result = attempt.run(pipeline)
            if isinstance(result, PlacementResult):
                return result
            outcome = result if outcome is None else more_telling(outcome, result)  # type: ignore[arg-type]
            if result.reason not in _READ_AGAIN or (result.reason == "field-not-in-table" and not self._joins):
                break
        assert outcome is not None
        if self._reads_pattern and isinstance(outcome, PlacementRefusal):
            result = _Attempt(self, required, mode, Reading.TABLE_PATTERN).run(pipeline)
            if isinstance(result, PlacementResult):
                return result
            # Of two that tell as much, the one that looked at each table.
            return more_telling(result, outcome)
        return outcome

    def _at_result(self, pipeline: tree.Pipeline, required: RequiredColumns) -> Outcome:
        """Place at the end of the outermost pipeline, where a clause can never add a row."""
        columns = self.analysis.columns_of(pipeline)
        last = len(columns.points) - 1
        while last > 0 and not spec_of(pipeline.operators[last - 1]).where_may_follow:
            last -= 1
        point = columns.points[last]
        found = self.resolver.resolve(point.scope, required, Reading.PARTIAL_FIELDS, surviving=True)
        if isinstance(found, Unresolved):
            return PlacementRefusal(
                "placement-unavailable",
                f"`placement: result` asks for the end of the query, and there {found.message}",
                point.offset - 1,
                "remove `placement: result`, or keep the column in the rule's output",
            )
        return PlacementResult((Placement(pipeline, columns.path, point, found, ()),))


@dataclass(slots=True)
class _Attempt:
    """One search for places, with one reading of the needs."""

    placer: Placer
    required: RequiredColumns
    mode: Mode
    reading: Reading
    depth: int = 0
    found: dict[int, Outcome] = field(default_factory=dict)
    """Outcomes by `id(pipeline)`: a `let` may be used many times, and what it uses as well."""

    def run(self, pipeline: tree.Pipeline) -> Outcome:
        """Return where the clause goes in a pipeline or in those that feed it."""
        known = self.found.get(id(pipeline))
        if known is None:
            known = self.found[id(pipeline)] = self.search(pipeline)
        return known

    def search(self, pipeline: tree.Pipeline) -> Outcome:
        if self.depth > 64:
            return PlacementRefusal("unsupported-position", "the query nests its pipelines too deeply", pipeline.start)
        self.depth += 1
        try:
            first = (self.sources, self.here) if self.mode == "source" else (self.here, self.sources)
            refusal: PlacementRefusal | None = None
            for look in (*first, self.others):
                outcome = look(pipeline)
                if isinstance(outcome, PlacementResult):
                    if refusal is None or refusal.reason in _NOT_THERE or look != self.others:
                        return outcome
                    # The rows' own events could be named, too, and stay.
                    return replace(outcome, left_out=(*outcome.left_out, refusal))
                if outcome is not None:
                    refusal = more_telling(refusal, outcome)
            return refusal or PlacementRefusal(
                "after-aggregation", "the rows here are groups, not events", pipeline.start
            )
        finally:
            self.depth -= 1

    # ------------------------------------------------------------------ this pipeline's own insertion points

    def here(self, pipeline: tree.Pipeline) -> Outcome | None:
        """Search the pipeline's own insertion points; None when its rows are not events anywhere."""
        if not self.placer.analysis.reads_rows(pipeline):
            return None
        columns = self.placer.analysis.columns_of(pipeline)
        points = self.placer.analysis.calls(pipeline)[0]
        if self.placer.reads_pattern(pipeline):
            if self.reading is Reading.TABLE_PATTERN:
                return self.behind_pattern(pipeline)
            if len(points[0].scope.branches) > MANY_TABLES:
                return _many_tables(len(points[0].scope.branches), pipeline)
        missing: tuple[Unresolved, InsertionPoint] | None = None
        forbidden: PlacementRefusal | None = None
        indexes = range(len(points))
        tried: Scope | None = None
        found: Resolution | Unresolved = Unresolved("no-table", "")
        for index in indexes if self.mode == "source" else reversed(indexes):
            point = points[index]
            if not self.usable(pipeline, index, point.scope):
                continue
            if point.scope is not tried:
                # Behind a `where` the columns are the same ones: the answer is too.
                tried = point.scope
                found = self.placer.resolver.resolve(tried, self.required, self.reading)
            if isinstance(found, Resolution) and not self.agreed(pipeline, index, found):
                found = _CALLS_DIFFER
            if isinstance(found, Unresolved):
                # Scanning goes on towards the source; the reason found nearest to it is the most informative.
                missing = found, point
                continue
            if self.mode == "source":
                index, point, found = self.after_leading_wheres(pipeline, index, point, found)
            outcome = self.accept(pipeline, columns.path, index, point, found)
            if isinstance(outcome, PlacementResult) or self.mode != "source":
                return outcome
            # Behind `as`, say, the rows may be those of the result only.
            forbidden = forbidden or outcome
        return forbidden or (_refused_at(*missing) if missing else None)

    def agreed(self, pipeline: tree.Pipeline, index: int, found: Resolution) -> bool:
        """Return whether every further call of the function that a pipeline is in has the fields in the same columns.

        A clause in the body filters the rows of each call, whichever table that reads.
        """
        for points in self.placer.analysis.calls(pipeline)[1:]:
            point = points[index]
            if not self.usable(pipeline, index, point.scope):
                return False
            other = self.placer.resolver.resolve(point.scope, self.required, self.reading)
            if not isinstance(other, Resolution) or other != found:
                return False
        return True

    def behind_pattern(self, pipeline: tree.Pipeline) -> Outcome:
        """Search a pipeline that reads a table pattern: the last point at which most of its tables can be tested."""
        columns = self.placer.analysis.columns_of(pipeline)
        name = table_name(pipeline.source)
        first = columns.points[0].scope.columns.get(name) if name else None
        present = not self.placer.resolver.fuzzy and names_each_table(pipeline.source)
        best: tuple[int, InsertionPoint, Resolution] | None = None
        refusal: PlacementRefusal | None = None
        for index, point in enumerate(columns.points):
            if not self.usable(pipeline, index, point.scope):
                continue
            told = name if first is not None and point.scope.columns.get(first.name) is first else None
            if first is not None and told is None:
                continue
            found = self.placer.wildcards.resolve(point.scope, self.required, told, present=present)
            if len(self.placer.analysis.calls(pipeline)) > 1:
                found = _CALLS_DIFFER
            if isinstance(found, Unresolved):
                refusal = more_telling(refusal, _refused_at(found, point))
            elif best is None or found.tested >= best[2].tested:
                best = index, point, found
                if self.mode == "source":
                    break
        if best is None:
            return refusal or PlacementRefusal(
                "after-aggregation", "the rows here are groups, not events", pipeline.start
            )
        return self.accept(pipeline, columns.path, *best)

    def usable(self, pipeline: tree.Pipeline, index: int, scope: Scope) -> bool:
        if not scope.rowwise and not (self.reading.kept_side and scope.kept):
            return False
        if index == 0:
            return pipeline.source is not None or bool(pipeline.operators)
        return spec_of(pipeline.operators[index - 1]).where_may_follow

    def after_leading_wheres(
        self, pipeline: tree.Pipeline, index: int, point: InsertionPoint, found: Resolution
    ) -> tuple[int, InsertionPoint, Resolution]:
        """Step over the `where`s that follow: they narrow by time and index, and change no column."""
        points = self.placer.analysis.calls(pipeline)[0]
        while index < len(pipeline.operators) and isinstance(pipeline.operators[index], tree.Where):
            index += 1
        if points[index] is not point:
            later = self.placer.resolver.resolve(points[index].scope, self.required, self.reading)
            if isinstance(later, Resolution) and self.agreed(pipeline, index, later):
                return index, points[index], later
        return index, point, found

    def accept(
        self, pipeline: tree.Pipeline, path: str, index: int, point: InsertionPoint, found: Resolution
    ) -> Outcome:
        """Check that nothing after the insertion point inverts it, and place the legs of unions that come after it."""
        refusal = self.polarity(pipeline)
        if refusal is not None:
            return refusal
        if pipeline.source is None and index == 0:
            return PlacementRefusal(
                "unsupported-position",
                "the only place is at the start of a sub-pipeline without a source, where no `|` is allowed",
                pipeline.start,
            )
        refusal = self.inverted_behind(pipeline, index)
        if refusal is not None:
            return refusal
        placements: list[Placement] = []
        left_out: list[PlacementRefusal] = []
        for outcome in (*self.later_unions(pipeline, index), *self.unmatched(pipeline, index, found)):
            if isinstance(outcome, PlacementResult):
                placements.extend(outcome.placements)
                left_out.extend(outcome.left_out)
            elif outcome.reason not in _NOT_THERE:
                left_out.append(outcome)
        found_effects = self.effects_behind(pipeline, index, self.tested(found))
        inverting = next((effect for effect in found_effects if effect.inverts), None)
        if inverting is not None:
            return _inverting_effect(inverting)
        partial = self.partial_groups(pipeline, index, found, found_effects)
        placements.insert(0, Placement(pipeline, path, point, found, found_effects, partial_groups=partial))
        return PlacementResult(tuple(placements), tuple(left_out))

    def inverted_behind(self, pipeline: tree.Pipeline, index: int) -> PlacementRefusal | None:
        """Return why an operator after the insertion point turns fewer rows into more, if one does."""
        for operator in pipeline.operators[index:]:
            row_effect = self.placer.positions.row_effect(operator)
            if row_effect is not None:
                if row_effect.also:
                    return both_ways(row_effect.where, row_effect.at)
                return inverted(row_effect.where, row_effect.polarity, row_effect.at)
        return None

    def later_unions(self, pipeline: tree.Pipeline, index: int) -> list[Outcome]:
        """Return where the clause goes in the legs of the unions after an insertion point."""
        operators = enumerate(pipeline.operators[index:], index + 1)
        return [self.legs(pipeline, later) for later, operator in operators if isinstance(operator, tree.Union)]

    def polarity(self, pipeline: tree.Pipeline) -> PlacementRefusal | None:
        found = self.placer.positions.of(pipeline)
        if found == {Polarity.POSITIVE}:
            return None
        edge = self.placer.positions.blame(pipeline)
        if edge is None:
            return PlacementRefusal("unsupported-position", "no result of the query uses this pipeline", pipeline.start)
        if Polarity.POSITIVE in found:
            return both_ways(edge.where, edge.offset)
        return inverted(edge.where, edge.polarity, edge.offset)

    # ------------------------------------------------------------------ pipelines that feed this one

    def sources(self, pipeline: tree.Pipeline) -> Outcome | None:
        """Search the pipelines that this one begins with; None when it begins with a table."""
        edges = self.placer.positions.edges.get(id(pipeline), [])
        if not isinstance(pipeline.source, tree.Union) and not any(e.index == 0 for e in edges):
            return None
        outcome = self.legs(pipeline, 0)
        return self.with_later_unions(pipeline, outcome) if isinstance(outcome, PlacementResult) else outcome

    def others(self, pipeline: tree.Pipeline) -> Outcome | None:
        """Search the pipelines that are joined to this one, listed in it or united with it; None without any."""
        placed, refusal = self.beside(self.placer.positions.edges.get(id(pipeline), []))
        if placed is not None:
            return placed
        for index, operator in enumerate(pipeline.operators, 1):
            if isinstance(operator, tree.Union):
                outcome = self.legs(pipeline, index)
                if isinstance(outcome, PlacementResult):
                    return outcome
                refusal = more_telling(refusal, outcome)
        return refusal

    def beside(self, edges: Sequence[Edge]) -> tuple[PlacementResult | None, PlacementRefusal | None]:
        """Place in everything that is joined to the rows or that they are looked up in, all of it.

        Each of two joins in a row, or of two lists, can bring the event that an exclusion names.
        """
        placements: list[Placement] = []
        left_out: list[PlacementRefusal] = []
        refusal: PlacementRefusal | None = None
        for edge in sorted(edges, key=lambda edge: not edge.feeds_rows):
            # What flows in at the source, and the legs of unions, are placed together: see `legs`.
            if edge.feeds_rows and (edge.index == 0 or isinstance(edge.node, tree.Union)):
                continue
            outcome = self.run(edge.child)
            if isinstance(outcome, PlacementResult):
                # What is joined or listed is not a place to guess columns in: that would place nothing at all.
                if not any(placement.resolution.guessed for placement in outcome.placements):
                    placements.extend(outcome.placements)
                    left_out.extend(outcome.left_out)
                continue
            # A baseline that merely lacks the columns says nothing of the rule; one that has them does.
            inverting = outcome.reason in ("inverting-position", "both-polarities")
            if edge.polarity is Polarity.POSITIVE or inverting:
                refusal = more_telling(refusal, outcome)
            joined = isinstance(edge.node, (tree.Join, tree.Lookup)) and edge.polarity is Polarity.OPAQUE
            if (edge.polarity is Polarity.POSITIVE or (joined and inverting)) and outcome.reason not in _NOT_THERE:
                left_out.append(outcome)
        return (PlacementResult(distinct(placements), tuple(left_out)) if placements else None), refusal

    def unmatched(
        self, pipeline: tree.Pipeline, index: int, found: Resolution
    ) -> Iterator[PlacementResult | PlacementRefusal]:
        """Yield what becomes of the right sides of outer joins before an insertion point.

        A right row without a match has no left event that a clause on the left columns could test.
        """
        points = self.placer.analysis.calls(pipeline)[0]
        first = 1 if len(points) > len(pipeline.operators) else 0
        for edge in self.placer.positions.edges.get(id(pipeline), []):
            node = edge.node
            if not isinstance(node, tree.Join) or not 0 < edge.index <= index or join_kind(node) not in _RIGHT_ALONE:
                continue
            before = edge.index - 1 if first else edge.index - 2
            left = points[before].scope.columns if before >= 0 else {}
            if all(column.text in left for bound in found.bindings.values() for column in bound):
                yield self.run(edge.child)

    def with_later_unions(self, pipeline: tree.Pipeline, outcome: PlacementResult) -> PlacementResult:
        placements, left_out = list(outcome.placements), list(outcome.left_out)
        for index, operator in enumerate(pipeline.operators, 1):
            if isinstance(operator, tree.Union):
                legs = self.legs(pipeline, index)
                if isinstance(legs, PlacementResult):
                    placements.extend(legs.placements)
                    left_out.extend(legs.left_out)
                elif legs.reason not in _NOT_THERE:
                    left_out.append(legs)
        return PlacementResult(distinct(placements), tuple(left_out))

    def legs(self, pipeline: tree.Pipeline, index: int) -> Outcome:
        """Place in every pipeline that flows in at one operator (0: the source); all legs of a union count."""
        edges = [
            e
            for e in self.placer.positions.edges.get(id(pipeline), [])
            if e.index == index and e.feeds_rows and (index == 0 or isinstance(e.node, tree.Union))
        ]
        placements: list[Placement] = []
        left_out: list[PlacementRefusal] = []
        refusal: PlacementRefusal | None = None
        for edge in edges:
            outcome = self.run(edge.child)
            if isinstance(outcome, PlacementResult):
                placements.extend(outcome.placements)
                left_out.extend(outcome.left_out)
            else:
                refusal = more_telling(refusal, outcome)
                if outcome.reason not in _NOT_THERE:
                    left_out.append(outcome)
        for leg in self.bare_legs(pipeline, index):
            wrapped = self.wrapped(pipeline, index, leg)
            if isinstance(wrapped, Placement):
                placements.append(wrapped)
            else:
                refusal = more_telling(refusal, wrapped)
                if wrapped.reason not in _NOT_THERE:
                    left_out.append(wrapped)
        if placements:
            return PlacementResult(distinct(placements), tuple(left_out))
        return refusal or PlacementRefusal("field-not-in-table", "no pipeline flows in here", pipeline.start)

    def bare_legs(self, pipeline: tree.Pipeline, index: int) -> list[tree.Expr]:
        """Return the legs of a union that lead to no pipeline of the query: tables, and calls of what it is not in."""
        node: tree.Node | None = pipeline.source if index == 0 else pipeline.operators[index - 1]
        if not isinstance(node, tree.Union):
            return []
        fed = self.placer.positions.fed
        return [leg for leg in node.legs if id(leg) not in fed and not is_operator(leg)]  # type: ignore[misc]

    def wrapped(self, pipeline: tree.Pipeline, index: int, leg: tree.Expr) -> Placement | PlacementRefusal:
        """Place inside a bare leg: it becomes a pipeline of its own, in parentheses."""
        refusal = self.polarity(pipeline)
        if refusal is not None:
            return refusal
        union = pipeline.source if index == 0 else pipeline.operators[index - 1]
        text = self.placer.query.text[leg.start : leg.end]
        if isinstance(leg, tree.Name) and leg.value in self.placer.parameters:
            return PlacementRefusal(
                "unsupported-position",
                f"{text} is a parameter: which rows it stands for depends on the call",
                leg.start,
            )
        if isinstance(leg, tree.Wildcard):
            return PlacementRefusal(
                "column-ambiguous",
                f"the tables of {leg.pattern} hold the fields in different columns, "
                "and no clause can be placed inside a pattern",
                leg.start,
                "name the tables, or let the union say each row's table: withsource=SourceTable",
            )
        scope = self.placer.leg_scope(leg)
        found = self.placer.resolver.resolve(scope, self.required, self.reading)
        if isinstance(found, Unresolved):
            return PlacementRefusal(found.reason, found.message, leg.start)
        if table_name(union) is not None:
            return PlacementRefusal(
                "column-ambiguous",
                f"the tables hold the fields in different columns, and a clause at {text} would change the name that "
                "`withsource=` gives its rows",
                leg.start,
                "keep the columns that the exclusion needs after the union",
            )
        own = tree.Pipeline(leg.start, leg.end, leg, ())
        found_effects = self.effects_behind(pipeline, index, self.tested(found))
        inverting = next((effect for effect in found_effects if effect.inverts), None)
        if inverting is not None:
            return _inverting_effect(inverting)
        partial = self.partial_groups(pipeline, index, found, found_effects)
        path = f"{self.placer.analysis.columns_of(pipeline).path}/union leg {text}"
        point = InsertionPoint(leg.end, "source", 0, scope)
        return Placement(own, path, point, found, found_effects, leg.start, partial)

    # ------------------------------------------------------------------ after the insertion point

    def effects_behind(self, pipeline: tree.Pipeline, index: int, tested: frozenset[str]) -> tuple[Effect, ...]:
        placer = self.placer
        context = Context(placer.query, placer.positions.functions, placer.columns_around, tested)
        found: dict[int, Effect] = {}
        for path in self.paths(pipeline, index):
            for effect in effects(path, context):
                known = found.setdefault(effect.offset, effect)
                if effect.inverts and not known.inverts:
                    found[effect.offset] = effect
        return tuple(found[offset] for offset in sorted(found))

    def partial_groups(
        self, pipeline: tree.Pipeline, index: int, resolution: Resolution, effects: Sequence[Effect]
    ) -> tuple[Effect, ...]:
        """Return the further effects that there are where groups do not lose all of their rows or none."""
        if not self.tested(resolution):
            return ()
        known = {effect.offset for effect in effects}
        anyway = self.effects_behind(pipeline, index, frozenset())
        return tuple(effect for effect in anyway if effect.offset not in known)

    def tested(self, resolution: Resolution) -> frozenset[str]:
        """Return the columns that decide which rows are removed; none where that is not a matter of columns alone.

        That a clause begins and ends on a day is left aside here: see `partial_groups`.
        """
        if self.required.time or resolution.mixed or resolution.partial or resolution.assumed:
            return frozenset()
        bound = [column.text for columns in resolution.bindings.values() for column in columns]
        return frozenset((*bound, *self.required.raw))

    def paths(self, pipeline: tree.Pipeline, index: int) -> Iterator[tuple[tree.Operator | Edge, ...]]:
        """Yield each path from an insertion point to the results: operators, and uses by another pipeline."""
        stack: list[tuple[tree.Pipeline, tuple[tree.Operator | Edge, ...], int]] = [
            (pipeline, pipeline.operators[index:], 0)
        ]
        given = 0
        while stack and given < MAX_PATHS:
            current, so_far, depth = stack.pop()
            uses = self.placer.positions.uses.get(id(current), [])
            if not uses or depth > 64:
                given += 1
                yield so_far
                continue
            stack.extend((use.parent, (*so_far, use, *use.parent.operators[use.index :]), depth + 1) for use in uses)


_NOT_THERE: tuple[SkipReason, ...] = ("no-table", "field-not-in-table")
"""Reasons that say that no event here can be named by the exclusion."""
_RIGHT_ALONE = frozenset({"rightouter", "fullouter"})
"""Join kinds that give right rows without a left one."""
_CALLS_DIFFER = Unresolved(
    "column-ambiguous", "the function is called for tables that hold the fields in different columns"
)


def _refused_at(why: Unresolved, point: InsertionPoint) -> PlacementRefusal:
    return PlacementRefusal(why.reason, why.message, max(point.offset - 1, 0))


def _many_tables(count: int, pipeline: tree.Pipeline) -> PlacementRefusal:
    message = f"{count} tables meet here that hold fields in different columns"
    return PlacementRefusal("column-ambiguous", message, pipeline.start)


def _is_fuzzy(node: tree.Node) -> bool:
    """Return whether a node is a union of tables of which some may be absent."""
    return isinstance(node, tree.Union) and any(
        parameter.name == "isfuzzy" and isinstance(parameter.value, tree.Literal | tree.Name)
        for parameter in node.parameters
    )


def _inverting_effect(effect: Effect) -> PlacementRefusal:
    return PlacementRefusal(
        "inverting-position",
        f"{effect.keyword}: {effect.message} and creates alerts",
        effect.offset,
        "keep the columns the exclusion needs in the detecting part of the rule",
    )
