"""`tune` on events without a program: planted identity patterns are proposed, and nothing that resembles them.

Each family has a benign job (one account, address and application, regularly) and three attacks that share all but one
of these with it: another account from the same address, the same account elsewhere, another account with the same
application.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.execution.time_range import window_range
from fpctl.policy import Forbidden
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.suggestion import ProposalCriteria, TuningResult, suggest

END = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Family:
    """A table, its query, and which of its columns hold the account, the address and the application."""

    table: str
    query: str
    account: str
    ip: str
    app: str | None
    fixed: Mapping[str, Any]
    match: Mapping[str, list[str]]


FAMILIES = [
    Family(
        "SigninLogs", "SigninLogs\n| where ResultType != '0'\n| project TimeGenerated, UserPrincipalName, IPAddress, "
        "AppDisplayName, ResultType",
        "UserPrincipalName", "IPAddress", "AppDisplayName", {"ResultType": "50126"},
        {"account": ["svc-backup@contoso.com"], "app": ["backup agent"], "ip": ["10.1.2.3"]},
    ),
    Family(
        "SecurityEvent", "SecurityEvent\n| where EventID == 4625\n| summarize count() by Account, IpAddress",
        "Account", "IpAddress", None, {"EventID": 4625, "Computer": ""},
        {"account": ["svc-backup@contoso.com"], "ip": ["10.1.2.3"]},
    ),
    Family(
        # Windows writes the process that took the logon, and "-" for what is not known.
        "SecurityEvent", "SecurityEvent\n| where EventID == 4625",
        "Account", "IpAddress", None,
        {"EventID": 4625, "ProcessName": "C:\\Windows\\System32\\lsass.exe", "CommandLine": "-"},
        {"account": ["svc-backup@contoso.com"], "ip": ["10.1.2.3"]},
    ),
    Family(
        "OfficeActivity", "OfficeActivity\n| where Operation == 'FileDownloaded'",
        "UserId", "ClientIP", None, {"Operation": "FileDownloaded"},
        {"account": ["svc-backup@contoso.com"], "ip": ["10.1.2.3"]},
    ),
    Family(
        "CommonSecurityLog", "CommonSecurityLog\n| where DeviceAction == 'deny'",
        "SourceUserName", "SourceIP", None, {"DeviceAction": "deny"},
        {"account": ["svc-backup@contoso.com"], "ip": ["10.1.2.3"]},
    ),
]  # fmt: skip


def events(family: Family, seed: int) -> list[dict[str, Any]]:
    """Return two weeks of a job every hour, of people here and there, and of three attacks, ten events each."""
    random_ = random.Random(seed)

    def row(moment: datetime, account: str, ip: str, app: str) -> dict[str, Any]:
        cells = {family.account: account, family.ip: ip, **({family.app: app} if family.app else {})}
        return {"TimeGenerated": f"{moment:%Y-%m-%dT%H:%M:%SZ}", **family.fixed, **cells}

    rows = [
        row(
            END - timedelta(hours=step, minutes=random_.randrange(50)),
            "svc-backup@contoso.com",
            "10.1.2.3",
            "Backup Agent",
        )
        for step in range(1, 14 * 24)
    ]
    for step in range(60):
        moment = END - timedelta(minutes=random_.randrange(14 * 24 * 60))
        rows.append(row(moment, f"user{step}@contoso.com", f"198.51.100.{step}", random_.choice(("Portal", "Mail"))))
    attack = END - timedelta(days=3, hours=random_.randrange(5))
    for step in range(10):
        moment = attack + timedelta(minutes=step)
        rows.append(row(moment, "admin@contoso.com", "10.1.2.3", "Portal"))
        rows.append(row(moment, "svc-backup@contoso.com", "203.0.113.9", "Backup Agent"))
        rows.append(row(moment, "ceo@contoso.com", "203.0.113.10", "Backup Agent"))
    return rows


def tuned(folder: Path, family: Family, seed: int) -> TuningResult:
    lines = "".join(f"{json.dumps(row)}\n" for row in events(family, seed))
    (folder / f"{family.table}.jsonl").write_text(lines, encoding="utf-8")
    tables, span = Tables.packaged(), Timespan(END - timedelta(days=14), END)
    planner = Planner(tables, FieldMap.packaged(None, tables), END.date(), windows_within=window_range(span, END))
    criteria = ProposalCriteria(shared_names(Forbidden()), RiskWeights(), frozenset(), lambda exclusion: True)
    rule = Rule("r", "identity", family.query, "r.kql", "bare")
    with LocalEngine(folder, now=END, tables=tables) as engine:
        return suggest(rule, (), planner, engine, span, criteria)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.table)
def test_a_job_is_proposed_and_what_shares_only_a_part_of_it_keeps_firing(
    tmp_path: Path, family: Family, seed: int
) -> None:
    found = tuned(tmp_path, family, seed)
    (one,) = found.suggestions
    assert {field: list(values) for field, values in one.exclusion.match[0].fields().items()} == family.match
    assert one.rows_removed == 335
    assert found.rows_left == 60 + 30
    assert one.exclusion.broad is False
