"""SQL macros and Python functions that bring values from one type to another."""

from __future__ import annotations

from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.values.ticks import datetime_ticks, timespan_ticks

# Case-insensitive operators fold ASCII letters only (includes/in-operator-comparison). Compared with text of ASCII,
# lower() is as good, but for the two letters outside ASCII that it makes ASCII letters of: they become others. A
# macro names its argument once: DuckDB would compute it each time it occurs there.
# ASCII letters only, which lower() does by itself where there are no others; translate() takes 25 times as long.
macro("kql_fold", "s", "CASE WHEN strlen(s) = length(s) THEN lower(s) "
      "ELSE translate(s, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') END")  # fmt: skip
macro("kql_json", "j", "CASE WHEN CAST(j AS VARCHAR) = 'null' THEN NULL ELSE j END")
# A JSON null is Kusto's null.
macro("kql_json_text", "j", "CASE WHEN j IS NULL THEN '' WHEN substr(CAST(j AS VARCHAR), 1, 1) = '\"' THEN j ->> '$' "
      "ELSE CAST(json(j) AS VARCHAR) END")  # fmt: skip
macro("kql_is_text", "j", "substr(CAST(j AS VARCHAR), 1, 1) = '\"'")
macro("kql_is_array", "j", "substr(CAST(j AS VARCHAR), 1, 1) = '['")
macro("kql_is_bag", "j", "substr(CAST(j AS VARCHAR), 1, 1) = '{'")
macro("kql_is_number", "j", "regexp_matches(substr(CAST(j AS VARCHAR), 1, 1), '[-0-9]')")
macro("kql_parse_json", "s", "CASE WHEN trim(s, ' \n\r\t') = 'null' THEN NULL "
      "WHEN regexp_matches(s, '^\\s*-?([nN]|[iI])') THEN to_json(s) "
      "ELSE coalesce(TRY_CAST(trim(s, ' \n\r\t') AS JSON), to_json(s)) END")  # fmt: skip
# What is not JSON is the string itself (parse-json-function).
macro("kql_elements", "j", "CASE WHEN kql_is_array(j) THEN from_json(j, '[\"JSON\"]') END")

macro("kql_datetime_text", "t", "strftime(make_timestamp(t // 10 - 62135596800000000), '%Y-%m-%dT%H:%M:%S.%f') "
      "|| CAST(t % 10 AS VARCHAR) || 'Z'")  # fmt: skip
macro("kql_timespan_text", "t", "CASE WHEN t < 0 THEN '-' ELSE '' END || "
      "CASE WHEN abs(t) >= 864000000000 THEN CAST(abs(t) // 864000000000 AS VARCHAR) || '.' ELSE '' END || "
      "lpad(CAST(abs(t) // 36000000000 % 24 AS VARCHAR), 2, '0') || ':' || "
      "lpad(CAST(abs(t) // 600000000 % 60 AS VARCHAR), 2, '0') || ':' || "
      "lpad(CAST(abs(t) // 10000000 % 60 AS VARCHAR), 2, '0') || "
      "CASE WHEN t % 10000000 != 0 THEN '.' || lpad(CAST(abs(t) % 10000000 AS VARCHAR), 7, '0') "
      "ELSE '' END")  # fmt: skip
macro("kql_real_text", "r", "CASE WHEN isnan(r) THEN 'NaN' WHEN isinf(r) THEN CASE WHEN r > 0 THEN 'Infinity' ELSE "
      "'-Infinity' END WHEN abs(r) >= 1e15 OR (abs(r) < 1e-5 AND r != 0) "
      "THEN upper(CAST(r AS VARCHAR)) ELSE CAST(r AS VARCHAR) END")  # fmt: skip
macro("kql_decimal_text", "d", "regexp_replace(regexp_replace(CAST(d AS VARCHAR), '(\\.\\d*?)0+$', '\\1'), '\\.$', '')")
macro("kql_real_json", "r", "CASE WHEN isfinite(r) THEN to_json(r) WHEN isnan(r) THEN '\"NaN\"'::JSON WHEN r > 0 "
      "THEN '\"Infinity\"'::JSON WHEN r < 0 THEN '\"-Infinity\"'::JSON END")  # fmt: skip

macro("kql_long", "s", "CASE WHEN regexp_full_match(trim(s), '[-+]?[0-9]+') THEN TRY_CAST(trim(s) AS BIGINT) "
      "WHEN regexp_full_match(trim(s), '-?0[xX][0-9a-fA-F]+') THEN TRY_CAST(trim(s) AS BIGINT) END")  # fmt: skip
# Out of range a real stays at the end of it, and a long loses its upper half (seen on Kusto's emulator, as
# duckdb-kql's sources tell; no page says).
macro("kql_truncated", "r", "CASE WHEN NOT isfinite(r) THEN NULL WHEN r >= 9223372036854775807 THEN "
      "9223372036854775807 "
      "WHEN r <= -9223372036854775808 THEN -9223372036854775807 - 1 ELSE CAST(trunc(r) AS BIGINT) END")  # fmt: skip
macro("kql_int_of_real", "r", "CASE WHEN NOT isfinite(r) THEN NULL WHEN r >= 2147483647 THEN 2147483647::INTEGER "
      "WHEN r <= -2147483648 THEN (-2147483648)::INTEGER ELSE CAST(trunc(r) AS INTEGER) END")  # fmt: skip
macro("kql_int_of_long", "n", "CAST((n % 4294967296 + 6442450944) % 4294967296 - 2147483648 AS INTEGER)")
macro("kql_real", "s", "CASE WHEN regexp_full_match(trim(s), '[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?') "
      "THEN TRY_CAST(trim(s) AS DOUBLE) WHEN lower(trim(s)) = 'nan' THEN 'nan'::DOUBLE "
      "WHEN lower(trim(s)) IN ('inf', '+inf', 'infinity', '+infinity') THEN 'inf'::DOUBLE "
      "WHEN lower(trim(s)) IN ('-inf', '-infinity') THEN '-inf'::DOUBLE END")  # fmt: skip
macro("kql_bool", "s", "CASE lower(trim(s)) WHEN 'true' THEN true WHEN 'false' THEN false ELSE kql_long(s) != 0 END")
macro("kql_json_number", "j", "CASE WHEN kql_is_number(j) THEN TRY_CAST(CAST(j AS VARCHAR) AS DOUBLE) END")
macro("kql_json_long", "j", "CASE WHEN kql_is_number(j) THEN coalesce(CASE WHEN regexp_full_match(CAST(j AS "
      "VARCHAR), "
      "'-?[0-9]+') THEN TRY_CAST(CAST(j AS VARCHAR) AS BIGINT) END, "
      "kql_truncated(TRY_CAST(CAST(j AS VARCHAR) AS DOUBLE))) "
      "WHEN kql_is_text(j) THEN kql_long(j ->> '$') WHEN CAST(j AS VARCHAR) = 'true' THEN 1 "
      "WHEN CAST(j AS VARCHAR) = 'false' THEN 0 END")  # fmt: skip
macro("kql_json_real", "j", "CASE WHEN kql_is_number(j) THEN TRY_CAST(CAST(j AS VARCHAR) AS DOUBLE) "
      "WHEN kql_is_text(j) THEN kql_real(j ->> '$') WHEN CAST(j AS VARCHAR) = 'true' THEN 1 "
      "WHEN CAST(j AS VARCHAR) = 'false' THEN 0 END")  # fmt: skip
macro("kql_json_bool", "j", "CASE WHEN kql_is_text(j) THEN kql_bool(j ->> '$') WHEN kql_is_number(j) "
      "THEN TRY_CAST(CAST(j AS VARCHAR) AS DOUBLE) != 0 WHEN CAST(j AS VARCHAR) = 'true' THEN true "
      "WHEN CAST(j AS VARCHAR) = 'false' THEN false END")  # fmt: skip

_ISO = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,7})?Z?)?"
macro("kql_iso_ticks", "s", "(epoch_us(TRY_CAST(substr(rtrim(s, 'Z'), 1, 26) AS TIMESTAMP)) * 10 + "
      "621355968000000000 "
      "+ CASE WHEN strlen(rtrim(s, 'Z')) = 27 THEN CAST(substr(s, 27, 1) AS BIGINT) ELSE 0 END)")  # fmt: skip
macro("kql_datetime", "s", f"CASE WHEN s = '' THEN NULL WHEN regexp_full_match(s, '{_ISO}') THEN kql_iso_ticks(s) "
      "ELSE kql_other_datetime(s) END")  # fmt: skip
macro("kql_moment_ticks", "m", "epoch_us(m) * 10 + 621355968000000000")
macro("kql_datetime_in_range", "t", "CASE WHEN t BETWEEN 0 AND 3155378975999999999 THEN CAST(t AS BIGINT) END")

_HEX = "[0-9a-fA-F]"
_GUID = f"[{{(]?{_HEX}{{8}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{12}}[)}}]?"
macro("kql_guid", "s", f"CASE WHEN regexp_full_match(trim(s), '{_GUID}') THEN "
      "TRY_CAST(regexp_replace(trim(s), '[{}()]', '', 'g') AS UUID) END")  # fmt: skip
macro("kql_json_datetime", "j", "CASE WHEN regexp_full_match(CAST(j AS VARCHAR), '-?[0-9]+') THEN "
      "kql_datetime_in_range(kql_json_long(j)) ELSE kql_datetime(kql_json_text(j)) END")  # fmt: skip
macro(
    "kql_json_timespan", "j", "CASE WHEN kql_is_number(j) THEN kql_json_long(j) ELSE kql_timespan(kql_json_text(j)) END"
)

arrow_function("kql_other_datetime", ["string"], "int64")(datetime_ticks)
arrow_function("kql_timespan", ["string"], "int64")(timespan_ticks)
