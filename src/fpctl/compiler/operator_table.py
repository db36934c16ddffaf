"""Which function compiles which operator. What is not here is refused by its keyword."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.operators import (
    calling,
    columns,
    expanding,
    grouping,
    joining,
    parsing,
    plugins,
    ranking,
    rows,
    scanning,
    searching,
    series,
    sources,
    uniting,
)
from fpctl.compiler.relation import Relation
from fpctl.kql import tree

OPERATORS: dict[type, Callable[[Expressions, Any, Relation], Relation]] = {
    tree.Where: rows.where,
    tree.Extend: columns.extend,
    tree.Project: columns.project,
    tree.ProjectAway: columns.chosen,
    tree.ProjectReorder: columns.chosen,
    tree.ProjectByNames: columns.chosen,
    tree.ProjectRename: columns.rename,
    tree.Distinct: columns.distinct,
    tree.Summarize: grouping.summarize,
    tree.Count: rows.count,
    tree.Take: rows.take,
    tree.Sort: rows.sort,
    tree.Top: rows.top,
    tree.Join: joining.join,
    tree.Lookup: joining.lookup,
    tree.Union: uniting.union,
    tree.As: rows.name_rows,
    tree.Serialize: rows.serialize,
    tree.Render: rows.unchanged,
    tree.AssertSchema: rows.unchanged,
    tree.Plain: rows.plain,
    tree.MvExpand: expanding.mv_expand,
    tree.MvApply: expanding.mv_apply,
    tree.Parse: parsing.parse,
    tree.ParseKv: parsing.parse_kv,
    tree.Search: searching.search,
    tree.Sample: ranking.sample,
    tree.SampleDistinct: ranking.sample_distinct,
    tree.TopHitters: ranking.top_hitters,
    tree.TopNested: ranking.top_nested,
    tree.Evaluate: plugins.evaluate,
    tree.MakeSeries: series.make_series,
    tree.Invoke: calling.invoke,
    tree.Partition: calling.partition,
    tree.Scan: scanning.scan,
}
SOURCES: dict[type, Callable[[Expressions, Any], Relation]] = {
    tree.DataTable: sources.datatable,
    tree.Print: sources.print_row,
    tree.Range: sources.range_rows,
    tree.ExternalData: sources.external,
    tree.Union: uniting.union,
    tree.Search: searching.search,
    tree.Find: searching.find,
}
