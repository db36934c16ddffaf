"""Ids of new exclusions: unique without a server, so that analysts on different branches never collide."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import date

from fpctl.errors import FpctlError

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that is taken for a digit or another letter when an id is read out."""

LENGTH = 8
"""Forty random bits: among 10,000 exclusions of one year two are the same once in 20,000 such years."""

_ATTEMPTS = 20


def draw() -> str:
    """Return a random tail for an id."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_id(today: date, taken: Collection[str], tail: Callable[[], str] = draw) -> str:
    """Return an id such as `fp-2026-7k3m9qtz` that is not among those taken.

    Args:
        today: its year is part of the id, so that a list sorts by age.
        taken: ids in use; case does not count.
        tail: gives the part after the year, another one at each call.

    Raises:
        FpctlError: every tail drawn is taken, which random ones never are.
    """
    used = {id.casefold() for id in taken}
    for _ in range(_ATTEMPTS):
        id = f"fp-{today.year}-{tail()}"
        if id.casefold() not in used:
            return id
    raise FpctlError("no free id was found", None, "give one with --id")
