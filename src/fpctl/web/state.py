"""What all requests of one console share: the repository as it is, the history, the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from fpctl.history.console import ConsoleStore
from fpctl.history.history import History
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.runs import RunQueue
from fpctl.web.work.snapshot import Snapshots

if TYPE_CHECKING:
    from types import TracebackType


class Console:
    """One console. Close it, or use it in a `with` block.

    Raises:
        FpctlError: the history cannot be opened, or the rules or exclusions are not there.
    """

    def __init__(self, config: ConsoleConfig) -> None:
        self.config = config
        self.history = History.open(config.history)
        self.snapshots = Snapshots(config, self.history)
        self.runs = RunQueue(config, self.history, self.snapshots)

    @property
    def store(self) -> ConsoleStore:
        """Sessions, tokens, runs asked for, notices."""
        return self.history.console

    def close(self) -> None:
        """Stop what runs, and close the history."""
        self.runs.close()
        self.snapshots.close()
        self.history.close()

    def __enter__(self) -> Console:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def console_of(request: Request) -> Console:
    """Return the console that a request came to."""
    found: Console = request.app.state.console
    return found
