"""Medians of several variants that take turns, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds on the wall and of all processors."""

    wall: float
    cpu: float


def once(work: Callable[[], object]) -> Spent:
    """Run something and return what it took."""
    began, used = time.perf_counter(), _cpu()
    work()
    return Spent(time.perf_counter() - began, _cpu() - used)


def in_turns(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Spent]:
    """Run every variant once to warm up and then so many times, in turns; return the medians."""
    for work in variants.values():
        work()
    taken: dict[str, list[Spent]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, work in variants.items():
            taken[name].append(once(work))
    return {
        name: Spent(statistics.median(s.wall for s in found), statistics.median(s.cpu for s in found))
        for name, found in taken.items()
    }


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
