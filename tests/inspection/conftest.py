"""A repository for a workspace on loopback, and the command line in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fpctl.cli import app
from fpctl.cli.shared import options
from fpctl.engine.remote.retry import Retrier, RetryPolicy
from servers.log_analytics import LogAnalyticsServer
from servers.store import Store

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RULE = """DeviceNetworkEvents
| where Timestamp > ago(1d)
| where RemotePort == 443
| project Timestamp, DeviceName
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "now", lambda: NOW)
    for folder in ("rules", "exclusions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "net.kql").write_text(RULE)
    return tmp_path


@pytest.fixture
def fpctl(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store(
        """CREATE TABLE DeviceNetworkEvents AS SELECT TIMESTAMP '2026-11-19 08:00:00' AS Timestamp,
           'ws-1' AS DeviceName, CAST(443 AS INTEGER) AS RemotePort, 'x' AS Extra FROM range(10)""",
        "CREATE TABLE Own_CL AS SELECT TIMESTAMP '2026-11-19 08:00:00' AS TimeGenerated, 'a' AS Host_s, 1.5 AS Score_d",
        "CREATE TABLE DeviceInfo AS SELECT TIMESTAMP '2026-01-01 08:00:00' AS Timestamp, 'ws-1' AS DeviceName",
        "CREATE TABLE DeviceEvents AS SELECT TIMESTAMP '2026-11-01 08:00:00' AS Timestamp, 'ws-1' AS DeviceName",
    )
    yield made
    made.close()


@pytest.fixture
def server(workplace: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogAnalyticsServer]:
    def quick(self: Retrier, policy: RetryPolicy | None = None, **_: object) -> None:
        self.policy = policy or RetryPolicy()
        self._sleep = lambda _: None
        self._draw = lambda: 0.0

    monkeypatch.setattr(Retrier, "__init__", quick)
    with LogAnalyticsServer(store) as running:
        (workplace / "fpctl.toml").write_text(
            "[engine]\ndefault = 'log-analytics'\ncredential = 'none'\n"
            f"[engine.log-analytics]\nworkspace_id = 'w'\nendpoint = '{running.url}'\n"
        )
        yield running
