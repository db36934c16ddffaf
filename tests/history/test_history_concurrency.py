"""Several writers at once, in threads and in processes, and one that is killed: nothing is lost or half there."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from fpctl.history.history import History
from prestarted import Process, program

WRITERS = 8
RUNS = 10

WRITE = """
import sys
from datetime import UTC, datetime
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.history.history import History

path, writer, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
now = datetime(2026, 11, 20, tzinfo=UTC)
with History.open(path) as history:
    for number in range(runs):
        hits = tuple(HitRecord(ExclusionVersion(f"fp-{i}", f"v{number % 4}"), 1, 1, now, now) for i in range(50))
        rule = RuleVersion("shared", f"writer {writer}", f"b{number % 3}", "T")
        print(history.record_run(RunRecord(rule, "local", "ok", now, now, hits=hits)), flush=True)
"""


CHANGE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fpctl.exclusions.loader import load_exclusions
from fpctl.history.history import History
from fpctl.history.trail import Action, WorkingCopy

location, folder, writer, changes = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
text = "id: {id}\\nrules: ['*']\\nmatch: {{device: a1}}\\nnotes: {notes}\\n"

def put(name, notes):
    (folder / f"{name}.yaml").write_text(text.format(id=name, notes=notes), encoding="utf-8")

with History.open(location) as history:
    for number in range(changes):
        present = WorkingCopy(load_exclusions(folder).exclusions, folder, True)
        name = f"fp-{writer}-{number}"
        now = datetime.now(UTC)
        history.trail.record(Action("added", writer), [name], lambda: put(name, "new"), present, now)
        history.trail.record(Action("edited", writer), ["fp-shared"], lambda: put("fp-shared", name), present, now)
        history.trail.record_changes(present, now)
"""


def start(location, writer: int, runs: int) -> Process:
    return begin(WRITE, location, writer, runs)


def begin(text: str, *arguments: object) -> Process:
    return Process(program, text, *map(str, arguments))


def outputs_of(writers: list[Process]) -> list[str]:
    """Return what processes print, none of it on stderr."""
    outputs = []
    for writer in writers:
        with writer:
            outputs.append(writer.end())
    assert [errors for _, _, errors in outputs] == [""] * len(writers)
    return [output for _, output, _ in outputs]


def test_processes_that_write_a_new_history_at_once_while_another_reads_lose_nothing(location):
    History.open(location).close()
    writers = [start(location, number, RUNS) for number in range(WRITERS)]
    seen: list[set[int | None]] = []
    with History.open(location) as reader:
        while any(writer.is_running for writer in writers):
            seen.append({total.rows for total in reader.hits()})
            time.sleep(0.05)
    # A run's hits become visible together, so all exclusions always have the same total.
    assert seen
    assert all(len(totals) <= 1 for totals in seen)
    outputs = outputs_of(writers)
    ids = [int(line) for output in outputs for line in output.split()]
    assert sorted(ids) == list(range(1, WRITERS * RUNS + 1))
    with History.open(location) as history:
        totals = history.hits()
        assert len(history.exclusion_versions("fp-0")) == 4
        assert len(history.rule_versions("shared")) == 3
    assert [total.rows for total in totals] == [WRITERS * RUNS] * 50


def test_processes_that_make_one_history_at_once_make_it_once(location):
    outputs = outputs_of([start(location, number, 1) for number in range(4)])
    assert sorted(int(output) for output in outputs) == [1, 2, 3, 4]


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


def test_processes_that_change_exclusions_at_once_make_one_chain_with_every_change(location, tmp_path):
    folder = tmp_path / "exclusions"
    folder.mkdir()
    changes = 5
    outputs_of([begin(CHANGE, location, folder, f"w{number}", changes) for number in range(WRITERS)])
    with History.open(location) as history:
        verdict = history.trail.verify()
        entries = history.trail.entries()
    assert verdict.findings == ()
    assert verdict.entries == 1 + WRITERS * changes * 2  # the first says that the history begins
    added = [entry for entry in entries if entry.action == "added"]
    assert sorted(entry.exclusion for entry in added) == sorted(
        f"fp-w{writer}-{number}" for writer in range(WRITERS) for number in range(changes)
    )
    # Nobody's change was taken for one made outside, and each edit of the shared file starts where the last ended.
    assert {entry.action for entry in entries} == {"history begun", "added", "edited"}
    shared = [entry for entry in reversed(entries) if entry.exclusion == "fp-shared"]
    assert [entry.before for entry in shared] == [None, *(entry.after for entry in shared[:-1])]
