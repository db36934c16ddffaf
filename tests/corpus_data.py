"""Rows that a query's own conditions ask for, made from the literals that it compares columns with."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from fpctl.kql import tree
from fpctl.kql.literals import string_value

ROWS = 40
EQUAL = frozenset({"==", "=~", "in", "in~", "has_any_index"})
PARTS = frozenset({"has", "has_cs", "contains", "contains_cs", "has_any", "has_all", "hasprefix", "hassuffix"})
FIRST, LAST = frozenset({"startswith", "startswith_cs"}), frozenset({"endswith", "endswith_cs"})
ORDER = frozenset({"<", "<=", ">", ">="})
UNWRAPPED = frozenset({"tolower", "toupper", "tostring", "toint", "tolong", "todynamic", "parse_json", "trim"})
POOLS: Mapping[str, Sequence[str]] = {
    "DeviceName": ("build01", "build01.contoso.com", "db1", "ws-2.contoso.com"),
    "DeviceId": ("d1", "d2", "d3"),
    "FileName": ("msiexec.exe", "powershell.exe", "cmd.exe"),
    "InitiatingProcessFileName": ("msiexec.exe", "powershell.exe", "explorer.exe"),
    "InitiatingProcessParentFileName": ("services.exe", "explorer.exe"),
    "AccountName": ("ann", "bob", "svc_backup"),
    "RemoteUrl": ("https://updates.contoso.com/a", "evil.example", ""),
    "RemoteIP": ("203.0.113.7", "10.0.0.5"),
    "ActionType": ("ConnectionSuccess", "ProcessCreated", "FileCreated", "LogonSuccess"),
}
SHARED = ("v1", "v2", "v3", "")


class Wish(NamedTuple):
    """What a condition asks of a column: `kind` is one of `equal`, `part`, `first`, `last`; `path` are its members."""

    kind: str
    value: Any
    path: tuple[str, ...] = ()


def wishes(query: tree.Query) -> dict[str, list[Wish]]:
    """Return what the conditions of a query ask of each column."""
    lets = {s.name.value: s.value for s in query.statements if isinstance(s, tree.Let)}
    made = {
        name.value: node.value
        for node in tree.walk(query)
        if isinstance(node, tree.Named)
        for name in node.names
        if not isinstance(node.value, tree.Name) or node.value.value != name.value
    }
    found: dict[str, list[Wish]] = defaultdict(list)
    for node in tree.walk(query):
        if isinstance(node, tree.Binary) and len(node.operands) == 2:
            left, op, items = node.operands[0], node.ops[0], [node.operands[1]]
        elif isinstance(node, tree.Membership):
            left, op, items = node.left, node.op, list(node.items)
        else:
            continue
        kind = next((k for k, ops in _KINDS.items() if op in ops), None)
        column = _column(left, made, 0)
        if kind is None or column is None:
            continue
        for item in items:
            for value in _values(item, lets, query.text, 0):
                found[column[0]].append(Wish(kind, value, column[1]))
    return found


_KINDS = {"equal": EQUAL, "part": PARTS, "first": FIRST, "last": LAST, "order": ORDER}


def _column(node: tree.Node, made: Mapping[str, tree.Node], depth: int) -> tuple[str, tuple[str, ...]] | None:
    """Return the column that an expression is about, with the members below it."""
    if depth > 6:
        return None
    if isinstance(node, tree.Name):
        if node.value in made:
            return _column(made[node.value], made, depth + 1) or (node.value, ())
        return node.value, ()
    if isinstance(node, tree.Group):
        return _column(node.inner, made, depth + 1)
    if isinstance(node, tree.Call) and node.name.value in UNWRAPPED and node.args:
        return _column(node.args[-1 if node.name.value == "trim" else 0], made, depth + 1)
    if isinstance(node, tree.Path) and isinstance(node.member, tree.Name):
        inner = _column(node.base, made, depth + 1)
        return None if inner is None else (inner[0], (*inner[1], node.member.value))
    return None


def _values(node: tree.Node, lets: Mapping[str, Any], text: str, depth: int) -> Iterator[Any]:
    if depth > 6:
        return
    if isinstance(node, tree.Name) and node.value in lets and not isinstance(lets[node.value], tree.Function):
        yield from _values(lets[node.value], lets, text, depth + 1)
        return
    if isinstance(node, tree.Subquery):
        return
    for item in tree.walk(node):
        if isinstance(item, tree.Literal):
            spelled = text[item.start : item.end]
            if item.type == "string":
                yield string_value(spelled)
            elif item.type in ("long", "int", "real"):
                yield from _number(spelled)
            elif item.type == "bool":
                yield spelled.lower() == "true"
            elif item.type == "dynamic":
                yield from _listed(spelled)


def _number(spelled: str) -> Iterator[float]:
    try:
        yield float(spelled) if "." in spelled else int(spelled, 0)
    except ValueError:
        return


def _listed(spelled: str) -> Iterator[Any]:
    inner = spelled.partition("(")[2].rpartition(")")[0]
    for attempt in (inner, inner.replace("'", '"')):
        try:
            value = json.loads(attempt)
        except ValueError:
            continue
        yield from value if isinstance(value, list) else [value]
        return


def rows_for(
    columns: Mapping[str, str], wanted: Mapping[str, Sequence[Wish]], random: Random, now: datetime
) -> list[dict[str, Any]]:
    """Return rows of a table that mostly pass a query's conditions."""
    return [
        {name: _cell(name, kind, wanted.get(name, ()), random, now) for name, kind in columns.items()}
        for _ in range(ROWS)
    ]


def _cell(name: str, kind: str, wanted: Sequence[Wish], random: Random, now: datetime) -> Any:
    if kind == "datetime":
        return now - timedelta(minutes=random.choice((1, 5, 30, 90, 600, 1200)))
    if kind == "dynamic":
        return json.dumps(_bag(wanted, random))
    plain = [wish for wish in wanted if not wish.path]
    if kind in ("long", "int", "real", "double"):
        numbers = [w.value for w in plain if isinstance(w.value, int | float) and not isinstance(w.value, bool)]
        numbers += [int(w.value) for w in plain if isinstance(w.value, str) and w.value.isdigit()]
        value = random.choice(numbers) + random.choice((0, 0, 1, -1)) if numbers else random.choice((1, 443, 9000))
        return float(value) if kind in ("real", "double") else int(value) % 2**31
    if kind == "bool":
        return random.choice((True, False))
    if kind == "string":
        if any(wish.path for wish in wanted):
            return json.dumps(_bag(wanted, random))
        return _text(plain, random) or random.choice(POOLS.get(name, SHARED))
    return None


def _bag(wanted: Sequence[Wish], random: Random) -> dict[str, Any]:
    bag: dict[str, Any] = {}
    for path in {wish.path for wish in wanted if wish.path}:
        at = bag
        for member in path[:-1]:
            at = at.setdefault(member, {}) if isinstance(at.get(member, {}), dict) else {}
        own = [wish for wish in wanted if wish.path == path]
        numbers = [wish.value for wish in own if not isinstance(wish.value, str)]
        at[path[-1]] = random.choice(numbers) if numbers else _text(own, random)
    return bag


def _text(wanted: Sequence[Wish], random: Random) -> str:
    by_kind = defaultdict(list)
    for wish in wanted:
        if isinstance(wish.value, str | int):
            by_kind[wish.kind].append(str(wish.value))
    if by_kind["equal"] and random.random() < 0.8:
        return random.choice(by_kind["equal"])
    parts = by_kind["part"]
    chosen = parts if len(parts) <= 8 and random.random() < 0.6 else random.sample(parts, min(len(parts), 3))
    ends = [random.choice(by_kind[kind]) if by_kind[kind] else "" for kind in ("first", "last")]
    return " ".join(part for part in (ends[0], *chosen) if part) + ends[1]
