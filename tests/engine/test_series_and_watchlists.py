"""`make-series` and `_GetWatchlist` on the local engine, against the same counted in Python."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fpctl.engine.interface import EngineError, Table
from fpctl.engine.local.engine import LocalEngine
from fpctl.schema.tables import Tables

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RANDOM = Random(5)
EVENTS = [
    (NOW - timedelta(minutes=RANDOM.randrange(60 * 24 * 9)), RANDOM.choice(["a", "b", "c"]), RANDOM.randrange(100))
    for _ in range(400)
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = tmp_path_factory.mktemp("data")
    rows = [
        json.dumps({"Timestamp": when.isoformat(), "DeviceName": device, "RemotePort": port})
        for when, device, port in EVENTS
    ]
    (folder / "DeviceNetworkEvents.jsonl").write_text("\n".join(rows))
    (folder / "HighValue.csv").write_text("SearchKey,Owner\na,me\nc,you\n")
    opened = LocalEngine(folder, now=NOW, tables=Tables.packaged())
    yield opened
    opened.close()


def rows(engine: LocalEngine, text: str) -> list[dict[str, object]]:
    found = engine.query(text)
    assert isinstance(found, Table)
    return list(found.dicts())


@pytest.mark.parametrize(("step", "hours"), [("1d", 24), ("6h", 6), ("36h", 36)])
def test_a_series_has_a_value_for_each_step_and_the_default_elsewhere(
    engine: LocalEngine, step: str, hours: int
) -> None:
    start, end = NOW - timedelta(days=8), NOW - timedelta(days=1)
    found = rows(
        engine,
        "let start = ago(8d);\nDeviceNetworkEvents\n| make-series n = count() default = -1, Top = max(RemotePort) "
        f"on Timestamp from start to ago(1d) step {step} by DeviceName",
    )
    steps = [start + timedelta(hours=hours) * at for at in range(-(-7 * 24 // hours))]
    counts: Counter[tuple[str, int]] = Counter()
    tops: dict[tuple[str, int], int] = {}
    for when, device, port in EVENTS:
        if start <= when < end:
            key = device, int((when - start) / timedelta(hours=hours))
            counts[key] += 1
            tops[key] = max(port, tops.get(key, 0))
    assert {row["DeviceName"] for row in found} == {device for device, _ in counts}
    for row in found:
        keys = [(row["DeviceName"], at) for at in range(len(steps))]
        assert row["n"] == [counts.get(key, -1) for key in keys]
        assert row["Top"] == [tops.get(key, 0) for key in keys]
        assert [datetime.fromisoformat(str(moment)) for moment in row["Timestamp"]] == steps


def test_a_series_without_a_key_is_one_row_and_opens_again(engine: LocalEngine) -> None:
    query = "DeviceNetworkEvents | make-series n = count() on Timestamp from ago(9d) to now() step 1d"
    (series,) = rows(engine, query)
    assert sum(series["n"]) == len(EVENTS)
    again = rows(engine, query + "\n| mv-expand n to typeof(long), Timestamp to typeof(datetime)")
    assert [row["n"] for row in again] == series["n"]


def test_a_series_without_ends_runs_from_its_first_event_to_its_last(engine: LocalEngine) -> None:
    for series in rows(engine, "DeviceNetworkEvents | make-series n = count() on Timestamp step 1d by DeviceName"):
        assert series["n"][0] > 0
        assert series["n"][-1] > 0


def test_a_series_along_numbers_has_a_value_for_each_step(engine: LocalEngine) -> None:
    (series,) = rows(engine, "DeviceNetworkEvents | make-series n = count() on RemotePort from 0 to 1000 step 100")
    assert series["RemotePort"] == list(range(0, 1000, 100))
    assert sum(series["n"]) == sum(port < 1000 for _, _, port in EVENTS)


def test_a_watchlist_is_a_file_of_its_name(engine: LocalEngine) -> None:
    wanted = sum(device in ("a", "c") for _, device, _ in EVENTS)
    listed = "let listed = _GetWatchlist('HighValue') | project SearchKey;\n"
    assert len(rows(engine, f"{listed}DeviceNetworkEvents | where DeviceName in (listed)")) == wanted
    yours = "_GetWatchlist('HighValue') | where Owner == 'you'"
    joined = f"{yours} | join kind=inner DeviceNetworkEvents on $left.SearchKey == $right.DeviceName"
    assert {row["DeviceName"] for row in rows(engine, joined)} == {"c"}


def test_a_watchlist_that_is_not_there_is_named(engine: LocalEngine) -> None:
    with pytest.raises(EngineError) as error:
        engine.query("_GetWatchlist('Nope')")
    assert error.value.message == "the data has no watchlist Nope"
    assert (error.value.code, error.value.offset) == ("unknown-table", 0)
    assert error.value.hint == "put its rows next to the tables: Nope.csv"
