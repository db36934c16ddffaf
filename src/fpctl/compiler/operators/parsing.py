"""`parse`, `parse-where` and `parse-kv`: columns extracted from a text by a pattern."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.regular_expressions import without_groups
from fpctl.compiler.library import arrow_function
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import agreed
from fpctl.compiler.patterns import BadPattern, escaped, translated
from fpctl.compiler.relation import Made, Relation
from fpctl.compiler.sql import (
    Column,
    Func,
    List,
    Named,
    Select,
    Sql,
    Text,
    conjunction,
    func,
    is_null,
    negation,
    not_null,
    when,
)
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import json_text, null_of
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.literals import string_value

_VALUE_PATTERNS = {
    "long": r"[-+]?\d+", "int": r"[-+]?\d+", "real": r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?",
    "decimal": r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?",
    "bool": r"(?:true|false|True|False|TRUE|FALSE|0|1)",
}  # fmt: skip


@operator(tree.Parse)
def parse(compiler: Expressions, node: tree.Parse, rows: Relation) -> Relation:
    """`parse`, `parse-where`."""
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "simple"
    flags = compiler.binder.parameter_text(node.parameters, "flags") or ""
    if kind not in ("simple", "regex", "relaxed"):
        compiler.refuse(node.keyword, f"there is no parse of kind {kind}", node)
    text = compiler.as_text(node.value)
    scope = compiler.bound(node, rows)
    pattern, captures = _pattern(compiler, node, kind, flags)
    found_name = compiler.fresh("fpctl_parsed")
    names = [f"c{at}" for at in range(len(captures))]
    if not captures:
        if node.keyword == "parse":
            return rows.with_scope(scope)
        return rows.filtered(func("regexp_matches", text.sql, Text(pattern)))
    groups = Func("regexp_extract", (text.sql, Text(pattern), List(tuple(map(Text, names)))))
    matched = when(func("regexp_matches", text.sql, Text(pattern)), groups)
    inner = Select(rows.as_source(), (Named(matched, found_name),), keep=True)
    found = rows._replace(select=inner, open_ended=False)
    whole: list[Sql] = [not_null(Column(found_name))]
    parts: list[tuple[tree.Capture, Value, Sql]] = []
    for capture, name in zip(captures, names, strict=True):
        kind_of = str(scope.columns[capture.name].type)
        part = Value(func("struct_extract", Column(found_name), Text(name)), "string")
        value = converted(Value(func("coalesce", part.sql, Text("")), "string"), kind_of)
        if value is None:
            compiler.refuse(node.keyword, f"parse cannot make a {kind_of}", node)
        if kind_of != "string" and kind != "relaxed":
            whole.append(negation(is_null(value.sql)))
        parts.append((capture, value, part.sql))
    fits = conjunction(whole)
    if node.keyword == "parse-where":
        found = found.filtered(fits)
    made: dict[str, Made] = {}
    for capture, value, _ in parts:
        sql = value.sql if kind == "relaxed" and value.type != "string" else when(fits, value.sql, null_of(value.type))
        made[capture.name] = Made(capture.name, agreed(compiler, node, Value(sql, value.type), value.type))
    result = found.extended(list(made.values()), list(scope.columns), scope)
    return result._replace(select=_without(result.select, found_name))


def _without(select: Select, name: str) -> Select:
    return Select(select, keep=True, drop=(name,))


def _pattern(compiler: Expressions, node: tree.Parse, kind: str, flags: str) -> tuple[str, list[tree.Capture]]:
    """Return the pattern as one regular expression with a group for each captured column."""
    out: list[str] = ["^"]
    captures: list[tree.Capture] = []
    parts = node.pattern
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if isinstance(part, tree.Star):
            out.append(".*" if last or kind == "regex" else ".*?")
        elif isinstance(part, tree.Capture):
            captures.append(part)
            shape = _VALUE_PATTERNS.get(part.type or "string")
            if shape and kind == "relaxed":
                shape = f"{shape}|.*?"
            # Between patterns, texts are as long as they can be (parse-operator, regex mode).
            out.append(f"({shape})" if shape else "(.*)" if last or kind == "regex" else "(.*?)")
        else:
            text = string_value(compiler.text(part))
            if kind == "regex":
                try:
                    # Groups of the pattern give no column: those that do are the columns' own.
                    out.append(f"(?:{translated(without_groups(text)).re2})")
                except BadPattern as error:
                    compiler.refuse("parse", f"the pattern cannot be used: {error}", part)
            else:
                out.append(escaped(text))
    if not isinstance(parts[-1], tree.Star):
        out.append("$")
    letters = "".join(sorted(set(flags) & set("imsU")))
    if set(flags) - set("imsU"):
        compiler.refuse("parse", f"the flags {flags} are not supported by the local engine", node)
    if kind != "regex":
        letters = "s"
    return (f"(?{letters})" if letters else "") + "".join(out), captures


# --------------------------------------------------------------------------- parse-kv


@operator(tree.ParseKv)
def parse_kv(compiler: Expressions, node: tree.ParseKv, rows: Relation) -> Relation:
    """`parse-kv`."""
    text = compiler.as_text(node.value)
    scope = compiler.bound(node, rows)
    options: dict[str, list[str]] = {}
    for option in node.options:
        value = compiler.text(option.value)
        options.setdefault(option.name, []).append(
            string_value(value) if isinstance(option.value, tree.Literal) and option.value.type == "string" else value
        )
    keys = [declared.name for declared in node.columns]
    given = Text(json_text({"options": options, "keys": keys}))
    name = compiler.fresh("fpctl_parsed")
    inner = Select(rows.as_source(), (Named(Func("kql_parse_kv", (text.sql, given)), name),), keep=True)
    found = rows._replace(select=inner, open_ended=False)
    made = []
    for at, declared in enumerate(node.columns):
        kind = str(scope.columns[declared.name].type)
        part = Func("json_extract_string", (Column(name), Text(f"$[{at}]")))
        converted_value = converted(Value(func("coalesce", part, Text("")), "string"), kind)
        if converted_value is None:
            compiler.refuse("parse-kv", f"parse-kv cannot make a {kind}", node)
        made.append(Made(declared.name, converted_value))
    result = found.extended(made, list(scope.columns), scope)
    return result._replace(select=_without(result.select, name))


@arrow_function("kql_parse_kv", ["string", "string"], "string")
def _parse_kv(text: str, given: str) -> str:
    """Return the values of the keys as a JSON array."""
    asked = json.loads(given)
    options: dict[str, list[str]] = asked["options"]
    found: dict[str, str] = {}
    if "regex" in options:
        for match in re.finditer(options["regex"][0], text):
            found.setdefault(match.group(1).strip(), match.group(2).strip())
    else:
        for key, value in _pairs(text, options, asked["keys"]):
            found.setdefault(key.strip(), value.strip())
    return json_text([found.get(key) for key in asked["keys"]])


def _pairs(text: str, options: dict[str, list[str]], keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return the keys and values of a text, those in quotes without them."""
    pair = options.get("pair_delimiter", [None])[0]
    between = options.get("kv_delimiter", [None])[0]
    quotes = {one[0]: one[-1] for one in options.get("quote", []) if one}
    escapes = set("".join(options.get("escape", [])))
    greedy = options.get("greedy", ["false"])[0].lower() == "true"
    if greedy and between is not None and pair is not None:
        return _greedy(text, pair, between, keys)
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        key, at, _ = _token(text, at, [between] if between else None, quotes, escapes, [pair] if pair else [])
        if at >= len(text) and not key:
            break
        if between is not None:
            if not text.startswith(between, at):
                at += len(pair) if pair and text.startswith(pair, at) else 1
                continue
            at += len(between)
        else:
            while at < len(text) and not text[at].isalnum() and text[at] not in quotes:
                at += 1
        value, at, _ = _token(text, at, [pair] if pair else None, quotes, escapes, [])
        found.append((key, value))
        if pair is not None:
            at += len(pair) if text.startswith(pair, at) else 1
        else:
            while at < len(text) and not text[at].isalnum() and text[at] not in quotes:
                at += 1
    return found


def _token(text: str, at: int, ends: list[str] | None, quotes: dict[str, str], escapes: set[str],
           also: list[str]) -> tuple[str, int, bool]:  # fmt: skip
    """Return a key or value from a place on, and where it ends."""
    while at < len(text) and text[at] == " " and (not ends or " " not in ends):
        at += 1
    if at < len(text) and text[at] in quotes:
        close, out = quotes[text[at]], []
        at += 1
        while at < len(text) and text[at] != close:
            if text[at] in escapes and at + 1 < len(text):
                at += 1
            out.append(text[at])
            at += 1
        return "".join(out), at + 1, True
    begin = at
    while at < len(text):
        if ends is None:
            if not (text[at].isalnum() or text[at] in "_"):
                break
        elif any(text.startswith(end, at) for end in ends) or any(text.startswith(end, at) for end in also):
            break
        at += 1
    return text[begin:at], at, False


def _greedy(text: str, pair: str, between: str, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs whose values run on to the next key."""
    alternatives = rf"(?:^|{re.escape(pair)})\s*([^{re.escape(pair)}{re.escape(between)}]+){re.escape(between)}"
    marks = list(re.finditer(alternatives, text))
    found = []
    for one, following in zip(marks, [*marks[1:], None], strict=True):
        end = following.start() if following is not None else len(text)
        found.append((one.group(1), text[one.end() : end]))
    return found
