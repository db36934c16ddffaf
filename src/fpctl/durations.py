"""Durations: `1d` in rule files, `P1D` in Resource Manager."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|day|days|h|hr|hour|hours|m|min|minute|minutes|s|sec|second|seconds)\Z")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def parse_duration(text: str) -> timedelta | None:
    """Return a duration written as `5d`, `12h`, `30m` or ISO 8601 (`P1DT12H`); None if it is neither."""
    match = _DURATION.match(text.strip())
    if match:
        return timedelta(seconds=float(match.group(1)) * _UNITS[match.group(2)[0]])
    match = _ISO.match(text.strip())
    if match and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return None


def duration(text: str) -> timedelta | None:
    """Return a duration in either spelling; None if it is none."""
    return parse_duration(text.strip().upper() if text.strip()[:1].upper() == "P" else text.strip().lower())


def iso_duration(text: str) -> str:
    """Return a duration as ISO 8601; what is none is returned as it is, for the service to judge."""
    found = duration(text)
    if found is None:
        return text
    days, hours, minutes, seconds = _parts(found)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    day = f"{days}D" if days else ""
    return f"P{day}{f'T{clock}' if clock else ''}" if day or clock else "PT0S"


def short_duration(text: str) -> str:
    """Return a duration as rule files have it: `1d`, `5h`, `30m`, in the largest unit that is exact."""
    found = duration(text)
    if found is None or not re.match(r"[pP]", text.strip()):
        return text
    seconds = int(found.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _parts(value: timedelta) -> tuple[int, int, int, int]:
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return value.days, hours, minutes, seconds
