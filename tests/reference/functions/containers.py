"""Arrays and bags. Pages by name: array-*-function, bag-*-function, set-*-function, pack-*-function, zip-function."""

from __future__ import annotations

import math
from typing import Any

from reference.conversions import convert
from reference.functions import scalar
from reference.values import (
    NUMBERS,
    ReferenceFault,
    Value,
    boolean,
    dynamic,
    frozen,
    inner,
    json_text,
    long,
    ordinal,
    plain,
    real,
    string,
    text_of,
    to_dynamic,
)


def array(value: Value) -> list[Any] | None:
    return value.raw if isinstance(value.raw, list) else None


def whole(value: Value, default: int | None = None) -> int | None:
    raw: int | None = convert(value, "long").raw
    return default if raw is None else raw


@scalar("array_length", "arraylength")
def array_length(value: Value) -> Value:
    items = array(value)
    return long(None if items is None else len(items))


@scalar("array_concat")
def array_concat(*values: Value) -> Value:
    out: list[Any] = []
    found = False
    for value in values:
        items = array(value)
        if items is not None:
            found = True
            out += items
    return dynamic(out if found else None)


@scalar("array_reverse")
def array_reverse(value: Value) -> Value:
    items = array(value)
    return dynamic(None if items is None else items[::-1])


@scalar("array_slice")
def array_slice(value: Value, start: Value, end: Value) -> Value:
    """Both ends belong to it; negative ones count from the end (array-slice-function)."""
    items, low, high = array(value), whole(start), whole(end)
    if items is None or low is None or high is None:
        return dynamic(None)
    low = low + len(items) if low < 0 else low
    high = high + len(items) if high < 0 else high
    return dynamic(items[max(low, 0) : max(high + 1, 0)])


@scalar("array_split")
def array_split(value: Value, at: Value) -> Value:
    items = array(value)
    if items is None:
        return dynamic(None)
    places = at.raw if isinstance(at.raw, list) else [at.raw]
    out, before = [], 0
    for place in places:
        cut = place + len(items) if place < 0 else place
        out.append(items[before:cut])
        before = max(cut, before)
    out.append(items[before:])
    return dynamic(out)


def _rotated(value: Value, by: int | None) -> Value:
    items = array(value)
    if items is None or by is None:
        return dynamic(None)
    if not items:
        return dynamic([])
    by %= len(items)
    return dynamic(items[by:] + items[:by])


@scalar("array_rotate_left")
def array_rotate_left(value: Value, by: Value) -> Value:
    return _rotated(value, whole(by))


@scalar("array_rotate_right")
def array_rotate_right(value: Value, by: Value) -> Value:
    count = whole(by)
    return _rotated(value, None if count is None else -count)


def _shifted(value: Value, by: int | None, fill: Value) -> Value:
    items = array(value)
    if items is None or by is None:
        return dynamic(None)
    blank = plain(fill)
    return dynamic([items[at + by] if 0 <= at + by < len(items) else blank for at in range(len(items))])


@scalar("array_shift_left")
def array_shift_left(value: Value, by: Value, fill: Value = dynamic(None)) -> Value:
    return _shifted(value, whole(by), fill)


@scalar("array_shift_right")
def array_shift_right(value: Value, by: Value, fill: Value = dynamic(None)) -> Value:
    count = whole(by)
    return _shifted(value, None if count is None else -count, fill)


@scalar("array_index_of")
def array_index_of(value: Value, wanted: Value, start: Value = long(0), length: Value = long(-1),
                   occurrence: Value = long(1)) -> Value:  # fmt: skip
    items, first, count, nth = array(value), whole(start), whole(length), whole(occurrence)
    if items is None or first is None or count is None or nth is None or count < -1 or nth < 1:
        return long(None)
    first = max(0, first + len(items)) if first < 0 else first
    end = len(items) if count == -1 else min(first + count, len(items))
    key = frozen(plain(wanted), "dynamic")
    found = [at for at in range(first, end) if frozen(items[at], "dynamic") == key]
    return long(found[nth - 1] if len(found) >= nth else -1)


@scalar("array_sum")
def array_sum(value: Value) -> Value:
    items = array(value)
    if items is None or not all(isinstance(i, int | float) and not isinstance(i, bool) for i in items):
        return real(None)
    if not all(map(math.isfinite, items)):
        raise ReferenceFault("what becomes of NaN and infinities in a list is not described")
    return real(float(sum(items)))


@scalar("array_iff", "array_iif")
def array_iff(condition: Value, then: Value, other: Value) -> Value:
    tests = array(condition)
    if tests is None:
        return dynamic(None)
    out = []
    for at, test in enumerate(tests):
        held = (
            test if isinstance(test, bool) or test is None else (test != 0 if isinstance(test, int | float) else None)
        )
        if held is None:
            out.append(None)
            continue
        side = then if held else other
        items = array(side)
        out.append(plain(side) if items is None else items[at] if at < len(items) else None)
    return dynamic(out)


def sort_rank(raw: Any) -> tuple[Any, ...]:
    """Numbers, datetimes and timespans, then strings, then guids, then the rest (array-sort-asc-function)."""
    held = inner(Value("dynamic", raw))
    if held.type in NUMBERS or held.type in ("datetime", "timespan"):
        return (0, held.raw)
    if held.type == "string":
        return (1, ordinal(held.raw))
    if held.type == "guid":
        return (2, held.raw)
    return (3, json_text(raw))


def sorted_arrays(values: tuple[Value, ...], descending: bool) -> list[Value]:
    nulls_last = True
    if values[-1].type == "bool":
        nulls_last, values = bool(values[-1].raw), values[:-1]
    items = array(values[0])
    if items is None:
        return [dynamic(None) for _ in values]
    present = [at for at, item in enumerate(items) if item is not None]
    present.sort(key=lambda at: sort_rank(items[at]), reverse=descending)
    if descending:
        # Equal elements keep their places.
        present = sorted(
            (at for at, item in enumerate(items) if item is not None),
            key=lambda at: sort_rank(items[at]),
        )
        groups: list[list[int]] = []
        for at in present:
            if groups and sort_rank(items[groups[-1][0]]) == sort_rank(items[at]):
                groups[-1].append(at)
            else:
                groups.append([at])
        present = [at for group in reversed(groups) for at in group]
    nulls = [at for at, item in enumerate(items) if item is None]
    order = present + nulls if nulls_last else nulls + present
    out = []
    for value in values:
        other = array(value)
        out.append(dynamic(None if other is None or len(other) != len(items) else [other[at] for at in order]))
    return out


@scalar("zip")
def zip_(*values: Value) -> Value:
    lists = [array(value) for value in values]
    if any(items is None for items in lists):
        return dynamic(None)
    longest = max(len(items or []) for items in lists)
    return dynamic([[(items or [])[at] if at < len(items or []) else None for items in lists] for at in range(longest)])


@scalar("pack_array")
def pack_array(*values: Value) -> Value:
    return dynamic([plain(value) for value in values])


@scalar("bag_pack", "pack", "pack_dictionary")
def bag_pack(*values: Value) -> Value:
    return dynamic({text_of(values[at]): plain(values[at + 1]) for at in range(0, len(values), 2)})


@scalar("bag_keys")
def bag_keys(value: Value) -> Value:
    return dynamic(list(value.raw) if isinstance(value.raw, dict) else None)


@scalar("bag_has_key")
def bag_has_key(value: Value, key: Value) -> Value:
    steps = text_of(key)
    if not isinstance(value.raw, dict):
        return boolean(None if value.raw is None else False)
    if not steps.startswith("$"):
        return boolean(steps in value.raw)
    held: Any = value.raw
    for step in path_steps(steps):
        if (isinstance(held, dict) and isinstance(step, str) and step in held) or (
            isinstance(held, list) and isinstance(step, int) and -len(held) <= step < len(held)
        ):
            held = held[step]
        else:
            return boolean(False)
    return boolean(True)


def path_steps(path: str) -> list[str | int]:
    import re

    return [
        int(m[2]) if m[2] else m[1] or m[3] or m[4]
        for m in re.finditer(r"\.([^.\[\]]+)|\[(-?\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]", path)
    ]


@scalar("bag_merge")
def bag_merge(*values: Value) -> Value:
    """The leftmost wins (bag-merge-function)."""
    out: dict[str, Any] = {}
    found = False
    for value in values:
        if isinstance(value.raw, dict):
            found = True
            for key, item in value.raw.items():
                out.setdefault(key, item)
    return dynamic(out if found else None)


@scalar("bag_remove_keys")
def bag_remove_keys(value: Value, keys: Value) -> Value:
    if not isinstance(value.raw, dict) or not isinstance(keys.raw, list):
        return dynamic(value.raw if isinstance(value.raw, dict) else None)
    held = value.raw
    for key in keys.raw:
        if isinstance(key, str):
            held = _without(held, path_steps(key) if key.startswith("$") else [key])
    return dynamic(held)


def _without(held: Any, steps: list[Any]) -> Any:
    if not steps or not isinstance(held, dict) or steps[0] not in held:
        return held
    if len(steps) == 1:
        return {key: item for key, item in held.items() if key != steps[0]}
    return {key: _without(item, steps[1:]) if key == steps[0] else item for key, item in held.items()}


@scalar("bag_set_key")
def bag_set_key(value: Value, key: Value, new: Value) -> Value:
    if value.raw is not None and not isinstance(value.raw, dict):
        return dynamic(None)
    name = text_of(key)
    return dynamic(_with(value.raw or {}, path_steps(name) if name.startswith("$") else [name], plain(new)))


def _with(held: Any, steps: list[Any], new: Any) -> Any:
    if not steps:
        return new
    bag = dict(held) if isinstance(held, dict) else {}
    bag[steps[0]] = _with(bag.get(steps[0]), steps[1:], new)
    return bag


@scalar("bag_zip")
def bag_zip(keys: Value, values: Value) -> Value:
    names, items = array(keys), array(values)
    if names is None:
        return dynamic(None)
    items = items or []
    return dynamic({k: items[at] if at < len(items) else None for at, k in enumerate(names) if isinstance(k, str)})


def distinct(items: list[Any]) -> list[Any]:
    return list({frozen(item, "dynamic"): item for item in reversed(items)}.values())[::-1]


@scalar("set_union")
def set_union(*values: Value) -> Value:
    out: list[Any] = []
    for value in values:
        items = array(value)
        if items is None:
            return dynamic(None)
        out += items
    return dynamic(_set(out))


def _set(items: list[Any]) -> list[Any]:
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(frozen(item, "dynamic"), item)
    return list(seen.values())


@scalar("set_intersect")
def set_intersect(*values: Value) -> Value:
    lists = [array(value) for value in values]
    if any(items is None for items in lists):
        return dynamic(None)
    keys = [{frozen(item, "dynamic") for item in items or []} for items in lists]
    return dynamic([i for i in _set(lists[0] or []) if all(frozen(i, "dynamic") in group for group in keys)])


@scalar("set_difference")
def set_difference(first: Value, *others: Value) -> Value:
    items, rest = array(first), [array(value) for value in others]
    if items is None or any(other is None for other in rest):
        return dynamic(None)
    gone = {frozen(item, "dynamic") for other in rest for item in other or []}
    return dynamic([item for item in _set(items) if frozen(item, "dynamic") not in gone])


@scalar("set_has_element")
def set_has_element(value: Value, wanted: Value) -> Value:
    items = array(value)
    if items is None:
        return boolean(None)
    return boolean(frozen(plain(wanted), "dynamic") in {frozen(item, "dynamic") for item in items})


@scalar("jaccard_index")
def jaccard_index(a: Value, b: Value) -> Value:
    first, second = array(a), array(b)
    if first is None or second is None:
        return real(None)
    x, y = ({frozen(item, "dynamic") for item in items} for items in (first, second))
    return real(len(x & y) / len(x | y) if x | y else float("nan"))


@scalar("range")
def range_(start: Value, stop: Value, step: Value | None = None) -> Value:
    """Of steps that never arrive, nothing. Values keep the type of the start (range-function)."""
    timed = start.type in ("datetime", "timespan")
    by = step if step is not None else Value("timespan", 36_000_000_000) if timed else long(1)
    if None in (start.raw, stop.raw, by.raw):
        return dynamic(None)
    if "real" in (start.type, stop.type, by.type):
        start, stop, by = (convert(value, "real") for value in (start, stop, by))
    out: list[Any] = []
    low, high, size = start.raw, stop.raw, by.raw
    if size == 0:
        return dynamic(None)
    at = low
    while (at <= high if size > 0 else at >= high) and len(out) < 1_048_576:
        out.append(plain(Value(start.type, at)))
        at = low + len(out) * size
    return dynamic(out)


@scalar("repeat")
def repeat(value: Value, count: Value) -> Value:
    times = whole(count)
    return dynamic(None if times is None or times < 0 else [plain(value)] * times)


@scalar("treepath")
def treepath(value: Value) -> Value:
    """Paths of one level after another; an array shows its first element (treepath-function)."""
    if not isinstance(value.raw, dict | list):
        return dynamic(None)
    out: list[str] = []

    def walk(held: Any, path: str) -> None:
        if isinstance(held, dict):
            for key, item in held.items():
                out.append(f"{path}['{key}']")
                walk(item, out[-1])
        elif isinstance(held, list) and held:
            out.append(f"{path}[0]")
            for item in held:
                walk(item, f"{path}[0]")

    walk(value.raw, "")
    return dynamic(list(dict.fromkeys(out)))


@scalar("gettype")
def gettype(value: Value) -> Value:
    held = inner(value)
    if value.type != "dynamic":
        return string(value.type)
    if held.type != "dynamic":
        return string({"real": "double"}.get(held.type, held.type))
    if held.raw is None:
        return string("null")
    return string("array" if isinstance(held.raw, list) else "dictionary")


@scalar("parse_json", "parsejson", "todynamic", "toobject")
def parse_json(value: Value) -> Value:
    return convert(value, "dynamic")


@scalar("dynamic_to_json")
def dynamic_to_json(value: Value) -> Value:
    """Keys in order of their names (dynamic-to-json-function)."""

    def ordered(held: Any) -> Any:
        if isinstance(held, dict):
            return {key: ordered(held[key]) for key in sorted(held)}
        return [ordered(item) for item in held] if isinstance(held, list) else held

    return string(json_text(ordered(to_dynamic(value).raw)))
