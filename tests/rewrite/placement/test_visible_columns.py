"""Under which names the columns of tables are found among visible ones."""

from __future__ import annotations

from fpctl.kql.binder.scope import Column, Origin, Scope
from fpctl.rewrite.placement.visible_columns import VisibleColumns, VisibleColumnsCache

HOST = Origin("Logons", "Host", 0)
OTHER = Origin("Logons", "Host", 1)


def columns(*found: Column) -> dict[str, Column]:
    return {column.name: column for column in found}


def test_a_column_under_its_own_name_comes_before_a_copy_that_is_listed_first() -> None:
    visible = VisibleColumns(
        columns(Column("Copy", "string", "renamed", (HOST,)), Column("Host", "string", "table", (HOST,)))
    )

    assert visible.names("Host", False) == {HOST: "Host"}


def test_among_copies_the_first_is_named_for_each_branch() -> None:
    visible = VisibleColumns(
        columns(
            Column("A", "string", "renamed", (HOST,)),
            Column("B", "string", "renamed", (HOST, OTHER)),
        )
    )

    assert visible.names("Host", False) == {HOST: "A", OTHER: "B"}


def test_a_key_of_an_aggregation_counts_only_where_surviving_values_are_asked_for() -> None:
    visible = VisibleColumns(columns(Column("Host", "string", "grouped", (HOST,))))

    assert visible.names("Host", False) == {}
    assert visible.names("Host", True) == {HOST: "Host"}


def test_another_column_of_a_name_is_not_taken_for_it() -> None:
    user = Origin("Logons", "User", 0)
    visible = VisibleColumns(columns(Column("Host", "string", "renamed", (user,))))

    assert visible.names("Host", False) == {}
    assert visible.names("User", False) == {user: "Host"}


def test_only_columns_that_are_no_longer_the_table_s_own_are_moved() -> None:
    renamed = Column("Machine", "string", "renamed", (HOST,))
    visible = VisibleColumns(columns(Column("Host", "string", "table", (HOST,)), renamed))

    assert list(visible.moved("Host")) == [("Machine", renamed)]


def test_one_set_of_columns_is_looked_through_once_until_many_others_were() -> None:
    cache = VisibleColumnsCache()
    scope = Scope(columns(Column("Host", "string", "table", (HOST,))))

    first = cache.of(scope)
    assert cache.of(Scope(scope.columns, open=True)) is first
    others = [cache.of(Scope({})) for _ in range(100)]
    assert cache.of(scope) is not first
    assert len({id(other) for other in others}) == 100
