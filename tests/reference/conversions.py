"""`toX()`: a value of one type as another. Pages: tolong-function and its siblings, dynamic-to-json-function."""

from __future__ import annotations

import math
from decimal import Decimal

from reference.values import (
    LAST_TICK,
    LONG_MAX,
    LONG_MIN,
    NUMBERS,
    ReferenceFault,
    Value,
    inner,
    json_value,
    null_of,
    parse_bool,
    parse_datetime,
    parse_decimal,
    parse_guid,
    parse_long,
    parse_real,
    parse_timespan,
    text_of,
    to_dynamic,
    wrapped,
)


def convert(value: Value, kind: str) -> Value:
    """Return `value` as `kind`; what cannot be that is null (or the empty string)."""
    if value.type == kind:
        return value
    if kind == "string":
        return Value("string", text_of(value))
    if kind == "dynamic":
        return to_json(value)
    held = inner(value)
    if held.raw is None or held.type == "dynamic":
        return null_of(kind)
    if held.type == kind:
        return held
    result = _TO[kind](held)
    return Value(kind, result)


def to_json(value: Value) -> Value:
    """`parse_json`: text that is no JSON stays the text (parse-json-function)."""
    if value.type == "string":
        try:
            return Value("dynamic", json_value(value.raw))
        except ValueError:
            return Value("dynamic", value.raw)
    return to_dynamic(value)


def _whole(value: Value) -> int | None:
    kind, raw = value
    if kind in ("int", "long"):
        return int(raw)
    if kind == "bool":
        return int(raw)
    if kind in ("real", "decimal"):
        # Out of range it stays at the end of the range; seen on the emulator (duckdb-kql's notes).
        return max(LONG_MIN, min(LONG_MAX, math.trunc(raw))) if math.isfinite(raw) else None
    if kind == "string":
        return parse_long(raw)  # `5.7` is no whole number: null (same notes)
    if kind in ("datetime", "timespan"):
        return int(raw)
    return None


def _int(value: Value) -> int | None:
    whole = _whole(value)
    if value.type in ("long", "datetime", "timespan"):
        return wrapped(whole, 32)
    if value.type in ("real", "decimal"):
        return None if whole is None else max(-(2**31), min(2**31 - 1, whole))
    return whole if whole is not None and -(2**31) <= whole < 2**31 else None


def _real(value: Value) -> float | None:
    kind, raw = value
    if kind in NUMBERS or kind == "bool":
        return float(raw)
    if kind == "string":
        return parse_real(raw)
    return float(raw) if kind in ("timespan", "datetime") else None


def _decimal(value: Value) -> Decimal | None:
    kind, raw = value
    if kind in ("int", "long", "bool"):
        return Decimal(int(raw))
    if kind == "real":
        return Decimal(repr(raw)) if math.isfinite(raw) else None
    return parse_decimal(raw) if kind == "string" else None


def _bool(value: Value) -> bool | None:
    kind, raw = value
    if kind in NUMBERS:
        return bool(raw != 0)
    return parse_bool(raw) if kind == "string" else None


def _datetime(value: Value) -> int | None:
    kind, raw = value
    if kind == "string":
        return parse_datetime(raw)
    if kind in ("int", "long"):
        return int(raw) if 0 <= raw <= LAST_TICK else None
    return None


def _timespan(value: Value) -> int | None:
    kind, raw = value
    if kind == "string":
        if parse_decimal(raw) is not None:
            raise ReferenceFault("a bare number as a timespan is not described")
        return parse_timespan(raw) if raw.strip() else None
    if kind in ("int", "long", "bool", "datetime"):
        return int(raw)
    if kind in ("real", "decimal"):
        return math.trunc(raw) if math.isfinite(raw) and abs(raw) < 2**63 else None
    return None


def _guid(value: Value) -> str | None:
    return parse_guid(value.raw) if value.type == "string" else None


_TO = {
    "int": _int,
    "long": _whole,
    "real": _real,
    "decimal": _decimal,
    "bool": _bool,
    "datetime": _datetime,
    "timespan": _timespan,
    "guid": _guid,
}


def cast_only(value: Value, kind: str) -> Value:
    """`to typeof(...)` of mv-expand: an element of another type is null, nothing is parsed (mv-expand-operator)."""
    held = inner(value)
    if kind == "dynamic":
        return to_dynamic(value)
    if held.raw is None:
        return null_of(kind)
    if kind == "string":
        return Value("string", text_of(value))
    if held.type == kind:
        return held
    if held.type in NUMBERS and kind in NUMBERS:
        return convert(held, kind)
    if held.type == "string" and kind in ("datetime", "timespan", "guid"):
        # JSON has no other way to write these, so the service reads them.
        return convert(held, kind)
    if kind == "bool" and held.type in ("int", "long"):
        return Value("bool", held.raw != 0)
    return null_of(kind)


def common_type(kinds: list[str]) -> str:
    """Return the type that holds values of all these types, as coalesce, iff and case need it."""
    found = sorted(set(kinds))
    if len(found) == 1:
        return found[0]
    if set(found) <= set(NUMBERS):
        for kind in ("decimal", "real", "long"):
            if kind in found:
                return kind
    if "dynamic" in found and len(found) == 2:
        return next(kind for kind in found if kind != "dynamic")  # so Microsoft's binder has it
    raise ReferenceFault(f"no type for {found}")
