"""What lists are asked about, said in DuckDB's SQL by hand: `strcat(tolower(DeviceName), "|", ...) in~ (list)`.

duckdb-kql does not know that a column is a string, and writes for every call what any type would need: for
two columns in one `strcat` 20,000 characters, which take DuckDB longer to plan than to run. So a literal
stands in the KQL for each such key, and the key takes its place in the SQL. Some keys are also said
in other words, which give the same text and take less time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from fpctl.engine.local.transpile import key_pairs
from fpctl.engine.local.transpile.draft import Draft, Edit, LoweredQuery, apply_edits
from fpctl.engine.local.transpile.key_pairs import Part, may_pair
from fpctl.engine.local.transpile.repeats import SHARED, is_look_up, runs
from fpctl.engine.local.transpile.value_lists import COLUMN, is_text_column, look_up
from fpctl.engine.local.types import quote_name, quote_text
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment
from fpctl.kql.binder.scope import Scope
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse

_MARK = "fpctl:key:"
_LABEL = "^[^.]+"
_LAST_LABELS = re.compile(r"\(\(\?:\[\^\.\]\+\[\.\]\)\{(\d)\}\[\^\.\]\+\)\[\.\]\?\$")
_SCHEME = "^[a-z][a-z0-9+.-]*://"
_ASCII_HOST = "^([a-z0-9_-]+(?:[.][a-z0-9_-]*)*)"
"""Begins the patterns whose first group is a host of ASCII letters."""


_TOLD = "coalesce(({} = ''), FALSE)"
"""What duckdb-kql makes of `literal == ""`."""


class _Text(NamedTuple):
    """The SQL of a string, never null; whether it is surely in lower case, of ASCII characters, a part of another."""

    sql: str
    lower: bool = False
    ascii: bool = False
    part: Part | None = None

    def lowered(self) -> str:
        return self.sql if self.lower else f"lower({self.sql})"


class Joined(NamedTuple):
    """A join to put before the WHERE in which two texts stand."""

    sql: str
    first: str
    second: str


class Keyed(NamedTuple):
    """A query with literals in place of its keys.

    Attributes:
        lowered: the query.
        keys: SQL as duckdb-kql makes it of a literal -> the SQL to have there.
        joins: what the keys of pairs need.
    """

    lowered: LoweredQuery
    keys: Mapping[str, str] = MappingProxyType({})
    joins: tuple[Joined, ...] = ()


def with_sql_keys(lowered: LoweredQuery, environment: Environment) -> Keyed:
    """Return a lowered query with literals for the keys that its lists are asked about.

    Args:
        lowered: a query, otherwise ready to be translated.
        environment: its tables, in the spelling of the lowered query.
    """
    if not lowered.value_tables or _MARK in lowered.text:
        return Keyed(lowered)
    keys = _Keys(Draft(parse(lowered.text), environment, {}, {}), lowered.value_tables)
    changed, kept = apply_edits(lowered.text, keys.edits())
    if not kept:
        return Keyed(lowered)
    used = {told: sql for mark, told, sql in keys.found if f'"{mark}"' in changed}
    return Keyed(replace(lowered, text=changed, rounds=(*lowered.rounds, kept)), used, tuple(keys.joins))


def with_keys_put_in(sql: str, keyed: Keyed) -> str | None:
    """Return SQL with the keys in their places, None where one of these is not as it should be."""
    for join in keyed.joins:
        joined = key_pairs.with_join(sql, *join)
        if joined is None:
            return None
        sql = joined
    for told, key in keyed.keys.items():
        if told not in sql:
            return None
        sql = sql.replace(told, key)
    return None if _MARK in sql else sql


class _Keys:
    def __init__(self, draft: Draft, value_tables: Mapping[str, tuple[str, ...]]) -> None:
        self.found: list[tuple[str, str, str]] = []
        self.joins: list[Joined] = []
        self._draft = draft
        self._value_tables = value_tables
        self._marks: dict[tuple[str, str], str] = {}
        self._shared: dict[str, _Text] = {}

    def edits(self) -> Iterator[Edit]:
        """Yield the literals for the keys."""
        draft = self._draft
        if any(isinstance(value, tree.Function) for value in draft.lets.values()):
            return  # a parameter may have a column's name
        for node in draft.nodes:
            if isinstance(node, tree.Named) and len(node.names) == 1 and node.names[0].value.startswith(SHARED):
                text = self._text(node.value)
                if text is not None:
                    self._shared[node.names[0].value] = text._replace(sql=quote_name(node.names[0].value))
                    yield self._edit(node.value, "{}", text.sql)
        look_ups = [node for node in draft.nodes if is_look_up(node) and self._table(node)]
        keys = [(node, key) for node in look_ups if (key := self._text(node.left)) is not None]
        asked = {draft.source(node.left) for node in look_ups}
        made = {id(inner) for node, _ in keys for inner in tree.walk(node)}
        paired: set[int] = set()
        for pipeline in draft.nodes:
            if isinstance(pipeline, tree.Pipeline) and pipeline.source is not None:
                for _, run in runs(pipeline, pipeline.source):
                    wheres = [operator for operator in run if isinstance(operator, tree.Where)]
                    yield from self._pair(wheres, keys, paired)
        for node, key in keys:
            if id(node) not in paired:
                yield self._look_up(node, key)
        for node in draft.nodes:
            if id(node) in made:
                continue
            if isinstance(node, tree.Call) and draft.source(node) in asked:
                text = self._text(node)
                if text is not None:
                    yield self._edit(node, "{}", text.sql)
            elif isinstance(node, tree.Binary) and node.ops == ("!contains",):
                yield from self._lacks(node)

    def _pair(
        self, wheres: Sequence[tree.Where], keys: Sequence[tuple[tree.Membership, _Text]], paired: set[int]
    ) -> Iterator[Edit]:
        """Yield the edits that make one look-up of two in `where`s that stand in a row, and these one `where`."""
        inside = {id(node): at for at, where in enumerate(wheres) for node in tree.walk(where) if is_look_up(node)}
        here = [(inside[id(node)], node, key) for node, key in keys if id(node) in inside and node.op == "in~"]
        if self.joins:
            return  # one join in a query: its columns have fixed names
        for short_at, short, part_key in here:
            for long_at, long, key in here:
                part = part_key.part
                if part is None or not _is_whole(part, key) or not self._worth(part, short, long):
                    continue
                first, last = sorted((short_at, long_at))
                merged = self._merged(wheres[first : last + 1])
                if merged is None:
                    continue
                paired.update((id(short), id(long)))
                yield from merged
                edits = [
                    self._edit(short, _TOLD, key_pairs.SHORT_FOUND),
                    self._edit(long, _TOLD, key_pairs.long_found(key.lowered())),
                ]
                texts = [_TOLD.format(quote_text(edit.text.strip('"'))) for edit in edits]
                join = key_pairs.join(part, part_key.lowered(), self._table(short), self._table(long))
                self.joins.append(Joined(join, *texts))
                yield from (edit._replace(text=f'{edit.text} == ""') for edit in edits)
                return

    def _worth(self, part: Part, short: tree.Membership, long: tree.Membership) -> bool:
        tables = (self._table(short), self._table(long))
        once = all(self._draft.text.count(look_up(table)) == 1 for table in tables)
        return once and all(map(self._in_lower, tables)) and may_pair(part, *(self._value_tables[t] for t in tables))

    def _merged(self, wheres: Sequence[tree.Where]) -> list[Edit] | None:
        """Return the edits that make one `where` of several, None where what stands between them is in the way."""
        if len(wheres) == 1:
            return []
        text = self._draft.text
        edits: list[Edit] = []
        for at, where in enumerate(wheres):
            start = where.predicate.start
            opening = Edit(start, start, "(")
            if at:
                pipe = text.rfind("|", wheres[at - 1].end, where.start)
                if pipe < 0 or text[pipe + 1 : where.start].strip():
                    return None
                opening = Edit(pipe, start, "and (")
            edits += [opening, Edit(where.predicate.end, where.predicate.end, ")")]
        return edits

    def _look_up(self, node: tree.Membership, key: _Text) -> Edit:
        """Return the edit that puts `"literal" == ""` in place of a look-up in a value table."""
        table = self._table(node)
        value = quote_name(COLUMN) if self._in_lower(table) else f"lower({quote_name(COLUMN)})"
        sql = f"({key.lowered()} {'NOT ' if node.op == '!in~' else ''}IN (SELECT {value} FROM {quote_name(table)}))"
        edit = self._edit(node, _TOLD, sql)
        return edit._replace(text=f'{edit.text} == ""')

    def _table(self, node: tree.Membership) -> str:
        """Return the value table that a string is looked up in regardless of case, "" where it is anything else."""
        name = self._draft.source(node.items[0]).strip("( ").partition(" ")[0]
        known = node.op in ("in~", "!in~") and name in self._value_tables
        return name if known and self._draft.text[node.left.end : node.end].endswith(f" {look_up(name)}") else ""

    def _in_lower(self, table: str) -> bool:
        text = "".join(self._value_tables[table])
        return text.isascii() and text == text.lower()

    def _edit(self, node: tree.Expr, told: str, sql: str) -> Edit:
        """Return the edit that puts a literal in place of an expression; `told` is what becomes of it in SQL."""
        key = (told, self._draft.source(node))
        mark = self._marks.get(key)
        if mark is None:
            mark = self._marks[key] = f"{_MARK}{len(self._marks)}:"
            self.found.append((mark, told.format(quote_text(mark)), sql))
        return Edit(node.start, node.end, f'"{mark}"')

    def _lacks(self, node: tree.Binary) -> Iterator[Edit]:
        """Yield `"literal" == ""` for `host !contains ".."`, of which duckdb-kql makes a pattern match."""
        text = self._text(node.operands[0])
        if text is not None and text.ascii and self._string(node.operands[1]) == "..":
            edit = self._edit(node, "{}", f"CASE WHEN contains({text.sql}, '..') THEN '..' ELSE '' END")
            yield edit._replace(text=f'{edit.text} == ""')

    def _is_text(self, node: tree.Name) -> bool:
        """Return whether a name is a string column of a table where it stands, its values untouched."""
        scope = self._scopes.get(id(node))
        column = scope.columns.get(node.value) if scope is not None else None
        if column is None or column.type != "string" or not column.origins:
            return False
        tables = set(self._draft.environment.tables())
        return all(origin.table in tables for origin in column.origins) and is_text_column(self._draft, node)

    @cached_property
    def _scopes(self) -> Mapping[int, Scope]:
        """What is visible at each name, by `id` of its node; a name in a sub-query is of that one's rows."""
        found: dict[int, Scope] = {}
        for pipeline in self._draft.nodes:
            if not isinstance(pipeline, tree.Pipeline):
                continue
            for operator in pipeline.operators:
                points = self._draft.points.get(id(operator))
                pending: list[tree.Node] = [operator] if points is not None else []
                while pending:
                    node = pending.pop()
                    if isinstance(node, tree.Name) and points is not None:
                        found[id(node)] = points[0].scope
                    if not isinstance(node, tree.Subquery | tree.Pipeline):
                        pending.extend(tree.children(node))
        return found

    def _string(self, node: tree.Expr) -> str | None:
        if isinstance(node, tree.Literal) and node.type == "string":
            return string_value(self._draft.source(node))
        return None

    def _text(self, node: tree.Expr) -> _Text | None:
        """Return the SQL of a string expression, None where it has parts that are not known here."""
        if isinstance(node, tree.Group):
            return self._text(node.inner)
        if isinstance(node, tree.Name):
            if node.value in self._shared:
                return self._shared[node.value]
            return _Text(f"coalesce({quote_name(node.value)}, '')") if self._is_text(node) else None
        word = self._string(node)
        if word is not None:
            return _Text(quote_text(word), word.isascii() and word == word.lower(), word.isascii())
        if not isinstance(node, tree.Call) or node.name.value in self._draft.lets:
            return None
        name, args = node.name.value, node.args
        if name == "tolower" and len(args) == 1:
            text = self._text(args[0])
            return None if text is None else _Text(text.lowered(), True, text.ascii, text.part)
        if name == "strcat" and args:
            return _joined([self._text(one) for one in args])
        if name == "trim_end" and len(args) == 2 and self._string(args[0]) == "[.]":
            text = self._text(args[1])
            return None if text is None else text._replace(sql=f"regexp_replace({text.sql}, '[.]$', '')", part=None)
        if name == "extract" and len(args) == 3:
            return self._extract(args)
        if name == "replace_regex" and len(args) == 3:
            return self._replace(args)
        return None

    def _extract(self, args: tuple[tree.Expr, ...]) -> _Text | None:
        pattern, group, source = self._string(args[0]), self._draft.source(args[1]), self._text(args[2])
        if pattern is None or source is None or group not in ("0", "1"):
            return None
        sql = source.sql
        if pattern == _LABEL and group == "0":
            first = f"substring({sql}, 1, strpos({sql}, '.') - 1)"
            part = Part(source.lowered(), 0)
            return source._replace(sql=f"CASE WHEN contains({sql}, '.') THEN {first} ELSE {sql} END", part=part)
        last = _LAST_LABELS.fullmatch(pattern)
        if last and group == "1" and source.ascii:
            # Read from its end, a text is read once.
            labels = quote_text(f"^[.]?((?:[^.]+[.]){{{last[1]}}}[^.]+)")
            backwards = f"regexp_extract(reverse({sql}), {labels}, 1)"
            part = Part(source.lowered(), int(last[1]) + 1, backwards if source.lower else "")
            return source._replace(sql=f"reverse({backwards})", part=part)
        ascii = source.ascii or (group == "1" and pattern.startswith(_ASCII_HOST))
        return _Text(f"regexp_extract({sql}, {quote_text(pattern)}, {group})", source.lower, ascii)

    def _replace(self, args: tuple[tree.Expr, ...]) -> _Text | None:
        source, pattern, by = self._text(args[0]), self._string(args[1]), self._string(args[2])
        if source is None or pattern is None or by not in ("", "\\1\\2"):
            return None
        sql = source.sql
        replaced = f"regexp_replace({sql}, {quote_text(pattern)}, {quote_text(by)}, 'g')"
        if pattern == _SCHEME and by == "":
            usual = f"WHEN starts_with({sql}, 'https://') THEN substring({sql}, 9)"
            replaced = f"CASE {usual} WHEN contains({sql}, '://') THEN {replaced} ELSE {sql} END"
        return source._replace(sql=replaced, part=None)


def _is_whole(part: Part, key: _Text) -> bool:
    """Return whether a key is what another key is a part of, or a longer part of the same."""
    if key.lowered() == part.whole:
        return part.labels == 0
    return key.part is not None and key.part.whole == part.whole and key.part.labels > part.labels > 0


def _joined(parts: Sequence[_Text | None]) -> _Text | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    sql = f"concat({', '.join(part.sql for part in known)})"
    return _Text(sql, all(part.lower for part in known), all(part.ascii for part in known))
