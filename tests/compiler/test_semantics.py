"""What KQL means where SQL, or a quick translation, means something else: a query for each point."""

from __future__ import annotations

from typing import Any

import pytest

from fpctl.compiler import Refusal
from reference.differential import compiled, connected, rows_of

OUTER = "datatable(k:string)['a', 'b'] | join kind=leftouter (datatable(k:string, v:string)['a', 'x']) on k"
COMMAND = "cABvAHcAZQByAA=="  # "power" in UTF-16, as PowerShell's -enc has it

# Where a value is not ASCII, it is written by its number: look-alikes would not show here.
POINTS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    # strings
    "a string is empty, not null, behind an outer join": (f"{OUTER} | where v == '' | project k, isnull(v)", [("b", False)]),
    "!= drops the rows of an outer join without a match": (f"{OUTER} | where v != '' | project k", [("a",)]),
    "a string is empty where a leg of a union lacks it": ("union (print a = 'x'), (print b = 1) | where a == '' | count", [(1,)]),
    "one empty value is seen by distinct": ("datatable(s:string)['', ''] | distinct s | count", [(1,)]),
    "escapes are characters": (r"print '\x41\u0042\101' == 'ABA'", [(True,)]),
    "a text in three backticks has several lines": ("print strlen(```a\nb```)", [(3,)]),
    "a hidden text is the text": ("print h'x' == 'x', H\"x\" == 'x'", [(True, True)]),
    "operators without case fold ASCII only": ("print '\u00C9' =~ '\u00E9', '\u212A' =~ 'k', 'A' in~ ('a')", [(False, False, True)]),
    "substring counts from the end, and stops there": ("print substring('abcdef', -2, 1), substring('ab', 5), substring('ab', 0, 0)", [("e", "", "")]),
    "classes of patterns are of Unicode": (r"print 'é' matches regex @'^\w$', '٣' matches regex @'^\d$'", [(True, True)]),
    "UTF-16 that was encoded has characters of NUL": (f"print strlen(base64_decode_tostring('{COMMAND}')), base64_decode_tostring('%')", [(10, "")]),
    "octets above 255 are no address": ("print has_ipv4('x 1.2.3.256 y', '1.2.3.256'), has_ipv4_prefix('ip 10.1.2.3', '10.1.')", [(False, True)]),
    "ipv4_is_match honours both prefixes": ("print ipv4_is_match('10.1.2.3/8', '10.9.9.9/24')", [(True,)]),
    "JSON is written without blanks": ("print tostring(dynamic({'a': [1, 2]})), strcat(dynamic([1]), 'x')", [('{"a":[1,2]}', "[1]x")]),
    # dynamic
    "text that is no JSON stays what it is": ("datatable(s:string)['not json'] | extend d = parse_json(s) | project tostring(d), d has 'json'", [("not json", True)]),
    "a null property is null": ("datatable(s:string)['{\"a\":null}'] | extend d = parse_json(s) | project isnull(d.a), tostring(coalesce(d.a, d.b, dynamic('x')))", [(True, "x")]),
    "one row of other text makes no error": ("datatable(d:dynamic)[dynamic('x'), dynamic(5)] | where d == 5 | count", [(1,)]),
    "an array has its elements": ("print dynamic(['a b', 'c']) has 'b'", [(True,)]),
    "nested arrays are flat in `in`": ("print 3 in (dynamic([1, [2, 3]]))", [(True,)]),
    "make_set and make_list keep to their limit": ("range x from 1 to 9 step 1 | summarize array_length(make_list(x, 2)), array_length(make_set(x, 3))", [(2, 3)]),
    # numbers and time
    "times count in 100 ns": ("print datetime(2026-01-01 00:00:00.0000001) > datetime(2026-01-01), tostring(1tick)", [(True, "00:00:00.0000001")]),
    "a week begins where bin counts from": ("print format_datetime(bin(datetime(2026-11-24), 7d), 'yyyy-MM-dd')", [("2026-11-23",)]),
    "timespans are divided and summed": ("print 1h / 30m, tostring(abs(-1h)), 1h % 25m == 10m", [(2.0, "01:00:00", True)]),
    "between takes a timespan as its end": ("print datetime(2026-01-01 00:05) between (datetime(2026-01-01) .. 10m)", [(True,)]),
    "a time with AM and PM is read": ("print todatetime('1/2/2024 3:04:05 PM') == datetime(2024-01-02 15:04:05)", [(True,)]),
    "nonsense is no date": ("print isnull(make_datetime(2024, 13, 1))", [(True,)]),
    "the remainder has its own sign": ("print -5 % 3, 7 / 2", [(1, 3)]),
    # operators
    "a column of two types becomes two": ("union (print x = 1), (print x = 'a') | getschema | project ColumnName", [("x_long",), ("x_string",)]),
    "a function has named arguments and defaults": ("let f = (a:long, b:long = 10) { a * b }; print f(2), f(b = 3, a = 2)", [(20, 6)]),
    "arg_max gives several columns": ("datatable(k:long, v:string)[1, 'a', 2, 'b'] | summarize (t, w) = arg_max(k, v)", [(2, "b")]),
    "aggregates are calculated with": ("datatable(k:long, g:string)[1, 'a', 5, 'a', 2, 'b'] | summarize d = max(k) - min(k), s = sum(k) * 2 by g", [("a", 4, 12), ("b", 0, 4)]),
    "a span of time is the difference of two aggregates": ("datatable(t:datetime)[datetime(2026-01-01), datetime(2026-01-03)] | summarize d = max(t) - min(t) | project d == 2d", [(True,)]),
    "scalar functions stand around aggregates": ("datatable(k:long)[1, 2] | summarize s = tostring(max(k) + count())", [("4",)]),
    "a null key of a join finds a null key": ("datatable(k:long)[long(null)] | join kind=inner (datatable(k:long)[long(null)]) on k | count", [(1,)]),
    "a comparison with null is null": ("datatable(v:long)[long(null), 1] | where not(v == long(null)) | count", [(1,)]),
    "make-series over no rows and without keys is empty": ("datatable(t:datetime, v:long)[] | make-series s = sum(v) on t from datetime(2026-01-01) to datetime(2026-01-02) step 1d by v | count", [(0,)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Any:
    made = connected()
    yield made
    made.close()


@pytest.mark.parametrize("point", POINTS)
def test_point(connection: Any, point: str) -> None:
    text, expected = POINTS[point]
    assert sorted(rows_of(connection, compiled(connection, text)), key=repr) == expected


@pytest.mark.parametrize(
    "text",
    [
        "print series_decompose(dynamic([1, 2]))",
        "print hll_merge(dynamic([1]))",
        "print row_hash(1)",
        "T | reduce by x",
    ],
)
def test_what_is_not_exact_is_refused_before_it_runs(connection: Any, text: str) -> None:
    with pytest.raises(Refusal):
        compiled(connection, text)
