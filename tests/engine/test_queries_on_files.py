"""KQL that duckdb-kql lacks gives the rows that KQL's documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.data_files import open_engine, write_parquet
from fpctl.engine.interface import EngineError
from fpctl.engine.local.engine import LocalEngine

PEOPLE = (
    "datatable(g:string, n:long, t:datetime, p:bool)"
    "['a',1,datetime(2026-01-01),true, 'a',5,datetime(2026-01-05),false, 'b',3,datetime(2026-01-03),true]"
)
ADDRESSES = "datatable(ip:string)['10.1.2.3', '192.168.0.1', '11.0.0.1', '2001:db8::1', 'none', '']"
LISTS = "datatable(s:string)['x', 'y', 'z']"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("data")
    write_parquet(
        folder / "Events.parquet",
        {"Timestamp": [datetime(2026, 11, 19)], "DeviceName": ["build01"], "Folder_s": ["c:"], "Count_d": [2]},
    )
    with open_engine(folder) as engine:
        yield engine


CASES: list[tuple[str, str, list[str], list[tuple[Any, ...]]]] = [
    # operators
    (
        "project-reorder",
        "Events | project-reorder Count_d, Device*",
        ["Count_d", "DeviceName", "Timestamp", "Folder_s"],
        [(2, "build01", datetime(2026, 11, 19, tzinfo=UTC), "c:")],
    ),
    ("project-keep", "Events | project-keep *_s, DeviceName", ["DeviceName", "Folder_s"], [("build01", "c:")]),
    ("project-away by pattern", "Events | project-away Time*, *_s, *_d", ["DeviceName"], [("build01",)]),
    ("distinct *", "union Events, Events | distinct * | count", ["Count"], [(1,)]),
    ("parentheses", "(Events | where Count_d > 1) | project Count_d", ["Count_d"], [(2,)]),
    ("nested parentheses", "((Events | take 1) | where Count_d > 1) | count", ["Count"], [(1,)]),
    ("top of a let", f"let most = 2; {PEOPLE} | top most by n | project n", ["n"], [(5,), (3,)]),
    ("top-nested", f"{PEOPLE} | top-nested 1 of g by sum(n)", ["g", "aggregated_g"], [("a", 6)]),
    ("top-hitters", f"{PEOPLE} | top-hitters 1 of g", ["g", "approximate_count_g"], [("a", 2)]),
    ("sample", f"{PEOPLE} | sample 2 | count", ["Count"], [(2,)]),
    ("sample-distinct", f"{PEOPLE} | sample-distinct 5 of g | count", ["Count"], [(2,)]),
    ("as without use", f"{PEOPLE} | as T | count", ["Count"], [(3,)]),
    ("as with use", f"{PEOPLE} | as T | where n == toscalar(T | summarize max(n)) | project n", ["n"], [(5,)]),
    ("serialize", f"{PEOPLE} | serialize | count", ["Count"], [(3,)]),
    ("serialize with a column", f"{PEOPLE} | serialize m = n + 1 | where n == 1 | project m", ["m"], [(2,)]),
    (
        "mv-expand of an expression",
        "print s = 'a,b' | mv-expand part = split(s, ',') | project part",
        ["part"],
        [("a",), ("b",)],
    ),
    ("mv-expand todynamic", "print s = '[1,2]' | mv-expand todynamic(s) | project toint(s)", ["s"], [(1,), (2,)]),
    ("dotted index", "print b = dynamic({'a':[{'c':7}]}) | project x = toint(b.a.[0].c)", ["x"], [(7,)]),
    # aggregates
    ("makeset", f"{PEOPLE} | summarize makeset(g) | project n = array_length(set_g)", ["n"], [(2,)]),
    ("makelist", f"{PEOPLE} | summarize makelist(n)", ["list_n"], [([1, 5, 3],)]),
    (
        "maxif minif",
        f"{PEOPLE} | summarize maxif(n, p), minif(t, not(p))",
        ["maxif_n", "minif_t"],
        [(3, datetime(2026, 1, 5, tzinfo=UTC))],
    ),
    ("make_set_if", f"{PEOPLE} | summarize make_set_if(g, n > 4)", ["set_g"], [(["a"],)]),
    (
        "make_list_if keeps empty strings",
        "datatable(s:string, p:bool)['', true, 'x', false] | summarize l = make_list_if(s, p)",
        ["l"],
        [([""],)],
    ),
    ("count_distinct", f"{PEOPLE} | summarize count_distinct(g)", ["count_distinct_g"], [(2,)]),
    ("count_distinctif", f"{PEOPLE} | summarize count_distinctif(g, n > 4)", ["count_distinctif_g"], [(1,)]),
    (
        "a list is a dynamic value",
        f"{LISTS} | summarize l = make_list(s) | where l has 'y' | project l",
        ["l"],
        [(["x", "y", "z"],)],
    ),
    (
        "in of a set",
        f"let known = {LISTS} | summarize make_set(s); print s = 'y' | where s in (known) | count",
        ["Count"],
        [(1,)],
    ),
    (
        "in of a set of numbers",
        "let known = range n from 1 to 3 step 1 | summarize make_set(n); "
        "range m from 3 to 4 step 1 | where m in (known)",
        ["m"],
        [(3,)],
    ),
    (
        "!in of a set",
        f"let known = {LISTS} | summarize make_set(s); print s = 'y' | where s !in (known) | count",
        ["Count"],
        [(0,)],
    ),
    (
        "has_any of a list",
        f"let known = {LISTS} | summarize make_list(s); print s = 'a y' | where s has_any (known) | count",
        ["Count"],
        [(1,)],
    ),
    # functions
    ("parsejson", 'print x = tostring(parsejson(\'{"a":"v"}\').a)', ["x"], [("v",)]),
    ("pack_dictionary", "print x = pack_dictionary('a', 1)", ["x"], [({"a": 1},)]),
    ("extractall", "print x = extractall('(b)', 'abab')", ["x"], [(["b", "b"],)]),
    ("notempty", "print x = notempty('')", ["x"], [(False,)]),
    ("extractjson", "print x = extractjson('$.a.b[1]', '{\"a\":{\"b\":[1,2]}}', typeof(long))", ["x"], [(2,)]),
    ("extractjson of text", 'print x = extractjson("$[\'a\']", \'{"a":"v"}\')', ["x"], [("v",)]),
    ("extract with a type", "print x = extract('([0-9]+)', 1, 'x12', typeof(int))", ["x"], [(12,)]),
    ("split with an index", "print x = split('a,b', ',', 1)", ["x"], [(["b"],)]),
    ("indexof from 0", "print x = indexof('abc', 'c', 0)", ["x"], [(2,)]),
    (
        "column_ifexists that exists",
        "Events | project x = column_ifexists('DeviceName', 'none')",
        ["x"],
        [("build01",)],
    ),
    ("column_ifexists that does not", "Events | project x = column_ifexists('Nothing', 'none')", ["x"], [("none",)]),
    ("ingestion_time", "Events | where ingestion_time() > ago(2d) | count", ["Count"], [(1,)]),
    (
        "unix seconds",
        "print x = unixtime_seconds_todatetime(1700000000)",
        ["x"],
        [(datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),)],
    ),
    (
        "unix milliseconds",
        "print x = unixtime_milliseconds_todatetime(1700000000123)",
        ["x"],
        [(datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC),)],
    ),
    # addresses
    (
        "ipv4_is_in_range",
        f"{ADDRESSES} | project ipv4_is_in_range(ip, '10.0.0.0/8')",
        ["Column1"],
        [(True,), (False,), (False,), (None,), (None,), (None,)],
    ),
    (
        "ipv4_is_in_range of a let",
        f"let net = '10.0.0.0/8'; {ADDRESSES} | where ipv4_is_in_range(ip, net)",
        ["ip"],
        [("10.1.2.3",)],
    ),
    (
        "ipv4_is_in_any_range",
        f"{ADDRESSES} | where ipv4_is_in_any_range(ip, dynamic(['192.168.0.0/24', '11.0.0.1']))",
        ["ip"],
        [("192.168.0.1",), ("11.0.0.1",)],
    ),
    ("ipv4_is_match", f"{ADDRESSES} | where ipv4_is_match(ip, '10.1.2.99', 24)", ["ip"], [("10.1.2.3",)]),
    ("ipv4_is_private", f"{ADDRESSES} | where ipv4_is_private(ip)", ["ip"], [("10.1.2.3",), ("192.168.0.1",)]),
    (
        "not of a range drops what is no address",
        f"{ADDRESSES} | where not(ipv4_is_private(ip))",
        ["ip"],
        [("11.0.0.1",)],
    ),
    (
        "coalesce keeps what is no address",
        f"{ADDRESSES} | where not(coalesce(ipv4_is_private(ip), false)) | count",
        ["Count"],
        [(4,)],
    ),
    ("ipv6_is_in_range", f"{ADDRESSES} | where ipv6_is_in_range(ip, '2001:db8::/33')", ["ip"], [("2001:db8::1",)]),
    ("ipv6_is_match of an IPv4 range", f"{ADDRESSES} | where ipv6_is_match(ip, '10.0.0.0/8')", ["ip"], [("10.1.2.3",)]),
    (
        "has_ipv4",
        "print a = has_ipv4('from 10.1.2.3:80', '10.1.2.3'), b = has_ipv4('10.1.2.34', '10.1.2.3')",
        ["a", "b"],
        [(True, False)],
    ),
    (
        "has_any_ipv4_prefix",
        "print a = has_any_ipv4_prefix('x 10.1.2.3', '9.', '10.1.'), b = has_ipv4_prefix('110.1.2.3', '10.1.')",
        ["a", "b"],
        [(True, False)],
    ),
    # functions of the query's own
    (
        "a tabular function",
        f"let f = (least:long) {{ {PEOPLE} | where n >= least }}; f(3) | summarize sum(n)",
        ["sum_n"],
        [(8,)],
    ),
    (
        "a function with a default",
        f"let f = (least:long = 5) {{ {PEOPLE} | where n >= least }}; f() | count",
        ["Count"],
        [(1,)],
    ),
    (
        "a function with inner lets",
        f"let f = () {{ let least = 3; let rows = {PEOPLE}; rows | where n >= least }}; f | count",
        ["Count"],
        [(2,)],
    ),
    ("a view in a union", f"let v = view () {{ {PEOPLE} }}; union v, v | count", ["Count"], [(6,)]),
    (
        "a function of a function",
        f"let f = (least:long) {{ {PEOPLE} | where n >= least }}; let g = () {{ f(3) | where p }}; g() | project n",
        ["n"],
        [(3,)],
    ),
    (
        "a function with a table",
        f"let f = (T:(*), least:long) {{ T | where n >= least }}; f(({PEOPLE}), 5) | count",
        ["Count"],
        [(1,)],
    ),
    # names
    (
        "columns that differ in case",
        "datatable(Foo:long, foo:long)[1, 2] | project foo, x = Foo * 10 + foo",
        ["foo", "x"],
        [(2, 12)],
    ),
    (
        "a new column in another case",
        "Events | extend devicename = toupper(DeviceName) | project DeviceName, devicename",
        ["DeviceName", "devicename"],
        [("build01", "BUILD01")],
    ),
    (
        "names made of such columns",
        "datatable(Foo:long)[1] | extend foo = Foo + 1 | summarize max(foo), max(Foo)",
        ["max_foo", "max_Foo"],
        [(2, 1)],
    ),
    (
        "members keep their case",
        "datatable(Foo:long, b:dynamic)[1, dynamic({'foo':5})] | extend foo = 3 | project x = toint(b.foo)",
        ["x"],
        [(5,)],
    ),
]


@pytest.mark.parametrize(("query", "names", "rows"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_queries_give_the_documented_rows(
    engine: LocalEngine, query: str, names: list[str], rows: list[tuple[Any, ...]]
) -> None:
    table = engine.query(query)
    assert table.names() == names
    assert table.rows == rows


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("Events | where geo_distance_2points(1, 1, 2, 2) > 1", "geo_distance_2points()"),
        ("Events\n| evaluate autocluster()", "the plugin autocluster"),
        ("Events | reduce by DeviceName", "the operator reduce"),
        ("Events | where series_decompose(Count_d) == 1", "series_decompose()"),
    ],
)
def test_what_cannot_be_run_exactly_is_refused_by_name_and_place(engine: LocalEngine, query: str, what: str) -> None:
    with pytest.raises(EngineError) as caught:
        engine.query(query)
    error = caught.value
    assert error.code == "unsupported"
    assert error.message == f"the local engine cannot run {what}"
    word = what.removeprefix("the operator ").removeprefix("the plugin ").removesuffix("()")
    assert error.offset == query.index(word)
    assert error.caret is not None


def test_places_are_those_of_the_users_text(engine: LocalEngine) -> None:
    query = (
        "(Events | project-reorder Count_d)\n| where ipv4_is_private('10.0.0.1') and geo_point_to_s2cell(1, 2) == 'x'"
    )
    with pytest.raises(EngineError) as caught:
        engine.query(query)
    assert caught.value.offset == query.index("geo_point")
    assert (caught.value.at and caught.value.at.line) == 2


@pytest.mark.parametrize(("operator", "terms"), [("or", 1000), ("and", 450), ("or", 41)])
def test_a_long_chain_of_terms_runs_and_means_the_same(engine: LocalEngine, operator: str, terms: int) -> None:
    negated = "!" if operator == "and" else "="
    chain = f" {operator} ".join(f"DeviceName {negated}= 'd{number}'" for number in range(terms))
    last = f"DeviceName {negated}= 'build01'"
    found = engine.query(f"Events | where {chain} {operator} {last} | count").rows
    assert found == [(1 if operator == "or" else 0,)]


def test_an_expression_nested_too_deeply_is_an_error_not_a_crash(engine: LocalEngine) -> None:
    with pytest.raises(EngineError) as caught:
        engine.query("Events | where Count_d == " + " + ".join(["Count_d"] * 1200))
    assert caught.value.code == "too-complex"


def test_a_function_does_not_know_itself(engine: LocalEngine) -> None:
    with pytest.raises(EngineError) as caught:
        engine.query("let f = () { Events | union f() }; f() | count")
    assert (caught.value.code, caught.value.message) == ("unknown-function", "there is no function f()")


def test_in_a_function_a_column_goes_before_a_parameter_of_its_name(engine: LocalEngine) -> None:
    query = "let f = (DeviceName:string) { Events | where DeviceName == DeviceName }; f('x') | count"
    assert engine.query(query).rows == [(1,)]


LONG = ", ".join(f"'d{number}'" for number in range(150))


@pytest.mark.parametrize(
    ("predicate", "found"),
    [
        (f"DeviceName in ({LONG}, 'build01')", 1),
        (f"DeviceName in ({LONG}, 'BUILD01')", 0),
        (f"DeviceName in~ ({LONG}, 'BUILD01')", 1),
        (f"DeviceName !in~ ({LONG}, 'BUILD01')", 0),
        (f"DeviceName !in ({LONG})", 1),
        (f"not(DeviceName in~ ({LONG}, 'Build01') and Count_d == 2)", 0),
        (f"not(DeviceName in~ ({LONG}, 'Build01') and Count_d == 3)", 1),
        (f"tolower(DeviceName) in ({LONG}, 'build01')", 1),
        (f"DeviceName in~ ({LONG}, \"quo'ted\", @'back\\slash', 'build' '01')", 1),
    ],
)
def test_a_long_list_of_values_is_a_table_and_means_the_same(engine: LocalEngine, predicate: str, found: int) -> None:
    assert engine.query(f"Events | where {predicate} | count").rows == [(found,)]


def test_a_long_list_can_be_counted_by(engine: LocalEngine) -> None:
    assert engine.query(f"Events | summarize n = countif(DeviceName in~ ({LONG}, 'BUILD01'))").rows == [(1,)]


def test_the_lists_of_one_query_are_not_those_of_the_next(engine: LocalEngine) -> None:
    assert engine.query(f"Events | where DeviceName in ({LONG}, 'build01') | count").rows == [(1,)]
    assert engine.query(f"Events | where DeviceName in ({LONG}, 'build02') | count").rows == [(0,)]


@pytest.mark.parametrize(
    "query",
    [
        f"print b = dynamic('build01') | where b in ({LONG}, 'build01') | count",
        f"Events | extend DeviceName = parse_json('\"build01\"') | where DeviceName in~ ({LONG}, 'BUILD01') | count",
    ],
)
def test_a_dynamic_value_is_compared_with_the_list_itself(engine: LocalEngine, query: str) -> None:
    assert engine.query(query).rows == [(1,)]
