"""Durations: `1d` in rule files, `P1D` in Resource Manager."""

from __future__ import annotations

import re
from datetime import timedelta

from fpctl.execution.time_range import parse_duration


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
