"""`search` and `find`: terms looked for in every column of many tables."""

from __future__ import annotations

from fpctl.compiler.context import NO_ROW, Expressions, Row
from fpctl.compiler.operators.uniting import joined, leg_tables
from fpctl.compiler.patterns import escaped
from fpctl.compiler.relation import Made, Relation
from fpctl.compiler.sql import FALSE, TRUE, Sql, Text, conjunction, disjunction, func, negation
from fpctl.compiler.terms import ascii_lower, string_test
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.branches import preceded, united
from fpctl.kql.binder.scope import Column
from fpctl.kql.literals import string_value
from fpctl.kql.operators.table import bind


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
    return text.sql if sensitive else func("kql_fold_exactly", text.sql)


def _pattern(word: str, sensitive: bool) -> str:
    shown = word if sensitive else ascii_lower(word)
    body = ".*".join(escaped(part) for part in shown.split("*"))
    before = "" if word.startswith("*") else r"(?:^|[^\pL\pN])"
    after = "" if word.endswith("*") else r"(?:$|[^\pL\pN])"
    return f"{before}{body}{after}"


def find(compiler: Expressions, node: tree.Find) -> Relation:
    """`find`, where its columns are named by `project`."""
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
    if "pack_" in scope.columns or node.project_away or scope.open:
        compiler.refuse(
            "find", "find gives packed columns here, which the local engine does not have", node,
            "name the columns: find ... project a, b",
        )  # fmt: skip
    found = []
    for name, leg in legs:
        with compiler.in_row(Row(leg.columns), leg.scope):
            test = TRUE if node.predicate is None else predicate(compiler, node.predicate, sensitive=False, known=leg)
        made = [Made(names[0], constant(name, "string"))]
        for wanted in names[1:]:
            kind = str(scope.columns[wanted].type)
            held = leg.columns.get(wanted)
            value = constant(None, kind) if held is None else converted(held.value(), kind)
            if value is None:
                compiler.refuse("find", f"{wanted} cannot be of type {kind}", node)
            made.append(Made(wanted, value._replace(moment=None)))
        found.append((name, leg.filtered(test).projected(made, scope)))
    return joined(found, scope, None, every=False)
