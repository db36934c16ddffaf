"""Talking with the person at the terminal, on stderr: stdout is for data."""

from __future__ import annotations

import contextlib
import sys

import typer

from fpctl.cli.shared import output

CONSOLE = "CONIN$" if sys.platform == "win32" else "/dev/tty"


def may_ask() -> bool:
    """Return whether a person is there to answer."""
    return output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)


def read_all() -> str:
    """Return what is piped in; questions after it are answered at the terminal, where there is one.

    `fpctl run ... | fpctl add RULE --from-result -` shows proposals and asks which of them are meant.
    """
    text = sys.stdin.read()
    if not sys.stdin.isatty() and output.is_terminal(sys.stderr):
        with contextlib.suppress(OSError):
            sys.stdin = open(CONSOLE, encoding="utf-8")  # noqa: SIM115, PTH123 - as stdin, until the process ends
    return text


class Terminal:
    """A conversation."""

    def ask(self, question: str, default: str | None = None) -> str:
        """Return the answer; the default for an empty one."""
        answer = typer.prompt(question, default=default or "", show_default=bool(default), err=True)
        return str(answer)

    def say(self, text: str) -> None:
        """Show a text."""
        output.say(output.visible_lines(text))


def agreed(yes: bool, what: str, question: str) -> bool:
    """Return whether to go ahead: `--yes`, or the person says so; without either, say what would be done.

    Args:
        yes: `--yes`.
        what: what would be done, as words after "would".
        question: asked on a terminal.
    """
    if yes:
        return True
    if may_ask():
        return bool(typer.confirm(question, default=False, err=True))
    output.say(f"fpctl would {what}; nothing was done\n  hint: add --yes to do it without confirmation")
    return False
