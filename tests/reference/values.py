"""Values of the scalar types, how they are read from text, written as text, compared and counted as one.

A value is a `Value`: the name of its type, and what Python holds for it.

    bool        bool or None
    int, long   int or None
    real        float or None
    decimal     Decimal or None
    string      str, never None
    datetime    int: ticks of 100 ns since 0001-01-01, or None
    timespan    int: ticks, or None
    guid        str in lower case with dashes, or None
    dynamic     None, bool, int (a long), float, str, list, dict, or a Value of one of the other types

Pages: scalar-data-types/*.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

TICK, MICRO, MILLI, SECOND = 1, 10, 10_000, 10_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
LAST_TICK = 3_155_378_975_999_999_999
"""9999-12-31T23:59:59.9999999."""
LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
NUMBERS = ("int", "long", "real", "decimal")
EPOCH = 621_355_968_000_000_000
"""1970-01-01 in ticks."""


class ReferenceFault(Exception):
    """What the interpreter does not know, or a query that Kusto would refuse."""


class Value(NamedTuple):
    type: str
    raw: Any

    @property
    def null(self) -> bool:
        return self.raw is None


def null_of(kind: str) -> Value:
    """Return the null of a type; a string has none (scalar-data-types/string)."""
    return Value(kind, "" if kind == "string" else None)


def boolean(raw: bool | None) -> Value:
    return Value("bool", raw)


def string(raw: str) -> Value:
    return Value("string", raw)


def long(raw: int | None) -> Value:
    return Value("long", wrapped(raw, 64))


def real(raw: float | None) -> Value:
    return Value("real", None if raw is None else float(raw))


def dynamic(raw: Any) -> Value:
    return Value("dynamic", plain(raw))


def wrapped(raw: int | None, bits: int) -> int | None:
    """Return an integer as the service keeps it: overflow goes round (two's complement)."""
    if raw is None:
        return None
    half = 1 << (bits - 1)
    return (raw + half) % (1 << bits) - half


def plain(raw: Any) -> Any:
    """Return what stands inside a dynamic for a raw or a Value: long, real, bool and string are bare."""
    if not isinstance(raw, Value):
        return raw
    if raw.type in ("bool", "string", "dynamic", "long", "int", "real"):
        return raw.raw
    return None if raw.raw is None else raw


def to_dynamic(value: Value) -> Value:
    """Return a value of any type as a dynamic that holds it."""
    return value if value.type == "dynamic" else Value("dynamic", plain(value))


def inner(value: Value) -> Value:
    """Return what a dynamic holds, as a value of its own type; arrays, bags and null stay dynamic."""
    if value.type != "dynamic":
        return value
    raw = value.raw
    if isinstance(raw, Value):
        return raw
    if isinstance(raw, bool):
        return Value("bool", raw)
    if isinstance(raw, int):
        return Value("long", raw)
    if isinstance(raw, float):
        return Value("real", raw)
    if isinstance(raw, str):
        return Value("string", raw)
    return value


# --------------------------------------------------------------------------- to text


def text_of(value: Value) -> str:
    """Return `tostring(value)`; null is the empty text (tostring-function)."""
    kind, raw = value
    if raw is None:
        return ""
    if kind == "string":
        return str(raw)
    if kind == "bool":
        return "True" if raw else "False"  # as .NET; seen on the emulator (duckdb-kql's notes), no page says
    if kind in ("int", "long"):
        return str(raw)
    if kind == "real":
        return real_text(raw)
    if kind == "decimal":
        return decimal_text(raw)
    if kind == "datetime":
        return datetime_text(raw)
    if kind == "timespan":
        return timespan_text(raw)
    if kind == "guid":
        return str(raw)
    held = inner(value)
    return json_text(raw) if held.type in ("dynamic", "bool") else text_of(held)


def real_text(raw: float) -> str:
    """Return a real as .NET's shortest round trip writes it, with `.0` where there would be no point."""
    if math.isnan(raw):
        return "NaN"
    if math.isinf(raw):
        return "Infinity" if raw > 0 else "-Infinity"
    digits = repr(raw)
    if "e" in digits:
        mantissa, exponent = digits.split("e")
        mantissa = mantissa.removesuffix(".0")
        power = int(exponent)
        if power >= 0:
            return f"{mantissa}E+{power:02d}"
        return f"{mantissa}E-{-power:02d}"
    whole = digits.removesuffix(".0")
    if "." not in whole and len(whole.lstrip("-")) > 15:
        stripped = whole.lstrip("-")
        shown = stripped.rstrip("0")
        mantissa = shown[0] + ("." + shown[1:] if len(shown) > 1 else "")
        return f"{'-' if raw < 0 else ''}{mantissa}E+{len(stripped) - 1:02d}"
    if 0 < abs(raw) < 1e-4:  # pragma: no cover - repr has an exponent there
        return digits
    return digits


def decimal_text(raw: Decimal) -> str:
    text = format(raw, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def datetime_text(raw: int) -> str:
    moment = calendar(raw)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{raw % SECOND:07d}Z".rjust(28, "0")


def timespan_text(raw: int) -> str:
    """Return `[-][d.]hh:mm:ss[.fffffff]` (scalar-data-types/timespan)."""
    sign, ticks = ("-", -raw) if raw < 0 else ("", raw)
    days, ticks = divmod(ticks, DAY)
    hours, ticks = divmod(ticks, HOUR)
    minutes, ticks = divmod(ticks, MINUTE)
    seconds, ticks = divmod(ticks, SECOND)
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    return sign + (f"{days}." if days else "") + text + (f".{ticks:07d}" if ticks else "")


def json_text(raw: Any) -> str:
    """Return JSON without blanks, as the service writes a dynamic."""
    if isinstance(raw, Value):
        return json.dumps(text_of(raw), ensure_ascii=False) if raw.type != "decimal" else quoted(text_of(raw))
    if raw is None:
        return "null"
    if raw is True or raw is False:
        return "true" if raw else "false"
    if isinstance(raw, int):
        return str(raw)
    if isinstance(raw, float):
        return real_text(raw) if math.isfinite(raw) else quoted(real_text(raw))
    if isinstance(raw, str):
        return quoted(raw)
    if isinstance(raw, list):
        return "[" + ",".join(map(json_text, raw)) + "]"
    return "{" + ",".join(f"{quoted(key)}:{json_text(item)}" for key, item in raw.items()) + "}"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --------------------------------------------------------------------------- from text


def json_value(text: str) -> Any:
    """Return JSON text as a dynamic's content; raise ValueError where it is none."""

    def number(digits: str) -> Any:
        whole = int(digits)
        return whole if LONG_MIN <= whole <= LONG_MAX else float(digits)

    def refuse(word: str) -> Any:
        raise ValueError(word)

    return json.loads(text, parse_int=number, parse_constant=refuse)


_LONG = re.compile(r"\s*([+-]?\d+)\s*")
_HEX = re.compile(r"\s*0[xX]([0-9a-fA-F]{1,16})\s*")
_REAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def parse_long(text: str) -> int | None:
    if match := _HEX.fullmatch(text):
        return wrapped(int(match[1], 16), 64)
    if match := _LONG.fullmatch(text):
        raw = int(match[1])
        return raw if LONG_MIN <= raw <= LONG_MAX else None
    return None


def parse_real(text: str) -> float | None:
    word = text.strip().lower()
    if word in ("nan", "+inf", "-inf", "inf", "infinity", "-infinity"):
        return float(word)
    return float(text) if _REAL.fullmatch(text) else None


def parse_decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip()) if _REAL.fullmatch(text) else None
    except InvalidOperation:
        return None


def parse_bool(text: str) -> bool | None:
    """`true`, `false` in any case, and whole numbers (tobool-function)."""
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    number = parse_long(word)
    return None if number is None else number != 0


_GUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def parse_guid(text: str) -> str | None:
    word = text.strip().lower().strip("{}()")
    if not _GUID.fullmatch(word):
        return None
    digits = word.replace("-", "")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_UNITS = {
    **dict.fromkeys(("d", "day", "days"), DAY),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
    **dict.fromkeys(("m", "min", "minute", "minutes"), MINUTE),
    **dict.fromkeys(("s", "sec", "second", "seconds"), SECOND),
    **dict.fromkeys(("ms", "milli", "millis", "millisec", "millisecond", "milliseconds"), MILLI),
    **dict.fromkeys(("micro", "micros", "microsec", "microsecond", "microseconds"), MICRO),
    **dict.fromkeys(("tick", "ticks"), TICK),
    **dict.fromkeys(("nanosecond", "nanoseconds"), 0),
}
_SPAN = re.compile(r"\s*(-)?(?:(\d+)[.:])?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*")
_UNIT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*([a-z]+)\s*")


def parse_timespan(text: str) -> int | None:
    """`1.02:03:04.5`, `2d`, `15 seconds`, and a bare number of days (scalar-data-types/timespan)."""
    text = text.strip().strip("\"'")
    if match := _SPAN.fullmatch(text):
        sign, days, hours, minutes, seconds, fraction = match.groups()
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
            return None
        ticks = int(days or 0) * DAY + int(hours) * HOUR + int(minutes) * MINUTE + int(seconds or 0) * SECOND
        ticks += int((fraction or "0").ljust(7, "0"))
        return -ticks if sign else ticks
    if match := _UNIT.fullmatch(text.lower()):
        unit = _UNITS.get(match[2])
        if unit is None:
            return None
        if unit == 0:
            return int(Decimal(match[1]) / 100)
        return int(Decimal(match[1]) * unit)
    number = parse_decimal(text)
    return None if number is None else int(number * DAY)


_MONTHS = {
    m: i + 1 for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?"
_ZONE = r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_ISO = re.compile(rf"(\d{{4}})-(\d{{1,2}})(?:-(\d{{1,2}}))?(?:[T ]+{_CLOCK}\s*(AM|PM)?)?{_ZONE}", re.I)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2}))?Z?")
_LISTED = re.compile(r"(\d{4}), *(\d{1,2}), *(\d{1,2})")
_SLASHED = re.compile(rf"(\d{{1,2}})[/-](\d{{1,2}})[/-](\d{{4}})(?:[T ]+{_CLOCK}\s*(AM|PM)?)?{_ZONE}", re.I)
_DAY_FIRST = r"(?:[A-Za-z]{3,9},?\s+)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{2,4})"
_RFC = re.compile(rf"{_DAY_FIRST}(?:\s+{_CLOCK})?{_ZONE}", re.I)


def parse_datetime(text: str) -> int | None:
    """ISO 8601, RFC 822 and RFC 850, and month/day/year as .NET reads it (scalar-data-types/datetime)."""
    text = text.strip()
    if re.fullmatch(r"\d{4}", text):
        raise ReferenceFault("a year alone as a time is not described")
    if match := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, half, zone = match.groups()
    elif match := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second = match.groups()
        fraction = half = zone = None
    elif match := _LISTED.fullmatch(text):  # endofweek-function writes datetime(2025, 6, 14)
        year, month, day = match.groups()
        hour = minute = second = fraction = half = zone = None
    elif match := _SLASHED.fullmatch(text):
        month, day, year, hour, minute, second, fraction, half, zone = match.groups()
    elif match := _RFC.fullmatch(text):
        day, name, year, hour, minute, second, fraction, zone = match.groups()
        month, half = str(_MONTHS.get(name.lower(), 0)), None
        year = f"20{year}" if len(year) == 2 else year
    else:
        return None
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.upper() == "PM" else 0)
    ticks = make_datetime(int(year), int(month), int(day or 1), hours, int(minute or 0), int(second or 0))
    if ticks is None:
        return None
    ticks += int((fraction or "0").ljust(7, "0")[:7])
    if zone and zone[0] in "+-":
        offset = int(zone[1:3]) * HOUR + int(zone[-2:]) * MINUTE
        ticks += offset if zone[0] == "-" else -offset
    return ticks if 0 <= ticks <= LAST_TICK else None


def make_datetime(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int | None:
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return None
    try:
        days = date(year, month, day).toordinal() - 1
    except (ValueError, OverflowError):
        return None
    return days * DAY + hour * HOUR + minute * MINUTE + second * SECOND


def calendar(ticks: int) -> datetime:
    """Return ticks as Python's datetime, cut to microseconds."""
    return datetime(1, 1, 1) + timedelta(microseconds=ticks // 10)


def now_ticks() -> int:
    return EPOCH + int(datetime.now(UTC).timestamp() * 1e6) * 10


# --------------------------------------------------------------------------- sameness and order


def key_of(value: Value) -> Any:
    """Return what makes two values one in `by`, `distinct`, `make_set`, `dcount` and as a join's key."""
    return frozen(value.raw, value.type)


def frozen(raw: Any, kind: str) -> Any:
    if isinstance(raw, Value):
        return (raw.type, frozen(raw.raw, raw.type))
    if isinstance(raw, list):
        return ("[", *(frozen(item, "dynamic") for item in raw))
    if isinstance(raw, dict):
        return ("{", *sorted((key, frozen(item, "dynamic")) for key, item in raw.items()))
    if isinstance(raw, float):
        return ("nan",) if math.isnan(raw) else ("r", raw + 0.0)
    if isinstance(raw, bool):
        return ("b", raw)
    return (type(raw).__name__, raw)


def rank(value: Value) -> tuple[Any, ...]:
    """Return a key of ascending order among values of one type that are not null (sort-operator).

    NaN stands beside the nulls there; who sorts decides.
    """
    kind, raw = value
    if kind == "dynamic":
        return rank_in_dynamic(raw)
    if kind == "guid":
        return (raw,)
    return (ordinal(raw),) if kind == "string" else (raw,)


def ordinal(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


def rank_in_dynamic(raw: Any) -> tuple[Any, ...]:
    held = inner(Value("dynamic", raw))
    if held.type == "dynamic":
        return (9, json_text(raw))
    if held.type in NUMBERS:
        return (1, held.raw)
    if held.type == "string":
        return (5, ordinal(held.raw))
    return ({"bool": 2, "datetime": 3, "timespan": 4, "guid": 6}[held.type], held.raw)
