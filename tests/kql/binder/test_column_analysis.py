"""The analysis as a whole: which pipelines it reports, what lets are, problems, stored functions."""

from __future__ import annotations

import pytest

from fpctl.kql import tree
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.binder import BinderProblem, NoTables, Routine, Scalar, Tabular
from fpctl.kql.parser import parse
from fpctl.schema.tables import Tables
from kql.binder.binder_cases import ENVIRONMENT, TABLES


def analysis(query: str, environment: Tables = ENVIRONMENT) -> Analysis:
    return analyse(parse(query), environment)


def paths(query: str) -> list[tuple[str, str | None]]:
    return [(pipeline.path, pipeline.parent) for pipeline in analysis(query).pipelines]


# --------------------------------------------------------------------------- pipelines and gaps


def test_a_gap_stands_after_the_source_and_after_each_operator() -> None:
    query = "Door\n| where Level > 1\n| project Badge"
    (pipeline,) = analysis(query).pipelines
    assert [(point.offset, point.after, point.index) for point in pipeline.points] == [
        (4, "source", 0),
        (query.index("1") + 1, "where", 1),
        (len(query), "project", 2),
    ]


def test_a_body_without_a_source_has_no_gap_before_its_first_operator() -> None:
    body = analysis("Door | mv-apply Tags on (where Level > 1 | take 1)").pipelines[1]
    assert [(point.after, point.index) for point in body.points] == [("where", 1), ("take", 2)]


def test_the_outermost_pipeline_comes_first_then_the_others_where_they_stand() -> None:
    query = """
let cold = Log | where Code > 5;
let hot = (n: int) { Door | where Level > n };
hot(3)
| join kind=inner (cold | project Badge, Code) on Badge
| where Badge in ((Log | project Badge)) and Level > toscalar(Log | summarize max(Code))
| union (Log | take 1), Log, (Door | take 2)
| lookup (Wide | project Badge, b) on Badge
"""
    assert paths(query) == [
        ("main", None),
        ("let cold", None),
        ("let hot/body", "let hot"),
        ("main/join 1", "main"),
        ("main/in 1", "main"),
        ("main/toscalar 1", "main"),
        ("main/union 1", "main"),
        ("main/union 3", "main"),
        ("main/lookup 1", "main"),
    ]


def test_pipelines_inside_a_let_are_named_after_it() -> None:
    query = "let a = materialize(Door | join kind=inner (Log | take 1) on Badge); let n = toscalar(a | count); print n"
    assert paths(query) == [
        ("main", None),
        ("let a/materialize 1", "let a"),
        ("let a/materialize 1/join 1", "let a/materialize 1"),
        ("let n/toscalar 1", "let n"),
    ]


def test_a_batch_has_several_outermost_pipelines() -> None:
    assert paths("Door | take 1; Log | take 2") == [("main", None), ("main 2", None)]


def test_columns_of_finds_a_pipeline_by_its_node() -> None:
    query = parse("Door | join kind=inner (Log | take 1) on Badge")
    (inner,) = (node.pipeline for node in tree.walk(query) if isinstance(node, tree.Subquery))
    assert analyse(query, ENVIRONMENT).columns_of(inner).path == "main/join 1"


def test_a_function_body_is_reported_as_its_first_call_sees_it() -> None:
    query = "let f = (T: (*)) { T | extend n = 1 }; union (f(Log)), (f(Door))"
    body = next(pipeline for pipeline in analysis(query).pipelines if pipeline.path == "let f/body")
    assert list(body.points[-1].scope.columns) == ["At", "Badge", "Owner", "Code", "n"]


def test_a_function_that_nothing_calls_is_reported_as_declared() -> None:
    query = "let f = (T: (Badge: string), x: long) { T | extend n = x }; Door"
    body = next(pipeline for pipeline in analysis(query).pipelines if pipeline.path == "let f/body")
    assert [(column.name, column.type) for column in body.points[-1].scope.columns.values()] == [
        ("Badge", "string"),
        ("n", "long"),
    ]


# --------------------------------------------------------------------------- lets


def test_lets_say_what_a_name_is() -> None:
    lets = analysis("let n = 5 * 2.0; let D = Door | project Badge; let f = () { D }; D | as E").lets
    assert lets["n"] == Scalar("real", lets["n"].value, lets["n"].text)  # type: ignore[union-attr]
    assert isinstance(lets["D"], Tabular)
    assert list(lets["D"].scope.columns) == ["Badge"]
    assert isinstance(lets["f"], Routine)
    assert isinstance(lets["E"], Tabular)


def test_a_column_wins_over_a_let_of_its_name() -> None:
    (pipeline, *_) = analysis("let Badge = 5; Door | extend x = Badge").pipelines
    assert pipeline.points[-1].scope.columns["x"].type == "string"


def test_a_let_wins_over_a_table_of_its_name() -> None:
    (pipeline, *_) = analysis("let Door = Log | project Owner; Door | take 1").pipelines
    assert list(pipeline.points[-1].scope.columns) == ["Owner"]


def test_a_function_sees_the_lets_before_it_only() -> None:
    query = "let n = 1; let f = () { print x = n }; let n = 'later'; f()"
    assert analysis(query).pipelines[0].points[-1].scope.columns["x"].type == "long"


# --------------------------------------------------------------------------- problems


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Door | where badge == 'x'", ("unknown-column", 13, "Badge")),
        ("Door | where Bage == 'x'", ("unknown-column", 13, "Badge")),
        ("Door | where Nothing == 'x'", ("unknown-column", 13, None)),
        ("Door | project Badge | where Level > 1", ("unknown-column", 29, None)),
        ("Door | summarize count() by Levl", ("unknown-column", 28, "Level")),
        ("Door | project-away Taggs", ("unknown-column", 20, "Tags")),
        ("Door | project-away x*", ("unknown-column", 20, None)),
        ("Door | project-rename a = Bagde", ("unknown-column", 26, "Badge")),
        ("Door | join kind=inner Log on Owner", ("unknown-column", 30, None)),
        ("Door | join kind=inner Log on Level", ("unknown-column", 30, None)),
        ("Door | join kind=inner Log on $left.Badge == $right.Ownr", ("unknown-column", 52, "Owner")),
        ("door | take 1", ("unknown-table", 0, "Door")),
        ("Door | where tolowr(Badge) == 'x'", ("unknown-function", 13, "tolower")),
        ("Door | evaluate bag_unpak(Tags)", ("unknown-plugin", 16, "bag_unpack")),
        ("Door | invoke nope()", ("unknown-function", 14, None)),
    ],
)
def test_what_nothing_has_is_a_problem_with_the_nearest_name(query: str, expected: tuple[str, int, str | None]) -> None:
    (problem,) = analysis(query).problems
    assert (problem.code, problem.offset, problem.hint) == expected


@pytest.mark.parametrize(
    "query",
    [
        "Door | where Tags.anything.at['all'][0] == 'x'",
        "Door | extend x = column_ifexists('Nope', '')",
        "let ids = Log | project Owner; Door | where Badge in (ids)",
        "let f = (x: string) { strlen(x) }; Door | where f(Badge) > 1",
        "Door | where Badge in (Log)",
        "union isfuzzy=true Door, (Nowhere | where Whatever == 1)",
        "Door | summarize n = count() by Badge | where n > 1",
        "Door | sort by At asc | extend p = prev(Badge), r = row_number()",
        "Log | make-graph Owner --> Badge | graph-match (a)-[e]->(b) where e.Code > 1 project e.Owner",
        "search in (Door, Log) Owner has 'x'",
        "find in (Door, Log) where Owner has 'x'",
    ],
)
def test_no_problem_where_there_is_none(query: str) -> None:
    assert analysis(query).problems == ()


def test_problems_are_in_order_and_once_each() -> None:
    query = "let f = () { Door | where Bad == 1 }; f() | join kind=inner f() on Badge | where Worse == 1"
    assert [problem.code for problem in analysis(query).problems] == ["unknown-column", "unknown-column"]
    assert [problem.offset for problem in analysis(query).problems] == sorted(
        problem.offset for problem in analysis(query).problems
    )


@pytest.mark.parametrize("query", ["Some_CL", "let A = Some_CL; A | take 1", "let f = () { Some_CL }; f() | take 1"])
def test_a_lone_name_that_nothing_has_is_an_unknown_table(query: str) -> None:
    found = analyse(parse(query), NoTables())
    assert [problem.code for problem in found.problems] == ["unknown-table"]
    assert found.assumed == ("Some_CL",)
    assert found.pipelines[0].points[-1].scope.branches == {0: frozenset({"Some_CL"})}


def test_unknown_tables_and_functions_are_assumed() -> None:
    found = analyse(parse("Some_CL | join kind=inner (Other()) on Key"), NoTables())
    assert found.assumed == ("Other", "Some_CL")
    assert found.pipelines[0].points[-1].scope.open


def test_a_column_is_assumed_of_the_table_that_is_not_known() -> None:
    scope = analyse(parse("Some_CL | where DeviceName == 'x'"), NoTables()).pipelines[0].points[-1].scope
    assert scope.columns["DeviceName"].describe() == "Some_CL.DeviceName"
    assert scope.unknown == {0}


def test_a_problem_reads_well() -> None:
    (problem,) = analysis("Door | where badge == 'x'").problems
    assert problem == BinderProblem(13, "unknown-column", "there is no column badge here", "Badge")


# --------------------------------------------------------------------------- stored functions


def test_a_stored_function_may_be_its_columns() -> None:
    environment = ENVIRONMENT.with_functions({"Doors": {"Badge": "string", "Open": "bool"}})
    scope = analysis("Doors(7) | extend n = Open", environment).pipelines[0].points[-1].scope
    assert scope.columns["Badge"].describe() == "Doors.Badge"
    assert scope.columns["n"].type == "bool"


def test_a_stored_function_may_be_its_text() -> None:
    environment = ENVIRONMENT.with_functions(
        {"Doors": "(floor: int = 1) { Door | where Level > floor | project Badge }"}
    )
    found = analysis("Doors(7) | extend n = 1", environment)
    scope = found.pipelines[0].points[-1].scope
    assert scope.columns["Badge"].describe() == "Door.Badge"
    assert [pipeline.path for pipeline in found.pipelines] == ["main"]


def test_a_stored_function_may_be_called_without_brackets() -> None:
    environment = ENVIRONMENT.with_functions({"Doors": "() { Door | project Badge }"})
    assert list(analysis("Doors | take 1", environment).pipelines[0].points[-1].scope.columns) == ["Badge"]


def test_a_stored_function_that_calls_itself_ends() -> None:
    environment = ENVIRONMENT.with_functions({"Doors": "() { Doors() | take 1 }"})
    assert analysis("Doors() | take 1", environment).pipelines[0].points[-1].scope.open


def test_a_stored_function_that_does_not_parse_is_a_problem() -> None:
    environment = ENVIRONMENT.with_functions({"Doors": "() { Door | where }"})
    codes = [problem.code for problem in analysis("Doors() | take 1", environment).problems]
    assert "stored-function" in codes


def test_a_watchlist_has_more_columns_than_are_known() -> None:
    scope = analysis("_GetWatchlist('w') | where Site == 'x'", Tables.packaged()).pipelines[0].points[-1].scope
    assert scope.open
    assert scope.columns["SearchKey"].type == "string"
    assert scope.columns["Site"].describe() == "_GetWatchlist.Site"


def test_file_profile_adds_columns_to_rows_and_looks_up_a_limited_number_of_them() -> None:
    query = "DeviceFileEvents | invoke FileProfile(SHA1, 500) | where GlobalPrevalence < 100"
    scope = analysis(query, Tables.packaged()).pipelines[0].points[-1].scope
    # Which rows are looked up depends on how many there are (its limit), so a clause belongs before it.
    assert not scope.rowwise
    assert not scope.open
    assert scope.columns["DeviceName"].describe() == "DeviceFileEvents.DeviceName"
    assert scope.columns["GlobalFirstSeen"].type == "datetime"
    # What was looked up need not be the file's own hash: the argument may have been another column.
    assert scope.columns["SHA1"].describe() == "redefined"


def test_a_function_that_gives_rows_of_its_own_leaves_none_of_the_events() -> None:
    scope = analysis("DeviceInfo | invoke SeenBy()", Tables.packaged()).pipelines[0].points[-1].scope
    assert scope.columns["DeviceId"].describe() == "derived"
    assert (scope.open, scope.rowwise) == (True, False)


def test_assigned_ip_addresses_is_a_source() -> None:
    found = analysis("AssignedIPAddresses('host') | where IPType == 'x'", Tables.packaged())
    assert found.problems == ()
    assert found.pipelines[0].points[-1].scope.columns["IPAddress"].type == "string"


def test_an_asim_parser_has_its_schemas_columns() -> None:
    scope = analysis("_Im_WebSession(starttime=ago(1d)) | take 1", Tables.packaged()).pipelines[0].points[-1].scope
    assert scope.columns["SrcIpAddr"].type == "string"
    assert not scope.open


# --------------------------------------------------------------------------- what must not break it


def test_tables_are_made_into_columns_once_for_an_environment() -> None:
    environment = Tables.only(TABLES)
    first, second = (analysis("Door", environment).pipelines[0].points[0].scope for _ in range(2))
    assert first is second


@pytest.mark.parametrize(
    "query",
    [
        "Door | extend x = " + "(" * 120 + "Level" + ")" * 120,
        "Door" + " | join kind=inner (Door" * 60 + ") on Badge" * 60,
        "Door | where " + " or ".join(["Level == 1"] * 5000),
        "".join(f"let f{i} = () {{ {f'f{i - 1}()' if i else 'Door'} | where Level == {i} }};" for i in range(500))
        + "f499",
        "let f = (x: long) { f(x) }; print f(1)",
        "let f = () { f() }; f()",
        "Door | summarize",
        "Door | project",
        "let x = Nope; x | where y == 1",
        "let x = nope(1); Door | where Level == x",
        "Door | evaluate pivot()",
        "Door | summarize arg_max() by Badge",
        "print series_stats()",
        "table(Badge) | take 1",
        "Door | where $left.Badge == 'x'",
        "Door | partition by Badge { Log | take 1 }",
        "Door | graph-match (a)-[e]->(b) project a.x",
    ],
    ids=lambda query: query[:40],
)
def test_any_query_that_parses_is_analysed(query: str) -> None:
    assert analyse(parse(query), ENVIRONMENT).pipelines is not None
