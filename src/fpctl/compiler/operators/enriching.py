"""Look-ups that a service makes for each row, from tables of the data: `FileProfile`, `ipv4_lookup`, `ipv6_lookup`."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import NO_ROW, Expressions, Row
from fpctl.compiler.functions.addresses import ipv4_is_match, ipv6_is_match
from fpctl.compiler.operators.joining import LEFT, RIGHT, beside, one_for_each_key
from fpctl.compiler.relation import Made, Names, Relation, held_for, stored
from fpctl.compiler.sql import FALSE, Infix, Join, Named, Select, Sql, Text, conjunction, func, not_null, when
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder import product_functions

_PROFILE = "FileProfile"
_AVAILABILITY = "ProfileAvailability"


def file_profile(compiler: Expressions, operator: tree.Invoke, node: tree.Call, rows: Relation) -> Relation:
    """`invoke FileProfile(column, limit)`: what the table FileProfile of the data knows of each row's file.

    https://learn.microsoft.com/defender-xdr/advanced-hunting-fileprofile-function. The service looks up a hundred
    rows, or as many as the limit says, and does not say which; here every row is looked up.
    """
    profile = compiler.stored_table(_PROFILE)
    if profile is None:
        compiler.refuse(
            "invoke", f"{_PROFILE}() looks things up in the service, which the local engine cannot", node.name,
            "put what it knows next to the tables: FileProfile.csv with SHA1, GlobalPrevalence, Signer ...",
        )  # fmt: skip
    column = _column_named(compiler, node)
    if column not in rows.columns:
        compiler.refuse("invoke", f"{_PROFILE}() takes a column of hashes", node)
    kind = next((one for one in ("SHA256", "MD5") if column.upper().endswith(one)), "SHA1")
    if kind not in profile.columns:
        compiler.refuse("invoke", f"the table {_PROFILE} of the data has no column {kind}", node)
    compiler.notes.add(f"{_PROFILE}() looks up every row, in the service only as many as its limit says")
    profile = one_for_each_key(profile, [_folded(profile.columns[kind].value(RIGHT))])
    sought, known = _folded(rows.columns[column].value(LEFT)), _folded(profile.columns[kind].value(RIGHT))
    on = conjunction([Infix("=", (sought.sql, known.sql)), Infix("!=", (sought.sql, Text("")))])
    matched = not_null(known.sql)
    scope = compiler.bound(operator, rows)
    made = []
    for name, described in scope.columns.items():
        found = rows.columns[name].value(LEFT) if name in rows.columns else constant(None, str(described.type))
        if name in product_functions.ENRICHMENTS[_PROFILE]:
            found = _profiled(profile.columns.get(name), found, matched, name)
        made.append(Made(name, found._replace(moment=None, newest=None)))
    names = Names()
    columns = {one.name: held_for(one, names) for one in made}
    source = Join("LEFT", rows.as_source(), LEFT, profile.as_source(), RIGHT, on)
    select = Select(source, tuple(Named(stored(one.value), columns[one.name].sql) for one in made))
    return Relation(select, columns, scope, False)


def _column_named(compiler: Expressions, node: tree.Call) -> str:
    """Return the column that a call names, as a name or in quotes; without one it is SHA1."""
    if not node.args:
        return "SHA1"
    return compiler.binder.value_text(node.args[0]) or compiler.text(node.args[0])


def _folded(value: Value) -> Value:
    text = converted(value, "string")
    assert text is not None
    return Value(func("lower", text.sql), "string")


def _profiled(held: Held | None, otherwise: Value, matched: Sql, name: str) -> Value:
    """Return a column of the profile; where there is none, what the row had before."""
    if name == _AVAILABILITY:
        return Value(when(matched, Text("Available"), Text("Missing")), "string")
    found = None if held is None else converted(held.value(RIGHT), otherwise.type)
    if found is None:
        return otherwise
    return Value(when(matched, found.sql, otherwise.sql), otherwise.type)


def address_lookup(compiler: Expressions, node: tree.Evaluate, rows: Relation) -> Relation:
    """`ipv4_lookup(Table, address, network [, key ...] [, return_unmatched])`, `ipv6_lookup` without keys."""
    call = node.call
    name = call.name.value
    if len(call.args) < 3:
        compiler.refuse(name, f"{name} takes a table, an address and a network", call)
    with compiler.in_row(NO_ROW):
        right = compiler.source(call.args[0])
    scope = compiler.bound(node, rows)
    keys, unmatched = _lookup_options(compiler, call.args[3:])
    address = _text_column(compiler, call.args[1], rows, LEFT)
    network = _text_column(compiler, call.args[2], right, RIGHT)
    if keys and name == "ipv6_lookup":
        compiler.refuse(name, "ipv6_lookup takes no further keys", call)
    matches = ipv4_is_match if name == "ipv4_lookup" else ipv6_is_match
    tests: list[Sql] = [func("coalesce", matches(address, network, None), FALSE)]
    with compiler.in_row(Row(rows.columns, LEFT, right.columns, RIGHT), rows.scope):
        for key in keys:
            if key not in rows.columns or key not in right.columns:
                compiler.refuse(name, f"the key {key} is not on both sides", call)
            sides = rows.columns[key].value(LEFT).sql, right.columns[key].value(RIGHT).sql
            tests.append(Infix("IS NOT DISTINCT FROM", sides))
    others = [held for held in right.columns.values() if held.name not in keys]
    pairs = [(LEFT, held) for held in rows.columns.values()] + [(RIGHT, held) for held in others]
    return beside(rows, right, "LEFT" if unmatched else "INNER", conjunction(tests), pairs, scope)


def _lookup_options(compiler: Expressions, args: Sequence[tree.Expr]) -> tuple[list[str], bool]:
    keys, unmatched = [], False
    for arg in args:
        value = arg.value if isinstance(arg, tree.Named) else arg
        if isinstance(value, tree.Name) and not isinstance(arg, tree.Named):
            keys.append(value.value)
        else:
            unmatched = compiler.constant_of(value, "return_unmatched").constant is True
    return keys, unmatched


def _text_column(compiler: Expressions, node: tree.Expr, relation: Relation, side: str) -> Sql:
    if not isinstance(node, tree.Name) or node.value not in relation.columns:
        compiler.refuse("evaluate", "the look-ups of addresses take columns", node)
    text = converted(relation.columns[node.value].value(side), "string")
    assert text is not None
    return text.sql
