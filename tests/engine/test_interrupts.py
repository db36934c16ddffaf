"""Ctrl-C while DuckDB works in the caller's own thread."""

from __future__ import annotations

import os
import signal
import threading

import duckdb
import pytest

from fpctl.engine.running import interrupts_raised


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
