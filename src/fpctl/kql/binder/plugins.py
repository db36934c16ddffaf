"""`evaluate`: the columns that plugins return."""

from __future__ import annotations

from collections.abc import Callable

from fpctl.kql import tree
from fpctl.kql.binder.branches import Shift, after
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate, evaluate_all
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.projection import grouped, unique_names
from fpctl.kql.binder.references import referenced, result_name
from fpctl.kql.binder.scalar import ARRAY, BAG
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import schema_columns, source

Plugin = Callable[[BinderContext, tree.Call, Scope], Scope]

_SEGMENTS = (("SegmentId", "long"), ("Count", "long"), ("Percent", "real"))
_DIFFERENCES = (
    ("SegmentId", "long"), ("CountA", "long"), ("CountB", "long"), ("PercentA", "real"), ("PercentB", "real"),
    ("PercentDiffAB", "real"),
)  # fmt: skip


def evaluate_plugin(context: BinderContext, node: tree.Evaluate, scope: Scope | None) -> Scope:
    """`evaluate plugin(...) [: (schema)]`, piped or as a source."""
    name = node.call.name.value
    row = scope if scope is not None else Scope({})
    plugin = _PLUGINS.get(name)
    if plugin is not None:
        result = plugin(context, node.call, row)
    else:
        _arguments(context, node.call)
        if name not in builtins().plugins:
            context.assumed.add(name)
            hint = nearest(name, builtins().plugins)
            context.problem(node.call.name.start, "unknown-plugin", f"the plugin {name} is not known", hint)
        result = with_columns(row, {}, is_open=True)
    if node.schema is None:
        return result
    columns: dict[str, Column] = {}
    names = {column.name for column in node.schema}
    if node.schema and node.schema[0].name == "*":
        columns = {name: column for name, column in result.columns.items() if name not in names}
    for column in schema_columns(node.schema, name).values():
        columns[column.name] = Column(column.name, column.type, "derived")
    return with_columns(row, columns, is_open=False)


def _arguments(context: BinderContext, call: tree.Call) -> list[str]:
    return evaluate_all(context, call.args)


def _fixed(columns: tuple[tuple[str, str], ...], *, keep_row: bool = False) -> Plugin:
    """Return a plugin that gives fixed columns, with the row's after them if `keep_row`."""

    def plugin(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
        _arguments(context, call)
        made = [Column(name, type_, "derived") for name, type_ in columns]
        rest = [grouped(column) for column in context.visible().columns.values()] if keep_row else []
        return with_columns(scope, unique_names([*made, *rest]), is_open=keep_row and scope.open)

    return plugin


def _same(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    _arguments(context, call)
    return with_columns(scope, context.visible().columns, is_open=scope.open)


def _anything(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    _arguments(context, call)
    return with_columns(scope, {}, is_open=True)


def _bag_unpack(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """Drop the bag and add its keys: columns that are not known before it runs."""
    _arguments(context, call)
    bag = referenced(context, call.args[0]) if call.args else None
    columns = {name: column for name, column in context.visible().columns.items() if column is not bag}
    return Scope(columns, True, scope.branches, scope.union, False)


def _pivot(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    args = call.args
    for at, arg in enumerate(args):
        context.aggregating = at == 1
        evaluate(context, arg)
    context.aggregating = False
    pivot = referenced(context, args[0]) if args else None
    aggregate = args[1] if len(args) > 1 else None
    inner = aggregate.args[0] if isinstance(aggregate, tree.Call) and aggregate.args else None
    aggregated = referenced(context, inner) if inner is not None else None
    listed = [column for arg in args[2:] if (column := referenced(context, arg)) is not None]
    if not listed:
        visible = context.visible().columns.values()
        listed = [column for column in visible if column is not pivot and column is not aggregated]
    return Scope({column.name: grouped(column) for column in listed}, True, scope.branches, scope.union, False)


def _output_schema(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """`python(typeof(*, x:long), ...)`: the columns that the first argument lists."""
    evaluate_all(context, call.args[1:])
    first = call.args[0] if call.args else None
    if not isinstance(first, tree.TypeLiteral):
        return with_columns(scope, {}, is_open=True)
    columns: list[Column] = []
    for column in first.columns:
        if column.name == "*":
            columns.extend(scope.columns.values())
        else:
            columns.append(Column(column.name, column.type or "string", "derived"))
    return with_columns(scope, {column.name: column for column in columns}, is_open=False)


def _ip_lookup(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """`ipv4_lookup(Table, ip, net [, key ...])`: the row's columns, then the table's but for the extra keys."""
    args = call.args
    if not args:
        return with_columns(scope, {}, is_open=True)
    right = source(context, args[0])
    evaluate_all(context, args[1:2])
    keys: set[str] = set()
    if call.name.value == "ipv4_lookup":
        extra = list(args[3:])
        if extra and (_is_flag(extra[-1]) or isinstance(extra[-1], tree.Literal)):
            extra.pop()
        keys = {arg.value for arg in extra if isinstance(arg, tree.Name)}
    return _looked_up(context, scope, right, keys)


def _geo_lookup(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """`geo_polygon_lookup(Table, key, lon, lat ...)`: the key column is dropped unless it is asked for."""
    args = call.args
    if not args:
        return with_columns(scope, {}, is_open=True)
    right = source(context, args[0])
    evaluate_all(context, args[2:4])
    keep = (len(args) == 8 and context.text[args[7].start : args[7].end] == "true") or any(
        _is_flag(arg, "return_lookup_key") and context.text[arg.end - 4 : arg.end] == "true" for arg in args
    )
    dropped = args[1].value.lower() if len(args) > 1 and isinstance(args[1], tree.Name) and not keep else None
    return _looked_up(context, scope, right, {name for name in right.columns if name.lower() == dropped})


def _looked_up(context: BinderContext, scope: Scope, right: Scope, without: set[str]) -> Scope:
    shift = Shift(right, after(scope))
    others = [shift.column(column) for name, column in right.columns.items() if name not in without]
    columns = unique_names([*context.visible().columns.values(), *others])
    return Scope(
        columns,
        scope.open or right.open,
        {**scope.branches, **shift.branches()},
        scope.union | shift.moved(right.union),
        False,
        frozenset(),
        scope.unknown | shift.moved(right.unknown),
    )


def _is_flag(arg: tree.Expr, name: str = "return_unmatched") -> bool:
    return isinstance(arg, tree.Named) and arg.names[0].value.lower() == name


def _sequence_detect(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """`sequence_detect(time, step, span, name = condition ..., dimension ...)`."""
    args = call.args
    types = _arguments(context, call)
    columns: list[Column] = []
    at = 4
    while at < len(args) and types[at] == "bool":
        at += 1
    columns.extend(grouped(column) for arg in args[at:] if (column := referenced(context, arg)) is not None)
    if args:
        timeline = result_name(context, args[0], "")
        columns.extend(Column(f"{result_name(context, arg, '')}_{timeline}", types[0], "derived") for arg in args[3:at])
    columns.append(Column("Duration", "timespan", "derived"))
    return with_columns(scope, unique_names(columns), is_open=False)


def _activity(*columns: tuple[str, str], dimensions: bool = True) -> Plugin:
    """Return a plugin of user activity: the timeline, dimensions, and some measures.

    Dimensions are the arguments after the constants, where those are columns.
    """

    def plugin(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
        _arguments(context, call)
        found = [column for arg in call.args[2:] if (column := referenced(context, arg)) is not None]
        timeline = referenced(context, call.args[1]) if len(call.args) > 1 else None
        made = [grouped(timeline)] if timeline is not None else []
        if dimensions:
            made.extend(grouped(column) for column in found)
        made.extend(Column(name, type_, "derived") for name, type_ in columns)
        return with_columns(scope, unique_names(made), is_open=False)

    return plugin


def _new_activity_metrics(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    args = call.args
    for arg in args:
        if not isinstance(arg, tree.Subquery):
            evaluate(context, arg)
    made: list[Column] = []
    if len(args) > 1:
        type_, name = evaluate(context, args[1]), result_name(context, args[1], "")
        made.extend((Column(f"from_{name}", type_, "derived"), Column(f"to_{name}", type_, "derived")))
    made.extend(grouped(column) for arg in args[5:] if (column := referenced(context, arg)) is not None)
    measures = (("dcount_new_values", "long"), ("dcount_retained_values", "long"), ("dcount_churn_values", "long"),
                ("retention_rate", "real"), ("churn_rate", "real"))  # fmt: skip
    made.extend(Column(name, type_, "derived") for name, type_ in measures)
    return with_columns(scope, unique_names(made), is_open=False)


def _funnel_sequence(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    types = _arguments(context, call)
    args = call.args
    timeline = referenced(context, args[1]) if len(args) > 1 else None
    made = [grouped(timeline)] if timeline is not None else []
    if len(args) > 6:
        made.extend((Column("prev", types[6], "derived"), Column("next", types[6], "derived")))
    made.extend((Column("dcount", "long", "derived"), Column("samples", ARRAY, "derived")))
    return with_columns(scope, unique_names(made), is_open=False)


def _funnel_sequence_completion(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    _arguments(context, call)
    args = call.args
    timeline = referenced(context, args[1]) if len(args) > 1 else None
    made = [grouped(timeline)] if timeline is not None else []
    if len(args) > 5:
        made.append(Column(result_name(context, args[5], "") or "", "string", "derived"))
    made.extend((Column("Period", "timespan", "derived"), Column("dcount", "long", "derived")))
    return with_columns(scope, unique_names(made), is_open=False)


def _rolling_percentile(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    """`rolling_percentile(value, percentile, index, bin_size, bins [, dimension ...])`."""
    _arguments(context, call)
    args = call.args
    made = [grouped(column) for arg in args[2:3] if (column := referenced(context, arg)) is not None]
    made.extend(grouped(column) for arg in args[5:] if (column := referenced(context, arg)) is not None)
    value = referenced(context, args[0]) if args else None
    percentile, bins = (_text(context, call, at) or "0" for at in (1, 4))
    name = f"rolling_{bins}_percentile_{value.name if value is not None else 'value'}_{percentile}"
    made.append(Column(name, value.type if value is not None else "long", "derived"))
    return with_columns(scope, unique_names(made), is_open=False)


def _text(context: BinderContext, call: tree.Call, at: int) -> str | None:
    arg = call.args[at] if at < len(call.args) else None
    return context.text[arg.start : arg.end] if isinstance(arg, tree.Literal) else None


def _dcount_intersect(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
    _arguments(context, call)
    added = [Column(f"s{at}", "long", "derived") for at in range(len(call.args))]
    return with_columns(scope, unique_names([*context.visible().columns.values(), *added]), is_open=scope.open)


def _artificial(suffix: str, type_: str) -> Plugin:
    """Return an AI plugin: a column added, named after the first argument, and one for errors if asked for."""

    def plugin(context: BinderContext, call: tree.Call, scope: Scope) -> Scope:
        _arguments(context, call)
        prefix = result_name(context, call.args[0], "") if call.args else ""
        added = [Column(f"{prefix}_{suffix}" if prefix else suffix, type_, "derived")]
        last = call.args[-1] if len(call.args) > 3 else None
        flag = last.value if isinstance(last, tree.Named) else last
        if flag is not None and context.text[flag.start : flag.end] == "true":
            added.append(Column(f"{added[0].name}_error", "string", "derived"))
        return with_columns(scope, unique_names([*context.visible().columns.values(), *added]), is_open=scope.open)

    return plugin


_REQUEST = (("ResponseHeaders", BAG), ("ResponseBody", "dynamic"))

_PLUGINS: dict[str, Plugin] = {
    "active_users_count": _activity(("dcount", "long")),
    "activity_counts_metrics": _activity(
        ("count", "long"), ("dcount", "long"), ("new_dcount", "long"), ("aggregated_dcount", "long")
    ),
    "activity_engagement": _activity(
        ("dcount_activities_inner", "long"), ("dcount_activities_outer", "long"), ("activity_ratio", "real")
    ),
    "activity_metrics": _activity(
        ("dcount_values", "long"), ("dcount_newvalues", "long"), ("retention_rate", "real"), ("churn_rate", "real")
    ),
    "ai_chat_completion": _artificial("completion", "string"),
    "ai_chat_completion_prompt": _artificial("completion", "string"),
    "ai_embed_text": _artificial("embedding", "dynamic"),
    "ai_embeddings": _artificial("embeddings", "dynamic"),
    "autocluster": _fixed(_SEGMENTS, keep_row=True),
    "azure_digital_twins_query_request": _anything,
    "bag_unpack": _bag_unpack,
    "basket": _fixed(_SEGMENTS, keep_row=True),
    "cosmosdb_sql_request": _anything,
    "csharp": _output_schema,
    "dax_request": _anything,
    "dcount_intersect": _dcount_intersect,
    "diffpatterns": _fixed(_DIFFERENCES, keep_row=True),
    "estimate_rows_count": _fixed((("EstimatedRowsCount", "long"),)),
    "execute_query": _anything,
    "execute_show_command": _anything,
    "external_datatable": _anything,
    "funnel_sequence": _funnel_sequence,
    "funnel_sequence_completion": _funnel_sequence_completion,
    "geo_line_lookup": _geo_lookup,
    "geo_polygon_lookup": _geo_lookup,
    "http_request": _fixed(_REQUEST),
    "http_request_post": _fixed(_REQUEST),
    "identity": _same,
    "identity_v3": _same,
    "infer_storage_schema": _fixed((("CslSchema", "string"),)),
    "infer_storage_schema_with_suggestions": _fixed((("CslSchema", "string"),)),
    "ipv4_lookup": _ip_lookup,
    "ipv6_lookup": _ip_lookup,
    "mysql_request": _anything,
    "narrow": _fixed((("Row", "long"), ("Column", "string"), ("Value", "string"))),
    "new_activity_metrics": _new_activity_metrics,
    "pivot": _pivot,
    "postgresql_request": _anything,
    "preview": _same,
    "python": _output_schema,
    "r": _output_schema,
    "rolling_percentile": _rolling_percentile,
    "rows_near": _same,
    "schema_merge": _fixed(
        (("ColumnName", "string"), ("ColumnOrdinal", "int"), ("DataType", "string"), ("ColumnType", "string"))
    ),
    "sequence_detect": _sequence_detect,
    "session_count": _activity(("count_sessions", "long")),
    "sliding_window_counts": _activity(("Count", "long"), ("Dcount", "long")),
    "sql_request": _anything,
}
