"""`fpctl report`: every exclusion that is not over, the riskiest first, with what is known of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DAY = ("--on", "2026-11-24")
RISKY = """id: fp-2
title: "Any | [PowerShell](http://x)"
rules: ['*']
match: {process: [powershell.exe]}
broad: true
approved_by: m@contoso.com
created: 2026-11-01
"""


@pytest.fixture
def repository(workplace: Path) -> Path:
    folder = workplace / "exclusions"
    (folder / "fp-2.yaml").write_text(RISKY)
    ended = (folder / "fp-1.yaml").read_text().replace("fp-1", "fp-3").replace("2027-05-01", "2026-11-20")
    (folder / "fp-3.yaml").write_text(ended)
    data = workplace / "data"
    data.mkdir()
    event = {
        "Timestamp": "2026-11-23T10:00:00Z", "DeviceName": "build01", "InitiatingProcessFileName": "msiexec.exe",
        "InitiatingProcessVersionInfoProductName": "rport",
    }  # fmt: skip
    (data / "DeviceNetworkEvents.jsonl").write_text(json.dumps(event) + "\n")
    return workplace


def test_the_riskiest_stands_first_and_what_is_over_is_counted(fpctl: Callable[..., Any], repository: Path) -> None:
    found = json.loads(fpctl("report", *DAY, "--format", "json").out)
    assert [one["id"] for one in found["exclusions"]] == ["fp-2", "fp-1"]
    assert (found["states"], found["over"], found["recorded"]) == ({"active": 2}, 1, False)
    assert found["risk"] == {"high": 1, "medium": 1, "low": 0}
    assert [one["hits"] for one in found["exclusions"]] == [None, None]
    assert [one["days_left"] for one in found["exclusions"]] == [None, 158]


def test_the_risk_is_that_of_show_point_by_point(fpctl: Callable[..., Any], repository: Path) -> None:
    found = json.loads(fpctl("report", *DAY, "--format", "json").out)
    for one in found["exclusions"]:
        assert one["risk"] == json.loads(fpctl("show", one["id"], *DAY, "--format", "json").out)["risk"]
        assert one["risk"]["score"] == min(100, sum(point["points"] for point in one["risk"]["factors"]))


def test_hits_and_drift_are_those_of_the_runs(fpctl: Callable[..., Any], repository: Path) -> None:
    fpctl("approve", "fp-1", "--by", "m@contoso.com")
    rule = repository / "rules" / "net.yaml"
    rule.write_text(rule.read_text().replace("has 'rport'", "has_cs 'rport'"))
    fpctl("run", "--data", "data", "--to", "2026-11-24")
    found = {one["id"]: one for one in json.loads(fpctl("report", *DAY, "--format", "json").out)["exclusions"]}
    assert (found["fp-1"]["hits"]["rows"], found["fp-1"]["hits"]["runs"], found["fp-2"]["hits"]["rows"]) == (1, 1, 0)
    assert [one["code"] for one in found["fp-1"]["drift"]] == ["FP208"]
    page = fpctl("report", *DAY).out
    assert "## Drift in the last runs\n\n- " in page
    assert "has changed since fp-1 was approved for it (FP208)\n" in page


def test_the_page_has_a_line_for_each_and_no_markup_of_theirs(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("report", *DAY)
    assert outcome.code == 0
    page = outcome.out
    assert page.startswith("# Exclusions on 2026-11-24\n\n2 active; 1 expired or retired. Risk: 1 high, 1 medium.\n")
    assert "| fp-2 `Any \\| [PowerShell](http://x)` | active | - | never | 1 | - | - | - | " in page
    assert "### fp-2: " in page
    assert "- +35 no device, URL or hash is named\n" in page
    assert "No run has been recorded: hits are unknown." in page


def test_a_broken_file_is_told_and_the_others_stand(fpctl: Callable[..., Any], repository: Path) -> None:
    (repository / "exclusions" / "fp-3.yaml").write_text("id: [")
    outcome = fpctl("report", *DAY)
    assert (outcome.code, "| fp-1 " in outcome.out, "fp-3.yaml" in outcome.err) == (2, True, True)
