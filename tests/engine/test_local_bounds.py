"""A rule cannot take more memory or time of this machine than a query may: it ends with one message."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from engine.data_files import open_engine
from fpctl.engine.interface import EngineError
from fpctl.engine.local import LONGEST, interrupt, memory
from fpctl.engine.local import open_engine as opened
from fpctl.engine.options import EngineOptions
from fpctl.settings import Settings


def doubled(first: str, step: str, last: str, times: int = 18) -> str:
    """Return a rule of `let`s each of which names the one before twice; `@` and `#` are the numbers of the two."""
    steps = (step.replace("@", str(at)).replace("#", str(at - 1)) for at in range(1, times))
    return f"{first}{''.join(steps)}{last.replace('@', str(times - 1))}"


DOUBLING = {
    "values": doubled("let a0=toscalar(print 1);", "let a@=a#+a#;", "print a@"),
    "arrays": doubled("let a0=dynamic(['x']);", "let a@=array_concat(a#,a#);", "print a@"),
    "columns": doubled("print a0='x'", "|extend a@=strcat(a#,a#)", "", 25),
    "columns of arrays": doubled("print a0=pack_array('x','y')", "|extend a@=pack_array(a#,a#)", "", 25),
    "functions": doubled("let f0=(x:long){x+1};", "let f@=(x:long){f#(x)+f#(x)};", "print f@(1)"),
}


@pytest.mark.parametrize("kind", DOUBLING)
def test_values_that_double_are_refused_before_anything_runs(tmp_path: Path, kind: str) -> None:
    with open_engine(tmp_path) as engine, pytest.raises(EngineError) as caught:
        engine.query(DOUBLING[kind])
    assert caught.value.code == "too-complex"
    assert caught.value.at is not None


def test_the_numbers_of_a_range_are_made_as_they_are_read(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from fpctl.engine.local.engine import LocalEngine\n"
        "engine = LocalEngine(Path(sys.argv[1]), now=datetime(2026, 11, 24, tzinfo=UTC), threads=1)\n"
        "print(engine.query('range x from 1 to 300000000 step 3 | count').rows[0][0])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    count, kibibytes = map(int, ran.stdout.split())
    assert count == 100_000_000
    # A list of the numbers would be 800 MB by itself.
    assert kibibytes < 600_000


def test_a_range_between_values_of_the_data_is_counted_on_the_way_too(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        bounds = "let most = toscalar(range y from 3 to 7 step 2 | summarize max(y));"
        assert engine.query(f"{bounds} range x from 1 to most step 2").rows == [(1,), (3,), (5,), (7,)]
        assert engine.query(f"{bounds} range x from most to 1 step -3").rows == [(7,), (4,), (1,)]
        assert engine.query("range x from 1 to toscalar(print long(null)) step 1").rows == []


def test_a_range_ends_at_the_largest_number(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        found = engine.query("range x from 9223372036854775806 to 9223372036854775807 step 1")
        assert found.rows == [(2**63 - 2,), (2**63 - 1,)]
        first = engine.query("range x from -9223372036854775807 to 9223372036854775807 step 1 | take 1")
        assert first.rows == [(1 - 2**63,)]


def test_a_made_array_has_no_more_items_than_the_services_make(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        assert engine.query("print array_length(repeat(1, 1000000000))").rows == [(1_048_576,)]


def test_a_query_that_takes_too_much_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    held = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(interrupt, "resident", lambda: next(held))
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range) % 7 = hash(b.range) % 3"
    with duckdb.connect() as connection, pytest.raises(EngineError) as caught:
        interrupt.run_interruptibly(connection, lambda: connection.sql(endless).fetchall(), None, 2_500)
    assert caught.value.code == "memory"
    assert "--memory" in str(caught.value.hint)


def test_the_memory_of_this_process_is_known_on_linux() -> None:
    if sys.platform != "linux":
        pytest.skip("Linux tells it in /proc")
    held = memory.resident()
    assert held is not None
    assert 10**6 < held <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    ("size", "expected"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("512MB", 512 * 10**6), ("lots", None), ("2XB", None)],
)
def test_a_size_is_read_as_duckdb_writes_it(size: str, expected: int | None) -> None:
    assert memory.bytes_of(size) == expected


def test_without_settings_a_query_has_ten_minutes_and_half_of_the_memory(tmp_path: Path) -> None:
    engine = opened(Settings(), EngineOptions(data=tmp_path))
    try:
        assert engine.timeout == LONGEST == 600  # type: ignore[attr-defined]
        half = memory.bytes_of(memory.default_limit() or "")
        assert half is not None
        assert engine._memory == half + memory.BESIDE  # type: ignore[attr-defined]
    finally:
        engine.close()  # type: ignore[attr-defined]
