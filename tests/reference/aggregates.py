"""Aggregates: the values that one expression, or several, take over the rows of a group, to one value.

Pages: `<name>-aggregation-function`, summarize-operator (what an empty group gives).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

from reference.conversions import convert
from reference.operators_scalar import arithmetic, truth
from reference.values import (
    NUMBERS,
    ReferenceFault,
    Value,
    dynamic,
    key_of,
    long,
    null_of,
    plain,
    rank,
    real,
    wrapped,
)

Rows = list[list[Value]]
"""Per row of the group, the values of the arguments."""
Aggregate = Callable[[Rows, list[Value]], Value]
"""Takes the rows, and the arguments over a row of nulls: their types, and constants."""
AGGREGATES: dict[str, Aggregate] = {}


def aggregate(*names: str) -> Callable[[Aggregate], Aggregate]:
    def enter(function: Aggregate) -> Aggregate:
        for name in names:
            AGGREGATES[name] = function
        return function

    return enter


def conditional(name: str, inner_name: str) -> None:
    """Enter `nameif(value, ..., predicate)`: the rows of which the predicate is true."""

    def apply(rows: Rows, blank: list[Value]) -> Value:
        at = 1 if len(blank) > 1 else 0
        kept = [row[:at] + row[at + 1 :] for row in rows if truth(row[at]) is True]
        return AGGREGATES[inner_name](kept, blank[:at] + blank[at + 1 :])

    AGGREGATES[name] = apply


def present(rows: Rows, at: int = 0) -> list[Value]:
    return [row[at] for row in rows if row[at].raw is not None]


@aggregate("count", "cnt")
def count(rows: Rows, blank: list[Value]) -> Value:
    return long(len(rows))


@aggregate("sum")
def total(rows: Rows, blank: list[Value]) -> Value:
    """A sum; of dynamics it is a real, held as dynamic (Microsoft's binder; no page says)."""
    kind = _summed(blank[0].type)
    values = [v for value in present(rows) if (v := convert(value, kind)).raw is not None]
    if kind in ("long", "timespan"):
        return Value(kind, wrapped(sum(v.raw for v in values), 64))
    found = reduce(lambda a, b: arithmetic("+", a, b), values, _zero(kind))
    return dynamic(found.raw) if blank[0].type == "dynamic" else found


def _summed(kind: str) -> str:
    return {"int": "long", "dynamic": "real", "bool": "long"}.get(kind, kind)


def _zero(kind: str) -> Value:
    return Value(kind, {"real": 0.0, "decimal": Decimal(0)}.get(kind, 0))


@aggregate("avg")
def average(rows: Rows, blank: list[Value]) -> Value:
    """NaN over nothing (summarize-operator's example of an empty table)."""
    kind = blank[0].type
    values = present(rows)
    if kind in ("datetime", "timespan"):
        total_ticks = sum(v.raw for v in values)
        if values and total_ticks % len(values):
            raise ReferenceFault("what becomes of a part of a tick is not described")
        return Value(kind, total_ticks // len(values) if values else None)
    if kind == "decimal":
        with_none = [v.raw for v in values]
        return Value("decimal", sum(with_none, Decimal(0)) / len(with_none) if with_none else None)
    numbers = [n for v in values if (n := convert(v, "real").raw) is not None]
    return real(math.fsum(numbers) / len(numbers) if numbers else math.nan)


@aggregate("min")
def smallest(rows: Rows, blank: list[Value]) -> Value:
    return _extreme(rows, blank, min)


@aggregate("max")
def greatest(rows: Rows, blank: list[Value]) -> Value:
    return _extreme(rows, blank, max)


def _extreme(rows: Rows, blank: list[Value], choose: Callable[..., Value]) -> Value:
    values = present(rows)
    if any(isinstance(v.raw, float) and math.isnan(v.raw) for v in values):
        raise ReferenceFault("the least and the greatest of NaN are not described")
    return choose(values, key=rank) if values else null_of(blank[0].type)


@aggregate("dcount", "count_distinct")
def distinct_count(rows: Rows, blank: list[Value]) -> Value:
    """`dcount` estimates; over few values it is exact (dcount-aggregation-function)."""
    return long(len({key_of(value) for value in present(rows)}))


def _limit(rows: Rows, blank: list[Value]) -> int:
    given = blank[1] if len(blank) > 1 else None
    raw = convert(given, "long").raw if given is not None else None
    return 1_048_576 if raw is None else raw


@aggregate("make_list", "makelist")
def make_list(rows: Rows, blank: list[Value]) -> Value:
    return dynamic([plain(value) for value in present(rows)][: _limit(rows, blank)])


@aggregate("make_list_with_nulls")
def make_list_with_nulls(rows: Rows, blank: list[Value]) -> Value:
    return dynamic([plain(row[0]) for row in rows])


@aggregate("make_set", "makeset")
def make_set(rows: Rows, blank: list[Value]) -> Value:
    """Of arrays, their elements (make-set-aggregation-function, "Set from array column")."""
    seen: dict[Any, Any] = {}
    for value in present(rows):
        items = value.raw if isinstance(value.raw, list) else [plain(value)]
        for item in items:
            seen.setdefault(key_of(Value("dynamic", item)), item)
    return dynamic(list(seen.values())[: _limit(rows, blank)])


@aggregate("make_bag", "make_dictionary")
def make_bag(rows: Rows, blank: list[Value]) -> Value:
    out: dict[str, Any] = {}
    for value in present(rows):
        if isinstance(value.raw, dict):
            for key, item in value.raw.items():
                out.setdefault(key, item)
    return dynamic(dict(list(out.items())[: _limit(rows, blank)]))


def _numbers(rows: Rows, at: int = 0) -> list[float]:
    return [n for v in present(rows, at) if (n := convert(v, "real").raw) is not None]


def _spread(numbers: list[float], less: int) -> float:
    """The variance; 0 over fewer values than it needs (summarize-operator, default values)."""
    if len(numbers) <= less:
        return 0.0
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((x - mean) ** 2 for x in numbers) / (len(numbers) - less)


@aggregate("variance")
def variance(rows: Rows, blank: list[Value]) -> Value:
    return real(_spread(_numbers(rows), 1))


@aggregate("variancep")
def variancep(rows: Rows, blank: list[Value]) -> Value:
    return real(_spread(_numbers(rows), 0))


@aggregate("stdev")
def stdev(rows: Rows, blank: list[Value]) -> Value:
    return real(math.sqrt(_spread(_numbers(rows), 1)))


@aggregate("stdevp")
def stdevp(rows: Rows, blank: list[Value]) -> Value:
    return real(math.sqrt(_spread(_numbers(rows), 0)))


def _covariance(rows: Rows, less: int) -> Value:
    pairs = [
        (x, y)
        for row in rows
        if (x := convert(row[0], "real").raw) is not None and (y := convert(row[1], "real").raw) is not None
    ]
    if len(pairs) <= less:
        return real(0.0)
    mx, my = (math.fsum(side) / len(pairs) for side in zip(*pairs, strict=True))
    return real(math.fsum((x - mx) * (y - my) for x, y in pairs) / (len(pairs) - less))


@aggregate("covariance")
def covariance(rows: Rows, blank: list[Value]) -> Value:
    return _covariance(rows, 1)


@aggregate("covariancep")
def covariancep(rows: Rows, blank: list[Value]) -> Value:
    return _covariance(rows, 0)


def _bits(rows: Rows, join: Callable[[int, int], int], blank: list[Value]) -> Value:
    if blank[0].type == "dynamic":
        raise ReferenceFault("bits of dynamics are not described")
    kind = "int" if blank[0].type == "int" else "long"
    values = [v for value in present(rows) if (v := convert(value, kind).raw) is not None]
    return Value(kind, reduce(join, values) if values else None)


@aggregate("binary_all_and")
def binary_all_and(rows: Rows, blank: list[Value]) -> Value:
    return _bits(rows, lambda a, b: a & b, blank)


@aggregate("binary_all_or")
def binary_all_or(rows: Rows, blank: list[Value]) -> Value:
    return _bits(rows, lambda a, b: a | b, blank)


@aggregate("binary_all_xor")
def binary_all_xor(rows: Rows, blank: list[Value]) -> Value:
    return _bits(rows, lambda a, b: a ^ b, blank)


@aggregate("take_any", "any")
def take_any(rows: Rows, blank: list[Value]) -> Value:
    """One that is neither null nor empty, if there is one (take-any-aggregation-function); here the first."""
    values = [row[0] for row in rows]
    full = [v for v in values if v.raw is not None and v.raw != ""]
    return full[0] if full else values[0] if values else null_of(blank[0].type)


def nearest_rank(values: list[Value], percent: float) -> Value | None:
    ordered = sorted(values, key=rank)
    if not ordered:
        return None
    at = max(math.ceil(percent / 100 * len(ordered)), 1) - 1
    return ordered[min(at, len(ordered) - 1)]


@aggregate("percentile")
def percentile(rows: Rows, blank: list[Value]) -> Value:
    """An estimate in the service; here the nearest rank (percentiles-aggregation-function)."""
    kind = "long" if blank[0].type == "int" else blank[0].type
    found = nearest_rank(present(rows), convert(blank[1], "real").raw or 0.0)
    return null_of(kind) if found is None else convert(found, kind)


@aggregate("percentiles_array")
def percentiles_array(rows: Rows, blank: list[Value]) -> Value:
    wanted: list[float] = []
    for value in blank[1:]:
        wanted += value.raw if isinstance(value.raw, list) else [convert(value, "real").raw]
    values = present(rows)
    if not values:
        return dynamic(None)
    return dynamic([plain(v) for p in wanted if (v := nearest_rank(values, p)) is not None])


@aggregate("percentilew")
def percentilew(rows: Rows, blank: list[Value]) -> Value:
    found = weighted(rows, convert(blank[2], "real").raw or 0.0)
    return null_of(blank[0].type) if found is None else found


def weighted(rows: Rows, percent: float) -> Value | None:
    pairs = sorted(
        ((row[0], w) for row in rows if row[0].raw is not None and (w := convert(row[1], "long").raw)),
        key=lambda pair: rank(pair[0]),
    )
    goal = percent / 100 * sum(weight for _, weight in pairs)
    so_far = 0
    for value, weight in pairs:
        so_far += weight
        if so_far >= goal:
            return value
    return pairs[-1][0] if pairs else None


@aggregate("percentilesw_array")
def percentilesw_array(rows: Rows, blank: list[Value]) -> Value:
    wanted: list[float] = []
    for value in blank[2:]:
        wanted += value.raw if isinstance(value.raw, list) else [convert(value, "real").raw]
    return dynamic([plain(v) for p in wanted if (v := weighted(rows, p)) is not None])


@aggregate("buildschema")
def buildschema(rows: Rows, blank: list[Value]) -> Value:
    found = [schema_of(value.raw) for value in present(rows)]
    return dynamic(_merged(found) if found else None)


def schema_of(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: schema_of(item) for key, item in raw.items()}
    if isinstance(raw, list):
        return {"`indexer`": _merged([schema_of(item) for item in raw])} if raw else {}
    if isinstance(raw, Value):
        return raw.type
    return {bool: "bool", int: "long", float: "double", str: "string"}.get(type(raw), "null")


def _merged(shapes: list[Any]) -> Any:
    out: list[Any] = []
    for shape in shapes:
        for one in shape if isinstance(shape, list) else [shape]:
            if isinstance(one, dict):
                same = next((i for i, o in enumerate(out) if isinstance(o, dict)), None)
                if same is not None:
                    keys = list(dict.fromkeys([*out[same], *one]))
                    out[same] = {k: _merged([s[k] for s in (out[same], one) if k in s]) for k in keys}
                    continue
            if one not in out:
                out.append(one)
    return out[0] if len(out) == 1 else out


for _name, _inner in {
    "countif": "count", "sumif": "sum", "avgif": "avg", "minif": "min", "maxif": "max", "dcountif": "dcount",
    "count_distinctif": "count_distinct", "make_list_if": "make_list", "make_set_if": "make_set",
    "make_bag_if": "make_bag", "stdevif": "stdev", "varianceif": "variance", "variancepif": "variancep",
    "take_anyif": "take_any", "anyif": "take_any",
}.items():  # fmt: skip
    conditional(_name, _inner)


def _countif(rows: Rows, blank: list[Value]) -> Value:
    return long(sum(truth(row[0]) is True for row in rows))


def _covariance_if(rows: Rows, blank: list[Value], less: int) -> Value:
    return _covariance([row[:2] for row in rows if truth(row[2]) is True], less)


AGGREGATES["countif"] = _countif
AGGREGATES["covarianceif"] = lambda rows, blank: _covariance_if(rows, blank, 1)
AGGREGATES["covariancepif"] = lambda rows, blank: _covariance_if(rows, blank, 0)

MANY = ("arg_max", "arg_min", "argmax", "argmin", "percentiles", "percentilesw", "take_any", "any")
"""Aggregates that give several columns."""


def best_row(values: list[Value], greatest_wins: bool) -> int | None:
    """The place of the extreme that comes first; where all are null, the first row (arg-max's example of nulls)."""
    known = [
        at for at, v in enumerate(values) if v.raw is not None and not (isinstance(v.raw, float) and math.isnan(v.raw))
    ]
    if not known:
        return 0 if values else None
    keys = {at: rank(values[at]) for at in known}
    return (max if greatest_wins else min)(known, key=lambda at: (keys[at], -at if greatest_wins else at))


def numeric_kind(kind: str) -> bool:
    return kind in NUMBERS


def refuse(name: str) -> Value:
    raise ReferenceFault(f"aggregate {name}")
