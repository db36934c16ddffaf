"""Text with a structure of its own: paths, addresses of the web, command lines, CSV, XML, versions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from typing import Any

from reference.conversions import convert
from reference.functions import scalar
from reference.values import ReferenceFault, Value, dynamic, json_value, text_of


@scalar("parse_path")
def parse_path(value: Value) -> Value:
    text = text_of(value)
    scheme, rest = "", text
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text):
        scheme, rest = match[1], text[match.end() :]
    root = match[0] if (match := re.match(r"[A-Za-z]:", rest)) else ""
    cut = max(rest.rfind("/"), rest.rfind("\\"))
    directory, name = (rest[:cut], rest[cut + 1 :]) if cut >= 0 else ("", rest)
    stream = ""
    if ":" in name and not (cut < 0 and root):
        name, stream = name.split(":", 1)
    parent = re.split(r"[\\/]", directory)[-1] if directory else ""
    extension = name.rsplit(".", 1)[1] if "." in name else ""
    return dynamic({
        "Scheme": scheme, "RootPath": root, "DirectoryPath": directory, "DirectoryName": parent, "Filename": name,
        "Extension": extension, "AlternateDataStreamName": stream,
    })  # fmt: skip


def _query(text: str) -> dict[str, Any]:
    """Names in order, a name seen twice with an array; without a name or a value, left out (emulator, as below)."""
    found: dict[str, list[str]] = {}
    for part in text.split("&"):
        key, _, item = part.partition("=")
        if key and item:
            found.setdefault(key, []).append(item)
    return {key: items[0] if len(items) == 1 else list(items) for key, items in sorted(found.items())}


@scalar("parse_url")
def parse_url(value: Value) -> Value:
    """As seen on the emulator (duckdb-kql's notes): a user needs a password, a last lone slash is no path."""
    text = text_of(value)
    match = re.fullmatch(
        r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^:@/?#]*):([^@/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(/[^?#]*)?"
        r"(?:\?([^#]*))?(?:#(.*))?",
        text,
        re.S,
    )
    scheme, user, password, host, port, path, query, fragment = match.groups() if match else [""] * 8
    if path == "/" and not re.search("[?#]", text):
        path = ""
    return dynamic({
        "Scheme": scheme or "", "Host": host or "", "Port": port or "", "Path": path or "", "Username": user or "",
        "Password": password or "", "Query Parameters": _query(query or ""), "Fragment": fragment or "",
    })  # fmt: skip


@scalar("parse_urlquery")
def parse_urlquery(value: Value) -> Value:
    text = text_of(value).removeprefix("?")
    return dynamic({"Query Parameters": _query(text)})


@scalar("parse_csv")
def parse_csv(value: Value) -> Value:
    """The first record alone (parse-csv-function)."""
    text, out, at = text_of(value), [], 0
    while True:
        if text[at : at + 1] == '"':
            field, at = [], at + 1
            while at < len(text):
                if text[at] == '"':
                    if text[at + 1 : at + 2] != '"':
                        break
                    at += 1
                field.append(text[at])
                at += 1
            at += 1
            out.append("".join(field))
            if at < len(text) and text[at] not in ",\r\n":
                raise ReferenceFault("text behind a closing quote is not described")
        else:
            end = at
            while end < len(text) and text[end] not in ",\r\n":
                end += 1
            out.append(text[at:end])
            at = end
        if text[at : at + 1] != ",":
            return dynamic(out)
        at += 1


@scalar("parse_version")
def parse_version(value: Value) -> Value:
    parts = text_of(value).split(".")
    if not 1 <= len(parts) <= 4 or not all(re.fullmatch(r"\d{1,8}", part) for part in parts):
        return Value("decimal", None)
    padded = [int(part) for part in parts] + [0] * (4 - len(parts))
    return Value("decimal", Decimal(sum(part * 10 ** (8 * (3 - at)) for at, part in enumerate(padded))))


@scalar("parse_command_line")
def parse_command_line(value: Value, kind: Value) -> Value:
    """As CommandLineToArgvW (parse-command-line-function)."""
    text = text_of(value)
    if text_of(kind).lower() != "windows" or not text.strip():
        return dynamic(None)
    out: list[str] = []
    at = 0
    if not text[0].isspace():
        # The program's name: to the closing quote or the first blank; a backslash is only itself.
        if text[0] == '"':
            end = text.find('"', 1)
            end = len(text) if end < 0 else end
            out.append(text[1:end])
            at = end + 1
        else:
            match = re.match(r"\S*", text)
            assert match is not None
            out.append(match[0])
            at = match.end()
    while True:
        while at < len(text) and text[at] in " \t":
            at += 1
        if at >= len(text):
            return dynamic(out)
        word, at = _argument(text, at)
        out.append(word)


def _argument(text: str, at: int) -> tuple[str, int]:
    word: list[str] = []
    quoted = False
    while at < len(text):
        mark = text[at]
        if mark in " \t" and not quoted:
            break
        if mark == "\\":
            run = re.compile(r"\\+").match(text, at)
            assert run is not None
            count, at = len(run[0]), run.end()
            if text[at : at + 1] == '"':
                word.append("\\" * (count // 2))
                if count % 2:
                    word.append('"')
                    at += 1
            else:
                word.append("\\" * count)
            continue
        if mark == '"':
            if quoted and text[at + 1 : at + 2] == '"':
                word.append('"')
                at += 1
            quoted = not quoted if text[at - 1 : at + 1] != '""' or not word or word[-1] != '"' else quoted
            at += 1
            continue
        word.append(mark)
        at += 1
    return "".join(word), at


@scalar("parse_xml")
def parse_xml(value: Value) -> Value:
    try:
        root = ElementTree.fromstring(text_of(value).strip())
    except ElementTree.ParseError:
        return dynamic(None)
    return dynamic({_tag(root.tag): _element(root)})


def _tag(name: str) -> str:
    return name.rsplit("}", 1)[-1]


def _element(node: ElementTree.Element) -> Any:
    out: dict[str, Any] = {f"@{_tag(key)}": item for key, item in node.attrib.items()}
    words = (node.text or "").strip()
    if words:
        out["#text"] = words
    for child in node:
        key, item = _tag(child.tag), _element(child)
        if key in out:
            out[key] = [*out[key], item] if isinstance(out[key], list) else [out[key], item]
        else:
            out[key] = item
    if not out:
        return None
    return out["#text"] if list(out) == ["#text"] else out


@scalar("extract_json", "extractjson")
def extract_json(path: Value, value: Value, kind: Value | None = None) -> Value:
    target = kind.raw if kind is not None else "string"
    held: Any = value.raw
    if value.type == "string":
        try:
            held = json_value(value.raw)
        except ValueError:
            held = None
    for step in re.findall(r"\.([\w ]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]", text_of(path)):
        key = step[0] or step[2] or step[3]
        if step[1]:
            at = int(step[1])
            held = held[at] if isinstance(held, list) and at < len(held) else None
        else:
            held = held.get(key) if isinstance(held, dict) else None
    return convert(dynamic(held), target)
