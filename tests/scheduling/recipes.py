"""The recipes of docs/scheduling.md: the files in it by name, and the fpctl commands of a page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```\w*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(?:console|bash|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[ `(])fpctl ((?:[a-z]+)(?: [^|>&;#`\n]*)?)")


def files(page: str = "scheduling.md") -> dict[str, str]:
    """Return the files that a page holds, by name."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return {found["name"]: found["body"] for found in _FILE.finditer(text)}


def commands(page: str) -> Iterator[list[str]]:
    """Yield the arguments of each fpctl command in the blocks of a page."""
    for block in _BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.lstrip().startswith(("#", "echo", "- name:", "name:")):
                continue
            for found in _COMMAND.findall(line):
                yield shlex.split(found)
