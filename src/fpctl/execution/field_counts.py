"""Why an exclusion suppresses no event: how many events each field matches alone, and which column was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fpctl.engine.interface import Engine, EngineError, Timespan
from fpctl.exclusions.model import Exclusion
from fpctl.fields.registry import FIELDS
from fpctl.kql.literals import bracket_name
from fpctl.rewrite.output.counting import query_at
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import BoundColumn, PredicateError, build
from fpctl.schema.fields import look_alikes

MOST_COLUMNS = 12
"""How many columns that look like a field's are tried."""


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """How many of the events at a clause each field of an exclusion matches alone.

    Attributes:
        rows: events at the clause.
        fields: by field, the events that it matches.
        meant: by field that matches none, the column that holds its values, and in how many events.
    """

    rows: int
    fields: Mapping[str, int]
    meant: Mapping[str, tuple[str, int]]

    def text(self) -> str:
        """Return it in a line or two: `of 500 events ip matches 500, account 0`."""
        counts = ", ".join(f"{field} {count:,}" for field, count in self.fields.items())
        events = f"{self.rows:,} event{'' if self.rows == 1 else 's'}"
        lines = [f"of {events} at the clause each field matches: {counts}"]
        lines += [
            f"did you mean {column}? it has these values in {count:,} events: map it to {field} in fpctl.toml"
            for field, (column, count) in self.meant.items()
        ]
        return "\n  hint: ".join(lines)


def field_counts(
    exclusion: Exclusion, tuned: TunedRule, clause: Clause, engine: Engine, span: Timespan
) -> FieldCounts | None:
    """Count the events at a clause that each field of an exclusion matches; None where that cannot be asked.

    Args:
        tuned: the rule planned with the exclusion.
        clause: one of the exclusion's.
    """
    if len(exclusion.match) != 1:
        return None
    given = exclusion.match[0].fields()
    bindings = clause.placement.resolution.bindings
    tests = {field: text for field, values in given.items() if (text := _test(field, values, bindings.get(field, ())))}
    counted = _counts(tests, tuned, clause.placement, engine, span)
    if counted is None or not counted[0]:
        return None
    rows, fields = counted
    meant = {}
    for field in (field for field, count in fields.items() if not count):
        columns = _columns_like(field, clause.placement, bindings.get(field, ()))
        others = {
            name: text
            for name in columns
            if (text := _test(field, given[field], [BoundColumn(bracket_name(name), "string", FIELDS[field].roles[0])]))
        }
        found = _counts(others, tuned, clause.placement, engine, span) if others else None
        best = max(found[1].items(), key=lambda one: one[1], default=None) if found is not None else None
        if best is not None and best[1]:
            meant[field] = best
    return FieldCounts(rows, fields, meant)


def _columns_like(field: str, placement: Placement, bound: Sequence[BoundColumn]) -> tuple[str, ...]:
    """Return other columns of text at an insertion point whose names look as if they held a field."""
    taken = {column.text for column in bound}
    names = [
        name
        for name, column in placement.point.scope.columns.items()
        if column.kind == "table" and column.type == "string" and bracket_name(name) not in taken
    ]
    return look_alikes(field, names)[:MOST_COLUMNS]


def _test(field: str, values: Sequence[str], columns: Sequence[BoundColumn]) -> str | None:
    try:
        return build([{field: values}], {field: columns}).render()
    except PredicateError:
        return None


def _counts(
    tests: Mapping[str, str], tuned: TunedRule, placement: Placement, engine: Engine, span: Timespan
) -> tuple[int, dict[str, int]] | None:
    columns = ["fpctl_rows = count()"]
    columns += [f"fpctl_{number} = countif({test})" for number, test in enumerate(tests.values())]
    text = query_at(tuned.query, placement, f"| summarize {', '.join(columns)}", tuned.edits)
    if text is None:
        return None
    (answer,) = engine.query_many([text], span)
    if isinstance(answer, EngineError) or answer.partial is not None:
        return None
    row = next(iter(answer.dicts()), None)
    if row is None:
        return None
    return int(row["fpctl_rows"]), {name: int(row[f"fpctl_{number}"]) for number, name in enumerate(tests)}
