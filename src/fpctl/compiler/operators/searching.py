"""`search` and `find`: terms looked for in every column of many tables."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import NO_ROW, Expressions, Row
from fpctl.compiler.operator_registry import operator, source
from fpctl.compiler.operators.uniting import joined, leg_tables
from fpctl.compiler.patterns import escaped
from fpctl.compiler.relation import Made, Relation
from fpctl.compiler.sql import FALSE, TRUE, Sql, Text, conjunction, disjunction, func, negation
from fpctl.compiler.terms import ascii_lower, string_test
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.branches import preceded, united
from fpctl.kql.binder.scope import Column
from fpctl.kql.literals import string_value
from fpctl.kql.operators.table import bind


@operator(tree.Search)
@source(tree.Search)
def search(compiler: Expressions, node: tree.Search, rows: Relation | None = None) -> Relation:
    """`search`, piped or as a source."""
    if rows is not None and node.tables:
        compiler.refuse("search", "a piped search has no tables of its own", node)
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "default"
    if rows is not None:
        legs = [("union_arg0", rows)]
    elif node.tables:
        legs = [one for at, leg in enumerate(node.tables) for one in leg_tables(compiler, leg, at)]
    else:
        legs = compiler.matching_tables("*")
    if not legs:
        compiler.refuse("search", "there is no table to search", node, code="unknown-table")
    sensitive = kind == "case_sensitive"
    found = []
    for name, leg in legs:
        with compiler.in_row(Row(leg.columns), leg.scope):
            test = predicate(compiler, node.predicate, sensitive=sensitive, known=leg)
        found.append((name, leg.filtered(test)))
    if rows is not None:
        scope = preceded(rows.scope, Column("$table", "string", "derived"))
        names = list(scope.columns)
        marked = found[0][1].extended(
            [Made(names[0], constant("union_arg0", "string"))], [names[0], *rows.columns], scope
        )
        return marked
    return joined(found, united([leg.scope for _, leg in found]), "$table")


def predicate(compiler: Expressions, node: tree.Expr, *, sensitive: bool, known: Relation) -> Sql:
    """Compile what `search` and `find` look for in the row at hand: false where a table lacks a named column."""
    if isinstance(node, tree.Group):
        return predicate(compiler, node.inner, sensitive=sensitive, known=known)
    if isinstance(node, tree.Star):
        return TRUE
    if isinstance(node, tree.Literal) and node.type == "string":
        return anywhere(compiler, string_value(compiler.text(node)), sensitive=sensitive)
    if isinstance(node, tree.Binary) and node.ops[0] in ("and", "or"):
        parts = [predicate(compiler, part, sensitive=sensitive, known=known) for part in node.operands]
        return conjunction(parts) if node.ops[0] == "and" else disjunction(parts)
    if isinstance(node, tree.Call) and node.name.value == "not" and len(node.args) == 1:
        return negation(predicate(compiler, node.args[0], sensitive=sensitive, known=known))
    lacking = [
        one.value for one in tree.walk(node)
        if isinstance(one, tree.Name) and one.value not in known.columns and one.value not in compiler.binder.names
    ]  # fmt: skip
    calls = {one.name.value for one in tree.walk(node) if isinstance(one, tree.Call)}
    if [name for name in lacking if name not in calls]:
        return FALSE
    if isinstance(node, tree.Binary) and node.ops[0] == ":":
        text = compiler.as_text(node.operands[0])
        word = compiler.constant_of(node.operands[1], "what is searched for").constant
        return term(text, str(word), sensitive=sensitive)
    if sensitive and isinstance(node, tree.Binary):
        compiler.refuse("search", "kind=case_sensitive is had for plain terms only", node)
    return compiler.condition(node)


def anywhere(compiler: Expressions, word: str, *, sensitive: bool) -> Sql:
    """Return the test that any column has a term, `*` in it as search reads it."""
    inner = word.strip("*")
    if "*" not in inner:
        return term(compiler.whole_row(), word, sensitive=sensitive)
    texts = [
        found for held in compiler.row.columns.values() if (found := converted(held.value(), "string")) is not None
    ]
    return disjunction([term(text, word, sensitive=sensitive) for text in texts])


def term(text: Value, word: str, *, sensitive: bool) -> Sql:
    """Return the test of one search term."""
    inner = word.strip("*")
    begins, ends = word.startswith("*"), word.endswith("*") and len(word) > 1
    if "*" in inner:
        parts = [constant(part, "string") for part in inner.split("*")]
        tests = [string_test("contains", text, part, sensitive=sensitive) for part in parts]
        tests.append(func("regexp_matches", _folded(text, sensitive), Text(_pattern(word, sensitive)), Text("s")))
        return conjunction(tests)
    name = {(False, False): "has", (True, False): "hassuffix", (False, True): "hasprefix"}.get(
        (begins, ends), "contains"
    )
    return string_test(name, text, constant(inner, "string"), sensitive=sensitive)


def _folded(text: Value, sensitive: bool) -> Sql:
    return text.sql if sensitive else func("kql_fold", text.sql)


def _pattern(word: str, sensitive: bool) -> str:
    shown = word if sensitive else ascii_lower(word)
    body = ".*".join(escaped(part) for part in shown.split("*"))
    before = "" if word.startswith("*") else r"(?:^|[^\pL\pN])"
    after = "" if word.endswith("*") else r"(?:$|[^\pL\pN])"
    return f"{before}{body}{after}"


@source(tree.Find)
def find(compiler: Expressions, node: tree.Find) -> Relation:
    """`find`: the columns that are named or common, the others of each table as a bag in `pack_` (find-operator)."""
    legs = (
        [one for at, leg in enumerate(node.tables) for one in leg_tables(compiler, leg, at)]
        if node.tables
        else compiler.matching_tables("*")
    )
    if not legs:
        compiler.refuse("find", "there is no table to look into", node, code="unknown-table")
    with compiler.in_row(NO_ROW):
        scope = bind(compiler.binder, node, None)
    names = list(scope.columns)
    if node.project_away or scope.open:
        compiler.refuse(
            "find", "find with project-away, and over unknown columns, is not supported by the local engine", node,
            "name the columns: find ... project a, b",
        )  # fmt: skip
    asked = _asked_columns(node.predicate)
    if asked and len(legs) > 1:
        # A table without any column that the predicate names is left out; `not(..)` would find all of its rows.
        legs = [(name, leg) for name, leg in legs if asked & set(leg.columns)] or legs[:1]
    found = []
    for name, leg in legs:
        with compiler.in_row(Row(leg.columns), leg.scope):
            test = TRUE if node.predicate is None else predicate(compiler, node.predicate, sensitive=False, known=leg)
            others = [
                Made(wanted, _found_column(compiler, node, wanted, str(scope.columns[wanted].type), names))
                for wanted in names[1:]
            ]
        made = [Made(names[0], constant(name, "string")), *others]
        found.append((name, leg.filtered(test).projected(made, scope)))
    return joined(found, scope, None, every=False)


def _asked_columns(node: tree.Expr | None) -> set[str]:
    """Return the columns that a predicate names; none where it looks into every column."""
    if node is None:
        return set()
    if isinstance(node, tree.Star) or (isinstance(node, tree.Literal) and node.type == "string"):
        return set()
    calls = {id(one.name) for one in tree.walk(node) if isinstance(one, tree.Call)}
    return {one.value for one in tree.walk(node) if isinstance(one, tree.Name) and id(one) not in calls}


def _found_column(compiler: Expressions, node: tree.Find, wanted: str, kind: str, names: Sequence[str]) -> Value:
    """Return a column of find's result in one table: its own, null where it has none, or the bag of all others."""
    columns = compiler.row.columns
    if wanted == "pack_" and wanted not in columns:
        # Of a list of columns the bag holds them too; of those that find chooses itself, only the others.
        shown = () if node.project is not None else names
        packed = [held for name, held in columns.items() if name not in shown and f"{name}_{held.type}" not in shown]
        parts = [part for held in packed for part in (Text(held.name), to_dynamic(held.value()).sql)]
        return Value(func("json_object", *parts), "dynamic", nullable=False)
    held = columns.get(wanted) or next((one for one in columns.values() if f"{one.name}_{one.type}" == wanted), None)
    value = constant(None, kind) if held is None else converted(held.value(), kind)
    if value is None:
        compiler.refuse("find", f"{wanted} cannot be of type {kind}", node)
    return value._replace(moment=None)
