"""Fields after a pattern of tables: `union Device*`, `union *`, `search`, `find`.

The tables of a pattern hold a field in different columns, and no clause can be placed at each of them. After the
pattern a column is tested for the rows of the tables that hold the field in it: where another of the tables has
a column of that name for something else, the row's table is asked for, too. Of the tables a workspace has only
some: a column that the query does not name itself is written so that it may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fpctl.kql import tree
from fpctl.kql.binder.scope import Scope
from fpctl.kql.literals import bracket_name, string_literal
from fpctl.rewrite.placement.column_resolver import ColumnResolver, Group, Held, tables_of
from fpctl.rewrite.placement.resolution import (
    MappedColumn,
    RequiredColumns,
    Resolution,
    Unresolved,
    bound_column,
    if_exists,
)
from fpctl.rewrite.predicate import BoundColumn
from fpctl.rewrite.reasons import SkipReason

Holding = Sequence[tuple[int, str, Sequence[MappedColumn]]]
"""The tables of a pattern that have a field: branch, table, and the columns that hold it."""
WildcardCache = dict[tuple[int, frozenset[int], str], tuple[Mapping[int, frozenset[str]], Holding]]
"""By the branches of a pattern (by identity: they are kept beside), those of them that count, and the field."""

_TYPE = "Type"
"""Log Analytics' own column of the table's name; Defender XDR has none."""
_NUMBERS = frozenset({"int", "long"})


WITH_SOURCE = ("withsource", "with_source")
"""The parameter of `union` and `find` that adds a column with the name of each row's table."""


def reads_pattern(source: tree.Node | None, may_be_table: Callable[[str], bool]) -> bool:
    """Return whether a pipeline's source is tables only, where no clause can be placed at each of them.

    Args:
        may_be_table: whether a name can be a table; the rows of a view or function have another table's name.
    """
    if isinstance(source, (tree.Search, tree.Find)):
        legs = source.tables
    elif isinstance(source, tree.Union) and (
        any(isinstance(leg, tree.Wildcard) for leg in source.legs) or table_name(source) is not None
    ):
        # Around a leg that is filtered, `withsource=` would say `union_arg0` instead of the table's name.
        legs = source.legs
    else:
        return False
    return all(
        isinstance(leg, tree.Wildcard) or (isinstance(leg, tree.Name) and may_be_table(leg.value)) for leg in legs
    )


def names_each_table(source: tree.Node | None) -> bool:
    """Return whether a source names each table that it reads, so that all of them have to be there."""
    return isinstance(source, tree.Union) and not any(isinstance(leg, tree.Wildcard) for leg in source.legs)


def table_name(source: tree.Node | None) -> str | None:
    """Return the column in which a source names the table of each row, None where it has none."""
    if isinstance(source, tree.Search):
        return "$table"
    if not isinstance(source, (tree.Find, tree.Union)):
        return None
    values = [parameter.value for parameter in source.parameters if parameter.name in WITH_SOURCE]
    named = next((value.value for value in values if isinstance(value, tree.Name)), None)
    return named or ("source_" if isinstance(source, tree.Find) else None)


class WildcardTableResolver:
    """Binds required columns after a pattern of tables.

    Args:
        resolver: that of the query.
        known: what is known of patterns, kept by the caller from query to query.
    """

    def __init__(self, resolver: ColumnResolver, known: WildcardCache) -> None:
        self.resolver = resolver
        self._known = known
        self._present = False
        self._answers: dict[object, tuple[Scope, Resolution | Unresolved]] = {}

    def resolve(
        self, scope: Scope, required: RequiredColumns, table_name: str | None, *, present: bool = False
    ) -> Resolution | Unresolved:
        """Bind what is required at an insertion point.

        Args:
            table_name: the column that names the table of a row, if the source gives one.
            present: every table is there, as the query names each: none of its columns can be missing.
        """
        # A `where` leaves the columns as they are: what was found before it holds after it.
        key = (id(scope.columns), id(scope.branches), scope.kept, required, table_name, present)
        known = self._answers.get(key)
        if known is None:
            self._present = present
            known = self._answers[key] = (scope, self._resolve(scope, required, table_name))
        return known[1]

    def _resolve(self, scope: Scope, required: RequiredColumns, table_name: str | None) -> Resolution | Unresolved:
        """Bind required columns where a pattern reads many tables that hold a field in different columns.

        A column is tested for the rows of the tables that hold the field in it: where another table has a
        column of the same name, the name of the row's table is asked too.
        """
        groups = self.resolver.groups(scope, False)
        if len(groups) != 1:
            return Unresolved("no-table", "the rows here do not come from one pattern of tables")
        (group,) = groups
        raw = self.resolver.raw(scope, required.raw, False)
        if isinstance(raw, Unresolved):
            return raw
        bindings: dict[str, tuple[BoundColumn, ...]] = {}
        having: set[tuple[int, str]] | None = None
        testable: set[tuple[int, str]] | None = None
        for field, roles in required.fields:
            held, lost = self._held(scope, group, field, roles)
            having_field = held.keys() | lost
            if not held:
                reason: SkipReason = "columns-dropped" if lost else "field-not-in-table"
                return Unresolved(
                    reason, f"no column of {tables_of(group)} that holds the field {field} is visible here"
                )
            bound = self._apart(scope, group, field, held, table_name)
            if isinstance(bound, Unresolved):
                return bound
            bindings[field] = bound
            having = having_field if having is None else having & having_field
            testable = set(held) if testable is None else testable & held.keys()
        matching = {
            (branch, table) for field, _ in required.fields for branch, table, _ in self._holding(scope, group, field)
        }
        time = self.resolver.time(scope, group, required, matching=matching or None, spelled=self._if_exists)
        if required.time and time is None:
            return Unresolved("columns-dropped", "no column of the event's time is visible here")
        if testable is None or having is None:
            return Resolution(bindings, time, branches=frozenset(group))
        if not testable:
            return Unresolved("field-not-in-table", f"none of {tables_of(group)} has all the fields")
        untested = {table for _, table in having - testable}
        guess = self._if_exists(_TYPE, "string")
        assumed = any(guess in column.text for bound in bindings.values() for column in bound)
        return Resolution(
            bindings,
            time,
            assumed=(_TYPE,) if assumed and guess != _TYPE and self.resolver.time_columns[0] == "Timestamp" else (),
            untested=tuple(sorted(untested)),
            tested=len(testable),
            branches=frozenset(group),
        )

    def _held(
        self, scope: Scope, group: Group, field: str, roles: frozenset[str] | None
    ) -> tuple[Held, set[tuple[int, str]]]:
        """Return the columns that hold a field and are visible, by table, and the tables of which one is not."""
        held: Held = {}
        lost: set[tuple[int, str]] = set()
        visible = self.resolver.columns.of(scope)
        # Hundreds of tables hold a field in a few columns.
        bound: dict[tuple[str, str, tuple[str, ...], bool], tuple[str, BoundColumn]] = {}
        for branch, table, targets in self._holding(scope, group, field):
            for target in targets:
                if roles is not None and target.role not in roles:
                    continue
                name = visible.names(target.column, False).get((table, target.column, branch))
                if name is None:
                    lost.add((branch, table))
                    continue
                how = name, target.role, target.members, target.parse
                if how not in bound:
                    text = self._if_exists(name, scope.columns[name].type)
                    column = bound_column(name, scope, target, text)
                    bound[how] = f"{column.role} {column.text}", column
                key, column = bound[how]
                held.setdefault((branch, table), {})[key] = (name, column)
        for partly in lost & held.keys():
            # With a column missing, the table cannot be said to be tested.
            del held[partly]
        return held, lost

    def _holding(self, scope: Scope, group: Group, field: str) -> Holding:
        """Return the tables of a pattern that have a field; the same for every query with that pattern."""
        key = (id(scope.branches), frozenset(group), field)
        known = self._known.get(key)
        if known is None:
            found = [
                (branch, table, targets)
                for branch, tables in group.items()
                for table in sorted(tables)
                if (targets := self.resolver.fields.columns(table, field))
            ]
            known = self._known[key] = (scope.branches, found)
        return known[1]

    def _apart(
        self, scope: Scope, group: Group, field: str, held: Held, table_name: str | None
    ) -> tuple[BoundColumn, ...] | Unresolved:
        """Return the columns that hold a field in some tables, each tested in the rows of those only.

        A table whose rows cannot be distinguished from others is removed from `held`.
        """
        holders = _holders(held)
        confused = _confused(scope, group, holders)
        if confused and table_name is None:
            named = self._with_type(scope)
            for place in [place for place, columns in held.items() if place not in named and confused & columns.keys()]:
                del held[place]
            if not held:
                return Unresolved("column-ambiguous", f"{field} is held by different columns of {tables_of(group)}")
            holders = _holders(held)
            confused = _confused(scope, group, holders)
        found: list[BoundColumn] = []
        for key, (_, tables, column) in holders.items():
            if column.role == "account-domain":
                return Unresolved("column-ambiguous", f"{field} is held by different columns of {tables_of(group)}")
            if key in confused:
                names = ", ".join(string_literal(table) for table in sorted(tables))
                if column.type in _NUMBERS:
                    text, kind, empty = column.text, column.type, f"{column.type}(null)"
                else:
                    text, kind, empty = column.string(), "string", '""'
                teller = table_name or _TYPE
                teller = bracket_name(teller) if table_name else self._if_exists(teller, "string")
                column = BoundColumn(f"iff({teller} in ({names}), {text}, {empty})", kind, column.role)
            found.append(column)
        return tuple(found)

    def _if_exists(self, name: str, kind: str) -> str:
        """Return a column of a pattern's tables: of these a workspace has only some, so it may not be there."""
        if self._present or name in self.resolver.mentioned:
            return bracket_name(name)
        return if_exists(name, kind)

    def _with_type(self, scope: Scope) -> frozenset[tuple[int, str]]:
        """Return the tables of which Log Analytics' own column of the table's name is visible."""
        column = scope.columns.get(_TYPE)
        if column is None or column.kind != "table":
            return frozenset()
        return frozenset((o.branch, o.table) for o in column.origins if o.column == _TYPE)


Holders = Mapping[str, tuple[str, set[str], BoundColumn]]
"""For each column that holds a field the name under which it is visible, and the tables in which it does."""


def _holders(held: Held) -> Holders:
    holders: dict[str, tuple[str, set[str], BoundColumn]] = {}
    for (_, table), columns in held.items():
        for key, (name, column) in columns.items():
            if key not in holders:
                holders[key] = name, set(), column
            holders[key][1].add(table)
    return holders


def _confused(scope: Scope, group: Group, holders: Holders) -> set[str]:
    """Return the columns whose name another table uses for something else."""
    return {
        key
        for key, (name, tables, _) in holders.items()
        if any(origin.table not in tables and origin.branch in group for origin in scope.columns[name].origins)
    }
