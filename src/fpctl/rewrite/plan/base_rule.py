"""A rule's query as its author wrote it: the text without clauses of fpctl, its tree, and its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fpctl.kql import tree
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.output.markers import Lookalike, separated
from fpctl.rewrite.placement.column_resolver import LITERAL_SOURCES, TIME_COLUMNS
from fpctl.rules.model import Rule
from fpctl.schema.tables import Tables
from fpctl.text.edits import EditedText
from fpctl.text.source import SourceText

_TIME_WORDS = tuple((name, re.compile(rf"\b{name}\b")) for name in TIME_COLUMNS)


@dataclass(frozen=True, slots=True)
class BaseRule:
    """A rule's base query, read once.

    Attributes:
        rule: the rule as its file has it, perhaps with clauses.
        text: its query without clauses of fpctl.
        query: the tree of `text`.
        analysis: the columns at every insertion point of `text`.
        tables: the schema that the query is meant for.
        time_column: the column of the event time that the query itself names, if any.
        file_query: from the query in the file to `text`, for places in the file.
        source: `text` with its lines.
        lookalikes: lines of `text` that look like clauses of fpctl.
    """

    rule: Rule
    text: str
    query: tree.Query
    analysis: Analysis
    tables: Tables
    time_column: str | None
    file_query: EditedText = field(repr=False)
    source: SourceText = field(repr=False)
    lookalikes: tuple[Lookalike, ...] = ()
    _streamed: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)

    def has_time(self, table: str, column: str) -> bool:
        """Return whether a table has a time column wherever the rule may run.

        Defender XDR's tables have `TimeGenerated` only where they are streamed to Log Analytics. That is sure of
        a rule that Sentinel runs, and of a query that mentions the column or reads a table of Log Analytics alone.
        """
        return column != "TimeGenerated" or not self.tables.in_xdr(table) or self._in_log_analytics()

    def _in_log_analytics(self) -> bool:
        if not self._streamed:
            certain = self.time_column == "TimeGenerated" or self.rule.kind in ("scheduled", "nrt")
            self._streamed.append(certain or any(map(self._only_log_analytics, self.tables_read())))
        return self._streamed[0]

    def _only_log_analytics(self, table: str) -> bool:
        return self.tables.table(table) is not None and not self.tables.in_xdr(table)

    def tables_read(self) -> frozenset[str]:
        """Return the tables that the query reads, without sources whose rows are written in the query."""
        return frozenset(
            table
            for pipeline in self.analysis.pipelines
            for point in pipeline.points[:1]
            for tables in point.scope.branches.values()
            for table in tables
        ).difference(LITERAL_SOURCES)

    def file_offset(self, offset: int) -> int:
        """Return an offset of `text` as one of the query in the file."""
        found = self.file_query.source_offset(offset)
        assert found is not None, "removing clauses inserts nothing"
        return min(found, len(self.rule.query))


def read_base(rule: Rule, tables: Tables, streamed: Tables) -> BaseRule:
    """Read a rule's base query.

    Args:
        tables: the schema with Defender XDR's types where the products disagree.
        streamed: the schema with Log Analytics' types, for a query that mentions `TimeGenerated`.

    Raises:
        KqlSyntaxError: the base query cannot be parsed.
    """
    removed, kept = separated(rule.query)
    text = removed.text
    query = parse(text, rule.path)
    time_column = time_column_of(text)
    chosen = streamed if time_column == "TimeGenerated" else tables
    return BaseRule(
        rule,
        text,
        query,
        analyse(query, chosen),
        chosen,
        time_column,
        removed,
        SourceText(text, rule.path),
        tuple(kept),
    )


def time_column_of(query: str) -> str | None:
    """Return the time column that a query mentions: it shows for which product the query is meant."""
    return next((name for name, word in _TIME_WORDS if name in query and word.search(query)), None)
