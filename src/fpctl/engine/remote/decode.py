"""JSON results of the services, column by column, as a `Table` of typed Python values.

All of Microsoft's query services send a column list with types and rows of JSON values. What a type
looks like in JSON differs a little between them; what `Table` holds does not. A column is looked at
once: the kinds of JSON values it really has decide whether it must be converted at all, so that a
column of strings or integers costs nothing and a value of a wrong kind is an error, not a surprise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from types import MappingProxyType, NoneType
from typing import Any, NamedTuple

from fpctl.engine.interface import EngineError, ResultColumn, Table

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ("string", "bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid")},
        "dynamic": "dynamic",
        # .NET names, as Microsoft Graph and Kusto's v1 answers have them.
        "sbyte": "bool",
        "boolean": "bool",
        "int16": "int",
        "int32": "int",
        "uint32": "long",
        "int64": "long",
        "uint64": "long",
        "single": "real",
        "double": "real",
        "float": "real",
        "sqldecimal": "decimal",
        "datetimeoffset": "datetime",
        "date": "datetime",
        "time": "timespan",
        "uuid": "guid",
        "uniqueid": "guid",
        "object": "dynamic",
        "jtoken": "dynamic",
    }
)


def kusto_type(name: str) -> str:
    """Return the Kusto scalar type that a service calls `name` (`DateTime`, `System.Int64`, `SByte`, `long` ...).

    Raises:
        EngineError: `bad-response`, no such type is known.
    """
    found = _TYPES.get(name.rsplit(".", 1)[-1].lower())
    if found is None:
        raise bad_response(f"a column has the type {name[:60]!r}, which is not a Kusto type")
    return found


def bad_response(what: str, *, hint: str | None = None) -> EngineError:
    """Return the error of an answer that is not in the service's format."""
    return EngineError(
        f"the service's answer cannot be read: {what}",
        code="bad-response",
        hint=hint or "run again; if it stays so, look for a proxy between here and the service",
        retryable=True,
    )


def only_row(table: Table, asked: str, *kinds: type) -> tuple[Any, ...]:
    """Return the one row of an answer that was asked for one, its values null or of these types.

    Raises:
        EngineError: it is not such an answer.
    """
    rows = list(table.rows[:2])
    if len(rows) != 1 or len(rows[0]) != len(kinds):
        raise bad_response(f"{asked} should be one row of {len(kinds)} values")
    for value, kind in zip(rows[0], kinds, strict=True):
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise bad_response(f"{asked} holds a value of another type")
    return tuple(rows[0])


def read_json(body: bytes | bytearray) -> Any:
    """Return the JSON value of an answer's body.

    Raises:
        EngineError: `bad-response`: an empty body, a page of HTML, or JSON that is cut off.
    """
    if not body.strip():
        raise bad_response("its body is empty")
    if body.lstrip()[:1] == b"<":
        raise bad_response("it is a page of HTML, not JSON", hint="a proxy or a sign-in page answered in its place")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        place = f" at byte {error.pos:,} of {len(body):,}" if isinstance(error, json.JSONDecodeError) else ""
        raise bad_response(f"it is not whole JSON{place}") from None


def table_of(
    columns: Iterable[tuple[str, str]],
    rows: Any,
    *,
    partial: str | None = None,
    statistics: Mapping[str, Any] | None = None,
) -> Table:
    """Return the table that a service sent.

    A second column of one name gets a number after it (`n`, `n1`), as Kusto's own joins do, so that
    looking a value up by its name never finds another column's.

    Args:
        columns: names and the service's type names.
        rows: lists of JSON values, each as long as `columns`.
        partial: the service's reason, if the answer is not whole.
        statistics: what the service said about the query.

    Raises:
        EngineError: `bad-response`: rows and columns do not match.
    """
    declared = [(name, kusto_type(type_name)) for name, type_name in columns]
    if not isinstance(rows, list) or any(not isinstance(row, list) for row in rows):
        raise bad_response("its rows are not lists of values")
    width = len(declared)
    if any(len(row) != width for row in rows):
        raise bad_response(f"it has {width} columns, and rows with another number of values")
    values = [typed_column(name, kind, list(map(itemgetter(at), rows))) for at, (name, kind) in enumerate(declared)]
    return table_of_columns(declared, values, len(rows), partial=partial, statistics=statistics)


def table_of_columns(
    declared: Sequence[tuple[str, str]],
    values: Sequence[list[Any]],
    count: int,
    *,
    partial: str | None = None,
    statistics: Mapping[str, Any] | None = None,
) -> Table:
    """Return a table from converted columns; `declared` has names and Kusto types, `count` is of rows."""
    names = _distinct([name for name, _ in declared])
    result = tuple(ResultColumn(name, kind) for name, (_, kind) in zip(names, declared, strict=True))
    rows: list[tuple[Any, ...]] = list(zip(*values, strict=True)) if values else [()] * count
    return Table(result, rows, partial, dict(statistics or {}))


def _distinct(names: Sequence[str]) -> list[str]:
    taken, seen, result = set(names), set[str](), []
    for name in names:
        fresh, number = name, 0
        while fresh in seen or (number and fresh in taken):
            number += 1
            fresh = f"{name}{number}"
        seen.add(fresh)
        result.append(fresh)
    return result


# ---------------------------------------------------------------------------- values


def typed_column(name: str, kind: str, values: list[Any]) -> list[Any]:
    """Return a column's JSON values as Python values of its Kusto type; the same list where they are that already.

    Raises:
        EngineError: `bad-response`: a value that is none of the type.
    """
    plan = _PLANS[kind]
    if plan.asis.issuperset(map(type, values)):
        return values
    convert, null = plan.convert, plan.null
    try:
        return [null if value is None else convert(value) for value in values]
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        at = next(at for at, value in enumerate(values) if not _converts(convert, value))
        raise bad_response(f"row {at + 1} of column {name[:60]!r} holds no value of type {kind}") from None


def _converts(convert: Callable[[Any], Any], value: Any) -> bool:
    if value is None:
        return True
    try:
        convert(value)
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        return False
    return True


class _ColumnPlan(NamedTuple):
    """How a type's JSON values become Python ones.

    `asis`: kinds of values that are right already (compared exactly: a bool is not an int here).
    """

    asis: frozenset[type]
    convert: Callable[[Any], Any]
    null: Any = None


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _bool(value: Any) -> bool:
    if isinstance(value, bool | int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false", "0", "1"):
        return value.lower() in ("true", "1")
    raise TypeError


def _integer(value: Any) -> int:
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError
        return int(value)
    if isinstance(value, int | str) and not isinstance(value, bool):
        return int(value)
    raise TypeError


def _real(value: Any) -> float:
    # The service writes what JSON has no number for as the strings "NaN", "Infinity" and "-Infinity".
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bool):
        raise TypeError
    return Decimal(value)


_parse_moment = datetime.fromisoformat


def _moment(value: Any) -> datetime:
    """Return a time in UTC. Kusto's seventh digit (100 ns) is cut off: Python's times have six."""
    moment = _parse_moment(value)
    zone = moment.tzinfo
    if zone is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if zone is None else moment.astimezone(UTC)


_TIMESPAN = re.compile(r"(-?)(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?\Z")


def _duration(value: Any) -> timedelta:
    """Return a timespan written as `[-][d.]hh:mm:ss[.fffffff]`; the seventh digit is cut off."""
    found = _TIMESPAN.match(value)
    if found is None:
        raise ValueError
    sign, days, hours, minutes, seconds, fraction = found.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "").ljust(6, "0")[:6]),
    )
    return -span if sign else span


def _dynamic(value: Any) -> Any:
    """Return parsed JSON. A string that is not JSON is the dynamic string itself, sent without its quotes."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _kinds(*kinds: type) -> frozenset[type]:
    return frozenset((*kinds, NoneType))


_PLANS: Mapping[str, _ColumnPlan] = MappingProxyType(
    {
        # Kusto has no null string.
        "string": _ColumnPlan(frozenset((str,)), _string, ""),
        "guid": _ColumnPlan(_kinds(str), _string),
        "bool": _ColumnPlan(_kinds(bool), _bool),
        "int": _ColumnPlan(_kinds(int), _integer),
        "long": _ColumnPlan(_kinds(int), _integer),
        "real": _ColumnPlan(_kinds(float), _real),
        "decimal": _ColumnPlan(_kinds(), _decimal),
        "datetime": _ColumnPlan(_kinds(), _moment),
        "timespan": _ColumnPlan(_kinds(), _duration),
        "dynamic": _ColumnPlan(_kinds(dict, list, int, float, bool), _dynamic),
    }
)
