"""Eight commands at once in one repository, half of them killed at a moment of writing, round after round.

    python tests/killed/kill_many.py 100 [seed]

Each round begins with a fresh repository. A command is killed before one of its steps: an operation that changes a
file or the database. After each round everything that was said to be done has to be there, everything else wholly or
not at all, the chain of the audit trail whole, and the next commands have to work. Prints what went wrong.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from fpctl.exclusions.loader import load_exclusions  # noqa: E402
from fpctl.history.history import History  # noqa: E402
from fpctl.rewrite.output.markers import strip  # noqa: E402
from killed.conftest import Commands, Ended  # noqa: E402
from killed.test_killed_commands import EDITOR, TEMPORARY, VERBS, furnish  # noqa: E402
from records_support import EXCLUSION, RULE_ID  # noqa: E402

PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Writer:
    """A command that writes: `done` tells whether what it does is there."""

    arguments: tuple[str, ...]
    done: Callable[[Path], bool]
    codes: tuple[int, ...] = (0,)


def _holds(name: str, text: str) -> Callable[[Path], bool]:
    def done(folder: Path) -> bool:
        place = folder / name
        return place.exists() and text in place.read_text("utf-8")

    return done


def _runs(folder: Path) -> bool:
    place = folder / ".fpctl" / "history.db"
    if not place.exists():
        return False
    with History.open(place) as history:
        return len(list(history.runs())) >= 2


def _applied(folder: Path) -> bool:
    tuned = sorted((folder / "tuned").glob("*.yaml"))
    return len(tuned) == 2 and all("fpctl" in one.read_text("utf-8") for one in tuned)


WRITERS = {
    "add": Writer(VERBS["add"].arguments, _holds("exclusions/fp-new.yaml", "build02")),
    "edit": Writer(VERBS["edit"].arguments, _holds("exclusions/fp-2026-0001.yaml", "setup.exe")),
    "renew": Writer(
        ("renew", "fp-2026-0002", "--until", "2027-09-01"), _holds("exclusions/fp-2026-0002.yaml", "2027-09-01")
    ),
    "retire": Writer(
        ("retire", "fp-2026-0003", "--reason", "gone"), _holds("exclusions/fp-2026-0003.yaml", "status: retired")
    ),
    "approve": Writer(
        ("approve", "fp-2026-0004", "--by", "m.weber@contoso.com"),
        _holds("exclusions/fp-2026-0004.yaml", "approved_by: m.weber"),
    ),
    "lists add": Writer(("lists", "add", "builds", "build07"), _holds("exclusions/lists/builds.txt", "build07")),
    "lists add again": Writer(("lists", "add", "builds", "build08"), _holds("exclusions/lists/builds.txt", "build08")),
    "lists remove": Writer(
        ("lists", "remove", "builds", "build06"),
        lambda f: "build06" not in (f / "exclusions/lists/builds.txt").read_text("utf-8"),
    ),
    "import": Writer(
        VERBS["import"].arguments, lambda f: all((f / "exclusions" / f"fp-{n}.yaml").exists() for n in range(3))
    ),
    "run": Writer(VERBS["run"].arguments, _runs),
    "apply": Writer(("apply", "--out", "tuned", "--jobs", "1"), _applied),
}


def prepare(folder: Path) -> None:
    """Make the repository that each round begins with."""
    furnish(folder)
    for number in (3, 4, 5):
        text = EXCLUSION.replace("2026-0001", f"2026-000{number}").replace(f"[{RULE_ID}]", "['*']")
        if number == 5:
            text = text.replace("""['build01', "build02.contoso.com"]""", "['@lists/builds.txt']")
        (folder / "exclusions" / f"fp-2026-000{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "exclusions" / "lists").mkdir()
    (folder / "exclusions" / "lists" / "builds.txt").write_text("# field: device\nbuild05\nbuild06\n", encoding="utf-8")


def run(commands: Commands, folder: Path, name: str, step: int | None) -> Ended:
    """Run a command, killed before its step of a number."""
    return commands.run(folder, WRITERS[name].arguments, step=step, EDITOR=EDITOR, TMPDIR=str(folder / TEMPORARY))


def judge(folder: Path, ended: dict[str, Ended], commands: Commands) -> None:
    """Check what a round left."""
    for name, how in ended.items():
        writer = WRITERS[name]
        assert how.code in (*writer.codes, -9), f"{name} ended with {how.code}: {how.err}"
        if how.code == 0:
            assert writer.done(folder), f"{name} said that it was done, and is not"
    loaded = load_exclusions(folder / "exclusions")
    assert loaded.problems == (), loaded.problems
    for place in folder.glob("tuned/*.yaml"):
        base = (folder / "rules" / place.name).read_text("utf-8")
        query = place.read_text("utf-8")
        assert strip(query) == base or query == base, f"{place.name} is not its rule with clauses"
    assert commands.run(folder, ("log",)).code == 0
    with History.open(folder / ".fpctl" / "history.db") as history:
        assert history.trail.verify().findings == ()
    verified = commands.run(folder, ("log", "verify"))
    assert verified.code == 0, verified.out + verified.err
    for name in ended:
        if not WRITERS[name].done(folder):
            again = run(commands, folder, name, None)
            assert WRITERS[name].done(folder), f"{name} cannot be done afterwards: {again.code} {again.err}"


def main() -> int:
    """Run as many rounds as asked for."""
    rounds, seed = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "kill -9"
    drawn = random.Random(seed)
    count: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fpctl-kills-") as scratch, ThreadPoolExecutor(PROCESSES) as pool:
        root = Path(scratch)
        prepare(root / "before")
        places = [root / f"process{number}" for number in range(PROCESSES)]
        for place in places:
            place.mkdir()
        processes = [Commands(place) for place in places]
        # With a history, so that the steps of a command are the same whatever others do first.
        assert processes[0].run(root / "before", ("log",)).code == 0
        steps: dict[str, int] = {}
        for name in WRITERS:
            for trial in ("warm", "counted"):
                folder = Path(shutil.copytree(root / "before", root / trial))
                clean = run(processes[0], folder, name, None)
                assert clean.code in WRITERS[name].codes, f"{name}: {clean.code} {clean.err}"
                assert WRITERS[name].done(folder), name
                steps[name] = len(clean.steps)
                shutil.rmtree(folder)
        print(f"steps: {steps}", flush=True)
        for number in range(rounds):
            names = drawn.sample(sorted(WRITERS), PROCESSES)
            kills = {name: drawn.randint(1, steps[name]) if drawn.random() < 0.5 else None for name in names}
            folder = Path(shutil.copytree(root / "before", root / f"round{number}"))
            tasks = {name: pool.submit(run, processes[at], folder, name, kills[name]) for at, name in enumerate(names)}
            ended = {name: task.result() for name, task in tasks.items()}
            count.update("killed" if how.code == -9 else f"ended with {how.code}" for how in ended.values())
            try:
                judge(folder, ended, processes[0])
            except Exception:
                failed += 1
                print(f"--- round {number}: {kills}", flush=True)
                traceback.print_exc(limit=1, file=sys.stdout)
            shutil.rmtree(folder)
        for process in processes:
            process.close()
    print(f"{rounds} rounds, {failed} failed: {dict(count)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
