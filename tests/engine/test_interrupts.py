"""Ctrl-C while DuckDB works in the caller's own thread."""

from __future__ import annotations

import os
import signal
import threading

import duckdb
import pytest

from fpctl.engine.local import interrupt as running
from fpctl.engine.local.interrupt import interrupts_raised

LONG = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range) % 7 = hash(b.range) % 3"


def test_ctrl_c_inside_duckdb_is_a_keyboard_interrupt() -> None:
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_raised():
            connection.execute("SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b").fetchall()
    finally:
        timer.cancel()
        connection.close()


def test_any_other_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="something else"), interrupts_raised():
        raise RuntimeError("something else")


@pytest.mark.parametrize("begun", [True, False])
def test_ctrl_c_while_the_thread_of_a_query_starts(monkeypatch: pytest.MonkeyPatch, begun: bool) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if begun:
            start(thread)
        raise KeyboardInterrupt

    with duckdb.connect() as connection:
        monkeypatch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            running.run_interruptibly(connection, lambda: connection.sql(LONG).fetchall(), None)
        # Nothing is left that works on the connection.
        assert connection.sql("SELECT 1").fetchall() == [(1,)]
