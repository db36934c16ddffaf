"""What generated queries are made of: literals of every type, and expressions by the type that they give.

A template holds places: `{long}` an expression of that type, `{=string}` a literal of it, `{any}` an expression of
some type. Left out is what the reference leaves open, or what has no one answer.
"""

from __future__ import annotations

STRINGS = (
    "''", "' '", "'a'", "'A'", "'abc'", "'ABC def'", "'foo bar'", "'foo-bar'", "'foo_bar'", "'Ärger'", "'ärger'", "'ß'",
    "'x'", "'10.0.0.1'", "'192.168.1.20:80'", "'10.1.2.300'", "'fe80::1'", "'{\"a\":1,\"b\":[1,2]}'", "'[1,\"x\",null]'",
    "'null'", "'true'", "'12'", "'-5'", "'1.5'", "'0x1f'", "'2024-02-29'", "'2024-02-29T10:00:00.1234567Z'", "'nonsense'",
    "'1.02:03:04'", "'https://u.example/a/b?c=d&e=f#g'", "'a,b,\"c d\"'", "'SGVsbG8='", "'aGk'", "'😀 x'", "'a\\tb'",
    "'a\\nb'", "'it\\'s'", r"@'C:\Windows\cmd.exe'", "'key=value; k2=v2'", "'a.b.c'", "'%41b'", "'aaaa'", "'abcabc'",
)  # fmt: skip
LONGS = ("0", "1", "-1", "2", "3", "7", "-7", "100", "2147483648", "4294967296", "9223372036854775807",
         "-9223372036854775807", "long(null)")  # fmt: skip
INTS = ("int(0)", "int(1)", "int(-1)", "int(5)", "int(2147483647)", "int(-2147483647)", "int(null)")
REALS = (
    "0.0",
    "0.5",
    "-1.25",
    "2.0",
    "3.75",
    "1e10",
    "-1e10",
    "0.1",
    "real(nan)",
    "real(+inf)",
    "real(-inf)",
    "real(null)",
)
BOOLS = ("true", "false", "bool(null)")
DATETIMES = (
    "datetime(2024-02-29)", "datetime(2024-02-29 23:59:59.9999999)", "datetime(2024-03-03 10:20:30.1234567)",
    "datetime(1969-12-31 23:59:59)", "datetime(0001-01-01)", "datetime(9999-12-31 23:59:59.9999999)",
    "datetime(2023-12-31)", "datetime(2024-01-01 00:00:00.0000001)", "datetime(null)",
)  # fmt: skip
TIMESPANS = ("0s", "1d", "-1h", "1tick", "90m", "time(1.02:03:04.5678901)", "-1tick", "36500d", "time(null)")
GUIDS = ("guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", "guid(00000000-0000-0000-0000-000000000000)", "guid(null)")
DYNAMICS = (
    "dynamic(null)", "dynamic(1)", "dynamic('a')", "dynamic('')", "dynamic([])", "dynamic({})", "dynamic([1,2,3])",
    "dynamic(['a','B',null])", "dynamic({'a':1,'b':{'c':'x'}})", "dynamic([1,'a',null,{'k':1}])", "dynamic(true)",
    "dynamic(1.5)", "dynamic({'a':null,'c':[1,2]})", "dynamic([3,1,2,1])", "dynamic([[1],[2,3]])", "dynamic('12')",
    "dynamic([0.5,-2])", "dynamic(['x','y'])", "dynamic({'a b':'ä'})",
)  # fmt: skip

MODERATE = ("datetime(2024-07-01 12:00)", "datetime(2024-01-01)", "datetime(1980-05-05 05:05:05)", "datetime(null)")
"""Datetimes that have a local time everywhere."""

LITERALS = {
    "moderate": MODERATE,
    "string": STRINGS, "long": LONGS, "int": INTS, "real": REALS, "bool": BOOLS, "datetime": DATETIMES,
    "timespan": TIMESPANS, "guid": GUIDS, "dynamic": DYNAMICS,
}  # fmt: skip

_COMPARED = ("long", "int", "real", "string", "datetime", "timespan", "bool")
_TEXT_TESTS = (
    "has", "!has", "contains", "!contains", "startswith", "!startswith", "endswith", "!endswith", "hasprefix",
    "hassuffix", "has_cs", "contains_cs", "startswith_cs", "endswith_cs", "=~", "!~", "hasprefix_cs", "!hassuffix",
)  # fmt: skip

TEMPLATES: dict[str, list[str]] = {
    "bool": [
        *(f"({{{kind}}} {op} {{{kind}}})" for kind in _COMPARED for op in ("==", "!=", "<", ">=")
          if kind != "bool" or op in ("==", "!=")),
        "({long} < {real})", "({int} == {long})", "({real} >= {long})", "({guid} == {guid})",
        *(f"({{string}} {op} {{=string}})" for op in _TEXT_TESTS),
        *(f"({{string}} {op} {{string}})" for op in ("has", "contains", "startswith", "=~")),
        "({bool} and {bool})", "({bool} or {bool})", "not({bool})", "({bool} and {bool} or {bool})",
        "isnull({any})", "isnotnull({any})", "isempty({any})", "isnotempty({any})",
        "({string} in ({=string}, {=string}))", "({string} !in ({=string}, {=string}))", "({string} in~ ({=string}, {=string}))",
        "({long} in ({=long}, {=long}))", "({long} !in ({=long}, {=long}))", "({string} in ({=dynamic}))",
        "({datetime} in ({=datetime}))", "({string} has_any ({=string}, {=string}))", "({string} has_all ({=string}, {=string}))",
        "({long} between ({=long} .. {=long}))", "({datetime} between ({=datetime} .. {=datetime}))",
        "({real} !between ({=real} .. {=real}))", "({datetime} between ({=datetime} .. 1d))",
        "isnan({real})", "isinf({real})", "isfinite({real})", "isascii({string})",
        r"({string} matches regex @'^\w+$')", r"({string} matches regex @'\d+')", "({string} matches regex '(?i)A.*B')",
        r"({string} matches regex @'[^a-z]\s')", "ipv4_is_private({string})", "ipv4_is_in_range({string}, '10.0.0.0/8')",
        "ipv4_is_match({string}, '10.0.0.9/24')", "has_ipv4({string}, '192.168.1.20')", "has_ipv4_prefix({string}, '10.')",
        "ipv6_is_match({string}, 'fe80::1')", "tobool({string})", "tobool({long})", "iff({bool}, {bool}, {bool})",
        "set_has_element({dynamic}, {=long})", "bag_has_key({dynamic}, 'a')", "around({datetime}, {=datetime}, 1d)",
        "({dynamic} == {=string})", "({dynamic} has {=string})", "tobool({dynamic})",
    ],
    "string": [
        "strcat({string}, {string})", "strcat({string}, {long}, {=string})", "strcat({any}, '|', {any})",
        "strcat_delim('-', {string}, {any})", "tolower({string})", "toupper({string})", "tostring({any})",
        "substring({string}, {=long})", "substring({string}, 1, 2)", "substring({string}, -2, 1)", "substring({string}, 0, {=long})",
        "reverse({string})", "replace_string({string}, 'a', {=string})", "replace_string({string}, {=string}, '-')",
        r"replace_regex({string}, @'[ab]+', 'z')", r"replace_regex({string}, @'(\w)(\w)', @'\2\1')",
        "trim('a', {string})", r"trim(@'\W+', {string})", "trim_start('a+', {string})", r"trim_end(@'\d', {string})",
        r"extract(@'(\w+)', 1, {string})", r"extract(@'(\d+)\.(\d+)', 2, {string})", "iff({bool}, {string}, {string})",
        "case({bool}, {string}, {bool}, {string}, {string})", "coalesce({string}, {string})", "strrep({string}, 2, ',')",
        "base64_encode_tostring({string})", "base64_decode_tostring({string})", "hash_md5({string})", "hash_sha1({string})",
        "hash_sha256({string})", "url_encode({string})", "url_decode({string})", "url_encode_component({string})",
        "tohex({long})", "tohex({int})", "gettype({=dynamic})", "gettype({any})", "strcat_array({dynamic}, ',')",
        "format_datetime({datetime}, 'yyyy-MM-dd HH:mm:ss.fffffff')", "format_datetime({datetime}, 'd/M/yy h:m:s tt')",
        "format_timespan({timespan}, 'd.hh:mm:ss.fff')", "parse_ipv6({string})", "format_ipv4({string}, 24)",
        "translate('abc', 'xy', {string})", "tostring({dynamic})", "tostring({dynamic}.a)", "tostring(parse_json({string}))",
        "tostring(parse_path({string}).Filename)", "tostring(parse_url({string}).Host)", "tostring(split({string}, ',')[0])",
        "tostring(parse_csv({string}))", "format_bytes({long})", "strcat('x', tostring({datetime}))", "tostring({guid})",
        "tostring({dynamic}[0])", "tostring(parse_command_line({string}, 'windows'))", "column_ifexists('s', {string})",
    ],
    "long": [
        "({long} + {long})", "({long} - {long})", "({long} * {long})", "({long} / {long})", "({long} % {long})", "(-({long}))",
        "({int} + {long})", "strlen({string})", "string_size({string})", "indexof({string}, {=string})",
        "indexof({string}, 'b', 1)", "countof({string}, {=string})", r"countof({string}, @'\w', 'regex')", "abs({long})",
        "bin({long}, 5)", "bin({long}, {=long})", "tolong({string})", "tolong({real})", "tolong({bool})", "tolong({dynamic})",
        "array_length({dynamic})", "datetime_diff('day', {datetime}, {datetime})", "datetime_diff('month', {datetime}, {datetime})",
        "datetime_diff('hour', {datetime}, {datetime})", "datetime_diff('week', {datetime}, {datetime})",
        "datetime_diff('year', {datetime}, {datetime})", "iff({bool}, {long}, {long})", "coalesce({long}, {long})",
        "max_of({long}, {long})", "min_of({long}, {long}, {long})", "binary_and({long}, {long})", "binary_or({long}, {=long})",
        "binary_xor({long}, {long})", "binary_not({long})", "binary_shift_left({long}, 3)", "binary_shift_right({long}, 2)",
        "parse_ipv4({string})", "ipv4_compare({string}, '10.0.0.2')", "array_index_of({dynamic}, {=long})",
        "hash_xxhash64({string})", "case({bool}, {long}, {long})", "week_of_year({datetime})", "unicode_codepoints_from_string({string})[0]",
        "bitset_count_ones({long})", r"extract(@'(\d+)', 1, {string}, typeof(long))", "tolong({timespan})", "tolong({datetime})",
        "indexof_regex({string}, '[a-c]')",
    ],
    "int": [
        "toint({long})", "toint({string})", "toint({real})", "strcmp({string}, {string})", "dayofmonth({datetime})", "dayofyear({datetime})",
        "hourofday({datetime})", "monthofyear({datetime})", "getyear({datetime})", "datetime_part('quarter', {datetime})",
        "datetime_part('nanosecond', {datetime})", "iff({bool}, {int}, {int})", "toint({dynamic})", "max_of({int}, {int})",
    ],
    "real": [
        "({real} + {real})", "({real} - {long})", "({real} * {real})", "({real} / {real})", "({long} / {real})", "(-({real}))",
        "todouble({string})", "toreal({long})", "todouble({dynamic})", "bin({real}, 0.5)", "floor({real}, 2.0)", "ceiling({real})",
        "round({real}, 1)", "round({real})", "abs({real})", "iff({bool}, {real}, {real})", "coalesce({real}, {real})",
        "({timespan} / {timespan})", "max_of({real}, {real})", "sqrt({real})", "pow({real}, 2)", "sign({real})",
        "array_sum({dynamic})", "({long} * 0.5)", "bin_at({real}, 2.5, 7)", "({real} % {real})",
    ],
    "datetime": [
        "({datetime} + {timespan})", "({datetime} - {timespan})", "startofday({datetime})", "endofday({datetime})",
        "startofweek({datetime})", "endofweek({datetime})", "startofmonth({datetime})", "endofmonth({datetime})",
        "startofyear({datetime})", "endofyear({datetime})", "startofmonth({datetime}, -1)", "startofday({datetime}, 1)",
        "bin({datetime}, 1h)", "bin({datetime}, 7d)", "bin({datetime}, {=timespan})", "todatetime({string})",
        "datetime_add('month', {=long}, {datetime})", "datetime_add('hour', 1, {datetime})", "datetime_add('year', -1, {datetime})",
        "datetime_add('week', 1, {datetime})", "iff({bool}, {datetime}, {datetime})", "coalesce({datetime}, {datetime})",
        "unixtime_seconds_todatetime({=long})", "unixtime_milliseconds_todatetime({long})", "max_of({datetime}, {datetime})",
        "make_datetime(2024, 2, {long})", "bin_at({datetime}, 1d, datetime(2024-02-29 12:00))", "todatetime({dynamic})",
        "datetime_utc_to_local({=moderate}, 'Europe/Rome')",
    ],
    "timespan": [
        "({datetime} - {datetime})", "({timespan} + {timespan})", "({timespan} - {timespan})", "({timespan} * 2)", "(-({timespan}))",
        "({timespan} / 2)", "({timespan} % 1h)", "totimespan({string})", "dayofweek({datetime})", "bin({timespan}, 1m)",
        "abs({timespan})", "iff({bool}, {timespan}, {timespan})", "(1.5 * {timespan})", "({long} * 1s)",
        "make_timespan(1, {=long})", "coalesce({timespan}, {timespan})",
    ],
    "guid": ["toguid({string})", "iff({bool}, {guid}, {guid})"],
    "dynamic": [
        "parse_json({string})", "{dynamic}.a", "{dynamic}['b'].c", "{dynamic}[0]", "{dynamic}[-1]", "{dynamic}[{=long}]",
        "pack_array({any}, {any})", "bag_pack('k', {any}, 'l', {any})", "split({string}, ',')", "split({string}, 'a', 1)",
        "array_concat({dynamic}, {dynamic})", "array_reverse({dynamic})", "array_slice({dynamic}, 0, 1)", "array_slice({dynamic}, -2, -1)",
        "array_sort_asc(array_concat({dynamic}, {dynamic}))", "array_sort_desc(split({string}, 'a'))", "array_rotate_left({dynamic}, 1)", "array_shift_left({dynamic}, 1)",
        "array_shift_right({dynamic}, 1, 0)", "set_union({dynamic}, {=dynamic})", "set_intersect({dynamic}, {=dynamic})",
        "set_difference({dynamic}, {=dynamic})", "bag_keys({dynamic})", "bag_merge({dynamic}, {=dynamic})", "bag_remove_keys({dynamic}, dynamic(['a']))",
        "zip({dynamic}, {=dynamic})", "range(1, 5, 2)", "range(0, {=long}, 3)", "repeat({string}, 2)", r"extract_all(@'(\w)', {string})",
        r"extract_all(@'(\w)(\w)', {string})", "parse_csv({string})", "parse_path({string})", "parse_url({string})",
        "iff({bool}, {dynamic}, {dynamic})", "todynamic({string})", "treepath({dynamic})", "bag_set_key({dynamic}, 'z', {long})",
        "array_split({dynamic}, 1)", "array_iff({dynamic}, 1, 0)", "parse_urlquery({string})", "base64_decode_toarray({string})",
         "pack_array({long}, {string}, {dynamic})", "unicode_codepoints_from_string({string})",
    ],
}  # fmt: skip

AGGREGATES: dict[str, list[str]] = {
    "long": ["count()", "countif({bool})", "sum({long})", "sumif({long}, {bool})", "min({long})", "max({long})", "dcount({string})",
             "count_distinct({long})", "minif({long}, {bool})", "maxif({long}, {bool})", "dcountif({string}, {bool})", "sum({int})",
             "binary_all_or({long})", "binary_all_and({long})", "binary_all_xor({long})", "max({long}) - min({long})",
             "sum({int}) * 2 + count()", "bin(max({long}), 7)", "tolong(tostring(min({long})))", "abs(sum({long}))",
             "datetime_diff('day', max({datetime}), min({datetime}))", "strlen(max({string}))", "coalesce(max({long}), 0)", "(count() + 7) / 2", "count() % 2"],
    "real": ["avg({long})", "avg({real})", "sum({real})", "min({real})", "stdev({int})", "variance({int})", "avgif({real}, {bool})",
             "variancep({int})"],
    "string": ["min({string})", "max({string})", "tostring(count())"],
    "datetime": ["startofday(max({datetime}))", "bin(min({datetime}), 1h)", "max({datetime}) + 1d", "min({datetime})", "max({datetime})", "avg({datetime})"],
    "timespan": ["max({datetime}) - min({datetime})", "sum({timespan})", "max({timespan})", "avg({timespan})"],
    "dynamic": ["array_sort_asc(make_list({long}))", "array_sort_asc(make_set({string}))", "array_sort_asc(make_list({string}))",
                "array_sort_asc(make_set({long}))", "array_sort_asc(make_list_if({long}, {bool}))", "array_sort_asc(make_set({datetime}))",
                "array_sort_asc(make_list_with_nulls({long}))", "array_sort_asc(make_set_if({string}, {bool}))"],
}  # fmt: skip
"""Aggregates whose answer does not depend on the order of rows."""

INEXACT = frozenset({"real"})
"""Types whose aggregates may differ in the last digit: such columns are shown, not used further."""
