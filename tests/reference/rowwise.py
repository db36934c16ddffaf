"""Operators that work on one row at a time, or on its columns. Pages: `<operator>-operator`."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

from fpctl.kql import tree
from reference.conversions import cast_only, convert
from reference.expressions import Expressions
from reference.interpreter import Interpreter, operator, unique
from reference.literals import strings
from reference.operators_scalar import has_term, truth
from reference.regexes import compiled
from reference.scope import Place, Row, Scope, Several, Table
from reference.values import (
    ReferenceFault,
    Value,
    dynamic,
    long,
    null_of,
    rank,
    string,
    text_of,
)


@operator(tree.Where)
def where(self: Interpreter, table: Table, node: tree.Where, scope: Scope) -> Table:
    """Null is as false (where-operator)."""
    kept = [row for place, row in zip(self.places(table, scope), table.rows, strict=True)
            if truth(self.value(node.predicate, place)) is True]  # fmt: skip
    self.value(node.predicate, self.blank_place(table, scope))
    return Table(table.columns, kept, table.name)


Columns = list[tuple[str, Value]]


def item_columns(self: Expressions, item: tree.Expr, place: Place) -> list[tuple[str | None, Value]]:
    """Return the columns that one item of project, extend or print gives; None where it has no name of its own."""
    found = self.evaluate(item, place)
    names: list[str | None]
    if isinstance(found, Several):
        values = list(found.columns)
        names = [name.value for name in item.names] if isinstance(item, tree.Named) else []
        out: list[tuple[str | None, Value]] = []
        for at, (label, value) in enumerate(values):
            out.append((names[at] if at < len(names) else label, value))
        return out[: len(names)] if isinstance(item, tree.Named) and len(names) > 1 else out
    if not isinstance(found, Value):
        raise ReferenceFault("no value")
    if isinstance(item, tree.Named):
        if len(item.names) > 1:
            raise ReferenceFault("one value for several names")
        return [(item.names[0].value, found)]
    return [(self.label(item), found)]


def projected(self: Interpreter, items: tuple[tree.Expr, ...], place: Place, base: Row, extending: bool) -> Row:
    row = dict(base)
    taken: dict[str, Any] = dict(base) if extending else {}
    new: set[str] = set()
    for item in items:
        if isinstance(item, tree.Star):
            assert place.row is not None
            for name, value in place.row.items():
                row[name] = value
            continue
        for label, value in item_columns(self, item, place):
            name = label
            if name is None:
                number = 1
                while f"Column{number}" in row or f"Column{number}" in (place.row or {} if extending else {}):
                    number += 1
                name = f"Column{number}"
            elif not extending or name in new:
                name = unique(name, row) if name in row and (not extending or name in new) else name
            row[name] = value
            new.add(name)
            taken[name] = value
    return row


@operator(tree.Extend)
def extend(self: Interpreter, table: Table, node: tree.Extend, scope: Scope) -> Table:
    return _computed(self, table, node.items, scope, extending=True)


@operator(tree.Project)
def project(self: Interpreter, table: Table, node: tree.Project, scope: Scope) -> Table:
    return _computed(self, table, node.items, scope, extending=False)


@operator(tree.Serialize)
def serialize(self: Interpreter, table: Table, node: tree.Serialize, scope: Scope) -> Table:
    return _computed(self, table, node.items, scope, extending=True)


def _computed(self: Interpreter, table: Table, items: Any, scope: Scope, extending: bool) -> Table:
    place = self.blank_place(table, scope)
    blank = projected(self, items, place, table.blank() if extending else {}, extending)
    columns = {name: value.type for name, value in blank.items()}
    rows = []
    for at in self.places(table, scope):
        assert at.row is not None
        rows.append(projected(self, items, at, at.row if extending else {}, extending))
    for row in rows:
        for name, value in row.items():
            if value.type != columns[name]:
                raise ReferenceFault(f"{name} is {columns[name]} and {value.type}")
    return Table(columns, rows, table.name)


# --------------------------------------------------------------------------- columns


def matching(self: Interpreter, table: Table, item: tree.Expr) -> list[str]:
    if isinstance(item, tree.Wildcard):
        return [name for name in table.columns if fnmatch.fnmatchcase(name, item.pattern)]
    if isinstance(item, tree.Star):
        return list(table.columns)
    name = self.label(item)
    return [name] if name in table.columns and name is not None else []


def only(table: Table, names: list[str]) -> Table:
    columns = {name: table.columns[name] for name in names}
    return Table(columns, [{name: row[name] for name in names} for row in table.rows], table.name)


@operator(tree.ProjectAway)
def project_away(self: Interpreter, table: Table, node: tree.ProjectAway, scope: Scope) -> Table:
    named = {name for item in node.items for name in matching(self, table, item)}
    keep = node.keyword == "project-keep"
    return only(table, [name for name in table.columns if (name in named) == keep])


@operator(tree.ProjectRename)
def project_rename(self: Interpreter, table: Table, node: tree.ProjectRename, scope: Scope) -> Table:
    new = {}
    for item in node.items:
        assert isinstance(item, tree.Named)
        new[self.label(item.value)] = item.names[0].value
    columns = {new.get(name, name): kind for name, kind in table.columns.items()}
    return Table(columns, [{new.get(k, k): v for k, v in row.items()} for row in table.rows], table.name)


@operator(tree.ProjectReorder)
def project_reorder(self: Interpreter, table: Table, node: tree.ProjectReorder, scope: Scope) -> Table:
    order: list[str] = []
    for item in node.items:
        found = [name for name in matching(self, table, item.value) if name not in order]
        if item.order and item.order.startswith("granny"):
            found.sort(key=_granny, reverse=item.order.endswith("desc"))
        elif item.order:
            found.sort(reverse=item.order == "desc")
        order += found
    return only(table, order + [name for name in table.columns if name not in order])


def _granny(name: str) -> list[tuple[int, int, str]]:
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in re.split(r"(\d+)", name)]


@operator(tree.ProjectByNames)
def project_by_names(self: Interpreter, table: Table, node: tree.ProjectByNames, scope: Scope) -> Table:
    names: list[str] = []
    for item in node.items:
        if isinstance(item, tree.Wildcard | tree.Name):
            found = matching(self, table, item)
        else:
            value = self.value(item, Place(scope))
            given = value.raw if isinstance(value.raw, list) else [value.raw]
            found = [n for g in given for n in table.columns if fnmatch.fnmatchcase(n, g)]
        names += [name for name in found if name not in names]
    return only(table, names)


@operator(tree.Plain)
def plain_operator(self: Interpreter, table: Table, node: tree.Plain, scope: Scope) -> Table:
    if node.keyword != "getschema":
        raise ReferenceFault(node.keyword)
    names = {"real": "Double", "bool": "SByte", "int": "Int32", "long": "Int64", "timespan": "TimeSpan",
             "datetime": "DateTime", "guid": "Guid", "decimal": "Data.SqlTypes.SqlDecimal", "dynamic": "Object",
             "string": "String"}  # fmt: skip
    columns = {"ColumnName": "string", "ColumnOrdinal": "int", "DataType": "string", "ColumnType": "string"}
    rows = [
        {"ColumnName": string(name), "ColumnOrdinal": Value("int", at), "DataType": string(f"System.{names[kind]}"),
         "ColumnType": string(kind)}
        for at, (name, kind) in enumerate(table.columns.items())
    ]  # fmt: skip
    return Table(columns, rows)


@operator(tree.As)
def as_(self: Interpreter, table: Table, node: tree.As, scope: Scope) -> Table:
    named = Table(table.columns, table.rows, node.name.value)
    scope.names[node.name.value] = named
    return named


@operator(tree.Render)
def render(self: Interpreter, table: Table, node: tree.Render, scope: Scope) -> Table:
    return table


@operator(tree.Invoke)
def invoke(self: Interpreter, table: Table, node: tree.Invoke, scope: Scope) -> Table:
    call = node.call
    assert isinstance(call, tree.Call)
    routine = scope.find(call.name.value)
    inner = Scope(scope, {"$piped": table})
    piped = tree.Name(call.start, call.start, "$piped")
    found = self.call_routine(routine, (piped, *call.args), Place(inner))
    if not isinstance(found, Table):
        raise ReferenceFault("invoke")
    return found


# --------------------------------------------------------------------------- order and number


def sort_key(item: tree.Ordered, value: Value) -> tuple[Any, ...]:
    """Nulls come first ascending and last descending; NaN stands next to them (sort-operator)."""
    descending = item.order != "asc"
    nulls_last = item.nulls == "last" if item.nulls else descending
    nothing = value.raw is None
    nan = value.type == "real" and value.raw is not None and value.raw != value.raw
    if nothing or nan:
        return (1 if nulls_last else -1, (1 if nothing else 0) * (1 if nulls_last else -1), ())
    return (0, 0, _Turned(rank(value)) if descending else rank(value))


class _Turned:
    """A key that sorts the other way."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Turned) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Turned) and self.key == other.key


def ordered(self: Interpreter, table: Table, items: tuple[tree.Ordered, ...], scope: Scope) -> Table:
    for item in items:
        self.value(item.value, self.blank_place(table, scope))
    keyed = [
        (tuple(sort_key(item, self.value(item.value, place)) for item in items), at)
        for at, place in enumerate(self.places(table, scope))
    ]
    keyed.sort()
    return Table(table.columns, [table.rows[at] for _, at in keyed], table.name)


@operator(tree.Sort)
def sort(self: Interpreter, table: Table, node: tree.Sort, scope: Scope) -> Table:
    return ordered(self, table, node.items, scope)


def number_of(self: Interpreter, node: tree.Expr, scope: Scope) -> int:
    raw = convert(self.value(node, Place(scope)), "long").raw
    if raw is None or raw < 0:
        raise ReferenceFault("a count of rows")
    return int(raw)


@operator(tree.Take)
def take(self: Interpreter, table: Table, node: tree.Take, scope: Scope) -> Table:
    return Table(table.columns, table.rows[: number_of(self, node.count, scope)], table.name)


@operator(tree.Top)
def top(self: Interpreter, table: Table, node: tree.Top, scope: Scope) -> Table:
    found = ordered(self, table, (node.by,), scope)
    return Table(found.columns, found.rows[: number_of(self, node.count, scope)], table.name)


# --------------------------------------------------------------------------- expansion


def elements(value: Value, kind_array: bool) -> list[Value]:
    """An empty array or bag gives no row, null one (mv-expand-operator)."""
    raw = value.raw
    if isinstance(raw, list):
        return [dynamic(item) for item in raw]
    if isinstance(raw, dict):
        return [dynamic([k, v]) if kind_array else dynamic({k: v}) for k, v in raw.items()]
    return [dynamic(raw)]


def expanded(self: Interpreter, node: tree.MvExpand | tree.MvApply, table: Table, place: Place) -> list[Row]:
    as_arrays = "array" in (self.parameter(node, "kind"), self.parameter(node, "bagexpansion"))
    names = [expand_name(self, item, at) for at, item in enumerate(node.items)]
    values = []
    for item in node.items:
        found = self.value(item.value, place)
        if found.type == "string":
            found = convert(found, "dynamic")
        values.append(elements(found, as_arrays))
    longest = max(len(items) for items in values)
    if isinstance(node, tree.MvExpand) and node.limit is not None:
        longest = min(longest, number_of(self, node.limit, place.scope))
    elif node.keyword == "mvexpand":
        longest = min(longest, 128)
    index = self.parameter(node, "with_itemindex")
    out = []
    for at in range(longest):
        row = dict(place.row or {})
        for name, item, items in zip(names, node.items, values, strict=True):
            value = items[at] if at < len(items) else dynamic(None)
            row[name] = cast_only(value, item.to_type) if item.to_type else value
        if index:
            row[index] = long(at)
        out.append(row)
    return out


def expand_name(self: Interpreter, item: tree.ExpandItem, at: int) -> str:
    return self.label(item.value) or f"Column{at + 1}"


def expanded_columns(self: Interpreter, node: Any, table: Table) -> dict[str, str]:
    columns = dict(table.columns)
    for at, item in enumerate(node.items):
        columns[expand_name(self, item, at)] = item.to_type or "dynamic"
    if index := self.parameter(node, "with_itemindex"):
        columns[index] = "long"
    return columns


@operator(tree.MvExpand)
def mv_expand(self: Interpreter, table: Table, node: tree.MvExpand, scope: Scope) -> Table:
    rows = [row for place in self.places(table, scope) for row in expanded(self, node, table, place)]
    return Table(expanded_columns(self, node, table), rows, table.name)


@operator(tree.MvApply)
def mv_apply(self: Interpreter, table: Table, node: tree.MvApply, scope: Scope) -> Table:
    """Each row's elements are a table of their own; what the body keeps stands beside the row (mv-apply-operator)."""
    columns = expanded_columns(self, node, table)
    empty = self.pipeline(node.body, Table(columns, []), scope)
    expanded_names = {expand_name(self, item, at) for at, item in enumerate(node.items)}
    outer = {n: k for n, k in table.columns.items() if n not in expanded_names and n not in empty.columns}
    out = Table({**outer, **empty.columns})
    for place in self.places(table, scope):
        body = self.pipeline(node.body, Table(columns, expanded(self, node, table, place)), scope)
        for row in body.rows:
            out.rows.append({**{name: (place.row or {})[name] for name in outer}, **row})
    return out


# --------------------------------------------------------------------------- parsing


@operator(tree.Parse)
def parse(self: Interpreter, table: Table, node: tree.Parse, scope: Scope) -> Table:
    kind = self.parameter(node, "kind", "simple") or "simple"
    flags = self.parameter(node, "flags") or ""
    captures = [part for part in node.pattern if isinstance(part, tree.Capture)]
    columns = dict(table.columns)
    for capture in captures:
        columns[capture.name] = capture.type or "string"
    match_all = _parse_pattern(self, node, kind, flags)
    out = Table(columns, name=table.name)
    for place in self.places(table, scope):
        text = text_of(self.value(node.value, place))
        found = match_all.search(text)
        row = dict(place.row or {})
        complete = found is not None
        for at, capture in enumerate(captures):
            target = columns[capture.name]
            word = found.group(f"c{at}") if found is not None else None
            value = null_of(target) if word is None else convert(string(word), target)
            if word is not None and value.raw is None and kind != "relaxed":
                complete = False
            row[capture.name] = value
        if not complete:
            # Strict: one part that does not fit leaves every new column without a value.
            for capture in captures:
                row[capture.name] = null_of(columns[capture.name])
        if complete or node.keyword != "parse-where":
            out.rows.append(row)
    return out


_WHOLE = r"\s*[-+]?\d+"
_GUID = r"\s*\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?"
_REAL_BEFORE_STAR = r"\s*[-+]?(?:\d+\.?\d*|\.\d+)"
_BEFORE_STAR = {
    "long": _WHOLE, "int": _WHOLE, "real": _REAL_BEFORE_STAR, "decimal": _REAL_BEFORE_STAR, "guid": _GUID,
    "bool": r"\s*(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[-+]?\d+)",
}  # fmt: skip
_IN_REGEX = {
    "long": _WHOLE, "int": _WHOLE, "real": r"\s*[-+]?\d+(?:\.\d+)?", "decimal": r"\s*[-+]?\d+(?:\.\d+)?",
    "bool": r"\s*(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])", "guid": _GUID,
    "datetime": r"\s*(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{1,4})"
    r"(?:[Tt ]\s*\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?)?(?:[Zz]|[-+]\d{1,2}(?::\d{1,2})?)?",
    "timespan": r"\s*-?(?:\d+\.\d{1,2}:\d{1,2}:\d{1,2}|\d{1,2}:\d{1,2}(?::\d{1,2})?)(?:\.\d*)?",
}  # fmt: skip
"""What text a typed part takes: seen on the emulator (duckdb-kql's notes); the page has an example alone."""


def _parse_pattern(self: Interpreter, node: tree.Parse, kind: str, flags: str) -> re.Pattern[str]:
    """Parts take as little as they can, of a pattern all they can; a plain pattern reaches to the end of the text."""
    out, number = [], 0
    parts = list(node.pattern)
    for at, part in enumerate(parts):
        after = parts[at + 1] if at + 1 < len(parts) else None
        if isinstance(part, tree.Literal):
            words = strings(self.text[part.start : part.end])
            out.append(re.sub(r"(?<!\\)\((?!\?)", "(?:", words) if kind == "regex" else re.escape(words))
        elif isinstance(part, tree.Star):
            out.append(".*?")
        else:
            out.append(f"(?P<c{number}>{_part(part.type or 'string', kind, after, at == len(parts) - 2)})")
            number += 1
    if kind == "regex":
        marks = "".join(mark for mark in flags if mark in "imsU")
        return compiled((f"(?{marks})" if marks else "") + "".join(out))
    return compiled("(?s)^" + "".join(out) + "$")


def _part(target: str, kind: str, after: Any, before_last: bool) -> str:
    if kind == "regex":
        return _IN_REGEX.get(target, ".*")
    if isinstance(after, tree.Star) and target in _BEFORE_STAR:
        # Before a last star it may be missing.
        return f"(?:{_BEFORE_STAR[target]})?" if before_last else _BEFORE_STAR[target]
    return ".*?"


@operator(tree.ParseKv)
def parse_kv(self: Interpreter, table: Table, node: tree.ParseKv, scope: Scope) -> Table:
    options: dict[str, list[str]] = {}
    greedy = False
    for option in node.options:
        value = self.value(option.value, Place(Scope()))
        if option.name == "greedy":
            greedy = truth(value) is True
        else:
            options.setdefault(option.name, []).append(text_of(value))
    columns = {**table.columns, **{c.name: c.type or "string" for c in node.columns}}
    out = Table(columns, name=table.name)
    wanted = [column.name for column in node.columns]
    for place in self.places(table, scope):
        pairs = _pairs(text_of(self.value(node.value, place)), options, greedy, wanted)
        row = dict(place.row or {})
        for name in wanted:
            row[name] = convert(string(pairs[name]), columns[name]) if name in pairs else null_of(columns[name])
        out.rows.append(row)
    return out


def _pairs(text: str, options: dict[str, list[str]], greedy: bool, wanted: list[str]) -> dict[str, str]:
    if "regex" in options:
        found: dict[str, str] = {}
        for match in compiled(options["regex"][0]).finditer(text):
            found.setdefault(match[1], match[2])
        return found
    quotes = [(q[0], q[-1]) for q in options.get("quote", [])]
    escapes = "".join(options.get("escape", []))
    pair, kv = options.get("pair_delimiter", [""])[0], options.get("kv_delimiter", [""])[0]
    if greedy:
        marks = [
            m for m in re.finditer(rf"(?:(?<={re.escape(pair)})|^)\s*([\w.]+){re.escape(kv)}", text) if m[1] in wanted
        ]
        out = {}
        for at, mark in enumerate(marks):
            end = marks[at + 1].start() if at + 1 < len(marks) else len(text)
            out.setdefault(mark[1], text[mark.end() : end].removesuffix(pair).strip())
        return out
    return _Pairs(text, pair, kv, quotes, escapes).all()


class _Pairs:
    """Keys and values from left to right."""

    def __init__(self, text: str, pair: str, kv: str, quotes: list[tuple[str, str]], escapes: str) -> None:
        self.text, self.pair, self.kv, self.quotes, self.escapes, self.at = text, pair, kv, quotes, escapes, 0

    def all(self) -> dict[str, str]:
        out: dict[str, str] = {}
        free = not self.kv
        while self.at < len(self.text):
            key = self.part(self.kv, free, is_key=True)
            if key is None:
                continue
            value = self.part(self.pair, free, is_key=False)
            if value is not None:
                out.setdefault(key, value)
        return out

    def part(self, delimiter: str, free: bool, is_key: bool) -> str | None:
        text = self.text
        while self.at < len(text) and (
            text[self.at].isspace() or (free and not text[self.at].isalnum() and not self._opens())
        ):
            self.at += 1
        if self.at >= len(text):
            return None
        for opening, closing in self.quotes:
            if text[self.at] == opening:
                return self._quoted(closing, delimiter)
        start = self.at
        if free:
            while self.at < len(text) and (text[self.at].isalnum() or text[self.at] == "_"):
                self.at += 1
            return text[start : self.at]
        while self.at < len(text):
            if text.startswith(delimiter, self.at):
                word = text[start : self.at]
                self.at += len(delimiter)
                return word.strip()
            if is_key and self.pair and text.startswith(self.pair, self.at):
                self.at += len(self.pair)  # no value: not a key
                return None
            self.at += 1
        return text[start:].strip() if not is_key else None

    def _opens(self) -> bool:
        return any(self.text[self.at] == opening for opening, _ in self.quotes)

    def _quoted(self, closing: str, delimiter: str) -> str:
        self.at += 1
        out = []
        while self.at < len(self.text) and self.text[self.at] != closing:
            if self.text[self.at] in self.escapes and self.at + 1 < len(self.text):
                self.at += 1
            out.append(self.text[self.at])
            self.at += 1
        self.at += 1
        if delimiter and self.text.startswith(delimiter, self.at):
            self.at += len(delimiter)
        return "".join(out)


# --------------------------------------------------------------------------- search


@operator(tree.Search)
def search(self: Interpreter, table: Table, node: tree.Search, scope: Scope) -> Table:
    """Every row with a term in any column; over several tables with `$table` (search-operator)."""
    case = self.parameter(node, "kind") == "case_sensitive"
    if table.columns:
        sources = [("", table)]
    elif node.tables:
        sources = [leg for part in node.tables for leg in self.legs(part, scope)]
    else:
        sources = list(self.tables.items())
    from reference.joining import united

    kept = []
    for name, source in sources:
        rows = [r for r in source.rows if _found(self, node.predicate, Place(scope, r), case)]
        kept.append((name, Table(source.columns, rows)))
    if table.columns:
        return united([kept[0]], None, "outer")
    return united(kept, "$table", "outer")


def _found(self: Interpreter, node: tree.Expr, place: Place, case: bool) -> bool:
    if isinstance(node, tree.Group):
        return _found(self, node.inner, place, case)
    if isinstance(node, tree.Binary) and node.ops[0] in ("and", "or"):
        tests = [_found(self, operand, place, case) for operand in node.operands]
        return all(tests) if node.ops[0] == "and" else any(tests)
    if isinstance(node, tree.Call) and node.name.value == "not":
        return not _found(self, node.args[0], place, case)
    if isinstance(node, tree.Literal):
        word = text_of(self.value(node, place))
        return any(_has(text_of(value), word, case) for value in (place.row or {}).values())
    try:
        return truth(self.value(node, place)) is True
    except ReferenceFault:
        return False


def _has(text: str, word: str, case: bool) -> bool:
    from reference.operators_scalar import folded

    if "*" in word:
        pattern = re.escape(word if case else folded(word)).replace(r"\*", ".*")
        return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", text if case else folded(text)) is not None
    return has_term(text if case else folded(text), word if case else folded(word))
