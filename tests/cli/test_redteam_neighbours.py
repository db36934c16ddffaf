"""`fpctl redteam` shows who else has events from an address that an exclusion names, from the data at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXCLUSION = """id: e-1
rules: ["*"]
match: {match}
reason: x
owner: a@contoso.com
"""
EVENTS = """TimeGenerated,UserPrincipalName,IPAddress,ResultType,AppDisplayName
2026-11-24T01:00:00Z,svc@contoso.com,203.0.113.7,50126,Backup
2026-11-24T02:00:00Z,SVC@contoso.com,203.0.113.7,50126,Backup
2026-11-24T03:00:00Z,boss@contoso.com,203.0.113.7,50126,Portal
2026-11-24T03:00:00Z,boss@contoso.com,198.51.100.9,50126,Portal
2026-11-24T03:00:00Z,boss@contoso.com,192.0.2.1,50126,Portal
"""
DATA = ("--data", "data", "--to", "2026-11-24T12:00:00Z")


@pytest.fixture
def place(workplace: Path) -> Path:
    for folder in ("rules", "exclusions", "data"):
        (workplace / folder).mkdir()
    (workplace / "rules" / "s.kql").write_text('SigninLogs\n| where ResultType != "0"\n')
    (workplace / "data" / "SigninLogs.csv").write_text(EVENTS)
    (workplace / "exclusions" / "e.yaml").write_text(
        EXCLUSION.format(match="{account: svc@contoso.com, ip: [203.0.113.7, 198.51.100.0/24]}")
    )
    return workplace


def test_accounts_behind_the_addresses_are_counted(fpctl: Callable[..., Any], place: Path) -> None:
    found = json.loads(fpctl("redteam", "e-1", *DATA, "--format", "json").out)["neighbours"]
    accounts = [(one["address"], one["who"], one["events"], one["suppressed"]) for one in found]
    assert accounts == [
        ("203.0.113.7", "svc@contoso.com", 2, 2),
        ("198.51.100.9", "boss@contoso.com", 1, 0),
        ("203.0.113.7", "boss@contoso.com", 1, 0),
    ]
    assert "Who has events from these addresses" in fpctl("redteam", "e-1", *DATA).out


@pytest.mark.parametrize(
    ("match", "arguments"),
    [("{account: svc@contoso.com, app: Backup}", DATA), ("{account: svc@contoso.com, ip: 203.0.113.7}", ())],
    ids=["no-address", "no-data"],
)
def test_without_addresses_or_data_nobody_is_listed(
    fpctl: Callable[..., Any], place: Path, match: str, arguments: tuple[str, ...]
) -> None:
    (place / "exclusions" / "e.yaml").write_text(EXCLUSION.format(match=match))
    outcome = fpctl("redteam", "e-1", *arguments, "--format", "json")
    assert outcome.code != 2, outcome.err
    assert json.loads(outcome.out)["neighbours"] == []


def test_a_table_that_cannot_be_asked_is_said(fpctl: Callable[..., Any], place: Path) -> None:
    (place / "data" / "SigninLogs.csv").rename(place / "data" / "Other.csv")
    outcome = fpctl("redteam", "e-1", *DATA)
    assert "SigninLogs: who is behind its addresses is unknown: " in outcome.err
