"""A table while it is being compiled: a SELECT, and the Kusto columns that it gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from fpctl.compiler.sql import Column, From, Named, Order, Select, Sql
from fpctl.compiler.values.value import Held, Value
from fpctl.kql.binder.scope import Scope


class Made(NamedTuple):
    """A column that an operator computes: its Kusto name, and its value."""

    name: str
    value: Value


class Relation(NamedTuple):
    """Rows.

    Attributes:
        select: gives the rows; each of `columns` is one of its columns.
        columns: by Kusto name, in Kusto's order. SQL names differ, even without case.
        scope: what the binder knows of the same columns.
        open_ended: whether operators may still add conditions and columns to `select` itself: it is no more
            than `SELECT * FROM .. WHERE ..`.
        ordered: whether the rows have an order that means something.
        name: what `as` calls the rows.
    """

    select: Select
    columns: Mapping[str, Held]
    scope: Scope
    open_ended: bool = True
    ordered: bool = False
    name: str = ""

    def base(self) -> Select:
        """Return a SELECT of these rows that conditions and columns can be added to."""
        return self.select if self.open_ended else Select(self.select, keep=True)

    def with_scope(self, scope: Scope) -> Relation:
        """Return the same rows under another scope of the same columns."""
        return self._replace(scope=scope)

    def filtered(self, condition: Sql) -> Relation:
        """Return the rows that a condition is true for."""
        base = self.base()
        return self._replace(select=base.with_where(condition), open_ended=True)

    def extended(self, made: Sequence[Made], order: Sequence[str], scope: Scope) -> Relation:
        """Return the rows with columns computed beside theirs, or in place of those of the same name.

        Args:
            made: what is computed.
            order: the names of all columns afterwards.
            scope: what the binder knows of them.
        """
        replaced = [self.columns[one.name].sql for one in made if one.name in self.columns]
        kept = {name: held for name, held in self.columns.items() if held.sql not in replaced}
        names = Names(held.sql for held in self.columns.values())
        added = {one.name: held_for(one, names) for one in made}
        found = {**kept, **added}
        select = replace(
            self.base(),
            columns=tuple(Named(stored(one.value), added[one.name].sql) for one in made),
            drop=tuple(replaced),
        )
        return Relation(select, {name: found[name] for name in order}, scope, False, self.ordered)

    def projected(self, made: Sequence[Made], scope: Scope, *, distinct: bool = False) -> Relation:
        """Return the computed columns only."""
        names = Names()
        columns = {one.name: held_for(one, names) for one in made}
        select = replace(
            self.base(),
            keep=False,
            columns=tuple(Named(stored(one.value), columns[one.name].sql) for one in made),
            distinct=distinct,
        )
        return Relation(select, columns, scope, False, self.ordered and not distinct)

    def renamed(self, names: Mapping[str, str], scope: Scope) -> Relation:
        """Return the rows with columns under other names, given as new name -> name, and no others."""
        columns = {new: self.columns[old]._replace(name=new) for new, old in names.items()}
        return self._replace(columns=columns, scope=scope)

    def sorted(self, orders: Sequence[Order], limit: Sql | None = None) -> Relation:
        """Return the rows in order, the first ones only where a limit is given."""
        select = replace(self.base(), order=tuple(orders), limit=limit)
        return self._replace(select=select, open_ended=False, ordered=True)

    def limited(self, count: Sql) -> Relation:
        """Return some rows, the first where they have an order."""
        if not self.open_ended and self.select.order and self.select.limit is None:
            return self._replace(select=replace(self.select, limit=count))
        return self._replace(select=replace(self.base(), limit=count), open_ended=False)

    def as_source(self) -> From:
        """Return what another SELECT reads these rows from."""
        select = self.select
        plain = Select(select.source, keep=True)
        return select.source if select == plain and select.source is not None else select


class Names:
    """SQL names that are taken; DuckDB does not tell `Isp` from `ISP`."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}

    def free(self, name: str) -> str:
        """Return the name, or one made of it that is not taken; it is taken from now on."""
        found, number = name or "fpctl_unnamed", 0
        while found.casefold() in self._taken:
            number += 1
            found = f"{name}__{number}"
        self._taken.add(found.casefold())
        return found


def held_for(made: Made, names: Names) -> Held:
    """Return how a computed column is held."""
    value = made.value
    return Held(made.name, value.type, names.free(made.name), value.moment is not None, value.newest)


def stored(value: Value) -> Sql:
    """Return the SQL that a column is computed by: a time that a table has as TIMESTAMP stays so."""
    return value.sql if value.moment is None else value.moment


def passed(held: Held, name: str | None = None, of: str | None = None) -> Made:
    """Return a column passed on as it is."""
    return Made(name or held.name, held.value(of))


def of_table(source: From, columns: Mapping[str, Held], scope: Scope) -> Relation:
    """Return all rows of a table."""
    return Relation(Select(source, keep=True), columns, scope)


def column(held: Held, of: str | None = None) -> Column:
    """Return a column as it is held."""
    return Column(held.sql, of)
