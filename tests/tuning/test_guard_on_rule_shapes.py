"""The guard on rules of different shapes: what an exclusion suppresses of an attack is seen through each of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from fpctl.errors import Location
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.rules.test_cases import RuleCase
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.guard import evaluate

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NET, PROCESS, LOGON = "DeviceNetworkEvents", "DeviceProcessEvents", "DeviceLogonEvents"


def at(age: str, device: str = "ws-1", **more: Any) -> dict[str, Any]:
    return {"Timestamp": age, "DeviceName": device, **more}


SHAPES: dict[str, tuple[str, dict[str, list[dict[str, Any]]]]] = {
    "rows": (f"{NET} | where RemotePort == 4444", {NET: [at("-1h", RemotePort=4444)]}),
    "threshold": (
        f"{LOGON} | where ActionType == 'LogonFailed'\n"
        "| summarize Failures = count() by DeviceName | where Failures >= 3",
        {LOGON: [at(f"-{n}h", ActionType="LogonFailed") for n in (1, 2, 3)]},
    ),
    "distinct count": (
        f"{NET} | summarize Ports = dcount(RemotePort) by DeviceName, RemoteIP | where Ports > 2",
        {NET: [at("-1h", RemoteIP="192.0.2.1", RemotePort=port) for port in (1, 2, 3, 4)]},
    ),
    "first seen": (
        f"let seen = {PROCESS} | where Timestamp < ago(1d) | distinct SHA256;\n"
        f"{PROCESS} | where Timestamp > ago(1d) | join kind=leftanti seen on SHA256",
        {PROCESS: [at("-1h", SHA256="a" * 64)]},
    ),
    "union": (
        f"union (  {NET} | where RemotePort == 4444 ), ( {PROCESS} | where FileName == 'nc.exe' )\n"
        "| project Timestamp, DeviceName",
        {PROCESS: [at("-1h", FileName="nc.exe")]},
    ),
    "join": (
        f"{PROCESS} | where FileName == 'rport.exe' | project DeviceName, ProcessTime = Timestamp, FileName\n"
        f"| join kind=inner ({NET} | where RemotePort == 4444) on DeviceName",
        {PROCESS: [at("-2h", FileName="rport.exe")], NET: [at("-1h", RemotePort=4444)]},
    ),
    "latest state": (
        f"{NET} | summarize arg_max(Timestamp, *) by DeviceName | where RemotePort == 4444",
        {NET: [at("-1h", RemotePort=4444)]},
    ),
    "watchlist": (
        "let watched = datatable(Address: string) ['192.0.2.9'];\n"
        f"{NET} | where RemoteIP in (watched) | project Timestamp, DeviceName, RemoteIP",
        {NET: [at("-1h", RemoteIP="192.0.2.9")]},
    ),
    "let and time": (
        f"let start = ago(1d);\nlet bad = {NET} | where Timestamp > start | where RemotePort == 4444;\n"
        "bad | summarize First = min(Timestamp) by DeviceName",
        {NET: [at("-1h", RemotePort=4444)]},
    ),
    "few of many": (
        f"{NET} | summarize Devices = dcount(DeviceName), arg_max(Timestamp, DeviceName) by RemoteUrl\n"
        "| where Devices < 3",
        {NET: [at("-1h", RemoteUrl="evil.test")]},
    ),
}


def outcome(shape: str, device: str) -> Any:
    query, events = SHAPES[shape]
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    exclusion = Exclusion.model_validate({"id": "fp", "rules": ["r"], "match": {"device": [device]}})
    rows = {table: tuple(found) for table, found in events.items()}
    case = RuleCase("an attack", "must-fire", rows, {}, NOW, Location("t.yaml"))
    return evaluate(Rule("r", "r", query, "r.kql", "bare"), case, [(exclusion, True)], planner)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_exclusion_of_another_device_leaves_the_attack_firing(shape: str) -> None:
    found = outcome(shape, "build01")
    assert (found.status, found.error) == ("passed", None)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_exclusion_of_the_attacked_device_is_named(shape: str) -> None:
    found = outcome(shape, "ws-1")
    assert found.status == "suppressed", found
    assert [one.exclusion for one in found.suppressed] == ["fp"]
    assert found.suppressed[0].rows >= 1
    assert "ws-1" in found.suppressed[0].clause
