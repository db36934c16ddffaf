"""Queries made at random in which rows are referred to in every way that KQL has.

Scalar `let`s that lead to one another, scalar functions, functions called with several tables, unions that tell the
source of a row or miss a table, lists of every operator, joins of every kind in a row. Columns that an aggregate
computes have names that begin with `n_`, as in `semantics.pipelines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from hypothesis import strategies as st

from rewrite.semantics.computed import computed
from rewrite.semantics.drawing import EVENTS, TEXTS, Drawing
from rewrite.semantics.estate import ABSENT, EXCLUSIONS, SCHEMA, Estate, estate
from rewrite.semantics.pipelines import KINDS

OPERATORS = ("in", "in~", "!in", "!in~", "has_any", "has_all")
COMPARISONS = (">", ">=", "<", "<=", "==", "!=")
STEPS = ("* 1", "/ 2", "- 1", "+ 1")


def baseline(draw: Drawing) -> str:
    """A threshold that is computed from the rows themselves, however far away."""
    table = draw.pick(EVENTS)
    kept = draw.column(table)
    lets = [f"let runs = {draw.events(table)} | project {kept}"]
    if draw.chance(30):
        lets.append(f"let groups = runs | summarize n_rows = count() by {kept}")
        lets.append(f"let total = toscalar(groups | summarize {draw.pick(('avg', 'max', 'min'))}(n_rows))")
    elif draw.chance(30):
        lets.append("let all = () { toscalar(runs | count) }")
        lets.append("let total = all()")
    else:
        lets.append("let total = toscalar(runs | count)")
    limit = "total"
    for number in range(draw.random.randint(0, 3)):
        lets.append(f"let step{number} = {limit} {draw.pick(STEPS)}")
        limit = f"step{number}"
    if draw.chance(30):
        lets.append(f"let least = () {{ {limit} - 1 }}")
        limit = "least()"
    elif draw.chance(20):
        lets.append("let half = (x: real) { x / 2 }")
        limit = f"half(todouble({limit}))"
    rows = "runs"
    if draw.chance(30):
        lets.append("let same = runs")
        rows = draw.pick(("same", "runs"))
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
    if draw.chance(30):
        lets.append(f"let values = () {{ {name} }}")
        name = "values()"
    condition = draw.pick(
        (
            f"set_has_element({name}, {kept})", f"array_index_of({name}, {kept}) < 0", f"{kept} in ({name})",
            f"{kept} has_any ({name})", f"{kept} has_all ({name})", f"tostring({name}) has {kept}",
        )
    )  # fmt: skip
    condition = f"not({condition})" if draw.chance(60) else condition
    return ";\n".join([*lets, f"runs | where {number} <= {limit} and {condition}"])


def several_calls(draw: Drawing) -> str:
    """A function that is called with several tables."""
    first, second = draw.random.sample(EVENTS, 2)
    shared = [name for name in TEXTS[first] if name in TEXTS[second]]
    kept = draw.pick(shared)
    body = draw.pick(
        (
            f"where isnotempty({kept})",
            f"summarize n_rows = count() by {kept}",
            f'where {kept} != "a.exe"',
            "extend x = 1",
        )
    )
    if draw.chance(40):
        body += f" | distinct {kept}"
    if draw.chance(40):
        body = f"table(name) | {body}"
        calls = [f"f('{first}')", f"f('{second}')"]
        head = "let f = (name: string) {"
    else:
        declared = [*draw.random.sample(shared, draw.random.randint(1, len(shared))), kept]
        if draw.chance(30):
            declared.append("Timestamp")
        types = ", ".join(
            f"{name}: {'datetime' if name == 'Timestamp' else 'string'}" for name in dict.fromkeys(declared)
        )
        default = ", least: long = 0" if draw.chance(30) else ""
        head = f"let f = (T: ({types}){default}) {{"
        body = f"T | {body}"
        if draw.chance(20):
            body = f"let inner = {body}; inner"
        calls = [f"f({first})", f"f({second})"]
    if draw.chance(25):
        return f"{head} {body} }};\n{calls[0]}"
    if draw.chance(20):
        return f"{head} {body} }};\n{calls[0]} | union ({calls[1]})"
    return f"{head} {body} }};\nunion {', '.join(calls)}"


def sources(draw: Drawing) -> str:
    """A union that tells the source of each row, or that misses a table."""
    tables = list(SCHEMA)
    legs = list(draw.random.sample(tables, draw.random.randint(1, 3)))
    fuzzy = draw.chance(50)
    if fuzzy:
        legs.insert(draw.random.randrange(len(legs) + 1), draw.pick(("AbsentEvents", *ABSENT)))
    elif len(legs) == 1:
        legs.append(draw.pick([table for table in tables if table not in legs]))
    named = "withsource=Source " if draw.chance(60) else ""
    written = [f"({leg} | where isnotempty(Timestamp))" if draw.chance(15) else leg for leg in legs]
    if draw.chance(25):
        body = f"{written[0]}\n| union {'isfuzzy=true ' if fuzzy else ''}{named}{', '.join(written[1:])}"
        if legs[0] not in SCHEMA:
            return sources(draw)
    else:
        body = f"union {'isfuzzy=true ' if fuzzy else ''}{named}{', '.join(written)}"
    if named and draw.chance(60):
        body += f'\n| where Source {draw.pick(("==", "!=", "has"))} "{draw.pick(legs)}"'
    ends = ["", "\n| summarize n_rows = count()", "\n| where isnotempty(Timestamp)", "\n| project-away Timestamp"]
    return body + draw.pick([*ends, "\n| summarize n_rows = count() by Source"] if named else ends)


def lists(draw: Drawing) -> str:
    """Mails or events that are looked up in lists made from events."""
    conditions = []
    main = draw.pick(("EmailEvents", "EmailEvents", *EVENTS))
    for table in draw.random.sample([table for table in EVENTS if table != main], draw.random.randint(1, 2)):
        listed = f"{draw.events(table)} | project listed = {draw.column(table)}"
        left = draw.column(main)
        if draw.chance(20):
            condition = f"set_has_element(toscalar({listed} | summarize make_set(listed)), {left})"
        else:
            condition = f"{left} {draw.pick(OPERATORS)} (({listed}))"
        conditions.append(f"not({condition})" if draw.chance(30) else condition)
    return f"{main}\n| where {draw.pick((' and ', ' or ')).join(conditions)}"


def joins(draw: Drawing) -> str:
    """Joins of every kind, one after the other."""
    tables = draw.random.sample(list(SCHEMA), 3)
    body = f"{draw.events(tables[0])} | project a = {draw.column(tables[0])}"
    if draw.chance(40):
        body = f"{draw.events(tables[0])} | extend a = {draw.column(tables[0])}"
    last = "a"
    for number, table in enumerate(tables[1 : 1 + draw.random.randint(1, 2)]):
        right = f"{draw.events(table)} | extend k{number} = {draw.column(table)}"
        if draw.chance(50):
            right += f" | project k{number}"
        kind = draw.pick(KINDS)
        left = "a" if last == "a" or draw.chance(60) else last
        if draw.chance(10):
            body += f"\n| lookup kind={draw.pick(('inner', 'leftouter'))} ({right}) on $left.{left} == $right.k{number}"
            continue
        body += f"\n| join kind={kind} ({right}) on $left.{left} == $right.k{number}"
        if kind.startswith("right") and kind != "rightouter":
            return body
        if kind not in ("leftsemi", "leftanti"):
            last = f"k{number}"
    return body


def taken_up(draw: Drawing) -> str:
    """Rows that are read again: by the name of a `let`, of `as`, through `invoke` and `materialize`."""
    table = draw.pick(EVENTS)
    kept = draw.column(table)
    again = draw.pick(
        (
            f"where {kept} in ((again | summarize n_rows = count() by {kept} | where n_rows > 1 | project {kept}))",
            f"join kind={draw.pick(KINDS)} (again | project k = {kept}) on $left.{kept} == $right.k",
            f"union (again | where {kept} has 'a')",
            f"where {kept} !in ((again | where {draw.column(table)} has 'build01' | project {kept}))",
            f"where {kept} !in ((again | where {draw.column(table)} has 'a' | project {kept}))",
        )
    )
    if draw.chance(50):
        return f"{draw.events(table)}\n| as again\n| {again}{draw.pick(('', f' | distinct {kept}'))}"
    if draw.chance(30):
        return f"let again = materialize({draw.events(table)});\nagain\n| {again}"
    body = draw.pick(
        (f"where isnotempty({kept})", f"summarize n_rows = count() by {kept} | where n_rows < 3", "take 100")
    )
    return f"let f = (T: ({kept}: string, Timestamp: datetime), x: long = 1) {{ T | {body} }};\n{table}\n| invoke f()"


Shape = Callable[[Drawing], str]
SHAPES: Sequence[Shape] = (
    baseline, known_values, several_calls, sources, lists, joins, taken_up, computed,
)  # fmt: skip


def case(seed: int) -> tuple[str, Estate, str]:
    """Return the query of a seed, the data with an exclusion to judge it on, and the placement that this asks for."""
    return case_of(seed, SHAPES)


def case_of(seed: int, shapes: Sequence[Shape]) -> tuple[str, Estate, str]:
    """Return the case of a seed among some shapes of queries."""
    draw = Drawing(Random(seed))
    shape = draw.random.choice(shapes)
    text = shape(draw) + "\n"
    placement = (
        "result" if draw.chance(30 if shape is computed else 5) else draw.pick(("auto", "auto", "auto", "source"))
    )
    return text, estate(seed % 6, draw.random.randrange(len(EXCLUSIONS))), placement


def cases() -> st.SearchStrategy[tuple[str, Estate, str]]:
    """Return a strategy of cases."""
    return st.integers(0, 2**32 - 1).map(case)
