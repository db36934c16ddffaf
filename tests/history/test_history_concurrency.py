"""Several writers at once, in threads and in processes, and one that is killed: nothing is lost or half there."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from fpctl.history.repository import History

WRITERS = 8
RUNS = 10

WRITE = """
import sys
from datetime import UTC, datetime
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.history.repository import History

path, writer, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = datetime(2026, 11, 20, tzinfo=UTC)
with History.open(path) as history:
    for number in range(runs):
        hits = tuple(HitRecord(ExclusionVersion(f"fp-{i}", f"v{number % 4}"), 1, 1, now, now) for i in range(50))
        rule = RuleVersion("shared", f"writer {writer}", f"b{number % 3}", "T")
        print(history.record_run(RunRecord(rule, "local", "ok", now, now, hits=hits)), flush=True)
"""


def start(location, writer: int, runs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(location), str(writer), str(runs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_write_a_new_history_at_once_lose_nothing(location):
    writers = [start(location, number, RUNS) for number in range(WRITERS)]
    outputs = []
    for writer in writers:
        with writer:
            outputs.append(writer.communicate(timeout=120))
    assert [errors for _, errors in outputs] == [""] * WRITERS
    ids = [int(line) for output, _ in outputs for line in output.split()]
    assert sorted(ids) == list(range(1, WRITERS * RUNS + 1))
    with History.open(location) as history:
        totals = history.hits()
        assert len(history.exclusion_versions("fp-0")) == 4
        assert len(history.rule_versions("shared")) == 3
    assert [total.rows for total in totals] == [WRITERS * RUNS] * 50


def test_threads_write_one_history_while_others_read_it(history, make_run, make_hit):
    hits = [make_hit(f"fp-{number}", 1) for number in range(20)]
    done = threading.Event()

    def write(writer: int) -> list[int]:
        return [history.record_run(make_run(*hits, rule=f"rule-{writer}")) for _ in range(RUNS)]

    def read() -> list[set[int | None]]:
        seen = []
        while not done.is_set():
            seen.append({total.rows for total in history.hits()})
        return seen

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        ids = [run_id for writer in writers for run_id in writer.result()]
        done.set()
        for reader in readers:
            # A run's hits become visible together, so all exclusions always have the same total.
            assert all(len(totals) <= 1 for totals in reader.result())
    assert sorted(ids) == list(range(1, WRITERS * RUNS + 1))
    assert {total.rows for total in history.hits()} == {WRITERS * RUNS}


def test_a_writer_that_is_killed_leaves_whole_runs_only(location):
    recorded = 0
    for attempt in range(4):
        with start(location, attempt, 100_000) as writer:
            assert writer.stdout is not None
            for _ in range(3 + attempt):
                recorded = int(writer.stdout.readline())
            writer.kill()
            # What was still in the pipe; a line without its end may lack digits.
            rest = [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        recorded = int(rest[-1]) if rest else recorded
    with History.open(location) as history:
        runs = history.runs()
        assert len(runs) >= recorded
        assert {len(history.run(run.id)[1]) for run in runs} == {50}
