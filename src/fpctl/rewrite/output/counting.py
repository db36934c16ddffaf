"""How many rows each exclusion suppresses: one counting query per insertion point, from the tuned query's own text.

The query is everything up to the insertion point (clauses at earlier points included, so no row counts twice),
then one aggregate. It is linear in the number of exclusions: few are counted by a column each, where
the number of conditions that hold shows which hits are unique; many by groups (`folding.hit_groups`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fpctl.errors import FpctlError
from fpctl.kql import tree
from fpctl.kql.operators.joins import join_kind
from fpctl.rewrite.folding.hit_groups import HitAccumulator
from fpctl.rewrite.output.markers import closes_leg
from fpctl.rewrite.placement.result import Placement
from fpctl.text.edits import Edit, apply_edits, insertion
from fpctl.text.source import SourceText

PREFIX = "fpctl_"
"""Begins every column a counting query makes; no documented table has a column of such a name."""


class CountingError(FpctlError):
    """An answer to a counting query that is none: nothing was counted."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One exclusion's condition at an insertion point."""

    exclusion: str
    condition: str


@dataclass(frozen=True, slots=True)
class CountingQuery:
    """A counting query of one insertion point.

    `text` is None when the rows at the insertion point cannot be queried on their own; `unknown` then says why.
    `tally` reads the answer where it has groups.
    """

    pipeline: str
    offset: int
    exclusions: tuple[str, ...]
    text: str | None
    unknown: str | None = None
    accumulator: HitAccumulator | None = None
    repeats: str | None = None
    """Why an event may count several times, if it may: it is in several rows at the insertion point."""

    def read(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> PointCount:
        """Return what the answer to this query says; `names` are its columns.

        Raises:
            CountingError: it is not an answer to this query.
        """
        self._check(names, rows)
        if self.accumulator is None:
            return read_counts((dict(zip(names, row, strict=True)) for row in rows), self.exclusions)
        totals = self.accumulator.read(names, rows)
        hits = (
            Hits(exclusion, count.rows, count.unique, *count.times())
            for exclusion in self.exclusions
            for count in (totals.counts[exclusion],)
        )
        return PointCount(totals.rows, totals.suppressed, tuple(hits))

    def _check(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if self.accumulator is None:
            wanted = [
                "rows",
                "suppressed",
                *(f"{n}_{i}" for i in range(len(self.exclusions)) for n in ("hits", "unique")),
            ]
        else:
            wanted = ["rows"]
        at = {name: position for position, name in enumerate(names)}
        numbers = [at.get(f"{PREFIX}{name}") for name in wanted]
        for name, position in zip(wanted, numbers, strict=True):
            if position is None:
                raise CountingError(f"the answer to the counting query has no column {PREFIX}{name}")
        if self.accumulator is None and not rows:
            raise CountingError("the answer to the counting query has no row")
        for row in rows:
            for name, position in zip(wanted, numbers, strict=True):
                value = row[position] if position is not None and len(row) == len(names) else None
                if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                    raise CountingError(f"{PREFIX}{name} of the answer to the counting query is not a number of rows")


@dataclass(frozen=True, slots=True)
class Hits:
    """What one exclusion suppressed. `unique` rows no other exclusion would have suppressed; times are event times."""

    exclusion: str
    rows: int
    unique: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class PointCount:
    """The answer of one counting query."""

    rows_before: int
    suppressed: int
    hits: tuple[Hits, ...]


def counting_query(
    query: tree.Query, placement: Placement, counted: Sequence[Counted], edits: Sequence[Edit]
) -> CountingQuery:
    """Build the counting query of one insertion point.

    Args:
        query: the base query.
        placement: the insertion point.
        counted: the conditions in the insertion point's clauses.
        edits: every edit of the tuned query; those before the insertion point are part of the counting text.
    """
    ids = tuple(c.exclusion for c in counted)
    source = _text_up_to(query, placement, edits)
    if isinstance(source, _Unknown):
        return CountingQuery(placement.path, placement.point.offset, ids, None, source.why)
    text = source.wrap(aggregate(counted, placement.resolution.time_column))
    return CountingQuery(
        placement.path, placement.point.offset, ids, text, repeats=source.repeats or _multiplied(query, placement)
    )


def grouped_counting_query(
    query: tree.Query, placement: Placement, accumulator: HitAccumulator, edits: Sequence[Edit]
) -> CountingQuery:
    """Build the counting query of one insertion point with many exclusions; see `counting_query`."""
    source = _text_up_to(query, placement, edits)
    if isinstance(source, _Unknown):
        return CountingQuery(placement.path, placement.point.offset, accumulator.exclusions, None, source.why)
    text = source.wrap(accumulator.operators())
    repeats = source.repeats or _multiplied(query, placement)
    return CountingQuery(
        placement.path, placement.point.offset, accumulator.exclusions, text, None, accumulator, repeats
    )


def query_at(query: tree.Query, placement: Placement, operators: str, edits: Sequence[Edit] = ()) -> str | None:
    """Return a query of the rows at an insertion point, continued by operators; None where there is no such query.

    Args:
        query: the base query.
        placement: the insertion point.
        operators: `| where ...`, lines that continue the query.
        edits: edits of the query; those before the insertion point are part of the text.
    """
    source = _text_up_to(query, placement, edits)
    return None if isinstance(source, _Unknown) else source.wrap(operators)


def aggregate(counted: Sequence[Counted], time_column: str | None) -> str:
    """Return the operators that count: `| extend ... | summarize ...`, each on a line of its own."""
    flags = ", ".join(f"{PREFIX}{i} = iff({c.condition}, 1, 0)" for i, c in enumerate(counted))
    total = " + ".join(f"{PREFIX}{i}" for i in range(len(counted)))
    columns = [f"{PREFIX}rows = count()", f"{PREFIX}suppressed = countif({PREFIX}n > 0)"]
    for i in range(len(counted)):
        columns.append(f"{PREFIX}hits_{i} = countif({PREFIX}{i} == 1)")
        columns.append(f"{PREFIX}unique_{i} = countif({PREFIX}{i} == 1 and {PREFIX}n == 1)")
        if time_column is not None:
            moment = f"iff({PREFIX}{i} == 1, {time_column}, datetime(null))"
            columns.append(f"{PREFIX}first_{i} = min({moment})")
            columns.append(f"{PREFIX}last_{i} = max({moment})")
    return f"| extend {flags}\n| extend {PREFIX}n = {total}\n| summarize {', '.join(columns)}"


def read_counts(rows: Iterable[Mapping[str, Any]], exclusions: Sequence[str]) -> PointCount:
    """Return the counts of one counting query's result rows (one row; one per call for a function body)."""
    before = suppressed = 0
    totals = [[0, 0] for _ in exclusions]
    first: list[datetime | None] = [None] * len(exclusions)
    last: list[datetime | None] = [None] * len(exclusions)
    for row in rows:
        before += row[f"{PREFIX}rows"]
        suppressed += row[f"{PREFIX}suppressed"]
        for i in range(len(exclusions)):
            totals[i][0] += row[f"{PREFIX}hits_{i}"]
            totals[i][1] += row[f"{PREFIX}unique_{i}"]
            low, high = row.get(f"{PREFIX}first_{i}"), row.get(f"{PREFIX}last_{i}")
            if low is not None and (first[i] is None or low < first[i]):
                first[i] = low
            if high is not None and (last[i] is None or high > last[i]):
                last[i] = high
    hits = tuple(
        Hits(exclusion, totals[i][0], totals[i][1], first[i], last[i]) for i, exclusion in enumerate(exclusions)
    )
    return PointCount(before, suppressed, hits)


# --------------------------------------------------------------------------- the text up to an insertion point


@dataclass(frozen=True, slots=True)
class _Unknown:
    why: str


@dataclass(frozen=True, slots=True)
class _Text:
    """`before` + operators + `after` is a query whose rows are those at the insertion point."""

    before: str
    after: str = ""
    repeats: str | None = None

    def wrap(self, operators: str) -> str:
        return f"{self.before}\n{operators}{self.after}"


def _text_up_to(query: tree.Query, placement: Placement, edits: Sequence[Edit]) -> _Text | _Unknown:
    pipeline, point = placement.pipeline, placement.point
    if pipeline.source is None:
        return _Unknown("the clause is in the body of an operator, whose rows cannot be queried on their own")
    named = _names_given_elsewhere(query, pipeline)
    if named:
        return _Unknown(f"the clause's rows come from {named}, a name that `as` gives in another part of the query")
    definitions: list[str] = []
    for number, statement in enumerate(query.statements):
        if statement.start <= pipeline.start and pipeline.end <= statement.end:
            if isinstance(statement, tree.Let) and isinstance(statement.value, tree.Function):
                later = [one for one in query.statements[number + 1 :] if not isinstance(one, tree.QueryStatement)]
                tail = "".join(_definition(query, one, edits) for one in later)
                return _in_function(query, statement, statement.value, placement, ("".join(definitions), tail), edits)
            return _Text("".join(definitions) + _slice(query.text, pipeline.start, point.offset, edits))
        if not isinstance(statement, tree.QueryStatement):
            definitions.append(_definition(query, statement, edits))
    return _Unknown("the clause's pipeline is not part of a statement")


def _definition(query: tree.Query, statement: tree.Statement, edits: Sequence[Edit]) -> str:
    return _slice(query.text, statement.start, statement.end, edits).rstrip().removesuffix(";") + ";\n"


def _names_given_elsewhere(query: tree.Query, pipeline: tree.Pipeline) -> str | None:
    """Return a name that a pipeline reads and that `as` gives outside of it, None where there is none."""
    given = {node.name.value for node in tree.walk(query) if isinstance(node, tree.As)}
    if not given:
        return None
    own = {node.name.value for node in tree.walk(pipeline) if isinstance(node, tree.As)}
    read = {node.value for node in tree.walk(pipeline) if isinstance(node, tree.Name)}
    return min((given - own) & read, default=None)


_MULTIPLYING = (tree.MvExpand, tree.MvApply, tree.Join, tree.Lookup)
_ONE_ROW_EACH = frozenset({"leftsemi", "rightsemi", "leftanti", "anti", "leftantisemi", "rightanti", "rightantisemi"})


def _multiplied(query: tree.Query, placement: Placement) -> str | None:
    """Return the operator that makes several rows of an event before the insertion point, None where there is none."""
    for operator in placement.pipeline.operators[: placement.point.index]:
        if isinstance(operator, tree.Join) and join_kind(operator) in _ONE_ROW_EACH:
            continue
        if isinstance(operator, _MULTIPLYING):
            line, _ = SourceText(query.text).line_column(operator.start)
            return f"{operator.keyword}, line {line}, can make several rows of it"
    return None


def _in_function(
    query: tree.Query,
    statement: tree.Let,
    function: tree.Function,
    placement: Placement,
    around: tuple[str, str],
    edits: Sequence[Edit],
) -> _Text | _Unknown:
    """Count inside a function body by calling a copy of the function that ends at the insertion point.

    Args:
        around: the definitions before the function, and those after it, which its arguments may name.
    """
    name = statement.name.value
    calls: list[str] = []
    number = 0
    inside = [s for s in query.statements if isinstance(s, tree.Let) and isinstance(s.value, tree.Function)]
    for node in tree.walk(query):
        if isinstance(node, tree.Invoke) and isinstance(node.call, tree.Call) and node.call.name.value == name:
            return _Unknown(f"the clause is in the function {name}, whose rows `invoke` gives it")
        if isinstance(node, tree.Call) and node.name.value == name:
            if any(s.start <= node.start < s.end for s in inside):
                return _Unknown(f"the clause is in the function {name}, which another function calls")
            calls.append(query.text[node.start : node.end])
            number += 1
    if not calls and not function.parameters:
        number = sum(isinstance(node, tree.Name) and node.value == name for node in tree.walk(query)) - 1
        calls = [f"{name}()"]
    if not calls:
        return _Unknown(f"the clause is in the function {name}, and no plain call of it was found")
    pipeline = placement.pipeline
    head_end = function.body[0].start if function.body else pipeline.start
    head = query.text[function.start : head_end]
    local = "".join(
        _definition(query, s, edits) for s in function.body if isinstance(s, tree.Let) and s.end <= pipeline.start
    )
    inner = _slice(query.text, pipeline.start, placement.point.offset, edits)
    copy = f"{PREFIX}gap"
    called = ", ".join(f"({copy}{call[call.index('(') :]})" for call in sorted(set(calls)))
    main = called.removeprefix("(").removesuffix(")") if len(set(calls)) == 1 else f"union {called}"
    before, behind = around
    if behind:
        before += _definition(query, statement, edits)
    repeats = f"the function {name} is called {number} times" if number > 1 else None
    return _Text(f"{before}let {copy} = {head}{local}{inner}", f"\n}};\n{behind}{main}", repeats)


def _slice(text: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    """Return text[start:end] with the edits inside it; at its end only what closes a leg that began inside."""
    inside = [
        insertion(e.start - start, e.text)
        for e in edits
        if start < e.start < end or (e.start == end and closes_leg(e) and _opened_inside(edits, start, end))
    ]
    return apply_edits(text[start:end], inside)


def _opened_inside(edits: Sequence[Edit], start: int, end: int) -> bool:
    inside = [e for e in edits if start < e.start < end]
    return sum(e.text == "(" for e in inside) > sum(map(closes_leg, inside))
