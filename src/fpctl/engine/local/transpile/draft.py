"""A query on its way down, and the edits that take it there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.kql.binder import Analysis, InsertionPoint, analyse
from fpctl.kql.binder.environment import Environment
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse
from fpctl.text.source import SourceText


class Edit(NamedTuple):
    """Replace `text[start:end]`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LoweredQuery:
    """A query as the engine runs it.

    Attributes:
        text: what is translated.
        users: the user's text.
        rounds: the edits that led from the one to the other, each round on the text of the one before.
        notes: what was lowered, sorted: `project-reorder`, `make_set_if` ...
        spellings: names that are written otherwise in `text`, as they were: lowered -> the user's.
        value_tables: tables that `text` reads besides the user's: long lists of values, one column each.
    """

    text: str
    users: str
    rounds: tuple[tuple[Edit, ...], ...] = ()
    notes: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    value_tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def original(self) -> tree.Query:
        """The user's query, parsed when an error asks for it."""
        return parse(self.users)

    def offset_of(self, line: int, column: int) -> int:
        """Return the offset in the user's text of a 1-based line and 0-based column of the lowered text."""
        starts = SourceText(self.text).line_starts()
        return self.original_offset(starts[min(line, len(starts)) - 1] + column)

    def original_offset(self, offset: int) -> int:
        """Return the offset in the user's text of one in the lowered text; inside a replacement, its start."""
        for edits in reversed(self.rounds):
            offset = _before(edits, offset)
        return min(max(offset, 0), len(self.users))

    def restored(self, name: str) -> str:
        """Return a name or message with the user's spelling of every renamed name in it."""
        for lowered, users in self.spellings.items():
            name = name.replace(lowered, users)
        return name


def value_table(values: tuple[str, ...]) -> str:
    """Return the name of the table of a list of values: the same for the same values, in every query."""
    return f"fpctl_values_{hashlib.sha1(chr(0).join(values).encode(), usedforsecurity=False).hexdigest()}"


def _before(edits: tuple[Edit, ...], offset: int) -> int:
    shift = 0
    for edit in edits:
        at = edit.start + shift
        if offset < at:
            break
        if offset < at + len(edit.text):
            return edit.start
        shift += len(edit.text) - (edit.end - edit.start)
    return offset - shift


def apply_edits(text: str, edits: Iterable[Edit]) -> tuple[str, tuple[Edit, ...]]:
    """Return the text with the edits made, and those edits in order.

    Of edits that overlap, only the one that begins first is made; the next round sees to the others.
    """
    kept: list[Edit] = []
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            continue
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
        kept.append(edit)
    return "".join([*pieces, text[at:]]), tuple(kept)


class Draft:
    """One round's query, with what the rules need to know of it.

    Args:
        query: the query as it stands.
        environment: the tables.
        time_columns: table -> its event time.
        value_tables: the lists moved out so far, values -> table; lists are added to it.
    """

    def __init__(
        self,
        query: tree.Query,
        environment: Environment,
        time_columns: Mapping[str, str],
        value_tables: dict[tuple[str, ...], str],
    ) -> None:
        self.query = query
        self.text = query.text
        self.environment = environment
        self.time_columns = time_columns
        self.notes: set[str] = set()
        self._value_tables = value_tables

    @cached_property
    def nodes(self) -> tuple[tree.Node, ...]:
        """Every node, outer before inner."""
        return tuple(tree.walk(self.query))

    @cached_property
    def lets(self) -> Mapping[str, tree.Expr | tree.Function]:
        """What each `let` of the query is bound to."""
        return {node.name.value: node.value for node in self.nodes if isinstance(node, tree.Let)}

    @cached_property
    def redefined(self) -> frozenset[str]:
        """The names that the query gives to values of its own."""
        return frozenset(name.value for node in self.nodes if isinstance(node, tree.Named) for name in node.names)

    @cached_property
    def analysis(self) -> Analysis:
        """The columns at every insertion point."""
        return analyse(self.query, self.environment)

    @cached_property
    def points(self) -> Mapping[int, tuple[InsertionPoint, InsertionPoint]]:
        """The insertion points before and after each operator, by `id` of its node."""
        found: dict[int, tuple[InsertionPoint, InsertionPoint]] = {}
        for pipeline in self.analysis.pipelines:
            points = pipeline.points[-len(pipeline.node.operators) - 1 :]
            if len(points) == len(pipeline.node.operators) + 1:
                for position, operator in enumerate(pipeline.node.operators):
                    found[id(operator)] = (points[position], points[position + 1])
        return found

    def source(self, node: tree.Node) -> str:
        """Return the text of a node."""
        return self.text[node.start : node.end]

    def table_of(self, values: tuple[str, ...]) -> str:
        """Return the name of the table that holds a list of values."""
        return self._value_tables.setdefault(values, value_table(values))

    def values(self, node: tree.Membership) -> tuple[str, ...] | None:
        """Return the strings that `in` compares with, also where they are in a table; None for anything else."""
        first = node.items[0] if node.items else None
        if isinstance(first, tree.Subquery) and isinstance(first.pipeline.source, tree.Name):
            held = first.pipeline.source.value
            return next((values for values, table in self._value_tables.items() if table == held), None)
        if not all(isinstance(item, tree.Literal) and item.type == "string" for item in node.items):
            return None
        return tuple(dict.fromkeys(string_value(self.text[item.start : item.end]) for item in node.items))

    def columns_after(self, operator: tree.Node) -> list[str] | None:
        """Return the names of the columns after an operator, or None where they are not all known."""
        points = self.points.get(id(operator))
        if points is None or points[1].scope.open:
            return None
        return list(points[1].scope.columns)

    def literal(self, node: tree.Expr) -> tree.Literal | None:
        """Return the literal that an expression is, or that the `let` it names is bound to."""
        for _ in range(10):
            if isinstance(node, tree.Group):
                node = node.inner
            elif isinstance(node, tree.Name) and isinstance(bound := self.lets.get(node.value), _EXPRESSIONS):
                node = bound
            else:
                break
        return node if isinstance(node, tree.Literal) else None


_EXPRESSIONS = (tree.Literal, tree.Name, tree.Group)
