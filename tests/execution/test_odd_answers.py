"""Odd answers of a service stop only the rule that they are about: at each stage of a run, and in previews."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.engine.interface import EngineError, ResultColumn, Table, TableStatus, Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.engine.remote.decode import only_row
from fpctl.exclusions.model import Exclusion
from fpctl.execution.run import RunResult
from fpctl.execution.session import Session
from fpctl.repository.apply import tune
from fpctl.repository.model import open_repository

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SPAN = Timespan(NOW - timedelta(days=2), NOW)
RULES = {"odd": "DeviceProcessEvents | where FileName == 'x.exe'", "sound": "DeviceFileEvents | where FileName != ''"}
EXCLUSION = {"id": "fp-1", "rules": ["*"], "match": {"device": "build01"}, "expires": date(2027, 5, 1)}


class Spoiled(LocalEngine):
    """A local engine whose answers about one table are odd."""

    spoil_answer: Callable[[Table], Table] | None = None
    spoil_status: Callable[[list[TableStatus]], list[TableStatus]] | None = None

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        found = super().preflight(tables, timespan)
        return self.spoil_status(found) if self.spoil_status and "DeviceProcessEvents" in tables else found

    def query_many(self, texts: Sequence[str], timespan: Timespan | None = None) -> list[Table | EngineError]:
        return [
            self.spoil_answer(answer)
            if self.spoil_answer and isinstance(answer, Table) and "DeviceProcessEvents" in text and "fpctl_" in text
            else answer
            for text, answer in zip(texts, super().query_many(texts, timespan), strict=True)
        ]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Spoiled]:
    for folder in ("data", "rules"):
        (tmp_path / folder).mkdir()
    event = {"Timestamp": "2026-11-23T10:00:00Z", "DeviceName": "build01", "FileName": "x.exe"}
    for table in ("DeviceProcessEvents", "DeviceFileEvents"):
        (tmp_path / "data" / f"{table}.jsonl").write_text(json.dumps(event) + "\n")
    for name, query in RULES.items():
        (tmp_path / "rules" / f"{name}.kql").write_text(query)
    repository = open_repository(tmp_path / "rules", None, root=tmp_path)
    opened = Spoiled(tmp_path / "data", now=NOW, tables=repository.tables)
    yield opened
    opened.close()


def runs(engine: Spoiled) -> dict[str, RunResult]:
    repository = open_repository(engine.data_dir.parent / "rules", None, root=engine.data_dir.parent)
    outcomes = tune(repository.rules.rules, [Exclusion.model_validate(EXCLUSION)], repository.planner(NOW.date()))
    session = Session(engine, SPAN, NOW, lambda: NOW, {}, None)
    return {Path(result.rule.path).stem: result for result in session.run(outcomes)}


def with_values(change: Callable[[Any], Any]) -> Callable[[Table], Table]:
    return lambda table: replace(table, rows=[tuple(change(value) for value in row) for row in table.rows])


ANSWERS: dict[str, Callable[[Table], Table]] = {
    "no rows": lambda table: replace(table, rows=[]),
    "no columns": lambda table: replace(table, columns=(), rows=[()]),
    "other columns": lambda table: replace(
        table, columns=tuple(ResultColumn(f"x_{one.name}", one.type) for one in table.columns)
    ),
    "a column less": lambda table: replace(table, columns=table.columns[1:], rows=[row[1:] for row in table.rows]),
    "rows too short": lambda table: replace(table, rows=[row[:1] for row in table.rows]),
    "nulls": with_values(lambda _: None),
    "texts": with_values(str),
    "a negative number": with_values(lambda value: -1 if isinstance(value, int) else value),
    "truth": with_values(lambda value: True),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_odd_count_leaves_the_hits_of_its_rule_unknown_and_other_rules_alone(kind: str, engine: Spoiled) -> None:
    engine.spoil_answer = ANSWERS[kind]
    found = runs(engine)
    assert (found["sound"].status, [hit.rows for hit in found["sound"].hits]) == ("ok", [1])
    assert (found["odd"].status, [hit.rows for hit in found["odd"].hits]) == ("partial", [None])
    assert "the answer to the counting query" in str(found["odd"].error)


STATUSES: dict[str, Callable[[list[TableStatus]], list[TableStatus]]] = {
    "none": lambda _: [],
    "another table": lambda found: [one._replace(name="Other") for one in found],
    "something else": lambda _: [None],  # type: ignore[list-item]
}


@pytest.mark.parametrize("kind", STATUSES)
def test_an_odd_state_of_a_table_fails_its_rule_only(kind: str, engine: Spoiled) -> None:
    engine.spoil_status = STATUSES[kind]
    found = runs(engine)
    assert (found["sound"].status, [hit.rows for hit in found["sound"].hits]) == ("ok", [1])
    assert found["odd"].status == "failed"
    assert found["odd"].error


COLUMNS = (ResultColumn("n", "long"), ResultColumn("at", "datetime"))


@pytest.mark.parametrize("rows", [[], [()], [(1,)], [(1, NOW), (2, NOW)], [("1", NOW)], [(1, "2026")], [(True, NOW)]])
def test_a_row_that_is_not_the_one_that_was_asked_for_is_a_bad_response(rows: list[tuple[Any, ...]]) -> None:
    with pytest.raises(EngineError) as caught:
        only_row(Table(COLUMNS, rows), "the state of T", int, datetime)
    assert caught.value.code == "bad-response"


def test_the_row_that_was_asked_for_may_hold_nulls() -> None:
    assert only_row(Table(COLUMNS, [(None, NOW)]), "the state of T", int, datetime) == (None, NOW)
