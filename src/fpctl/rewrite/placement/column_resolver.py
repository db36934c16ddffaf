"""From the fields of an exclusion to the columns that are visible at an insertion point.

A row at an insertion point may carry several events (after a join) or come from one of several tables (after a
union). An exclusion is about one event, so all its fields are looked for in one event source
first; every table of that source that has the field must say the same about which visible column
holds it, else the insertion point is ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple

from fpctl.fields.registry import FIELDS
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.scope import Origin, Scope
from fpctl.kql.literals import bracket_name
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.resolution import (
    IF_EXISTS,
    Fields,
    RequiredColumns,
    Resolution,
    Unresolved,
    bound_column,
    if_exists,
)
from fpctl.rewrite.placement.visible_columns import UNTOUCHED, VisibleColumnsCache
from fpctl.rewrite.predicate import BoundColumn

Group = Mapping[int, frozenset[str]]
"""One event source of a row: branch -> tables."""
Held = dict[tuple[int, str], dict[str, tuple[str, BoundColumn]]]
"""For each table (of a branch) the columns that hold a field there, each with the name under which it is visible."""

TIME_COLUMNS = ("Timestamp", "TimeGenerated")

LITERAL_SOURCES = frozenset({"datatable", "externaldata", "external_data", "print", "range"})
"""Sources whose rows are written in the query or in a file: no events of a table."""


class _Seen(NamedTuple):
    """What all event sources of a row hold: the columns of each field, and those that are no longer visible."""

    fields: dict[str, tuple[BoundColumn, ...]]
    lost: set[str]


class ColumnResolver:
    """Binds required columns in scopes.

    Args:
        fields: the field mapping.
        known: whether a table's columns are known.
        mentioned: returns the names that the query refers to; on an unknown table these exist.
        prefer_time: the time column the query itself uses, if any.
        schema: the columns of a table, None where they are not known.
        sure_time: whether a time column (table, column) is there wherever the rule may run.
        columns: what is known of visible columns, kept by the caller from query to query.
    """

    def __init__(
        self,
        fields: Fields,
        known: Callable[[str], bool],
        mentioned: Callable[[], frozenset[str]],
        prefer_time: str | None,
        schema: Callable[[str], Mapping[str, str] | None] = lambda table: None,
        sure_time: Callable[[str, str], bool] = lambda table, column: True,
        columns: VisibleColumnsCache | None = None,
    ) -> None:
        self.fields = fields
        self.known = known
        self.schema = schema
        self.sure_time = sure_time
        self.fuzzy = False
        """Whether the query unites tables of which some may be absent (`isfuzzy=true`)."""
        self._ask = mentioned
        self._mentioned: frozenset[str] | None = None
        self.columns = columns or VisibleColumnsCache()
        self._event_sources: dict[tuple[int, bool], tuple[Scope, list[Group]]] = {}
        self.time_columns = tuple(
            sorted(TIME_COLUMNS, key=lambda name: (name != prefer_time, TIME_COLUMNS.index(name)))
        )

    @property
    def mentioned(self) -> frozenset[str]:
        """The names that the query refers to, gathered when first asked for."""
        if self._mentioned is None:
            self._mentioned = self._ask()
        return self._mentioned

    def resolve(
        self,
        scope: Scope,
        required: RequiredColumns,
        reading: Reading = Reading.STRICT,
        *,
        surviving: bool = False,
    ) -> Resolution | Unresolved:
        """Bind required columns at an insertion point.

        Args:
            reading: what is accepted besides fields of one event with all their columns.
            surviving: look at values that came through an aggregation as keys, too (`placement: result`).
        """
        groups = self.groups(scope, surviving)
        if not groups:
            return Unresolved("no-table", "the rows here do not come from a table")
        raw = self.raw(scope, required.raw, surviving)
        if isinstance(raw, Unresolved):
            return raw
        best: Unresolved | None = None
        guess: Resolution | None = None
        seen = _Seen({}, set())
        for group in groups:
            found = self._bind(scope, group, required, reading, surviving, seen)
            if isinstance(found, Unresolved):
                best = found if best is None or found.rank > best.rank else best
                continue
            if not found.assumed:
                return found
            # Another event of the row may have the fields for certain.
            guess = guess or found
        if guess is not None:
            return guess
        if reading.mixed and len(seen.fields) == len(required.fields) and len(groups) > 1:
            time = self.time(scope, groups[0], required, surviving)
            if time is not None or not required.time:
                every = frozenset(branch for group in groups for branch in group)
                return Resolution(seen.fields, time, True, tuple(sorted(seen.lost)), branches=every)
        assert best is not None
        return best

    def _bind(
        self,
        scope: Scope,
        group: Group,
        required: RequiredColumns,
        reading: Reading,
        surviving: bool,
        seen: _Seen,
    ) -> Resolution | Unresolved:
        """Bind all fields in one event source; what is found is noted in `seen`, too."""
        bindings: dict[str, tuple[BoundColumn, ...]] = {}
        lost: list[str] = []
        assumed: list[str] = []
        failure: Unresolved | None = None
        for field, roles in required.fields:
            found = self._field(scope, group, field, roles, reading.partial, surviving, assumed, lost)
            if isinstance(found, Unresolved):
                failure = found if failure is None or found.rank > failure.rank else failure
            else:
                bindings[field] = found
                seen.fields.setdefault(field, found)
        seen.lost.update(lost)
        if failure is not None:
            return failure
        time = self.time(scope, group, required, surviving)
        if time is None and required.time:
            return Unresolved("columns-dropped", "no column of the event's time is visible here")
        return Resolution(bindings, time, False, tuple(sorted(set(lost))), tuple(assumed), branches=frozenset(group))

    def groups(self, scope: Scope, surviving: bool) -> list[Group]:
        """Return the event sources of a row: the legs of a union are one, every other branch is its own."""
        key = (id(scope), surviving)
        known = self._event_sources.get(key)
        if known is None:
            known = self._event_sources[key] = (scope, _event_sources(scope, None if surviving else scope.kept))
        return known[1]

    def raw(self, scope: Scope, names: tuple[str, ...], surviving: bool) -> Unresolved | None:
        for name in names:
            column = scope.columns.get(name)
            if column is None:
                if not scope.open:
                    return self._no_such(scope, name) or Unresolved(
                        "columns-dropped", f"column {name} is not visible here"
                    )
            elif column.kind != "table" and not (surviving and column.kind == "grouped" and column.origins):
                if column.kind == "derived" and not column.origins and name not in self.mentioned:
                    continue
                return Unresolved("column-redefined", f"column {name} no longer holds the table's own value here")
            elif self.may_be_absent(scope, name):
                return Unresolved(
                    "columns-dropped", f"only some tables of this union have the column {name}, and these may be absent"
                )
        return None

    def _no_such(self, scope: Scope, name: str) -> Unresolved | None:
        """Return that no table of the rows ever had a column, as far as all of them are known."""
        tables = sorted(set().union(*scope.branches.values()) - LITERAL_SOURCES)
        columns = [self.schema(table) for table in tables]
        known = {column for one in columns if one is not None for column in one}
        if not tables or None in columns or name in known:
            return None
        near = nearest(name, known)
        hint = f"; did you mean `{near}`?" if near else ""
        return Unresolved(
            "unknown-column", f"{tables_of(dict(enumerate([frozenset(tables)])))} has no column {name}{hint}"
        )

    def _field(
        self,
        scope: Scope,
        group: Group,
        field: str,
        roles: frozenset[str] | None,
        partial: bool,
        surviving: bool,
        assumed: list[str],
        lost: list[str],
    ) -> tuple[BoundColumn, ...] | Unresolved:
        held: Held = {}
        missing: Unresolved | None = None
        columns = self.fields.columns
        for branch, tables in group.items():
            for table in tables if len(tables) == 1 else sorted(tables):
                mapped = columns(table, field)
                if mapped and roles is not None:
                    mapped = [c for c in mapped if c.role in roles]
                if not mapped:
                    continue
                bound = held[branch, table] = {}
                for target in mapped:
                    name = self.visible(scope, table, target.column, branch, surviving)
                    if isinstance(name, Unresolved):
                        if missing is None or name.rank > missing.rank:
                            missing = name
                        lost.append(target.column)
                    else:
                        column = bound_column(name, scope, target, self.spelled(scope, name))
                        bound[f"{column.role} {column.text}"] = (name, column)
                if not bound or (len(bound) < len(mapped) and not partial):
                    assert missing is not None
                    return missing
        if held:
            return self._together(scope, group, field, held)
        unknown = [
            table
            for tables in group.values()
            for table in sorted(tables)
            if not self.known(table) and not self._mapped(table, field, roles)
        ]
        if unknown or (scope.open and any(branch in scope.unknown for branch in group)):
            return self._assume(scope, field, roles, assumed, unknown)
        if any(self.fields.columns(table, field) for tables in group.values() for table in tables):
            return Unresolved(
                "field-not-in-table",
                f"no column of {tables_of(group)} that holds the field {field} can hold the given values",
            )
        return Unresolved("field-not-in-table", f"no column of {tables_of(group)} holds the field {field}")

    def _together(
        self,
        scope: Scope,
        group: Mapping[int, frozenset[str]],
        field: str,
        held: Held,
    ) -> tuple[BoundColumn, ...] | Unresolved:
        """Return the columns of all tables that meet in a union.

        A row comes from one of them. Testing the columns of all is exact as long as each column either is
        empty in a row of the other tables, or holds the field there as well.
        """
        together = {key: bound for columns in held.values() for key, bound in columns.items()}
        differ = any(columns.keys() != together.keys() for columns in held.values())
        for key, (name, column) in together.items():
            if differ and column.role == "account-domain":
                # It is tested together with the account's name, and which of several belongs to it is not known.
                return Unresolved("column-ambiguous", f"{field} is held by different columns of {tables_of(group)}")
            for origin in scope.columns[name].origins:
                if (
                    origin.branch in group
                    and self.known(origin.table)
                    and key not in held.get((origin.branch, origin.table), ())
                ):
                    return Unresolved("column-ambiguous", _meets(origin, field))
        return tuple(column for _, column in together.values())

    def may_be_absent(self, scope: Scope, name: str) -> bool:
        """Return whether a column is that of some legs of a union only, and these may read tables that do not exist."""
        if not self.fuzzy or name in self.mentioned:
            return False
        column = scope.columns.get(name)
        return column is not None and not scope.union <= {origin.branch for origin in column.origins}

    def spelled(self, scope: Scope, name: str) -> str | None:
        """Return how to write a column that may be absent; None where it is written as it is."""
        return if_exists(name, scope.columns[name].type) if self.may_be_absent(scope, name) else None

    def visible(self, scope: Scope, table: str, column: str, branch: int, surviving: bool) -> str | Unresolved:
        """Return the name under which a table column is visible unchanged."""
        name = self.columns.of(scope).names(column, surviving).get((table, column, branch))
        if name is not None:
            return name
        here = scope.columns.get(column)
        if here is not None and here.kind == "redefined":
            return Unresolved("column-redefined", f"{column} was redefined before this place")
        if here is not None and here.kind == "grouped":
            return Unresolved("after-aggregation", f"{column} is a group key here: the rows are no longer events")
        return Unresolved(
            "columns-dropped", f"column {column} of {table} is not visible at the end of the pipeline's rows"
        )

    def _mapped(self, table: str, field: str, roles: frozenset[str] | None) -> bool:
        return any(roles is None or column.role in roles for column in self.fields.columns(table, field))

    def _assume(
        self, scope: Scope, field: str, roles: frozenset[str] | None, assumed: list[str], tables: Iterable[str]
    ) -> tuple[BoundColumn, ...] | Unresolved:
        candidates = [(n, r) for n, r in FIELDS[field].assumed if roles is None or r in roles]
        visible: list[tuple[str, str]] = []
        for name, role in candidates:
            here = scope.columns.get(name)
            usable = here.kind in UNTOUCHED if here is not None else scope.open and not self._some_known(scope)
            if usable and name in self.mentioned:
                visible.append((name, role))
        if visible:
            assumed.extend(n for n, _ in visible)
            return tuple(BoundColumn(bracket_name(n), FIELDS[field].column_type, r) for n, r in visible)
        if not scope.open or not candidates:
            shown = ", ".join(sorted(set(tables))) or "its table"
            return Unresolved(
                "unknown-column", f"the columns of {shown} are not known, and nothing shows which one holds {field}"
            )
        name, role = candidates[0]
        assumed.append(name)
        kind = FIELDS[field].column_type
        default = '""' if kind == "string" else f"{kind}(null)"
        return (BoundColumn(f'{IF_EXISTS}"{name}", {default})', kind, role),)

    def time(
        self,
        scope: Scope,
        group: Group,
        required: RequiredColumns,
        surviving: bool = False,
        *,
        matching: Set[tuple[int, str]] | None = None,
        spelled: Callable[[str, str], str] | None = None,
    ) -> str | None:
        """Return the KQL of the event's time at this insertion point, preferring the column the query itself uses.

        Where tables meet in a union, it is a column that all of those have that can match, else the
        first that is not null.

        Args:
            matching: the tables that can match, where the caller knows them.
            spelled: returns how to write a column (name, type) that may not be there; as it is where not given.
        """
        kinds = ("table", "renamed", "grouped") if surviving else ("table", "renamed")
        if matching is None:
            matching = {
                (branch, table)
                for branch, tables in group.items()
                for table in tables
                if not required.fields or any(self.fields.columns(table, field) for field, _ in required.fields)
            }
        found: list[str] = []
        covered: set[tuple[int, str]] = set()
        for wanted in self.time_columns:
            own = scope.columns.get(wanted)
            moved = self.columns.of(scope).moved(wanted)
            for name, column in moved if own is None else ((wanted, own), *moved):
                if column.kind not in kinds:
                    continue
                having = {(o.branch, o.table) for o in column.origins if o.column == wanted and o.branch in group}
                if not having:
                    continue
                text = (spelled(name, column.type) if spelled else self.spelled(scope, name)) or bracket_name(name)
                sure = text == bracket_name(name)
                if sure and not all(self.sure_time(table, wanted) for _, table in having):
                    continue
                if having >= matching and sure:
                    return text
                if not sure or not having <= covered:
                    found.append(text)
                    covered |= having
        if found:
            return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"
        return self._assumed_time(scope)

    def _assumed_time(self, scope: Scope) -> str | None:
        """Return the time column that the query itself names of tables that are not known."""
        if not scope.open or self._some_known(scope):
            return None
        wanted = (name for name in self.time_columns if name in self.mentioned and name not in scope.columns)
        return next(wanted, None)

    def _some_known(self, scope: Scope) -> bool:
        """Return whether a known table is read here: then a name that the query mentions may be meant for that."""
        return any(self.known(table) for tables in scope.branches.values() for table in tables)


def _event_sources(scope: Scope, kept: frozenset[int] | None) -> list[Group]:
    groups: list[Group] = []
    legs: dict[int, frozenset[str]] = {}
    for branch in sorted(scope.branches):
        tables = scope.branches[branch]
        if not tables.isdisjoint(LITERAL_SOURCES):
            tables -= LITERAL_SOURCES
        if not tables or (kept is not None and branch not in kept):
            continue
        if branch in scope.union:
            if not legs:
                groups.append(legs)
            legs[branch] = tables
        else:
            groups.append({branch: tables})
    return groups


def _meets(origin: Origin, field: str) -> str:
    return f"{origin.table}.{origin.column} meets other tables here, and does not hold the field {field}"


def tables_of(group: Group) -> str:
    names = sorted(set().union(*group.values()))
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
