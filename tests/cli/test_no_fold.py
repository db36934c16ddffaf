"""`--no-fold`: a clause for each exclusion in what apply, explain and run say, and the same counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COUNT = 12
EXCLUSION = """id: fp-{number:02}
rules: [net.kql]
match: {{device: [build{number:02}.contoso.com]}}
reason: patching
owner: a@contoso.com
created: 2026-11-01
expires: 2027-05-{number:02}
"""


@pytest.fixture
def repository(workplace: Path) -> Path:
    for name in ("rules", "exclusions", "data"):
        (workplace / name).mkdir()
    (workplace / "rules" / "net.kql").write_text("DeviceNetworkEvents\n| where RemotePort == 443\n")
    for number in range(1, COUNT + 1):
        (workplace / "exclusions" / f"fp-{number:02}.yaml").write_text(EXCLUSION.format(number=number))
    events = [
        {"Timestamp": "2026-11-18T08:00:00Z", "DeviceName": f"build{n % 20:02}.contoso.com", "RemotePort": 443}
        for n in range(60)
    ]
    (workplace / "data" / "DeviceNetworkEvents.jsonl").write_text("\n".join(map(json.dumps, events)))
    return workplace


def clauses(text: str) -> int:
    return sum("not(" in line for line in text.splitlines())


@pytest.mark.usefixtures("repository")
def test_apply_writes_one_clause_or_one_for_each(fpctl: Callable[..., Any]) -> None:
    assert clauses(fpctl("apply", "--on", "2026-11-24").out) == 1
    assert clauses(fpctl("apply", "--on", "2026-11-24", "--no-fold").out) == COUNT


@pytest.mark.usefixtures("repository")
def test_explain_shows_one_clause_or_one_for_each(fpctl: Callable[..., Any]) -> None:
    def shown(*arguments: str) -> int:
        return sum(
            line.startswith("    ==>") for line in fpctl("explain", "--on", "2026-11-24", *arguments).out.splitlines()
        )

    assert (shown(), shown("--no-fold")) == (1, COUNT)


@pytest.mark.usefixtures("repository")
def test_run_counts_alike_in_both_forms(fpctl: Callable[..., Any]) -> None:
    def told(*arguments: str) -> Any:
        outcome = fpctl("run", "--data", "data", "--to", "2026-11-20", "--no-record", "--format", "json", *arguments)
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)["runs"]

    folded, single = told(), told("--no-fold")
    assert folded == single
    assert [hit["rows"] for hit in folded[0]["hits"]] == [3] * COUNT
