"""The known name that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to a name that is not known, or None if none is near.

    One that differs only in case wins; else only names of about the same length are compared.
    """
    folded = name.casefold()
    candidates = []
    for other in known:
        if other.casefold() == folded:
            return other
        if abs(len(other) - len(name)) <= 3 and (other[:1].casefold() == folded[:1] or other[-2:] == name[-2:]):
            candidates.append(other)
    close = get_close_matches(name, candidates, n=1, cutoff=0.75)
    return close[0] if close else None
