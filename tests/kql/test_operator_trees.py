"""The operators after a pipe."""

from __future__ import annotations

import pytest

from fpctl.kql.parser import parse
from fpctl.kql.tree import QueryStatement
from kql.outline import of


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("where a == 1", "Where(where Binary([==] [a 1]))"),
        ("filter a", "Where(filter a)"),
        ("extend a = 1, b", "Extend(extend [Named([a] 1) b])"),
        ("extend (a, b) = f(c)", "Extend(extend [Named([a b] Call(f [c]))])"),
        ("project a = b, ['c d']", "Project(project [Named([a] b) c d])"),
        ("project", "Project(project)"),
        ("project-away a*, *_b, ['c d']", "ProjectAway(project-away [a* *_b c d])"),
        ("project-keep a, b*", "ProjectAway(project-keep [a b*])"),
        ("project-rename a = b", "ProjectRename(project-rename [Named([a] b)])"),
        ("project-reorder b* desc, a", "ProjectReorder(project-reorder [Ordered(b* desc) Ordered(a)])"),
        ("project-by-names 'a'", "ProjectByNames(project-by-names ['a'])"),
        ("summarize count() by a, b = c", "Summarize(summarize [Call(count)] [a Named([b] c)])"),
        ("summarize by a", "Summarize(summarize [a])"),
        (
            "summarize hint.strategy=shuffle count()",
            "Summarize(summarize [Parameter(hint.strategy shuffle)] [Call(count)])",
        ),
        ("summarize count() by t bin=1h", "Summarize(summarize [Call(count)] [t Named([bin] 1h)])"),
        ("distinct *", "Distinct(distinct [*])"),
        ("distinct a, tolower(b)", "Distinct(distinct [a Call(tolower [b])])"),
        ("count", "Count(count)"),
        ("count as N", "Count(count N)"),
        ("take 5", "Take(take 5)"),
        ("limit n", "Take(limit n)"),
        ("sort by a asc nulls first, b", "Sort(sort [Ordered(a asc first) Ordered(b)])"),
        ("order by a desc", "Sort(order [Ordered(a desc)])"),
        ("top 5 by a desc nulls last", "Top(top 5 Ordered(a desc last))"),
        (
            "top-nested 3 of a with others='x' by sum(b) desc, top-nested of c by max(1)",
            "TopNested(top-nested [TopNestedClause(3 a 'x' Ordered(Call(sum [b]) desc))"
            " TopNestedClause(c Ordered(Call(max [1])))])",
        ),
        ("top-hitters 5 of a by b", "TopHitters(top-hitters 5 a b)"),
        ("sample 5", "Sample(sample 5)"),
        ("sample-distinct 5 of a", "SampleDistinct(sample-distinct 5 a)"),
        (
            "reduce by a with threshold=0.3, characters='-'",
            "Reduce(reduce a [Parameter(threshold 0.3) Parameter(characters '-')])",
        ),
        (
            "mv-expand bagexpansion=array a, b = c to typeof(long) limit 5",
            "MvExpand(mv-expand [Parameter(bagexpansion array)] [ExpandItem(a) ExpandItem(Named([b] c) long)] 5)",
        ),
        (
            "mv-apply a = b to typeof(string) on (where a == 'x' | take 1)",
            "MvApply(mv-apply [ExpandItem(Named([a] b) string)]"
            " Pipeline([Where(where Binary([==] [a 'x'])) Take(take 1)]))",
        ),
        (
            "parse kind=regex flags=i a with * 'x' b: long 'y' c",
            "Parse(parse [Parameter(kind regex) Parameter(flags i)] a [* 'x' Capture(b long) 'y' Capture(c)])",
        ),
        ("parse-where a with 'x' b", "Parse(parse-where a ['x' Capture(b)])"),
        (
            "parse-kv a as (b: string) with (pair_delimiter=',', greedy=true)",
            "ParseKv(parse-kv a [ColumnDecl(b string)] [Parameter(pair_delimiter ',') Parameter(greedy true)])",
        ),
        (
            "join kind=inner (U | take 1) on a, $left.b == $right.c",
            "Join(join [Parameter(kind inner)] Subquery(Pipeline(U [Take(take 1)]))"
            " [a Binary([==] [Path($left b) Path($right c)])])",
        ),
        ("join U on a", "Join(join U [a])"),
        ("join (U) on a", "Join(join Subquery(Pipeline(U)) [a])"),
        ("join (union U, V) on a", "Join(join Subquery(Pipeline(Union(union [U V]))) [a])"),
        ("join datatable (a: int) [1] on a", "Join(join DataTable(datatable [ColumnDecl(a int)] [1]) [a])"),
        ("lookup kind=leftouter (U) on a", "Lookup(lookup [Parameter(kind leftouter)] Subquery(Pipeline(U)) [a])"),
        ("union U, (V | take 1)", "Union(union [U Subquery(Pipeline(V [Take(take 1)]))])"),
        ("search 'x'", "Search(search 'x')"),
        (
            "evaluate hint.distribution=single bag_unpack(d) : (*, a: string)",
            "Evaluate(evaluate [Parameter(hint.distribution single)] Call(bag_unpack [d])"
            " [ColumnDecl(*) ColumnDecl(a string)])",
        ),
        (
            "make-series n = count() default=0 on t from a to b step 1h by c",
            "MakeSeries(make-series [SeriesAggregate(Named([n] Call(count)) 0)] t a b 1h [c])",
        ),
        (
            "make-series count() on t in range(a, b, 1h)",
            "MakeSeries(make-series [SeriesAggregate(Call(count))] t a b 1h)",
        ),
        ("partition by a (top 1 by b)", "Partition(partition a Pipeline([Top(top 1 Ordered(b))]))"),
        ("partition by a { U | take 1 }", "Partition(partition a Pipeline(U [Take(take 1)]))"),
        (
            "fork a = (take 1) (where b | count)",
            "Fork(fork [ForkLeg(a Pipeline([Take(take 1)])) ForkLeg(Pipeline([Where(where b) Count(count)]))])",
        ),
        ("fork (count)", "Fork(fork [ForkLeg(Pipeline([Count(count)]))])"),
        ("facet by a, b with (take 1)", "Facet(facet [a b] Pipeline([Take(take 1)]))"),
        ("facet by a with take 1", "Facet(facet [a] Pipeline([Take(take 1)]))"),
        ("invoke f(1)", "Invoke(invoke Call(f [1]))"),
        ("as hint.materialized=true X", "As(as [Parameter(hint.materialized true)] X)"),
        ("serialize n = row_number()", "Serialize(serialize [Named([n] Call(row_number))])"),
        (
            "render timechart with (title='x', ycolumns=a, b, kind=stacked)",
            "Render(render timechart [Parameter(title 'x') Parameter(ycolumns a) Parameter(ycolumns b)"
            " Parameter(kind stacked)])",
        ),
        (
            "render barchart kind=stacked by a, b",
            "Render(render barchart [Parameter(kind stacked) Parameter(by a) Parameter(by b)])",
        ),
        (
            "scan with_match_id=m order by t partition by a declare (n: long = 0)"
            " with (step s1 optional output=last: a == 1 => n = 1, o = 2; step s2: true;)",
            "Scan(scan [Parameter(with_match_id m)] [Ordered(t)] [a] [FunctionParameter(n long 0)]"
            " [ScanStep(s1 True last Binary([==] [a 1]) [Named([n] 1) Named([o] 2)]) ScanStep(s2 true)])",
        ),
        ("assert-schema (a: string)", "AssertSchema(assert-schema [ColumnDecl(a string)])"),
        ("getschema", "Plain(getschema)"),
        ("consume", "Plain(consume)"),
        ("make-graph a --> b with N on id", "MakeGraph(make-graph a b [N] [id])"),
        ("make-graph a -- b with_node_id=n", "MakeGraph(make-graph a b [n])"),
        (
            "make-graph a --> b with_node_id=n partitioned-by p (graph-to-table nodes)",
            "MakeGraph(make-graph a b [n] Pipeline([GraphOperator(graph-to-table)]))",
        ),
        (
            "graph-match cycles=none (a)-[e*1..3]->(b)<--(c) where a.x == 1 project a.x, n = b.y",
            "GraphOperator(graph-match [Parameter(cycles none)] [a e b c] Binary([==] [Path(a x) 1])"
            " [Path(a x) Named([n] Path(b y))])",
        ),
        (
            "graph-shortest-paths output=all (a)-[e*1..5]->(b)",
            "GraphOperator(graph-shortest-paths [Parameter(output all)] [a e b])",
        ),
        ("graph-where-nodes x == 1", "GraphOperator(graph-where-nodes Binary([==] [x 1]))"),
        (
            "graph-mark-components kind=weak with_component_id=c",
            "GraphOperator(graph-mark-components [Parameter(kind weak) Parameter(with_component_id c)])",
        ),
        ("graph-to-table nodes as N, edges as E", "GraphOperator(graph-to-table [N E])"),
    ],
)
def test_tree(text: str, tree: str) -> None:
    assert of(f"T | {text}") == f"Pipeline(T [{tree}])"


def test_operators_follow_one_another() -> None:
    assert of("T | where a | take 1 | count") == "Pipeline(T [Where(where a) Take(take 1) Count(count)])"


def test_an_operator_ends_with_its_last_token() -> None:
    text = "T // source\n| where a == 1 // why\n | take 1\n"
    statement = parse(text).statements[0]
    assert isinstance(statement, QueryStatement)
    pieces = [
        text[node.start : node.end] for node in (statement.pipeline.source, *statement.pipeline.operators) if node
    ]
    assert pieces == ["T", "where a == 1", "take 1"]
