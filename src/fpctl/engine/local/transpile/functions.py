"""Functions that duckdb-kql lacks or has under another name, said with those that it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from fpctl.engine.local.transpile import addresses
from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.binder import Column, Tabular
from fpctl.kql.binder.scalar import Dynamic
from fpctl.kql.literals import bracket_name, string_literal, string_value

Lowering = Callable[[Draft, tree.Call], str | None]
"""Gives the text in place of a call, or None where this call cannot be said otherwise."""

_SAME: Mapping[str, str] = MappingProxyType(
    {
        "extractall": "extract_all",
        "makelist": "make_list",
        "makeset": "make_set",
        "notempty": "isnotempty",
        "pack_dictionary": "bag_pack",
        "parsejson": "parse_json",
    }
)
"""Old and Azure Monitor names of functions."""

_CONVERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "string": "tostring",
        "long": "tolong",
        "int": "toint",
        "real": "todouble",
        "bool": "tobool",
        "datetime": "todatetime",
        "timespan": "totimespan",
        "guid": "toguid",
    }
)
_JSON_PATH = re.compile(r"\$((?:\.[A-Za-z_]\w*|\[\d+\]|\['[^'\\]+'\])*)\Z")


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the lowering of every call that needs one."""
    for node in draft.nodes:
        if isinstance(node, tree.Call):
            name = node.name.value
            if name in _SAME and name not in draft.lets:
                draft.notes.add(name)
                yield Edit(node.name.start, node.name.end, _SAME[name])
            elif name in _RULES and name not in draft.lets:
                text = _RULES[name](draft, node)
                if text is not None:
                    draft.notes.add(name)
                    yield Edit(node.start, node.end, text)
        elif isinstance(node, tree.Summarize):
            yield from _aggregates(draft, node)
        elif isinstance(node, tree.Membership):
            yield from _membership(draft, node)


# ------------------------------------------------------------------------------------ aggregates


def _aggregates(draft: Draft, node: tree.Summarize) -> Iterator[Edit]:
    """Conditional aggregates, each under the name that Kusto gives it; lists as dynamic values."""
    called = {inner.name.value for inner in _inside(node.aggregates) if isinstance(inner, tree.Call)}
    if not called & {*_AGGREGATES, "make_list"}:
        return
    points = draft.points.get(id(node))
    columns = list(points[1].scope.columns.values()) if points else []
    matched = len(columns) == len(node.by) + len(node.aggregates)
    if matched and not called & {*_AGGREGATES}:
        yield from _lists(draft, node, columns[len(node.by) :])
    for position, item in enumerate(node.aggregates):
        column = columns[len(node.by) + position] if matched else None
        direct = item.value if isinstance(item, tree.Named) and len(item.names) == 1 else item
        for call in _inside((item,)):
            if not isinstance(call, tree.Call) or call.name.value not in _AGGREGATES:
                continue
            kind = column.type if column is not None and call is direct else None
            text = _AGGREGATES[call.name.value](draft, call, kind)
            if text is None:
                continue
            if call is item:
                if column is None:
                    continue
                text = f"{bracket_name(column.name)} = {text}"
            draft.notes.add(call.name.value)
            yield Edit(call.start, call.end, text)


def _element(type_: str) -> str:
    """Return the type of an array's elements, `dynamic` where it is not known."""
    return type_.element if isinstance(type_, Dynamic) and type_.shape == "array" else "dynamic"


def _lists(draft: Draft, node: tree.Summarize, columns: list[Column]) -> Iterator[Edit]:
    """duckdb-kql gives make_list as an array of DuckDB's, which `has`, `in` and others do not take."""
    names = [
        bracket_name(column.name)
        for item, column in zip(node.aggregates, columns, strict=True)
        if isinstance(call := item.value if isinstance(item, tree.Named) else item, tree.Call)
        and call.name.value == "make_list"
        and _element(column.type) not in ("datetime", "timespan")  # JSON would write them as DuckDB does
    ]
    text = f" | extend {', '.join(f'{name} = pack_array({name})[0]' for name in names)}"
    if names and not draft.text.startswith(text, node.end):
        yield Edit(node.end, node.end, text)


def _inside(items: tuple[tree.Expr, ...]) -> Iterator[tree.Node]:
    for item in items:
        yield from tree.walk(item)


def _collected_if(function: str) -> Callable[[Draft, tree.Call, str | None], str | None]:
    def lowered(draft: Draft, call: tree.Call, kind: str | None) -> str | None:
        if len(call.args) < 2:
            return None
        value, condition = (draft.source(argument) for argument in call.args[:2])
        # make_set and make_list leave nulls out; a string has no null but the dynamic one.
        rest = "".join(f", {draft.source(argument)}" for argument in call.args[2:])
        return f"{function}(iff({condition}, pack_array({value})[0], dynamic(null)){rest})"

    return lowered


def _extreme_if(function: str) -> Callable[[Draft, tree.Call, str | None], str | None]:
    def lowered(draft: Draft, call: tree.Call, kind: str | None) -> str | None:
        if len(call.args) != 2 or kind not in {"long", "int", "real", "datetime", "timespan", "decimal"}:
            return None
        value, condition = (draft.source(argument) for argument in call.args)
        return f"{function}(iff({condition}, {value}, {kind}(null)))"

    return lowered


def _renamed_aggregate(function: str) -> Callable[[Draft, tree.Call, str | None], str | None]:
    def lowered(draft: Draft, call: tree.Call, kind: str | None) -> str | None:
        return f"{function}({', '.join(draft.source(argument) for argument in call.args)})"

    return lowered


_AGGREGATES: Mapping[str, Callable[[Draft, tree.Call, str | None], str | None]] = MappingProxyType(
    {
        "make_set_if": _collected_if("make_set"),
        "make_list_if": _collected_if("make_list"),
        "maxif": _extreme_if("max"),
        "minif": _extreme_if("min"),
        # duckdb-kql's dcount is exact.
        "count_distinct": _renamed_aggregate("dcount"),
        "count_distinctif": _renamed_aggregate("dcountif"),
    }
)


# ------------------------------------------------------------------------------------ membership


def _membership(draft: Draft, node: tree.Membership) -> Iterator[Edit]:
    """`x in (T)` where the first column of T holds arrays: their elements are what is meant."""
    if node.op in ("between", "!between") or len(node.items) != 1 or not isinstance(node.items[0], tree.Name):
        return
    name = node.items[0]
    if not isinstance(draft.lets.get(name.value), tree.Subquery):
        return
    bound = draft.analysis.lets.get(name.value)
    if not isinstance(bound, Tabular) or bound.scope.open or not bound.scope.columns:
        return
    first = next(iter(bound.scope.columns.values()))
    if first.type != "dynamic":
        return
    element = _element(first.type)
    element = element if element in _CONVERSIONS else "string"
    column = bracket_name(first.name)
    expanded = f"(({name.value} | mv-expand {column} to typeof({element}) | project {column}))"
    draft.notes.add("in of a column of arrays")
    before = draft.text.rfind("(", node.left.end, name.start)
    after = draft.text.find(")", name.end, node.end)
    if before >= 0 and after >= 0:
        yield Edit(before, after + 1, expanded)


# ------------------------------------------------------------------------------------ scalar functions


def _extractjson(draft: Draft, call: tree.Call) -> str | None:
    path = draft.literal(call.args[0]) if len(call.args) in (2, 3) else None
    if path is None or path.type != "string":
        return None
    steps = _JSON_PATH.match(string_value(draft.source(path)))
    if steps is None:
        return None
    to = _CONVERSIONS.get(_type_named(call.args[2]) or "") if len(call.args) == 3 else "tostring"
    return f"{to}(parse_json({draft.source(call.args[1])}){steps.group(1)})" if to else None


def _extract(draft: Draft, call: tree.Call) -> str | None:
    """`extract(regex, n, text, typeof(long))` is `tolong(extract(regex, n, text))`."""
    to = _CONVERSIONS.get(_type_named(call.args[3]) or "") if len(call.args) == 4 else None
    return f"{to}({call.name.value}({', '.join(map(draft.source, call.args[:3]))}))" if to else None


def _split(draft: Draft, call: tree.Call) -> str | None:
    """With an index, split gives an array of that part alone."""
    if len(call.args) != 3:
        return None
    text, delimiter, index = map(draft.source, call.args)
    return f"pack_array(tostring(split({text}, {delimiter})[{index}]))"


def _indexof(draft: Draft, call: tree.Call) -> str | None:
    """A start of 0 is no start."""
    start = draft.literal(call.args[2]) if len(call.args) == 3 else None
    if start is None or draft.source(start) != "0":
        return None
    return f"indexof({draft.source(call.args[0])}, {draft.source(call.args[1])})"


def _column_ifexists(draft: Draft, call: tree.Call) -> str | None:
    """The column where the operator's input has it, else the default."""
    name = draft.literal(call.args[0]) if len(call.args) == 2 else None
    if name is None or name.type != "string":
        return None
    wanted = string_value(draft.source(name))
    for pipeline in draft.analysis.pipelines:
        for operator in pipeline.node.operators:
            points = draft.points.get(id(operator))
            if points is None or not operator.start <= call.start < operator.end:
                continue
            if not any(inner is call for inner in _outside_pipelines(operator)):
                continue
            scope = points[0].scope
            if wanted in scope.columns:
                return bracket_name(wanted)
            return None if scope.open else f"({draft.source(call.args[1])})"
    return None


def _outside_pipelines(node: tree.Node) -> Iterator[tree.Node]:
    """Yield an operator's nodes but those of pipelines in it, which have rows of their own."""
    stack: list[tree.Node] = [node]
    while stack:
        current = stack.pop()
        yield current
        if not isinstance(current, tree.Pipeline):
            stack.extend(tree.children(current))


def _ingestion_time(draft: Draft, call: tree.Call) -> str | None:
    """Files do not say when a row came in: the event time stands for it."""
    words = {node.value for node in draft.nodes if isinstance(node, tree.Name)}
    columns = {column for table, column in draft.time_columns.items() if table in words}
    return bracket_name(columns.pop()) if len(columns) == 1 else None


def _unix_time(unit: str) -> Lowering:
    def lowered(draft: Draft, call: tree.Call) -> str | None:
        if len(call.args) != 1:
            return None
        return f"(datetime(1970-01-01) + todouble({draft.source(call.args[0])}) * {unit})"

    return lowered


def _type_named(node: tree.Expr) -> str | None:
    return node.type if isinstance(node, tree.TypeLiteral) else None


def _ipv4_in_range(draft: Draft, call: tree.Call) -> str | None:
    if len(call.args) < 2:
        return None
    ranges = _texts(draft, call.args[1:])
    return None if ranges is None else addresses.within_v4(draft.source(call.args[0]), ranges)


def _ipv4_match(draft: Draft, call: tree.Call) -> str | None:
    ranges = _matched(draft, call)
    return None if ranges is None else addresses.within_v4(draft.source(call.args[0]), ranges)


def _ipv6_in_range(draft: Draft, call: tree.Call) -> str | None:
    if len(call.args) < 2:
        return None
    ranges = _texts(draft, call.args[1:])
    return None if ranges is None else addresses.within_v6(draft.source(call.args[0]), ranges)


def _ipv6_match(draft: Draft, call: tree.Call) -> str | None:
    ranges = _matched(draft, call)
    return None if ranges is None else addresses.within_v6(draft.source(call.args[0]), ranges)


def _ipv4_private(draft: Draft, call: tree.Call) -> str | None:
    return addresses.within_v4(draft.source(call.args[0]), addresses.PRIVATE) if len(call.args) == 1 else None


def _matched(draft: Draft, call: tree.Call) -> list[str] | None:
    """Return the range of `ipv4_is_match(ip, other [, prefix])`."""
    ranges = _texts(draft, call.args[1:2])
    if ranges is None or len(ranges) != 1 or len(call.args) not in (2, 3):
        return None
    if len(call.args) == 3:
        prefix = draft.literal(call.args[2])
        if prefix is None or "/" in ranges[0]:
            return None
        return [f"{ranges[0]}/{draft.source(prefix)}"]
    return ranges


def _has_ipv4(ending: str) -> Lowering:
    def lowered(draft: Draft, call: tree.Call) -> str | None:
        wanted = _texts(draft, call.args[1:])
        if not wanted or not all(re.fullmatch(r"[\d.]+", text) for text in wanted):
            return None
        choices = "|".join(re.escape(text) for text in wanted)
        pattern = f"(^|[^0-9A-Za-z])({choices}){ending}"
        return f"({draft.source(call.args[0])} matches regex {string_literal(pattern)})"

    return lowered


def _texts(draft: Draft, arguments: tuple[tree.Expr, ...]) -> list[str] | None:
    """Return string arguments, given one by one or as one dynamic array of literals."""
    found: list[str] = []
    for argument in arguments:
        literal = draft.literal(argument)
        if literal is None:
            return None
        if literal.type == "string":
            found.append(string_value(draft.source(literal)))
        elif literal.type == "dynamic":
            inner = re.fullmatch(r"dynamic\s*\(\s*\[(.*)\]\s*\)", draft.source(literal), re.S)
            items = re.findall(r"""'([^'\\]*)'|"([^"\\]*)"\s*""", inner.group(1)) if inner else []
            rest = re.sub(r"""'[^'\\]*'|"[^"\\]*"|[\s,]""", "", inner.group(1)) if inner else "?"
            if rest or not items:
                return None
            found += [single or double for single, double in items]
        else:
            return None
    return found


_RULES: Mapping[str, Lowering] = MappingProxyType(
    {
        "column_ifexists": _column_ifexists,
        "columnifexists": _column_ifexists,
        "extract": _extract,
        "extract_json": _extractjson,
        "extractjson": _extractjson,
        "has_any_ipv4": _has_ipv4(r"($|[^0-9A-Za-z])"),
        "has_any_ipv4_prefix": _has_ipv4(""),
        "has_ipv4": _has_ipv4(r"($|[^0-9A-Za-z])"),
        "has_ipv4_prefix": _has_ipv4(""),
        "indexof": _indexof,
        "ingestion_time": _ingestion_time,
        "ipv4_is_in_any_range": _ipv4_in_range,
        "ipv4_is_in_range": _ipv4_in_range,
        "ipv4_is_match": _ipv4_match,
        "ipv4_is_private": _ipv4_private,
        "ipv6_is_in_any_range": _ipv6_in_range,
        "ipv6_is_in_range": _ipv6_in_range,
        "ipv6_is_match": _ipv6_match,
        "split": _split,
        "unixtime_milliseconds_todatetime": _unix_time("1ms"),
        "unixtime_seconds_todatetime": _unix_time("1s"),
    }
)
