"""Queries that begin alike and look up the same lists: the rows that they share, computed once.

A tuned query and its counting query read the same rows up to the insertion point and ask the same lists about them.
The rows are put into a table with a column for each look-up; what is left of each query reads that table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from fpctl.engine.local.transpile.draft import Draft, Edit, LoweredQuery, apply_edits
from fpctl.engine.local.transpile.repeats import costly_calls, is_look_up
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment
from fpctl.kql.literals import bracket_name
from fpctl.kql.parser import parse

TABLE = "fpctl_rows"
MOST_ROWS = 3_000_000
"""More rows than this are not kept: reading the files again is cheaper than the memory."""

_WORD = re.compile(r"\w+")
_ROW_WISE = frozenset(
    {
        "where", "filter", "extend", "project", "project-away", "project-keep", "project-rename", "project-reorder",
    }
)  # fmt: skip
"""Operators that shared rows may have behind them."""
_CLOSING = (tree.Summarize, tree.Project, tree.Distinct, tree.Count)
"""Operators behind which only the columns that they name are there."""
_BEFORE_CLOSING = frozenset(
    {
        "where", "filter", "extend", "project-away", "project-rename", "sort", "order", "top", "take", "limit",
        "mv-expand", "parse", "parse-where", "join", "lookup",
    }
)  # fmt: skip
"""Operators before these that name every column that they read."""
_READ_EVERYTHING = frozenset({"pack_all", "bag_unpack", "narrow", "getschema"})


@dataclass(frozen=True, slots=True)
class SharedRows:
    """What is computed once.

    Attributes:
        rows: the query that gives the shared rows.
        columns: its columns.
        queries: each query, reading `TABLE`.
    """

    rows: str
    columns: tuple[str, ...]
    queries: tuple[str, ...]


def shared_rows(lowered: Sequence[LoweredQuery], environment: Environment) -> SharedRows | None:
    """Return what queries share, None where that is nothing worth a table.

    Args:
        lowered: at least two queries.
        environment: the tables that they read, in the spelling of the lowered queries.
    """
    if any(one.spellings != lowered[0].spellings for one in lowered):
        return None
    parts = [_Parts.of(parse(one.text)) for one in lowered]
    first = parts[0]
    if first is None or any(one is None or one.begins_otherwise(first) for one in parts):
        return None
    whole = [one for one in parts if one is not None]
    if first.source_name() not in set(environment.tables()):
        return None
    count = _alike(whole)
    if count == 0:
        return None
    asked = Counter(text for one in whole for text in {one.source(node) for node in one.look_ups(count)})
    repeated = sorted(text for text, times in asked.items() if times > 1)
    if not repeated:
        return None
    columns = _columns_needed(whole, count, environment)
    if columns is None:
        return None
    made = {text: f"fpctl_found_{number}" for number, text in enumerate(repeated, 1)}
    for number, text in enumerate(sorted({text for one in whole for text in one.values_of(made, count)}), 1):
        made[text] = f"fpctl_value_{number}"
    extended = ", ".join(f"{name} = {text}" for text, name in made.items())
    kept = ", ".join([*map(bracket_name, columns), *made.values()])
    end = first.operators[count - 1].end
    return SharedRows(
        f"{first.text[:end]}\n| extend {extended}\n| project {kept}",
        (*columns, *made.values()),
        tuple(one.over_table(count, made) for one in whole),
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """A query of one result: what is before its pipeline, and the pipeline."""

    query: tree.Query
    pipeline: tree.Pipeline
    table: tree.Name

    @classmethod
    def of(cls, query: tree.Query) -> _Parts | None:
        results = query.results()
        if len(results) != 1 or query.statements[-1] is not results[0]:
            return None
        pipeline = results[0].pipeline
        return cls(query, pipeline, pipeline.source) if isinstance(pipeline.source, tree.Name) else None

    @property
    def text(self) -> str:
        return self.query.text

    @property
    def operators(self) -> tuple[tree.Operator, ...]:
        return self.pipeline.operators

    def source(self, node: tree.Node) -> str:
        return self.text[node.start : node.end]

    def source_name(self) -> str | None:
        """Return the table that is read, None for what a `let` names."""
        name = self.table.value
        bound = {s.name.value for s in self.query.statements if isinstance(s, tree.Let)}
        return None if name in bound else name

    def begins_otherwise(self, other: _Parts) -> bool:
        """Return whether what is before the operators differs."""
        return self.text[: self.table.end] != other.text[: other.table.end]

    def seeing(self, count: int) -> list[tree.Operator]:
        """Return the operators that see the columns of the shared rows."""
        behind = self.operators[count:]
        operators = list(takewhile(lambda operator: isinstance(operator, tree.Where), behind))
        if len(operators) < len(behind) and isinstance(behind[len(operators)], tree.Extend):
            operators.append(behind[len(operators)])
        return operators

    def look_ups(self, count: int) -> Iterator[tree.Membership]:
        """Yield the look-ups in tables that can be made on the shared rows."""
        for operator in self.seeing(count):
            yield from filter(is_look_up, tree.walk(operator))

    def values_of(self, made: Mapping[str, str], count: int) -> Iterator[str]:
        """Yield the costly parts of the shared look-ups that are also needed beside these."""
        look_ups = [node for node in self.look_ups(count) if self.source(node) in made]
        inside = {id(call) for node in look_ups for call in costly_calls(node.left)}
        parts = {self.source(call) for node in look_ups for call in costly_calls(node.left)}
        for operator in self.seeing(count):
            for call in costly_calls(operator):
                if id(call) not in inside and self.source(call) in parts:
                    yield self.source(call)

    def over_table(self, count: int, made: Mapping[str, str]) -> str:
        """Return the query that reads the shared rows: of what is made there and nested, the outermost counts."""
        edits = [Edit(self.table.start, self.operators[count - 1].end, TABLE)]
        pending: list[tree.Node] = list(self.seeing(count))
        while pending:
            node = pending.pop()
            name = made.get(self.source(node)) if is_look_up(node) or isinstance(node, tree.Call) else None
            if name is None:
                pending.extend(tree.children(node))
            else:
                edits.append(Edit(node.start, node.end, name))
        return apply_edits(self.text, edits)[0]


def _alike(queries: Sequence[_Parts]) -> int:
    """Return with how many row-wise operators all queries begin."""
    count = 0
    for operators in zip(*(one.operators for one in queries), strict=False):
        texts = {one.source(operator) for one, operator in zip(queries, operators, strict=True)}
        if len(texts) > 1 or operators[0].keyword not in _ROW_WISE:
            break
        count += 1
    return count


def _columns_needed(queries: Sequence[_Parts], count: int, environment: Environment) -> tuple[str, ...] | None:
    """Return the columns of the shared rows that any query still names, None where one may read them all."""
    words: set[str] = set()
    for one in queries:
        behind = one.operators[count:]
        before = list(takewhile(lambda operator: not isinstance(operator, _CLOSING), behind))
        if len(before) == len(behind) or any(operator.keyword not in _BEFORE_CLOSING for operator in before):
            return None
        for operator in behind[: len(before) + 1]:
            if any(isinstance(node, tree.Wildcard | tree.Star) for node in tree.walk(operator)):
                return None
        words.update(_WORD.findall(one.text[one.operators[count - 1].end :]))
    if words & _READ_EVERYTHING:
        return None
    first = queries[0]
    points = Draft(first.query, environment, {}, {}).points.get(id(first.operators[count - 1]))
    if points is None or points[1].scope.open:
        return None
    return tuple(name for name in points[1].scope.columns if name in words)
