"""Functions that a query defines with `let` and that give a table: their bodies in place of their calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fpctl.engine.local.transpile.draft import Draft, Edit, apply_edits
from fpctl.kql import tree

_LONGEST = 2_000_000
"""Characters a query may grow to: functions that call functions grow it exponentially."""


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the bodies of tabular functions where they are called, and drop definitions that nobody calls."""
    routines = {
        name: value for name, value in draft.lets.items() if isinstance(value, tree.Function) and _gives_table(value)
    }
    if not routines or len(draft.text) > _LONGEST:
        return
    called = False
    for node, arguments in _calls(draft, routines):
        body = _body(draft, routines[_name(node)], arguments)
        if body is not None:
            called = True
            draft.notes.add("function body")
            yield Edit(node.start, node.end, body)
    if not called:
        yield from _unused(draft, routines)


def _calls(
    draft: Draft, routines: Mapping[str, tree.Function]
) -> Iterator[tuple[tree.Call | tree.Name, tuple[tree.Expr, ...]]]:
    names = {id(node.name) for node in draft.nodes if isinstance(node, tree.Call | tree.Let)}
    invoked = {id(node.call) for node in draft.nodes if isinstance(node, tree.Invoke)}
    for node in draft.nodes:
        if isinstance(node, tree.Call) and node.name.value in routines and id(node) not in invoked:
            yield node, node.args
        elif isinstance(node, tree.Name) and node.value in routines and id(node) not in names | invoked:
            yield node, ()


def _name(node: tree.Call | tree.Name) -> str:
    return node.name.value if isinstance(node, tree.Call) else node.value


def _gives_table(function: tree.Function) -> bool:
    last = function.body[-1] if function.body else None
    if not isinstance(last, tree.QueryStatement):
        return False
    pipeline = last.pipeline
    if function.view or pipeline.operators:
        return True
    return isinstance(pipeline.source, tree.Union | tree.DataTable | tree.Print | tree.Range | tree.Subquery)


def _body(draft: Draft, function: tree.Function, arguments: tuple[tree.Expr, ...]) -> str | None:
    """Return the body with the arguments and inner lets in place, in parentheses; None if it cannot be put so."""
    values: dict[str, str] = {}
    named = {a.names[0].value: a.value for a in arguments if isinstance(a, tree.Named)}
    positional = [a for a in arguments if not isinstance(a, tree.Named)]
    for position, parameter in enumerate(function.parameters):
        given = named.get(parameter.name.value) or (positional[position] if position < len(positional) else None)
        value = given or parameter.default
        if value is None:
            return None
        values[parameter.name.value] = f"({draft.source(value)})" if not _plain(value) else draft.source(value)
    for statement in function.body[:-1]:
        if not isinstance(statement, tree.Let) or isinstance(statement.value, tree.Function):
            return None
        text = _substituted(draft, statement.value, values)
        values[statement.name.value] = text if _plain(statement.value) or text.startswith("(") else f"({text})"
    if any(name in (draft.environment.table(table) or ()) for name in values for table in draft.environment.tables()):
        return None  # a column of that name would win over the parameter
    last = function.body[-1]
    assert isinstance(last, tree.QueryStatement)
    return f"({_substituted(draft, last.pipeline, values)})"


def _plain(node: tree.Node) -> bool:
    return isinstance(node, tree.Name | tree.Literal | tree.Call | tree.Subquery | tree.Group)


def _substituted(draft: Draft, node: tree.Node, values: Mapping[str, str]) -> str:
    members = {id(inner.member) for inner in tree.walk(node) if isinstance(inner, tree.Path)}
    members |= {id(name) for inner in tree.walk(node) if isinstance(inner, tree.Named) for name in inner.names}
    members |= {id(inner.name) for inner in tree.walk(node) if isinstance(inner, tree.Call)}
    found = [
        Edit(inner.start - node.start, inner.end - node.start, values[inner.value])
        for inner in tree.walk(node)
        if isinstance(inner, tree.Name) and inner.value in values and id(inner) not in members
    ]
    return apply_edits(draft.source(node), found)[0]


def _unused(draft: Draft, routines: Mapping[str, tree.Function]) -> Iterator[Edit]:
    """Yield the removal of definitions that nothing names any more: duckdb-kql reads bodies it need not."""
    used = {node.value for node in draft.nodes if isinstance(node, tree.Name)}
    counted = [node.value for node in draft.nodes if isinstance(node, tree.Name)]
    for statement in draft.query.statements:
        if isinstance(statement, tree.Let) and statement.name.value in routines:
            name = statement.name.value
            if name in used and counted.count(name) == 1:
                end = statement.end
                if draft.text[end - 1] != ";":
                    semicolon = draft.text.find(";", end)
                    end = semicolon + 1 if semicolon >= 0 else end
                yield Edit(statement.start, end, "")
