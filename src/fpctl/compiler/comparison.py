"""`== != < <= > >=` and `between`, of all types.

`==` of a null and a value is false, of two nulls null (scalar-data-types/null-values); the other comparisons with
null are null. A string or a dynamic compared with a number, a time or a bool is taken for one where it is one, for
null where it is not: one row of other text makes no error.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from fpctl.compiler.library import macro
from fpctl.compiler.sql import (
    FALSE,
    NULL,
    TRUE,
    Case,
    Cast,
    Infix,
    Sql,
    Text,
    attempted,
    func,
    infix,
    is_null,
    negation,
    not_null,
    when,
)
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.ticks import LATEST, datetime_text
from fpctl.compiler.values.value import EPOCH, INTEGERS, NUMBERS, Value

macro("kql_json_whole", "j", "CASE WHEN regexp_full_match(CAST(j AS VARCHAR), '-?[0-9]+') THEN "
      "TRY_CAST(CAST(j AS VARCHAR) AS HUGEINT) END")  # fmt: skip

_SQL = {"==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EQUALITY = frozenset({"==", "!=", "<>"})


class Incomparable(Exception):
    """Two types that Kusto does not compare."""


def compared(op: str, left: Value, right: Value, *, loose: bool) -> Value:
    """Return a comparison.

    Args:
        op: as KQL spells it.
        left: the left side.
        right: the right side.
        loose: whether null is as good as false to what asks.

    Raises:
        Incomparable: Kusto does not compare these types.
    """
    pair = _alike(left, right)
    if _is_before_for_all(op, *pair):
        return constant(True, "bool")
    moment = _of_moments(op, *pair)
    if moment is not None and (loose or op not in _EQUALITY):
        return Value(moment, "bool")
    left, right = pair
    if (
        left.is_constant
        and right.is_constant
        and left.type == right.type
        and None not in (left.constant, right.constant)
    ):
        known = _known(op, left, right)
        if known is not None:
            return known
    plain = _numbers_apart(op, left, right, Infix(_SQL[op], (left.sql, right.sql)))
    nulls = left.may_be_null, right.may_be_null
    if op not in _EQUALITY:
        return Value(plain, "bool", nullable=any(nulls))
    if not any(nulls):
        return Value(plain, "bool", nullable=False)
    if op == "==":
        if loose:
            return Value(plain, "bool")
        if not all(nulls):
            return Value(func("coalesce", plain, FALSE), "bool", nullable=False)
        either = infix("OR", is_null(left.sql), is_null(right.sql))
        both = infix("AND", is_null(left.sql), is_null(right.sql))
        return Value(Case(((both, NULL), (either, FALSE)), plain), "bool")
    if not all(nulls):
        return Value(func("coalesce", plain, TRUE), "bool", nullable=False)
    either = infix("OR", is_null(left.sql), is_null(right.sql))
    both = infix("AND", is_null(left.sql), is_null(right.sql))
    return Value(Case(((both, NULL), (either, TRUE)), plain), "bool")


def same_key(left: Value, right: Value) -> Sql:
    """Return whether two keys of a join match: unlike `==`, null matches null.

    No page says; seen on Kusto's emulator in joins of every kind, as duckdb-kql's sources tell.

    Raises:
        Incomparable: Kusto does not compare these types.
    """
    test = compared("==", left, right, loose=True).sql
    return _null_matches(test) if left.may_be_null and right.may_be_null else test


def _null_matches(test: Sql) -> Sql:
    if isinstance(test, Infix) and test.op == "=":
        return Infix("IS NOT DISTINCT FROM", test.operands)
    if isinstance(test, Infix) and test.op == "AND":
        first, *others = test.operands
        return Infix("AND", (_null_matches(first), *(func("coalesce", one, TRUE) for one in others)))
    return test


def _numbers_apart(op: str, left: Value, right: Value, plain: Sql) -> Sql:
    """Return a comparison in which NaN is neither equal to, nor before or behind, anything.

    To DuckDB it is the greatest number, and equal to itself.
    """
    for one, other in ((left, right), (right, left)):
        if isinstance(one.constant, float) and math.isnan(one.constant):
            return when(not_null(other.sql), TRUE if op in ("!=", "<>") else FALSE)
    side = right if op in ("<", "<=") else left
    if side.is_constant or side.type != "real":
        # A constant is not NaN here; a number beside a NaN that is not at this side compares as it should.
        side = left if side is right and op in ("==", "!=", "<>") else side
        if side.is_constant or side.type != "real":
            return plain
    if op in ("==", "!=", "<>") and (left.is_constant or right.is_constant or "real" not in (left.type, right.type)):
        return plain
    is_nan = func("isnan", side.sql)
    if op in ("!=", "<>"):
        return infix("OR", plain, is_nan)
    other = left if side is right else right
    guard = infix("OR", negation(is_nan), is_null(other.sql)) if other.may_be_null else negation(is_nan)
    return infix("AND", plain, guard)


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


def _known(op: str, left: Value, right: Value) -> Value | None:
    kinds = (
        ("string", "long", "int", "bool", "datetime", "timespan") if op in _EQUALITY else ("long", "int", "datetime")
    )
    if left.type in kinds:
        return constant(_OPERATIONS[op](left.constant, right.constant), "bool")
    return None


def between(value: Value, low: Value, high: Value, *, negated: bool) -> Value:
    """Return `value between (low .. high)`; a timespan as the high end counts from the low one.

    Raises:
        Incomparable: Kusto does not compare these types.
    """
    if high.type == "timespan" and low.type == "datetime":
        if high.is_constant and low.is_constant and None not in (high.constant, low.constant):
            end = low.constant + high.constant
            high = constant(end if end <= LATEST else None, "datetime")
        else:
            high = Value(func("kql_datetime_in_range", attempted(Infix("+", (low.sql, high.sql)))), "datetime")
    first = compared(">=", value, low, loose=not negated).sql
    last = compared("<=", value, high, loose=not negated).sql
    both = infix("AND", first, last)
    if low.may_be_null or high.may_be_null:
        # Null of any null (seen on Kusto's emulator, as duckdb-kql's sources tell; no page says).
        both = when(infix("AND", not_null(low.sql), not_null(high.sql)), both)
    return Value(negation(both) if negated else both, "bool")


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Return both sides as values that DuckDB compares as Kusto does."""
    a, b = left.type, right.type
    if a == b:
        if a == "dynamic":
            return _text_of(left), _text_of(right)
        return left, right
    if a in NUMBERS and b in NUMBERS:
        if "decimal" in (a, b) and "real" in (a, b):
            return _as(left, "real"), _as(right, "real")
        return left, right
    if "dynamic" in (a, b):
        dynamic_first = a == "dynamic"
        dynamic, other = (left, right) if dynamic_first else (right, left)
        taken = _taken_for(dynamic, other)
        return (taken, other) if dynamic_first else (other, taken)
    if "string" in (a, b):
        text, other = (left, right) if a == "string" else (right, left)
        kind = {"int": "long"}.get(other.type, other.type)
        if kind == "long" and text.type == "string":
            kind = "real"
        taken = _as(text, kind)
        return (taken, other) if a == "string" else (other, taken)
    if "bool" in (a, b) and (a in INTEGERS or b in INTEGERS):
        return _as(left, "long"), _as(right, "long")
    raise Incomparable(f"{a} and {b}")


def _as(value: Value, kind: str) -> Value:
    if value.type == kind:
        return value
    found = converted(value, kind)
    if found is None:
        raise Incomparable(f"{value.type} and {kind}")
    return found


def _taken_for(dynamic: Value, other: Value) -> Value:
    """Return a dynamic as the type of what it is compared with: null where it holds something else."""
    kind = other.type
    if kind == "string":
        return _as(dynamic, "string")
    if kind in INTEGERS:
        # A whole number is compared as one; any other as a real.
        number = func("kql_json_number", dynamic.sql)
        if other.is_constant and isinstance(other.constant, int) and abs(other.constant) < 2**53:
            return Value(number, "real")
        whole = func("kql_json_whole", dynamic.sql)
        return Value(
            func("coalesce", Cast(whole, "DECIMAL(38,6)", attempt=True), Cast(number, "DECIMAL(38,6)", attempt=True)),
            "real",
        )
    if kind in ("real", "decimal"):
        return Value(func("kql_json_number", dynamic.sql), "real")
    return _as(dynamic, kind)


def _text_of(value: Value) -> Value:
    return _as(value, "string")


def _is_before_for_all(op: str, left: Value, right: Value) -> bool:
    """Return whether `time < day` holds of every row: how exclusions say when they end, mostly after all events."""
    if op not in ("<", "<=") or left.newest is None or not isinstance(right.constant, int) or right.type != "datetime":
        return False
    newest = left.newest()
    return newest is not None and newest < right.constant


def _of_moments(op: str, left: Value, right: Value) -> Sql | None:
    """Return the comparison of a table's time with a constant, the column as it is in the file."""
    if left.type != "datetime":
        return None
    if left.moment is not None and right.moment is not None:
        return Infix(_SQL[op], (left.moment, right.moment))
    turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    if left.moment is None:
        left, right, op = right, left, turned.get(op, op)
    if left.moment is None or not isinstance(right.constant, int):
        return None
    low, rest = divmod(right.constant - EPOCH, 10)
    if op in ("==", "!=", "<>"):
        if rest:
            return None
        plain = Infix(_SQL[op], (left.moment, _moment(low)))
        return plain if op == "==" else func("coalesce", plain, TRUE)
    if rest and op in ("<", ">="):
        low += 1  # below a time within a microsecond is below the next one
    return Infix(_SQL[op], (left.moment, _moment(low)))


def _moment(microseconds: int) -> Sql:
    return Cast(Text(datetime_text(microseconds * 10 + EPOCH)[:26].replace("T", " ")), "TIMESTAMP")
