"""Which function says what an operator does to the row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fpctl.kql import tree
from fpctl.kql.binder import graphs, groups, joins, plugins, rows
from fpctl.kql.binder.context import Context
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import Projection
from fpctl.kql.binder.scope import Scope
from fpctl.kql.binder.searches import find, search
from fpctl.kql.binder.sources import SOURCES


def _print(context: Context, node: tree.Print) -> Scope:
    types = evaluate_all(context, node.items)
    output = Projection()
    for at, (item, type_) in enumerate(zip(node.items, types, strict=True)):
        add_item(context, output, item, type_, Style.PRINT, default=f"print_{at}")
    return Scope(output.columns)


OPERATORS: dict[type, Callable[[Context, Any, Scope], Scope]] = {
    tree.Where: rows.where,
    tree.Extend: rows.extend,
    tree.Project: rows.project,
    tree.ProjectAway: rows.project_away,
    tree.ProjectRename: rows.project_rename,
    tree.ProjectReorder: rows.project_reorder,
    tree.ProjectByNames: rows.project_by_names,
    tree.Summarize: groups.summarize,
    tree.Distinct: groups.distinct,
    tree.Count: groups.count,
    tree.Take: rows.take,
    tree.Sort: rows.sort,
    tree.Top: rows.top,
    tree.TopNested: groups.top_nested,
    tree.TopHitters: groups.top_hitters,
    tree.Sample: rows.take,
    tree.SampleDistinct: groups.sample_distinct,
    tree.Reduce: groups.reduce,
    tree.MvExpand: rows.mv_expand,
    tree.MvApply: rows.mv_apply,
    tree.Parse: rows.parse,
    tree.ParseKv: rows.parse_kv,
    tree.Join: joins.join,
    tree.Lookup: joins.lookup,
    tree.Union: joins.union,
    tree.Search: search,
    tree.Evaluate: plugins.evaluate_plugin,
    tree.MakeSeries: groups.make_series,
    tree.Partition: groups.partition,
    tree.Fork: groups.fork,
    tree.Facet: groups.facet,
    tree.Invoke: rows.invoke,
    tree.As: rows.name_rows,
    tree.Serialize: rows.serialize,
    tree.Render: rows.unchanged,
    tree.Scan: groups.scan,
    tree.AssertSchema: rows.unchanged,
    tree.Plain: rows.plain,
    tree.MakeGraph: graphs.make_graph,
    tree.GraphOperator: graphs.graph_operator,
}
"""Each piped operator."""

SOURCES[tree.Print] = _print
SOURCES[tree.Search] = search
SOURCES[tree.Find] = find
SOURCES[tree.Union] = joins.union_source
SOURCES[tree.Evaluate] = plugins.evaluate_source
