"""A compiled expression, and how each Kusto type is held in DuckDB.

string    VARCHAR, never NULL: "" where Kusto has no value
bool      BOOLEAN
int       INTEGER
long      BIGINT
real      DOUBLE
decimal   DECIMAL(38,18)
datetime  BIGINT, 100-ns ticks since 0001-01-01, as .NET counts them
timespan  BIGINT, 100-ns ticks
guid      UUID
dynamic   JSON text. NULL is Kusto's null: the JSON word `null` never occurs alone. Strings are in quotes,
          so text that is not JSON is kept by parse_json; what JSON lacks (datetime, timespan, guid) is a string
          as Kusto writes it. A DuckDB JSON value that comes from a file may hold blanks: what shows its text
          writes it anew (`kql_json_text`).

A table column of type datetime may be held as TIMESTAMP (microseconds): its value is turned into ticks
where it is used, and compared as it is with constants, so that files skip what a time range leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from fpctl.compiler.sql import Column, Infix, Number, Sql, func

EPOCH: Final = 621_355_968_000_000_000
"""Ticks of 1970-01-01."""

HELD_AS: Final = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "decimal": "DECIMAL(38,18)",
    "datetime": "BIGINT",
    "timespan": "BIGINT",
    "guid": "UUID",
    "dynamic": "JSON",
}
"""Kusto scalar type -> DuckDB type of its values."""

INTEGERS: Final = frozenset({"int", "long"})
NUMBERS: Final = frozenset({"int", "long", "real", "decimal"})
WIDTH: Final = {"int": 0, "long": 1, "real": 2, "decimal": 3}


Newest = Callable[[], int | None]
"""Returns the latest time in a column, in ticks; None where a row has none, or finding out costs too much."""


class _Unknown:
    """What `Value.constant` is where the value depends on the row."""

    def __repr__(self) -> str:
        return "VARIES"


VARIES: Final = _Unknown()


class Value(NamedTuple):
    """A compiled expression.

    Attributes:
        sql: gives the value as `HELD_AS` says.
        type: its Kusto type.
        constant: the value itself where the query says it: str, bool, int (long, and ticks of datetime and
            timespan), float, Decimal, UUID, parsed JSON of a dynamic, None for null; else `VARIES`.
        moment: the same value as TIMESTAMP, where a table has it so.
        newest: of a time of a table that every row has, returns the latest one in ticks.
        text: the value as tostring() gives it, where that is had more cheaply than from `sql`.
        nullable: False where it is certain that the value is not null.
    """

    sql: Sql
    type: str
    constant: Any = VARIES
    moment: Column | None = None
    nullable: bool = True
    text: Sql | None = None
    newest: Newest | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the query itself says the value."""
        return self.constant is not VARIES

    @property
    def may_be_null(self) -> bool:
        """Whether the value can be null: no string can."""
        return self.type != "string" and self.nullable and (self.constant is VARIES or self.constant is None)


class Held(NamedTuple):
    """A column of a relation: its Kusto name and type, its SQL name, and whether it is a TIMESTAMP.

    `newest` is that of `Value`.
    """

    name: str
    type: str
    sql: str
    is_moment: bool = False
    newest: Newest | None = None

    def value(self, of: str | None = None) -> Value:
        """Return the column as an expression; `of` is the alias of its relation, where one is needed."""
        column = Column(self.sql, of)
        if self.is_moment:
            return Value(ticks_of(column), self.type, moment=column, newest=self.newest)
        return Value(column, self.type)


def ticks_of(moment: Sql) -> Sql:
    """Return a TIMESTAMP in ticks."""
    return Infix("+", (Infix("*", (func("epoch_us", moment), Number(10))), Number(EPOCH)))
