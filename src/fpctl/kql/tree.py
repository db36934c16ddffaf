"""The syntax tree of a KQL query: immutable nodes that are spans of the text.

Every node begins with `start` and `end`, character offsets into the query text (`end` is just
after the node's last token, so trivia never belongs to a node). Nothing of the text is stored
twice: what a node looks like is `text[node.start:node.end]`.

Nodes are named tuples rather than frozen dataclasses: as immutable, and a third of the cost to
make (the parser makes about one per three characters). Compare nodes with `is`.

All of them are in one module because they refer to each other in circles: an expression can contain a pipeline, a
pipeline contains operators, and operators contain expressions.

Names follow Microsoft's documentation of the language
(https://learn.microsoft.com/kusto/query/): an operator is known by its keyword.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

# --------------------------------------------------------------------------- expressions


class Name(NamedTuple):
    """An identifier, `value` without its brackets and quotes: `a`, `['my col']`."""

    start: int
    end: int
    value: str


class Wildcard(NamedTuple):
    """A name pattern, where the grammar allows one: `Device*`, `*_s`, `*` (union legs, project-away ...)."""

    start: int
    end: int
    pattern: str


class Star(NamedTuple):
    """A lone `*` in an expression position: `arg_max(T, *)`, `count(*)`, `distinct *`, `search * has 'x'`."""

    start: int
    end: int


class Literal(NamedTuple):
    """A literal.

    `type` is a Kusto scalar type name: string bool int long real decimal datetime timespan guid dynamic.
    """

    start: int
    end: int
    type: str


class TypeLiteral(NamedTuple):
    """A type in an expression: `typeof(long)`, `typeof(a:string, b:long)`."""

    start: int
    end: int
    type: str | None
    columns: tuple[ColumnDecl, ...]


class Path(NamedTuple):
    """`base.member`: a dynamic member, `$left.a`, or a step of `cluster('c').database('d').T`."""

    start: int
    end: int
    base: Expr
    member: Name | Call | Wildcard


class Index(NamedTuple):
    """`base[index]`."""

    start: int
    end: int
    base: Expr
    index: Expr  # type: ignore[assignment]


class Call(NamedTuple):
    """`name(arguments)`. An argument may be a `Subquery`, a `Star` or a `Named` (`f(x=1)`)."""

    start: int
    end: int
    name: Name
    args: tuple[Expr, ...]


class Named(NamedTuple):
    """`name = value`, or `(a, b) = value` when several names are given."""

    start: int
    end: int
    names: tuple[Name, ...]
    value: Expr


class Group(NamedTuple):
    """A parenthesised scalar expression."""

    start: int
    end: int
    inner: Expr


class Unary(NamedTuple):
    """`-x` or `+x`."""

    start: int
    end: int
    op: str
    operand: Expr


class Binary(NamedTuple):
    """A chain of one precedence level, flat so that a thousand `or` do not nest.

    `ops[i]` is between `operands[i]` and `operands[i + 1]`; evaluation is left to right.
    `ops` holds operators as KQL spells them: `and`, `==`, `has_cs`, `!contains`, `matches regex` ...
    """

    start: int
    end: int
    ops: tuple[str, ...]
    operands: tuple[Expr, ...]


class Membership(NamedTuple):
    """`left op (items)`: `in !in in~ !in~ has_any has_all`, and `between !between` with items (low, high).

    A single item that is a `Subquery` or a name of a tabular `let` is a sub-query.
    """

    start: int
    end: int
    op: str
    left: Expr
    items: tuple[Expr, ...]


class Subquery(NamedTuple):
    """A pipeline where an expression is allowed: `(T | project a)`, or an argument such as in `toscalar(T | count)`."""

    start: int
    end: int
    pipeline: Pipeline


Expr: TypeAlias = (
    Name | Wildcard | Star | Literal | TypeLiteral | Path | Index | Call | Named | Group | Unary | Binary
    | Membership | Subquery
)  # fmt: skip


class ColumnDecl(NamedTuple):
    """`name: type` in a schema. `type` is normalised (`int64` -> `long`); `*` is stored as name `*` with type None."""

    start: int
    end: int
    name: str
    type: str | None


class Parameter(NamedTuple):
    """An operator parameter `kind=inner`, `hint.strategy=shuffle`, `withsource=T`, `with (format='csv')` entry."""

    start: int
    end: int
    name: str
    value: Expr


# --------------------------------------------------------------------------- operators


class Where(NamedTuple):
    start: int
    end: int
    keyword: str
    """`where` or `filter`."""
    predicate: Expr


class Extend(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class Project(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class ProjectAway(NamedTuple):
    """`project-away` and `project-keep` (see `keyword`)."""

    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class ProjectRename(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class Ordered(NamedTuple):
    """`expr [asc|desc] [nulls first|last]`, also `granny-asc`; `order` None when not given."""

    start: int
    end: int
    value: Expr
    order: str | None
    nulls: str | None


class ProjectReorder(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Ordered, ...]


class ProjectByNames(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class Summarize(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    aggregates: tuple[Expr, ...]
    by: tuple[Expr, ...]


class Distinct(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    items: tuple[Expr, ...]


class Count(NamedTuple):
    start: int
    end: int
    keyword: str
    alias: Name | None
    """Legacy `count as X`."""


class Take(NamedTuple):
    start: int
    end: int
    keyword: str
    """`take` or `limit`."""
    parameters: tuple[Parameter, ...]
    count: Expr  # type: ignore[assignment]


class Sort(NamedTuple):
    start: int
    end: int
    keyword: str
    """`sort` or `order`."""
    parameters: tuple[Parameter, ...]
    items: tuple[Ordered, ...]


class Top(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    count: Expr  # type: ignore[assignment]
    by: Ordered


class TopNestedClause(NamedTuple):
    """`top-nested [N] of item [with others = x] by aggregate [asc|desc]`."""

    start: int
    end: int
    count: Expr | None  # type: ignore[assignment]
    item: Expr
    others: Expr | None
    by: Ordered


class TopNested(NamedTuple):
    start: int
    end: int
    keyword: str
    clauses: tuple[TopNestedClause, ...]


class TopHitters(NamedTuple):
    start: int
    end: int
    keyword: str
    count: Expr  # type: ignore[assignment]
    item: Expr
    by: Expr | None


class Sample(NamedTuple):
    start: int
    end: int
    keyword: str
    count: Expr  # type: ignore[assignment]


class SampleDistinct(NamedTuple):
    start: int
    end: int
    keyword: str
    count: Expr  # type: ignore[assignment]
    item: Expr


class Reduce(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    item: Expr
    options: tuple[Parameter, ...]


class ExpandItem(NamedTuple):
    """`[name =] expr [to typeof(type)]` of mv-expand and mv-apply."""

    start: int
    end: int
    value: Expr
    to_type: str | None


class MvExpand(NamedTuple):
    start: int
    end: int
    keyword: str
    """`mv-expand` or `mvexpand`."""
    parameters: tuple[Parameter, ...]
    items: tuple[ExpandItem, ...]
    limit: Expr | None


class MvApply(NamedTuple):
    start: int
    end: int
    keyword: str
    """`mv-apply` or `mvapply`."""
    parameters: tuple[Parameter, ...]
    items: tuple[ExpandItem, ...]
    limit: Expr | None
    body: Pipeline
    """A pipeline without a source."""


class Capture(NamedTuple):
    """`name[: type]` in a parse pattern."""

    start: int
    end: int
    name: str
    type: str | None


class Parse(NamedTuple):
    """`parse` and `parse-where`. `pattern` holds `Literal`, `Star` and `Capture` parts in order."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    value: Expr
    pattern: tuple[Literal | Star | Capture, ...]


class ParseKv(NamedTuple):
    start: int
    end: int
    keyword: str
    value: Expr
    columns: tuple[ColumnDecl, ...]
    options: tuple[Parameter, ...]


class Join(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    right: Source
    on: tuple[Expr, ...]


class Lookup(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    right: Source
    on: tuple[Expr, ...]


class Union(NamedTuple):
    """`union`, as a source or piped."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    legs: tuple[Source, ...]


class Search(NamedTuple):
    """`search`, as a source or piped. `tables` is the `in (...)` list."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    tables: tuple[Source, ...]
    predicate: Expr


class FindColumn(NamedTuple):
    """`name [: type]` of find's project list; `pack(*)` has the name `*`."""

    start: int
    end: int
    name: str
    type: str | None


class Find(NamedTuple):
    """`find`: a source. `project` is None for `project-smart` and where no list is given; `project_away` likewise."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    tables: tuple[Source, ...]
    predicate: Expr | None
    project: tuple[FindColumn, ...] | None
    project_away: tuple[FindColumn, ...] | None


class Print(NamedTuple):
    start: int
    end: int
    keyword: str
    items: tuple[Expr, ...]


class Range(NamedTuple):
    start: int
    end: int
    keyword: str
    name: Name
    low: Expr
    high: Expr
    step: Expr


class DataTable(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    columns: tuple[ColumnDecl, ...]
    values: tuple[Expr, ...]


class ExternalData(NamedTuple):
    """`externaldata` and the like (`external_data`, `inline_external_table`)."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    columns: tuple[ColumnDecl, ...]
    uris: tuple[Expr, ...]
    options: tuple[Parameter, ...]


class Evaluate(NamedTuple):
    """`evaluate plugin(...) [: (schema)]`, as a source or piped; `schema` None when not given, `*` first when open."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    call: Call
    schema: tuple[ColumnDecl, ...] | None


class SeriesAggregate(NamedTuple):
    """`[name =] aggregate [default = value]` of make-series."""

    start: int
    end: int
    value: Expr
    default: Expr | None


class MakeSeries(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    aggregates: tuple[SeriesAggregate, ...]
    on: Expr
    low: Expr | None
    high: Expr | None
    step: Expr | None
    by: tuple[Expr, ...]


class Partition(NamedTuple):
    """`partition by key (body)` has a body without a source; `partition by key { query }` has one with."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    by: Expr
    body: Pipeline


class ForkLeg(NamedTuple):
    start: int
    end: int
    name: Name | None
    body: Pipeline


class Fork(NamedTuple):
    start: int
    end: int
    keyword: str
    legs: tuple[ForkLeg, ...]


class Facet(NamedTuple):
    start: int
    end: int
    keyword: str
    by: tuple[Expr, ...]
    body: Pipeline | None


class Invoke(NamedTuple):
    start: int
    end: int
    keyword: str
    call: Expr


class As(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    name: Name


class Serialize(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    items: tuple[Expr, ...]


class Render(NamedTuple):
    start: int
    end: int
    keyword: str
    chart: str
    parameters: tuple[Parameter, ...]


class ScanStep(NamedTuple):
    """`step name [optional] [output = all|last|none]: condition => assignments;`."""

    start: int
    end: int
    name: Name
    optional: bool
    output: str | None
    condition: Expr
    assignments: tuple[Named, ...]


class Scan(NamedTuple):
    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    """Among them `with_match_id=name`."""
    order_by: tuple[Ordered, ...]
    partition_by: tuple[Expr, ...]
    declare: tuple[FunctionParameter, ...]
    """Columns that the steps assign, with what they hold before (`declare (n: long = 0)`)."""
    steps: tuple[ScanStep, ...]


class AssertSchema(NamedTuple):
    start: int
    end: int
    keyword: str
    columns: tuple[ColumnDecl, ...]


class Plain(NamedTuple):
    """An operator of its keyword and parameters alone: `getschema`, `consume`, `execute-and-cache`."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]


class MakeGraph(NamedTuple):
    """`make-graph source --> target [with nodes on id [, nodes on id] | with_node_id=x] [partitioned-by c (body)]`."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    source: Name
    target: Name
    nodes: tuple[Source, ...]
    node_ids: tuple[Name, ...]
    partition_body: Pipeline | None


class GraphOperator(NamedTuple):
    """`graph-match`, `graph-shortest-paths`, `graph-mark-components`, `graph-to-table`, `graph-where-*`.

    `names` are the node and edge names of the pattern (or the tables asked of graph-to-table).
    """

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    names: tuple[Name, ...]
    predicate: Expr | None
    project: tuple[Expr, ...]


class MacroExpand(NamedTuple):
    """`macro-expand [kind=..] entity_group [..] as X ( statements )`."""

    start: int
    end: int
    keyword: str
    parameters: tuple[Parameter, ...]
    group: Expr
    alias: Name
    body: tuple[Statement, ...]


Operator: TypeAlias = (
    Where | Extend | Project | ProjectAway | ProjectRename | ProjectReorder | ProjectByNames | Summarize | Distinct
    | Count | Take | Sort | Top | TopNested | TopHitters | Sample | SampleDistinct | Reduce | MvExpand | MvApply
    | Parse | ParseKv | Join | Lookup | Union | Search | Evaluate | MakeSeries | Partition | Fork | Facet | Invoke
    | As | Serialize | Render | Scan | AssertSchema | Plain | MakeGraph | GraphOperator | Find | Print | Range
    | ExternalData | MacroExpand
)  # fmt: skip
"""What may follow a `|`. The grammar allows the last five there too, though they are sources to every engine."""
SourceOperator: TypeAlias = (
    Union | Search | Find | Print | Range | DataTable | ExternalData | Evaluate | MacroExpand
)  # fmt: skip
Source: TypeAlias = Expr | SourceOperator
"""What a pipeline reads: a name, a call, a path, a wildcard (union legs), a `Subquery`, or a source operator."""


# --------------------------------------------------------------------------- pipelines and statements


class Pipeline(NamedTuple):
    """`source | operator | operator ...`. `source` is None in the bodies of mv-apply, partition, fork and facet."""

    start: int
    end: int
    source: Source | None
    operators: tuple[Operator, ...]


class FunctionParameter(NamedTuple):
    """`name: type [= default]`, or `name: (schema)` / `name: (*)` for a tabular one (`columns` not None)."""

    start: int
    end: int
    name: Name
    type: str | None
    columns: tuple[ColumnDecl, ...] | None
    default: Expr | None


class Function(NamedTuple):
    """`(parameters) { statements }`, `view` set for `view () { ... }`."""

    start: int
    end: int
    parameters: tuple[FunctionParameter, ...]
    body: tuple[Statement, ...]
    view: bool


class Let(NamedTuple):
    """`let name = value`. `value` is a `Subquery` where it is a pipeline by its syntax, else an expression or function.

    A lone name or call (`let X = T`) is an expression here: only the binder knows whether it is a table.
    `materialize(...)` and `toscalar(...)` are calls.
    """

    start: int
    end: int
    name: Name
    value: Expr | Function


class QueryStatement(NamedTuple):
    """A statement that gives a result. `pipeline.source` alone may be a scalar expression inside a function body."""

    start: int
    end: int
    pipeline: Pipeline


class Setting(NamedTuple):
    """`set option [= value]`, `alias database D = ...`, `restrict access to (...)`, `declare pattern ...`."""

    start: int
    end: int
    keyword: str
    """`set`, `alias`, `restrict`, `pattern`."""
    name: str | None


class QueryParameters(NamedTuple):
    """`declare query_parameters (name: type [= default], ...)`."""

    start: int
    end: int
    parameters: tuple[FunctionParameter, ...]


Statement: TypeAlias = Let | QueryStatement | Setting | QueryParameters


class Query(NamedTuple):
    """A whole text. `start`..`end` runs from the first token to the last (a trailing `;` included)."""

    start: int
    end: int
    text: str
    statements: tuple[Statement, ...]

    def results(self) -> tuple[QueryStatement, ...]:
        """Return the statements that give a result; a rule has exactly one, a batch several."""
        return tuple(s for s in self.statements if isinstance(s, QueryStatement))


Node: TypeAlias = (
    Expr | SourceOperator | Operator | Pipeline | Statement | Function | FunctionParameter | ColumnDecl | Parameter
    | Ordered | TopNestedClause | ExpandItem | Capture | FindColumn | SeriesAggregate | ForkLeg | ScanStep | Query
)  # fmt: skip


def children(node: Node) -> list[Node]:
    """Return the nodes directly below a node, in the order of their fields."""
    found: list[Node] = []
    values: Iterable[Any] = node
    for value in values:
        kind = value.__class__
        if kind is tuple:
            found += [item for item in value if hasattr(item, "_fields")]
        elif kind is not int and kind is not str and hasattr(value, "_fields"):
            found.append(value)
    return found


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack += reversed(children(current))


def names(node: Node) -> frozenset[str]:
    """Return every identifier at or below a node, whatever it stands for."""
    return frozenset(inner.value for inner in walk(node) if isinstance(inner, Name))
