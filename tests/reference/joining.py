"""Operators of two tables and more. Pages: join-*, lookup-operator, union-operator."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fpctl.kql import tree
from reference.conversions import convert
from reference.interpreter import Interpreter, null_row, operator, unique
from reference.scope import Place, Row, Scope, Table
from reference.values import NUMBERS, ReferenceFault, key_of, null_of, string


def conditions(self: Interpreter, on: tuple[tree.Expr, ...]) -> list[tuple[str, str]]:
    """Return the pairs of columns that must be equal."""
    out: list[tuple[str, str]] = []
    for node in on:
        if isinstance(node, tree.Group):
            out += conditions(self, (node.inner,))
        elif isinstance(node, tree.Name):
            out.append((node.value, node.value))
        elif isinstance(node, tree.Binary) and node.ops[0] == "and":
            out += conditions(self, node.operands)
        elif isinstance(node, tree.Binary) and node.ops == ("==",):
            sides = dict(map(_side, node.operands))
            out.append((sides["$left"], sides["$right"]))
        else:
            raise ReferenceFault("a join's condition")
    return out


def _side(node: tree.Expr) -> tuple[str, str]:
    if isinstance(node, tree.Path) and isinstance(node.base, tree.Name) and isinstance(node.member, tree.Name):
        return node.base.value, node.member.value
    raise ReferenceFault("a join's condition")


def join_key(row: Row, names: list[str], kinds: list[str]) -> Any:
    """Null equals null here; numbers of two types are compared as one type."""
    out = []
    for name, kind in zip(names, kinds, strict=True):
        value = row[name]
        out.append(key_of(convert(value, kind) if value.type != kind else value))
    return tuple(out)


def _kinds(left: Table, right: Table, pairs: list[tuple[str, str]]) -> list[str]:
    out = []
    for a, b in pairs:
        x, y = left.columns[a], right.columns[b]
        if x == y:
            out.append(x)
        elif x in NUMBERS and y in NUMBERS:
            out.append(next(k for k in ("decimal", "real", "long") if k in (x, y)))
        else:
            raise ReferenceFault(f"a join of {x} with {y}")
    return out


@operator(tree.Join)
def join(self: Interpreter, table: Table, node: tree.Join, scope: Scope) -> Table:
    right = self.table(node.right, Place(scope))
    kind = self.parameter(node, "kind", "innerunique") or "innerunique"
    pairs = conditions(self, node.on)
    kinds = _kinds(table, right, pairs)
    left_keys = [join_key(row, [a for a, _ in pairs], kinds) for row in table.rows]
    right_keys = [join_key(row, [b for _, b in pairs], kinds) for row in right.rows]
    if kind in ("leftsemi", "leftanti", "anti", "leftantisemi"):
        known = set(right_keys)
        keep = kind == "leftsemi"
        return Table(table.columns, [r for r, k in zip(table.rows, left_keys, strict=True) if (k in known) == keep])
    if kind in ("rightsemi", "rightanti", "rightantisemi"):
        known = set(left_keys)
        keep = kind == "rightsemi"
        return Table(right.columns, [r for r, k in zip(right.rows, right_keys, strict=True) if (k in known) == keep])
    renamed = _renamed(table, right)
    columns = {**table.columns, **{renamed[n]: k for n, k in right.columns.items()}}
    out = Table(columns)
    by_key: dict[Any, list[int]] = defaultdict(list)
    for at, key in enumerate(right_keys):
        by_key[key].append(at)
    used: set[int] = set()
    seen: set[Any] = set()
    for row, key in zip(table.rows, left_keys, strict=True):
        if kind == "innerunique":
            if key in seen:
                continue  # one left row a key (join-innerunique); here the first
            seen.add(key)
        for at in by_key.get(key, ()):
            used.add(at)
            out.rows.append({**row, **{renamed[n]: v for n, v in right.rows[at].items()}})
        if kind in ("leftouter", "fullouter") and key not in by_key:
            out.rows.append({**row, **{renamed[n]: null_of(k) for n, k in right.columns.items()}})
    if kind in ("rightouter", "fullouter"):
        for at, row in enumerate(right.rows):
            if at not in used:
                out.rows.append({**null_row(table.columns), **{renamed[n]: v for n, v in row.items()}})
    return out


def _renamed(left: Table, right: Table, dropped: frozenset[str] = frozenset()) -> dict[str, str]:
    taken: dict[str, Any] = dict(left.columns)
    taken_right = {name for name in right.columns if name not in left.columns}
    out = {}
    for name in right.columns:
        if name in dropped:
            continue
        new = name if name not in left.columns else unique(name, {**taken, **dict.fromkeys(taken_right)})
        out[name] = new
        taken[new] = None
    return out


@operator(tree.Lookup)
def lookup(self: Interpreter, table: Table, node: tree.Lookup, scope: Scope) -> Table:
    right = self.table(node.right, Place(scope))
    kind = self.parameter(node, "kind", "leftouter") or "leftouter"
    pairs = conditions(self, node.on)
    kinds = _kinds(table, right, pairs)
    renamed = _renamed(table, right, frozenset(b for _, b in pairs))
    columns = {**table.columns, **{renamed[n]: k for n, k in right.columns.items() if n in renamed}}
    out = Table(columns)
    by_key: dict[Any, list[Row]] = defaultdict(list)
    for row in right.rows:
        by_key[join_key(row, [b for _, b in pairs], kinds)].append(row)
    for row in table.rows:
        found = by_key.get(join_key(row, [a for a, _ in pairs], kinds), [])
        for match in found:
            out.rows.append({**row, **{new: match[n] for n, new in renamed.items()}})
        if not found and kind == "leftouter":
            out.rows.append({**row, **{new: null_of(right.columns[n]) for n, new in renamed.items()}})
    return out


@operator(tree.Union)
def union(self: Interpreter, table: Table, node: tree.Union, scope: Scope) -> Table:
    fuzzy = self.parameter(node, "isfuzzy") == "true"
    legs: list[tuple[str, Table]] = [(table.name, table)] if table.columns else []
    for leg in node.legs:
        try:
            legs += self.legs(leg, scope)
        except ReferenceFault:
            if not fuzzy:
                raise
    source = self.parameter(node, "withsource") or self.parameter(node, "with_source")
    return united(legs, source, self.parameter(node, "kind", "outer") or "outer")


def united(legs: list[tuple[str, Table]], source: str | None, kind: str) -> Table:
    """A name with two types becomes a column for each, `x_long`, out of the way of other names (union-operator)."""
    if kind == "inner":
        common = [n for n, k in legs[0][1].columns.items() if all(leg.columns.get(n) == k for _, leg in legs)]
        plan: dict[tuple[str, str], str] = {(n, legs[0][1].columns[n]): n for n in common}
    else:
        plan = _outer_plan([leg for _, leg in legs])
    columns: dict[str, str] = {source: "string"} if source else {}
    for (_, type_), new in plan.items():
        columns[new] = type_
    out = Table(columns)
    for at, (name, leg) in enumerate(legs):
        for row in leg.rows:
            new_row: Row = null_row(columns)
            for column, value in row.items():
                new = plan.get((column, leg.columns[column]))
                if new is not None:
                    new_row[new] = value
            if source:
                new_row[source] = string(name or f"union_arg{at}")
            out.rows.append(new_row)
    return out


def _outer_plan(legs: list[Table]) -> dict[tuple[str, str], str]:
    pairs: list[tuple[str, str]] = []
    for leg in legs:
        pairs += [pair for pair in leg.columns.items() if pair not in pairs]
    names = [name for name, _ in pairs]
    single = {name for name in names if names.count(name) == 1}
    taken: dict[str, Any] = dict.fromkeys(single)
    plan = {}
    for name in dict.fromkeys(names):
        for kind in [kind for other, kind in pairs if other == name]:
            new = name if name in single else unique(f"{name}_{kind}", taken)
            taken[new] = None
            plan[(name, kind)] = new
    return plan
