"""Statements, functions and sources."""

from __future__ import annotations

import pytest

from fpctl.kql.parser import parse
from kql.outline import of


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        # let
        ("let a = 1;", "Let(a 1)"),
        ("let a = T;", "Let(a T)"),
        ("let a = (T);", "Let(a Group(T))"),
        ("let a = T | take 1;", "Let(a Subquery(Pipeline(T [Take(take 1)])))"),
        ("let a = (T | take 1);", "Let(a Subquery(Pipeline(T [Take(take 1)])))"),
        ("let a = union T, U;", "Let(a Subquery(Pipeline(Union(union [T U]))))"),
        ("let a = datatable (x: int) [1];", "Let(a Subquery(Pipeline(DataTable(datatable [ColumnDecl(x int)] [1]))))"),
        ("let a = materialize(T | take 1);", "Let(a Call(materialize [Subquery(Pipeline(T [Take(take 1)]))]))"),
        ("let a = materialize(T);", "Let(a Call(materialize [T]))"),
        ("let a = toscalar(T | count);", "Let(a Call(toscalar [Subquery(Pipeline(T [Count(count)]))]))"),
        ("let ['a b'] = 1;", "Let(a b 1)"),
        ("let g = entity_group [database('a')];", "Let(g Call(entity_group [Call(database ['a'])]))"),
        # functions
        ("let f = () { T };", "Let(f Function([Pipeline(T)]))"),
        ("let f = view () { T };", "Let(f Function([Pipeline(T)] True))"),
        (
            "let f = (a: string, b: int64 = 5) { let c = a; T | where x == c };",
            "Let(f Function([FunctionParameter(a string) FunctionParameter(b long 5)]"
            " [Let(c a) Pipeline(T [Where(where Binary([==] [x c]))])]))",
        ),
        (
            "let f = (t: (a: string, b: date), u: (*)) { t };",
            "Let(f Function([FunctionParameter(t [ColumnDecl(a string) ColumnDecl(b datetime)])"
            " FunctionParameter(u [ColumnDecl(*)])] [Pipeline(t)]))",
        ),
        ("let f = () { let a = 1; };", "Let(f Function([Let(a 1)]))"),
        # the others
        ("set notruncation;", "Setting(set notruncation)"),
        ("set querytrace = 5;", "Setting(set querytrace)"),
        ("alias database D = database('d');", "Setting(alias D)"),
        ("restrict access to (T, U*);", "Setting(restrict)"),
        ("declare pattern p;", "Setting(pattern p)"),
        (
            "declare query_parameters (a: string, b: long = 5);",
            "QueryParameters([FunctionParameter(a string) FunctionParameter(b long 5)])",
        ),
        # sources
        ("T", "Pipeline(T)"),
        ("T; U | count", "Pipeline(T); Pipeline(U [Count(count)])"),
        ("(T | take 1) | count", "Pipeline(Subquery(Pipeline(T [Take(take 1)])) [Count(count)])"),
        ("((T)) | count", "Pipeline(Subquery(Pipeline(Subquery(Pipeline(T)))) [Count(count)])"),
        ("workspace('w').T | count", "Pipeline(Path(Call(workspace ['w']) T) [Count(count)])"),
        (
            "cluster('c').database('d').T",
            "Pipeline(Path(Path(Call(cluster ['c']) Call(database ['d'])) T))",
        ),
        ("table('T')", "Pipeline(Call(table ['T']))"),
        (
            "_Im_Dns(starttime=ago(1d)) | count",
            "Pipeline(Call(_Im_Dns [Named([starttime] Call(ago [1d]))]) [Count(count)])",
        ),
        ("print a = 1, 2", "Pipeline(Print(print [Named([a] 1) 2]))"),
        ("range i from 1 to 5 step 1 | count", "Pipeline(Range(range i 1 5 1) [Count(count)])"),
        (
            "datatable (a: int, b: string) [-1, 'x'] | count",
            "Pipeline(DataTable(datatable [ColumnDecl(a int) ColumnDecl(b string)] [-1 'x']) [Count(count)])",
        ),
        (
            "externaldata (a: string) [@'u'] with (format='csv')",
            "Pipeline(ExternalData(externaldata [ColumnDecl(a string)] [@'u'] [Parameter(format 'csv')]))",
        ),
        ("search 'x' | count", "Pipeline(Search(search 'x') [Count(count)])"),
        ("search in (T, U*) a == 1", "Pipeline(Search(search [T U*] Binary([==] [a 1])))"),
        ("search * and 'x'", "Pipeline(Search(search Binary([and] [* 'x'])))"),
        (
            "find in (T, U | as X) where a == 1 project a, b: long, pack(*)",
            "Pipeline(Find(find [T Subquery(Pipeline(U [As(as X)]))] Binary([==] [a 1])"
            " [FindColumn(a) FindColumn(b long) FindColumn(*)]))",
        ),
        (
            "union withsource=S isfuzzy=true T, U*, (V | take 1), database('d').W*",
            "Pipeline(Union(union [Parameter(withsource S) Parameter(isfuzzy true)]"
            " [T U* Subquery(Pipeline(V [Take(take 1)])) Path(Call(database ['d']) W*)]))",
        ),
        ("union (T), *", "Pipeline(Union(union [Subquery(Pipeline(T)) *]))"),
        ("evaluate f(a) | count", "Pipeline(Evaluate(evaluate Call(f [a])) [Count(count)])"),
        (
            "macro-expand kind=outer G as X (let a = X.T; a | count)",
            "Pipeline(MacroExpand(macro-expand [Parameter(kind outer)] G X"
            " [Let(a Path(X T)) Pipeline(a [Count(count)])]))",
        ),
        ("where a == 1", "Pipeline([Where(where Binary([==] [a 1]))])"),
    ],
)
def test_tree(text: str, tree: str) -> None:
    assert of(text) == tree


def test_a_query_knows_its_results() -> None:
    query = parse("let a = 1; T | take a; U")
    assert [query.text[result.start : result.end] for result in query.results()] == ["T | take a", "U"]


def test_a_query_ends_with_its_last_token() -> None:
    query = parse("// head\n T | take 1 ; // tail\n")
    assert query.text[query.start : query.end] == "T | take 1 ;"


@pytest.mark.parametrize(
    ("word", "type_"),
    [
        ("bool", "bool"),
        ("boolean", "bool"),
        ("date", "datetime"),
        ("datetime", "datetime"),
        ("decimal", "decimal"),
        ("double", "real"),
        ("dynamic", "dynamic"),
        ("guid", "guid"),
        ("int", "int"),
        ("int64", "long"),
        ("long", "long"),
        ("real", "real"),
        ("string", "string"),
        ("time", "timespan"),
        ("timespan", "timespan"),
        ("uniqueid", "guid"),
    ],
)
def test_type_names_mean_types(word: str, type_: str) -> None:
    assert of(f"datatable (a: {word}) []") == f"Pipeline(DataTable(datatable [ColumnDecl(a {type_})]))"
