"""Every tabular operator: keyword to the function that parses it, from its keyword on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fpctl.kql.parser.operators import columns, combining, expanding, graphs, grouping, output, rows, scanning
from fpctl.kql.parser.sources import as_operator
from fpctl.kql.tokens import KEYWORD_NAMES
from fpctl.kql.tree import Evaluate, ExternalData, Find, MacroExpand, Operator, Print, Range, Search, Union

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

OPERATORS: dict[str, Callable[[Expressions], Operator]] = {
    "__executeAndCache": output.plain,
    "__partitionby": combining.partition_by,
    "as": as_operator,
    "assert-schema": output.assert_schema,
    "consume": output.consume,
    "count": rows.count,
    "distinct": grouping.distinct,
    "evaluate": output.evaluate,
    "extend": columns.extend,
    "facet": combining.facet,
    "filter": rows.where,
    "find": combining.find,
    "fork": combining.fork,
    "getschema": output.getschema,
    "graph-mark-components": graphs.mark_components,
    "graph-match": graphs.match,
    "graph-shortest-paths": graphs.match,
    "graph-to-table": graphs.to_table,
    "graph-where-edges": graphs.where,
    "graph-where-nodes": graphs.where,
    "inline_external_table": output.inline_external_table,
    "invoke": output.invoke,
    "join": combining.join,
    "limit": rows.take,
    "lookup": combining.lookup,
    "macro-expand": combining.macro_expand,
    "make-graph": graphs.make_graph,
    "make-series": grouping.make_series,
    "mv-apply": expanding.mv_apply,
    "mv-expand": expanding.mv_expand,
    "mvapply": expanding.mv_apply,
    "mvexpand": expanding.mv_expand,
    "order": rows.sort,
    "parse": expanding.parse,
    "parse-kv": expanding.parse_kv,
    "parse-where": expanding.parse,
    "partition": combining.partition,
    "print": output.print_operator,
    "project": columns.project,
    "project-away": columns.project_away,
    "project-by-names": columns.project_by_names,
    "project-keep": columns.project_away,
    "project-rename": columns.project_rename,
    "project-reorder": columns.project_reorder,
    "range": output.range_operator,
    "reduce": grouping.reduce,
    "render": output.render,
    "sample": rows.sample,
    "sample-distinct": rows.sample_distinct,
    "scan": scanning.scan,
    "search": combining.search,
    "serialize": columns.serialize,
    "sort": rows.sort,
    "summarize": grouping.summarize,
    "take": rows.take,
    "top": rows.top,
    "top-hitters": grouping.top_hitters,
    "top-nested": grouping.top_nested,
    "union": combining.union,
    "where": rows.where,
}

SOURCES = (Union, Search, Find, Print, Range, ExternalData, Evaluate, MacroExpand)
"""Operators that a pipeline can begin with as its source."""


def starts_operator(p: Expressions) -> bool:
    """Return whether an operator's keyword at the start of a pipeline is one, and not a name.

    `count`, `take` and others are names too; those with an answer in their table below are looked at
    more closely, the rest are names, as in Microsoft's parser.
    """
    keyword = p.kinds[p.at]
    if keyword not in KEYWORD_NAMES:
        return True
    looks = _LOOKS.get(keyword)
    return looks is not None and looks(p, p.at + 1)


def _name_follows(p: Expressions, at: int) -> bool:
    return bool(p.name_end(at)) or p.texts[at] in ("hint.distribution", "hint.remote", "kind")


def _by_follows(p: Expressions, at: int) -> bool:
    return p.kinds[at] == "by" or p.texts[at].startswith("hint") or p.texts[at] == "kind"


def _range_follows(p: Expressions, at: int) -> bool:
    end = p.name_end(at)
    return bool(end) and p.kinds[end] == "from"


_LOOKS: dict[str, Callable[[Expressions, int], bool]] = {
    "evaluate": _name_follows,
    "facet": lambda p, at: p.kinds[at] == "by",
    "inline_external_table": lambda p, at: p.kinds[at] in ("(", "kind"),
    "partition": _by_follows,
    "range": _range_follows,
    "reduce": _by_follows,
    "render": lambda p, at: p.kinds[at] in output.CHART_KINDS,
}
