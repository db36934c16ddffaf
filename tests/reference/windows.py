"""`scan`: steps that rows match one after another. Page: scan-operator."""

from __future__ import annotations

from fpctl.kql import tree
from reference.conversions import convert
from reference.interpreter import Interpreter, operator
from reference.operators_scalar import truth
from reference.scope import Place, Row, Scope, Table
from reference.values import Value, long, null_of


class _State:
    """What a step remembers: the rows of the steps up to it, and which match they belong to."""

    def __init__(self, rows: dict[str, Row], match: int) -> None:
        self.rows, self.match = rows, match


@operator(tree.Scan)
def scan(self: Interpreter, table: Table, node: tree.Scan, scope: Scope) -> Table:
    match_column = self.parameter(node, "with_match_id")
    declared = {column.name.value: column.type or "string" for column in node.declare}
    starts = {column.name.value: _default(self, column, scope) for column in node.declare}
    columns = {**table.columns, **declared}
    if match_column:
        columns[match_column] = "long"
    out = Table(columns)
    states: list[_State | None] = [None] * len(node.steps)
    empty: Row = {**{name: null_of(kind) for name, kind in table.columns.items()}, **starts}
    matches = 0
    for record in table.rows:
        for k in range(len(node.steps) - 1, -1, -1):
            step = node.steps[k]
            before = states[k - 1] if k else None
            if before is not None and _meets(self, step, record, before.rows, node, empty, scope):
                states[k] = _State(dict(before.rows), before.match)
                states[k - 1] = None
            elif (k == 0 or states[k] is not None) and _meets(
                self, step, record, states[k].rows if states[k] else {}, node, empty, scope
            ):
                if k == 0 and states[0] is None:
                    states[0] = _State({}, matches)
                    matches += 1
            else:
                continue
            state = states[k]
            assert state is not None
            row = _extended(self, step, record, state.rows, node, (empty, starts), scope)
            state.rows[step.name.value] = row
            if step.output in (None, "all"):
                out.rows.append({**row, **({match_column: long(state.match)} if match_column else {})})
    return out


def _place(record: Row, rows: dict[str, Row], node: tree.Scan, empty: Row, scope: Scope) -> Place:
    steps = {step.name.value: rows.get(step.name.value, empty) for step in node.steps}
    return Place(scope, record, steps=steps)


def _meets(self: Interpreter, step: tree.ScanStep, record: Row, rows: dict[str, Row], node: tree.Scan, empty: Row,
           scope: Scope) -> bool:  # fmt: skip
    return truth(self.value(step.condition, _place(record, rows, node, empty, scope))) is True


def _extended(self: Interpreter, step: tree.ScanStep, record: Row, rows: dict[str, Row], node: tree.Scan,
              shape: tuple[Row, Row], scope: Scope) -> Row:  # fmt: skip
    empty, starts = shape
    place = _place(record, rows, node, empty, scope)
    row = {**record, **starts}
    for assignment in step.assignments:
        name = assignment.names[0].value
        row[name] = convert(self.value(assignment.value, place), starts[name].type)
    return row


def _default(self: Interpreter, column: tree.FunctionParameter, scope: Scope) -> Value:
    """The value that a declared column begins with."""
    kind = column.type or "string"
    if column.default is None:
        return null_of(kind)
    return convert(self.value(column.default, Place(scope, {})), kind)
