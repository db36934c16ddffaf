"""What cannot be compiled exactly is refused by name and place, before anything runs."""

from __future__ import annotations

import pytest

from fpctl.compiler import Refusal


@pytest.mark.parametrize(
    ("query", "what", "at"),
    [
        ("print x = series_decompose(dynamic([1]))", "series_decompose", "series_decompose"),
        ("Missing | count", "table", "Missing"),
        ("print a = 1 | project b", "column", "b"),
        ("print a = 1 | reduce by a", "reduce", "reduce"),
        ("print a = 'x' | where a.b == 1", "path", "a.b"),
        ("range x from 1 to 2 step 1 | scan with (step a output=last: x > 0;)", "scan", "step a"),
        ("print x = 1 | scan with (step a: x > 0;)", "scan", "scan"),
        ("range x from 1 to 2 step 1 | scan with (step a: x > a.y;)", "column", "y"),
        ("print d = dynamic([1]) | mv-apply e = d on (serialize | scan with (step s: true;))", "mv-apply", "mv-apply"),
        ("range x from 1 to 2 step 1 | scan with (step a: prev(x) == 1;)", "prev", "prev"),
        ("print x = assert(1 > 2, 'no')", "assert", "assert"),
        ("let f = (n: long) { f(n) }; print f(1)", "f", "f(n)"),
        ("externaldata(a: string)['https://example.org/list.csv']", "externaldata", "externaldata"),
    ],
)
def test_refused_by_name_and_place(run, query, what, at):
    with pytest.raises(Refusal) as caught:
        run(query)
    assert caught.value.what == what
    assert caught.value.offset == query.rindex(at)
