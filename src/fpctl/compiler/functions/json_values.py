"""Dynamic values in Python: the JSON that DuckDB holds, read and written as the service writes it."""

from __future__ import annotations

import json
import math
from typing import Any


def loaded(text: str) -> Any:
    """Return what a dynamic holds."""
    return json.loads(text)


def dumped(value: Any) -> str:
    """Return JSON without blanks; what JSON lacks (NaN, infinities) is a string."""
    return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def as_text(value: Any) -> str:
    """Return an element as `tostring()` has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumped(value)


def key(value: Any) -> Any:
    """Return what distinguishes an element from others: `1` and `1.0` differ, as do `true` and `1`."""
    if isinstance(value, list):
        return ("list", tuple(map(key, value)))
    if isinstance(value, dict):
        return ("bag", tuple(sorted((name, key(item)) for name, item in value.items())))
    return (type(value).__name__, value)
