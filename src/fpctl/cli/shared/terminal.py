"""Talking with the person at the terminal, on stderr: stdout is for data."""

from __future__ import annotations

import sys

import typer

from fpctl.cli.shared import output


def may_ask() -> bool:
    """Tell whether a person is there to answer."""
    return output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)


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
