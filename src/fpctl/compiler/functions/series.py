"""Series: arrays of numbers, element by element, and what is known of a whole one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import dynamic, json_of, over_arrays
from fpctl.compiler.functions.json_values import dumped, loaded
from fpctl.compiler.library import arrow_function
from fpctl.compiler.registry import several_values, special
from fpctl.compiler.sql import Sql, Text, func
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


def number(item: Any) -> float | None:
    """Return an element that is a number, None where it is none."""
    return item if isinstance(item, int | float) and not isinstance(item, bool) else None


def _json(expressions: Expressions, node: tree.Expr) -> Sql:
    return func("coalesce", json_of(expressions, node), Text("null"))


# --------------------------------------------------------------------------- element by element


def _quotient(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


_OF_TWO: dict[str, Callable[[float, float], Any]] = {
    "series_add": lambda a, b: a + b,
    "series_subtract": lambda a, b: a - b,
    "series_multiply": lambda a, b: a * b,
    "series_divide": _quotient,
    "series_pow": _power,
    "series_equals": lambda a, b: a == b,
    "series_not_equals": lambda a, b: a != b,
    "series_greater": lambda a, b: a > b,
    "series_greater_equals": lambda a, b: a >= b,
    "series_less": lambda a, b: a < b,
    "series_less_equals": lambda a, b: a <= b,
}


def _sides(first: Any, second: Any) -> tuple[list[Any], list[Any]] | None:
    """Return two series; a number beside one stands for as many."""
    if isinstance(first, list) and number(second) is not None:
        second = [second] * len(first)
    if isinstance(second, list) and number(first) is not None:
        first = [first] * len(second)
    return (first, second) if isinstance(first, list) and isinstance(second, list) else None


def _pairwise(compute: Callable[[float, float], Any]) -> Callable[[Any, Any], Any]:
    def over(first: Any, second: Any) -> Any:
        sides = _sides(first, second)
        if sides is None:
            return None
        a, b = sides
        found: list[Any] = []
        for at in range(max(len(a), len(b))):
            x = number(a[at]) if at < len(a) else None
            y = number(b[at]) if at < len(b) else None
            found.append(None if x is None or y is None else compute(x, y))
        return found

    return over


for _name, _compute in _OF_TWO.items():
    over_arrays(_name, _pairwise(_compute), "json", "json")

    @special(_name)
    def _of_two(expressions: Expressions, node: tree.Call, name: str = _name) -> Value:
        return dynamic(func(f"kql_{name}", *(_json(expressions, arg) for arg in node.args[:2])))


_OF_ONE: dict[str, Callable[[float], Any]] = {
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
}


def _each(compute: Callable[[float], Any]) -> Callable[[Any], Any]:
    def one(item: Any) -> Any:
        x = number(item)
        try:
            return None if x is None else compute(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return lambda items: [one(item) for item in items] if isinstance(items, list) else None


for _single, _function in _OF_ONE.items():
    over_arrays(_single, _each(_function), "json")

    @special(_single)
    def _of_one(expressions: Expressions, node: tree.Call, name: str = _single) -> Value:
        return dynamic(func(f"kql_{name}", _json(expressions, node.args[0])))


# --------------------------------------------------------------------------- filled


def _is_missing(item: Any, mark: Any) -> bool:
    return item is None if mark is None else number(item) is not None and item == mark


def _forward(items: Any, mark: Any) -> Any:
    if not isinstance(items, list):
        return None
    found: list[Any] = []
    for item in items:
        found.append(found[-1] if found and _is_missing(item, mark) else item)
    return found


def _backward(items: Any, mark: Any) -> Any:
    return _forward(items[::-1], mark)[::-1] if isinstance(items, list) else None


def _constant(items: Any, value: Any, mark: Any) -> Any:
    return [value if _is_missing(item, mark) else item for item in items] if isinstance(items, list) else None


def _linear(items: Any, how: Any) -> Any:
    mark, edges, value = how
    if not isinstance(items, list):
        return None
    known = [at for at, item in enumerate(items) if not _is_missing(item, mark) and number(item) is not None]
    if not known:
        return [value for _ in items]
    # A series of whole numbers stays one; the page's example cuts 73.5 to 73.
    whole = all(isinstance(items[at], int) for at in known)
    found = list(items)
    for at, item in enumerate(items):
        if not _is_missing(item, mark):
            continue
        before = max((place for place in known if place < at), default=None)
        after = min((place for place in known if place > at), default=None)
        if before is not None and after is not None:
            between = items[before] + (items[after] - items[before]) / (after - before) * (at - before)
            found[at] = math.trunc(between) if whole else between
        elif edges:
            found[at] = items[known[0] if before is None else before]
    return found


over_arrays("series_fill_forward", _forward, "json", "json")
over_arrays("series_fill_backward", _backward, "json", "json")
over_arrays("series_fill_const", _constant, "json", "json", "json")
over_arrays("series_fill_linear", _linear, "json", "json")


@special("series_fill_forward series_fill_backward")
def series_fill(expressions: Expressions, node: tree.Call) -> Value:
    """`series_fill_forward(s, missing)`."""
    mark = _json(expressions, node.args[1]) if len(node.args) > 1 else Text("null")
    return dynamic(func(f"kql_{node.name.value}", _json(expressions, node.args[0]), mark))


@special("series_fill_const")
def series_fill_const(expressions: Expressions, node: tree.Call) -> Value:
    """`series_fill_const(s, value, missing)`."""
    mark = _json(expressions, node.args[2]) if len(node.args) > 2 else Text("null")
    return dynamic(
        func("kql_series_fill_const", _json(expressions, node.args[0]), _json(expressions, node.args[1]), mark)
    )


@special("series_fill_linear")
def series_fill_linear(expressions: Expressions, node: tree.Call) -> Value:
    """`series_fill_linear(s, missing, fill_edges, constant)`."""
    how: list[Any] = [expressions.constant_of(arg, "how a series is filled").constant for arg in node.args[1:]]
    how += [None, True, 0.0][len(how) :]
    return dynamic(func("kql_series_fill_linear", _json(expressions, node.args[0]), Text(dumped(how))))


# --------------------------------------------------------------------------- of a whole series


def _numbers(items: Any) -> list[float] | None:
    if not isinstance(items, list):
        return None
    found = [number(item) for item in items]
    return None if None in found else [item for item in found if item is not None]


def _over_whole(name: str, compute: Callable[[list[float]], float | None]) -> None:
    def over(array: str) -> float | None:
        items = _numbers(loaded(array))
        return None if items is None else compute(items)

    arrow_function(f"kql_{name}", ["string"], "double")(over)

    @special(name)
    def _compiled(expressions: Expressions, node: tree.Call) -> Value:
        return Value(func(f"kql_{name}", _json(expressions, node.args[0])), "real")


_over_whole("series_sum", lambda items: float(math.fsum(items)))
_over_whole("series_product", lambda items: float(math.prod(items)))
_over_whole("series_magnitude", lambda items: math.sqrt(math.fsum(item * item for item in items)))


def _over_pair(name: str, compute: Callable[[list[Any], list[Any]], float | None]) -> None:
    def over(first: str, second: str) -> float | None:
        sides = _sides(loaded(first), loaded(second))
        return None if sides is None else compute(*sides)

    arrow_function(f"kql_{name}", ["string", "string"], "double")(over)

    @special(name)
    def _compiled(expressions: Expressions, node: tree.Call) -> Value:
        return Value(func(f"kql_{name}", *(_json(expressions, arg) for arg in node.args[:2])), "real")


def _dot(first: list[Any], second: list[Any]) -> float | None:
    if not first or not second:
        return None
    pairs = [(number(a), number(b)) for a, b in zip(first, second, strict=False)]
    return float(math.fsum(a * b for a, b in pairs if a is not None and b is not None))


def _cosine(first: list[Any], second: list[Any]) -> float | None:
    a, b = _numbers(first), _numbers(second)
    if a is None or b is None or len(a) != len(b):
        return None
    size = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(y * y for y in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / size if size else math.nan


def _pearson(first: list[Any], second: list[Any]) -> float | None:
    a, b = _numbers(first), _numbers(second)
    if a is None or b is None or len(a) != len(b) or not a:
        return None
    x, y = math.fsum(a) / len(a), math.fsum(b) / len(b)
    size = math.sqrt(math.fsum((i - x) ** 2 for i in a) * math.fsum((j - y) ** 2 for j in b))
    return math.fsum((i - x) * (j - y) for i, j in zip(a, b, strict=True)) / size if size else math.nan


_over_pair("series_dot_product", _dot)
_over_pair("series_cosine_similarity", _cosine)
_over_pair("series_pearson_correlation", _pearson)


def _stats(items: Any, ignore: Any) -> dict[str, Any] | None:
    """Return what is known of a series: nothing if a value is not a finite number, unless that is ignored."""
    if not isinstance(items, list):
        return None
    known = [(at, x) for at, item in enumerate(items) if (x := number(item)) is not None and math.isfinite(x)]
    if not known or (len(known) < len(items) and not ignore):
        return None
    numbers = [x for _, x in known]
    mean = math.fsum(numbers) / len(numbers)
    variance = math.fsum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1) if len(numbers) > 1 else 0.0
    low, high = min(numbers), max(numbers)
    return {
        "min": float(low), "min_idx": next(at for at, x in known if x == low), "max": float(high),
        "max_idx": next(at for at, x in known if x == high), "avg": mean, "stdev": math.sqrt(variance),
        "variance": variance, "sum": math.fsum(numbers), "len": len(items),
    }  # fmt: skip


over_arrays("series_stats", _stats, "json", "json")


def _stats_of(expressions: Expressions, node: tree.Call) -> Sql:
    ignore = _json(expressions, node.args[1]) if len(node.args) > 1 else Text("false")
    return func("kql_series_stats", _json(expressions, node.args[0]), ignore)


@special("series_stats_dynamic")
def series_stats_dynamic(expressions: Expressions, node: tree.Call) -> Value:
    """`series_stats_dynamic(s, ignore_nonfinite)`."""
    return dynamic(_stats_of(expressions, node))


def _part(bag: Sql, name: str, kind: str) -> Value:
    """Return a slot of a bag in JSON text."""
    from fpctl.compiler.access import part
    from fpctl.compiler.values.conversions import converted

    found = converted(part(dynamic(bag), [constant(name, "string")]), kind)
    assert found is not None
    return found


@several_values("series_stats")
def series_stats(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`series_stats(s, ignore_nonfinite)`: min, its place, max, its place, average, deviation, variance."""
    bag = _stats_of(expressions, node)
    names = ("min", "min_idx", "max", "max_idx", "avg", "stdev", "variance")
    return tuple(_part(bag, name, "long" if name.endswith("idx") else "real") for name in names)


def fitted_line(items: Any) -> dict[str, Any] | None:
    """Return the line of least squares through a series, by the names of series_fit_line()."""
    ys = _numbers(items)
    if not ys:
        return None
    count = len(ys)
    x, y = (count - 1) / 2, math.fsum(ys) / count
    spread = math.fsum((at - x) ** 2 for at in range(count))
    slope = math.fsum((at - x) * (item - y) for at, item in enumerate(ys)) / spread if spread else 0.0
    start = y - slope * x
    line = [start + slope * at for at in range(count)]
    total = math.fsum((item - y) ** 2 for item in ys)
    rest = math.fsum((item - on) ** 2 for item, on in zip(ys, line, strict=True))
    degrees = max(count - 1, 1)  # of a sample, as the page's example has it
    return {
        "rsquare": 1 - rest / total if total else 0.0, "slope": slope, "variance": total / degrees,
        "rvariance": rest / degrees, "interception": start, "line_fit": line,
    }  # fmt: skip


over_arrays("series_fit_line", fitted_line, "json")


@special("series_fit_line_dynamic")
def series_fit_line_dynamic(expressions: Expressions, node: tree.Call) -> Value:
    """`series_fit_line_dynamic(s)`."""
    return dynamic(func("kql_series_fit_line", _json(expressions, node.args[0])))


@several_values("series_fit_line")
def series_fit_line(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`series_fit_line(s)`: R squared, slope, variances, interception, the line."""
    bag = func("kql_series_fit_line", _json(expressions, node.args[0]))
    names = ("rsquare", "slope", "variance", "rvariance", "interception", "line_fit")
    return tuple(_part(bag, name, "dynamic" if name == "line_fit" else "real") for name in names)


def _finite_response(items: Any, weights: Any, how: Any) -> Any:
    ys, taps = _numbers(items), _numbers(weights)
    if ys is None or not taps:
        return None
    normalize, center = how
    negative = any(tap < 0 for tap in taps)
    if normalize and negative:
        return None
    total = math.fsum(taps) if normalize or (normalize is None and not negative) else 1.0
    if not total:
        total = 1.0
    shift = len(taps) // 2 if center else 0
    found = []
    for at in range(len(ys)):
        places = ((at - back + shift, tap) for back, tap in enumerate(taps))
        found.append(math.fsum(tap * ys[place] for place, tap in places if 0 <= place < len(ys)) / total)
    return found


def _infinite_response(items: Any, numerators: Any, denominators: Any) -> Any:
    ys, b, a = _numbers(items), _numbers(numerators), _numbers(denominators)
    if ys is None or b is None or not a or not a[0]:
        return None
    found: list[float] = []
    for at in range(len(ys)):
        level = sum(b[back] * ys[at - back] for back in range(min(len(b), at + 1)))
        level -= sum(a[back] * found[at - back] for back in range(1, min(len(a), at + 1)))
        found.append(level / a[0])
    return found


over_arrays("series_fir", _finite_response, "json", "json", "json")
over_arrays("series_iir", _infinite_response, "json", "json", "json")


@special("series_fir")
def series_fir(expressions: Expressions, node: tree.Call) -> Value:
    """`series_fir(s, filter, normalize, center)`."""
    how: list[Any] = [expressions.constant_of(arg, "how a series is filtered").constant for arg in node.args[2:]]
    how += [None, False][len(how) :]
    sides = (_json(expressions, arg) for arg in node.args[:2])
    return dynamic(func("kql_series_fir", *sides, Text(dumped(how))))


@special("series_iir")
def series_iir(expressions: Expressions, node: tree.Call) -> Value:
    """`series_iir(s, numerators, denominators)`."""
    return dynamic(func("kql_series_iir", *(_json(expressions, arg) for arg in node.args[:3])))
