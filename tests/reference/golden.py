"""Queries of our own with the rows that the reference promises, and the page that promises them.

Both the interpreter and the compiler are held to them. Values are written as `tostring()` gives
them; a null is None, an empty string "".
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    page: str
    query: str
    rows: list[list[str | None]]
    """In any order, unless the query sorts."""


def one(page: str, expression: str, *values: str | None) -> Case:
    """Return a case of one row: expressions over a row of data, so that nothing is folded before it runs."""
    return Case(page, f"datatable(i:long)[1] | project {expression}", [list(values)])


STRINGS = [
    one("substring-function", "a = substring('abcdef', 2), b = substring('abcdef', 1, 2)", "cdef", "bc"),
    one("substring-function", "a = substring('abcdef', -2), b = substring('abcdef', 10, 1)", "ef", ""),
    one("substring-function", "a = substring('abcdef', 3, 0), b = substring('abcdef', 4, 9)", "", "ef"),
    one(
        "split-function",
        "a = split('x||y', '|'), b = split('x,y', ',', 1), c = split('', ',')",
        '["x","","y"]',
        '["y"]',
        '[""]',
    ),
    one(
        "indexof-function",
        "a = indexof('abcabc', 'c', 3), b = indexof('abc', 'z'), c = indexof('abcabc', 'a', 0, -1, 2)",
        "5",
        "-1",
        "3",
    ),
    one("countof-function", "a = countof('aaaa', 'aa'), b = countof('aaaa', 'aa', 'regex')", "3", "2"),
    one(
        "trim-function",
        "a = trim('-+', '--a-b--'), b = trim_start('x', 'xxa'), c = trim_end(@'\\d', 'a12')",
        "a-b",
        "xa",
        "a1",
    ),
    one("replace-regex-function", r"a = replace_regex('a1b22', @'(\d+)', @'<\1>')", "a<1>b<22>"),
    one(
        "replace-strings-function",
        "a = replace_strings('one two', dynamic(['two', 'one']), dynamic(['one', 'two']))",
        "two one",
    ),
    one(
        "extract-function",
        r"a = extract(@'(\d+)-(\d+)', 2, 'x10-20'), b = extract(@'(\d+)', 1, 'y', typeof(long))",
        "20",
        None,
    ),
    one(
        "extract-all-function",
        r"a = extract_all(@'(\w)(\d)', 'a1b2'), b = extract_all(@'(\w)\d', 'a1b2')",
        '[["a","1"],["b","2"]]',
        '["a","b"]',
    ),
    one("translate-function", "a = translate('abc', 'x', 'cab'), b = translate('ab', 'yz', 'abc')", "xxx", "yzc"),
    one("strcat-delim-function", "a = strcat_delim('/', 'a', 1, 2h)", "a/1/02:00:00"),
    one("strcat-array-function", "a = strcat_array(dynamic(['a', 1, null]), '-')", "a-1-"),
    one(
        "has-operator",
        "a = 'north-america' has 'America', b = 'northamerica' has 'america', c = 'a_b' has 'b'",
        "true",
        "false",
        "true",
    ),
    one(
        "hasprefix-operator",
        "a = 'alpha beta' hasprefix 'be', b = 'alpha beta' hassuffix 'pha', c = 'alpha' hasprefix 'lph'",
        "true",
        "true",
        "false",
    ),
    one(
        "has-any-operator",
        "a = 'red green' has_any ('blue', 'GREEN'), b = 'red green' has_all ('red', 'blue')",
        "true",
        "false",
    ),
    one("in-operator", "a = 'Abc' in~ ('aBC'), b = 'Ä' =~ 'ä', c = 'X' in ('x')", "true", "false", "false"),
    one("in-operator", "a = 2 in (dynamic([1, [2, 3]])), b = 4 !in (1, 2)", "true", "true"),
    one(
        "matches-regex-operator",
        r"a = 'straße' matches regex @'^\w+$', b = 'ab' matches regex 'A', c = 'ab' matches regex '(?i)A'",
        "true",
        "false",
        "true",
    ),
    one(
        "base64-decode-tostring-function",
        "a = base64_decode_tostring('aGkgdGhlcmU='), b = base64_decode_tostring('?')",
        "hi there",
        "",
    ),
    one("base64-encode-tostring-function", "a = base64_encode_tostring('größe')", "Z3LDtsOfZQ=="),
    one(
        "parse-path-function",
        r"a = tostring(parse_path(@'C:\dir\f.tar.gz').Filename), b = tostring(parse_path('/a/b/c').DirectoryPath)",
        "f.tar.gz",
        "/a/b",
    ),
    one(
        "parse-url-function",
        "a = tostring(parse_url('https://u:p@h.example:8443/x/y?k=v#f').Port), b = tostring(parse_url('https://h.example/x?k=v')['Query Parameters'].k)",
        "8443",
        "v",
    ),
    one(
        "parse-command-line-function",
        """a = parse_command_line('tool.exe "a b" c', 'windows')""",
        '["tool.exe","a b","c"]',
    ),
    one("parse-csv-function", """a = parse_csv('a,"b,c",d')""", '["a","b,c","d"]'),
    one("parse-version-function", "a = parse_version('1.2') > parse_version('1.1.9.9')", "true"),
    one("parse-xml-function", "a = parse_xml('<a x=\"1\"><b>t</b><b>u</b></a>')", '{"a":{"@x":"1","b":["t","u"]}}'),
    one(
        "hash-sha256-function",
        "a = hash_sha256('abc')",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    one("hash-xxhash64-function", "a = hash_xxhash64('World')", "1846988464401551951"),
    one("url-encode-function", "a = url_encode('a b/c'), b = url_decode('a%20b%2Fc')", "a+b%2fc", "a b/c"),
    one("tohex-function", "a = tohex(255), b = tohex(-1), c = tohex(10, 4)", "ff", "ffffffffffffffff", "000a"),
    one(
        "isempty-function",
        "a = isempty(''), b = isempty(long(null)), c = isempty(' '), d = isnull('')",
        "true",
        "true",
        "false",
        "false",
    ),
    one("strcmp-function", "a = strcmp('a', 'b'), b = strcmp('b', 'a'), c = strcmp('a', 'a')", "-1", "1", "0"),
    one("strrep-function", "a = strrep('ab', 2), b = strrep('ab', 2, '-')", "abab", "ab-ab"),
    one("reverse-function", "a = reverse('abc')", "cba"),
    one("unicode-codepoints-from-string-function", "a = unicode_codepoints_from_string('aé')", "[97,233]"),
]

NUMBERS = [
    one("numerical-operators", "a = 7 / 2, b = -7 / 2, c = -7 % 3, d = 7 % -3", "3", "-3", "2", "1"),
    one("numerical-operators", "a = 1.0 / 2, b = 10 / 0, c = int(3) + int(4)", "0.5", None, "7"),
    one(
        "scalar-data-types/null-values",
        "a = long(null) == 1, b = long(null) != 1, c = long(null) < 1, d = long(null) == long(null)",
        "false",
        "true",
        None,
        None,
    ),
    one(
        "scalar-data-types/null-values",
        "a = bool(null) and false, b = bool(null) or true, c = not(bool(null))",
        "false",
        "true",
        None,
    ),
    one(
        "scalar-data-types/null-values",
        "a = long(null) in (1), b = long(null) !in (1), c = 1 + long(null)",
        "false",
        "true",
        None,
    ),
    one(
        "bin-function",
        "a = bin(-7, 5), b = bin(4.5, 1), c = bin(1d + 3h, 1d), d = bin(7, -1)",
        "-10",
        "4.0",
        "1.00:00:00",
        None,
    ),
    one(
        "bin-at-function",
        "a = bin_at(6.5, 2.5, 7), b = bin_at(datetime(2024-03-06), 7d, datetime(2024-03-01))",
        "4.5",
        "2024-03-01T00:00:00.0000000Z",
    ),
    one("round-function", "a = round(2.567, 2)", "2.57"),
    one("max-of-function", "a = max_of(1, 5, long(null)), b = min_of(2.5, 1.5)", "5", "1.5"),
    one(
        "binary-shift-left-function",
        "a = binary_shift_left(1, 4), b = binary_and(6, 3), c = binary_xor(6, 3), d = binary_not(0)",
        "16",
        "2",
        "5",
        "-1",
    ),
    one(
        "toint-function", "a = toint('12'), b = toint('x'), c = tolong(2.9), d = tolong('0x10')", "12", None, "2", "16"
    ),
    one("tobool-function", "a = tobool('true'), b = tobool('7'), c = tobool('no')", "true", "true", None),
    one("isnan-function", "a = isnan(0.0/0.0), b = isinf(1.0/0.0), c = isfinite(1.5)", "true", "true", "true"),
    one("format-bytes-function", "a = format_bytes(1536, 1), b = format_bytes(10)", "1.5 KB", "10 Bytes"),
    one("coalesce-function", "a = coalesce(long(null), 2), b = coalesce('', 'x')", "2", "x"),
    one("case-function", "a = case(i > 5, 'big', i > 0, 'small', 'none'), b = iff(bool(null), 1, 2)", "small", "2"),
    one(
        "between-operator",
        "a = 5 between (1 .. 5), b = 5 !between (1 .. 4), c = datetime(2024-01-01 01:00) between (datetime(2024-01-01) .. 1h)",
        "true",
        "true",
        "true",
    ),
]

TIMES = [
    one(
        "datetime-timespan-arithmetic",
        "a = datetime(2024-01-02) - datetime(2024-01-01), b = 1d / 5h, c = 1.5 * 1h",
        "1.00:00:00",
        "4.8",
        "01:30:00",
    ),
    one(
        "scalar-data-types/timespan",
        "a = 1tick, b = -90m, c = 1.5d, d = timespan(2), e = timespan(0.12:34:56.7)",
        "00:00:00.0000001",
        "-01:30:00",
        "1.12:00:00",
        "2.00:00:00",
        "12:34:56.7000000",
    ),
    one(
        "scalar-data-types/datetime",
        "a = datetime(2024-02-29 23:59:59.9999999) + 1tick, b = datetime(2024-01-01T10:00:00+02:00)",
        "2024-03-01T00:00:00.0000000Z",
        "2024-01-01T08:00:00.0000000Z",
    ),
    one(
        "startofweek-function",
        "a = startofweek(datetime(2024-03-06)), b = endofweek(datetime(2024-03-06)), c = dayofweek(datetime(2024-03-06))",
        "2024-03-03T00:00:00.0000000Z",
        "2024-03-09T23:59:59.9999999Z",
        "3.00:00:00",
    ),
    one(
        "startofmonth-function",
        "a = startofmonth(datetime(2024-03-06), -1), b = endofmonth(datetime(2024-02-06)), c = startofyear(datetime(2024-03-06), 1)",
        "2024-02-01T00:00:00.0000000Z",
        "2024-02-29T23:59:59.9999999Z",
        "2025-01-01T00:00:00.0000000Z",
    ),
    one(
        "datetime-add-function",
        "a = datetime_add('month', 1, datetime(2024-01-31)), b = datetime_add('quarter', -1, datetime(2024-01-31))",
        "2024-02-29T00:00:00.0000000Z",
        "2023-10-31T00:00:00.0000000Z",
    ),
    one(
        "datetime-diff-function",
        "a = datetime_diff('month', datetime(2024-02-01), datetime(2024-01-31)), b = datetime_diff('hour', datetime(2024-01-01 01:00), datetime(2024-01-01 02:59)), c = datetime_diff('week', datetime(2024-03-03), datetime(2024-03-02))",
        "1",
        "-1",
        "1",
    ),
    one(
        "datetime-part-function",
        "a = datetime_part('quarter', datetime(2024-05-01)), b = datetime_part('nanosecond', datetime(2024-05-01 00:00:00.0000012)), c = week_of_year(datetime(2024-12-30))",
        "2",
        "1200",
        "1",
    ),
    one(
        "format-datetime-function",
        "a = format_datetime(datetime(2024-05-06 15:04:09.25), 'yy-M-d [hh:mm:ss tt] ff')",
        "24-5-6 [03:04:09 PM] 25",
    ),
    one("format-timespan-function", "a = format_timespan(time(1.02:03:04.5), 'd.hh:mm:ss.fff')", "1.02:03:04.500"),
    one(
        "make-datetime-function",
        "a = make_datetime(2024, 2, 30), b = make_datetime(2024, 2, 29, 12, 30, 1.5)",
        None,
        "2024-02-29T12:30:01.5000000Z",
    ),
    one(
        "unixtime-milliseconds-todatetime-function",
        "a = unixtime_milliseconds_todatetime(1500), b = unixtime_seconds_todatetime(-1)",
        "1970-01-01T00:00:01.5000000Z",
        "1969-12-31T23:59:59.0000000Z",
    ),
    one(
        "todatetime-function",
        "a = todatetime('nonsense'), b = todatetime('2024-01-02'), c = totimespan('0.00:01:00')",
        None,
        "2024-01-02T00:00:00.0000000Z",
        "00:01:00",
    ),
    one(
        "datetime-utc-to-local-function",
        "a = datetime_utc_to_local(datetime(2024-07-01 12:00), 'Europe/Rome'), b = datetime_local_to_utc(datetime(2024-01-01 12:00), 'Europe/Rome')",
        "2024-07-01T14:00:00.0000000Z",
        "2024-01-01T11:00:00.0000000Z",
    ),
]

DYNAMICS = [
    one(
        "scalar-data-types/dynamic",
        "a = dynamic([1, 2, 3])[-1], b = dynamic({'k': {'l': 5}}).k.l, c = dynamic([1])[4]",
        "3",
        "5",
        None,
    ),
    one(
        "parse-json-function",
        "a = parse_json('[1, {\"a\": null}]'), b = parse_json('plain'), c = isnull(parse_json('{\"a\":null}').a)",
        '[1,{"a":null}]',
        "plain",
        "true",
    ),
    one(
        "array-length-function", "a = array_length(dynamic([1, null])), b = array_length(dynamic({'a': 1}))", "2", None
    ),
    one("array-concat-function", "a = array_concat(dynamic([1]), dynamic([[2], 'x']))", '[1,[2],"x"]'),
    one(
        "array-slice-function",
        "a = array_slice(dynamic([1, 2, 3, 4]), 1, 2), b = array_slice(dynamic([1, 2, 3, 4]), -2, -1)",
        "[2,3]",
        "[3,4]",
    ),
    one(
        "array-split-function",
        "a = array_split(dynamic([1, 2, 3, 4]), 1), b = array_split(dynamic([1, 2, 3, 4]), dynamic([1, 3]))",
        "[[1],[2,3,4]]",
        "[[1],[2,3],[4]]",
    ),
    one(
        "array-rotate-left-function",
        "a = array_rotate_left(dynamic([1, 2, 3]), 1), b = array_rotate_right(dynamic([1, 2, 3]), 4)",
        "[2,3,1]",
        "[3,1,2]",
    ),
    one(
        "array-shift-left-function",
        "a = array_shift_left(dynamic([1, 2, 3]), 1), b = array_shift_right(dynamic([1, 2, 3]), 1, 0)",
        "[2,3,null]",
        "[0,1,2]",
    ),
    one(
        "array-sort-asc-function",
        "a = array_sort_asc(dynamic([3, null, 'b', 1, 'a'])), b = array_sort_desc(dynamic([1, 2, null]), false)",
        '[1,3,"a","b",null]',
        "[null,2,1]",
    ),
    one(
        "array-index-of-function",
        "a = array_index_of(dynamic(['a', 'b', 'a']), 'a', 1), b = array_index_of(dynamic([1]), 2)",
        "2",
        "-1",
    ),
    one("array-iff-function", "a = array_iff(dynamic([true, false, null]), dynamic([1, 2, 3]), 9)", "[1,9,null]"),
    one("array-sum-function", "a = array_sum(dynamic([1, 2.5]))", "3.5"),
    one("zip-function", "a = zip(dynamic([1, 2]), dynamic(['x']))", '[[1,"x"],[2,null]]'),
    one(
        "pack-function",
        "a = bag_pack('k', 1, 'l', 'x'), b = bag_keys(dynamic({'x': 1, 'y': 2}))",
        '{"k":1,"l":"x"}',
        '["x","y"]',
    ),
    one("bag-merge-function", "a = bag_merge(dynamic({'a': 1}), dynamic({'a': 2, 'b': 3}))", '{"a":1,"b":3}'),
    one(
        "bag-remove-keys-function",
        "a = bag_remove_keys(dynamic({'a': 1, 'b': 2}), dynamic(['a', 'z'])), b = bag_has_key(dynamic({'a': {'c': 1}}), '$.a.c')",
        '{"b":2}',
        "true",
    ),
    one(
        "set-difference-function",
        "a = set_difference(dynamic([1, 2, 1]), dynamic([2])), b = set_intersect(dynamic([1, 2]), dynamic([2, 3])), c = set_union(dynamic([1]), dynamic([1, 'x']))",
        "[1]",
        "[2]",
        '[1,"x"]',
    ),
    one(
        "set-has-element-function",
        "a = set_has_element(dynamic(['a', 1]), 1), b = set_has_element(dynamic(['a']), 'A')",
        "true",
        "false",
    ),
    one("jaccard-index-function", "a = jaccard_index(dynamic([1, 2]), dynamic([2, 3]))", "0.3333333333333333"),
    one(
        "range-function",
        "a = range(1, 6, 2), b = range(1h, 2h, 30m), c = range(3, 1)",
        "[1,3,5]",
        '["01:00:00","01:30:00","02:00:00"]',
        "[]",
    ),
    one("repeat-function", "a = repeat('x', 2), b = repeat(1, 0), c = repeat(1, -1)", '["x","x"]', "[]", None),
    one(
        "gettype-function",
        "a = gettype(dynamic([1])), b = gettype(dynamic({})), c = gettype(1h), d = gettype(dynamic('x'))",
        "array",
        "dictionary",
        "timespan",
        "string",
    ),
    one("treepath-function", "a = treepath(dynamic({'a': {'b': 1}}))", "[\"['a']\",\"['a']['b']\"]"),
    one(
        "tostring-function",
        "a = tostring(dynamic({'t': [1, 'x', null]})), b = tostring(dynamic('x')), c = tostring(long(null))",
        '{"t":[1,"x",null]}',
        "x",
        "",
    ),
]

ADDRESSES = [
    one(
        "ipv4-is-in-range-function",
        "a = ipv4_is_in_range('10.1.2.3', '10.1.0.0/16'), b = ipv4_is_in_range('300.1.1.1', '10.0.0.0/8')",
        "true",
        None,
    ),
    one(
        "ipv4-is-match-function",
        "a = ipv4_is_match('192.168.1.1/24', '192.168.1.255'), b = ipv4_is_match('10.0.0.1', '10.0.0.2', 31)",
        "true",
        "false",
    ),
    one(
        "ipv4-compare-function",
        "a = ipv4_compare('10.0.0.1', '10.0.0.2'), b = ipv4_compare('10.0.0.9', '10.0.0.8', 24)",
        "-1",
        "0",
    ),
    one(
        "ipv4-is-private-function",
        "a = ipv4_is_private('172.20.0.1'), b = ipv4_is_private('8.8.8.8'), c = ipv4_is_private('x')",
        "true",
        "false",
        None,
    ),
    one("parse-ipv4-function", "a = parse_ipv4('10.0.0.255/24'), b = parse_ipv4('01.1.1.1')", "167772160", None),
    one(
        "parse-ipv6-function",
        "a = parse_ipv6('fe80::1'), b = parse_ipv6('10.0.0.1'), c = parse_ipv6('x')",
        "fe80:0000:0000:0000:0000:0000:0000:0001",
        "0000:0000:0000:0000:0000:ffff:0a00:0001",
        "",
    ),
    one(
        "ipv6-is-match-function",
        "a = ipv6_is_match('fe80::1', 'fe80:0::0001'), b = ipv6_compare('::1', '::2')",
        "true",
        "-1",
    ),
    one(
        "has-ipv4-function",
        "a = has_ipv4('from 10.1.2.3:80', '10.1.2.3'), b = has_ipv4('x10.1.2.3', '10.1.2.3'), c = has_ipv4('10.1.2.300', '10.1.2.300')",
        "true",
        "false",
        "false",
    ),
    one(
        "has-ipv4-prefix-function",
        "a = has_ipv4_prefix('on 10.1.2.3', '10.1.'), b = has_ipv4_prefix('on 10.1.2.3', '10.1')",
        "true",
        "false",
    ),
    one(
        "has-any-ipv4-function",
        "a = has_any_ipv4('10.1.2.3 x', '1.1.1.1', '10.1.2.3'), b = has_any_ipv4_prefix('10.1.2.3 x', dynamic(['9.', '10.']))",
        "true",
        "true",
    ),
    one(
        "format-ipv4-function",
        "a = format_ipv4('10.1.2.3', 16), b = format_ipv4_mask('10.1.2.3', 16)",
        "10.1.0.0",
        "10.1.0.0/16",
    ),
]

_T = "let T = datatable(k:string, v:long, d:dynamic)['a', 1, dynamic([1,2]), 'a', 3, dynamic({'x':1}), 'b', long(null), dynamic(null), '', 5, dynamic([])];"

_EVENTS = (
    "datatable(t:long, e:string)[0, 'x', 1, 'start', 2, 'b', 3, 'stop', 6, 'c', 9, 'start', 10, 'stop'] | sort by t asc"
)
_GROUPS = "datatable(g:string, v:long)['b', 2, 'a', 1, 'a', 4, 'a', 1] | sort by g asc, v asc"

_REALS = "datatable(i:long, d:real)[1, real(+inf), 4, real(null), 2, -5.0, 3, real(nan)]"

TABULAR = [
    Case("mv-expand-operator", f"{_T} T | mv-expand d | project k, d", [["a", "1"], ["a", "2"], ["a", '{"x":1}'], ["b", None]]),
    Case("mv-expand-operator", f"{_T} T | mv-expand with_itemindex=n x = d to typeof(long) | project k, n, x", [["a", "0", "1"], ["a", "1", "2"], ["a", "0", None], ["b", "0", None]]),
    Case("mv-apply-operator", f"{_T} T | mv-apply x = d to typeof(long) on (summarize s = sum(x)) | project k, v, s", [["a", "1", "3"], ["a", "3", "0"], ["b", None, "0"], ["", "5", "0"]]),
    Case("summarize-operator", f"{_T} T | summarize n = count(), s = sum(v), m = max(v), l = make_list(v) by k", [["a", "2", "4", "3", "[1,3]"], ["b", "1", "0", None, "[]"], ["", "1", "5", "5", "[5]"]]),
    Case("summarize-operator", f"{_T} T | where v > 100 | summarize n = count(), s = sum(v), a = avg(v), x = min(v)", [["0", "0", "NaN", None]]),
    Case("arg-max-aggregation-function", f"{_T} T | summarize arg_max(v, k)", [["5", ""]]),
    Case("make-set-aggregation-function", f"{_T} T | summarize s = array_sort_asc(make_set(k)), c = dcount(k), n = countif(v > 1)", [['["","a","b"]', "3", "2"]]),
    Case("distinct-operator", f"{_T} T | distinct k", [["a"], ["b"], [""]]),
    Case("sort-operator", f"{_T} T | sort by v asc | project v", [[None], ["1"], ["3"], ["5"]]),
    Case("sort-operator", f"{_T} T | sort by v | project v", [["5"], ["3"], ["1"], [None]]),
    Case("top-operator", f"{_T} T | top 2 by v asc nulls last | project v", [["1"], ["3"]]),
    Case("join-leftouter", f"{_T} T | where v > 2 | join kind=leftouter (datatable(k:string, w:string)['a', 'A']) on k | project k, k1, w, e = w == ''", [["a", "a", "A", "false"], ["", "", "", "true"]]),
    Case("join-innerunique", f"{_T} T | join (datatable(k:string, w:string)['a', 'A', 'a', 'B']) on k | project k, w", [["a", "A"], ["a", "B"]]),
    Case("join-leftanti", f"{_T} T | join kind=leftanti (datatable(k:string)['a']) on k | project k, v", [["b", None], ["", "5"]]),
    Case("join-fullouter", "datatable(a:long)[1, 2] | join kind=fullouter (datatable(a:long, b:string)[2, 'x', 3, 'y']) on a", [["1", None, ""], ["2", "2", "x"], [None, "3", "y"]]),
    Case("join-inner", "datatable(a:long)[1, long(null)] | join kind=inner (datatable(a:long, b:string)[1, 'x', long(null), 'y']) on a | project a, b", [["1", "x"], [None, "y"]]),
    Case("join-leftouter", "datatable(a:real)[1.5, real(null)] | join kind=leftouter (datatable(a:real, b:string)[real(null), 'y']) on a | project a, b", [["1.5", ""], [None, "y"]]),
    Case("join-leftanti", "datatable(a:datetime)[datetime(2026-01-01), datetime(null)] | join kind=leftanti (datatable(b:datetime)[datetime(null)]) on $left.a == $right.b | project a", [["2026-01-01T00:00:00.0000000Z"]]),
    Case("join-fullouter", "datatable(a:int)[int(null)] | join kind=fullouter (datatable(a:long, b:string)[long(null), 'y']) on a | project a, b", [[None, "y"]]),
    Case("lookup-operator", "datatable(a:guid)[guid(null)] | lookup (datatable(a:guid, b:string)[guid(null), 'y']) on a | project b", [["y"]]),
    Case("in-operator", "datatable(a:long)[1, long(null)] | where a in ((datatable(b:long)[long(null), 1]))", [["1"]]),
    Case("join-rightsemi", "datatable(a:long)[1, 2] | join kind=rightsemi (datatable(a:long, b:string)[2, 'x', 3, 'y']) on a", [["2", "x"]]),
    Case("lookup-operator", "datatable(a:long)[1, 2] | lookup (datatable(a:long, b:string)[2, 'x']) on a", [["1", ""], ["2", "x"]]),
    Case("union-operator", "union (print x = 1), (print x = 'a') | sort by x_long asc", [[None, "a"], ["1", ""]]),
    Case("union-operator", "union kind=inner (print x = 1, y = 2), (print x = 3)", [["1"], ["3"]]),
    Case("serialize-operator", f"{_T} T | sort by v asc | extend n = row_number(), p = prev(v), q = next(k), c = row_cumsum(v) | project v, n, p, q, c", [[None, "1", None, "a", "0"], ["1", "2", None, "a", "1"], ["3", "3", "1", "", "4"], ["5", "4", "3", "", "9"]]),
    Case("make-series-operator", "datatable(t:long, v:long)[1, 10, 3, 30] | make-series s = sum(v) default = 0 on t from 1 to 5 step 1", [["[10,0,30,0]", "[1,2,3,4]"]]),
    Case("parse-operator", "datatable(s:string)['a=1, b=x', 'a=q, b=y', 'z'] | parse s with 'a=' a:long ', b=' b | project a, b", [["1", "x"], [None, ""], [None, ""]]),
    Case("parse-where-operator", "datatable(s:string)['a=1, b=x', 'a=q, b=y', 'z'] | parse-where s with 'a=' a:long ', b=' b | project a, b", [["1", "x"]]),
    Case("parse-operator", "datatable(s:string)['a=1, b=x', 'a=q, b=y'] | parse kind=relaxed s with 'a=' a:long ', b=' b | project a, b", [["1", "x"], [None, "y"]]),
    Case("parse-kv-operator", "datatable(s:string)['a=1;b=x y'] | parse-kv s as (a:long, b:string, c:string) with (pair_delimiter=';', kv_delimiter='=') | project a, b, c", [["1", "x y", ""]]),
    Case("bag-unpack-plugin", "datatable(d:dynamic)[dynamic({'x': 1, 'y': 'q'}), dynamic({'x': 2})] | evaluate bag_unpack(d)", [["1", "q"], ["2", ""]]),
    Case("pivot-plugin", "datatable(a:string, b:string)['r', 'x', 'r', 'x', 's', 'y'] | evaluate pivot(b)", [["r", "2", "0"], ["s", "0", "1"]]),
    Case("scan-operator", "range x from 1 to 3 step 1 | scan declare (c:long = 0) with (step s: true => c = x + s.c;)", [["1", "1"], ["2", "3"], ["3", "6"]]),
    Case("scan-operator", f"{_EVENTS} | scan with_match_id=m with (step s1: e == 'start'; step s2: e != 'start' and e != 'stop' and t - s1.t <= 5; step s3: e == 'stop' and t - s1.t <= 5;) | project t, e, m", [["1", "start", "0"], ["2", "b", "0"], ["3", "stop", "0"], ["9", "start", "1"]]),
    Case("scan-operator", f"{_EVENTS} | scan declare (f:long, l:string='-') with (step a output=none: e == 'start' => f = t; step b: e == 'stop' => f = a.f, l = strcat(a.e, '/', e);) | project t, f, l", [["3", "1", "start/stop"], ["10", "9", "start/stop"]]),
    Case("scan-operator", "datatable(t:long)[0, 2, 30, 33, 70] | sort by t asc | scan with_match_id=m declare (s:long) with (step i: true => s = iff(isnull(i.s), t, i.s); step o output=none: t - i.s > 20;)", [["0", "0", "0"], ["2", "0", "0"], ["30", "30", "1"], ["33", "30", "1"], ["70", "70", "2"]]),
    Case("row-number-function", f"{_GROUPS} | extend n = row_number(5, g != prev(g)) | project g, v, n", [["a", "1", "5"], ["a", "1", "6"], ["a", "4", "7"], ["b", "2", "5"]]),
    Case("row-cumsum-function", f"{_GROUPS} | extend c = row_cumsum(v, g != prev(g)) | project v, c", [["1", "1"], ["1", "2"], ["4", "6"], ["2", "2"]]),
    Case("row-rank-min-function", f"{_GROUPS} | extend r = row_rank_min(v, g != prev(g)), d = row_rank_dense(v, g != prev(g)), a = row_rank_dense(v) | project r, d, a", [["1", "1", "1"], ["1", "1", "1"], ["3", "2", "2"], ["1", "1", "3"]]),
    Case("prev-function", f"{_GROUPS} | where prev(v) == v or next(g) == 'b' | project g, v", [["a", "1"], ["a", "4"]]),
    Case("sort-operator", f"{_REALS} | sort by d desc | serialize n = row_number() | project i, n", [["1", "1"], ["2", "2"], ["3", "3"], ["4", "4"]]),
    Case("sort-operator", f"{_REALS} | sort by d asc | serialize n = row_number() | project i, n", [["4", "1"], ["3", "2"], ["2", "3"], ["1", "4"]]),
    Case("sort-operator", f"{_REALS} | sort by d asc nulls last | serialize n = row_number() | project i, n", [["2", "1"], ["1", "2"], ["3", "3"], ["4", "4"]]),
    Case("parse-version-function", "datatable(v:string)['1.10', '1.9', '1.9.x'] | project r = parse_version(v) > parse_version('1.9.1')", [["true"], ["false"], [None]]),
    Case("punycode-domain-from-string-function", "print punycode_domain_from_string('a.xn--mnchen-3ya.de'), punycode_domain_to_string('a.m\u00fcnchen\u3002de')", [["a.m\u00fcnchen.de", "a.xn--mnchen-3ya.de"]]),
    Case("parse-operator", "print s = 'id=7, x lock=ab' | parse kind=regex s with '(id|no)=' n:long ', (.) lock=' l | project n, l", [["7", "ab"]]),
    Case("union-operator", "union withsource=w (print n = 1), (print n = toint(2)), (print n_long = 3) | project w, n_long1, n_int, n_long | sort by w asc", [["union_arg0", "1", None, None], ["union_arg1", None, "2", None], ["union_arg2", None, None, "3"]]),
    Case("reverse-function", "print reverse(12345), reverse(1h)", [["54321", "00:00:10"]]),
    Case("endofweek-function", "print datetime(2025, 6, 14)", [["2025-06-14T00:00:00.0000000Z"]]),
    Case("todatetime-function", "print todatetime('12-02-2022')", [["2022-12-02T00:00:00.0000000Z"]]),
    Case("indexof-regex-function", "print indexof_regex('xaabaa', 'a+', 0, 3, 1), indexof_regex('xaabaa', 'b', 0, 3), indexof_regex('xaabaa', 'a', -1)", [["1", "-1", None]]),
    Case("assert-function", "let f = (n:long, s:string) { strlen(s) > n }; datatable(w:string)['abc', 'abcd'] | where f(n=3, w)", [["abcd"]]),
    Case("partition-operator", f"{_T} T | partition by k (top 1 by v) | project k, v", [["a", "3"], ["b", None], ["", "5"]]),
    Case("top-nested-operator", f"{_T} T | top-nested 1 of k by m = sum(v)", [["", "5"]]),
    Case("let-statement", "let f = (a:long, b:long = 10) { a + b }; print x = f(1), y = f(b = 2, a = 1)", [["11", "3"]]),
    Case("let-statement", "let f = (t:(v:long)) { t | where v > 1 }; f(datatable(v:long)[1, 2])", [["2"]]),
    Case("toscalar-function", "let m = toscalar(range x from 1 to 3 step 1 | summarize max(x)); print m", [["3"]]),
    Case("search-operator", "datatable(a:string, b:string)['x one', 'y', 'two', 'one x'] | search 'one' | project a, b", [["x one", "y"], ["two", "one x"]]),
    Case("range-operator", "range t from datetime(2024-01-01) to datetime(2024-01-02) step 12h", [["2024-01-01T00:00:00.0000000Z"], ["2024-01-01T12:00:00.0000000Z"], ["2024-01-02T00:00:00.0000000Z"]]),
    Case("count-operator", f"{_T} T | where k in ('a', '') | count", [["3"]]),
    Case("project-reorder-operator", "print b = 1, a2 = 2, a10 = 3 | project-reorder a* granny-asc", [["2", "3", "1"]]),
    Case("as-operator", f"{_T} T | as X | where v == toscalar(X | summarize max(v)) | project v", [["5"]]),
]  # fmt: skip

SERIES = [
    one("series-fill-linear-function", "a = series_fill_linear(dynamic([10, null, 15, null])), b = series_fill_linear(dynamic([10.0, null, 15]))", "[10,12,15,15]", "[10.0,12.5,15]"),
    one("series-fill-linear-function", "a = series_fill_linear(dynamic([null, null]), double(null), true, double(null))", "[null,null]"),
    one("series-fit-line-function", "s = series_fit_line_dynamic(dynamic([1, 3, 5])) | project v = round(todouble(s.variance), 3), r = round(todouble(s.rvariance), 3), m = todouble(s.slope)", "4.0", "0.0", "2.0"),
    one("series-stats-function", "s = series_stats_dynamic(dynamic([4, null, 2])) | project a = isnull(s.min), b = isnull(s.avg)", "true", "true"),
    one("series-stats-dynamic-function", "s = series_stats_dynamic(dynamic([4, null, 2]), true) | project a = tostring(s.min), b = tostring(s.sum), c = tostring(s.min_idx)", "2.0", "6.0", "2"),
    one("series-fir-function", "a = series_fir(dynamic([1, 2, 4]), dynamic([3, -1])), b = series_fir(dynamic([1, 2, 4]), dynamic([3, -1]), true)", "[3.0,5.0,10.0]", None),
    one("series-fir-function", "a = series_fir(dynamic([2, 4, 6]), dynamic([1, 1]))", "[1.0,3.0,5.0]"),
    one("series-dot-product-function", "a = series_dot_product(dynamic([1, null, 2]), dynamic([3, 4, 5])), b = series_dot_product(dynamic([]), dynamic([]))", "13.0", None),
]  # fmt: skip

CASES = [*SERIES, *STRINGS, *NUMBERS, *TIMES, *DYNAMICS, *ADDRESSES, *TABULAR]
