"""`bag.name`, `bag["name"]`, `array[0]`: parts of dynamic values.

A part that is not there, or is JSON's null, is null.
"""

from __future__ import annotations

from typing import Any

from fpctl.compiler.library import macro
from fpctl.compiler.sql import Cast, Sql, Text, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value

macro("kql_member", "j, k", "CASE WHEN kql_is_bag(j) THEN kql_json(json_extract(j, '/' || "
      "replace(replace(k, '~', '~0'), '/', '~1'))) END")  # fmt: skip
macro("kql_path_text", "j, p", "coalesce(CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY') "
      "THEN CAST(json(json_extract(j, p)) AS VARCHAR) ELSE json_extract_string(j, p) END, '')")  # fmt: skip
macro("kql_element", "j, i", "CASE WHEN kql_is_array(j) THEN kql_json(json_extract(j, CAST(i AS BIGINT))) END")

_UNSAFE = frozenset('"\\*')


def part(base: Value, steps: list[Value]) -> Value:
    """Return what a path of members and indexes leads to; base is dynamic."""
    if base.is_constant and all(step.is_constant for step in steps):
        return constant(_followed(base.constant, [step.constant for step in steps]), "dynamic")
    sql, path = base.sql, ""
    for step in steps:
        known = step.constant
        if isinstance(known, bool):
            known = int(known)
        if isinstance(known, str) and known and not _UNSAFE & set(known):
            path += f'."{known}"'
        elif isinstance(known, int):
            path += f"[{known}]"
        else:
            sql, path = _stepped(_along(sql, path), step), ""
    text = func("kql_path_text", sql, Text(f"${path}")) if path else None
    return Value(_along(sql, path), "dynamic", text=text)


def _along(sql: Sql, path: str) -> Sql:
    return func("kql_json", func("json_extract", sql, Text(f"${path}"))) if path else sql


def _stepped(sql: Sql, step: Value) -> Sql:
    if step.type == "string":
        return func("kql_member", sql, step.sql)
    if step.type in ("int", "long"):
        return func("kql_element", sql, step.sql)
    if step.type == "bool":
        return func("kql_element", sql, Cast(step.sql, "BIGINT"))
    text, index = converted(step, "string"), converted(step, "long")
    assert text is not None
    assert index is not None
    return func("coalesce", func("kql_member", sql, text.sql), func("kql_element", sql, index.sql))


def _followed(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(step, bool):
            step = int(step)
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if -len(value) <= step < len(value) else None
        else:
            return None
    return value
