"""Faults in whole runs of a rule: the record holds the right counts or none, and no secret.

A run asks for the state of its table, for the result, and for the counts; the faults of a sequence meet any of them.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.conftest import Open
from engine.remote_setup import NOW, REMOTE, TOKEN
from engine.test_faults import FAULTS, POLICY, RARE, Renewed, misbehaviour
from fpctl.engine.remote.credentials import TokenSource
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.execution.session import Session
from fpctl.history.history import History
from fpctl.history.records import StoredHit, StoredRun
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import open_repository
from servers.loopback import Request

RULE = "Events\n| where n < 40\n| project Timestamp, n, DeviceName\n"
EXCLUSION = """id: fp-1
rules: ["*"]
match:
  device: [host3]
reason: patching
owner: a@contoso.com
created: 2024-05-01
expires: 2024-09-01
"""
SEEDS = 200
ROWS, TAKEN = 40, 6  # n = 3, 10, 17, 24, 31, 38
FIRST, LAST = datetime(2024, 5, 1, 0, 3, tzinfo=UTC), datetime(2024, 5, 1, 0, 38, tzinfo=UTC)


class Recorder:
    """A rule that is planned once, and the history into which its runs go."""

    def __init__(self, folder: Path) -> None:
        for name, text in (("rules/net.kql", RULE), ("exclusions/fp-1.yaml", EXCLUSION)):
            (folder / name).parent.mkdir()
            (folder / name).write_text(text)
        repository = open_repository(folder / "rules", folder / "exclusions")
        outcomes = tune(repository.rules.rules, repository.active(), repository.planner(date(2024, 5, 20)))
        self.outcome: RuleOutcome = next(iter(outcomes))
        self.exclusions: dict[str, LoadedExclusion] = {one.id: one for one in repository.exclusions.exclusions}
        self.file = folder / "history.db"
        self.history = History.open(self.file)

    def run(self, engine: object) -> tuple[StoredRun, StoredHit]:
        session = Session(engine, None, NOW, lambda: datetime(2024, 5, 20, tzinfo=UTC), self.exclusions, self.history)  # type: ignore[arg-type]
        assert len(list(session.run([self.outcome]))) == 1
        stored, (hit,) = self.history.run(self.history.runs(limit=1)[0].id)
        return stored, hit

    def kept(self) -> bytes:
        """Return what is on disk of the history, as it is."""
        return b"".join(file.read_bytes() for file in sorted(self.file.parent.glob("history.db*")))


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    made = Recorder(tmp_path_factory.mktemp("record"))
    yield made
    made.history.close()


def assert_true_or_unknown(stored: StoredRun, hit: StoredHit) -> None:
    counts = (stored.rows_before, stored.rows_suppressed, hit.rows, hit.unique, hit.first, hit.last)
    if stored.status == "ok":
        assert counts == (ROWS, TAKEN, TAKEN, TAKEN, FIRST, LAST)
        assert (stored.result_rows, stored.error) == (ROWS - TAKEN, None)
    else:
        assert counts == (None,) * 6
        assert stored.result_rows in (None, ROWS - TAKEN)
        assert stored.error


def scripts() -> list[tuple[int, str, bool, list[str]]]:
    usual = [name for name in FAULTS if name not in RARE]
    made = []
    for seed in range(SEEDS):
        draw = random.Random(10_000 + seed)
        # Good answers in between, so that faults meet the later requests too.
        script = draw.choices([*usual, *["drip"] * 12], k=draw.randint(1, 12))
        if seed % 10 == 0:
            script[draw.randrange(len(script))] = draw.choice(sorted(RARE))
        made.append((seed, REMOTE[seed % len(REMOTE)], draw.random() < 0.5, script))
    return made


def query_of(request: Request) -> str:
    body = request.body or {}
    return str(body.get("query") or body.get("Query") or body.get("csl") or request.path)


@pytest.mark.parametrize(("seed", "name", "renewable", "script"), scripts())
def test_a_run_through_faults_is_recorded_as_it_was(
    seed: int,
    name: str,
    renewable: bool,
    script: list[str],
    recorder: Recorder,
    open_remote: Open,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    source = TokenSource("cli", Renewed) if renewable else None
    deadline = 0.5 if "drip-forever" in script else 20
    opened = open_remote(name, map(misbehaviour, script), source=source, seed=seed, deadline=deadline, concurrency=1)
    stored, hit = recorder.run(opened.engine)
    assert_true_or_unknown(stored, hit)
    if "partial" not in script and stored.status != "ok":
        assert stored.status == "failed" or "counting query failed" in (stored.error or "")
    sent = Counter(query_of(request) for request in opened.server.requests)
    assert max(sent.values()) <= POLICY.requests
    assert TOKEN not in caplog.text
    assert TOKEN.encode() not in recorder.kept()


@pytest.mark.parametrize("name", REMOTE)
def test_a_run_without_faults_is_recorded_whole(name: str, recorder: Recorder, open_remote: Open) -> None:
    stored, hit = recorder.run(open_remote(name).engine)
    assert stored.status == "ok"
    assert_true_or_unknown(stored, hit)


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize("counting", [False, True])
def test_a_partial_answer_to_either_query_leaves_every_count_unknown(
    name: str, counting: bool, recorder: Recorder, open_remote: Open
) -> None:
    opened = open_remote(name, [misbehaviour("partial")])

    tuned = recorder.outcome.tuned
    assert tuned is not None
    wanted = tuned.counting_queries()[0].text if counting else tuned.tuned
    assert wanted is not None
    opened.server.scripted = lambda request: query_of(request).strip() == wanted.strip()
    stored, hit = recorder.run(opened.engine)
    assert not opened.server.script
    assert stored.status == "partial"
    assert (stored.result_rows is None) == (not counting)
    assert_true_or_unknown(stored, hit)


@pytest.mark.parametrize("name", REMOTE)
def test_a_token_that_the_service_repeats_is_cut_out_of_the_record(
    name: str, recorder: Recorder, open_remote: Open
) -> None:
    opened = open_remote(name, [misbehaviour("echo-token")] * 8)
    stored, _ = recorder.run(opened.engine)
    assert stored.error is not None
    assert "[token]" in stored.error
    assert b"[token]" in recorder.kept()
    assert TOKEN.encode() not in recorder.kept()


def test_every_fault_meets_every_engine() -> None:
    met = {name: {fault for _, engine, _, script in scripts() if engine == name for fault in script} for name in REMOTE}
    assert all(met[name] >= set(FAULTS) - RARE for name in REMOTE)
    assert set().union(*met.values()) >= RARE
