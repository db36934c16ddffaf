"""The nearest known word, for hints."""

from __future__ import annotations

from collections.abc import Iterable

FEW = 12
"""Up to this number, all known words are listed."""
SHOWN = 5
MOST_COMPARED = 5_000


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is most likely a slip of, or None. Case does not count."""
    import difflib

    folded: dict[str, str] = {}
    for candidate in sorted(known):
        folded.setdefault(candidate.casefold(), candidate)
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], *, what: str = "known") -> str:
    """Return a hint: the nearest known word, or all of them where none is near."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"did you mean `{close}`?"
    if not names:
        return f"there is no {what} here"
    shown = names if len(names) <= FEW else _closest(word, names)
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"{what} names: {', '.join(shown)}{more}"


def _closest(word: str, names: list[str]) -> list[str]:
    """Return the five names that resemble a word most, the best first."""
    import difflib

    likeness = difflib.SequenceMatcher(None, b=word.casefold())

    def distance(name: str) -> float:
        likeness.set_seq1(name.casefold())
        return -likeness.ratio()

    return sorted(names[:MOST_COMPARED], key=lambda name: (distance(name), name))[:SHOWN]
