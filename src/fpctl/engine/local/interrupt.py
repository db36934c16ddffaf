"""Work on a DuckDB connection that Ctrl-C, a time limit and a limit of memory can stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fpctl.background import in_background
from fpctl.engine.interface import EngineError
from fpctl.engine.local.memory import resident

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between two interrupts: the first may come before the query has begun."""


_LOOK = 0.1
"""Seconds between two looks at the memory."""


def run_interruptibly(
    connection: duckdb.DuckDBPyConnection, work: Callable[[], T], timeout: float | None, memory: int | None = None
) -> T:
    """Return what `work` returns, done in a thread of its own while this one waits.

    DuckDB does not look at signals while it runs, so the thread that Ctrl-C reaches must not be the
    one inside DuckDB. When this returns or raises, the work has ended.

    Args:
        connection: what to interrupt.
        work: something that runs on the connection.
        timeout: seconds until it is stopped, None for never.
        memory: bytes that the process may hold more than at the start, None for any number.

    Raises:
        EngineError: `timeout`, `memory`.
        KeyboardInterrupt: Ctrl-C, after the query has ended.
    """
    future: Future[T] = Future()
    try:
        # Ctrl-C may come while the thread starts: then the work runs, or it is cancelled and never begins.
        in_background(work, "fpctl-query", future)
        exceeded = _watched(future, timeout, memory)
    except BaseException:
        _stop(connection, future)
        raise
    if exceeded is not None:
        _stop(connection, future)
        if future.cancelled() or future.exception() is not None:
            raise exceeded
    return future.result()


def _watched(future: Future[T], timeout: float | None, memory: int | None) -> EngineError | None:
    """Wait for the work to end; return which limit it exceeds, None where it ends within both."""
    before = resident() if memory is not None else None
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if end is None else max(end - time.monotonic(), 0)
        if before is None or memory is None:
            done = wait([future], left).done
        else:
            done = wait([future], _LOOK if left is None else min(left, _LOOK)).done
        if done:
            return None
        if end is not None and time.monotonic() >= end:
            return EngineError(
                f"the query ran longer than {timeout:g} s and was stopped",
                code="timeout",
                hint="give more time with --timeout, or a shorter time range",
            )
        if before is not None and memory is not None and (resident() or 0) - before > memory:
            return EngineError(
                "the query needs more memory than it may have, and was stopped",
                code="memory",
                hint="raise --memory, or give a shorter time range",
            )


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Let Ctrl-C in a short piece of work inside DuckDB, done in this thread, be what it is everywhere.

    DuckDB's Python module makes a RuntimeError of the KeyboardInterrupt that it meets while it works.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error).strip() == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def _stop(connection: duckdb.DuckDBPyConnection, future: Future[T]) -> None:
    """Interrupt the work until it has ended; work that has not begun is cancelled."""
    while not future.cancel() and not future.done():
        connection.interrupt()
        wait([future], _AGAIN)
