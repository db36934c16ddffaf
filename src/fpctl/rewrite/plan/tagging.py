"""Result rows that shadow exclusions would suppress, tagged: `| extend SuppressedBy = ...` for a run to show.

A tag is put on where the clause would be, and holds the ids of the exclusions that match the row, with
commas. It reaches the result if every operator after it passes on each row; a `project` in between is
made to keep it. Behind an aggregation the result has other rows, and the tag says nothing about those: then
there is none, and the reason is given. Nothing else of the query changes, and no row comes or goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.analysis import analyse
from fpctl.kql.binder.scope import InsertionPoint
from fpctl.kql.operators.model import HandsOn
from fpctl.kql.operators.table import spec_of
from fpctl.kql.parser import parse
from fpctl.rewrite.output.counting import PREFIX
from fpctl.rewrite.output.markers import ClauseLine, edits_for
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.text.edits import apply_edits, insertion
from fpctl.text.source import SourceText

TAG = "SuppressedBy"

_TOGETHER = 50
"""Arguments of one `strcat`, which takes 64."""


@dataclass(frozen=True, slots=True)
class Tagging:
    """A tuned query with tags.

    Attributes:
        text: the query; None where no row can be tagged.
        tagged: the exclusions whose rows are tagged.
        untagged: of the other exclusions in shadow, why their rows are not.
    """

    text: str | None = None
    tagged: frozenset[str] = frozenset()
    untagged: Mapping[str, str] = field(default_factory=dict)


def tagging(tuned: TunedRule) -> Tagging:
    """Return a tuned query in which the rows that its shadow exclusions match are tagged."""
    if not tuned.shadows:
        return Tagging()
    source = SourceText(tuned.base)
    untagged: dict[str, str] = {}
    for clause in tuned.shadows:
        reason = _unreached(tuned, clause, source)
        if reason is not None:
            untagged.setdefault(clause.exclusion, reason)
    # An exclusion with a clause in two places is tagged in both or not at all: half a tag would mislead.
    clauses = [clause for clause in tuned.shadows if clause.exclusion not in untagged]
    if not clauses:
        return Tagging(None, frozenset(), untagged)
    text = _tagged(tuned, clauses)
    if not _sound(text, tuned):
        return Tagging(None, frozenset(), {one.exclusion: "the column cannot be added" for one in tuned.shadows})
    return Tagging(text, frozenset(clause.exclusion for clause in clauses), untagged)


def ids_in(tag: object) -> tuple[str, ...]:
    """Return the exclusions that a row's tag names."""
    return tuple(tag.split(",")) if isinstance(tag, str) and tag else ()


def _unreached(tuned: TunedRule, clause: Clause, source: SourceText) -> str | None:
    """Return why a tag at a clause's place does not come to the result, None if it does."""
    placement = clause.placement
    if TAG in tree.names(tuned.query) or any(TAG in point.scope.columns for point in _points(tuned)):
        return f"the query has a column {TAG} of its own"
    results = tuned.query.results()
    if len(results) != 1 or placement.pipeline is not results[0].pipeline:
        return f"its clause is in {placement.path}, whose rows are not those of the result"
    for operator in placement.pipeline.operators[placement.point.index :]:
        nodes = list(tree.walk(operator))
        line, _ = source.line_column(operator.start)
        where = f"{operator.keyword}, line {line}"
        if spec_of(operator).hands_on is HandsOn.NOT:
            return f"the rows of the result are made by a later operator ({where})"
        if any(isinstance(node, tree.Star) for node in nodes) or any(
            isinstance(node, tree.Call) and node.name.value == "pack_all" for node in nodes
        ):
            return f"a later operator reads every column, and would read the tag ({where})"
    return None


def _points(tuned: TunedRule) -> list[InsertionPoint]:
    results = tuned.query.results()
    return list(tuned.analysis.columns_of(results[0].pipeline).points) if len(results) == 1 else []


def _tagged(tuned: TunedRule, clauses: Sequence[Clause]) -> str:
    by_point: dict[int, list[Clause]] = {}
    for clause in clauses:
        by_point.setdefault(clause.placement.point.index, []).append(clause)
    lines: list[ClauseLine] = []
    for number, (index, here) in enumerate(sorted(by_point.items())):
        pipeline = here[0].placement.pipeline
        anchor = pipeline.start if index == 0 else pipeline.operators[index - 1].start
        ids = tuple(clause.exclusion for clause in here)
        lines.append(ClauseLine(here[0].placement.point.offset, _extend(here, more=number > 0), ids, anchor))
    first = min(by_point)
    kept = [
        insertion(operator.end, f", {TAG}")
        for operator in clauses[0].placement.pipeline.operators[first:]
        if isinstance(operator, tree.Project) or operator.keyword == "project-keep"
    ]
    # At one offset: first what continues an operator, then the clauses, then the tag.
    edits = [*kept, *tuned.edits, *edits_for(tuned.base, lines)]
    return apply_edits(tuned.base, edits)


def _extend(clauses: Sequence[Clause], *, more: bool) -> str:
    """Return the operators that tag, on one line.

    The parts are columns first: DuckDB's text of `strcat` repeats its arguments, and conditions are long.
    """
    names = [f"{PREFIX}tag_{number}" for number in range(len(clauses))]
    parts = [
        f'{name} = iff({clause.condition}, ",{clause.exclusion}", "")'
        for name, clause in zip(names, clauses, strict=True)
    ]
    if more:
        parts.append(f'{TAG} = iff({TAG} == "", "", strcat(",", {TAG}))')
    steps = [f"| extend {', '.join(parts)}"]
    for start in range(0, len(names), _TOGETHER):
        joined = [*([TAG] if more or start else []), *names[start : start + _TOGETHER]]
        steps.append(f"| extend {TAG} = strcat({', '.join(joined)})")
    return " ".join([*steps, f"| extend {TAG} = substring({TAG}, 1)", f"| project-away {PREFIX}tag_*"])


def _sound(text: str, tuned: TunedRule) -> bool:
    """Return whether the text reads, and gives the columns of the tuned query and the tag."""
    try:
        query = parse(text)
    except KqlSyntaxError:
        return False
    (result,) = query.results()
    after = analyse(query, tuned.tables).columns_of(result.pipeline).points[-1].scope.columns
    before = _points(tuned)[-1].scope.columns
    return [name for name in after if name != TAG] == list(before) and TAG in after
