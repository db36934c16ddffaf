"""Texts with wildcards as sets of texts, and when one such set holds another.

In the set that is to be held, a wildcard is replaced by a letter that no text has: what a wildcard of
the other set must then take up. With `*` for any text this decides exactly; with `**` beside it, for
what `*` may not span, `*` is shown as one letter and `**` as another that only `**` takes up.
"""

from __future__ import annotations

import re

from fpctl.fields.matching.wildcard import ends_of, like

ONE = "\ue000"
"""Stands for a `*` in the set to be held."""
ANY = "\ue001"
"""Stands for a `**`, where it says more than `*`."""

_RUNS = re.compile(r"(\*+)")


def folded(text: str) -> str:
    """Return a text with its ASCII letters in lower case: what every engine takes for the same text."""
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def plain(text: str) -> str:
    """Return a pattern with every run of `*` as one, where `**` says no more than `*`."""
    return re.sub(r"\*+", "*", text)


def shown(pattern: str, *, double: bool = False) -> str:
    """Return a pattern as one text that stands for all of its texts."""
    if "*" not in pattern:
        return pattern
    return _RUNS.sub(lambda run: ANY if double and len(run[0]) > 1 else ONE, pattern)


def literal(pattern: str) -> str:
    """Return the longest piece of a pattern without wildcards: it is part of every text of the set."""
    return max(_RUNS.split(pattern)[::2], key=len)


def holds(wide: str, narrow: str) -> bool:
    """Return whether every text of `narrow` is one of `wide`; `*` is any text in both."""
    return like(wide, shown(narrow)) if "*" in wide else wide == narrow


def leads(wide: str, narrow: str, within: str, ends: str) -> bool:
    """Return whether a pattern in which `**` says more matches the beginning of every text of another.

    Args:
        wide: the pattern; `*` is any text without the characters of `within`.
        narrow: the other pattern as `shown` (with `double`) gives it.
        within: characters that end a part of a path.
        ends: the characters before one of which, or at the end of the text, the beginning must end.
    """
    return any(end == len(narrow) or narrow[end] in ends for end in ends_of(wide, narrow, within + ANY))
