"""Authored values as YAML text: what fpctl writes into exclusion files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date

from fpctl.documents.yaml_node import YamlError, plain_data, read_documents
from fpctl.errors import FpctlError

Value = str | bool | int | date | None | Sequence["Value"] | Mapping[str, "Value"]
"""What a key of an exclusion file can hold."""

_WIDTH = 100
# YAML 1.1 readers take these for booleans or null; ours does not, but others may read the file.
_TRAPS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"))


def scalar(value: str | bool | int | date | None, *, flow: bool = False) -> str:
    """Return a scalar as YAML: plain where it reads back as it is, else in double quotes. `flow`: inside `[...]`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    return value if _plain(value, flow) else _quoted(value)


def _plain(text: str, flow: bool) -> bool:
    if text.lower() in _TRAPS or _numeric(text) or "\n" in text:
        return False
    sample = f"k: [{text}]" if flow else f"k: {text}"
    try:
        (root,) = read_documents(sample)
    except (YamlError, ValueError):
        return False
    expected = {"k": [text]} if flow else {"k": text}
    return bool(plain_data(root) == expected)


def _numeric(text: str) -> bool:
    try:
        float(text.replace("_", ""))
    except ValueError:
        return text.lower().startswith("0x") or text.replace(":", "").isdigit()
    return True


def _quoted(text: str) -> str:
    """Return text in double quotes: JSON's escapes are YAML's, save for what YAML does not print."""
    quoted = json.dumps(text, ensure_ascii=False)
    escape = {c: f"\\x{c:02x}" for c in range(0x7F, 0xA0)} | {c: f"\\u{c:04x}" for c in (0x2028, 0x2029, 0xFEFF)}
    return quoted.translate(escape)


def entry(key: str, value: Value, indent: int = 0, newline: str = "\n") -> str:
    """Return `key: value` as whole lines: lists of scalars in one line where they fit, maps in lines of their own."""
    pad = " " * indent
    key = _key(key)
    if isinstance(value, Mapping):
        if not value:
            return f"{pad}{key}: {{}}{newline}"
        inner = "".join(entry(name, item, indent + 2, newline) for name, item in value.items())
        return f"{pad}{key}:{newline}{inner}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _list_entry(key, value, indent, newline)
    return f"{pad}{key}: {scalar(value)}{newline}"


def _key(key: str) -> str:
    """Return a key as YAML; ours are words, but a rule's id may be any text."""
    return key if re.fullmatch(r"[A-Za-z_][\w./-]*", key) else scalar(key)


def _list_entry(key: str, items: Sequence[Value], indent: int, newline: str) -> str:
    pad = " " * indent
    if not any(isinstance(item, Mapping) for item in items):
        line = f"{pad}{key}: {flow_list(items)}"
        if len(line) <= _WIDTH or len(items) < 2:
            return line + newline
    out = [f"{pad}{key}:{newline}"]
    for item in items:
        if isinstance(item, Mapping) and item:
            lines = "".join(entry(name, inner, indent + 4, newline) for name, inner in item.items())
            out.append(f"{pad}  - {lines[indent + 4 :]}")
        else:
            out.append(f"{pad}  - {_scalar_item(item)}{newline}")
    return "".join(out)


def flow_list(items: Sequence[Value]) -> str:
    """Return scalars as `[a, b]`."""
    return "[" + ", ".join(_scalar_item(item, flow=True) for item in items) + "]"


def _scalar_item(item: Value, *, flow: bool = False) -> str:
    if isinstance(item, Mapping) or (isinstance(item, Sequence) and not isinstance(item, str)):
        raise FpctlError("a list of lists or an empty map is not allowed in an exclusion file")
    return scalar(item, flow=flow)


def document(data: Mapping[str, Value], newline: str = "\n") -> str:
    """Return a whole document, its keys in the order given."""
    return "".join(entry(key, value, 0, newline) for key, value in data.items())
