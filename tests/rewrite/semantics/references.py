"""Queries made at random in which rows are referred to in every way that KQL has.

Scalar `let`s that lead to one another, scalar functions, functions called with several tables, unions that tell the
source of a row or miss a table, lists of every operator, joins of every kind in a row. Columns that an aggregate
computes have names that begin with `n_`, as in `semantics.pipelines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

from rewrite.semantics.estate import SCHEMA
from rewrite.semantics.pipelines import KINDS

TEXTS = {
    "DeviceProcessEvents": ("DeviceName", "FileName", "AccountName"),
    "DeviceNetworkEvents": ("DeviceName", "InitiatingProcessFileName", "RemoteUrl"),
    "EmailEvents": ("SenderFromAddress", "Subject"),
}
OPERATORS = ("in", "in~", "!in", "!in~", "has_any", "has_all")
COMPARISONS = (">", ">=", "<", "<=", "==", "!=")
EVENTS = ("DeviceProcessEvents", "DeviceNetworkEvents")


class Drawing:
    """Choices, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def pick(self, values: Sequence[str]) -> str:
        return self.random.choice(values)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def column(self, table: str) -> str:
        return self.pick(TEXTS[table])

    def events(self, table: str) -> str:
        """Return a pipeline of a table that keeps one text column of it, or all."""
        body = table
        if self.chance(40):
            body += f" | where isnotempty({self.column(table)})"
        return body

    def counted(self, table: str, rows: str) -> str:
        return f"{rows} | summarize n_rows = count() by {self.column(table)}"


def baseline(draw: Drawing) -> str:
    """A threshold that is computed from the rows themselves, however far away."""
    table = draw.pick(EVENTS)
    kept = draw.column(table)
    lets = [f"let runs = {draw.events(table)} | project {kept}", "let total = toscalar(runs | count)"]
    limit = "total"
    for number in range(draw.random.randint(0, 3)):
        lets.append(f"let step{number} = {limit} {draw.pick(('* 1', '/ 2', '- 1', '+ 1'))}")
        limit = f"step{number}"
    if draw.chance(30):
        lets.append(f"let least = () {{ {limit} - 1 }}")
        limit = "least()"
    if draw.chance(30):
        lets.append("let same = runs")
    rows = "same" if draw.chance(50) and "let same = runs" in lets else "runs"
    condition = f"n_rows {draw.pick(COMPARISONS)} {limit}"
    return ";\n".join([*lets, f"{rows} | summarize n_rows = count() by {kept} | where {condition}"])


def known_values(draw: Drawing) -> str:
    """A set of known values that is made from other rows of the same pipeline."""
    table, kept, number = draw.random.choice(
        (("DeviceProcessEvents", "AccountName", "ProcessId"), ("DeviceNetworkEvents", "RemoteUrl", "RemotePort"))
    )
    limit = draw.pick(("5", "10", "100"))
    lets = [f"let runs = {draw.events(table)} | project {kept}, {number}"]
    lets.append(f"let known = toscalar(runs | where {number} > {limit} | summarize make_set({kept}))")
    name = "known"
    if draw.chance(50):
        lets.append("let more = array_concat(known, dynamic(['x']))")
        name = "more"
    condition = f"set_has_element({name}, {kept})"
    condition = f"not({condition})" if draw.chance(60) else condition
    return ";\n".join([*lets, f"runs | where {number} <= {limit} and {condition}"])


def several_calls(draw: Drawing) -> str:
    """A function that is called with several tables."""
    if draw.chance(50):
        body = draw.pick(("where isnotempty(DeviceName)", "summarize n_rows = count() by DeviceName"))
        body = f"table(name) | {body} | distinct DeviceName"
        return f"let f = (name: string) {{ {body} }};\nunion f('DeviceProcessEvents'), f('DeviceNetworkEvents')"
    shared = ["DeviceName"] if draw.chance(60) else ["DeviceName", "Timestamp"]
    declared = ", ".join(f"{name}: {'datetime' if name == 'Timestamp' else 'string'}" for name in shared)
    body = draw.pick(("T | where isnotempty(DeviceName)", "T | summarize n_rows = count() by DeviceName", "T"))
    if draw.chance(40):
        body += " | distinct DeviceName"
    return f"let f = (T: ({declared})) {{ {body} }};\nunion f(DeviceProcessEvents), f(DeviceNetworkEvents)"


def sources(draw: Drawing) -> str:
    """A union that tells the source of each row, or that misses a table."""
    legs = list(draw.random.sample(list(SCHEMA), draw.random.randint(2, 3)))
    fuzzy = draw.chance(50)
    if fuzzy:
        legs.insert(draw.random.randrange(len(legs) + 1), "AbsentEvents")
    named = "withsource=Source " if draw.chance(60) else ""
    body = f"union {'isfuzzy=true ' if fuzzy else ''}{named}{', '.join(legs)}"
    if named and draw.chance(60):
        body += f'\n| where Source {draw.pick(("==", "!="))} "{draw.pick(legs)}"'
    ends = ["", "\n| summarize n_rows = count()", "\n| where isnotempty(Timestamp)"]
    return body + draw.pick([*ends, "\n| summarize n_rows = count() by Source"] if named else ends)


def lists(draw: Drawing) -> str:
    """Mails that are looked up in lists made from events."""
    conditions = []
    for table in draw.random.sample(EVENTS, draw.random.randint(1, 2)):
        listed = f"{draw.events(table)} | project {draw.column(table)}"
        condition = f"{draw.column('EmailEvents')} {draw.pick(OPERATORS)} (({listed}))"
        conditions.append(f"not({condition})" if draw.chance(30) else condition)
    return f"EmailEvents\n| where {draw.pick((' and ', ' or ')).join(conditions)}"


def joins(draw: Drawing) -> str:
    """Joins of every kind, one after the other."""
    tables = draw.random.sample(list(SCHEMA), 3)
    body = f"{draw.events(tables[0])} | project a = {draw.column(tables[0])}"
    if draw.chance(40):
        body = f"{draw.events(tables[0])} | extend a = {draw.column(tables[0])}"
    for number, table in enumerate(tables[1 : 1 + draw.random.randint(1, 2)]):
        right = f"{draw.events(table)} | extend k{number} = {draw.column(table)}"
        if draw.chance(50):
            right += f" | project k{number}"
        kind = draw.pick(KINDS)
        left = "a" if number == 0 or draw.chance(60) else f"k{number - 1}"
        body += f"\n| join kind={kind} ({right}) on $left.{left} == $right.k{number}"
        if kind.startswith("right") and kind != "rightouter":
            return body
        if kind in ("leftsemi", "leftanti"):
            left = "a"
    return body


SHAPES: Sequence[Callable[[Drawing], str]] = (baseline, known_values, several_calls, sources, lists, joins)


def query(seed: int) -> str:
    """Return the query of a seed."""
    draw = Drawing(seed)
    return draw.random.choice(SHAPES)(draw) + "\n"


def queries() -> st.SearchStrategy[str]:
    """Return a strategy of queries."""
    return st.integers(0, 2**32 - 1).map(query)
