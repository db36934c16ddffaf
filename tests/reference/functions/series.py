"""Series: arrays of numbers. Pages by name: series-*-function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reference.conversions import convert
from reference.functions import scalar
from reference.functions.containers import array
from reference.values import Value, dynamic, real


def numeric(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return raw


def _pairwise(name: str, compute: Callable[[float, float], Any]) -> None:
    def apply(a: Value, b: Value) -> Value:
        first, second = _both(a, b)
        if first is None or second is None:
            return dynamic(None)
        out = []
        for at in range(max(len(first), len(second))):
            x = numeric(first[at]) if at < len(first) else None
            y = numeric(second[at]) if at < len(second) else None
            out.append(None if x is None or y is None else compute(x, y))
        return dynamic(out)

    scalar(name)(apply)


def _both(a: Value, b: Value) -> tuple[list[Any] | None, list[Any] | None]:
    first, second = array(a), array(b)
    if first is None and second is not None and numeric(a.raw) is not None:
        first = [a.raw] * len(second)
    if second is None and first is not None and numeric(b.raw) is not None:
        second = [b.raw] * len(first)
    return first, second


def _divided(x: float, y: float) -> float:
    if y == 0:
        return math.nan if x == 0 else math.copysign(math.inf, x)
    return x / y


def _power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


for _name, _compute in {
    "series_add": lambda x, y: x + y,
    "series_subtract": lambda x, y: x - y,
    "series_multiply": lambda x, y: x * y,
    "series_divide": _divided,
    "series_pow": _power,
    "series_equals": lambda x, y: x == y,
    "series_not_equals": lambda x, y: x != y,
    "series_greater": lambda x, y: x > y,
    "series_greater_equals": lambda x, y: x >= y,
    "series_less": lambda x, y: x < y,
    "series_less_equals": lambda x, y: x <= y,
}.items():
    _pairwise(_name, _compute)


def _each(name: str, compute: Callable[[float], Any]) -> None:
    def apply(value: Value) -> Value:
        items = array(value)
        if items is None:
            return dynamic(None)
        out = []
        for item in items:
            x = numeric(item)
            try:
                out.append(None if x is None else compute(x))
            except ValueError:
                out.append(math.nan)
            except OverflowError:
                out.append(math.inf)
        return dynamic(out)

    scalar(name)(apply)


for _single, _function in {
    "series_abs": abs,
    "series_sign": lambda x: (x > 0) - (x < 0),
    "series_ceiling": math.ceil,
    "series_floor": math.floor,
    "series_exp": math.exp,
    "series_log": math.log,
    "series_sin": math.sin,
    "series_cos": math.cos,
    "series_tan": math.tan,
    "series_asin": math.asin,
    "series_acos": math.acos,
    "series_atan": math.atan,
}.items():
    _each(_single, _function)


def _numbers(value: Value) -> list[float] | None:
    items = array(value)
    if items is None:
        return None
    found = [numeric(item) for item in items]
    return None if any(x is None for x in found) else [x for x in found if x is not None]


@scalar("series_sum")
def series_sum(value: Value) -> Value:
    items = _numbers(value)
    return real(None if items is None else math.fsum(items))


@scalar("series_product")
def series_product(value: Value) -> Value:
    items = _numbers(value)
    return real(None if items is None else math.prod(items))


@scalar("series_magnitude")
def series_magnitude(value: Value) -> Value:
    items = _numbers(value)
    return real(None if items is None else math.sqrt(sum(x * x for x in items)))


@scalar("series_dot_product")
def series_dot_product(a: Value, b: Value) -> Value:
    first, second = _both(a, b)
    if not first or not second:
        return real(None)
    pairs = [(numeric(x), numeric(y)) for x, y in zip(first, second, strict=False)]
    return real(sum(x * y for x, y in pairs if x is not None and y is not None))


@scalar("series_cosine_similarity")
def series_cosine_similarity(a: Value, b: Value, *_sizes: Value) -> Value:
    x, y = _numbers(a), _numbers(b)
    if x is None or y is None or len(x) != len(y):
        return real(None)
    size = math.sqrt(sum(i * i for i in x)) * math.sqrt(sum(i * i for i in y))
    return real(sum(i * j for i, j in zip(x, y, strict=True)) / size if size else math.nan)


@scalar("series_pearson_correlation")
def series_pearson(a: Value, b: Value) -> Value:
    x, y = _numbers(a), _numbers(b)
    if x is None or y is None or len(x) != len(y) or not x:
        return real(None)
    mx, my = sum(x) / len(x), sum(y) / len(y)
    top = sum((i - mx) * (j - my) for i, j in zip(x, y, strict=True))
    below = math.sqrt(sum((i - mx) ** 2 for i in x) * sum((j - my) ** 2 for j in y))
    return real(top / below if below else math.nan)


def _missing(item: Any, mark: Value) -> bool:
    return item is None if mark.raw is None else item == mark.raw


@scalar("series_fill_const")
def series_fill_const(value: Value, constant: Value, missing: Value = dynamic(None)) -> Value:
    items = array(value)
    if items is None:
        return dynamic(None)
    return dynamic([constant.raw if _missing(item, missing) else item for item in items])


@scalar("series_fill_forward")
def series_fill_forward(value: Value, missing: Value = dynamic(None)) -> Value:
    items = array(value)
    if items is None:
        return dynamic(None)
    out: list[Any] = []
    for item in items:
        out.append(out[-1] if out and _missing(item, missing) else item)
    return dynamic(out)


@scalar("series_fill_backward")
def series_fill_backward(value: Value, missing: Value = dynamic(None)) -> Value:
    items = array(value)
    if items is None:
        return dynamic(None)
    reverse = series_fill_forward(dynamic(items[::-1]), missing).raw
    return dynamic(reverse[::-1])


@scalar("series_fill_linear")
def series_fill_linear(value: Value, missing: Value = dynamic(None), edges: Value = Value("bool", True),
                       constant: Value = Value("real", 0.0)) -> Value:  # fmt: skip
    items = array(value)
    if items is None:
        return dynamic(None)
    known = [at for at, item in enumerate(items) if not _missing(item, missing) and numeric(item) is not None]
    if not known:
        return dynamic([constant.raw for _ in items])
    out: list[Any] = list(items)
    for at in range(len(items)):
        if at in known:
            continue
        before = max((k for k in known if k < at), default=None)
        after = min((k for k in known if k > at), default=None)
        if before is not None and after is not None:
            step = (items[after] - items[before]) / (after - before)
            out[at] = items[before] + step * (at - before)
            if all(type(items[k]) is int for k in known):
                out[at] = int(out[at])  # "rounded interpolated values", and 73 for 73.5 in the example
        elif edges.raw:
            out[at] = items[before if before is not None else known[0]]
    return dynamic(out)


def stats(items: list[Any], ignore: bool) -> dict[str, Any] | None:
    """The numbers of series_stats; null where one is not finite and not to be ignored (series-stats-function)."""
    found = []
    for at, item in enumerate(items):
        x = numeric(item)
        if x is not None and not math.isnan(x) and not math.isinf(x):
            found.append((at, x))
        elif not ignore:
            return None
    if not found:
        return None
    numbers = [x for _, x in found]
    mean = sum(numbers) / len(numbers)
    variance = sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1) if len(numbers) > 1 else 0.0
    low, high = min(numbers), max(numbers)
    return {
        "min": low * 1.0, "min_idx": next(at for at, x in found if x == low), "max": high * 1.0,
        "max_idx": next(at for at, x in found if x == high), "avg": mean, "stdev": math.sqrt(variance),
        "variance": variance,
    }  # fmt: skip


@scalar("series_stats_dynamic")
def series_stats_dynamic(value: Value, ignore: Value = Value("bool", False)) -> Value:
    items = array(value)
    found = None if items is None else stats(items, bool(ignore.raw))
    if found is None:
        return dynamic(None)
    return dynamic(
        {**found, "sum": found["avg"] * sum(numeric(i) is not None for i in items or []), "len": len(items or [])}
    )


def line(items: list[float]) -> dict[str, Any]:
    """Least squares (series-fit-line-function)."""
    n = len(items)
    xs = range(n)
    mx, my = sum(xs) / n, sum(items) / n
    below = sum((x - mx) ** 2 for x in xs)
    slope = sum((x - mx) * (y - my) for x, y in zip(xs, items, strict=True)) / below if below else 0.0
    start = my - slope * mx
    fit = [start + slope * x for x in xs]
    total = sum((y - my) ** 2 for y in items)
    rest = sum((y - f) ** 2 for y, f in zip(items, fit, strict=True))
    return {
        "rsquare": 1 - rest / total if total else 0.0, "slope": slope, "variance": total / (n - 1) if n > 1 else 0.0,
        "rvariance": rest / (n - 1) if n > 1 else 0.0, "interception": start, "line_fit": fit,
    }  # fmt: skip


@scalar("series_fit_line_dynamic")
def series_fit_line_dynamic(value: Value) -> Value:
    items = _numbers(value)
    return dynamic(line(items) if items else None)


@scalar("series_fir")
def series_fir(value: Value, weights: Value, normalize: Value | None = None, center: Value | None = None) -> Value:
    items, taps = _numbers(value), _numbers(weights)
    if items is None or taps is None or not taps:
        return dynamic(None)
    positive = min(taps) >= 0
    scale = convert(normalize, "bool").raw if normalize is not None else positive
    if scale and not positive:
        return dynamic(None)
    middle = bool(center is not None and convert(center, "bool").raw)
    total = sum(taps) if scale and sum(taps) else 1.0
    shift = len(taps) // 2 if middle else 0
    out = []
    for at in range(len(items)):
        acc = 0.0
        for k, tap in enumerate(taps):
            place = at - k + shift
            if 0 <= place < len(items):
                acc += tap * items[place]
        out.append(acc / total)
    return dynamic(out)


@scalar("series_iir")
def series_iir(value: Value, numerators: Value, denominators: Value) -> Value:
    items, b, a = _numbers(value), _numbers(numerators), _numbers(denominators)
    if items is None or not a or b is None:
        return dynamic(None)
    out: list[float] = []
    for at in range(len(items)):
        acc = sum(b[k] * items[at - k] for k in range(len(b)) if at - k >= 0)
        acc -= sum(a[k] * out[at - k] for k in range(1, len(a)) if at - k >= 0)
        out.append(acc / a[0])
    return dynamic(out)
