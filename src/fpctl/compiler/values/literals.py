"""KQL literals as values."""

from __future__ import annotations

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from fpctl.compiler.refusal import Refusal
from fpctl.compiler.sql import FALSE, NULL, TRUE, Cast, Number, Real, Sql, Text
from fpctl.compiler.values.dynamic_literal import parsed_dynamic
from fpctl.compiler.values.ticks import datetime_ticks, timespan_ticks
from fpctl.compiler.values.value import HELD_AS, Value
from fpctl.kql import tree
from fpctl.kql.literals import string_value


def constant(value: Any, type_: str) -> Value:
    """Return a value of a Kusto type that is known; `value` is as `Value.constant` says."""
    if value is None:
        return Value(Text(""), "string", "") if type_ == "string" else Value(null_of(type_), type_, None)
    return Value(_sql(value, type_), type_, value, nullable=False)


def null_of(type_: str) -> Sql:
    """Return the null of a type, `""` of string."""
    return Text("") if type_ == "string" else Cast(NULL, HELD_AS[type_])


def _sql(value: Any, type_: str) -> Sql:
    if type_ == "string":
        return Text(value)
    if type_ == "bool":
        return TRUE if value else FALSE
    if type_ == "int":
        return Cast(Number(value), "INTEGER")
    if type_ in ("long", "datetime", "timespan"):
        # The least of 32 bits would be an INTEGER, which has no abs().
        return Number(value) if -(2**31) < value < 2**31 and type_ == "long" else Cast(Number(value), "BIGINT")
    if type_ == "real":
        return Real(value)
    if type_ == "dynamic":
        return Cast(Text(json_text(value)), "JSON")
    return Cast(Text(str(value)), HELD_AS[type_])


def json_text(value: Any) -> str:
    """Return JSON without blanks, as the service writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def literal(node: tree.Literal, text: str) -> Value:
    """Return the value of a literal.

    Raises:
        Refusal: the literal holds no value of its type.
    """
    shown = text[node.start : node.end]
    kind = node.type
    if kind == "string":
        return constant(string_value(shown), "string")
    inner = _inner(shown)
    if inner == "null" or (inner == "" and "(" in shown):
        return constant(None, kind)
    value = _READ[kind](inner)
    if value is None:
        raise Refusal(f"{kind} literal", f"{shown} is not a value of type {kind}", node.start)
    return constant(value, kind)


def _inner(shown: str) -> str:
    if shown.endswith(")") and "(" in shown:
        return shown.partition("(")[2][:-1].strip()
    return shown


def _bool(text: str) -> bool | None:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.lower())


def _integer(text: str) -> int | None:
    text = text.replace(" ", "")
    try:
        value = int(text, 16 if text.lower().lstrip("-+").startswith("0x") else 10)
    except ValueError:
        return None
    if 2**63 <= value < 2**64 and "x" in text.lower():
        value -= 2**64
    return value if -(2**63) <= value < 2**63 else None


def _real(text: str) -> float | None:
    low = text.lower().replace(" ", "")
    named = {"nan": math.nan, "+inf": math.inf, "inf": math.inf, "-inf": -math.inf}.get(low)
    if named is not None:
        return named
    try:
        return float(low)
    except ValueError:
        return None


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text.replace(" ", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _guid(text: str) -> UUID | None:
    try:
        return UUID(_unquoted(text))
    except ValueError:
        return None


def _unquoted(text: str) -> str:
    return string_value(text) if text[:1] in ("'", '"', "@") else text


_READ = {
    "bool": _bool,
    "int": _integer,
    "long": _integer,
    "real": _real,
    "decimal": _decimal,
    "datetime": lambda text: datetime_ticks(_unquoted(text)),
    "timespan": lambda text: timespan_ticks(_unquoted(text)),
    "guid": _guid,
    "dynamic": parsed_dynamic,
}
