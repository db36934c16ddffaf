"""Queries made at random over the tables of the data sets; each table is read at most once.

Columns that an aggregate computes have names that begin with `n_`. A query is drawn by its seed: drawn
choice by choice, hypothesis would lean to the first choices, and the combinations that matter be rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from fpctl.kql.analysis import analyse
from fpctl.kql.parser import parse
from rewrite.semantics.estate import SCHEMA, TABLES

KINDS = (
    "inner", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "rightanti"
)  # fmt: skip
SHARED = ("AccountName", "SenderFromAddress", "Subject", "DeviceName")
ABSENCE = ("leftanti", "rightanti", "leftouter", "fullouter")
"""Kinds that tell what has no match."""
WORDS = ("build01", "msiexec.exe", "db1", "ann", "contoso")


@dataclass
class Building:
    """A query in the making."""

    random: Random
    focus: str
    """`compare`: mails compared with events; `aggregate`: events in groups; `any`: anything."""
    free: list[str] = field(default_factory=lambda: list(SCHEMA))
    definitions: list[str] = field(default_factory=list)
    names: int = 0

    def pick(self, values: Sequence[str]) -> str:
        return self.random.choice(values)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def text(self, body: str) -> str:
        return "".join(f"let {definition};\n" for definition in self.definitions) + body

    def columns(self, body: str, *types: str) -> list[str]:
        """Return the columns at the end of a body, of some types."""
        query = parse(self.text(body))
        scope = analyse(query, TABLES).columns_of(query.results()[-1].pipeline).points[-1].scope
        return [c.name for c in scope.columns.values() if c.type in types or not types]

    def source(self, depth: int) -> str:
        # A mail has no device: then the clause has to go into what the mails are compared with.
        chance = {"compare": 60, "aggregate": 0}.get(self.focus, 30)
        mails = depth == 0 and "EmailEvents" in self.free and self.chance(chance)
        mails = mails or (depth == 1 and self.focus == "compare" and "EmailEvents" in self.free)
        table = "EmailEvents" if mails else self.pick(self.free)
        self.free.remove(table)
        body = table
        for _ in range(self.random.randint(0, 1 if self.focus == "compare" else 2)):
            body = self.operator(body, depth)
        if depth == 0 and self.chance(30):
            name = self.name("v")
            self.definitions.append(f"{name} = {f'materialize({body})' if self.chance(40) else body}")
            body = name
        return body

    def operator(self, body: str, depth: int) -> str:
        """Return the body with one more row-wise operator."""
        strings, numbers = self.columns(body, "string"), self.columns(body, "int", "long")
        everything = self.columns(body)
        made: list[str] = [f"where isnotempty({self.pick(everything)})"]
        if strings:
            column, other = self.pick(strings), self.pick(strings)
            new = self.name("e")
            made += [
                f'where {column} !~ "{self.pick(WORDS)}"',
                f'where {column} has "{self.pick(WORDS)}" or {other} != ""',
                f'extend {new} = strcat({column}, "/", {other})',
                f"extend {new} = {column}",
                f"extend {column} = toupper({column})",
                f"project-rename {new} = {column}",
            ]
        if numbers:
            made += [f"where {self.pick(numbers)} > 5", f"where {self.pick(numbers)} in (22, 4, 443)"]
        if len(everything) > 2:
            kept = [name for name in everything if self.chance(70)] or everything[:1]
            made += [f"project {', '.join(kept)}", f"project-away {self.pick(everything)}"]
            made += [f"project-reorder {self.pick(everything)}", f"sort by {self.pick(everything)} asc"]
        return f"{body}\n| {self.pick(made)}"

    def combined(self, body: str) -> str:
        """Return the body brought together with another table."""
        other = self.source(1)
        left, right = self.columns(body, "string"), self.columns(other, "string")
        ways = ["union"]
        if left and right:
            ways = ["join", "join", "join", "join", "in", "!in", "lookup"] + ways * (self.focus == "any")
        way = self.pick(ways)
        if way == "union":
            return f"union ({body}), ({other})" if self.chance(50) else f"{body}\n| union ({other})"
        a, b = (self.key(left), self.key(right)) if way != "union" else ("", "")
        if way in ("in", "!in"):
            return f"{body}\n| where {a} {way} (({other} | distinct {b}))"
        kinds = (*KINDS, *ABSENCE) if self.focus == "compare" else KINDS
        kind = self.pick(("inner", "leftouter")) if way == "lookup" else self.pick(kinds)
        body = f"{body}\n| {way} kind={kind} ({other}) on $left.{a} == $right.{b}"
        if self.focus == "compare":
            # Without the events' own columns the clause has to go before the comparison, or nowhere.
            mails = [name for name in self.columns(body) if name in SCHEMA["EmailEvents"]]
            absent = [name for name in self.columns(body, "string") if name not in mails]
            if kind in ABSENCE and absent:
                body += f"\n| where isempty({self.pick(absent)})"
            body += f"\n| project {', '.join(mails)}" if mails else ""
        return body

    def key(self, columns: list[str]) -> str:
        """Return a column to compare by; mostly one of those that share values."""
        shared = [name for name in columns if name in SHARED]
        return self.pick(shared if shared and self.chance(90) else columns)

    def ending(self, body: str) -> str:
        """Return the body with an aggregation behind it, or not."""
        everything = self.columns(body, "string")
        if not everything or self.chance({"aggregate": 0, "compare": 75}.get(self.focus, 40)):
            return body
        keys = ", ".join(sorted({self.pick(everything), self.pick(everything)}))
        counted = f"summarize n_rows = count(), n_other = dcount({self.pick(everything)}) by {keys}"
        limits = ("n_rows > 1", "n_rows < 3", "n_rows == 1", "n_other >= 2", "not(n_other > 1)")
        ends = ["distinct " + keys, "summarize by " + keys, counted]
        return f"{body}\n| " + self.pick([*ends, *(f"{counted}\n| where {limit}" for limit in limits)])


def query(seed: int) -> str:
    """Return the query of a seed."""
    random = Random(seed)
    building = Building(random, random.choice(("any", "compare", "aggregate")))
    body = building.source(0)
    for _ in range(random.randint(1, 2) if building.focus == "any" else 1):
        if building.focus == "compare" or (building.focus == "any" and building.chance(85)):
            body = building.combined(body)
        if building.focus != "compare" and building.chance(50):
            body = building.operator(body, 0)
    return building.text(building.ending(body)) + "\n"


def queries() -> st.SearchStrategy[str]:
    """Return a strategy of queries."""
    return st.integers(0, 2**32 - 1).map(query)
