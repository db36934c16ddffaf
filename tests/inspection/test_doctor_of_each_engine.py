"""`fpctl doctor` and `fpctl schema pull` with Graph and Kusto: the same findings as with a workspace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.engine.remote.retry import Retrier, RetryPolicy
from fpctl.schema.repository import load_repository
from servers.graph import GraphServer
from servers.kusto import KustoServer
from servers.loopback import LoopbackServer, Misbehaviour
from servers.store import Store

from .conftest import NOW

Fpctl = Callable[..., Any]
Findings = dict[tuple[str, str], dict[str, Any]]
TOKEN = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7-secret"


def _quick(self: Retrier, policy: RetryPolicy | None = None, **_: object) -> None:
    self.policy = policy or RetryPolicy()
    self._sleep = lambda _: None
    self._draw = lambda: 0.0


@pytest.fixture(params=("defender", "kusto"))
def service(
    request: pytest.FixtureRequest, workplace: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackServer]:
    """A service whose engine is that of the settings."""
    monkeypatch.setattr(Retrier, "__init__", _quick)
    monkeypatch.setenv("FPCTL_ACCESS_TOKEN", TOKEN)
    name = str(request.param)
    with GraphServer(store) if name == "defender" else KustoServer(store) as running:
        place = (
            f"endpoint = '{running.url}'\nlook_back_days = 10000\n"
            if isinstance(running, GraphServer)
            else f"cluster = '{running.url}'\ndatabase = '{running.database}'\n"
        )
        (workplace / "fpctl.toml").write_text(
            f"[engine]\ndefault = '{name}'\ncredential = 'token'\n[engine.{name}]\n{place}"
        )
        yield running


def doctor(fpctl: Fpctl) -> tuple[int, Findings]:
    outcome = fpctl("doctor", "--format", "json")
    listed = json.loads(outcome.out)["findings"]
    assert TOKEN not in outcome.out + outcome.err
    assert all(one["hint"] for one in listed if one["status"] in ("warning", "error")), listed
    return outcome.code, {(one["area"], one["subject"]): one for one in listed}


def test_all_is_well(fpctl: Fpctl, service: LoopbackServer) -> None:
    code, findings = doctor(fpctl)
    assert code == 0, findings
    assert {area for area, _ in findings} == {
        "settings", "history", "service", "clock", "credential", "permission", "tables", "limits",
    }  # fmt: skip
    table = findings["tables", "DeviceNetworkEvents"]
    assert (table["status"], table["message"]) == (
        "ok", "10 rows where rules look; the newest is of 2026-11-19 08:00 UTC",
    )  # fmt: skip


def test_a_table_that_is_missing_and_one_without_rows(fpctl: Fpctl, service: LoopbackServer, workplace: Path) -> None:
    (workplace / "rules" / "file.kql").write_text("DeviceFileEvents\n| where Timestamp > ago(1d)\n")
    (workplace / "rules" / "info.kql").write_text("DeviceInfo\n| where Timestamp > ago(7d)\n")
    code, findings = doctor(fpctl)
    assert code == 1
    missing, empty = findings["tables", "DeviceFileEvents"], findings["tables", "DeviceInfo"]
    assert (missing["status"], missing["message"]) == ("error", "the table does not exist")
    since = (NOW - timedelta(days=7)).strftime("%Y-%m-%d %H:%M")
    assert (empty["status"], empty["message"]) == (
        "warning", f"no rows since {since} UTC, where rules look; its newest row is of 2026-01-01 08:00 UTC",
    )  # fmt: skip
    assert missing["hint"].startswith("ensure this data connector is enabled")
    assert empty["hint"] == "ensure this data connector is enabled"


def test_a_column_that_the_table_lacks(fpctl: Fpctl, service: LoopbackServer, workplace: Path) -> None:
    (workplace / "rules" / "net.kql").write_text("DeviceNetworkEvents\n| where ReportId > 1\n")
    code, findings = doctor(fpctl)
    assert code == 1
    assert "ReportId" in findings["tables", "net.kql"]["message"]


@pytest.mark.parametrize(("status", "area"), [(401, "credential"), (403, "permission")])
def test_a_service_that_lets_nobody_in(fpctl: Fpctl, service: LoopbackServer, status: int, area: str) -> None:
    service.scripted = lambda request: request.method == "POST"  # type: ignore[method-assign]
    service.script.extend([Misbehaviour("status", status)] * 20)
    code, findings = doctor(fpctl)
    assert code == 1
    (name,) = {subject for found, subject in findings if found == area}
    assert findings[area, name]["status"] == "error"
    assert findings["tables", name]["status"] == "skipped"


def test_a_service_that_fails_in_the_middle_leaves_the_other_findings(fpctl: Fpctl, service: LoopbackServer) -> None:
    asked = sum(request.method == "POST" for request in _requests_of(fpctl, service))
    assert asked > 1
    for good in range(1, asked):
        met = [0]

        def later(request: Any, good: int = good, met: list[int] = met) -> bool:
            met[0] += request.method == "POST"
            return request.method == "POST" and met[0] > good

        service.scripted = later  # type: ignore[method-assign]
        service.script.extend([Misbehaviour("status", 403)] * 20)
        code, findings = doctor(fpctl)
        service.script.clear()
        assert code == 1
        by_area = {area: one["status"] for (area, _), one in findings.items()}
        assert (by_area["permission"], by_area["tables"], by_area["limits"]) == ("ok", "error", "ok"), good


def _requests_of(fpctl: Fpctl, service: LoopbackServer) -> list[Any]:
    service.requests.clear()
    doctor(fpctl)
    return list(service.requests)


def test_the_tables_of_the_service_are_stored(fpctl: Fpctl, service: LoopbackServer, workplace: Path) -> None:
    assert fpctl("schema", "pull", "--all").code == 0
    stored = load_repository(workplace)
    assert stored.problems == ()
    assert stored.tables["DeviceNetworkEvents"]["Extra"] == "string"
    assert ("Own_CL" in stored.tables) == isinstance(service, KustoServer)  # Graph lists no tables


def test_a_table_that_is_another_one_in_hunting_is_warned_of(
    fpctl: Fpctl, service: LoopbackServer, workplace: Path
) -> None:
    (workplace / "rules" / "alerts.kql").write_text("SecurityAlert\n| take 1\n")
    _, found = doctor(fpctl)
    texts = [one["message"] for (area, subject), one in found.items() if (area, subject) == ("tables", "SecurityAlert")]
    assert ("use AlertInfo and AlertEvidence" in texts[0]) == isinstance(service, GraphServer)
