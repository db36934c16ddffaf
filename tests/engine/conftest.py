"""Engines for the tests: every kind on the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.remote_setup import NOW, REMOTE, Remote, remote
from servers.store import Store

EVENTS = (
    """CREATE TABLE Types (Timestamp TIMESTAMP, s VARCHAR, b BOOLEAN, i INTEGER, l BIGINT, r DOUBLE,
       d DECIMAL(38,12), t INTERVAL, g UUID, dyn JSON)""",
    """INSERT INTO Types VALUES
       ('2024-05-01 10:00:00.123456', 'é漢😀 "q"' || chr(10), true, 2147483647, 9007199254740993, 1.5,
        1234567890123456789.000000000001, INTERVAL '26 hours 3.5 seconds', '74be27de-1e4e-49d9-b579-fe0b331d3642',
        '{"a":[1,{"b":null}],"s":"é"}'),
       ('2024-05-02 00:00:00', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       ('2024-05-03 23:59:59.999999', 'None', false, -1, -9223372036854775808, -0.001, 0.1, INTERVAL '1 second',
        '00000000-0000-0000-0000-000000000000', '[1.5,true,"x"]')""",
    """CREATE TABLE Events AS SELECT TIMESTAMP '2024-05-01' + to_microseconds(x * 60000000) AS Timestamp,
       'host' || (x % 7) AS DeviceName, x AS n FROM range(5000) AS numbers(x)""",
    "CREATE TABLE Devices AS SELECT 'host' || x AS DeviceName, x AS id FROM range(7) AS numbers(x)",
)
"""Every Kusto type, with values and nulls; 5,000 events, one a minute; a table without a time column."""


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """The data as the loopback servers have it. Read only."""
    made = Store(*EVENTS)
    yield made
    made.close()


@pytest.fixture(scope="session")
def data_folder(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data as files."""
    folder = tmp_path_factory.mktemp("data")
    for table in store.tables():
        store.connection.cursor().execute(f"COPY main.\"{table}\" TO '{folder / table}.parquet' (FORMAT parquet)")
    return folder


Open = Callable[..., Remote]


@pytest.fixture
def open_remote(store: Store) -> Iterator[Open]:
    """Open a remote engine on its loopback server; both are closed after the test."""
    opened: list[Remote] = []

    def make(name: str, *arguments: Any, **settings: Any) -> Remote:
        opened.append(remote(name, settings.pop("store", store), *arguments, **settings))
        return opened[-1]

    yield make
    for one in opened:
        one.engine.close()
        one.server.close()


@pytest.fixture(params=("local", *REMOTE, "kusto-progressive"))
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(engine_name: str, open_remote: Open, data_folder: Path) -> Iterator[Any]:
    """Each engine in turn, on the same data."""
    if engine_name != "local":
        settings = {"progressive": True} if engine_name == "kusto-progressive" else {}
        yield open_remote(engine_name.removesuffix("-progressive"), **settings).engine
        return
    from fpctl.engine.local.engine import LocalEngine

    with LocalEngine(data_folder, now=NOW) as local:
        yield local
