"""The tutorial and the guides, run line by line: what they show is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {"tutorial.md": 15, "custom-tables.md": 3, "identity.md": 5}
"""Each page, and how many commands it has at least."""
_BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Step(NamedTuple):
    """A file to write, or a command and what it prints."""

    line: int
    file: str | None
    text: str
    shown: tuple[str, ...] = ()


def steps(name: str) -> list[Step]:
    page = (DOCS / name).read_text(encoding="utf-8")
    found: list[Step] = []
    for block in _BLOCK.finditer(page):
        line = page.count("\n", 0, block.start("body")) + 1
        if block["file"]:
            found.append(Step(line, block["file"], block["body"]))
        elif block["kind"] == "console":
            for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]:
                command, _, shown = part.partition("\n")
                found.append(Step(line, None, command, tuple(shown.splitlines())))
    return found


def pattern(shown: tuple[str, ...]) -> re.Pattern[str]:
    """Return what the output must be: a line of `...` is any lines, `...` inside a line any text."""
    parts = [
        r"(?:[^\n]*\n)*?" if line.strip() == "..." else r"[^\n]*".join(map(re.escape, line.split("..."))) + r" *\n"
        for line in shown
    ]
    return re.compile("".join(parts))


@pytest.mark.parametrize("name", PAGES)
def test_every_line_does_what_the_page_shows(name, fpctl, repository, monkeypatch):
    for path in ("rules/remote_tool.yaml", "rules", "exclusions"):
        place = repository / path
        place.unlink() if place.is_file() else place.rmdir()
    ran = 0
    for step in steps(name):
        if step.file is not None:
            Path(step.file).parent.mkdir(parents=True, exist_ok=True)
            Path(step.file).write_text(step.text, encoding="utf-8")
            continue
        verb, *arguments = shlex.split(step.text)
        if verb == "cd":
            monkeypatch.chdir(arguments[0])
            continue
        if verb == "fpctl":
            outcome = fpctl(*arguments)
            printed, refused = outcome.out + outcome.err, outcome.code != 0
        else:
            done = subprocess.run([verb, *arguments], capture_output=True, text=True, check=False)
            printed, refused = done.stdout + done.stderr, done.returncode != 0
        said = pattern(step.shown).fullmatch(printed)
        assert said, f"{name}, block at line {step.line}: $ {step.text}\n{printed}"
        # The page says of each command that fails that it does: its message begins with fpctl's name.
        fails = any(line.startswith(("fpctl: ", "UNSEEN ")) for line in step.shown)
        assert refused == fails, step.text
        ran += 1
    assert ran > PAGES[name]


def test_the_page_has_files_and_commands():
    assert {step.file for step in steps("tutorial.md") if step.file} == {
        "rules/remote_tool.yaml",
        "data/DeviceNetworkEvents.csv",
        "result.csv",
    }


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (("a ... c", "..."), "a b c\nx\ny\n", True),
        (("a",), "a\nb\n", False),
        (("...", "b"), "b\n", True),
        ((), "x\n", False),
    ],
)
def test_dots_stand_for_any_text_and_nothing_else_does(shown, printed, same):
    assert bool(pattern(shown).fullmatch(printed)) == same
