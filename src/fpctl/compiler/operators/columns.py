"""Operators that choose and compute columns: project and its kin, extend, distinct."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import Expressions
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.naming import add, several, types
from fpctl.compiler.relation import Made, Relation, passed
from fpctl.compiler.values.conversions import implicit
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.context import with_columns
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection


def computed(compiler: Expressions, items: Sequence[tree.Expr], output: Projection, style: Style) -> list[Made]:
    """Compile items, adding their names to the output.

    A name that is given twice is an error of the query.
    """
    made: list[Made] = []
    for item, type_ in zip(items, types(compiler, items), strict=True):
        if isinstance(item, tree.Star):
            names = add(compiler, output, item, type_, style)
            made.extend(passed(compiler.row.columns[name], of=compiler.row.of) for name in names)
            continue
        values = several(compiler, item)
        names = add(compiler, output, item, type_, style)
        made.extend(matched(compiler, item, names, values, output))
    return made


def matched(
    compiler: Expressions, item: tree.Expr, names: Sequence[str], values: Sequence[Value], output: Projection
) -> list[Made]:
    """Return an item's values under their names, in the types that the binder gives them."""
    if not names:
        return []  # `extend A = A`
    if len(names) > len(values):
        compiler.refuse("columns", f"`{compiler.text(item)}` gives another number of columns than is declared", item)
    made = []
    for name, value in zip(names, values, strict=False):
        column = output.columns[name]
        if column.type == "unknown":  # to Microsoft's binder: `avg()` of a dynamic
            output.columns[name] = column._replace(type=value.type)
        made.append(Made(name, agreed(compiler, item, value, column.type)))
    return made


def agreed(compiler: Expressions, item: tree.Node, value: Value, type_: str) -> Value:
    """Return a value in the type that the binder gives it; where the two cannot agree, the query is refused."""
    type_ = str(type_)
    if value.type == type_ or type_ == "unknown":
        return value
    same = implicit(value, type_)
    if same is None:
        compiler.refuse("type", f"`{compiler.text(item)}` is a {value.type} here, where a {type_} is expected", item)
    return same


def added(compiler: Expressions, items: Sequence[tree.Expr], rows: Relation, style: Style) -> Relation:
    """Return the rows with the columns that items give beside them."""
    output = Projection(rows.scope.columns)
    made = computed(compiler, items, output, style)
    scope = with_columns(rows.scope, output.columns)
    if not made:
        return rows.with_scope(scope)
    return rows.extended(made, list(output.columns), scope)


@operator(tree.Extend)
def extend(compiler: Expressions, node: tree.Extend, rows: Relation) -> Relation:
    """`extend`."""
    return added(compiler, node.items, rows, Style.EXTEND)


@operator(tree.Project)
def project(compiler: Expressions, node: tree.Project, rows: Relation) -> Relation:
    """`project`."""
    output = Projection()
    made = computed(compiler, node.items, output, Style.PROJECT)
    return rows.projected(made, with_columns(rows.scope, output.columns))


@operator(tree.Distinct)
def distinct(compiler: Expressions, node: tree.Distinct, rows: Relation) -> Relation:
    """`distinct`."""
    output = Projection()
    made = computed(compiler, node.items, output, Style.PROJECT)
    for one in made:
        if one.value.type == "dynamic":
            compiler.refuse(
                "distinct", f"distinct cannot compare the dynamic column {one.name}", node, "use tostring()"
            )
    scope = with_columns(rows.scope, output.columns)
    return rows.projected(made, scope, distinct=True)


@operator(tree.ProjectAway, tree.ProjectReorder, tree.ProjectByNames)
def chosen(compiler: Expressions, node: tree.Operator, rows: Relation) -> Relation:
    """`project-away`, `-keep`, `-reorder`, `-by-names`: the same columns, some of them, or in another order."""
    scope = compiler.bound(node, rows)
    check_known(compiler, node)
    return rows.renamed({name: name for name in scope.columns}, scope)


@operator(tree.ProjectRename)
def rename(compiler: Expressions, node: tree.ProjectRename, rows: Relation) -> Relation:
    """`project-rename`."""
    scope = compiler.bound(node, rows)
    check_known(compiler, node)
    if len(scope.columns) != len(rows.columns):
        compiler.refuse("project-rename", "two columns would have one name", node)
    return rows.renamed(dict(zip(scope.columns, rows.columns, strict=True)), scope)


def check_known(compiler: Expressions, node: tree.Node) -> None:
    """Refuse an operator that names a column that is not there."""
    for problem in compiler.binder.problems:
        if node.start <= problem.offset < node.end and problem.code == "unknown-column":
            place = tree.Name(problem.offset, problem.offset, "")
            compiler.refuse(
                "column", problem.message, place, problem.hint and f"did you mean {problem.hint}?", problem.code
            )
