"""`toscalar` inside of what has a TRY: DuckDB takes no sub-query there, so these are calculated in another way."""

from __future__ import annotations

import pytest

TABLE = """\
let T = datatable(n:long, x:long, at:datetime)[
    1, 2, datetime(2026-11-20 10:30),
    3, 9, datetime(2026-11-21 23:00)];
"""
MOST = "let most = toscalar(T | summarize max(x)); "
LAST = "let end = toscalar(T | summarize max(at)); "


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (MOST + "let threshold = most * 2; T | where x * 2 < threshold | project n", [(1,)]),
        (MOST + "T | project y = x + most, z = x - most", [(11, -7), (18, 0)]),
        (MOST + "T | project y = (x - most) % 4, z = most / x, q = x % (most - 9)", [(1, 4, None), (0, 1, None)]),
        (MOST + "T | summarize c = count() by n | where c < most - 8 | project n", []),
        (MOST + "T | summarize c = sum(x * most)", [(99,)]),
        (MOST + "T | summarize c = count() | where c * 2 < most - 1", [(2,)]),
        (MOST + "range k from 1 to most - 7 step 1", [(1,), (2,)]),
        (MOST + "T | project b = bin(x, most), c = bin_at(x, most, 1)", [(0, 1), (9, 1)]),
        (MOST + "T | where x between (most - 8 .. most * 2 - 10) | project n", [(1,)]),
        (MOST + "print y = most * 9223372036854775807", [(9223372036854775799,)]),
        (MOST + "print a = abs(most - 10), s = sqrt(most)", [(1, 3.0)]),
        (LAST + "T | where at > end - 1d | project n", [(3,)]),
        (LAST + "T | project d = bin(end - at, 1h)", [("1.12:00:00",), ("00:00:00",)]),
        (LAST + "T | where at >= startofday(end) | project n", [(3,)]),
        (LAST + "print datetime_diff('hour', end, datetime(2026-11-21))", [(23,)]),
        (LAST + "print datetime_add('day', 1, startofday(end, 1))", [("2026-11-23T00:00:00.0000000Z",)]),
    ],
)  # fmt: skip
def test_a_scalar_of_a_table_is_calculated_with(run, query, rows):
    assert sorted(run(TABLE + query), key=str) == sorted(rows, key=str)
