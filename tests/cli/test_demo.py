"""The demo, and what it promises: an exclusion takes out exactly the events it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.repository.apply import tune
from fpctl.repository.model import open_repository
from oracle.bridge import Oracle

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--rows", "20000")


def test_the_demo_ends_with_exactly_the_three_attacks(fpctl: Callable[..., Any], workplace: Path) -> None:
    outcome = fpctl("demo", "--dir", "demo", *SMALL)
    assert outcome.code == 0, outcome.err
    assert "Exactly the 3 attack sessions remain; every other RPort row was named by an exclusion." in outcome.err
    assert "+| where not(" in outcome.out
    assert "// fpctl fp-2026-0005" in outcome.out
    for device in ("build010.contoso.com", "fin-ws-017.contoso.com", "hr-ws-042.contoso.com"):
        assert device in outcome.out


def test_rows_taken_out_are_exactly_those_that_python_finds(fpctl: Callable[..., Any], workplace: Path) -> None:
    """Computed from the raw events, without KQL, DuckDB or fpctl's own matching."""
    import pyarrow.parquet

    assert fpctl("demo", "--dir", "demo", *SMALL).code == 0
    run = json.loads(
        fpctl(
            *("run", "--rules", "demo/rules", "--exclusions", "demo/exclusions", "--data", "demo/data"),
            *("--to", "2026-11-20T00:00:00Z", "--no-record", "--format", "json"),
        ).out
    )["runs"][0]
    rows = pyarrow.parquet.read_table(workplace / "demo" / "data" / "DeviceNetworkEvents.parquet").to_pylist()
    seen = [row for row in rows if matches_the_rule(row)]
    expected = {exclusion: [row for row in seen if names(row)] for exclusion, names in EXCLUSIONS.items()}
    assert {hit["exclusion"]: hit["rows"] for hit in run["hits"]} == {e: len(found) for e, found in expected.items()}
    assert run["rows_before"] == len(seen)
    left = [row for row in seen if not any(names(row) for names in EXCLUSIONS.values())]
    assert run["rows_suppressed"] == len(seen) - len(left)
    assert run["result_rows"] == len({(row["DeviceId"], row["DeviceName"], row["RemoteUrl"]) for row in left}) == 3
    assert all(len(found) > 20 for found in expected.values())


def matches_the_rule(row: dict[str, Any]) -> bool:
    from datetime import datetime

    return (
        datetime(2026, 11, 15) <= row["Timestamp"].replace(tzinfo=None) <= datetime(2026, 11, 20)
        and "realvnc" in row["InitiatingProcessVersionInfoCompanyName"].lower()
        and "rport" in row["InitiatingProcessVersionInfoProductName"].lower()
    )


def host_of(url: str) -> str:
    host = url.split("://")[-1].split("/")[0].split("?")[0]
    assert "@" not in host
    return host.split(":")[0].rstrip(".").lower()


def below(url: str, domain: str) -> bool:
    host = host_of(url)
    return host == domain or host.endswith("." + domain)


def lower(row: dict[str, Any], column: str) -> str:
    return str(row[column] or "").lower()


def hashed(row: dict[str, Any], *values: str) -> bool:
    return bool({lower(row, f"InitiatingProcess{kind}") for kind in ("SHA1", "SHA256", "MD5")} & set(values))


EXCLUSIONS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "fp-2026-0001": lambda r: (
        lower(r, "DeviceName").split(".")[0] in ("build01", "build02", "build03", "build04")
        and lower(r, "DeviceName") != "build02"
        and lower(r, "InitiatingProcessFileName") in ("msiexec.exe", "setup.exe", "patch.exe")
        and lower(r, "InitiatingProcessParentFileName") == "connectwise.clientservice.exe"
    ),
    "fp-2026-0002": lambda r: (
        lower(r, "DeviceName").split(".")[0] in ("srv-web-01", "srv-web-02", "srv-app-01")
        and lower(r, "InitiatingProcessFileName") == "taskhostw.exe"
        and "shutdown /r" in lower(r, "InitiatingProcessCommandLine")
    ),
    "fp-2026-0003": lambda r: (
        below(r["RemoteUrl"], "deploy.contoso.com")
        and lower(r, "InitiatingProcessFileName") == "rport.exe"
        and hashed(
            r,
            "2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae",
            "994a997c61332e9bdd94520abd5b2dd7aedff89c",
        )
    ),
    "fp-2026-0004": lambda r: (
        lower(r, "DeviceName") in ("mon-01.contoso.com", "mon-02.contoso.com")
        and lower(r, "InitiatingProcessFileName") == "powershell.exe"
        and lower(r, "InitiatingProcessParentFileName") == "rport.exe"
        and any(
            s in lower(r, "InitiatingProcessCommandLine") for s in ("get-monitoringdata.ps1", "collect-auditlog.ps1")
        )
    ),
    "fp-2026-0005": lambda r: (
        below(r["RemoteUrl"], "backup.contoso.com")
        and lower(r, "InitiatingProcessFileName") == "sqlservr.exe"
        and hashed(r, "3230024bc0720327267d24e2b185279d324c26d46ddf2eafc68539657cc294dc")
    ),
}


@pytest.mark.node
def test_the_shipped_tuned_rule_binds_in_microsofts_binder(oracle: Oracle) -> None:
    from datetime import date

    repository = open_repository(ROOT / "rules", ROOT / "exclusions")
    (outcome,) = tune(repository.rules.rules, repository.active(), repository.planner(date(2026, 11, 20)))
    assert outcome.tuned is not None
    assert len(outcome.tuned.plan.insertions) == 5
    columns = repository.tables.table("DeviceNetworkEvents")
    assert columns is not None
    assert oracle.bind(outcome.tuned.tuned, {"DeviceNetworkEvents": dict(columns)}) == []
