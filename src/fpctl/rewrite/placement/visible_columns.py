"""Under which names the columns of tables are visible at an insertion point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpctl.kql.binder.scope import Column, Kind, Scope

_KEPT = 64
"""How many sets of columns a cache keeps; those after a pattern of hundreds of tables come back rule after rule."""
UNTOUCHED: frozenset[Kind] = frozenset({"table", "renamed"})
"""Kinds of columns that hold a table's own value in a row that still is the event."""
_SURVIVING: frozenset[Kind] = UNTOUCHED | {"grouped"}


class VisibleColumns:
    """The visible columns of an insertion point, found by the table's column that they hold."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self._moved: dict[str, list[tuple[str, Column]]] | None = None
        self._names: dict[tuple[str, bool], dict[tuple[str, str, int], str]] = {}

    def moved(self, column: str) -> Sequence[tuple[str, Column]]:
        """Return the visible columns that hold a table's `column` and are not simply that column, in output order.

        They have another name, or came through an aggregation as a key. Each comes with its name.
        """
        if self._moved is None:
            self._moved = {}
            for name, found in self.columns.items():
                if found.kind != "table":
                    for own in dict.fromkeys(origin.column for origin in found.origins):
                        self._moved.setdefault(own, []).append((name, found))
        return self._moved.get(column, ())

    def names(self, column: str, surviving: bool) -> Mapping[tuple[str, str, int], str]:
        """Return by origin the name under which a table's `column` is visible unchanged; among copies the first.

        Args:
            surviving: count values that came through an aggregation as keys, too.
        """
        key = column, surviving
        known = self._names.get(key)
        if known is None:
            kinds = _SURVIVING if surviving else UNTOUCHED
            known = self._names[key] = {}
            own = self.columns.get(column)
            first = () if own is None else ((column, own),)
            for name, found in (*first, *self.moved(column)):
                if found.kind in kinds:
                    for origin in found.origins:
                        if origin.column == column:
                            known.setdefault(origin, name)
        return known


class VisibleColumnsCache:
    """The `VisibleColumns` of the last scopes that were asked for."""

    def __init__(self) -> None:
        self._kept: dict[int, VisibleColumns] = {}

    def of(self, scope: Scope) -> VisibleColumns:
        """Return the visible columns of a scope."""
        known = self._kept.get(id(scope.columns))
        if known is None:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            # The answer holds the mapping: as long as it is kept, the id is the mapping's own.
            known = self._kept[id(scope.columns)] = VisibleColumns(scope.columns)
        return known
