"""Which source events a row carries: numbering the branches of joins, and merging those of unions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fpctl.errors import FpctlError
from fpctl.kql.binder.scalar import UNKNOWN, Dynamic, common
from fpctl.kql.binder.scope import Column, Kind, Origin, Scope, new

MOST_BRANCHES = 2_048
"""The most readings of tables that the rows of a query may combine; one of the largest public rules combines 944."""
MOST_COLUMNS = 20_000


def bounded(branches: int, columns: int) -> None:
    """Check that what a few doubling `let`s may build can be held in memory.

    Raises:
        FpctlError: it has more branches or columns than fpctl follows.
    """
    if branches > MOST_BRANCHES:
        message = f"the query combines tables more than {MOST_BRANCHES:,} times, which is more than fpctl follows"
        raise FpctlError(message, None, "name fewer tables or `let`s twice in unions and joins")
    if columns > MOST_COLUMNS:
        message = f"the query gives rows of more than {MOST_COLUMNS:,} columns, which is more than fpctl follows"
        raise FpctlError(message, None, "keep the columns that you need, with `project`, before you join")


@dataclass(frozen=True, slots=True)
class Shift:
    """A scope's branches moved up, to be combined with those of another."""

    scope: Scope
    by: int

    def column(self, column: Column) -> Column:
        """Return a column with its origins moved; the same column where nothing moves."""
        return moved(column, self.by)

    def branches(self) -> dict[int, frozenset[str]]:
        """Return the moved branches."""
        return {branch + self.by: tables for branch, tables in self.scope.branches.items()}

    def moved(self, branches: Iterable[int]) -> frozenset[int]:
        """Return branch numbers as they are after the move."""
        return frozenset(branch + self.by for branch in branches)


def moved(column: Column, by: int) -> Column:
    """Return a column whose origins have their branches moved up; the same column where nothing moves."""
    if not by or not column.origins:
        return column
    return Column(column.name, column.type, column.kind, tuple(_moved_origins(column, by)))


def _moved_origins(column: Column, by: int) -> Sequence[Origin]:
    return [new(Origin, (table, name, branch + by)) for table, name, branch in column.origins]


def after(scope: Scope) -> int:
    """Return the first branch number that a scope does not use."""
    return max(scope.branches, default=-1) + 1


def united(scopes: Sequence[Scope]) -> Scope:
    """Return the union of scopes: every column of each leg, one of several types split into `name_type`."""
    shifts, by = [], 0
    for scope in scopes:
        shifts.append(Shift(scope, by))
        by += after(scope)
    bounded(by, max((len(scope.columns) for scope in scopes), default=0))
    columns: Mapping[str, Column]
    if len(shifts) == 1:
        columns = scopes[0].columns
    else:
        columns = _unified((column, shift.by) for shift in shifts for column in shift.scope.columns.values())
    branches: dict[int, frozenset[str]] = {}
    legs: set[int] = set()
    for shift in shifts:
        moved = shift.branches()
        branches |= moved
        legs.update(moved if len(shifts) > 1 else shift.moved(shift.scope.union))
    return Scope(
        columns,
        any(scope.open for scope in scopes),
        branches,
        frozenset(legs),
        all(scope.rowwise for scope in scopes),
        frozenset().union(*(shift.moved(shift.scope.kept) for shift in shifts)),
        frozenset().union(*(shift.moved(shift.scope.unknown) for shift in shifts)),
    )


def preceded(scope: Scope, first: Column) -> Scope:
    """Return a scope with a column put before all others (`withsource`, `$table`)."""
    columns = {first.name: first}
    if first.name in scope.columns:
        for column in scope.columns.values():
            add_unique(columns, column)
    else:
        columns |= scope.columns
    return replace(scope, columns=columns)


def unified(columns: Iterable[Column]) -> dict[str, Column]:
    """Return columns by name: of one name and type, one; of one name and several types, one for each.

    As in Microsoft's binder, a third leg whose type differs from that of two legs before it is overlooked.
    """
    return _unified((column, 0) for column in columns)


_Member = tuple[Column, int]
"""A column of a leg, and by how much its branches move up in the union."""


def _unified(columns: Iterable[_Member]) -> dict[str, Column]:
    """Return columns as `unified` does. Only what the union shows is made: `union *` has 27,000 columns in its legs."""
    groups: dict[str, list[_Member] | dict[str, list[_Member]]] = {}
    for member in columns:
        name, type_, _, _ = member[0]
        group = groups.get(name)
        if group is None:
            groups[name] = [member]
        elif isinstance(group, dict):
            group.setdefault(type_, []).append(member)
        elif group[0][0].type == type_:
            group.append(member)
        elif len(group) == 1:
            groups[name] = {group[0][0].type: group, type_: [member]}
        else:
            group.append((Column(name, group[0][0].type, "derived"), 0))
    result: dict[str, Column] = {}
    for name, group in groups.items():
        if isinstance(group, dict):
            for type_, members in group.items():
                add_unique(result, _merged(f"{name}_{type_}", members))
        elif len(group) == 1:
            add_unique(result, moved(*group[0]))
        else:
            add_unique(result, _merged(name, group))
    return result


def add_unique(result: dict[str, Column], column: Column) -> None:
    """Add a column, with a suffix where its name is taken."""
    name, suffix = column.name, 0
    while name in result:
        suffix += 1
        name = f"{column.name}{suffix}"
    result[name] = column if name == column.name else _merged(name, [(column, 0)])


def _merged(name: str, members: Sequence[_Member]) -> Column:
    type_ = members[0][0].type
    if type_ == "dynamic":
        alike = isinstance(type_, Dynamic) and all(type_.same(member.type) for member, _ in members)
        type_ = type_ if alike else "dynamic"
    kinds = {member.kind for member, _ in members}
    if "redefined" in kinds or "derived" in kinds:
        return Column(name, type_, "redefined" if "redefined" in kinds else "derived")
    origins: list[Origin] = []
    for member, by in members:
        origins += _moved_origins(member, by) if by else member.origins
    kind: Kind = "grouped"
    if "grouped" not in kinds:
        own = (kinds == {"table"} and members[0][0].name == name) or all(origin.column == name for origin in origins)
        kind = "table" if own else "renamed"
    return Column(name, type_, kind, tuple(origins))


def common_columns(scopes: Sequence[Mapping[str, Column]]) -> list[Column]:
    """Return the columns whose name all have; of several types, dynamic (unless one is wider)."""
    result: list[Column] = []
    for name in scopes[0] if scopes else ():
        members = [columns[name] for columns in scopes if name in columns]
        if len(members) == len(scopes):
            type_ = common((member.type for member in members), mixed=False)
            if type_ == UNKNOWN and len({member.type for member in members}) > 1:
                type_ = "dynamic"
            merged = _merged(name, [(member, 0) for member in members])
            result.append(Column(name, type_, merged.kind, merged.origins))
    return result
