"""Work on a DuckDB connection that Ctrl-C and a time limit can stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fpctl.background import in_background
from fpctl.engine.interface import EngineError

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between two interrupts: the first may come before the query has begun."""


def run_interruptibly(connection: duckdb.DuckDBPyConnection, work: Callable[[], T], timeout: float | None) -> T:
    """Return what `work` returns, done in a thread of its own while this one waits.

    DuckDB does not look at signals while it runs, so the thread that Ctrl-C reaches must not be the
    one inside DuckDB. When this returns or raises, the work has ended.

    Args:
        connection: what to interrupt.
        work: something that runs on the connection.
        timeout: seconds until it is stopped, None for never.

    Raises:
        EngineError: `timeout`.
        KeyboardInterrupt: Ctrl-C, after the query has ended.
    """
    future: Future[T] = Future()
    try:
        # Ctrl-C may come while the thread starts: then the work runs, or it is cancelled and never begins.
        in_background(work, "fpctl-query", future)
        in_time = bool(wait([future], timeout).done)
    except BaseException:
        _stop(connection, future)
        raise
    if not in_time:
        _stop(connection, future)
        if future.cancelled() or future.exception() is not None:
            raise EngineError(
                f"the query ran longer than {timeout:g} s and was stopped",
                code="timeout",
                hint="give more time with --timeout, or a shorter time range",
            )
    return future.result()


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
