"""What of a text may be shown: one place for everything that fpctl prints, writes as CSV, Markdown or JSON.

A value may come from an attacker. Control characters move a terminal's cursor or set its title; direction and
zero-width characters make a text look like another; line separators split a line for some readers; a line that begins
with `::error::` is a command to GitHub Actions, and `##[error]` or `##vso[` to Azure Pipelines; a cell that begins with
`=` is a formula to a spreadsheet. Each is spelled out, so that a reader sees what is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_CONTROL = "\x00-\x1f\x7f-\x9f"
_FORMAT = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
"""Unicode's format characters (Cf), line and paragraph separators (Zl, Zp), and the tag characters."""
_SURROGATES = "\ud800-\udfff"

_HIDDEN = re.compile(f"[{_CONTROL}{_FORMAT}]")
_HIDDEN_IN_LINES = re.compile(f"[{_FORMAT}\x00-\x08\x0b-\x1f\x7f-\x9f]")
_HIDDEN_IN_JSON = re.compile(rf"[\x7f-\x9f{_FORMAT}{_SURROGATES}]|#(?=#(?:vso)?\[)")
_COMMAND = re.compile(r"^(?P<blank>[^\S\n]*)::(?=[^:\s][^\n]*::)|##(?=vso\[|\[)", re.MULTILINE)
_FORMULA = re.compile(r"\s*[=+\-@]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """Return a text as one line: characters that cannot be seen, or command a terminal or a CI log, spelled out."""
    return _without_commands(_HIDDEN.sub(_spelled, text))


def visible_lines(text: str) -> str:
    """Return a text of several lines with the same spelled out in each; line breaks and tabs are kept."""
    return _without_commands(_HIDDEN_IN_LINES.sub(_spelled, text))


def visible_except(text: str, kept: re.Pattern[str]) -> str:
    """Return the same with what a pattern matches, such as fpctl's own colours, left as it is."""
    parts: list[str] = []
    end = 0
    for found in kept.finditer(text):
        parts += [visible_lines(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, visible_lines(text[end:])])


def json_text(value: Any, *, indent: int | None = 2, default: Callable[[Any], Any] | None = None) -> str:
    """Return a JSON document, keys in the order given, in which every character that cannot be seen is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=default)
    return _HIDDEN_IN_JSON.sub(lambda found: "\\u0023" if found[0] == "#" else json.dumps(found[0])[1:-1], text)


def csv_cell(value: Any) -> Any:
    """Return a cell of a CSV file: what cannot be seen spelled out, and a `'` before what would be a formula.

    Line breaks and tabs stay: a reader of CSV takes them as part of the cell.
    """
    if not isinstance(value, str):
        return value
    text = visible_lines(value)
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(cell: str) -> str:
    """Return a cell without the `'` that `csv_cell` puts before a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell


def _spelled(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _without_commands(text: str) -> str:
    if "::" not in text and "##" not in text:
        return text
    return _COMMAND.sub(lambda found: "\\x23#" if found["blank"] is None else f"{found['blank']}\\x3a:", text)
