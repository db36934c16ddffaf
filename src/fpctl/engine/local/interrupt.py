"""Work on a DuckDB connection that Ctrl-C and a time limit can stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from fpctl.engine.interface import EngineError

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds between two interrupts: the first may come before the query has begun."""

_STARTING = 1.0
"""Seconds in which a thread that was asked for has begun, if it ever does."""


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
    done, stopped = threading.Event(), threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            if not stopped.is_set():
                result.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=body, name="fpctl-query", daemon=True)
    try:
        # Ctrl-C may come while the thread starts: then it runs, or it soon will, or it never does.
        thread.start()
        in_time = done.wait(timeout)
    except BaseException:
        stopped.set()
        if thread.ident is None:
            done.wait(_STARTING)
        _stop(connection, thread, done)
        raise
    if not in_time:
        _stop(connection, thread, done)
        if not result:
            raise EngineError(
                f"the query ran longer than {timeout:g} s and was stopped",
                code="timeout",
                hint="give more time with --timeout, or a shorter time range",
            )
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


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


def _stop(connection: duckdb.DuckDBPyConnection, thread: threading.Thread, done: threading.Event) -> None:
    """Interrupt the work until it has ended; nothing is to be done where its thread never began."""
    while thread.ident is not None and not done.is_set():
        connection.interrupt()
        done.wait(_AGAIN)
    if thread.ident is not None:
        thread.join()
