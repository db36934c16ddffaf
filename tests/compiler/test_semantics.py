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
    "an empty string is in a list of it, and equals another": (f"{OUTER} | extend w = '' | where v in ('') and w == v | project k", [("b",)]),
    "an empty string is a key like others": (f"{OUTER} | summarize n = count() by v", [("", 1), ("x", 1)]),
    "aggregates see one empty string": (f"{OUTER} | summarize dcount(v), min(v), array_length(make_set(v))", [(2, "", 2)]),
    "escapes of four digits, and three tildes": (r"print strlen('\u00A0\u0000x'), strlen(~~~a'b~~~)", [(3, 3)]),
    "edges and blanks of patterns are of Unicode": (r"print 'a\u00E9' matches regex @'a\b', 'a\u00A0b' matches regex @'a\sb', 'A' matches regex @'\u0041'", [(False, True, True)]),
    "a pattern may have blanks and comments": (r"print 'a#b' matches regex '(?xi) A \\# # sign\n b', 'ab' matches regex '(?x)[ab ] b $'", [(True, True)]),
    "UTF-8 that was encoded has its characters": ("print base64_decode_tostring('w6k=') == '\u00E9'", [(True,)]),
    "a prefix of addresses ends with a dot": ("print has_any_ipv4('x 10.1.2.3 y', '1.1.1.1', '10.1.2.3'), has_ipv4_prefix('10.12.2.3', '10.1')", [(True, False)]),
    "times in arrays and bags are written in full": ("print tostring(pack_array(datetime(2026-01-02), 1h)), tostring(bag_pack('t', datetime(2026-01-02)))", [('["2026-01-02T00:00:00.0000000Z","01:00:00"]', '{"t":"2026-01-02T00:00:00.0000000Z"}')]),
    # dynamic
    "text that is no JSON stays what it is": ("datatable(s:string)['not json'] | extend d = parse_json(s) | project tostring(d), d has 'json'", [("not json", True)]),
    "a null property is null": ("datatable(s:string)['{\"a\":null}'] | extend d = parse_json(s) | project isnull(d.a), tostring(coalesce(d.a, d.b, dynamic('x')))", [(True, "x")]),
    "one row of other text makes no error": ("datatable(d:dynamic)[dynamic('x'), dynamic(5)] | where d == 5 | count", [(1,)]),
    "an array has its elements": ("print dynamic(['a b', 'c']) has 'b'", [(True,)]),
    "nested arrays are flat in `in`": ("print 3 in (dynamic([1, [2, 3]]))", [(True,)]),
    "make_set and make_list keep to their limit": ("range x from 1 to 9 step 1 | summarize array_length(make_list(x, 2)), array_length(make_set(x, 3))", [(2, 3)]),
    "mv-expand of text that is no JSON gives the text": ("print d = parse_json('no json') | mv-expand d | project tostring(d)", [("no json",)]),
    "a string is compared with a number": ("datatable(r:string)['50126', 'x', ''] | where r == 50126 | count", [(1,)]),
    "a dynamic is compared with a bool and a time": ("datatable(d:dynamic)[dynamic('x'), dynamic(true), dynamic('2026-01-01')] | summarize countif(d == true), countif(d == datetime(2026-01-01)), countif(d != 5)", [(1, 1, 3)]),
    "string operators look into arrays": ("print dynamic(['abc']) contains 'b', dynamic(['a b', 'c']) has_any ('b'), dynamic(['x']) has 'y'", [(True, True, False)]),
    "iff and case mix strings and dynamics": ("print b = tostring(iff(true, 'x', dynamic([1]))), c = tostring(case(false, dynamic([1]), 'z'))", [("x", "z")]),
    "a bag is asked for a column's value": ("let m = dynamic({'a': 'x'}); datatable(c:string)['a', 'b'] | project tostring(m[c])", [("",), ("x",)]),
    "a list that was made is looked up": ("let l = toscalar(datatable(x:string)['a','b'] | summarize make_list(x)); datatable(x:string)['a', 'c'] | where x in (l)", [("a",)]),
    "make_bag keeps to its limit": ("datatable(d:dynamic)[dynamic({'a':1}), dynamic({'b':2}), dynamic({'c':3})] | summarize array_length(bag_keys(make_bag(d, 2)))", [(2,)]),
    "sorted arrays have numbers before strings, nulls last": ("print tostring(array_sort_asc(dynamic([3, 'a', null, 1, 'B'])))", [('[1,3,"B","a",null]',)]),
    # numbers and time
    "a tick is added": ("print tostring(datetime(2026-01-01) + 1tick)", [("2026-01-01T00:00:00.0000001Z",)]),
    "times are summed, averaged and put into bins": ("datatable(t:timespan, d:datetime)[1h, datetime(2026-01-01), 3h, datetime(2026-01-03)] | summarize tostring(sum(t)), tostring(avg(t)), avg(d) == datetime(2026-01-02), tostring(bin_at(max(t), 2h, 1h))", [("04:00:00", "02:00:00", True, "03:00:00")]),
    "bin stands around an aggregate": ("datatable(t:datetime)[datetime(2026-01-01 00:07)] | summarize b = bin(max(t), 5m) | project b == datetime(2026-01-01 00:05)", [(True,)]),
    "a timespan is divided and multiplied": ("print tostring(1h / 2), tostring(1h * 1.5)", [("00:30:00", "01:30:00")]),
    "a long goes round, a null stays": ("print 9223372036854775807 + 1, isnull(long(null) + 1)", [(-9223372036854775808, True)]),
    "NaN is not above anything, infinity is": ("print real(nan) > 1.0, real(+inf) > 1.0", [(False, True)]),
    "times count in 100 ns": ("print datetime(2026-01-01 00:00:00.0000001) > datetime(2026-01-01), tostring(1tick)", [(True, "00:00:00.0000001")]),
    "a week begins where bin counts from": ("print format_datetime(bin(datetime(2026-11-24), 7d), 'yyyy-MM-dd')", [("2026-11-23",)]),
    "timespans are divided and summed": ("print 1h / 30m, tostring(abs(-1h)), 1h % 25m == 10m", [(2.0, "01:00:00", True)]),
    "between takes a timespan as its end": ("print datetime(2026-01-01 00:05) between (datetime(2026-01-01) .. 10m)", [(True,)]),
    "a time with AM and PM is read": ("print todatetime('1/2/2024 3:04:05 PM') == datetime(2024-01-02 15:04:05)", [(True,)]),
    "nonsense is no date": ("print isnull(make_datetime(2024, 13, 1))", [(True,)]),
    "the remainder has its own sign": ("print -5 % 3, 7 / 2", [(1, 3)]),
    # operators
    "a column of two types becomes two": ("union (print x = 1), (print x = 'a') | getschema | project ColumnName", [("x_long",), ("x_string",)]),
    "a split column gets out of the way of one of its name": ("union (print x = 1, x_long = 'q'), (print x = 'a') | project x_long1, x_string, x_long", [(1, "", "q"), (None, "a", "")]),
    "legs without a name are numbered": ("union withsource=s (print x = 1), (print x = 2) | project s, x", [("union_arg0", 1), ("union_arg1", 2)]),
    "make-series finds its own ends": ("datatable(t:long, v:long)[1, 1, 3, 5] | make-series s = sum(v) on t step 1 | project tostring(s)", [("[1,0,5]",)]),
    "make-series over no rows is filled where it is asked for": ("datatable(t:long, v:long)[] | make-series kind=nonempty s = sum(v) default=7 on t from 1 to 3 step 1 | project tostring(s)", [("[7,7]",)]),
    "a parameter that is called like a column gives way to it": ("let f = (T:(x:long), x:long) { T | where x == x | count }; f(datatable(x:long)[1, 2], 2)", [(2,)]),
    "parse begins with a column, and makes one with a blank in its name": ("print s = 'ann r=Global Admin' | parse s with u ' r=' ['Role Name'] | project u, r = ['Role Name']", [("ann", "Global Admin")]),
    "summarize names a key inside bin": ("datatable(t:long)[7] | summarize bin(N = t, 5) | count", [(1,)]),
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
