"""`in`, `in~`, `has_any`, `has_all` and their opposites: among values, dynamic arrays, and the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fpctl.compiler.comparison import Incomparable, compared
from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.sql import (
    FALSE,
    TRUE,
    Among,
    Column,
    Contained,
    Infix,
    Lambda,
    List,
    Named,
    Number,
    Select,
    Sql,
    Text,
    conjunction,
    disjunction,
    func,
    negation,
    not_null,
)
from fpctl.compiler.terms import among_text, folded, has_any_of, lower_texts, string_test
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.literals import constant, json_text
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.literals import string_value

_FEW = 3
LONG = 24
"""Strings from which on a list is put into a table."""
LISTED = "fpctl_listed"
"""The column of such a table."""

macro("kql_flat_texts", "j", "CASE WHEN kql_is_array(j) THEN list_transform(list_filter(flatten([from_json(j, "
      "'[\"JSON\"]')]), lambda e: NOT kql_is_bag(e)), lambda e: kql_json_text(kql_json(e))) "
      "ELSE [kql_json_text(j)] END")  # fmt: skip


def membership(expressions: Expressions, node: tree.Membership) -> Value:
    """Compile a membership test."""
    op = node.op
    if op in ("has_any", "has_all"):
        return _has(expressions, node, every=op == "has_all")
    negated = op.startswith("!")
    sensitive = not op.endswith("~")
    left = expressions.value(node.left)
    table = _table_of(expressions, node)
    if table is not None:
        test = _in_table(expressions, node, left, table, sensitive)
    elif len(node.items) >= LONG and left.type == "string" and all(map(_is_string, node.items)):
        # Lists of exclusions have thousands of values: no more is made of each than its text.
        text = expressions.binder.text
        test = _among_known(expressions, left, [string_value(text[one[0] : one[1]]) for one in node.items], sensitive)
    else:
        items = [expressions.value(item) for item in node.items]
        test = _in_items(expressions, node, left, items, sensitive)
    return Value(negation(test) if negated else test, "bool", nullable=False)


def _is_string(node: tree.Expr) -> bool:
    return isinstance(node, tree.Literal) and node.type == "string"


def _table_of(expressions: Expressions, node: tree.Membership) -> Select | None:
    """Return the rows of a sub-query or a tabular name as one column, None where the items are values."""
    if len(node.items) != 1:
        return None
    relation = expressions.tabular(node.items[0])
    if relation is None:
        return None
    if not relation.columns:
        expressions.refuse(node.op, "the sub-query gives no column", node.items[0])
    first = next(iter(relation.columns.values()))
    return replace(relation.base(), keep=False, columns=(Named(first.value().sql, f"{LISTED}:{first.type}"),))


def _column_of(table: Select) -> Value:
    name = table.columns[0].name
    return Value(table.columns[0].operand, name.partition(":")[2])


def _as_column(table: Select, sql: Sql) -> Select:
    return replace(table, columns=(Named(sql, LISTED),))


def _in_table(expressions: Expressions, node: tree.Membership, left: Value, table: Select, sensitive: bool) -> Sql:
    listed = _column_of(table)
    kind = left.type
    if "dynamic" in (left.type, listed.type) or not sensitive:
        kind = (
            "string" if "string" in (left.type, listed.type) or not sensitive or left.type == "dynamic" else left.type
        )
    one, many = converted(left, kind), converted(listed, kind)
    if (
        one is None
        or many is None
        or (left.type != listed.type and kind != "string" and implicit(listed, kind) is None)
    ):
        numbers = {left.type, listed.type} <= {"int", "long", "real", "decimal"}
        if not numbers:
            expressions.refuse(node.op, f"a {left.type} is not compared with a {listed.type}", node)
        one, many = left, listed
    if listed.type == "dynamic" and left.type != "dynamic":
        one = converted(left, "string")
        assert one is not None
        # an array in a cell stands for its elements
        texts = func("unnest", func("kql_flat_texts", listed.sql))
        inner = _as_column(table, texts)
        many = Value(Column(LISTED), "string")
        table = Select(inner, columns=(Named(Column(LISTED), LISTED),))
    if not sensitive:
        one, many = folded(one), folded(many)
    if many.may_be_null:
        table = replace(table, where=(*table.where, not_null(many.sql)))
    found = Contained(one.sql, _as_column(table, many.sql))
    return func("coalesce", found, FALSE) if one.may_be_null else found


def flat(value: Any) -> list[Any]:
    """Return the scalars in nested arrays: `x in (dynamic([1,[2,3]]))` is `x in (1,2,3)`."""
    if isinstance(value, list):
        return [scalar for item in value for scalar in flat(item)]
    return [] if value is None else [value]


def text_of_json(value: Any) -> str:
    """Return a JSON scalar as tostring() gives it."""
    return value if isinstance(value, str) else json_text(value)


def _in_items(
    expressions: Expressions, node: tree.Membership, left: Value, items: Sequence[Value], sensitive: bool
) -> Sql:
    if not items:
        return FALSE
    if left.type in ("string", "dynamic") or not sensitive:
        if left.type == "dynamic" and not _all_text(items):
            return _one_by_one(expressions, node, left, items)
        text = converted(left, "string")
        if text is None:
            expressions.refuse(node.op, f"a {left.type} is not a string", node)
        known, other = _texts(items)
        tests = [_among_known(expressions, text, known, sensitive)] if known else []
        tests += [_among_unknown(expressions, node, text, item, sensitive) for item in other]
        return disjunction(tests) if tests else FALSE
    return _one_by_one(expressions, node, left, items)


def _all_text(items: Sequence[Value]) -> bool:
    return all(
        item.type == "string" or (item.type == "dynamic" and (not item.is_constant or all(
            isinstance(one, str) for one in flat(item.constant)
        )))
        for item in items
    )  # fmt: skip


def _texts(items: Sequence[Value]) -> tuple[list[str], list[Value]]:
    """Return the texts that are known, and the items that are not."""
    known: list[str] = []
    other: list[Value] = []
    for item in items:
        if item.is_constant and item.type == "dynamic":
            known.extend(map(text_of_json, flat(item.constant) if isinstance(item.constant, list) else [item.constant]))
        elif isinstance(item.constant, str):
            known.append(item.constant)
        else:
            text = converted(item, "string") if item.is_constant else None
            if text is not None and isinstance(text.constant, str):
                known.append(text.constant)
            else:
                other.append(item)
    return known, other


def _among_known(expressions: Expressions, text: Value, known: Sequence[str], sensitive: bool) -> Sql:
    if expressions.late and len(known) > _FEW:
        # DuckDB looks up a list for all rows, those too that do not come here; an array it does not.
        values = _distinct(known if sensitive else lower_texts(known))
        source = text if sensitive else folded(text)
        return func("list_contains", List(tuple(map(Text, values))), source.sql)
    if len(known) < LONG:
        return among_text(text, known, sensitive=sensitive)
    values = _distinct(known if sensitive else lower_texts(known))
    source = text if sensitive else folded(text)
    table = expressions.lists(values)
    return Contained(source.sql, Select(table, columns=(Named(Column(LISTED), LISTED),)))


def _distinct(texts: Sequence[str]) -> list[str]:
    """Return each text once, in order; exclusions come sorted, which makes this cheap."""
    return sorted(dict.fromkeys(texts))


def _among_unknown(expressions: Expressions, node: tree.Membership, text: Value, item: Value, sensitive: bool) -> Sql:
    if item.type == "dynamic":
        texts = func("kql_flat_texts", item.sql)
        source = text
        if not sensitive:
            texts = func("list_transform", texts, Lambda(("e",), func("kql_fold", Column("e"))))
            source = folded(text)
        return func("coalesce", func("list_contains", texts, source.sql), FALSE)
    word = converted(item, "string")
    if word is None:
        expressions.refuse(node.op, f"a {item.type} is not a string", node)
    if not sensitive:
        return Infix("=", (folded(text).sql, folded(word).sql))
    return Infix("=", (text.sql, word.sql))


def _one_by_one(expressions: Expressions, node: tree.Membership, left: Value, items: Sequence[Value]) -> Sql:
    tests: list[Sql] = []
    plain: list[Sql] = []
    for item in items:
        if item.type == "dynamic" and item.is_constant:
            elements = [_constant_of_json(one) for one in flat(item.constant)]
        elif item.type == "dynamic" and left.type != "dynamic":
            text = converted(left, "string")
            assert text is not None
            tests.append(func("coalesce", func("list_contains", func("kql_flat_texts", item.sql), text.sql), FALSE))
            continue
        else:
            elements = [item]
        for element in elements:
            same = implicit(element, left.type) if left.type != "dynamic" else None
            if same is not None and same.is_constant and same.constant is not None and left.moment is None:
                plain.append(same.sql)
                continue
            try:
                tests.append(func("coalesce", compared("==", left, element, loose=True).sql, FALSE))
            except Incomparable as error:
                expressions.refuse(node.op, f"{error} are not compared", node)
    if plain:
        among = Among(left.sql, tuple(plain))
        tests.append(func("coalesce", among, FALSE) if left.may_be_null else among)
    return disjunction(tests) if tests else FALSE


def _constant_of_json(value: Any) -> Value:
    if isinstance(value, bool):
        return constant(value, "bool")
    if isinstance(value, int):
        return constant(value, "long")
    if isinstance(value, float):
        return constant(value, "real")
    return constant(value if isinstance(value, str) else json.dumps(value), "string")


# --------------------------------------------------------------------------- has_any, has_all


def _has(expressions: Expressions, node: tree.Membership, *, every: bool) -> Value:
    if isinstance(node.left, tree.Star):
        tests = [_has_in(expressions, node, expressions.whole_row(), every=every)]
        return Value(disjunction(tests), "bool", nullable=False)
    left = converted(expressions.value(node.left), "string")
    if left is None:
        expressions.refuse(node.op, "only strings have terms", node)
    return Value(_has_in(expressions, node, left, every=every), "bool", nullable=False)


def _has_in(expressions: Expressions, node: tree.Membership, text: Value, *, every: bool) -> Sql:
    table = _table_of(expressions, node)
    if table is not None:
        listed = converted(_column_of(table), "string")
        assert listed is not None
        rows = _as_column(table, listed.sql)
        if _column_of(table).type == "dynamic":
            rows = _as_column(table, func("unnest", func("kql_flat_texts", _column_of(table).sql)))
        words = Select(rows, columns=(Named(func("list", Column(LISTED)), LISTED),))
        shared = expressions.shared(words)
        from fpctl.compiler.sql import Subselect

        return _has_listed(text, Subselect(Select(shared, columns=(Named(Column(LISTED), LISTED),))), every=every)
    known, other = _texts([expressions.value(item) for item in node.items])
    tests: list[Sql] = []
    if known and every:
        tests += [string_test("has", text, constant(word, "string"), sensitive=False) for word in dict.fromkeys(known)]
    elif known:
        tests.append(has_any_of(text, known))
    for item in other:
        if item.type == "dynamic":
            tests.append(_has_listed(text, func("kql_flat_texts", item.sql), every=every))
        else:
            word = converted(item, "string")
            assert word is not None
            tests.append(string_test("has", text, word, sensitive=False))
    if not tests:
        return TRUE if every else FALSE
    return conjunction(tests) if every else disjunction(tests)


def _has_listed(text: Value, words: Sql, *, every: bool) -> Sql:
    """Return whether a string has any, or every, of the words of a SQL list."""
    test = func("kql_has", folded(text).sql, func("kql_fold", Column("w")))
    found = func("list_filter", words, Lambda(("w",), negation(test) if every else test))
    count = func("coalesce", func("len", found), Number(0))
    return Infix("=" if every else ">", (count, Number(0)))
