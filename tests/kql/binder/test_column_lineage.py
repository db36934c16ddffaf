"""Where a column comes from: the table's own, under another name, grouped, computed, redefined."""

from __future__ import annotations

import pytest

from fpctl.kql.analysis import analyse
from fpctl.kql.binder import Origin
from fpctl.kql.parser import parse
from kql.binder.binder_cases import ENVIRONMENT, last_scope


def lineage(query: str, column: str) -> str:
    """Return the lineage of a column at the end of a query, as it is shown to people."""
    return last_scope(query).columns[column].describe()


@pytest.mark.parametrize(
    ("query", "column", "expected"),
    [
        ("Door | where Level > 1", "Badge", "Door.Badge"),
        ("Door | extend Badge = Badge", "Badge", "Door.Badge"),
        ("Door | project Badge = Badge", "Badge", "Door.Badge"),
        ("Door | extend Who = Badge", "Badge", "Door.Badge"),
        ("Door | extend Who = Badge", "Who", "renamed Door.Badge"),
        ("Door | project-rename Who = Badge", "Who", "renamed Door.Badge"),
        ("Door | project Who = (Badge)", "Who", "renamed Door.Badge"),
        ("Door | project-rename Who = Badge | project Badge = Who", "Badge", "Door.Badge"),
        ("Door | extend n = strlen(Badge)", "n", "derived"),
        ("Door | extend Badge = tolower(Badge)", "Badge", "redefined"),
        ("Door | project Badge = strcat(Badge, '!')", "Badge", "redefined"),
        ("Door | extend Badge = tolower(Badge) | project Who = Badge", "Who", "redefined"),
        ("Door | extend Level = tostring(Level)", "Level", "redefined"),
        ("Door | extend Badge = tostring(Badge)", "Badge", "Door.Badge"),
        ("Door | parse Badge with * 'x' Level:int", "Level", "redefined"),
        ("Door | parse Badge with * 'x' Level:int", "Badge", "Door.Badge"),
        ("Door | mv-expand Tags", "Tags", "redefined"),
        ("Door | mv-expand Tags", "Badge", "Door.Badge"),
        ("Door | mv-expand Tag = Tags", "Tags", "Door.Tags"),
        ("Door | mv-apply Tag = Tags on (where Tag == 1)", "Badge", "Door.Badge"),
        ("Door | mv-apply Tag = Tags on (summarize n = count() by Badge)", "Badge", "Door.Badge"),
        ("Door | mv-apply Tag = Tags on (extend Badge = 'x')", "Badge", "redefined"),
        ("Door | summarize count() by Badge", "Badge", "grouped Door.Badge"),
        ("Door | summarize count() by Who = Badge", "Who", "grouped Door.Badge"),
        ("Door | summarize count() by Badge = tolower(Badge)", "Badge", "redefined"),
        ("Door | summarize count() by bin(At, 1h)", "At", "redefined"),
        ("Door | summarize arg_max(At, *) by Level", "Badge", "grouped Door.Badge"),
        ("Door | summarize arg_max(At, Badge) by Level", "Badge", "grouped Door.Badge"),
        ("Door | summarize take_any(Badge) by Level", "Badge", "grouped Door.Badge"),
        ("Door | summarize make_set(Badge)", "set_Badge", "derived"),
        ("Door | summarize Badge = make_set(Badge)", "Badge", "redefined"),
        ("Door | summarize At = max(At) by Badge", "At", "redefined"),
        ("Door | summarize count() by Badge | project-rename Who = Badge", "Who", "grouped Door.Badge"),
        ("Door | distinct Badge, Level", "Badge", "grouped Door.Badge"),
        ("Log | distinct *", "Badge", "grouped Log.Badge"),
        ("Door | top 5 by Level", "Badge", "Door.Badge"),
        ("Door | make-series count() on At step 1h by Badge", "Badge", "grouped Door.Badge"),
        ("Door | make-series count() on At step 1h by Badge", "At", "redefined"),
        ("Door | top-nested 3 of Badge by count()", "Badge", "grouped Door.Badge"),
        ("Door | evaluate bag_unpack(Tags)", "Badge", "Door.Badge"),
        ("Door | serialize n = row_number()", "Badge", "Door.Badge"),
        ("Door | join kind=inner Log on Badge", "Badge1", "renamed Log.Badge"),
        ("Door | join kind=inner Log on Badge", "Owner", "Log.Owner"),
        ("Door | lookup Log on Badge", "Badge", "Door.Badge"),
        ("union Door, Log", "Badge", "Door.Badge, Log.Badge"),
        ("union Door, Log", "Owner", "Log.Owner"),
        ("union Door, (Log | project Badge = Owner)", "Badge", "renamed Door.Badge, Log.Owner"),
        ("union Door, (Log | extend Badge = 'x')", "Badge", "redefined"),
        ("union Door, (Log | project At, n = 1)", "n", "derived"),
        ("union Door, (Door | project Level = Tags)", "Level_int", "renamed Door.Level"),
        ("union Door, (Log | summarize count() by Badge)", "Badge", "grouped Door.Badge, Log.Badge"),
        ("let D = Door | project Who = Badge; D | where Who == 'x'", "Who", "renamed Door.Badge"),
        ("let f = (T: (Badge: string)) { T | extend n = 1 }; f(Door)", "Badge", "Door.Badge"),
        ("let b = Door; b | join kind=inner (b) on Badge", "Badge1", "renamed Door.Badge"),
        ("let M = materialize(Door); M | take 1", "Badge", "Door.Badge"),
        ("Nowhere | where Badge == 'x'", "Badge", "Nowhere.Badge"),
        ("Nowhere | project Who = Badge", "Who", "renamed Nowhere.Badge"),
        ("Nowhere | evaluate bag_unpack(Tags) | where Badge == 'x'", "Badge", "derived"),
        ("print Badge = 'x'", "Badge", "derived"),
        ("datatable (Badge: string) ['x']", "Badge", "datatable.Badge"),
        ("search in (Door) 'x'", "Badge", "Door.Badge"),
    ],
)
def test_lineage(query: str, column: str, expected: str) -> None:
    assert lineage(query, column) == expected


def origins(query: str, column: str) -> tuple[Origin, ...]:
    """Return the origins of a column at the end of a query."""
    return last_scope(query).columns[column].origins


def test_the_right_side_of_a_join_is_a_branch_of_its_own() -> None:
    assert origins("Door | join kind=inner Log on Badge", "Badge") == (Origin("Door", "Badge", 0),)
    assert origins("Door | join kind=inner Log on Badge", "Badge1") == (Origin("Log", "Badge", 1),)


def test_branches_are_numbered_left_to_right_through_nested_joins() -> None:
    query = "Door | join kind=inner (Log | join kind=inner Wide on Badge) on Badge | join kind=inner Log on Badge"
    scope = last_scope(query)
    assert dict(scope.branches) == {
        0: frozenset({"Door"}),
        1: frozenset({"Log"}),
        2: frozenset({"Wide"}),
        3: frozenset({"Log"}),
    }
    assert scope.columns["Badge3"].origins == (Origin("Log", "Badge", 3),)
    assert scope.columns["x9"].origins == (Origin("Wide", "x9", 2),)


def test_each_leg_of_a_union_is_a_branch() -> None:
    scope = last_scope("union Door, (Log | where Code > 1)")
    assert scope.columns["Badge"].origins == (Origin("Door", "Badge", 0), Origin("Log", "Badge", 1))
    assert scope.union == {0, 1}


def test_a_union_beside_a_join_keeps_its_legs_apart() -> None:
    scope = last_scope("union Door, Log | join kind=inner Wide on Badge")
    assert scope.union == {0, 1}
    assert scope.columns["b"].origins == (Origin("Wide", "b", 2),)


def test_a_let_used_twice_gets_a_branch_for_each_use() -> None:
    scope = last_scope("let D = Door | where Level > 1; D | join kind=inner D on Badge")
    assert scope.columns["Badge"].origins == (Origin("Door", "Badge", 0),)
    assert scope.columns["Badge1"].origins == (Origin("Door", "Badge", 1),)


def test_the_right_side_alone_after_a_right_semi_join() -> None:
    scope = last_scope("Door | join kind=rightsemi Log on Badge")
    assert dict(scope.branches) == {0: frozenset({"Log"})}


@pytest.mark.parametrize(
    ("query", "kept", "rowwise"),
    [
        ("Door | where Level > 1 | extend n = 1 | project n, Badge | sort by n | as D", {0}, True),
        ("Door | mv-expand Tags", {0}, True),
        ("Door | mv-apply Tags on (summarize make_list(Tags))", {0}, True),
        ("Door | parse Badge with * 'x' n", {0}, True),
        ("Door | lookup Log on Badge", {0, 1}, True),
        ("Door | join kind=inner Log on Badge", {0, 1}, True),
        ("Door | join kind=leftouter Log on Badge", {0, 1}, True),
        ("Door | join kind=leftanti Log on Badge", {0}, True),
        ("Door | join kind=leftsemi (Log | summarize count() by Badge) on Badge", {0}, True),
        ("Door | join Log on Badge", {1}, False),
        ("Door | join kind=innerunique Log on Badge", {1}, False),
        ("Door | join kind=inner (Log | summarize count() by Badge) on Badge", {0}, False),
        ("Door | summarize count() by Badge | join kind=inner Log on Badge", {1}, False),
        ("union Door, Log", {0, 1}, True),
        ("union Door, (Log | top 5 by Code)", {0}, False),
        ("let D = Door | where Level > 1; D", {0}, True),
        ("let f = () { Door | where Level > 1 }; f() | extend n = 1", {0}, True),
        ("Nowhere | where Badge == 'x'", {0}, True),
        *[
            (f"Door | {barrier}", set[int](), False)
            for barrier in (
                "summarize count() by Badge", "distinct Badge", "count", "top 5 by Level", "take 5", "limit 5",
                "sample 5", "sample-distinct 5 of Badge", "top-nested 5 of Badge by count()", "top-hitters 5 of Badge",
                "make-series count() on At step 1h", "reduce by Badge", "serialize", "partition by Badge (where true)",
                "fork (where Level > 1)", "facet by Badge", "evaluate autocluster()", "evaluate bag_unpack(Tags)",
                "evaluate ipv4_lookup(Log, Badge, Owner)", "getschema",
                "scan with (step s: Level == 1;)",
            )
        ],
        ("let f = (T: (*)) { T | where Badge == 'x' }; Door | invoke f()", set(), False),
    ],
)  # fmt: skip
def test_which_events_stand_one_by_one(query: str, kept: set[int], rowwise: bool) -> None:
    scope = last_scope(query)
    assert (set(scope.kept), scope.rowwise) == (kept, rowwise)


def test_gaps_that_change_no_columns_share_them() -> None:
    pipeline = analyse(parse("Door | where Level > 1 | sort by At | take 5"), ENVIRONMENT).pipelines[0]
    first, *others = (point.scope.columns for point in pipeline.points)
    assert all(columns is first for columns in others)
