"""Write the table of what the local engine has into docs/engines.md, from the compiler's registries.

    python scripts/generate_engine_table.py [--check]

Every operator, function, aggregate and plugin of the language: whether the local engine gives exactly what the
reference says, an estimate as Kusto does, or refuses it and why, with the page. With --check nothing is written; exit
code 1 says that the table is not what it should be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import fpctl.compiler.functions
import fpctl.compiler.operators  # noqa: F401  (they fill the tables)
from fpctl.compiler.coverage import reason
from fpctl.compiler.functions.randomness import CHANCE
from fpctl.compiler.operator_registry import OPERATORS, SOURCES
from fpctl.compiler.operators.rows import PLAIN
from fpctl.compiler.registry import AGGREGATES, SCALARS, SPECIALS, TUPLES
from fpctl.kql import tree
from fpctl.kql.binder.functions import builtins
from fpctl.kql.operators.table import BY_KEYWORD

PAGE = Path(__file__).resolve().parent.parent / "docs" / "engines.md"
BEGIN = "<!-- Begin: written by scripts/generate_engine_table.py; do not edit. -->"
END = "<!-- End of what scripts/generate_engine_table.py writes. -->"
REFERENCE = "https://learn.microsoft.com/kusto/query/"

ESTIMATED = frozenset(("dcount", "dcountif", "percentile", "percentiles", "percentiles_array"))
"""What Kusto estimates and the local engine counts."""
IN_EXPRESSIONS = frozenset(("toscalar",))
"""Functions that the walk over expressions has itself."""
PAGES = {
    "all": "all-graph-function", "any": "any-graph-function", "bag_pack": "pack-function",
    "pack_dictionary": "pack-function", "bag_zip": "bag-zip", "dayofmonth": "day-of-month-function",
    "dayofweek": "day-of-week-function", "dayofyear": "day-of-year-function", "hourofday": "hour-of-day-function",
    "gzip_compress_to_base64_string": "gzip-base64-compress", "isascii": "isascii", "isutf8": "isutf8",
    "gzip_decompress_from_base64_string": "gzip-base64-decompress", "inner_nodes": "inner-nodes-graph-function",
    "labels": "labels-graph-function", "map": "map-graph-function", "parse_urlquery": "parse-url-query-function",
    "parseurlquery": "parse-url-query-function", "parseurl": "parse-url-function", "floor": "bin-function",
    "zlib_compress_to_base64_string": "zlib-base64-compress-function", "iif": "iff-function",
    "zlib_decompress_from_base64_string": "zlib-base64-decompress-function", "todouble": "toreal-function",
    "todynamic": "parse-json-function", "toobject": "parse-json-function", "parsejson": "parse-json-function",
    "totime": "totimespan-function", "toboolean": "tobool-function", "notempty": "isnotempty-function",
    "notnull": "isnotnull-function", "extractjson": "extract-json-function", "extractall": "extract-all-function",
    "replace": "replace-regex-function", "array_iif": "array-iff-function", "arraylength": "array-length-function",
    "array_strcat": "strcat-array-function", "base64_decodestring": "base64-decode-tostring-function",
    "base64_encodestring": "base64-encode-tostring-function", "columnifexists": "column-ifexists-function",
    "make_string": "unicode-codepoints-to-string-function", "to_utf8": "unicode-codepoints-from-string-function",
    "datepart": "datetime-part-function", "getmonth": "monthofyear-function", "weekofyear": "week-of-year-function",
    "cosmosdb_sql_request": "cosmosdb-plugin",
}  # fmt: skip
"""Pages that are not named after the function; older names stand on the page of the newer."""
AGGREGATE_PAGES = {
    "any": "take-any", "anyif": "take-anyif", "argmax": "arg-max", "argmin": "arg-min", "cnt": "count",
    "makelist": "make-list", "makeset": "make-set", "make_dictionary": "make-bag", "percentile": "percentiles",
    "percentiles_array": "percentiles", "percentilew": "percentilesw", "percentilesw_array": "percentilesw",
}  # fmt: skip
OPERATOR_PAGES = {"filter": "where", "limit": "take", "order": "sort", "mvexpand": "mv-expand", "mvapply": "mv-apply",
                  "external_data": "externaldata"}  # fmt: skip


def main() -> int:
    """Write the table, or compare it."""
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{table()}{END}{after}"
    if "--check" in sys.argv[1:]:
        same = made == PAGE.read_text(encoding="utf-8")
        print("docs/engines.md is as it should be" if same else "docs/engines.md: run scripts/generate_engine_table.py")
        return 0 if same else 1
    PAGE.write_text(made, encoding="utf-8")
    return 0


def table() -> str:
    """Return the section."""
    parts = [
        "\n## What the local engine supports\n\n",
        "*Exact* means that the result is what the reference specifies; tests check it. A rule that uses "
        "anything *refused* does not run, and the error gives the name and place; `fpctl rules lint --local` "
        "lists the rules concerned.\n",
    ]
    for title, rows in (
        ("Operators", list(operators())),
        ("Functions", list(functions())),
        ("Aggregates", list(aggregates())),
        ("Plugins", list(plugins())),
    ):
        exact = sum(row[1] != "refused" for row in rows)
        parts.append(f"\n### {title}\n\n{exact} of {len(rows)}.\n\n| name | support | reason |\n|---|---|---|\n")
        parts.extend(f"| {name} | {state} | {why} |\n" for name, state, why in rows)
    return "".join(parts) + "\n"


def row(name: str, page: str, has: bool, estimated: bool = False) -> tuple[str, str, str]:
    """Return a line of the table."""
    shown = f"[`{name}`]({REFERENCE}{page})"
    if has:
        if name in CHANCE:
            return shown, "another value in every run, as in Kusto", ""
        return shown, "exact (Kusto estimates)" if estimated else "exact", ""
    return shown, "refused", reason(name)


def operators() -> Iterator[tuple[str, str, str]]:
    """Yield the operators and table literals that people write."""
    for keyword in sorted(BY_KEYWORD):
        spec = BY_KEYWORD[keyword]
        if spec.suggested:
            page = f"{OPERATOR_PAGES.get(keyword, keyword)}-operator"
            has = spec.node in OPERATORS or spec.node in SOURCES
            yield row(keyword, page, has and (spec.node is not tree.Plain or keyword in PLAIN))


def functions() -> Iterator[tuple[str, str, str]]:
    """Yield the scalar functions."""
    for name in sorted({*builtins().functions, *SCALARS, *SPECIALS, *TUPLES}):
        page = PAGES.get(name, f"{name.replace('_', '-')}-function")
        yield row(name, page, name in SCALARS or name in SPECIALS or name in TUPLES or name in IN_EXPRESSIONS)


def aggregates() -> Iterator[tuple[str, str, str]]:
    """Yield the aggregates."""
    for name in sorted({*builtins().aggregates, *AGGREGATES}):
        page = f"{AGGREGATE_PAGES.get(name, name.replace('_', '-'))}-aggregation-function"
        yield row(name, page, name in AGGREGATES, name in ESTIMATED)


def plugins() -> Iterator[tuple[str, str, str]]:
    """Yield the plugins of `evaluate`."""
    has = import_module("fpctl.compiler.operators.plugins") if find_spec("fpctl.compiler.operators.plugins") else None
    for name in sorted(builtins().plugins):
        # A plugin is compiled by the function of its name.
        yield row(name, PAGES.get(name, f"{name.replace('_', '-')}-plugin"), callable(getattr(has, name, None)))


if __name__ == "__main__":
    sys.exit(main())
