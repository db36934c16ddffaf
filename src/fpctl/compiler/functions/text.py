"""Strings."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.patterns import BadPattern, translated
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Infix, Sql, Text, func
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

# A start further back than the text is long gives nothing (seen on Kusto's emulator, as duckdb-kql's sources tell).
macro("kql_substring", "s, start, n", "CASE WHEN n <= 0 OR start < -length(s) OR start >= length(s) THEN '' "
      "WHEN start < 0 "
      "THEN substring(s, length(s) + least(start, 0) + 1, least(n, 4294967295)) "
      "ELSE substring(s, least(start, 4294967294) + 1, least(n, 4294967295)) END")  # fmt: skip
macro("kql_rest", "s, start", "kql_substring(s, start, 2147483647)")


@special("strcat")
def strcat(expressions: Expressions, node: tree.Call) -> Value:
    """`strcat(a, b, ...)`, each as tostring() has it."""
    parts = [expressions.as_text(arg) for arg in node.args]
    if all(isinstance(part.constant, str) for part in parts):
        return constant("".join(part.constant for part in parts), "string")
    return Value(func("concat", *(part.sql for part in parts)), "string")


@special("strcat_delim")
def strcat_delim(expressions: Expressions, node: tree.Call) -> Value:
    """`strcat_delim(delimiter, a, b, ...)`."""
    parts = [expressions.as_text(arg).sql for arg in node.args]
    return Value(func("concat_ws", *parts), "string")


@scalar("tolower", "string", returns="string")
def tolower(text: Sql) -> Sql:
    """`tolower(s)`."""
    return func("lower", text)


@scalar("toupper", "string", returns="string")
def toupper(text: Sql) -> Sql:
    """`toupper(s)`; `ß` has no uppercase form in .NET."""
    return func("kql_upper", text)


# Its 32 digits are more than a decimal is held with elsewhere (18 of 38 behind the point); nothing is behind its point.
macro("kql_version", "s", "CASE WHEN regexp_full_match(s, '[0-9]{1,8}(\\.[0-9]{1,8}){0,3}') THEN "
      "CAST(rpad(array_to_string(list_transform(string_split(s, '.'), lambda part: lpad(part, 8, '0')), ''), 32, '0') "
      "AS DECIMAL(38,0)) END")  # fmt: skip


@scalar("parse_version", "string", returns="decimal")
def parse_version(text: Sql) -> Sql:
    """`parse_version(s)`: up to four numbers of eight digits as one, null of anything else."""
    return func("kql_version", text)


macro("kql_upper", "s", "CASE WHEN contains(s, '\u00df') THEN "
      "array_to_string(list_transform(string_split(s, '\u00df'), lambda part: upper(part)), '\u00df') "
      "ELSE upper(s) END")  # fmt: skip


@scalar("strlen", "string", returns="long", nullable=False)
def strlen(text: Sql) -> Sql:
    """`strlen(s)`: characters."""
    return func("length", text)


@scalar("string_size", "string", returns="long", nullable=False)
def string_size(text: Sql) -> Sql:
    """`string_size(s)`: bytes of UTF-8."""
    return func("strlen", text)


@scalar("substring", "string", "long", "long?", returns="string")
def substring(text: Sql, start: Sql, length: Sql | None) -> Sql:
    """`substring(s, start, length)`: a negative start counts from the end."""
    if length is None:
        return func("kql_rest", text, start)
    return func("kql_substring", text, start, length)


@special("reverse")
def reverse(expressions: Expressions, node: tree.Call) -> Value:
    """`reverse(s)`; what is not a string is taken as its text."""
    return Value(func("reverse", expressions.as_text(node.args[0]).sql), "string")


@scalar("replace_string", "string", "string", "string", returns="string")
def replace_string(text: Sql, old: Sql, new: Sql) -> Sql:
    """`replace_string(s, old, new)`."""
    return func("replace", text, old, new)


for _name, _around in (("trim", "^({0})|({0})$"), ("trim_start", "^({0})"), ("trim_end", "({0})$")):

    @scalar(_name, "=string", "string", returns="string")
    def _trimmed(pattern: str, text: Sql, around: str = _around) -> Sql:
        # One match at each end, in one pattern: so the service's error messages show it.
        found = translated(pattern)
        if found.ascii_only:
            raise BadPattern("its word boundaries cannot be found in text that is not ASCII")
        return func("regexp_replace", text, Text(around.replace("{0}", found.re2)), Text(""), Text("g"))


@scalar("isascii", "string", returns="bool")
def isascii(text: Sql) -> Sql:
    """`isascii(s)`."""
    return Infix("=", (func("strlen", text), func("length", text)))


macro("kql_count_of", "s, p", "CASE WHEN p = '' THEN 0 ELSE len(list_filter(range(1, length(s) + 1), "
      "lambda i: starts_with(substring(s, i), p))) END")  # fmt: skip
