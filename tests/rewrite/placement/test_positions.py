"""An exclusion is placed at every position that can bring the event it names, or what is left out is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewrite.placement.planning import plan, positions


def test_both_of_two_lists_are_filtered() -> None:
    query = """<E> | where Subject in ((<D> | project AccountName))
        or SenderFromAddress in ((<N> | project InitiatingProcessAccountName))"""
    assert positions(query) == ["main/in 2", "main/in 1"] or positions(query) == ["main/in 1", "main/in 2"]


def test_both_of_two_joins_in_a_row_are_filtered() -> None:
    query = """<E> | join kind=inner (<D> | project AccountName) on $left.Subject == $right.AccountName
        | join kind=inner (<N> | project InitiatingProcessAccountName)
          on $left.Subject == $right.InitiatingProcessAccountName
        | project Subject"""
    assert positions(query) == ["main/join 1", "main/join 2"]


def test_a_list_and_a_join_are_both_filtered() -> None:
    query = """<E> | where Subject in ((<D> | project AccountName))
        | join kind=inner (<N> | project InitiatingProcessAccountName)
          on $left.Subject == $right.InitiatingProcessAccountName
        | project Subject"""
    assert sorted(positions(query)) == ["main/in 1", "main/join 1"]


def test_a_joined_side_that_cannot_be_filtered_is_named() -> None:
    query = """<E> | join kind=inner (<D> | project AccountName) on $left.Subject == $right.AccountName
        | join kind=leftouter (<N> | project InitiatingProcessAccountName)
          on $left.Subject == $right.InitiatingProcessAccountName
        | project Subject"""
    tuned = plan(query)
    assert [insertion.pipeline for insertion in tuned.plan.insertions] == ["main/join 1"]
    (warning,) = [warning for warning in tuned.plan.warnings if warning.code == "partial-union"]
    assert "the right side of join kind=leftouter" in warning.message


def test_right_rows_of_a_right_outer_join_that_match_no_left_one_are_filtered_too() -> None:
    query = "<D> | join kind=rightouter (<N>) on DeviceId"
    assert sorted(positions(query)) == ["main", "main/join 1"]


def test_right_rows_of_a_full_outer_join_that_match_no_left_one_are_named() -> None:
    tuned = plan("<D> | join kind=fullouter (<N> | project DeviceId, DeviceName) on DeviceId")
    (warning,) = [warning for warning in tuned.plan.warnings if warning.code == "partial-union"]
    assert "kind=fullouter" in warning.message


def joined_events(query: str, match: Mapping[str, Any] | None = None) -> list[str]:
    return [warning.message for warning in plan(query, match).plan.warnings if warning.code == "joined-event"]


POWERSHELL = {"process": "powershell.exe"}


def test_the_other_event_of_a_joined_row_is_named() -> None:
    (message,) = joined_events("<D> | join kind=inner (<N>) on DeviceId", POWERSHELL)
    assert "events of DeviceNetworkEvents" in message
    (message,) = joined_events("<D> | join kind=inner (<F> | project FileName, SHA1) on SHA1")
    assert "events of DeviceFileEvents" in message


def test_the_other_event_is_named_where_the_clause_stands_before_the_join() -> None:
    (message,) = joined_events(
        "<D> | project Id = DeviceId | join kind=inner (<N>) on $left.Id == $right.DeviceId", POWERSHELL
    )
    assert "events of DeviceProcessEvents" in message
    (message,) = joined_events("<D> | project SHA1 | join kind=rightsemi (<F>) on SHA1", POWERSHELL)
    assert "events of" in message


def test_another_event_of_the_same_table_is_named() -> None:
    (message,) = joined_events(
        "<D> | project SHA1 | join kind=inner (<D> | distinct SHA1, FileName) on SHA1", POWERSHELL
    )
    assert "events of DeviceProcessEvents" in message


def test_an_event_with_the_same_value_by_the_join_or_without_the_field_is_not_named() -> None:
    assert not joined_events("<D> | join kind=inner (<N>) on DeviceId")
    assert not joined_events("<D> | project-rename Host = DeviceName | join (<N>) on $left.Host == $right.DeviceName")
    assert not joined_events(
        "<D> | join kind=inner (<E>) on $left.AccountUpn == $right.RecipientEmailAddress", POWERSHELL
    )
    assert not joined_events("<D> | join kind=leftanti (<N>) on DeviceId", POWERSHELL)


def source(query: str) -> Any:
    return plan(query, placement="source")


def test_placement_source_filters_the_rows_of_the_rule_before_what_they_are_compared_with() -> None:
    for query in (
        "<D> | where AccountName in ((<N> | project RemoteUrl))",
        "<D> | where FileName in ((<F> | project FileName))",
    ):
        (insertion,) = source(query).plan.insertions
        assert insertion.pipeline == "main"


def test_placement_source_filters_a_table_and_what_is_united_with_it() -> None:
    assert sorted(i.pipeline for i in source("<D> | union (<N> | where RemotePort == 1)").plan.insertions) == [
        "main", "main/union 1",
    ]  # fmt: skip


def test_placement_source_goes_behind_a_name_under_which_the_rows_are_read_again() -> None:
    query = "<D> | as runs | where AccountName in ((runs | summarize n = count() by AccountName | project AccountName))"
    (insertion,) = source(query).plan.insertions
    assert insertion.pipeline == "main"


def test_rows_of_their_own_that_cannot_be_filtered_are_named_beside_a_list_that_can() -> None:
    query = """let f = (T: (FileName: string)) { T | where FileName in ((<N> | project RemoteUrl)) };
        union f(<D>), f(<F>)"""
    tuned = plan(query, POWERSHELL)
    assert all("/in 1" in insertion.pipeline for insertion in tuned.plan.insertions)
    (warning,) = [warning for warning in tuned.plan.warnings if warning.code == "partial-union"]
    assert "called for tables that hold the fields in different columns" in warning.message
