"""Processes that have fpctl imported when they begin, for tests that need many of them.

Each is forked from one process that has imported it, and so begins in milliseconds instead of half a second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_WANTED = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
CONTEXT: Any = multiprocessing.get_context(_WANTED)
if _WANTED == "forkserver":
    CONTEXT.set_forkserver_preload(
        [
            "alembic.command", "duckdb", "fpctl.cli.app", "fpctl.engine.local.engine", "fpctl.exclusions.loader",
            "fpctl.execution.run", "fpctl.history.history", "fpctl.history.trail", "fpctl.report.explanation",
            "fpctl.repository.apply", "fpctl.settings", "pyarrow", "rich.console", "sqlmodel",
        ]
    )  # fmt: skip

PATIENCE = 240.0
"""Seconds that a process may take."""


class Process:
    """A running process, its stdout as lines.

    Args:
        work: what it does, a function of a module; what it returns or raises with `SystemExit` is the exit code.
        arguments: those of `work`.
    """

    def __init__(self, work: Callable[..., int | None], *arguments: Any) -> None:
        receive, out = CONTEXT.Pipe(duplex=False)
        receive_err, err = CONTEXT.Pipe(duplex=False)
        self._pipes = (receive, receive_err)
        self._process = CONTEXT.Process(target=_main, args=(out, err, work, arguments))
        self._process.start()
        out.close()
        err.close()
        self.stdout: IO[str] = open(receive.fileno(), encoding="utf-8", closefd=False)  # noqa: SIM115
        self._stderr: IO[str] = open(receive_err.fileno(), encoding="utf-8", closefd=False)  # noqa: SIM115

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return bool(self._process.is_alive())

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; return its exit code (negative: that of the signal that ended it), stdout and stderr."""
        out, err = self.stdout.read(), self._stderr.read()
        self._process.join(PATIENCE)
        return self._process.exitcode, out, err

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_running and kind is not None:
            self.kill()
        self._process.join(PATIENCE)
        self._process.close()
        for opened in (self.stdout, self._stderr, *self._pipes):
            opened.close()


def _main(out: Connection, err: Connection, work: Callable[..., int | None], arguments: Sequence[Any]) -> None:
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    code = work(*arguments)
    sys.stdout.flush()
    sys.exit(code)


def program(text: str, *arguments: str) -> None:
    """Run the text of a program."""
    sys.argv = ["-c", *arguments]
    exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})


def fpctl(folder: Path, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run a command of fpctl in a folder."""
    from fpctl.cli import app

    os.chdir(folder)
    os.environ.update(environment or {})
    return app.run(arguments)


def session(
    folder: Path, arguments: Sequence[str], size: tuple[int, int], environment: Mapping[str, str], typed: str
) -> None:
    """Run a command on a terminal of a size (columns, lines), type something, and print all that is shown."""
    import fcntl
    import pty
    import termios

    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.clear()
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        code = fpctl(folder, arguments, environment)
        sys.stdout.flush()
        os._exit(code)
    columns, lines = size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    if typed:
        os.write(terminal, typed.encode())
    shown = bytearray()
    give_up = time.monotonic() + PATIENCE / 2
    with contextlib.suppress(OSError):  # the other side is closed
        while select.select([terminal], [], [], max(give_up - time.monotonic(), 0))[0]:
            part = os.read(terminal, 1 << 16)
            if not part:
                break
            shown += part
        else:
            os.kill(pid, signal.SIGKILL)  # it waits for an answer that nobody gives
    os.close(terminal)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(shown)
