"""Text with a structure of its own: paths, addresses of the web, command lines, CSV, XML; text cut and mended."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import dynamic, json_of, over_arrays
from fpctl.compiler.functions.json_values import dumped, loaded
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Cast, Number, Sql, Text, func
from fpctl.compiler.terms import ascii_lower
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


def _of_text(name: str, kql: str, function: Any) -> None:
    """Add a function of one string that gives a dynamic."""

    def called(text: str) -> str | None:
        found = function(text)
        return None if found is None else dumped(found)

    arrow_function(name, ["string"], "string")(called)

    @special(kql)
    def _compiled(expressions: Expressions, node: tree.Call) -> Value:
        return dynamic(func(name, expressions.as_text(node.args[0]).sql))


# --------------------------------------------------------------------------- paths and addresses


def path_parts(text: str) -> dict[str, str]:
    """Return the parts of a path, as parse_path() names them (parse-path-function)."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*)://", text)
    rest = text[scheme.end() :] if scheme else text
    drive = re.match("[A-Za-z]:", rest)
    at = max(rest.rfind("/"), rest.rfind("\\"))
    directory, name = (rest[:at], rest[at + 1 :]) if at >= 0 else ("", rest)
    stream = ""
    if ":" in name and not (at < 0 and drive):
        name, _, stream = name.partition(":")
    return {
        "Scheme": scheme[1] if scheme else "",
        "RootPath": drive[0] if drive else "",
        "DirectoryPath": directory,
        "DirectoryName": re.split(r"[\\/]", directory)[-1],
        "Filename": name,
        "Extension": name.rpartition(".")[2] if "." in name else "",
        "AlternateDataStreamName": stream,
    }


_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://((?P<user>[^:@/?#]*):(?P<password>[^@/?#]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?#]*)(:(?P<port>\d*))?(?P<path>/[^?#]*)?(\?(?P<query>[^#]*))?(#(?P<fragment>.*))?",
    re.DOTALL,
)


def query_parameters(query: str) -> dict[str, Any]:
    """Return the parameters of a query by name, in its order; what has no name or no value is left out."""
    found: dict[str, list[str]] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name and value:
            found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in sorted(found.items())}


def url_parts(text: str) -> dict[str, Any]:
    """Return the parts of an absolute URL, as parse_url() names them; all empty where it is none.

    As seen on Kusto's emulator, noted in duckdb-kql's sources: a user needs a password beside it, a lone slash at
    the end is not a path, parameters are sorted. (parse-url-function has a single example.)
    """
    match = _URL.fullmatch(text)
    part = (
        {name: value or "" for name, value in match.groupdict().items()}
        if match
        else dict.fromkeys(_URL.groupindex, "")
    )
    return {
        "Scheme": part["scheme"],
        "Host": part["host"],
        "Port": part["port"],
        "Path": "" if part["path"] == "/" and "?" not in text and "#" not in text else part["path"],
        "Username": part["user"],
        "Password": part["password"],
        "Query Parameters": query_parameters(part["query"]),
        "Fragment": part["fragment"],
    }


_of_text("kql_path_parts", "parse_path", path_parts)
_of_text("kql_url_parts", "parse_url", url_parts)
_of_text(
    "kql_query_parts", "parse_urlquery", lambda text: {"Query Parameters": query_parameters(text.removeprefix("?"))}
)

# --------------------------------------------------------------------------- command lines


def command_line(text: str) -> list[str] | None:
    """Return the arguments of a Windows command line, as CommandLineToArgvW takes it apart."""
    if not text.strip():
        return None
    found: list[str] = []
    at = 0
    if not text[0].isspace():
        # In the program's name a backslash stands for itself, and a quote ends at the next.
        match = re.compile(r'"([^"]*)"?|([^\s"]\S*)').match(text)
        if match is not None:
            found.append(match[1] if match[1] is not None else match[2])
            at = match.end()
    while True:
        while at < len(text) and text[at] in " \t":
            at += 1
        if at >= len(text):
            return found
        word, at = _argument(text, at)
        found.append(word)


def _argument(text: str, at: int) -> tuple[str, int]:
    word: list[str] = []
    quoted = False
    while at < len(text) and (quoted or text[at] not in " \t"):
        slashes = len(text) - at - len(text[at:].lstrip("\\"))
        if slashes:
            at += slashes
            if text[at : at + 1] != '"':
                word.append("\\" * slashes)
                continue
            word.append("\\" * (slashes // 2))
            if slashes % 2:
                word.append('"')
                at += 1
            continue
        if text[at] == '"':
            if quoted and text[at + 1 : at + 2] == '"':
                word.append('"')
                at += 1
            quoted = not quoted
            at += 1
            continue
        word.append(text[at])
        at += 1
    return "".join(word), at


over_arrays("command_line", command_line, "string")


@special("parse_command_line")
def parse_command_line(expressions: Expressions, node: tree.Call) -> Value:
    """`parse_command_line(s, "windows")`."""
    kind = expressions.constant_of(node.args[1], "the kind of command line").constant
    if not isinstance(kind, str) or kind.lower() != "windows":
        expressions.refuse("parse_command_line", "only windows command lines are taken apart", node.args[1])
    return dynamic(func("kql_command_line", expressions.as_text(node.args[0]).sql))


# --------------------------------------------------------------------------- CSV, XML, versions, JSON


def csv_record(text: str) -> list[str]:
    """Return the fields of the first record (parse-csv-function)."""
    for record in csv.reader([*_lines(text)], strict=False):
        return record
    return [""]


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


_of_text("kql_csv", "parse_csv", csv_record)


def xml_value(text: str) -> Any:
    """Return XML as a bag: attributes under `@name`, text beside others under `#text` (parse-xml-function)."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError:
        return None
    return {_local(root.tag): _element(root)}


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _element(node: ElementTree.Element) -> Any:
    found: dict[str, Any] = {f"@{_local(name)}": value for name, value in node.attrib.items()}
    if (node.text or "").strip():
        found["#text"] = (node.text or "").strip()
    for child in node:
        name, value = _local(child.tag), _element(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if not found:
        return None
    return found["#text"] if list(found) == ["#text"] else found


_of_text("kql_xml", "parse_xml", xml_value)


@arrow_function("kql_json_path", ["string", "string"], "string")
def _json_path(text: str, path: str) -> str | None:
    try:
        held = loaded(text)
    except ValueError:
        return None
    for step in re.findall(r"\.([\w ]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]", path):
        if step[1]:
            held = held[int(step[1])] if isinstance(held, list) and int(step[1]) < len(held) else None
        else:
            held = held.get(step[0] or step[2] or step[3]) if isinstance(held, dict) else None
    return None if held is None else dumped(held)


@special("extract_json extractjson")
def extract_json(expressions: Expressions, node: tree.Call) -> Value:
    """`extract_json(path, text, typeof(type))`."""
    path = expressions.as_text(node.args[0]).sql
    source = expressions.value(node.args[1])
    text = Cast(source.sql, "VARCHAR") if source.type == "dynamic" else expressions.as_text(node.args[1]).sql
    found = dynamic(func("kql_json_path", text, path))
    kind = "string"
    if len(node.args) > 2:
        wanted = node.args[2]
        kind = (wanted.type if isinstance(wanted, tree.TypeLiteral) else None) or "string"
    typed = converted(found, kind)
    if typed is None:
        expressions.refuse("extract_json", f"JSON does not become a {kind}", node)
    return typed


# --------------------------------------------------------------------------- strings cut and mended


@special("split")
def split(expressions: Expressions, node: tree.Call) -> Value:
    """`split(s, delimiter, index)`: an array of one where an index is given, null where it is not there."""
    text, mark = expressions.as_text(node.args[0]).sql, expressions.as_text(node.args[1]).sql
    parts = func("string_split", text, mark)
    if len(node.args) == 2:
        return Value(func("to_json", parts), "dynamic", nullable=False)
    index = converted(expressions.value(node.args[2]), "long")
    if index is None:
        expressions.refuse("split", "the index must be a number", node.args[2])
    return Value(func("kql_only", parts, index.sql), "dynamic")


macro("kql_only", "l, i", "CASE WHEN i >= 0 AND i < len(l) THEN to_json([l[i + 1]]) END")


@arrow_function("kql_index_of", ["string", "string", "string"], "int64")
def _index_of(text: str, wanted: str, how: str) -> int | None:
    start, length, nth = map(int, loaded(how))
    if length < -1 or nth < 1:
        return None
    at = (max(start + len(text), 0) if start < 0 else start) - 1
    for _ in range(nth):
        at = text.find(wanted, at + 1, len(text) if length == -1 else at + 1 + length)
        if at < 0:
            return -1
    return at


macro("kql_strpos", "s, w", "CASE WHEN w = '' THEN 0 ELSE strpos(s, w) - 1 END")


@special("indexof")
def indexof(expressions: Expressions, node: tree.Call) -> Value:
    """`indexof(s, wanted, start, length, occurrence)`: -1 where it is not."""
    text, wanted = expressions.as_text(node.args[0]).sql, expressions.as_text(node.args[1]).sql
    if len(node.args) == 2:
        return Value(func("kql_strpos", text, wanted), "long")
    numbers = [converted(expressions.value(arg), "long") for arg in node.args[2:]]
    if any(number is None for number in numbers):
        expressions.refuse("indexof", "places are numbers", node)
    given: list[Sql] = [number.sql for number in numbers if number is not None]
    given += [Number(one) for one in (0, -1, 1)[len(given) :]]
    return Value(func("kql_index_of", text, wanted, Cast(func("json_array", *given), "VARCHAR")), "long")


@arrow_function("kql_replace_strings", ["string", "string", "string"], "string")
def _replace_strings(text: str, lookups: str, rewrites: str) -> str:
    old, new = loaded(lookups), loaded(rewrites)
    if not isinstance(old, list) or not isinstance(new, list):
        return text
    parts: list[tuple[str, bool]] = [(text, True)]
    for wanted, put in zip(old, new, strict=False):
        if not isinstance(wanted, str) or not wanted:
            continue
        put = put if isinstance(put, str) else wanted
        made: list[tuple[str, bool]] = []
        for part, is_open in parts:
            pieces = part.split(wanted) if is_open else [part]
            for number, piece in enumerate(pieces):
                if number:
                    made.append((put, False))
                made.append((piece, is_open))
        parts = made
    return "".join(part for part, _ in parts)


@special("replace_strings")
def replace_strings(expressions: Expressions, node: tree.Call) -> Value:
    """`replace_strings(s, lookups, rewrites)`: one after another; what is replaced is not looked at again."""
    lists = (func("coalesce", json_of(expressions, arg), Text("null")) for arg in node.args[1:3])
    return Value(func("kql_replace_strings", expressions.as_text(node.args[0]).sql, *lists), "string")


@arrow_function("kql_translate", ["string", "string", "string"], "string")
def _translate(old: str, new: str, text: str) -> str:
    table = {mark: new[min(at, len(new) - 1)] if new else "" for at, mark in reversed(list(enumerate(old)))}
    return "".join(table.get(mark, mark) for mark in text)


@scalar("translate", "string", "string", "string", returns="string")
def translate(old: Sql, new: Sql, text: Sql) -> Sql:
    """`translate(old, new, s)`: the last of the new characters stands for those that are missing."""
    return func("kql_translate", old, new, text)


_of_text("kql_code_points", "unicode_codepoints_from_string to_utf8", lambda text: [ord(mark) for mark in text])


@arrow_function("kql_from_code_points", ["string"], "string")
def _from_code_points(arrays: str) -> str:
    points: list[Any] = []
    for one in loaded(arrays):
        points += one if isinstance(one, list) else [one]
    return "".join(chr(point) for point in points if isinstance(point, int) and 0 <= point < 0x110000)


@special("unicode_codepoints_to_string make_string")
def make_string(expressions: Expressions, node: tree.Call) -> Value:
    """`make_string(code point or array, ...)`."""
    from fpctl.compiler.values.conversions import to_dynamic

    points = func("json_array", *(to_dynamic(expressions.value(arg)).sql for arg in node.args))
    return Value(func("kql_from_code_points", Cast(points, "VARCHAR")), "string")


@special("strcmp")
def strcmp(expressions: Expressions, node: tree.Call) -> Value:
    """`strcmp(a, b)`: -1, 0 or 1."""
    first, second = (expressions.as_text(arg).sql for arg in node.args)
    return Value(func("kql_strcmp", first, second), "long", nullable=False)


macro("kql_strcmp", "a, b", "CAST(CASE WHEN a < b THEN -1 WHEN a > b THEN 1 ELSE 0 END AS BIGINT)")


@special("strrep")
def strrep(expressions: Expressions, node: tree.Call) -> Value:
    """`strrep(value, times, delimiter)`."""
    value = expressions.as_text(node.args[0]).sql
    times = converted(expressions.value(node.args[1]), "long")
    if times is None:
        expressions.refuse("strrep", "how often must be a number", node.args[1])
    mark = expressions.as_text(node.args[2]).sql if len(node.args) > 2 else Text("")
    return Value(func("kql_strrep", value, times.sql, mark), "string")


macro("kql_strrep", "s, n, d", "CASE WHEN n > 0 THEN repeat(s || d, n - 1) || s ELSE '' END")


@arrow_function("kql_has_any_index", ["string", "string"], "int64")
def _has_any_index(text: str, words: str) -> int:
    source = ascii_lower(text)
    items = loaded(words)
    for at, item in enumerate(items if isinstance(items, list) else []):
        word = ascii_lower(item if isinstance(item, str) else dumped(item))
        before = r"(?:^|[\W_])" if word[:1].isalnum() else ""
        after = r"(?:$|[\W_])" if word[-1:].isalnum() else ""
        if re.search(before + re.escape(word) + after, source):
            return at
    return -1


@special("has_any_index")
def has_any_index(expressions: Expressions, node: tree.Call) -> Value:
    """`has_any_index(s, words)`: the place of the first word that the text has."""
    words = func("coalesce", json_of(expressions, node.args[1]), Text("[]"))
    return Value(func("kql_has_any_index", expressions.as_text(node.args[0]).sql, words), "long", nullable=False)


_SIZES = ("Bytes", "KB", "MB", "GB", "TB", "PB", "EB")


@arrow_function("kql_format_bytes", ["double", "int64", "string"], "string")
def _format_bytes(size: float, digits: int, unit: str) -> str:
    at = _SIZES.index(unit) if unit in _SIZES else 0
    if not unit:
        while at + 1 < len(_SIZES) and abs(size) >= 1024 ** (at + 1):
            at += 1
    shown = f"{size / 1024**at:.{max(digits, 0)}f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} {_SIZES[at]}"


@special("format_bytes")
def format_bytes(expressions: Expressions, node: tree.Call) -> Value:
    """`format_bytes(size, digits, unit)`: the greatest unit that fits, where none is given."""
    size = converted(expressions.value(node.args[0]), "real")
    if size is None:
        expressions.refuse("format_bytes", "format_bytes() takes a number", node)
    digits = expressions.constant_of(node.args[1], "the digits").constant if len(node.args) > 1 else 0
    unit = expressions.constant_of(node.args[2], "the unit").constant if len(node.args) > 2 else ""
    if not isinstance(digits, int) or not isinstance(unit, str):
        expressions.refuse("format_bytes", "the digits are a number, the unit is a string", node)
    made = func("kql_format_bytes", size.sql, Number(digits), Text(unit))
    return Value(func("coalesce", made, Text("")), "string")
