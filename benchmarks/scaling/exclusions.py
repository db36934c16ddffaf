"""The exclusions of the scale benchmark: reviewed entries as a catalog reads them, the same ones on every run."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import date, timedelta

from fpctl.exclusions.model import Exclusion
from scaling import events

TODAY = date(2026, 11, 1)


def _ends(number: int) -> date:
    """Return one of 180 days: entries are made over half a year and last another half."""
    return date(2027, 1, 1) + timedelta(days=number % 180)


def _entry(number: int, match: object) -> Exclusion:
    return Exclusion.model_validate(
        {
            "id": f"fp-2026-{number:06d}",
            "title": "Benign remote management",
            "rules": ["*"],
            "match": match,
            "reason": "Known software",
            "owner": "a.rossi@contoso.com",
            "created": date(2026, 10, 1),
            "expires": _ends(number),
        }
    )


def devices(count: int) -> list[Exclusion]:
    """Return exclusions of one device each, one in four by its short name."""
    chosen = random.Random(1).sample(range(events.DEVICES), count)
    names = (events.device(n) for n in chosen)
    return [_entry(at, {"device": [name.split(".")[0] if at % 4 == 0 else name]}) for at, name in enumerate(names)]


def mixed(count: int) -> list[Exclusion]:
    """Return exclusions of several kinds: six in ten a device with a process, two a domain, two a hash."""
    return [_entry(at, match) for at, match in enumerate(_mixed(count))]


def _mixed(count: int) -> Iterator[dict[str, list[str]]]:
    draw = random.Random(2)
    for at in range(count):
        if at % 10 < 6:
            number = draw.randrange(events.DEVICES)
            own = (number * 7 + draw.randrange(events.KINDS)) % events.PROCESSES
            yield {"device": [events.device(number)], "process": [events.process(own)]}
        elif at % 10 < 8:
            name = events.site(draw.randrange(events.SITES))
            yield {"url": [name if at % 2 else name.split(".", 1)[1]]}
        else:
            yield {"hash": [digest(draw.randrange(events.HASHES * 3))]}


def digest(number: int) -> str:
    """Return the SHA-256 of a file; beyond `events.HASHES` it is a file that no event has."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def hashes(count: int) -> list[Exclusion]:
    """Return one exclusion with so many hashes, of which the events have few."""
    return [_entry(0, {"hash": [digest(n) for n in range(0, count * 20, 20)]})]
