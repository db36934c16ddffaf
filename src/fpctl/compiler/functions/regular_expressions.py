"""Functions of regular expressions: extract, extract_all, replace_regex, indexof_regex, countof, regex_quote."""

from __future__ import annotations

import re

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_values import dumped
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.patterns import BadPattern
from fpctl.compiler.regexes import by_alphabet, known_pattern, python_pattern
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Column as SqlColumn
from fpctl.compiler.sql import Lambda, List, Number, Sql, Text, func, when
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|(\((?!\?)|\(\?P?<(\w+)>)", re.DOTALL)


def groups_of(pattern: str) -> list[str | None]:
    """Return the capturing groups of a pattern: their names, None where they have none."""
    return [found[2] for found in _GROUP.finditer(pattern) if found[1]]


def without_groups(pattern: str) -> str:
    """Return a pattern whose groups capture nothing."""
    return _GROUP.sub(lambda found: "(?:" if found[1] else found[0], pattern)


def _pattern(expressions: Expressions, node: tree.Call, at: int) -> tuple[str, str, bool]:
    """Return the pattern that an argument is: as written, for RE2, and whether RE2 is right for ASCII only."""
    try:
        return known_pattern(expressions.value(node.args[at]))
    except BadPattern as error:
        expressions.refuse(node.name.value, f"the pattern cannot be used: {error}", node.args[at])


@arrow_function("kql_py_extract", ["string", "string", "int64"], "string")
def _py_extract(text: str, pattern: str, group: int) -> str:
    compiled = python_pattern(pattern)
    found = None if compiled is None else compiled.search(text)
    return "" if found is None else found[group] or ""


@arrow_function("kql_py_replace", ["string", "string", "string"], "string")
def _py_replace(text: str, pattern: str, rewrite: str) -> str:
    compiled = python_pattern(pattern)
    if compiled is None:
        return text
    return compiled.sub(
        lambda found: re.sub(
            r"\\([0-9\\])", lambda mark: "\\" if mark[1] == "\\" else found[int(mark[1])] or "", rewrite
        ),
        text,
    )


@arrow_function("kql_py_find_all", ["string", "string"], "string")
def _py_find_all(text: str, pattern: str) -> str:
    """All matches, group by group, the whole match first: `[[match 1, match 2], [group 1 of match 1, ...], ...]`."""
    compiled = python_pattern(pattern)
    if compiled is None:
        return "[]"
    matches = list(compiled.finditer(text))
    return dumped([[found[group] or "" for found in matches] for group in range(compiled.groups + 1)])


@special("extract")
def extract(expressions: Expressions, node: tree.Call) -> Value:
    """`extract(pattern, group, text, typeof(type))`: empty, or null of a type, where nothing matches."""
    if len(node.args) not in (3, 4):
        expressions.refuse("extract", "extract() takes a pattern, a group and a text", node)
    written, re2, ascii_only = _pattern(expressions, node, 0)
    group = expressions.constant_of(node.args[1], "the group").constant
    groups = len(groups_of(written))
    if not isinstance(group, int) or not 0 <= group <= groups:
        expressions.refuse("extract", f"the pattern has {groups} groups", node.args[1])
    text = expressions.as_text(node.args[2]).sql
    found = by_alphabet(
        text,
        ascii_only,
        func("regexp_extract", text, Text(re2), Number(group)),
        func("kql_py_extract", text, Text(written), Number(group)),
    )
    value = Value(found, "string")
    if len(node.args) == 3:
        return value
    wanted = node.args[3]
    kind = wanted.type if isinstance(wanted, tree.TypeLiteral) else None
    if kind is None:
        expressions.refuse("extract", "the last argument is a type, as typeof(long)", wanted)
    typed = converted(value, kind)
    if typed is None:
        expressions.refuse("extract", f"a string does not become a {kind}", wanted)
    return typed


@special("extract_all extractall")
def extract_all(expressions: Expressions, node: tree.Call) -> Value:
    """`extract_all(pattern, groups, text)`: of one group the texts, of several an array for each match."""
    written, re2, ascii_only = _pattern(expressions, node, 0)
    groups = groups_of(written)
    if not 1 <= len(groups) <= 16:
        expressions.refuse("extract_all", "the pattern must have between 1 and 16 groups", node.args[0])
    wanted = list(range(1, len(groups) + 1))
    if len(node.args) == 3:
        chosen = expressions.constant_of(node.args[1], "the groups").constant
        if not isinstance(chosen, list):
            expressions.refuse("extract_all", "the groups are an array", node.args[1])
        numbers = [_numbered(one, groups) for one in chosen]
        wanted = [number for number in numbers if number is not None] or wanted
    text = expressions.as_text(node.args[-1]).sql
    lists = [
        by_alphabet(
            text,
            ascii_only,
            func("regexp_extract_all", text, Text(re2), Number(group)),
            func("kql_json_texts", func("kql_py_find_all", text, Text(written)), Number(group)),
        )
        for group in wanted
    ]
    if len(lists) == 1:
        made: Sql = func("to_json", lists[0])
    else:
        places = func("range", Number(1), func("kql_one_more", func("len", lists[0])))
        row = List(tuple(func("list_extract", one, SqlColumn("i")) for one in lists))
        made = func("to_json", func("list_transform", places, Lambda(("i",), row)))
    return Value(when(func("kql_any_in", lists[0]), made), "dynamic")


macro("kql_one_more", "n", "n + 1")
macro("kql_any_in", "l", "len(l) > 0")
macro("kql_json_texts", "j, n", "list_extract(from_json(j, '[[\"VARCHAR\"]]'), n + 1)")


def _numbered(group: object, groups: list[str | None]) -> int | None:
    if isinstance(group, str):
        return groups.index(group) + 1 if group in groups else None
    return group if isinstance(group, int) and 1 <= group <= len(groups) else None


@special("replace_regex replace")
def replace_regex(expressions: Expressions, node: tree.Call) -> Value:
    """`replace_regex(text, pattern, rewrite)`; the older `replace(pattern, rewrite, text)`."""
    if len(node.args) != 3:
        expressions.refuse(node.name.value, f"{node.name.value}() takes three arguments", node)
    places = (1, 2, 0) if node.name.value == "replace_regex" else (0, 1, 2)
    written, re2, ascii_only = _pattern(expressions, node, places[0])
    rewrite = expressions.constant_of(node.args[places[1]], "the rewrite").constant
    if not isinstance(rewrite, str):
        expressions.refuse(node.name.value, "the rewrite is a string", node.args[places[1]])
    groups = len(groups_of(written))
    if any(int(digit) > groups for digit in re.findall(r"\\([0-9])", rewrite.replace("\\\\", ""))):
        expressions.refuse(node.name.value, f"the rewrite names a group, and the pattern has {groups}", node)
    text = expressions.as_text(node.args[places[2]]).sql
    # RE2 takes a backslash before anything but a digit and a backslash for a mistake, and rewrites nothing.
    plain = re.sub(r"\\(?![0-9\\])", r"\\\\", re.sub(r"\\\\", "\\\\\\\\", rewrite))
    found = by_alphabet(
        text,
        ascii_only,
        func("regexp_replace", text, Text(re2), Text(plain), Text("g")),
        func("kql_py_replace", text, Text(written), Text(rewrite)),
    )
    return Value(found, "string")


@special("countof")
def countof(expressions: Expressions, node: tree.Call) -> Value:
    """`countof(text, part, kind)`: plain parts overlap, matches of a pattern do not."""
    kind = expressions.constant_of(node.args[2], "the kind of countof").constant if len(node.args) > 2 else "normal"
    text = expressions.as_text(node.args[0]).sql
    if kind == "normal":
        part = expressions.as_text(node.args[1]).sql
        return Value(func("kql_count_of", text, part), "long", nullable=False)
    if kind != "regex":
        expressions.refuse("countof", f"there is no kind {kind}", node.args[2])
    written, re2, ascii_only = _pattern(expressions, node, 1)
    found = by_alphabet(
        text,
        ascii_only,
        func("regexp_extract_all", text, Text(re2)),
        func("kql_json_texts", func("kql_py_find_all", text, Text(written)), Number(0)),
    )
    return Value(func("kql_full_texts", found), "long", nullable=False)


macro("kql_full_texts", "l", "CAST(len(list_filter(l, lambda s: s != '')) AS BIGINT)")


@arrow_function("kql_py_index", ["string", "string", "string"], "int64")
def _py_index(text: str, pattern: str, place: str) -> int:
    start, length, nth = map(int, place.split())
    compiled = python_pattern(pattern)
    if compiled is None:
        return -1
    end = len(text) if length == -1 else min(start + length, len(text))
    for number, found in enumerate(compiled.finditer(text, start, end), 1):
        if number == nth:
            return found.start()
    return -1


@special("indexof_regex")
def indexof_regex(expressions: Expressions, node: tree.Call) -> Value:
    """`indexof_regex(text, pattern, start, length, occurrence)`."""
    from fpctl.compiler.regexes import usable_in_python

    written = expressions.constant_of(node.args[1], "the pattern").constant
    numbers = [expressions.constant_of(arg, "a place").constant for arg in node.args[2:]]
    start, length, nth = [*numbers, 0, -1, 1][: len(numbers)] + [0, -1, 1][len(numbers) :]
    if not isinstance(written, str) or not usable_in_python(written) or "$" in written:
        expressions.refuse("indexof_regex", "this pattern is not supported here", node.args[1])
    if not all(isinstance(one, int) for one in (start, length, nth)) or start < 0 or length < -1 or nth < 1:
        return constant(None, "long")
    text = expressions.as_text(node.args[0]).sql
    return Value(func("kql_py_index", text, Text(written), Text(f"{start} {length} {nth}")), "long")


@scalar("regex_quote", "string", returns="string")
def regex_quote(text: Sql) -> Sql:
    """`regex_quote(s)`."""
    return func("regexp_escape", text)
