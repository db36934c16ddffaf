"""Output columns being put together: which name a new column gets, and what becomes of its lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fpctl.kql.binder.scope import Column


def carried(column: Column, name: str) -> Column:
    """Return a column whose value is passed on under a name, its own or another."""
    if name == column.name:
        return column
    if column.kind not in ("table", "renamed"):
        return Column(name, column.type, column.kind, column.origins)
    own = all(origin.column == name for origin in column.origins)
    return Column(name, column.type, "table" if own else "renamed", column.origins)


def computed(name: str, type_: str, before: Mapping[str, Column]) -> Column:
    """Return a column whose value is computed; `before` are the columns visible until now."""
    return Column(name, type_, "redefined" if name in before else "derived")


def grouped(column: Column) -> Column:
    """Return a column as it is after an aggregation that keeps its value."""
    if column.kind in ("table", "renamed"):
        return Column(column.name, column.type, "grouped", column.origins)
    return column


def all_grouped(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return columns as they are after an aggregation that keeps their values."""
    return {name: grouped(column) for name, column in columns.items()}


def captured(columns: dict[str, Column], name: str, type_: str) -> None:
    """Add a column whose value is computed for each row; it takes the place of one of its name."""
    columns[name] = Column(name, type_, "redefined" if name in columns else "derived")


def derived_columns(types: Mapping[str, str]) -> dict[str, Column]:
    """Return columns of given names and types that come from no table."""
    return {name: Column(name, type_, "derived") for name, type_ in types.items()}


class Projection:
    """Columns in output order, with unique names.

    A name that is taken gets a suffix: `a`, `a1`, `a2`. A column that is blocked is not added again:
    blocked is the column itself, not its name (`by bin(T, 1h)` and `arg_max(x, *)` give T and T1).
    """

    __slots__ = ("_base", "_blocked", "_declared", "_suffixes", "columns")

    def __init__(self, base: Mapping[str, Column] | None = None) -> None:
        """Start empty, or from columns that are there already (and blocked)."""
        self.columns: dict[str, Column] = dict(base) if base else {}
        self._base: Mapping[str, Column] = base or {}
        self._blocked: set[int] = set()
        self._declared: set[str] = set()
        self._suffixes: dict[str, int] = {}

    def block(self, columns: Iterable[Column]) -> None:
        """Let `add` ignore these columns from now on."""
        self._blocked.update(map(id, columns))

    def add(self, column: Column, *, replace: bool = False, once: bool = False, stem: str | None = None) -> Column:
        """Add a column at the end under a name of its own; with `replace`, in the place of one of its name.

        Args:
            column: what to add.
            replace: put it where a column of the same name is.
            once: block it afterwards.
            stem: what a suffix is appended to, if not its name.
        """
        if not column.name or id(column) in self._blocked or self._base.get(column.name) is column:
            return column
        if not (replace and column.name in self.columns):
            name = self.unique(column.name, stem)
            if name != column.name:
                column = carried(column, name)
        self.columns[column.name] = column
        if once:
            self._blocked.add(id(column))
        return column

    def declare(self, column: Column, *, replace: bool = False) -> bool:
        """Add a column that the query names itself; return False if it was declared before (an error in KQL)."""
        if column.name in self._declared:
            return False
        if replace and column.name in self.columns:
            self.columns[column.name] = column
            self._declared.add(column.name)
        else:
            self._declared.add(self.add(column).name)
        return True

    def unique(self, name: str, stem: str | None = None) -> str:
        """Return the name, or the first of `stem1`, `stem2` ... that is free."""
        if name not in self.columns:
            return name
        suffix = self._suffixes.get(name, 0) + 1
        while f"{stem or name}{suffix}" in self.columns:
            suffix += 1
        self._suffixes[name] = suffix
        return f"{stem or name}{suffix}"


def unique_names(columns: Iterable[Column]) -> dict[str, Column]:
    """Return columns by name, a suffix given to each one whose name an earlier one has.

    No suffixed name takes a name that any of them had: `c, c, c1` become `c, c2, c1`.
    """
    columns = tuple(columns)
    taken = {column.name for column in columns}
    suffixes: dict[str, int] = {}
    result: dict[str, Column] = {}
    for column in columns:
        name = column.name
        if name in result:
            suffix = suffixes.get(name, 0) + 1
            while f"{name}{suffix}" in taken:
                suffix += 1
            suffixes[name] = suffix
            column = carried(column, f"{name}{suffix}")
            taken.add(column.name)
        result[column.name] = column
    return result
