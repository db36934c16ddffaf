"""Functions of strings. Pages: strlen-function, substring-function, ... by name."""

from __future__ import annotations

import re
from typing import Any

from reference.conversions import convert
from reference.functions import scalar
from reference.operators_scalar import folded, has_term
from reference.regexes import compiled
from reference.values import Value, boolean, dynamic, inner, long, null_of, string, text_of


@scalar("strlen")
def strlen(value: Value) -> Value:
    return long(len(text_of(value)))


@scalar("string_size")
def string_size(value: Value) -> Value:
    return long(len(text_of(value).encode("utf-8", "surrogatepass")))


@scalar("tolower")
def tolower(value: Value) -> Value:
    return string("".join(c.lower() if len(c.lower()) == 1 else c for c in text_of(value)))


@scalar("toupper")
def toupper(value: Value) -> Value:
    return string("".join(c.upper() if len(c.upper()) == 1 else c for c in text_of(value)))


@scalar("strcat")
def strcat(*values: Value) -> Value:
    return string("".join(map(text_of, values)))


@scalar("strcat_delim")
def strcat_delim(delimiter: Value, *values: Value) -> Value:
    return string(text_of(delimiter).join(map(text_of, values)))


@scalar("strcat_array", "array_strcat")
def strcat_array(array: Value, delimiter: Value) -> Value:
    if not isinstance(array.raw, list):
        return string(text_of(array))
    return string(text_of(delimiter).join(text_of(dynamic(item)) for item in array.raw))


@scalar("strcmp")
def strcmp(a: Value, b: Value) -> Value:
    x, y = text_of(a), text_of(b)
    return long((x > y) - (x < y))


@scalar("strrep")
def strrep(value: Value, times: Value, delimiter: Value = string("")) -> Value:
    count = convert(times, "long").raw
    return string("" if count is None or count < 0 else text_of(delimiter).join([text_of(value)] * count))


@scalar("substring")
def substring(value: Value, start: Value, length: Value = Value("long", None)) -> Value:
    """A negative start counts from the end (substring-function)."""
    text, first, count = text_of(value), convert(start, "long").raw, convert(length, "long").raw
    if first is None:
        return string("")
    if first < 0:
        first = len(text) + first
        if first < 0:
            return string("")  # further back than it is long; seen on the emulator (duckdb-kql's notes)
    if count is not None and count < 0:
        return string("")
    return string(text[first:] if count is None else text[first : first + count])


@scalar("indexof")
def indexof(value: Value, wanted: Value, start: Value = long(0), length: Value = long(-1),
            occurrence: Value = long(1)) -> Value:  # fmt: skip
    """-1 where there is none; a negative start counts from the end (indexof-function, its example idx5)."""
    text, word = text_of(value), text_of(wanted)
    first, count, nth = (convert(v, "long").raw for v in (start, length, occurrence))
    if first is None or count is None or nth is None or count < -1 or nth < 1:
        return long(None)
    if first < 0:
        first = max(0, len(text) + first)
    at = first - 1
    for _ in range(nth):
        # The length counts anew after every occurrence (indexof-function, its example idx8).
        at = text.find(word, at + 1, len(text) if count == -1 else at + 1 + count)
        if at < 0:
            return long(-1)
    return long(at)


@scalar("indexof_regex")
def indexof_regex(value: Value, wanted: Value, start: Value = long(0), length: Value = long(-1),
                  occurrence: Value = long(1)) -> Value:  # fmt: skip
    text = text_of(value)
    first, count, nth = (convert(v, "long").raw for v in (start, length, occurrence))
    if first is None or count is None or nth is None or first < 0 or count < -1 or nth < 1:
        return long(None)
    end = len(text) if count == -1 else first + count
    found = list(compiled(text_of(wanted)).finditer(text, first, min(end, len(text))))
    return long(found[nth - 1].start() if len(found) >= nth else -1)


@scalar("replace_string")
def replace_string(value: Value, old: Value, new: Value) -> Value:
    word = text_of(old)
    return string(text_of(value).replace(word, text_of(new)) if word else text_of(value))


@scalar("replace_strings")
def replace_strings(value: Value, lookups: Value, rewrites: Value) -> Value:
    """One look-up after another; what one has matched is closed to the next (replace-strings-function)."""
    text = text_of(value)
    if not isinstance(lookups.raw, list) or not isinstance(rewrites.raw, list):
        return string(text)
    pairs = [(a, b) for a, b in zip(lookups.raw, rewrites.raw, strict=False) if isinstance(a, str) and a]
    parts: list[tuple[str, bool]] = [(text, False)]
    for old, new in pairs:
        split: list[tuple[str, bool]] = []
        for part, closed in parts:
            if closed:
                split.append((part, True))
                continue
            for at, piece in enumerate(part.split(old)):
                if at:
                    split.append((new if isinstance(new, str) else old, True))
                split.append((piece, False))
        parts = split
    return string("".join(part for part, _ in parts))


@scalar("replace_regex", "replace")
def replace_regex(*args: Value) -> Value:
    """`replace_regex(text, pattern, rewrite)`; \\0, \\1 are groups (replace-regex-function)."""
    value, pattern, rewrite = args
    return string(_replaced(text_of(value), text_of(pattern), text_of(rewrite)))


@scalar("replace")
def replace(pattern: Value, rewrite: Value, value: Value) -> Value:
    """The older name has its arguments in another order."""
    return string(_replaced(text_of(value), text_of(pattern), text_of(rewrite)))


def _replaced(text: str, pattern: str, rewrite: str) -> str:
    def expand(match: re.Match[str]) -> str:
        return re.sub(
            r"\\(\d|\\)",
            lambda m: "\\" if m[1] == "\\" else (match[int(m[1])] or "") if int(m[1]) <= match.re.groups else "",
            rewrite,
        )

    return compiled(pattern).sub(expand, text)


@scalar("trim")
def trim(pattern: Value, value: Value) -> Value:
    """One match at each end; both ends are one pattern (its wording is in the service's error messages)."""
    inner = text_of(pattern)
    return string(compiled(f"^({inner})|({inner})$").sub("", text_of(value)))


@scalar("trim_start")
def trim_start(pattern: Value, value: Value) -> Value:
    return string(compiled(f"^({text_of(pattern)})").sub("", text_of(value)))


@scalar("trim_end")
def trim_end(pattern: Value, value: Value) -> Value:
    return string(compiled(f"({text_of(pattern)})$").sub("", text_of(value)))


@scalar("split")
def split(value: Value, delimiter: Value, index: Value = Value("long", None)) -> Value:
    text, mark, wanted = text_of(value), text_of(delimiter), convert(index, "long").raw
    parts = text.split(mark) if mark else list(text)
    if wanted is None:
        return dynamic(parts)
    return dynamic([parts[wanted]] if 0 <= wanted < len(parts) else None)


@scalar("extract")
def extract(pattern: Value, group: Value, value: Value, kind: Value | None = None) -> Value:
    target = kind.raw if kind is not None else "string"
    number = convert(group, "long").raw
    match = compiled(text_of(pattern)).search(text_of(value))
    if match is None or number is None or not 0 <= number <= match.re.groups or match[number] is None:
        return null_of(target)
    return convert(string(match[number]), target)


@scalar("extract_all", "extractall")
def extract_all(pattern: Value, *rest: Value) -> Value:
    value, groups = rest[-1], rest[0] if len(rest) > 1 else None
    found = compiled(text_of(pattern))
    wanted: list[Any] = list(range(1, found.groups + 1))
    if groups is not None and isinstance(groups.raw, list):
        wanted = [g for g in groups.raw if g in found.groupindex or (isinstance(g, int) and 1 <= g <= found.groups)]
        wanted = wanted or list(range(1, found.groups + 1))
    rows = [[match[g] or "" for g in wanted] for match in found.finditer(text_of(value))]
    if not rows:
        return dynamic(None)
    return dynamic([row[0] for row in rows] if len(wanted) == 1 else rows)


@scalar("countof")
def countof(value: Value, wanted: Value, kind: Value = string("normal")) -> Value:
    """Plain matches may overlap, those of a pattern do not (countof-function)."""
    text, word = text_of(value), text_of(wanted)
    if text_of(kind) == "regex":
        return long(sum(1 for m in compiled(word).finditer(text) if m[0]))
    return long(sum(text.startswith(word, at) for at in range(len(text))) if word else 0)


@scalar("reverse")
def reverse(value: Value) -> Value:
    return string(text_of(value)[::-1])


@scalar("isempty")
def isempty(value: Value) -> Value:
    """The empty string and every null (isempty-function)."""
    return boolean(value.raw == "" if value.type == "string" else value.raw is None or inner(value) == string(""))


@scalar("isnotempty", "notempty")
def isnotempty(value: Value) -> Value:
    return boolean(not isempty(value).raw)


@scalar("isascii")
def isascii(value: Value) -> Value:
    return boolean(text_of(value).isascii())


@scalar("isutf8")
def isutf8(value: Value) -> Value:
    return boolean(not re.search("[\ud800-\udfff\ufffd]", text_of(value)))


@scalar("has_any_index")
def has_any_index(value: Value, words: Value) -> Value:
    text = folded(text_of(value))
    for at, word in enumerate(words.raw if isinstance(words.raw, list) else []):
        if has_term(text, folded(text_of(dynamic(word)))):
            return long(at)
    return long(-1)


@scalar("translate")
def translate(old: Value, new: Value, value: Value) -> Value:
    """The last replacement stands for all that have none (translate-function)."""
    froms, tos, text = text_of(old), text_of(new), text_of(value)
    if not tos:
        return string("".join(c for c in text if c not in froms))
    return string("".join(tos[min(froms.index(c), len(tos) - 1)] if c in froms else c for c in text))


@scalar("unicode_codepoints_from_string", "to_utf8")
def codepoints(value: Value) -> Value:
    return dynamic(list(map(ord, text_of(value))))


@scalar("unicode_codepoints_to_string", "make_string")
def from_codepoints(*values: Value) -> Value:
    out: list[int] = []
    for value in values:
        items = value.raw if isinstance(value.raw, list) else [value.raw]
        out += [item for item in items if isinstance(item, int)]
    return string("".join(map(chr, out)))


@scalar("regex_quote")
def regex_quote(value: Value) -> Value:
    return string(re.sub(r"([^\w])", r"\\\1", text_of(value)))
