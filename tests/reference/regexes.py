"""Patterns of the service (RE2's syntax, Unicode classes) as patterns of Python's `re`. Page: regex."""

from __future__ import annotations

import re
from functools import lru_cache

_POSIX = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": r"\w", "blank": " \\t", "cntrl": r"\x00-\x1f\x7f",
    "graph": "!-~", "print": " -~", "ascii": r"\x00-\x7f",
}  # fmt: skip


@lru_cache(maxsize=2000)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern; raises ReferenceFault's cousin `re.error` where Python cannot take it."""
    flags, body = _flags(pattern)
    return re.compile(_translated(body, multiline=bool(flags & re.MULTILINE)), flags)


def _flags(pattern: str) -> tuple[int, str]:
    flags = 0
    while match := re.match(r"\(\?([imsxU]+)\)", pattern):
        for mark in match[1]:
            flags |= {"i": re.I, "m": re.M, "s": re.S, "x": re.X}.get(mark, 0)
            if mark == "U":
                pattern = match[0] + _lazy(pattern[match.end() :])
        pattern = pattern[match.end() :]
    return flags, pattern


def _lazy(pattern: str) -> str:
    """Exchange greedy and lazy quantifiers, as the flag U does."""
    out, at, inside = [], 0, False
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            out.append(pattern[at : at + 2])
            at += 2
            continue
        inside = mark == "[" or (inside and mark != "]")
        match = None if inside else re.compile(r"[*+?]|\{\d+(?:,\d*)?\}").match(pattern, at)
        if match and out and out[-1] != "(":
            at = match.end()
            out.append(match[0])
            if pattern[at : at + 1] == "?":
                at += 1
            else:
                out.append("?")
            continue
        out.append(mark)
        at += 1
    return "".join(out)


def _translated(pattern: str, multiline: bool) -> str:
    out, at, inside = [], 0, False
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\" and at + 1 < len(pattern):
            follows = pattern[at + 1]
            hexed = re.compile(r"\\x\{([0-9a-fA-F]+)\}").match(pattern, at)
            if hexed:
                out.append(re.escape(chr(int(hexed[1], 16))))
                at = hexed.end()
                continue
            out.append(r"\Z" if follows == "z" else mark + follows)
            at += 2
            continue
        if inside:
            posix = re.compile(r"\[:(\^?)(\w+):\]").match(pattern, at)
            if posix and posix[2] in _POSIX and not posix[1]:
                out.append(_POSIX[posix[2]])
                at = posix.end()
                continue
            if mark == "[":
                out.append(r"\[")
            else:
                out.append(mark)
                inside = mark != "]"
        elif mark == "[":
            inside = True
            first = re.compile(r"\[\^?\]?").match(pattern, at)
            assert first is not None
            out.append(first[0].replace("]", r"\]"))
            at = first.end()
            continue
        elif mark == "$" and not multiline:
            out.append(r"\Z")
        else:
            out.append(mark)
        at += 1
    return "".join(out)
