"""Which columns tell rows apart after an insertion point: those that a clause tests, and the keys of groups.

What is not known to keep them loses them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from fpctl.kql import tree
from fpctl.kql.operators.joins import RIGHT_ONLY, join_kind

_KEEP = (tree.Where, tree.Sort, tree.Take, tree.Top, tree.ProjectReorder, tree.As, tree.Join, tree.Lookup, tree.Render)
"""Operators that leave the columns that there are as they are, and drop none of the left side's that are looked at."""


class RowKeys:
    """What is known of the rows at one place of a pipeline.

    Attributes:
        tested: the columns that decide alone which rows a clause removes: of rows that agree in them it removes all
            or none. Empty where that is not a matter of columns alone.
        groups: the keys of the last aggregation: rows that agree in them agree in every computed column.
        unique: there is at most one row for each value of these keys.
        listed: every column is named in the query: a row has no others.
    """

    def __init__(self, tested: frozenset[str]) -> None:
        self.tested = tested
        self.groups: frozenset[str] = frozenset()
        self.unique = False
        self.listed = False

    def aggregated(self, by: Sequence[tree.Expr], names: Sequence[str]) -> None:
        """Note that an aggregation has made one row for each value of its keys; `names` are those of their columns."""
        held = dict(zip(map(_column, by), names, strict=False))
        self.tested = frozenset(held[name] for name in self.tested) if self.tested <= held.keys() else frozenset()
        self.groups, self.unique, self.listed = frozenset(names), bool(names), True

    def forget(self) -> None:
        """Forget what is known: rows of something else may be among these."""
        self.tested = self.groups = frozenset()
        self.unique = self.listed = False

    def follow(self, node: tree.Operator, columns: Collection[str] | None) -> None:
        """Follow any operator but an aggregation.

        Args:
            columns: the names of the columns after it; None where they are not known.
        """
        if isinstance(node, (tree.Join, tree.Lookup, tree.MvExpand, tree.MvApply)):
            self.unique = False
        moved = _moved(node)
        if moved is None:
            self.forget()
            return
        there = None if columns is None or isinstance(node, _KEEP) else frozenset(columns)
        self.tested = _after(self.tested, moved, there)
        self.groups = _after(self.groups, moved, there)
        self.unique = self.unique and bool(self.groups)
        if isinstance(node, (tree.Project, tree.Distinct)):
            self.listed = True
        elif isinstance(node, (tree.Join, tree.Lookup)):
            self.listed = False

    def groups_vanish(self, keys: Sequence[tree.Expr]) -> bool:
        """Return whether every group loses all its rows or none, because it is grouped by all that decides."""
        return bool(self.tested) and self.tested <= set(key_names(keys))

    def determine(self, keys: Sequence[tree.Expr]) -> bool:
        """Return whether rows that agree in some keys agree in every computed column."""
        return bool(self.groups) and self.groups <= set(key_names(keys))

    def one_left_row(self, node: tree.Join, columns: Collection[str] | None) -> bool:
        """Return whether it does not matter which of the left rows with one key a join keeps.

        They are removed together, there is one, or they hold nothing but the key.
        """
        keys = set(left_keys(node))
        if self.tested and self.tested <= keys:
            return True
        if self.unique and self.groups <= keys:
            return True
        return self.listed and columns is not None and keys.issuperset(columns)


Moved = Mapping[str, str | None]
"""Columns that are another column after an operator, with the new name of their values; None where they are gone."""


def _after(names: frozenset[str], moved: Moved, columns: frozenset[str] | None) -> frozenset[str]:
    """Return the names under which columns are there after an operator; none unless all of them are."""
    found = {moved.get(name, name) for name in names}
    if None in found or (columns is not None and not found <= columns):
        return frozenset()
    return frozenset(name for name in found if name is not None)


def _moved(node: tree.Operator) -> Moved | None:
    """Return what becomes of the columns at an operator; None where nothing is known of that."""
    if isinstance(node, (tree.Join, tree.Lookup)):
        return None if join_kind(node) in RIGHT_ONLY else {}
    if isinstance(node, _KEEP):
        return {}
    if isinstance(node, (tree.Project, tree.ProjectRename)):
        return _renamed(node)
    if isinstance(node, (tree.Extend, tree.Serialize, tree.ProjectAway, tree.ProjectByNames)):
        return {name.value: None for item in node.items if isinstance(item, tree.Named) for name in item.names}
    if isinstance(node, tree.Distinct):
        return {} if all(isinstance(item, tree.Name) for item in node.items) else None
    if isinstance(node, (tree.MvExpand, tree.MvApply)):
        return dict.fromkeys(_expanded(node))
    if isinstance(node, tree.Parse):
        return {part.name: None for part in node.pattern if isinstance(part, tree.Capture)}
    return None


def key_names(keys: Sequence[tree.Expr]) -> Iterator[str]:
    """Yield the columns among the keys of a group: `DeviceName`, `Device = DeviceName`."""
    for key in keys:
        name = _column(key)
        if name is not None:
            yield name


def _column(key: tree.Expr) -> str | None:
    """Return the column that a key is, under its own name or another; None where it is computed."""
    value = key.value if isinstance(key, tree.Named) else key
    return value.value if isinstance(value, tree.Name) else None


def left_keys(node: tree.Join | tree.Lookup) -> Iterator[str]:
    """Yield the left columns that a join compares with `==`."""
    for condition in node.on:
        if isinstance(condition, tree.Name):
            yield condition.value
        elif isinstance(condition, tree.Binary) and condition.ops[0] == "==" and len(condition.operands) == 2:
            for side in condition.operands:
                if not isinstance(side, tree.Path) or not isinstance(side.base, tree.Name):
                    continue
                if side.base.value == "$left" and isinstance(side.member, tree.Name):
                    yield side.member.value


def _renamed(node: tree.Project | tree.ProjectRename) -> Moved:
    """Return the columns that `project` or `project-rename` gives other names, and those whose names it takes."""
    kept = {item.value for item in node.items if isinstance(item, tree.Name)}
    taken: dict[str, str | None] = {}
    given: dict[str, str | None] = {}
    for item in node.items:
        if isinstance(item, tree.Named):
            source = item.value.value if isinstance(item.value, tree.Name) and len(item.names) == 1 else None
            taken |= {name.value: None for name in item.names if name.value != source}
            if source is not None and source not in kept:
                given.setdefault(source, item.names[0].value)
    return taken | given


def _expanded(node: tree.MvExpand | tree.MvApply) -> Iterator[str]:
    for item in node.items:
        value = item.value
        if isinstance(value, tree.Named):
            yield from (name.value for name in value.names)
        elif isinstance(value, tree.Name):
            yield value.value
    for parameter in node.parameters:
        if isinstance(parameter.value, tree.Name):
            yield parameter.value.value
