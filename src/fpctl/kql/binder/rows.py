"""Operators that look at each row by itself: filters, columns added, renamed, dropped, taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fpctl.kql import tree
from fpctl.kql.binder import product_functions
from fpctl.kql.binder.bindings import Routine, Scalar, Tabular
from fpctl.kql.binder.context import Context, Row, barrier, with_columns
from fpctl.kql.binder.expressions import call_routine, evaluate_all
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.outputs import Style, add_item, add_items
from fpctl.kql.binder.projection import Projection, carried
from fpctl.kql.binder.references import column_of, find_column
from fpctl.kql.binder.scalar import BAG, Dynamic, array_of, element_of
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import tabular
from fpctl.kql.literals import string_value


def where(context: Context, node: tree.Where, scope: Scope) -> Scope:
    """`where`, `filter`: fewer rows, same columns."""
    evaluate_all(context, (node.predicate,))
    return context.visible()


def sort(context: Context, node: tree.Sort, scope: Scope) -> Scope:
    """`sort`, `order`: same rows, same columns."""
    evaluate_all(context, [item.value for item in node.items])
    return context.visible()


def top(context: Context, node: tree.Top, scope: Scope) -> Scope:
    """`top`: same columns, some rows."""
    evaluate_all(context, (node.count, node.by.value))
    return _some_rows(context.visible())


def take(context: Context, node: tree.Take | tree.Sample, scope: Scope) -> Scope:
    """`take`, `limit`, `sample`: same columns, some rows."""
    evaluate_all(context, (node.count,))
    return _some_rows(context.visible())


def _some_rows(scope: Scope) -> Scope:
    return barrier(scope, scope.columns, is_open=scope.open)


def extend(context: Context, node: tree.Extend, scope: Scope) -> Scope:
    """`extend`: columns added; one of a name that is there takes its place."""
    types = evaluate_all(context, node.items)
    visible = context.visible()
    output = Projection(visible.columns)
    add_items(context, output, node.items, types, Style.EXTEND)
    return with_columns(visible, output.columns)


def serialize(context: Context, node: tree.Serialize, scope: Scope) -> Scope:
    """`serialize`: columns added; from here on the order of rows means something."""
    types = evaluate_all(context, node.items)
    visible = context.visible()
    output = Projection(visible.columns)
    add_items(context, output, node.items, types)
    return barrier(visible, output.columns, is_open=visible.open)


def project(context: Context, node: tree.Project, scope: Scope) -> Scope:
    """`project`: the listed columns only."""
    types = evaluate_all(context, node.items)
    output = Projection()
    add_items(context, output, node.items, types)
    return with_columns(scope, output.columns, is_open=False)


def project_away(context: Context, node: tree.ProjectAway, scope: Scope) -> Scope:
    """`project-away`, `project-keep`: columns dropped, or all others dropped; wildcards allowed."""
    listed = set(_listed(context, node.items, scope))
    keep = node.keyword == "project-keep"
    columns = {name: column for name, column in scope.columns.items() if (name in listed) == keep}
    if keep and scope.open:
        columns |= context.row.assumed or {}
    return with_columns(scope, columns, is_open=scope.open and not (keep and not _has_wildcard(node.items)))


def _has_wildcard(items: Sequence[tree.Expr]) -> bool:
    return any(isinstance(item, (tree.Wildcard, tree.Star)) for item in items)


def _listed(context: Context, items: Iterable[tree.Expr], scope: Scope) -> list[str]:
    names: list[str] = []
    for item in items:
        if isinstance(item, tree.Wildcard):
            found = matching(item.pattern, scope.columns)
            if not found and not scope.open:
                context.problem(item.start, "unknown-column", f"no column here matches {item.pattern}", None)
            names.extend(found)
        elif isinstance(item, tree.Star):
            names.extend(scope.columns)
        elif isinstance(item, tree.Name):
            if item.value in scope.columns:
                names.append(item.value)
            elif context.row.infer(item.value) is None:
                context.unknown_column(item)
    return names


def project_rename(context: Context, node: tree.ProjectRename, scope: Scope) -> Scope:
    """`project-rename New = Old`: in its place, under another name."""
    renames: dict[str, str] = {}
    for item in node.items:
        if not isinstance(item, tree.Named) or not isinstance(item.value, tree.Name):
            continue
        if item.value.value in scope.columns or context.row.infer(item.value.value) is not None:
            renames[item.value.value] = item.names[0].value
        else:
            context.unknown_column(item.value)
    visible = context.visible()
    columns: dict[str, Column] = {}
    for name, column in visible.columns.items():
        new = renames.get(name, name)
        columns[new] = carried(column, new)
    return with_columns(visible, columns)


def project_reorder(context: Context, node: tree.ProjectReorder, scope: Scope) -> Scope:
    """`project-reorder`: same columns, the listed ones first."""
    order: dict[str, Column] = {}
    for item in node.items:
        names = _listed(context, (item.value,), scope)
        if isinstance(item.value, (tree.Wildcard, tree.Star)) and item.order:
            names.sort(key=_natural if "granny" in item.order else str.upper, reverse=item.order.endswith("desc"))
        for name in names:
            order.setdefault(name, scope.columns[name])
    return with_columns(scope, {**order, **scope.columns})


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts runs of digits as numbers (`granny-asc`)."""
    parts: list[tuple[int, int, str]] = []
    digits = text = ""
    for character in name.upper():
        if character.isdigit():
            if text:
                parts.append((1, 0, text))
                text = ""
            digits += character
        else:
            if digits:
                parts.append((0, int(digits), ""))
                digits = ""
            text += character
    if digits:
        parts.append((0, int(digits), ""))
    if text:
        parts.append((1, 0, text))
    return tuple(parts)


def project_by_names(context: Context, node: tree.ProjectByNames, scope: Scope) -> Scope:
    """`project-by-names`: the columns whose names are given as values; names that none has are ignored."""
    columns: dict[str, Column] = {}
    complete = True
    for item in node.items:
        patterns = _given_names(context, item)
        complete = complete and patterns is not None
        for pattern in patterns or ():
            for name in matching(pattern, scope.columns):
                columns.setdefault(name, scope.columns[name])
    return with_columns(scope, columns, is_open=scope.open or not complete)


def _given_names(context: Context, item: tree.Expr) -> list[str] | None:
    text = context.text
    for _ in range(20):
        bound = context.names.get(item.value) if isinstance(item, tree.Name) else None
        if not isinstance(bound, Scalar) or bound.value is None:
            break
        item, text = bound.value, bound.text
    if isinstance(item, tree.Literal) and item.type == "string":
        return [string_value(text[item.start : item.end])]
    if isinstance(item, tree.Literal) and item.type == "dynamic":
        return _strings_in(text[item.start : item.end])
    if isinstance(item, tree.Call) and item.name.value == "column_names_of" and item.args:
        table = tabular(context, item.args[0])
        return None if table is None or table.open else list(table.columns)
    return None


def _strings_in(dynamic: str) -> list[str]:
    """Return the strings of a `dynamic(["a", 'b'])` literal, or of `dynamic("a")`."""
    from fpctl.kql.lexer import scan
    from fpctl.kql.tokens import STRING

    inner = dynamic.partition("(")[2].rpartition(")")[0]
    tokens = scan(inner)
    return [
        string_value(inner[start:end])
        for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True)
        if kind == STRING
    ]


def parse(context: Context, node: tree.Parse, scope: Scope) -> Scope:
    """`parse`, `parse-where`: captured columns added."""
    evaluate_all(context, (node.value,))
    visible = context.visible()
    columns = dict(visible.columns)
    for part in node.pattern:
        if isinstance(part, tree.Capture):
            _capture(columns, part.name, part.type or "string")
    return with_columns(visible, columns)


def parse_kv(context: Context, node: tree.ParseKv, scope: Scope) -> Scope:
    """`parse-kv`: the keys added as columns."""
    evaluate_all(context, (node.value,))
    visible = context.visible()
    columns = dict(visible.columns)
    for column in node.columns:
        _capture(columns, column.name, column.type or "string")
    return with_columns(visible, columns)


def _capture(columns: dict[str, Column], name: str, type_: str) -> None:
    columns[name] = Column(name, type_, "redefined" if name in columns else "derived")


def mv_expand(context: Context, node: tree.MvExpand, scope: Scope) -> Scope:
    """`mv-expand`: the expanded columns hold one element each."""
    output = _expanded(context, node)
    return with_columns(context.visible(), output.columns)


def _expanded(context: Context, node: tree.MvExpand | tree.MvApply) -> Projection:
    types = evaluate_all(context, [item.value for item in node.items])
    visible = context.visible()
    output = Projection(visible.columns)
    kind = context.parameter_text(node.parameters, "bagexpansion") or context.parameter_text(node.parameters, "kind")
    for item, type_ in zip(node.items, types, strict=True):
        add_item(context, output, item.value, type_, Style.REPLACE, as_type=item.to_type or _element(type_, kind))
    index = context.parameter_text(node.parameters, "with_itemindex")
    if index is not None:
        output.add(Column(index, "long", "derived"))
    return output


def _element(type_: str, bag_expansion: str | None) -> str:
    if isinstance(type_, Dynamic) and type_.shape == "bag":
        return array_of("dynamic") if bag_expansion == "array" else BAG
    return element_of(type_) if type_ == "dynamic" else type_


def mv_apply(context: Context, node: tree.MvApply, scope: Scope) -> Scope:
    """`mv-apply ... on (body)`: the row's columns but for the applied ones, then those of the body.

    Whatever the body does, it does to the elements of one row: the row's events stay one by one.
    """
    output = _expanded(context, node)
    applied = {id(column) for item in node.items if (column := _applied(context, item.value)) is not None}
    inner = with_columns(context.visible(), output.columns)
    body = context.pipeline(node.body, context.numbered("mv-apply"), inner)
    result = Projection()
    for column in scope.columns.values():
        if id(column) not in applied:
            result.add(column, once=True)
    for column in body.columns.values():
        before = scope.columns.get(column.name)
        if before is not None and column.origins == before.origins and column.kind == "grouped":
            column = before
        result.add(column, replace=True)
    return with_columns(scope, result.columns, is_open=scope.open or body.open)


def _applied(context: Context, value: tree.Expr) -> Column | None:
    return find_column(context, value) if isinstance(value, tree.Name) else None


def name_rows(context: Context, node: tree.As, scope: Scope) -> Scope:
    """`as X`: the name stands for the rows from here on."""
    context.names[node.name.value] = Tabular(scope)
    return scope


def unchanged(context: Context, node: tree.Render | tree.AssertSchema, scope: Scope) -> Scope:
    """`render`, `assert-schema`: nothing changes."""
    return scope


def plain(context: Context, node: tree.Plain, scope: Scope) -> Scope:
    """`getschema`, `consume`, `execute-and-cache`."""
    if node.keyword == "getschema":
        if context.parameter_text(node.parameters, "kind") == "csl":
            return barrier(scope, {"Schema": Column("Schema", "string", "derived")})
        types = {"ColumnName": "string", "ColumnOrdinal": "long", "DataType": "string", "ColumnType": "string"}
        return barrier(scope, _made(types))
    return barrier(scope, {}) if node.keyword == "consume" else scope


def invoke(context: Context, node: tree.Invoke, scope: Scope) -> Scope:
    """`invoke f(...)`: what the function makes of the rows, given as its first argument."""
    context.row = Row()
    call = node.call
    name = call.name if isinstance(call, tree.Call) else call
    if isinstance(name, tree.Name):
        bound = context.names.get(name.value)
        routine = bound if isinstance(bound, Routine) else context.stored_function(name.value)
        if isinstance(routine, Routine):
            at = call if isinstance(call, tree.Call) else tree.Call(name.start, name.end, name, ())
            result = call_routine(context, routine, at, first=scope)
            if isinstance(result, Scope):
                return barrier(result, result.columns, is_open=result.open)
        elif routine is not None:
            return barrier(scope, _made(routine))
        elif name.value in product_functions.ENRICHMENTS:
            found = _enriched(scope, product_functions.ENRICHMENTS[name.value])
            return barrier(found, found.columns, is_open=found.open)
        elif name.value in product_functions.INVOKED:
            return barrier(Scope({}), _made(product_functions.INVOKED[name.value]), is_open=True)
        else:
            context.assumed.add(name.value)
            hint = nearest(name.value, context.names.visible())
            context.problem(name.start, "unknown-function", f"the function {name.value} is not known", hint)
    return barrier(scope, {}, is_open=True)


def _made(columns: Mapping[str, str]) -> dict[str, Column]:
    return {name: Column(name, type_, "derived") for name, type_ in columns.items()}


def _enriched(scope: Scope, added: Mapping[str, str]) -> Scope:
    """Return a scope with columns looked up for each row; one of a name that was there may hold another value."""
    columns = dict(scope.columns)
    for name, type_ in added.items():
        _capture(columns, name, type_)
    return with_columns(scope, columns)


def column_behind(context: Context, expr: tree.Expr) -> Column | None:
    """Return the column that an item, named or not, takes its value from."""
    return column_of(context, expr.value if isinstance(expr, tree.Named) else expr)
