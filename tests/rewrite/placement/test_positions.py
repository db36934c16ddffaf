"""An exclusion is placed at every position that can bring the event it names, or what is left out is named."""

from __future__ import annotations

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
