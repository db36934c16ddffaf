"""Numbers and mathematics. Pages by name: abs-function, round-function, bin-function ..."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext

from reference.conversions import convert
from reference.functions import scalar
from reference.operators_scalar import in_range, number_type
from reference.values import (
    NUMBERS,
    ReferenceFault,
    Value,
    boolean,
    inner,
    long,
    rank,
    real,
    string,
    wrapped,
)


def number(value: Value) -> float | None:
    raw: float | None = convert(value, "real").raw
    return raw


def _real_function(names: tuple[str, ...], compute: Callable[[float], float]) -> None:
    def apply(value: Value) -> Value:
        raw = number(value)
        if raw is None:
            return real(None)
        try:
            return real(compute(raw))
        except ValueError:
            return real(math.nan)
        except OverflowError:
            return real(math.inf)

    scalar(*names)(apply)


def _logarithm(compute: Callable[[float], float]) -> Callable[[float], float]:
    def apply(x: float) -> float:
        return -math.inf if x == 0 else compute(x)

    return apply


for _names, _compute in {
    ("sqrt",): math.sqrt,
    ("exp",): math.exp,
    ("exp2",): lambda x: 2.0**x,
    ("exp10",): lambda x: 10.0**x,
    ("log",): _logarithm(math.log),
    ("log2",): _logarithm(math.log2),
    ("log10",): _logarithm(math.log10),
    ("sin",): math.sin,
    ("cos",): math.cos,
    ("tan",): math.tan,
    ("cot",): lambda x: 1 / math.tan(x) if x else math.inf,
    ("atan",): math.atan,
    ("degrees",): math.degrees,
    ("radians",): math.radians,
    ("gamma",): math.gamma,
    ("loggamma",): math.lgamma,
    ("erf",): math.erf,
    ("erfc",): math.erfc,
}.items():
    _real_function(_names, _compute)


def _within_one(compute: Callable[[float], float]) -> Callable[[Value], Value]:
    """Null outside -1 to 1; seen on the emulator (duckdb-kql's notes)."""

    def apply(value: Value) -> Value:
        raw = number(value)
        if raw is None or math.isnan(raw):
            return real(raw)
        return real(compute(raw) if -1 <= raw <= 1 else None)

    return apply


scalar("asin")(_within_one(math.asin))
scalar("acos")(_within_one(math.acos))


@scalar("atan2")
def atan2(y: Value, x: Value) -> Value:
    a, b = number(y), number(x)
    return real(None if a is None or b is None else math.atan2(a, b))


@scalar("pi")
def pi() -> Value:
    return real(math.pi)


@scalar("pow")
def power(base: Value, exponent: Value) -> Value:
    a, b = number(base), number(exponent)
    if a is None or b is None:
        return real(None)
    try:
        return real(math.pow(a, b))
    except OverflowError:
        return real(math.inf)
    except ValueError:
        return real(math.inf if a == 0 else math.nan)


@scalar("abs")
def absolute(value: Value) -> Value:
    """Of an int, a long (numbers widen, as in arithmetic)."""
    held = value if value.type != "dynamic" else convert(value, "real")
    kind = "long" if held.type == "int" else held.type
    if held.raw is None:
        return Value(kind, None)
    return Value(kind, wrapped(abs(held.raw), 64) if kind == "long" else abs(held.raw))


@scalar("sign")
def sign(value: Value) -> Value:
    """0 of null and of NaN; seen on the emulator (duckdb-kql's notes)."""
    raw = number(value)
    return real(0 if raw is None else (raw > 0) - (raw < 0))


@scalar("ceiling")
def ceiling(value: Value) -> Value:
    if value.type in ("int", "long"):
        return Value("long", value.raw)
    if value.type == "decimal":
        return Value("decimal", None if value.raw is None else Decimal(math.ceil(value.raw)))
    raw = number(value)
    if raw is None or not math.isfinite(raw):
        return real(raw)
    return real(math.ceil(raw))


@scalar("round")
def rounded(value: Value, places: Value = long(0)) -> Value:
    """Half away from zero, of the number that a real is."""
    digits = convert(places, "long").raw
    if value.type == "decimal":
        return Value("decimal", None if value.raw is None or digits is None else round(value.raw, digits))
    raw = number(value)
    if value.type in ("int", "long"):
        raise ReferenceFault("round of a whole number: a long to the binder, a real on the emulator")
    if raw is None or digits is None or not math.isfinite(raw):
        return real(raw if digits is not None else None)
    with localcontext() as context:
        context.prec = 400
        exact = Decimal(raw).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return real(float(exact))


@scalar("bin", "floor")
def bin_(value: Value, step: Value = long(1)) -> Value:
    """Down to a multiple of the step; a step that is null or negative gives null (bin-function)."""
    if value.type in ("datetime", "timespan"):
        size = convert(step, "timespan").raw if step.type != "timespan" else step.raw
        if value.raw is None or size is None or size <= 0:
            return Value(value.type, None)
        return in_range(value.type, value.raw // size * size)
    if value.type == "dynamic":
        value = convert(value, step.type if step.type in NUMBERS else "long")
    if value.type not in NUMBERS or step.type not in NUMBERS:
        raise ReferenceFault(f"bin of {value.type} by {step.type}")
    kind = number_type(value.type, step.type)
    if value.type == step.type == "int":
        kind = "long"
    a, b = convert(value, kind).raw, convert(step, kind).raw
    if a is None or b is None or b < 0 or (b == 0 and kind != "real"):
        return Value(kind, None)
    if b == 0:
        return real(math.nan)  # seen on the emulator (duckdb-kql's notes)
    if kind == "long":
        return long(a // b * b)
    if kind == "decimal":
        return Value("decimal", (a // b - (1 if a % b < 0 else 0)) * b)
    quotient = a / b
    return real((math.floor(quotient) if math.isfinite(quotient) else quotient) * b)


@scalar("bin_at")
def bin_at(value: Value, step: Value, fixed: Value) -> Value:
    if value.type in ("datetime", "timespan"):
        a, size, base = value.raw, step.raw, fixed.raw
        if a is None or size is None or base is None or size <= 0:
            return Value(value.type, None)
        return in_range(value.type, base + (a - base) // size * size)
    kind = "long"
    for part in (value, step, fixed):
        kind = number_type(kind, part.type)
    a, size, base = (convert(part, kind).raw for part in (value, step, fixed))
    if a is None or size is None or base is None or size <= 0:
        return Value(kind, None)
    if kind == "long":
        return long(base + (a - base) // size * size)
    steps = (a - base) / size
    if kind == "real" and not math.isfinite(steps):
        return real(base + steps * size)
    return Value(kind, base + math.floor(steps) * size)


@scalar("isnan")
def isnan(value: Value) -> Value:
    raw = number(value)
    return boolean(raw is not None and math.isnan(raw))


@scalar("isinf")
def isinf(value: Value) -> Value:
    raw = number(value)
    return boolean(raw is not None and math.isinf(raw))


@scalar("isfinite")
def isfinite(value: Value) -> Value:
    raw = number(value)
    return boolean(raw is not None and math.isfinite(raw))


@scalar("max_of")
def max_of(*values: Value) -> Value:
    return _extreme(values, greatest=True)


@scalar("min_of")
def min_of(*values: Value) -> Value:
    return _extreme(values, greatest=False)


def _extreme(values: tuple[Value, ...], greatest: bool) -> Value:
    """Nulls do not count (max-of-function)."""
    kinds = {value.type for value in values}
    if len(kinds) > 1 and "dynamic" in kinds:
        raise ReferenceFault("the least and the greatest of a dynamic beside others are not described")
    kind = next(iter(kinds))
    if len(kinds) > 1 and kinds <= set(NUMBERS):
        kind = next(k for k in ("decimal", "real", "long") if k in kinds)
        values = tuple(convert(value, kind) for value in values)
    present = [value for value in values if value.raw is not None]
    if any(isinstance(value.raw, float) and math.isnan(value.raw) for value in present):
        raise ReferenceFault("the least and the greatest of NaN are not described")
    if not present:
        return Value(kind, None)
    return (max if greatest else min)(present, key=rank)


def _long_pair(a: Value, b: Value) -> tuple[int, int] | None:
    x, y = convert(a, "long").raw, convert(b, "long").raw
    return None if x is None or y is None else (x, y)


@scalar("binary_and")
def binary_and(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None else pair[0] & pair[1])


@scalar("binary_or")
def binary_or(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None else pair[0] | pair[1])


@scalar("binary_xor")
def binary_xor(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None else pair[0] ^ pair[1])


@scalar("binary_not")
def binary_not(a: Value) -> Value:
    raw = convert(a, "long").raw
    return long(None if raw is None else ~raw)


@scalar("binary_shift_left")
def binary_shift_left(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None or pair[1] < 0 else pair[0] << (pair[1] % 64))


@scalar("binary_shift_right")
def binary_shift_right(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None or pair[1] < 0 else pair[0] >> (pair[1] % 64))


@scalar("bitset_count_ones")
def bitset_count_ones(a: Value) -> Value:
    raw = convert(a, "long").raw
    return long(None if raw is None else (raw % 2**64).bit_count())


@scalar("gcd")
def gcd(a: Value, b: Value) -> Value:
    pair = _long_pair(a, b)
    return long(None if pair is None else math.gcd(*pair))


@scalar("format_bytes")
def format_bytes(value: Value, precision: Value = long(0), units: Value = string("")) -> Value:
    """1024 bytes are 1 KB; without units the greatest that fits (format-bytes-function)."""
    raw, digits = number(value), convert(precision, "long").raw or 0
    if raw is None:
        return string("")
    names = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
    wanted = units.raw or None
    at = names.index(wanted) if wanted in names else 0
    if wanted is None:
        while at < len(names) - 1 and abs(raw) >= 1024 ** (at + 1):
            at += 1
    shown = f"{raw / 1024**at:.{max(digits, 0)}f}"
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return string(f"{shown} {names[at]}")


@scalar("isnull")
def isnull(value: Value) -> Value:
    """A string is never null (isnull-function); a dynamic that holds JSON's null is."""
    return boolean(value.raw is None)


@scalar("isnotnull", "notnull")
def isnotnull(value: Value) -> Value:
    return boolean(inner(value).raw is not None)
