"""Operators that make one row of many. Pages: summarize-operator, distinct-operator, make-series-operator, plugins."""

from __future__ import annotations

import math
from typing import Any

from fpctl.kql import tree
from reference.conversions import convert
from reference.interpreter import Interpreter, operator, unique
from reference.joining import united
from reference.rowwise import item_columns, number_of, sort_key
from reference.scope import Place, Row, Scope, Several, Table
from reference.values import (
    ReferenceFault,
    Value,
    dynamic,
    inner,
    key_of,
    long,
    null_of,
    plain,
    string,
    text_of,
)


def groups(
    self: Interpreter, table: Table, by: tuple[tree.Expr, ...], scope: Scope
) -> tuple[Row, list[tuple[Row, list[Row]]]]:
    """Return a row of nulls with the keys' types, and per group its keys and its rows."""
    blank = _keys(self, by, self.blank_place(table, scope))
    found: dict[Any, tuple[Row, list[Row]]] = {}
    for place in self.places(table, scope):
        keys = _keys(self, by, place)
        mark = tuple(key_of(value) for value in keys.values())
        assert place.row is not None
        found.setdefault(mark, (keys, []))[1].append(place.row)
    return blank, list(found.values())


def _keys(self: Interpreter, by: tuple[tree.Expr, ...], place: Place) -> Row:
    row: Row = {}
    for item in by:
        for label, value in item_columns(self, item, place):
            name = label
            if name is None:
                name = unique_column(row)
            row[unique(name, row)] = value
    return row


def unique_column(taken: Row) -> str:
    number = 1
    while f"Column{number}" in taken:
        number += 1
    return f"Column{number}"


def aggregated(self: Interpreter, items: tuple[tree.Expr, ...], keys: Row, place: Place) -> Row:
    row: Row = dict(keys)
    for item in items:
        found = self.evaluate(item, place)
        if isinstance(found, Several):
            names = [name.value for name in item.names] if isinstance(item, tree.Named) else []
            for at, (label, value) in enumerate(found.columns):
                if len(names) > 1 and at >= len(names):
                    break
                name = names[at] if at < len(names) else label
                row[unique(name, row)] = value
            continue
        label = self.label(item, aggregating=True) or unique_column(row)
        row[unique(label, row)] = found
    return row


@operator(tree.Summarize)
def summarize(self: Interpreter, table: Table, node: tree.Summarize, scope: Scope) -> Table:
    blank_keys, found = groups(self, table, node.by, scope)
    if not node.by and not found:
        found = [({}, [])]  # one row over no rows, without keys (summarize-operator)
    blank = table.blank()
    shape = aggregated(self, node.aggregates, blank_keys, Place(scope, blank_keys, [], blank))
    columns = {name: value.type for name, value in shape.items()}
    rows = [aggregated(self, node.aggregates, keys, Place(scope, keys, members, blank)) for keys, members in found]
    return Table(columns, rows)


@operator(tree.Distinct)
def distinct(self: Interpreter, table: Table, node: tree.Distinct, scope: Scope) -> Table:
    if any(isinstance(item, tree.Star) for item in node.items):
        picked = table
    else:
        by, found = groups(self, table, node.items, scope)
        return Table({name: value.type for name, value in by.items()}, [keys for keys, _ in found])
    seen: dict[Any, Row] = {}
    for row in picked.rows:
        seen.setdefault(tuple(key_of(value) for value in row.values()), row)
    return Table(picked.columns, list(seen.values()))


@operator(tree.Count)
def count(self: Interpreter, table: Table, node: tree.Count, scope: Scope) -> Table:
    name = node.alias.value if node.alias else "Count"
    return Table({name: "long"}, [{name: long(len(table.rows))}])


@operator(tree.TopNested)
def top_nested(self: Interpreter, table: Table, node: tree.TopNested, scope: Scope) -> Table:
    """Each level within the chosen values of the one above it (top-nested-operator)."""
    columns: dict[str, str] = {}

    def level(rows: list[Row], at: int) -> list[Row]:
        if at == len(node.clauses):
            return [{}]
        clause = node.clauses[at]
        here = Table(table.columns, rows)
        blank, found = groups(self, here, (clause.item,), scope)
        name = next(iter(blank))
        label = self.label(clause.by.value) if isinstance(clause.by.value, tree.Named) else f"aggregated_{name}"
        label = label or f"aggregated_{name}"
        table_blank = table.blank()
        columns[name] = blank[name].type
        columns[label] = self.value(clause.by.value, Place(scope, blank, [], table_blank)).type
        scored = []
        for keys, members in found:
            score = self.value(clause.by.value, Place(scope, keys, members, table_blank))
            scored.append((sort_key(clause.by, score), len(scored), keys[name], score, members))
        scored.sort(key=lambda s: s[:2])
        most = len(scored) if clause.count is None else number_of(self, clause.count, scope)
        out = []
        for _, _, key, score, members in scored[:most]:
            for below in level(members, at + 1):
                out.append({name: key, label: score, **below})
        if clause.others is not None:
            rest = [row for _, _, _, _, members in scored[most:] for row in members]
            score = self.value(clause.by.value, Place(scope, blank, rest, table_blank))
            row = {name: convert(self.value(clause.others, Place(scope)), blank[name].type), label: score}
            level(rest, at + 1)
            out.append(row)
        return out

    rows = level(table.rows, 0)
    if not table.rows:
        return Table(columns, [])
    return Table(columns, [{n: row.get(n, null_of(k)) for n, k in columns.items()} for row in rows])


# --------------------------------------------------------------------------- make-series


@operator(tree.MakeSeries)
def make_series(self: Interpreter, table: Table, node: tree.MakeSeries, scope: Scope) -> Table:
    axis = self.value(node.on, self.blank_place(table, scope)).type
    name = self.label(node.on) or "Column1"
    step = convert_step(self, node, scope)
    fixed_low = self.value(node.low, Place(scope)).raw if node.low is not None else None
    fixed_high = self.value(node.high, Place(scope)).raw if node.high is not None else None
    inclusive = "range" in self.text[node.on.end : node.low.start] if node.low is not None else False
    blank_keys, found = groups(self, table, node.by, scope)
    if not found and not node.by and self.parameter(node, "kind") == "nonempty":
        found = [({}, [])]
    blank = table.blank()
    labels: list[str] = []
    for item in node.aggregates:
        labels.append(
            unique(self.label(item.value, aggregating=True) or "Column1", dict.fromkeys([*blank_keys, *labels]))
        )
    columns = {n: v.type for n, v in blank_keys.items()}
    columns |= dict.fromkeys([*labels, name], "dynamic")
    out = Table(columns)
    # Without `from` the bins count from the first one that has data (make-series-operator, *start*).
    for keys, members in found:
        values = [self.value(node.on, Place(scope, row)).raw for row in members]
        known = [v for v in values if v is not None]
        low = fixed_low if fixed_low is not None else (min(known) // step * step if known else None)
        high = fixed_high if fixed_high is not None else (max(known) // step * step + step if known else None)
        if low is None or high is None:
            continue
        if inclusive:
            low, high = _binned(low, step), high + (1 if not isinstance(step, float) else 1e-9)
        bins = max(0, math.ceil((high - low) / step)) if not isinstance(step, int) else max(0, -((low - high) // step))
        row: Row = dict(keys)
        for item, label in zip(node.aggregates, labels, strict=True):
            row[label] = series(self, item, members, values, (low, step, bins), Place(scope, keys, [], blank))
        row[name] = dynamic([plain(Value(axis, low + at * step)) for at in range(bins)])
        out.rows.append(row)
    return out


def convert_step(self: Interpreter, node: tree.MakeSeries, scope: Scope) -> Any:
    assert node.step is not None
    raw = self.value(node.step, Place(scope)).raw
    if not raw or raw < 0:
        raise ReferenceFault("a step")
    return raw


def _binned(low: Any, step: Any) -> Any:
    return low // step * step


def series(
    self: Interpreter, item: tree.SeriesAggregate, members: list[Row], values: list[Any], bins: Any, place: Place
) -> Value:
    low, step, count = bins
    default = self.value(item.default, Place(place.scope)) if item.default is not None else long(0)
    parts: list[list[Row]] = [[] for _ in range(count)]
    for row, value in zip(members, values, strict=True):
        if value is not None:
            at = math.floor((value - low) / step) if isinstance(step, float) else (value - low) // step
            if 0 <= at < count:
                parts[at].append(row)
    out = []
    for rows in parts:
        if rows:
            out.append(plain(self.value(item.value, Place(place.scope, place.row, rows, place.blank))))
        else:
            kind = self.value(item.value, Place(place.scope, place.row, [], place.blank)).type
            out.append(plain(convert(default, kind) if default.raw is not None else default))
    return dynamic(out)


# --------------------------------------------------------------------------- partition and plugins


@operator(tree.Partition)
def partition(self: Interpreter, table: Table, node: tree.Partition, scope: Scope) -> Table:
    _, found = groups(self, table, (node.by,), scope)
    legs = []
    for keys, members in found or [({}, [])]:
        part = Table(table.columns, members)
        if node.body.source is None:
            legs.append(("", self.pipeline(node.body, part, scope)))
        else:
            inside = Scope(scope, {self.label(node.by) or "": next(iter(keys.values()), None)})
            legs.append(("", self.pipeline(node.body, None, inside)))
    return united(legs, None, "outer")


@operator(tree.Evaluate)
def evaluate(self: Interpreter, table: Table, node: tree.Evaluate, scope: Scope) -> Table:
    plugin = {"bag_unpack": bag_unpack, "pivot": pivot, "narrow": narrow}.get(node.call.name.value)
    if plugin is None:
        raise ReferenceFault(f"plugin {node.call.name.value}")
    found = plugin(self, table, node.call, scope)
    if node.schema is None:
        return found
    columns = {} if node.schema[0].name != "*" else {n: k for n, k in table.columns.items() if n in found.columns}
    columns |= {c.name: c.type or "string" for c in node.schema if c.name != "*"}
    rows = [{n: convert(row[n], k) if n in row else null_of(k) for n, k in columns.items()} for row in found.rows]
    return Table(columns, rows)


def bag_unpack(self: Interpreter, table: Table, call: tree.Call, scope: Scope) -> Table:
    """A slot with one type keeps it, others are dynamic (bag-unpack-plugin)."""
    column = self.label(call.args[0]) or ""
    prefix, conflict, ignored = "", "error", set()
    for at, arg in enumerate(call.args[1:]):
        name = (
            arg.names[0].value
            if isinstance(arg, tree.Named)
            else ("OutputColumnPrefix", "columnsConflict", "ignoredProperties")[at]
        )
        value = self.value(arg, Place(scope))
        if name == "OutputColumnPrefix":
            prefix = text_of(value)
        elif name == "columnsConflict":
            conflict = text_of(value)
        elif name == "ignoredProperties":
            ignored = set(value.raw or [])
    kinds: dict[str, set[str]] = {}
    for row in table.rows:
        raw = row[column].raw
        for key, item in raw.items() if isinstance(raw, dict) else ():
            if key in ignored:
                continue
            kinds.setdefault(key, set())
            if item is not None:
                kinds[key].add(inner(Value("dynamic", item)).type)
    rest = {n: k for n, k in table.columns.items() if n != column}
    new = {prefix + key: next(iter(found)) if len(found) == 1 else "dynamic" for key, found in sorted(kinds.items())}
    clash = set(new) & set(rest)
    if clash and conflict == "error":
        raise ReferenceFault("bag_unpack: a column of that name is there")
    columns = {**rest, **{n: k for n, k in new.items() if not (n in clash and conflict == "keep_source")}}
    if conflict == "replace_source":
        columns = {**{n: k for n, k in rest.items() if n not in clash}, **new}
    out = Table(columns)
    for row in table.rows:
        bag = row[column].raw if isinstance(row[column].raw, dict) else {}
        made: Row = {}
        for name, kind in columns.items():
            key = name.removeprefix(prefix)
            from_bag = name in new and not (name in clash and conflict == "keep_source")
            made[name] = convert(dynamic(bag.get(key)), kind) if from_bag else row[name]
        out.rows.append(made)
    return out


def pivot(self: Interpreter, table: Table, call: tree.Call, scope: Scope) -> Table:
    """A column for each value of the first argument, in the order of the values (pivot-plugin)."""
    key = self.label(call.args[0]) or ""
    rest = list(call.args[1:])
    aggregate: tree.Expr | None = None
    if rest and isinstance(rest[0], tree.Call):
        aggregate = rest.pop(0)
    used: set[str] = set()
    if aggregate is not None:
        used = {n.value for n in tree.walk(aggregate) if isinstance(n, tree.Name)}
    by = [self.label(arg) or "" for arg in rest] or [n for n in table.columns if n != key and n not in used]
    values = sorted({text_of(row[key]) for row in table.rows})
    found: dict[Any, tuple[Row, dict[str, list[Row]]]] = {}
    for row in table.rows:
        mark = tuple(key_of(row[n]) for n in by)
        cells = found.setdefault(mark, ({n: row[n] for n in by}, {}))[1]
        cells.setdefault(text_of(row[key]), []).append(row)
    blank = table.blank()

    def cell(rows: list[Row]) -> Value:
        if aggregate is None:
            return long(len(rows))
        return self.value(aggregate, Place(scope, {}, rows, blank))

    kind = cell([]).type
    columns = {**{n: table.columns[n] for n in by}, **dict.fromkeys(values, kind)}
    out = Table(columns)
    for keys, cells in found.values():
        out.rows.append({**keys, **{v: cell(cells.get(v, [])) for v in values}})
    return out


def narrow(self: Interpreter, table: Table, call: tree.Call, scope: Scope) -> Table:
    out = Table({"Row": "long", "Column": "string", "Value": "string"})
    for at, row in enumerate(table.rows):
        for name, value in row.items():
            out.rows.append({"Row": long(at), "Column": string(name), "Value": string(text_of(value))})
    return out
