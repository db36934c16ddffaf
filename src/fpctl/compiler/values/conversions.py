"""Conversions between Kusto's types: those that a query asks for, and those that operators make by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import fpctl.compiler.values.macros  # noqa: F401  (what is called here)
from fpctl.compiler.sql import Case, Cast, Infix, Number, Sql, Text, func, is_null
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.ticks import datetime_text, timespan_text
from fpctl.compiler.values.value import HELD_AS, NUMBERS, WIDTH, Value


def converted(value: Value, to: str) -> Value | None:
    """Return a value as the function `tolong`, `tostring` ... gives it; None where there is no way.

    What cannot be converted is null, "" of string: never an error.
    """
    if value.type == to:
        return value._replace(moment=value.moment) if to == "datetime" else value
    if value.is_constant and value.constant is None:
        return constant(None, to)
    way = _WAYS.get((value.type, to))
    if way is None:
        return None
    known = _folded(value, to)
    if known is not None:
        return known
    if to == "string" and value.text is not None:
        return Value(value.text, to)
    return Value(way(value.sql), to)


def implicit(value: Value, to: str) -> Value | None:
    """Return a value where a type is expected: a number as a wider one, a dynamic as what it holds; else None."""
    if value.type == to:
        return value
    if value.type in NUMBERS and to in NUMBERS:
        return converted(value, to) if WIDTH[value.type] < WIDTH[to] else None
    if value.type == "dynamic" or to == "dynamic":
        return converted(value, to)
    return None


def to_dynamic(value: Value) -> Value:
    """Return a value as a dynamic one."""
    made = converted(value, "dynamic")
    assert made is not None
    return made


def _folded(value: Value, to: str) -> Value | None:
    """Return the conversion of a constant, where it is plain."""
    if not value.is_constant:
        return None
    given = value.constant
    if to == "string":
        if value.type in ("long", "int"):
            return constant(str(given), to)
        if value.type == "datetime":
            return constant(datetime_text(given), to)
        if value.type == "timespan":
            return constant(timespan_text(given), to)
        if value.type == "dynamic" and isinstance(given, str):
            return constant(given, to)
    if to == "dynamic" and value.type in ("string", "bool", "int", "long"):
        return constant(given, to)
    if to == "int" and value.type == "long":
        return constant((given + 2**31) % 2**32 - 2**31, to)
    if to in ("int", "long", "real", "decimal") and value.type in ("int", "long"):
        return constant({"int": int, "long": int, "real": float, "decimal": Decimal}[to](given), to)
    return None


def _cast(to: str) -> Callable[[Sql], Sql]:
    return lambda sql: Cast(sql, HELD_AS[to], attempt=True)


def _int_of_long(sql: Sql) -> Sql:
    return Cast(sql, "INTEGER", attempt=True)


def _low_half(sql: Sql) -> Sql:
    return func("kql_int_of_long", sql)


def _text_of_bool(sql: Sql) -> Sql:
    # As .NET writes it (seen on Kusto's emulator, as duckdb-kql's sources tell; no page says). In JSON it is `true`.
    return Case(((sql, Text("True")), (is_null(sql), Text(""))), Text("False"))


def _text_by(name: str) -> Callable[[Sql], Sql]:
    return lambda sql: func("coalesce", func(name, sql), Text(""))


def _plain_text(sql: Sql) -> Sql:
    return func("coalesce", Cast(sql, "VARCHAR"), Text(""))


def _by(name: str) -> Callable[[Sql], Sql]:
    return lambda sql: func(name, sql)


def _json_of(name: str) -> Callable[[Sql], Sql]:
    return lambda sql: func("to_json", func(name, sql))


def _through_text(name: str) -> Callable[[Sql], Sql]:
    return lambda sql: func(name, func("kql_json_text", sql))


def _json_datetime(sql: Sql) -> Sql:
    return func("kql_json_datetime", sql)


def _is_true(sql: Sql) -> Sql:
    return Infix("!=", (sql, Number(0)))


_WAYS: dict[tuple[str, str], Callable[[Sql], Sql]] = {
    # to string
    ("bool", "string"): _text_of_bool,
    ("int", "string"): _plain_text,
    ("long", "string"): _plain_text,
    ("real", "string"): _text_by("kql_real_text"),
    ("decimal", "string"): _text_by("kql_decimal_text"),
    ("datetime", "string"): _text_by("kql_datetime_text"),
    ("timespan", "string"): _text_by("kql_timespan_text"),
    ("guid", "string"): _plain_text,
    ("dynamic", "string"): _by("kql_json_text"),
    # to bool
    ("string", "bool"): _by("kql_bool"),
    ("int", "bool"): _is_true,
    ("long", "bool"): _is_true,
    ("real", "bool"): _is_true,
    ("decimal", "bool"): _is_true,
    ("dynamic", "bool"): _by("kql_json_bool"),
    # to int and long
    ("string", "long"): _by("kql_long"),
    ("string", "int"): lambda sql: _int_of_long(func("kql_long", sql)),
    ("bool", "long"): _cast("long"),
    ("bool", "int"): _cast("int"),
    ("int", "long"): _cast("long"),
    ("long", "int"): _low_half,
    ("real", "long"): _by("kql_truncated"),
    ("real", "int"): _by("kql_int_of_real"),
    ("decimal", "long"): lambda sql: Cast(func("trunc", sql), "BIGINT", attempt=True),
    ("decimal", "int"): lambda sql: Cast(func("trunc", sql), "INTEGER", attempt=True),
    ("datetime", "long"): lambda sql: sql,
    ("timespan", "long"): lambda sql: sql,
    ("dynamic", "long"): _by("kql_json_long"),
    ("dynamic", "int"): lambda sql: _int_of_long(func("kql_json_long", sql)),
    # to real and decimal
    ("string", "real"): _by("kql_real"),
    ("bool", "real"): _cast("real"),
    ("int", "real"): _cast("real"),
    ("long", "real"): _cast("real"),
    ("decimal", "real"): _cast("real"),
    ("dynamic", "real"): _by("kql_json_real"),
    ("timespan", "real"): _cast("real"),
    ("datetime", "real"): _cast("real"),
    ("string", "decimal"): _cast("decimal"),
    ("int", "decimal"): _cast("decimal"),
    ("long", "decimal"): _cast("decimal"),
    ("real", "decimal"): _cast("decimal"),
    ("dynamic", "decimal"): lambda sql: Cast(func("kql_json_text", sql), HELD_AS["decimal"], attempt=True),
    # to datetime and timespan
    ("string", "datetime"): _by("kql_datetime"),
    ("int", "datetime"): lambda sql: func("kql_datetime_in_range", sql),
    ("long", "datetime"): lambda sql: func("kql_datetime_in_range", sql),
    ("dynamic", "datetime"): _json_datetime,
    ("string", "timespan"): _by("kql_timespan"),
    ("int", "timespan"): _cast("timespan"),
    ("long", "timespan"): _cast("timespan"),
    ("dynamic", "timespan"): _by("kql_json_timespan"),
    # to guid
    ("string", "guid"): _by("kql_guid"),
    ("dynamic", "guid"): _through_text("kql_guid"),
    # to dynamic
    ("string", "dynamic"): _by("to_json"),
    ("bool", "dynamic"): _by("to_json"),
    ("int", "dynamic"): _by("to_json"),
    ("long", "dynamic"): _by("to_json"),
    ("real", "dynamic"): _by("kql_real_json"),
    ("decimal", "dynamic"): _json_of("kql_decimal_text"),
    ("datetime", "dynamic"): _json_of("kql_datetime_text"),
    ("timespan", "dynamic"): _json_of("kql_timespan_text"),
    ("guid", "dynamic"): lambda sql: func("to_json", Cast(sql, "VARCHAR")),
}


def parsed_json(text: str) -> Value | None:
    """Return what parse_json returns for a known text; None where it is not JSON."""
    try:
        return constant(json.loads(text), "dynamic")
    except ValueError:
        return None
