"""`+ - * / %` and the sign, in the types that the binder gives (numerical-operators, datetime-timespan-arithmetic).

Times and timespans are ticks, so their arithmetic is that of whole numbers. `%` is never negative. A time out of
range is null, a long goes round.
"""

from __future__ import annotations

from fpctl.compiler.library import macro
from fpctl.compiler.sql import Cast, Infix, Number, Prefix, Sql, attempted, func, guarded
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.ticks import LATEST
from fpctl.compiler.values.value import INTEGERS, NUMBERS, Value
from fpctl.kql.binder.functions import arithmetic_type

macro("kql_wrap", "n", "CAST((n % 18446744073709551616::HUGEINT + 27670116110564327424::HUGEINT) % "
      "18446744073709551616::HUGEINT "
      "- 9223372036854775808::HUGEINT AS BIGINT)")  # fmt: skip
# What overflows goes round, as the service's own numbers do (on its emulator `bin` does, as duckdb-kql's sources tell).
macro("kql_plus", "a, b", "coalesce(TRY(a + b), kql_wrap(a::HUGEINT + b::HUGEINT))")
macro("kql_minus", "a, b", "coalesce(TRY(a - b), kql_wrap(a::HUGEINT - b::HUGEINT))")
macro("kql_product", "a, b", "coalesce(TRY(a * b), kql_wrap(a::HUGEINT * b::HUGEINT))")
macro(
    "kql_modulo", "a, b", "TRY(CASE WHEN a % nullif(b, 0) < 0 THEN a % nullif(b, 0) + abs(b) ELSE a % nullif(b, 0) END)"
)
macro("kql_real_modulo", "a, b", "CASE WHEN a % b < 0 THEN a % b + abs(b) ELSE a % b END")
macro("kql_quotient", "a, b", "TRY(a // nullif(b, 0))")
# The same for operands that hold a sub-query (`toscalar(...) * 2`), around which DuckDB has no TRY: in 128 bits.
macro("kql_plus_wide", "a, b", "kql_wrap(a::HUGEINT + b::HUGEINT)")
macro("kql_minus_wide", "a, b", "kql_wrap(a::HUGEINT - b::HUGEINT)")
macro("kql_product_wide", "a, b", "kql_wrap(a::HUGEINT * b::HUGEINT)")
macro(
    "kql_modulo_wide",
    "a, b",
    "CAST(CASE WHEN a::HUGEINT % nullif(b, 0)::HUGEINT < 0 THEN a::HUGEINT % nullif(b, 0)::HUGEINT + abs(b::HUGEINT) "
    "ELSE a::HUGEINT % nullif(b, 0)::HUGEINT END AS BIGINT)",
)
macro("kql_quotient_wide", "a, b", "TRY_CAST(a::HUGEINT // nullif(b, 0)::HUGEINT AS BIGINT)")
macro("kql_ticks_of_real", "r", "CASE WHEN isfinite(r) THEN TRY_CAST(round(r) AS BIGINT) END")

_TICKS = frozenset({"datetime", "timespan"})


class NoArithmetic(Exception):
    """Types that Kusto does not calculate with."""


def calculated(op: str, left: Value, right: Value) -> Value:
    """Return `left op right`.

    Raises:
        NoArithmetic: Kusto does not calculate with these types.
    """
    type_ = str(arithmetic_type(op, left.type, right.type))
    if type_ == "dynamic":
        type_, left, right = "real", _as(left, "real"), _as(right, "real")
        raise NoArithmetic("dynamic and dynamic")
    if left.type == "dynamic":
        left = _as(left, right.type if right.type in _TICKS else type_)
    if right.type == "dynamic":
        right = _as(right, left.type if left.type in _TICKS and op in "+-" else type_ if type_ in NUMBERS else "real")
    known = _known(op, left, right, type_)
    if known is not None:
        return known
    if type_ == "long":
        return Value(whole(op, _as(left, "long").sql, _as(right, "long").sql), "long")
    if type_ == "real" and left.type not in _TICKS:
        return Value(_fraction(op, _as(left, "real").sql, _as(right, "real").sql), "real")
    if type_ == "decimal":
        return _decimal(op, _as(left, "decimal"), _as(right, "decimal"))
    if type_ in _TICKS or (type_ == "real" and left.type in _TICKS and right.type in _TICKS):
        return _of_ticks(op, left, right, type_)
    raise NoArithmetic(f"{left.type} and {right.type}")


def negated(value: Value) -> Value:
    """Return `-value`.

    Raises:
        NoArithmetic: the type has no sign.
    """
    if value.is_constant and isinstance(value.constant, int | float) and value.type in ("long", "real", "timespan"):
        return constant(-value.constant, value.type)
    if value.type == "dynamic":
        value = _as(value, "real")
    if value.type not in NUMBERS | {"timespan"}:
        raise NoArithmetic(value.type)
    value = _as(value, "long") if value.type == "int" else value
    if value.type == "real":
        return Value(Prefix("-", value.sql), value.type)  # of 0.0 it is -0.0
    return Value(attempted(Infix("-", (Number(0), value.sql))), value.type)


def _as(value: Value, kind: str) -> Value:
    found = converted(value, kind)
    if found is None:
        raise NoArithmetic(f"{value.type} as {kind}")
    return found


def _known(op: str, left: Value, right: Value, type_: str) -> Value | None:
    if not (isinstance(left.constant, int) and isinstance(right.constant, int)) or op not in "+-*":
        return None
    if left.type not in _TICKS | INTEGERS or right.type not in _TICKS | INTEGERS:
        return None
    result = {"+": left.constant + right.constant, "-": left.constant - right.constant,
              "*": left.constant * right.constant}[op]  # fmt: skip
    if type_ == "long":
        result = (result + 2**63) % 2**64 - 2**63
    fits = 0 <= result <= LATEST if type_ == "datetime" else -(2**63) <= result < 2**63
    return constant(result if fits else None, type_)


_OF_WHOLE = {"+": "kql_plus", "-": "kql_minus", "*": "kql_product", "/": "kql_quotient", "%": "kql_modulo"}


def whole(op: str, left: Sql, right: Sql) -> Sql:
    """Return `left op right` of whole numbers, which goes round where it overflows."""
    return guarded(_OF_WHOLE[op], left, right)


def _fraction(op: str, left: Sql, right: Sql) -> Sql:
    return func("kql_real_modulo", left, right) if op == "%" else Infix(op, (left, right))


def _decimal(op: str, left: Value, right: Value) -> Value:
    if op in "/%":
        raise NoArithmetic("decimal division, whose digits DuckDB does not have")
    made = attempted(Infix(op, (left.sql, right.sql)))
    return Value(Cast(made, "DECIMAL(38,18)", attempt=True), "decimal")


def _of_ticks(op: str, left: Value, right: Value, type_: str) -> Value:
    kinds = (left.type in _TICKS, right.type in _TICKS)
    if op in "+-" and all(kinds):
        made = attempted(Infix(op, (left.sql, right.sql)))
        return Value(func("kql_datetime_in_range", made) if type_ == "datetime" else made, type_)
    if op == "/" and all(kinds):
        return Value(Infix("/", (Cast(left.sql, "DOUBLE"), Cast(right.sql, "DOUBLE"))), "real")
    if op == "%" and all(kinds):
        return Value(whole("%", left.sql, right.sql), type_)
    if op == "*" and kinds.count(True) == 1 and type_ == "timespan":
        span, number = (left, right) if kinds[0] else (right, left)
        if number.type in INTEGERS:
            return Value(attempted(Infix("*", (span.sql, _as(number, "long").sql))), type_)
        if number.type == "real":
            return Value(func("kql_ticks_of_real", Infix("*", (Cast(span.sql, "DOUBLE"), number.sql))), type_)
    if op == "/" and left.type == "timespan" and right.type in INTEGERS:
        return Value(whole("/", left.sql, _as(right, "long").sql), type_)
    if op == "/" and left.type == "timespan" and right.type == "real":
        return Value(func("kql_ticks_of_real", Infix("/", (Cast(left.sql, "DOUBLE"), right.sql))), type_)
    if op == "%" and left.type == "timespan" and right.type in INTEGERS:
        return Value(whole("%", left.sql, _as(right, "long").sql), type_)
    raise NoArithmetic(f"{left.type} {op} {right.type}")
