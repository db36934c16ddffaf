"""Two lists of which one asks about a part of what the other asks about: one look-up for both.

Short names and full names of devices (`build01`, `build02.contoso.com`), or sites and hosts below a site: who is
in the second list has its first label, or its last labels, among those of both lists. DuckDB looks that
part up, and compares the whole only in the few rows in which it is found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fpctl.engine.local.transpile.value_lists import COLUMN
from fpctl.engine.local.types import quote_name

_MOST_VALUES = 50_000
"""Longer lists would take longer to put together than the second look-up takes."""
_MOST_ALIKE = 16
"""So many values of the second list may have one part in common: they are compared one by one."""
_FROM = re.compile(r"SELECT \* FROM (_s\d+) WHERE ")


class Part(NamedTuple):
    """What a key is of another, whose SQL is `whole`: its first label (0) or so many of its last ones.

    `backwards` is the SQL of the key read from its end, where that is cheaper to have; in lower case.
    """

    whole: str
    labels: int
    backwards: str = ""

    def of_value(self) -> str:
        """Return the SQL of this part of a listed value."""
        value = quote_name(COLUMN)
        if self.labels == 0:
            return f"split_part({value}, '.', 1)"
        return f"regexp_extract({value}, '(?:[^.]+[.]){{{self.labels - 1}}}[^.]+$')"

    def cut(self) -> Callable[[str], str]:
        """Return what gives this part of a listed value in Python, "" where it has no such part."""
        if self.labels == 0:
            return lambda value: value.partition(".")[0]
        return self._last

    def _last(self, value: str) -> str:
        last = value.split(".")[-self.labels :]
        return ".".join(last) if len(last) == self.labels and all(last) else ""


def may_pair(part: Part, short: Sequence[str], long: Sequence[str]) -> bool:
    """Return whether one look-up for the parts of both lists is worth it; the values are in lower case."""
    if len(short) + len(long) > _MOST_VALUES:
        return False
    alike = Counter(map(part.cut(), long))
    return "" not in alike and max(alike.values(), default=0) <= _MOST_ALIKE


def join(part: Part, key: str, short: str, long: str) -> str:
    """Return the join that looks a part up.

    Args:
        key: the SQL of the part, in lower case.
        short: the value table of parts.
        long: the value table of wholes.
    """
    value = quote_name(COLUMN)
    found = f"reverse(fpctl_pair.fpctl_part) = {part.backwards}" if part.backwards else f"fpctl_pair.fpctl_part = {key}"
    rows = (
        f"SELECT {value} AS fpctl_part, NULL AS fpctl_whole FROM {quote_name(short)} "
        f"UNION ALL SELECT {part.of_value()}, {value} FROM {quote_name(long)}"
    )
    return (
        "LEFT JOIN (SELECT fpctl_part, bool_or(fpctl_whole IS NULL) AS fpctl_every, "
        f"list(fpctl_whole) FILTER (WHERE fpctl_whole IS NOT NULL) AS fpctl_wholes FROM ({rows}) GROUP BY fpctl_part) "
        f"AS fpctl_pair ON {found}"
    )


SHORT_FOUND = "coalesce(fpctl_pair.fpctl_every, FALSE)"
"""The SQL that stands for the look-up of the part."""


def long_found(key: str) -> str:
    """Return the SQL that stands for the look-up of the whole, whose SQL in lower case is `key`."""
    wholes = "fpctl_pair.fpctl_wholes"
    return f"(CASE WHEN {wholes} IS NULL THEN FALSE ELSE list_contains({wholes}, {key}) END)"


def with_join(sql: str, join: str, first: str, second: str) -> str | None:
    """Return SQL whose rows are joined where two texts stand in one WHERE; None where they do not.

    Args:
        first, second: texts that occur once.
    """
    if sql.count(first) != 1 or sql.count(second) != 1:
        return None
    at, end = sorted((sql.index(first), sql.index(second)))
    head = sql.rfind("SELECT ", 0, at)
    found = _FROM.match(sql, head) if head >= 0 else None
    if found is None or "SELECT " in sql[found.end() : end]:
        return None
    return f"{sql[:head]}SELECT {found[1]}.* FROM {found[1]} {join} WHERE {sql[found.end() :]}"
