"""Kill -9 at any moment of a command leaves files and history as they were before or as they are after it.

Each verb is killed before each of its steps (every operation that changes a file or the database), and at
moments drawn over its whole life, most of them between its first step and its last.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpctl.exclusions.loader import load_exclusions
from fpctl.history.history import History
from killed.conftest import Commands, Ended
from records_support import EXCLUSION, RULE, RULE_ID

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

MOMENTS = int(os.environ.get("FPCTL_KILLED_MOMENTS", "10"))
"""Moments drawn for each verb."""

DRAFTS = 3
EVENTS = """\
{"Timestamp": "2026-11-24T08:00:00Z", "DeviceName": "build01", "InitiatingProcessFileName": "msiexec.exe", \
"InitiatingProcessVersionInfoProductName": "rport", "RemoteUrl": "contoso.com"}
{"Timestamp": "2026-11-24T09:00:00Z", "DeviceName": "ws-1", "InitiatingProcessFileName": "msiexec.exe", \
"InitiatingProcessVersionInfoProductName": "rport", "RemoteUrl": "contoso.com"}
"""
RULES = 2
TEMPORARY = "temporary"
"""The folder that is TMPDIR."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A command to kill.

    Args:
        arguments: those of fpctl.
        done: its exit code.
        done_in_part: its exit code where some of it is done already.
        done_again: its exit code where all of it is.
        fresh: begin without a history, so that making one is among the steps.
    """

    arguments: tuple[str, ...]
    done: int = 0
    done_in_part: int = 0
    done_again: int = 0
    fresh: bool = False


VERBS = {
    "add": Verb(
        ("add", "--rule", RULE_ID, "--device", "build02", "--reason", "patching", "--owner", "a@contoso.com",
         "--id", "fp-new", "--yes"), done_again=2, fresh=True,
    ),
    "edit": Verb(("edit", "fp-2026-0001")),
    "renew": Verb(("renew", "fp-2026-0001", "fp-2026-0002", "--until", "2027-09-01")),
    "import": Verb(("import", "csv", "in.csv", "--owner", "a@contoso.com")),
    "run": Verb(("run", "--data", "data", "--threads", "1", "--to", "2026-11-24T12:00:00Z")),
}  # fmt: skip
EDIT = "import sys; t = open(sys.argv[1]).read(); open(sys.argv[1], 'w').write(t.replace('msiexec', 'setup'))"
EDITOR = shlex.join([sys.executable, "-S", "-c", EDIT])


@dataclass(frozen=True, slots=True)
class State:
    """What a repository holds: files of exclusions, entries of the audit trail, and runs with their hits."""

    files: dict[str, bytes]
    trail: tuple[tuple[str, ...], ...]
    runs: Counter[tuple[object, ...]]


def state_of(folder: Path) -> State:
    """Return the state; leftovers that no command reads (hidden, for git too) are no part of it."""
    files = {path.name: path.read_bytes() for path in (folder / "exclusions").iterdir() if path.name[0] != "."}
    place = folder / ".fpctl" / "history.db"
    if not place.exists():
        return State(files, (), Counter())
    with History.open(place) as history:
        verdict = history.trail.verify()
        assert verdict.findings == ()
        entries = history.trail.entries()
        hits = {
            run.id: tuple((h.exclusion, h.rows, h.unique) for h in history.run(run.id)[1]) for run in history.runs()
        }
        runs = Counter(
            (run.rule, run.status, run.rows_before, run.rows_suppressed, run.result_rows, hits[run.id])
            for run in history.runs()
        )
    return State(files, tuple((e.exclusion, e.action, str(e.before), str(e.after)) for e in reversed(entries)), runs)


def furnish(folder: Path) -> None:
    """Put rules, exclusions, events and a file to import into a folder."""
    for name in ("rules", "exclusions", "data", TEMPORARY):
        (folder / name).mkdir(parents=True)
    for number in range(RULES):
        text = RULE.replace(RULE_ID, RULE_ID[:-1] + str(number + 1))
        (folder / "rules" / f"r{number}.yaml").write_text(text, encoding="utf-8")
    for number in (1, 2):
        text = EXCLUSION.replace("2026-0001", f"2026-000{number}").replace(f"[{RULE_ID}]", "['*']")
        (folder / "exclusions" / f"fp-2026-000{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "data" / "DeviceNetworkEvents.jsonl").write_text(EVENTS, encoding="utf-8")
    lines = [f"fp-{number},build{number},{RULE_ID}" for number in range(DRAFTS)]
    (folder / "in.csv").write_text("\n".join(["id,device,rules", *lines]), encoding="utf-8")


class Bench:
    """One verb with the repository before it, and what it makes of it when nobody kills it."""

    def __init__(self, name: str, commands: Commands, scratch: Path) -> None:
        self.verb = VERBS[name]
        self._commands = commands
        self._before = scratch / "before"
        furnish(self._before)
        if not self.verb.fresh:
            assert self.call(self._before, "log").code == 0
        self.old = state_of(self._before)
        self.do(self.copy(scratch / "warm"))  # so that the next one, whose times count, finds everything imported
        commands.warm(self._before)
        whole = self.copy(scratch / "whole")
        self.clean = self.do(whole)
        assert self.clean.code == self.verb.done, self.clean.err
        self.new = state_of(whole)
        assert self.new != self.old

    def copy(self, place: Path) -> Path:
        """Return a copy of the repository as it is before the command."""
        shutil.copytree(self._before, place)
        return place

    def call(self, folder: Path, *arguments: str) -> Ended:
        """Run another command there."""
        return self._commands.run(folder, arguments)

    def do(self, folder: Path, *, step: int | None = None, after: float | None = None) -> Ended:
        """Run the command there, and kill it if that is asked for."""
        return self._commands.run(
            folder, self.verb.arguments, step=step, after=after, EDITOR=EDITOR, TMPDIR=str(folder / TEMPORARY)
        )

    def judge(self, folder: Path) -> None:
        """Check that what a kill left is old or new and whole, and that everything can be done afterwards."""
        assert load_exclusions(folder / "exclusions").problems == ()
        left = state_of(folder)
        for name in left.files.keys() | self.old.files.keys() | self.new.files.keys():
            assert left.files.get(name) in (self.old.files.get(name), self.new.files.get(name)), name
        assert left.trail in (self.old.trail, self.new.trail)
        if left.trail != self.old.trail:
            assert left.files == self.new.files
        assert left.runs <= self.new.runs
        resume = (folder / ".fpctl" / "run.jsonl").exists()
        again = self.call(folder, "run", "--resume") if resume else self.do(folder)
        all_done = left.files == self.new.files != self.old.files
        partly = left.files not in (self.old.files, self.new.files)
        expected = self.verb.done_again if all_done else self.verb.done_in_part if partly else self.verb.done
        assert again.code == expected, again.err
        last = state_of(folder)
        if len(last.trail) < len(self.new.trail):
            # A kill after the files and before their entries is noticed like a change by hand.
            assert self.call(folder, "log").code == 0
            last = state_of(folder)
        assert last.files == self.new.files
        assert {entry[0]: entry[3] for entry in last.trail} == {entry[0]: entry[3] for entry in self.new.trail}
        assert len(last.trail) == len(self.new.trail)
        assert last.runs.keys() == self.new.runs.keys()


@pytest.fixture(scope="module", params=VERBS)
def bench(request: pytest.FixtureRequest, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(request.param, commands, tmp_path_factory.mktemp(request.param))


def telling(steps: list[tuple[float, str]]) -> list[tuple[int, str]]:
    """Return the numbers and names of the steps to try: those before which the disk is another than before the last.

    Beginning a transaction changes nothing, nor does ending one that wrote nothing, and its statements
    show only when it ends; what is under TMPDIR is not the repository's.
    """
    told: list[tuple[int, str]] = []
    changed, inside, pending = True, False, False
    for number, (_, what) in enumerate(steps, 1):
        ends = what == "SQL COMMIT"
        if changed or (ends and pending) or what == "end":
            told.append((number, what))
        if what.startswith("SQL BEGIN"):
            changed, inside, pending = False, True, False
        elif ends:
            changed, inside, pending = pending, False, False
        elif what.startswith("SQL"):
            changed, pending = not inside, inside
        else:
            changed = what != "committed" and f"/{TEMPORARY}/" not in what
    return told


def test_a_kill_before_any_step_leaves_the_old_state_or_the_new(bench: Bench, tmp_path: Path) -> None:
    for number, what in telling(bench.clean.steps):
        folder = bench.copy(tmp_path / str(number))
        assert bench.do(folder, step=number).code == -9, what
        try:
            bench.judge(folder)
        except AssertionError as error:
            error.add_note(f"killed before step {number} of {len(bench.clean.steps)}: {what}")
            raise


def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new(bench: Bench, tmp_path: Path) -> None:
    drawn = random.Random("kill -9")
    first, last = bench.clean.steps[0][0], bench.clean.steps[-1][0]
    for number in range(MOMENTS):
        after = drawn.uniform(first, last) if number % 3 else drawn.uniform(0, last * 1.2)
        folder = bench.copy(tmp_path / str(number))
        ended = bench.do(folder, after=after)
        assert ended.code in (-9, bench.verb.done)
        try:
            bench.judge(folder)
        except AssertionError as error:
            error.add_note(f"killed {after:.4f} seconds after its start (steps at {first:.4f} to {last:.4f})")
            raise
