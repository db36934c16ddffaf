"""Tables are asked about once per range, whichever rule asks, and again after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from fpctl.engine.interface import EngineError, TableStatus, Timespan
from fpctl.execution.stream import completed
from fpctl.execution.table_facts import TableFacts

DAY = Timespan(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


class Preflights:
    """An engine that only notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], Timespan | None]] = []
        self.failing = False

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        self.asked.append((tuple(tables), timespan))
        if self.failing:
            raise EngineError("the service is not there", code="unreachable")
        return [TableStatus(name, True, len(name)) for name in tables]


def test_only_tables_not_asked_for_yet_are_asked() -> None:
    engine = Preflights()
    facts = TableFacts(engine)  # type: ignore[arg-type]
    facts.of(["A", "B"], DAY)
    statuses = facts.of(["B", "CC"], DAY)
    assert [(status.name, status.rows_in_range) for status in statuses] == [("B", 1), ("CC", 2)]
    assert engine.asked == [(("A", "B"), DAY), (("CC",), DAY)]


def test_another_range_is_another_question() -> None:
    engine = Preflights()
    facts = TableFacts(engine)  # type: ignore[arg-type]
    facts.of(["A"], DAY)
    facts.of(["A"], None)
    assert len(engine.asked) == 2


def test_many_threads_ask_once() -> None:
    engine = Preflights()
    facts = TableFacts(engine)  # type: ignore[arg-type]
    answers = list(completed(range(50), lambda _: facts.of(["A", "B"], DAY), 8))
    assert {tuple(status.name for status in statuses) for _, statuses in answers} == {("A", "B")}
    assert sorted(name for tables, _ in engine.asked for name in tables) == ["A", "B"]


def test_a_failure_is_told_and_not_kept() -> None:
    engine = Preflights()
    facts = TableFacts(engine)  # type: ignore[arg-type]
    engine.failing = True
    with pytest.raises(EngineError, match="the service is not there"):
        facts.of(["A"], DAY)
    engine.failing = False
    assert [status.exists for status in facts.of(["A"], DAY)] == [True]


def test_an_engine_that_cannot_list_its_tables_is_asked_once() -> None:
    class Unlisted(Preflights):
        def tables(self) -> list[str]:
            self.asked.append((("tables",), None))
            raise EngineError("the tables of a resource cannot be listed", code="unsupported")

    engine = Unlisted()
    facts = TableFacts(engine)  # type: ignore[arg-type]
    assert (facts.names(), facts.names()) == (None, None)
    assert len(engine.asked) == 1
