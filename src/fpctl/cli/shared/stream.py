"""The streams: data goes to stdout, messages to stderr, and colours only where a person looks."""

from __future__ import annotations

import os
import re
import sys
from contextvars import ContextVar
from typing import IO

from fpctl.text.visible import visible_except

_COLOURS = {"error": "31", "warning": "33", "added": "32", "removed": "31", "dim": "2", "bold": "1"}
_OWN_COLOURS = re.compile(rf"\x1b\[(?:{'|'.join(sorted({*_COLOURS.values(), '0'}))})m")

QUIET: ContextVar[bool] = ContextVar("QUIET", default=False)
"""`fpctl -q`: messages that are neither errors nor warnings are left out."""
COLOURS: ContextVar[bool] = ContextVar("COLOURS", default=True)
"""False for `fpctl --no-color`."""

_IMPORTANT = re.compile(r": (?:\x1b\[\d+m)?(?:error|warning|refused|forced)\b|^fpctl: |^warning: |^ +hint: ")


def write(text: str) -> None:
    """Write data to stdout as UTF-8, byte for byte: no newline conversion, whatever the platform."""
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
    else:
        buffer.write(text.encode("utf-8", "surrogateescape"))
        buffer.flush()


def say(text: str = "") -> None:
    """Write a message to stderr: fpctl's own colours kept, everything else that cannot be seen spelled out."""
    if QUIET.get() and not _IMPORTANT.search(text):
        return
    print(visible_except(text, _OWN_COLOURS), file=sys.stderr)


def is_terminal(stream: IO[str]) -> bool:
    """Return whether a person is looking at a stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, style: str, stream: IO[str] | None = None) -> str:
    """Return a text in one of the styles `error warning added removed dim bold`, where colours can be seen.

    `NO_COLOR` and `--no-color` turn them off. `stream` is where it will be printed, stdout if not given.
    """
    if not COLOURS.get() or os.environ.get("NO_COLOR") or not is_terminal(stream or sys.stdout):
        return text
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"


def counted(number: int, noun: str) -> str:
    """Return `1 rule` or `12,000 rules`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
