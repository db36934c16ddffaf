"""`scan`: steps that rows in order meet one after another (scan-operator, "Scan logic").

The rows become one list, and a recursive query goes over it: each turn takes the next row and works out what every
step remembers, from the last step to the first. What a step remembers are columns of the turn: `s1_0_2` is, in the
state of step 1, the column 2 (of those that steps are asked for) of the row that met step 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from fpctl.compiler.context import Expressions, Row
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.relation import Names, Relation
from fpctl.compiler.sql import (
    FALSE,
    Cast,
    Column,
    Func,
    Infix,
    Join,
    Named,
    Number,
    Order,
    Query,
    Recursive,
    Select,
    Sql,
    Table,
    UnionAll,
    Window,
    conjunction,
    disjunction,
    func,
    infix,
    negation,
    when,
)
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record
from fpctl.kql.binder.context import with_columns

AT, MATCHES = "fpctl_at", "fpctl_matches"


class Kept(NamedTuple):
    """A column that conditions and assignments ask of a step: its name, its type, what it is before any row."""

    name: str
    type: str
    empty: Sql


@dataclass(frozen=True, slots=True)
class Plan:
    """What the steps of a scan work with.

    Attributes:
        steps: the steps.
        row: the columns of the row at hand that the steps read, as a turn has them.
        declared: the declared columns: type, and value before any row.
        kept: the columns that are asked of steps.
    """

    steps: tuple[tree.ScanStep, ...]
    row: Mapping[str, Held]
    declared: Mapping[str, Value]
    kept: tuple[Kept, ...]

    def held(self, step: int, of: int) -> list[str]:
        """Return the columns in which the state of one step holds the row that met another."""
        return [f"s{step}_{of}_{at}" for at in range(len(self.kept))]

    def state(self) -> Iterator[tuple[str, Sql]]:
        """Yield every column that goes from turn to turn, with its first value."""
        yield AT, _long(0)
        yield MATCHES, _long(0)
        for step in range(len(self.steps)):
            yield f"a{step}", FALSE
            yield f"m{step}", _long(0)
            for of in range(step + 1):
                yield from zip(self.held(step, of), (one.empty for one in self.kept), strict=True)

    def results(self) -> Iterator[tuple[str, Sql]]:
        """Yield the columns of what a turn gives out, step by step, with a value of their type."""
        for at, step in enumerate(self.steps):
            if step.output != "none":
                yield f"e{at}", FALSE
                yield f"q{at}", _long(0)
                for number, value in enumerate(self.declared.values()):
                    yield f"o{at}_{number}", value.sql


@operator(tree.Scan)
def scan(compiler: Expressions, node: tree.Scan, rows: Relation) -> Relation:
    """`scan`."""
    _check(compiler, node, rows)
    number = compiler.fresh("fpctl_number")
    numbered = replace(rows.base(), columns=(Named(Func("row_number", (), over=Window()), number),))
    table = compiler.shared(numbered)
    plan = _plan(compiler, node, rows)
    read = [rows.columns[name] for name in plan.row]
    items = Func("row", (*(held.value().sql for held in read), Number(0)))
    listed = Func("list", (items,), order=(Order(Column(number), False, False),))
    state = compiler.fresh("fpctl_scan")
    source: Query = Select(
        Join("CROSS", Table(state), "fpctl_before", compiler.shared(Select(table, (Named(listed, "fpctl_rows"),))),
             "fpctl_all", None),
        (
            *(Named(Column(name), name) for name, _ in plan.state() if name != AT),
            Named(infix("+", Column(AT), Number(1)), AT),
            Named(func("list_extract", Column("fpctl_rows"), infix("+", Column(AT), Number(1))), "fpctl_item"),
        ),
        where=(Infix("<", (Column(AT), func("len", Column("fpctl_rows")))),),
    )  # fmt: skip
    found = (
        Named(func("struct_extract", Column("fpctl_item"), Number(at + 1)), held.sql)
        for at, held in enumerate(plan.row.values())
    )
    source = Select(source, tuple(found), keep=True, drop=("fpctl_item",))
    with _steps_named(compiler, plan, rows):
        for at in reversed(range(len(plan.steps))):
            source = _turn(compiler, plan, at, source)
    columns = [*plan.state(), *plan.results()]
    first = Select(None, tuple(Named(value, name) for name, value in columns))
    following = Select(source, tuple(Named(Column(name), name) for name, _ in columns))
    return _result(compiler, node, rows, plan, (table, number), compiler.shared(Recursive(state, first, following)))


def _long(value: int) -> Sql:
    return Cast(Number(value), "BIGINT")


def _check(compiler: Expressions, node: tree.Scan, rows: Relation) -> None:
    if not rows.ordered:
        compiler.refuse("scan", "scan needs rows in an order", node, "put `sort by ...` or `serialize` before it")
    if node.order_by or node.partition_by:
        compiler.refuse("scan", "`order by` and `partition by` of scan are not described", node, "use partition by ...")
    for step in node.steps:
        place = tree.Name(step.start, step.end, "")
        if step.output == "last" or step.optional:
            word = "optional" if step.optional else "output=last"
            compiler.refuse("scan", f"`{word}` of a step is not supported by the local engine", place)


def _expressions_of(node: tree.Scan) -> Iterator[tree.Node]:
    for step in node.steps:
        yield from tree.walk(step.condition)
        for one in step.assignments:
            yield from tree.walk(one.value)


def _plan(compiler: Expressions, node: tree.Scan, rows: Relation) -> Plan:
    declared: dict[str, Value] = {}
    for one in node.declare:
        kind = one.type or "string"
        value = constant(None, kind) if one.default is None else converted(compiler.value(one.default), kind)
        if value is None or not value.is_constant:
            compiler.refuse("scan", f"what {one.name.value} begins with must be a value of type {kind}", one)
        declared[one.name.value] = value
    steps = {step.name.value for step in node.steps}
    asked: dict[str, None] = {}
    for part in _expressions_of(node):
        if isinstance(part, tree.Path) and isinstance(part.base, tree.Name) and part.base.value in steps:
            name = part.member.value if isinstance(part.member, tree.Name) else ""
            if name not in declared and name not in rows.columns:
                compiler.refuse("column", f"there is no column {name}", part.member, code="unknown-column")
            asked[name] = None
    every = any(
        isinstance(part, tree.Star) or (isinstance(part, tree.Call) and part.name.value == "pack_all")
        for part in _expressions_of(node)
    )
    named = {part.value for part in _expressions_of(node) if isinstance(part, tree.Name)}
    read = [name for name in rows.columns if every or name in named]
    row = {name: Held(name, rows.columns[name].type, f"r{at}") for at, name in enumerate(read)}
    kept = tuple(
        Kept(name, declared[name].type, declared[name].sql)
        if name in declared
        else Kept(name, rows.columns[name].type, constant(None, rows.columns[name].type).sql)
        for name in asked
    )
    return Plan(node.steps, row, declared, kept)


@contextmanager
def _steps_named(compiler: Expressions, plan: Plan, rows: Relation) -> Iterator[None]:
    """Let the names of steps stand for rows, to the binder."""
    binder = compiler.binder
    names, binder.names = binder.names, binder.names.child()
    for step in plan.steps:
        binder.names[step.name.value] = Record(dict(rows.scope.columns), open=True)
    try:
        with compiler.in_row(Row(plan.row), rows.scope):
            yield
    finally:
        binder.names = names


def _in_state(plan: Plan, held: Mapping[int, Sequence[str]]) -> Row:
    """Return the row at hand beside what a state holds, as columns by the number of the step; other steps are empty."""
    extra: dict[str, Value] = {}
    for at, step in enumerate(plan.steps):
        for number, one in enumerate(plan.kept):
            sql = Column(held[at][number]) if at in held else one.empty
            extra[f"{step.name.value}.{one.name}"] = Value(sql, one.type)
    return Row(plan.row, extra=extra)


def _turn(compiler: Expressions, plan: Plan, at: int, source: Query) -> Query:
    """Return the rows of a turn after one step: does the row meet it, and what do the steps remember then."""
    step = plan.steps[at]
    before = {of: plan.held(at - 1, of) for of in range(at)}
    own = {of: plan.held(at, of) for of in range(at + 1)}

    def met(state: Mapping[int, Sequence[str]]) -> Sql:
        with compiler.in_row(_in_state(plan, state), compiler.binder.row.scope):
            return func("coalesce", compiler.condition(step.condition), FALSE)

    # Check 1: the row goes on with the sequence of the step before. Check 2: it goes on with this step's own.
    follows = conjunction([Column(f"a{at - 1}"), met(before)]) if at else FALSE
    goes_on = met(own) if at == 0 else conjunction([Column(f"a{at}"), met(own)])
    tests = Select(source, (Named(follows, "c1"), Named(goes_on, "c2")), keep=True)
    promoted = {of: [f"p{of}_{number}" for number in range(len(plan.kept))] for of in range(at + 1)}
    moved = [
        Named(when(Column("c1"), Column(before[of][number]) if of < at else one.empty, Column(own[of][number])),
              promoted[of][number])
        for of in range(at + 1)
        for number, one in enumerate(plan.kept)
    ]  # fmt: skip
    assigned, made = _assigned(compiler, plan, step, _in_state(plan, promoted))
    source = Select(Select(tests, tuple(moved), keep=True), tuple(made), keep=True)
    hit = disjunction([Column("c1"), Column("c2")])
    new: dict[str, Sql] = {f"a{at}": disjunction([Column(f"a{at}"), hit])}
    if at:
        match = when(Column("c1"), Column(f"m{at - 1}"), Column(f"m{at}"))
        new[f"a{at - 1}"] = conjunction([Column(f"a{at - 1}"), negation(Column("c1"))])
        for of in range(at):
            for number, one in enumerate(plan.kept):
                new[own[of][number]] = Column(promoted[of][number])
                new[before[of][number]] = when(Column("c1"), one.empty, Column(before[of][number]))
    else:
        begins = conjunction([Column("c2"), negation(Column("a0"))])
        match = when(begins, Column(MATCHES), Column("m0"))
        new[MATCHES] = when(begins, infix("+", Column(MATCHES), Number(1)), Column(MATCHES))
    new[f"m{at}"] = match
    for number, one in enumerate(plan.kept):
        value = assigned[one.name] if one.name in plan.declared else Column(plan.row[one.name].sql)
        new[own[at][number]] = when(hit, value, Column(own[at][number]))
    results: list[Named] = []
    if step.output != "none":
        results = [Named(hit, f"e{at}"), Named(match, f"q{at}")]
        results += [Named(assigned[name], f"o{at}_{number}") for number, name in enumerate(plan.declared)]
    temporary = ["c1", "c2", *(one.name for one in moved), *(one.name for one in made)]
    columns = tuple(Named(sql, name) for name, sql in new.items())
    return Select(source, (*columns, *results), keep=True, drop=(*new, *temporary))


def _assigned(compiler: Expressions, plan: Plan, step: tree.ScanStep, row: Row) -> tuple[dict[str, Sql], list[Named]]:
    """Return the columns that hold the declared columns of a row that meets a step, and how they are computed."""
    made: list[Named] = []
    columns: dict[str, Sql] = {name: value.sql for name, value in plan.declared.items()}
    for one in step.assignments:
        name = one.names[0].value
        if name not in plan.declared:
            compiler.refuse("scan", f"{name} is not among the declared columns", one)
        kind = plan.declared[name].type
        with compiler.in_row(row, compiler.binder.row.scope):
            value = compiler.value(one.value)
        typed = implicit(value, kind) or (converted(value, kind) if value.is_constant else None)
        if typed is None:
            compiler.refuse("scan", f"{name} is to be a {kind}, not a {value.type}", one)
        sql_name = f"d{len(made)}"
        made.append(Named(typed.sql, sql_name))
        columns[name] = Column(sql_name)
    return columns, made


def _result(
    compiler: Expressions, node: tree.Scan, rows: Relation, plan: Plan, numbered: tuple[Table, str], turns: Table
) -> Relation:
    """Return the rows that the turns give out, the columns of the row before those of the steps."""
    table, number = numbered
    legs = []
    for at, step in enumerate(plan.steps):
        if step.output == "none":
            continue
        columns = [Named(Column(AT), AT), Named(Number(-at), "fpctl_step"), Named(Column(f"q{at}"), "q")]
        columns += [Named(Column(f"o{at}_{one}"), f"o{one}") for one in range(len(plan.declared))]
        legs.append(Select(turns, tuple(columns), where=(Column(f"e{at}"),)))
    if not legs:
        compiler.refuse("scan", "no step gives rows out", node)
    scope = compiler.bound(node, rows)
    match = compiler.binder.parameter_text(node.parameters, "with_match_id")
    wanted = [*rows.columns, *(name for name in plan.declared if name not in rows.columns)]
    wanted += [match] if match and match not in wanted else []
    names = Names((AT, "fpctl_step"))
    columns_of: dict[str, Held] = {}
    made = []
    for name in wanted:
        if name in plan.declared:
            sql: Sql = Column(f"o{list(plan.declared).index(name)}", "fpctl_out")
            held = Held(name, plan.declared[name].type, names.free(name))
        elif name in rows.columns:
            before = rows.columns[name]
            sql, held = Column(before.sql, "fpctl_in"), before._replace(sql=names.free(name))
        else:
            sql, held = Column("q", "fpctl_out"), Held(name, "long", names.free(name))
        columns_of[name] = held
        made.append(Named(sql, held.sql))
    joined = Join("INNER", table, "fpctl_in", UnionAll(tuple(legs)) if len(legs) > 1 else legs[0], "fpctl_out",
                  Infix("=", (Column(number, "fpctl_in"), Column(AT, "fpctl_out"))))  # fmt: skip
    select = Select(joined, tuple(made), order=(_ascending(AT), _ascending("fpctl_step")))
    scope = with_columns(scope, {name: column for name, column in scope.columns.items() if name in columns_of})
    return Relation(select, columns_of, scope, False, True)


def _ascending(name: str) -> Order:
    return Order(Column(name, "fpctl_out"), False, False)
