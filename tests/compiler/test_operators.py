"""Operators, each on rows that tell what it does with nulls, empty text and ties."""

from __future__ import annotations

import pytest

PEOPLE = "datatable(g: string, n: long)['a', 1, 'a', 5, 'b', 3]"
BAGS = (
    """datatable(k: long, d: dynamic)[1, dynamic([10, "x"]), 2, dynamic(null), 3, dynamic([]), 4, dynamic({"p": 1})]"""
)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (f"{BAGS} | mv-expand d | project k, tostring(d)", [(1, "10"), (1, "x"), (2, ""), (4, '{"p":1}')]),
        (f"{BAGS} | mv-expand kind=array d | where k == 4 | project tostring(d)", [('["p",1]',)]),
        (f"{BAGS} | where k == 1 | mv-expand with_itemindex=i d | project i", [(0,), (1,)]),
        (f"{BAGS} | where k == 1 | mv-expand d to typeof(long)", [(1, 10), (1, None)]),
        (f"{BAGS} | where k == 1 | mv-apply e = d on (summarize n = count())| project n", [(2,)]),
        (f"{PEOPLE} | top-nested 1 of g by sum(n), top-nested 1 of n by max(n)", [("a", 6, 5, 5)]),
        (f"{PEOPLE} | sort by n asc | extend p = prev(n), c = row_cumsum(n) | project p, c", [
            (None, 1), (1, 4), (3, 9),
        ]),
        (f"{PEOPLE} | summarize arg_max(n, *) by g | sort by g asc", [("a", 5), ("b", 3)]),
        ("datatable(n: long)[] | summarize count(), sum(n), max(n)", [(0, 0, None)]),
        (f"{PEOPLE} | where g == 'z' | summarize count() by g", []),
        (f"{PEOPLE} | search 'a' | project n", [(1,), (5,)]),
        (f"union withsource=t (print a = 1), ({PEOPLE} | take 1 | as P) | project t, a, n | sort by a desc", [
            ("union_arg0", 1, None), ("P", None, 1),
        ]),
        ("print s = 'id=7;name=x' | parse s with 'id=' id: long ';name=' name | project id, name", [(7, "x")]),
        ("print s = 'id=y;name=x' | parse s with 'id=' id: long ';name=' name | project id, name", [(None, "")]),
        ("print s = 'a=1, b=2' | parse-kv s as (b: long, c: string) with (pair_delimiter=',', kv_delimiter='=') "
         "| project b, c", [(2, "")]),
        (f"{PEOPLE} | sort by n asc | summarize c = countif(prev(g) == g)", [(0,)]),
        (f"{PEOPLE} | sort by n asc | where prev(n) < 3 and row_cumsum(n) < 5 | project n", [(3,)]),
        ("let A = datatable(a: string, n: long)['x', 1, 'y', 2]; let B = datatable(b: string, n: long)['z', 1]; "
         "find in (A, B) where n == 1", [("A", 1, {"a": "x"}), ("B", 1, {"b": "z"})]),
        ("let A = datatable(a: string)['x']; let B = datatable(b: string)['x y']; find in (A, B) where 'x'", [
            ("A", {"a": "x"}), ("B", {"b": "x y"}),
        ]),
        ("let A = datatable(a: string)['x']; let B = datatable(b: string)['y']; find in (A, B) where not(a == 'y')", [
            ("A", "x"),
        ]),
        ("let A = datatable(a: string, n: long)['x', 1]; find in (A) where a == 'x' project n, pack(*)", [
            ("A", 1, {"a": "x", "n": 1}),
        ]),
        ("let A = datatable(a: string, n: int)[]; print column_names_of(A)", [(["a", "n"],)]),
        ("strlen('abc')", [(3,)]),
        ("datatable(d: dynamic)[dynamic(2), dynamic(4)] | summarize a = avg(d) | union (print b = 1) | project a, b", [
            (3.0, None), (None, 1),
        ]),
        ("let f = (n: long, s: string) { assert(n > 0, 'too few') and strlen(s) > n }; "
         "datatable(s: string)['ab', 'abcd'] | where f(3, s)", [("abcd",)]),
        ("let f = (T: (n: long)) { T | sort by n asc | where prev(n) == 1 }; f(datatable(n: long)[2, 1])", [(2,)]),
        ("let N = datatable(n: string, c: string)['2001:db8::/32', 'x']; datatable(a: string)['2001:db8::5', 'fe80::1']"
         " | evaluate ipv6_lookup(N, a, n, true) | project a, c", [("2001:db8::5", "x"), ("fe80::1", "")]),
        ("let y = () { toscalar(rand(1000000)) }; print y == y, toscalar(new_guid()) == toscalar(new_guid())", [
            (True, False),
        ]),
        ("range x from 1 to 99 step 1 | extend r = rand(3) in (0.0, 1.0, 2.0) and tolong(rand(9)) < 9, g = new_guid() "
         "| summarize countif(r), dcount(g)", [(99, 99)]),
        ("print d = dynamic({'b': 1, 'a': 'x'}) | evaluate bag_unpack(d): (a: string, b: long)", [("x", 1)]),
    ],
)  # fmt: skip
def test_rows_behind_an_operator(run, query, rows):
    assert run(query) == rows


def test_a_series_has_the_default_where_a_bin_is_empty(run):
    rows = "datatable(t: datetime, n: long)[datetime(2024-01-01), 1, datetime(2024-01-03), 5]"
    made = (
        f"{rows} | make-series s = sum(n) default = -1 on t from datetime(2024-01-01) to datetime(2024-01-04) step 1d"
    )
    ((series, axis),) = run(made)
    assert series == [1, -1, 5]
    assert [text[:10] for text in axis] == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_a_condition_that_repeats_a_costly_expression_means_the_same(run):
    host = "extract('^([a-z.]+)$', 1, h)"
    rows = "datatable(h: string)['a.b', 'c.d', '1']"
    listed = ", ".join(f"'{number}'" for number in range(30))
    assert run(f"{rows} | where {host} !in~ ({listed}, 'a.b') and not({host} contains 'zz') | project h") == [
        ("c.d",),
        ("1",),
    ]


@pytest.mark.parametrize(
    ("text", "operator", "word", "found"),
    [
        ("Ein STRASSE", "has", "strasse", True),
        ("ÉTÉ", "=~", "été", False),
        ("\u212aelvin", "=~", "kelvin", False),
        ("a_b", "has", "a", True),
        ("éa", "has", "a", False),
        ("abc", "hasprefix", "ab", True),
        ("abc", "hassuffix", "ab", False),
        ("", "contains", "", True),
    ],
)
def test_case_is_folded_for_ascii_only_and_terms_are_letters_and_digits(run, text, operator, word, found):
    assert run(f"datatable(s: string)['{text}'] | project s {operator} '{word}'") == [(found,)]


def test_a_column_of_three_types_is_three_columns(run):
    legs = "(print a = 1), (print a = 'x'), (print a = 2.5)"
    rows = run(f"union {legs}")
    assert sorted(len(row) for row in rows) == [3, 3, 3]
    assert {value for row in rows for value in row} == {1, "x", 2.5, None, ""}
