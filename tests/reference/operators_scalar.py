"""Arithmetic, comparison and logic. Pages: numerical-operators, datetime-timespan-arithmetic, logical-operators,
scalar-data-types/null-values, datatypes-string-operators."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal, DivisionByZero, InvalidOperation, localcontext

from reference.conversions import convert
from reference.regexes import compiled
from reference.values import (
    LAST_TICK,
    LONG_MAX,
    LONG_MIN,
    NUMBERS,
    ReferenceFault,
    Value,
    boolean,
    frozen,
    inner,
    rank,
    text_of,
    wrapped,
)

# --------------------------------------------------------------------------- arithmetic


def arithmetic(op: str, left: Value, right: Value) -> Value:
    """Return `left op right`; null with null on either side."""
    left, right = _paired(left, right)
    if left.type in NUMBERS and right.type in NUMBERS:
        kind = number_type(left.type, right.type)
        if left.raw is None or right.raw is None:
            return Value(kind, None)
        return Value(kind, _numbers(op, kind, left, right))
    kinds = (left.type, right.type)
    if kinds == ("dynamic", "dynamic"):
        a, b = inner(left), inner(right)
        if a.type in NUMBERS and b.type in NUMBERS:
            return Value("dynamic", arithmetic(op, a, b).raw)
        return Value("dynamic", None)
    return _times(op, left, right)


def _paired(left: Value, right: Value) -> tuple[Value, Value]:
    """A dynamic beside another type is taken as that type."""
    if left.type == "dynamic" and right.type != "dynamic":
        return convert(left, right.type if right.type != "int" else "long"), right
    if right.type == "dynamic" and left.type != "dynamic":
        return left, convert(right, left.type if left.type != "int" else "long")
    return left, right


def number_type(left: str, right: str) -> str:
    """`decimal`, then `real`, else `long`; of two ints too (numerical-operators)."""
    return next((kind for kind in ("decimal", "real") if kind in (left, right)), "long")


def _numbers(op: str, kind: str, left: Value, right: Value) -> object:
    if kind == "long":
        return _longs(op, int(left.raw), int(right.raw))
    if kind == "decimal":
        a, b = convert(left, "decimal").raw, convert(right, "decimal").raw
        return None if a is None or b is None else _decimals(op, a, b)
    return _reals(op, float(left.raw), float(right.raw))


def _longs(op: str, a: int, b: int) -> int | None:
    if op == "+":
        return wrapped(a + b, 64)
    if op == "-":
        return wrapped(a - b, 64)
    if op == "*":
        return wrapped(a * b, 64)
    if b == 0:
        return None
    if op == "/":
        # Cut towards zero: "the division ... truncated to an integer".
        quotient = abs(a) // abs(b)
        return wrapped(quotient if (a < 0) == (b < 0) else -quotient, 64)
    return a % abs(b)


def _decimals(op: str, a: Decimal, b: Decimal) -> Decimal | None:
    with localcontext() as context:
        context.prec = 34
        context.rounding = ROUND_HALF_EVEN
        try:
            if op == "+":
                return a + b
            if op == "-":
                return a - b
            if op == "*":
                return a * b
            if op == "/":
                return a / b
            rest = a % abs(b)
            return rest + abs(b) if rest < 0 else rest
        except (DivisionByZero, InvalidOperation):
            return None


def _reals(op: str, a: float, b: float) -> float | None:
    if op == "+":
        return a + b
    if op == "-":
        return a - b
    if op == "*":
        return a * b
    if op == "/":
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
        return a / b
    if b == 0 or math.isinf(a):
        return math.nan
    rest = math.fmod(a, b)
    return rest + abs(b) if rest < 0 else rest


def _times(op: str, left: Value, right: Value) -> Value:
    kinds = (left.type, op, right.type)
    kind = _TIME_RESULTS.get(kinds)
    if kind is None and left.type == "timespan" and right.type in NUMBERS and op in "*/":
        kind = "timespan"
    if kind is None and right.type == "timespan" and left.type in NUMBERS and op == "*":
        kind = "timespan"
    if kind is None:
        raise ReferenceFault(f"{left.type} {op} {right.type}")
    a, b = left.raw, right.raw
    if a is None or b is None:
        return Value(kind, None)
    if kind == "real":
        return Value("real", _reals("/", float(a), float(b)))
    if op == "%":
        return Value(kind, None if b == 0 else a % abs(b))
    if op in "+-":
        return in_range(kind, a + b if op == "+" else a - b)
    if left.type in NUMBERS:
        return _scaled(b, a)
    return _scaled(a, b) if op == "*" else _divided(a, b)


_TIME_RESULTS = {
    ("datetime", "-", "datetime"): "timespan",
    ("datetime", "+", "timespan"): "datetime",
    ("timespan", "+", "datetime"): "datetime",
    ("datetime", "-", "timespan"): "datetime",
    ("timespan", "+", "timespan"): "timespan",
    ("timespan", "-", "timespan"): "timespan",
    ("timespan", "/", "timespan"): "real",
    ("timespan", "%", "timespan"): "timespan",
    ("datetime", "%", "timespan"): "timespan",
}


def in_range(kind: str, ticks: int) -> Value:
    """A datetime or timespan outside what the service can hold is null."""
    low, high = (0, LAST_TICK) if kind == "datetime" else (LONG_MIN, LONG_MAX)
    return Value(kind, ticks if low <= ticks <= high else None)


def _scaled(ticks: int, by: object) -> Value:
    if isinstance(by, int):
        return in_range("timespan", ticks * by)
    number = float(by)  # type: ignore[arg-type]
    return whole_ticks(ticks * number) if math.isfinite(number) else Value("timespan", None)


def whole_ticks(ticks: float) -> Value:
    if abs(ticks) < 2**52 and ticks != math.trunc(ticks):
        raise ReferenceFault("what becomes of a part of a tick is not described")
    return in_range("timespan", math.trunc(ticks))


def _divided(ticks: int, by: object) -> Value:
    number = float(by)  # type: ignore[arg-type]
    if number == 0 or not math.isfinite(number):
        return Value("timespan", None)
    if isinstance(by, int):
        quotient = abs(ticks) // abs(by)
        return in_range("timespan", quotient if (ticks < 0) == (by < 0) else -quotient)
    return whole_ticks(ticks / number)


def negative(value: Value) -> Value:
    if value.raw is None:
        return Value("long" if value.type == "int" else value.type, None)
    if value.type == "dynamic":
        held = inner(value)
        return Value("dynamic", -held.raw if held.type in NUMBERS else None)
    if value.type in ("int", "long"):
        return Value("long", wrapped(-value.raw, 64))
    return Value(value.type, -value.raw)


# --------------------------------------------------------------------------- comparison


def compare(op: str, left: Value, right: Value) -> Value:
    """`== != < <= > >=`. One null makes `==` false and `!=` true, two make null (scalar-data-types/null-values)."""
    left, right = _comparable(left, right)
    if left.raw is None or right.raw is None:
        if left.raw is None and right.raw is None:
            return boolean(None)
        return boolean({"==": False, "!=": True, "<>": True}.get(op))
    if op in ("==", "!=", "<>"):
        same = equal(left, right)
        return boolean(same if op == "==" else not same)
    if any(isinstance(side.raw, float) and math.isnan(side.raw) for side in (left, right)):
        return boolean(False)
    if left.type == "dynamic" or right.type == "dynamic":
        return boolean(None)
    a, b = (left.raw, right.raw) if left.type in NUMBERS else (rank(left), rank(right))
    return boolean({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])


def equal(left: Value, right: Value) -> bool:
    if left.type in NUMBERS and right.type in NUMBERS:
        if "decimal" in (left.type, right.type):
            return bool(convert(left, "decimal").raw == convert(right, "decimal").raw)
        return bool(left.raw == right.raw)
    return bool(frozen(left.raw, left.type) == frozen(right.raw, right.type))


def _comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Bring two values to one type: a dynamic, or a text, is read as what stands on the other side."""
    if left.type == right.type or (left.type in NUMBERS and right.type in NUMBERS):
        return left, right
    for loose in ("dynamic", "string"):
        if left.type == loose:
            return _read_as(left, right.type), right
        if right.type == loose:
            return left, _read_as(right, left.type)
    if {left.type, right.type} == {"bool", "long"} or {left.type, right.type} == {"bool", "int"}:
        return convert(left, "long"), convert(right, "long")
    raise ReferenceFault(f"comparison of {left.type} and {right.type}")


def _read_as(value: Value, kind: str) -> Value:
    """Return a dynamic or a text as a value that can be compared with `kind`."""
    if kind not in ("int", "long", "real"):
        return convert(value, kind)
    held = inner(value)
    if held.type in NUMBERS:
        return held
    whole = convert(held, "long") if held.type == "string" else Value("long", None)
    return whole if whole.raw is not None else convert(held, "real")


# --------------------------------------------------------------------------- logic


def logical_and(left: Value, right: Value) -> Value:
    a, b = truth(left), truth(right)
    if a is False or b is False:
        return boolean(False)
    return boolean(None if a is None or b is None else True)


def logical_or(left: Value, right: Value) -> Value:
    a, b = truth(left), truth(right)
    if a is True or b is True:
        return boolean(True)
    return boolean(None if a is None or b is None else False)


def truth(value: Value) -> bool | None:
    return convert(value, "bool").raw if value.type != "bool" else value.raw


def negated(value: Value) -> Value:
    raw = truth(value)
    return boolean(None if raw is None else not raw)


# --------------------------------------------------------------------------- strings


def folded(text: str) -> str:
    """Lower case of ASCII only: what is outside ASCII keeps its case (includes/in-operator-comparison)."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def string_test(op: str, left: Value, right: Value) -> Value:
    """`has`, `contains`, `startswith` ... and their negations (datatypes-string-operators)."""
    negative_form = op.startswith("!")
    name = op.removeprefix("!")
    a, b = text_of(left), text_of(right)
    if name == "matches regex":
        return boolean(compiled(b).search(a) is not None)
    if name == "~":
        name = "=~"
    if name.endswith("_cs"):
        name = name.removesuffix("_cs")
    elif name != "==":
        a, b = folded(a), folded(b)
    return boolean(_TESTS[name](a, b) != negative_form)


def in_term(mark: str) -> bool:
    """A letter or a number of any script; `_` is neither."""
    return mark.isalpha() or mark.isnumeric()


def has_term(a: str, b: str, left: bool = True, right: bool = True) -> bool:
    """Whether `b` stands in `a` between ends of terms: runs of letters and digits."""
    at = a.find(b)
    while at >= 0:
        end = at + len(b)
        starts = not left or at == 0 or not b or not (in_term(b[0]) and in_term(a[at - 1]))
        ends = not right or end == len(a) or not b or not (in_term(b[-1]) and in_term(a[end]))
        if starts and ends:
            return True
        at = a.find(b, at + 1)
    return False


_TESTS = {
    "has": has_term,
    "hasprefix": lambda a, b: has_term(a, b, right=False),
    "hassuffix": lambda a, b: has_term(a, b, left=False),
    "contains": lambda a, b: b in a,
    "startswith": lambda a, b: a.startswith(b),
    "endswith": lambda a, b: a.endswith(b),
    "=~": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "like": lambda a, b: b in a,
}


def member(op: str, left: Value, items: list[Value]) -> Value:
    """`in` is an `or` of `==`, `!in` an `and` of `!=` (scalar-data-types/null-values); `in~` folds ASCII."""
    outcome = boolean(False)
    if left.raw is None:
        # Nothing is in a list, null not even in a list of null; seen on the emulator (duckdb-kql's notes).
        return boolean(op.startswith("!"))
    for item in items:
        if op.endswith("~"):
            same = boolean(folded(text_of(left)) == folded(text_of(item)))
        else:
            same = compare("==", left, item)
        outcome = logical_or(outcome, same)
    return negated(outcome) if op.startswith("!") else outcome


def flattened(items: list[Value]) -> list[Value]:
    """An array in a list of values stands for its elements, arrays within it too (in-operator: nested arrays)."""
    out: list[Value] = []
    for item in items:
        if item.type == "dynamic" and isinstance(item.raw, list):
            out += flattened([Value("dynamic", part) for part in item.raw])
        elif item.type == "dynamic" and isinstance(item.raw, dict):
            raise ReferenceFault("a bag in a list is not described")
        else:
            out.append(item)
    return out
