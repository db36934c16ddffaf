"""`fpctl explain` and `fpctl rules`: what a reader learns about a rule without its source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUERY = """DeviceNetworkEvents
| where RemotePort == 443
| extend Host = tostring(parse_url(RemoteUrl).Host)
| summarize arg_max(Timestamp, *) by DeviceName
| top 5 by Timestamp
"""
EXCLUSION = """id: fp-1
rules: [net.kql]
match: {device: [build01.contoso.com], where: "Host == 'x'"}
reason: patching
owner: a@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
DAY = ("--on", "2026-11-24")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def repository(workplace: Path) -> Path:
    write(workplace / "rules" / "net.kql", QUERY)
    write(workplace / "exclusions" / "fp-1.yaml", EXCLUSION.replace(", where: \"Host == 'x'\"", ""))
    return workplace


def test_json_gives_every_gap_with_its_columns(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("explain", *DAY, "--format", "json")
    (rule,) = json.loads(outcome.out)["rules"]
    assert (rule["rule"], rule["name"], rule["path"]) == ("net.kql", "net", "net.kql")
    (pipeline,) = rule["pipelines"]
    points = pipeline["insertion_points"]
    assert [point["after"] for point in points] == ["source", "where", "extend", "summarize", "top"]
    ends = ["DeviceNetworkEvents", "443", ".Host)", "by DeviceName", "top 5 by Timestamp"]
    assert [point["offset"] for point in points] == [QUERY.index(end) + len(end) for end in ends]
    assert points[0]["columns"]["DeviceName"] == {"type": "string", "origin": "DeviceNetworkEvents.DeviceName"}
    assert points[2]["columns"]["Host"] == {"type": "string", "origin": "derived"}
    assert points[3]["columns"]["DeviceName"]["origin"] == "grouped DeviceNetworkEvents.DeviceName"
    assert not any(point["open"] for point in points)


def test_the_picture_shows_gap_clause_reason_and_warnings(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("explain", *DAY)
    lines = outcome.out.splitlines()
    clause = next(index for index, line in enumerate(lines) if line.startswith("    ==>"))
    assert "| extend Host" in lines[clause - 2]
    assert lines[clause + 1] == "         fp-1: the last place before `summarize` turns events into groups"
    assert "         ^ from here on a row is no longer one event" in lines
    assert any("[effect] (line 5): top: the places of removed rows are filled by other rows" in line for line in lines)
    assert outcome.code == 0


def test_one_exclusion_alone(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "exclusions" / "fp-2.yaml", EXCLUSION.replace("fp-1", "fp-2"))
    outcome = fpctl("explain", "--exclusion", "fp-2", *DAY)
    assert "fp-2" in outcome.out
    assert "fp-1" not in outcome.out
    unknown = fpctl("explain", "--exclusion", "fp-3", *DAY)
    assert unknown.code == 2
    assert unknown.err.startswith("fpctl: no exclusion has the id `fp-3`")


def test_a_raw_condition_on_a_computed_column_is_refused(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "exclusions" / "fp-1.yaml", EXCLUSION)
    outcome = fpctl("explain", *DAY)
    assert outcome.code == 1
    assert "refused: fp-1 [" in outcome.out


def test_lint_names_syntax_faults_and_unknown_columns_with_their_place(
    fpctl: Callable[..., Any], repository: Path
) -> None:
    write(repository / "rules" / "bad.kql", "DeviceInfo\n| where (A == 1\n")
    write(repository / "rules" / "odd.kql", "DeviceInfo\n| where DevicName == 'x'\n")
    outcome = fpctl("rules", "lint")
    assert outcome.code == 2
    assert "rules/bad.kql:" in outcome.out
    assert "rules/odd.kql:2:9: warning: " in outcome.out
    assert "DeviceName" in outcome.out
    assert outcome.err == "3 rules checked, 2 problems\n"
    odd = fpctl("rules", "lint", "odd.kql", "--format", "json")
    assert odd.code == 1
    assert [p["code"] for p in json.loads(odd.out)["problems"]] == ["unknown-column"]


def test_lint_of_the_shipped_rule_only_says_that_its_yaml_is_broken(fpctl: Callable[..., Any], workplace: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "rules"
    outcome = fpctl("rules", "lint", "--rules", shipped, "--format", "json")
    assert [p["code"] for p in json.loads(outcome.out)["problems"]] == ["invalid-yaml"]


def test_lint_tells_which_rules_the_local_engine_can_run(fpctl: Callable[..., Any], repository: Path) -> None:
    write(repository / "rules" / "far.kql", "DeviceInfo\n| extend x = geo_distance_2points(1.0, 2.0, 3.0, 4.0)\n")
    outcome = fpctl("rules", "lint", "--local")
    assert outcome.code == 1
    assert "rules/far.kql:2:14: warning: " in outcome.out
    assert outcome.err == "1 of 2 rules can be tried locally\n"


def test_rules_are_listed(fpctl: Callable[..., Any], repository: Path) -> None:
    outcome = fpctl("rules", "list", "--format", "json")
    assert json.loads(outcome.out)["rules"] == [
        {"id": "net.kql", "name": "net", "kind": "bare", "severity": None, "techniques": "", "path": "net.kql"}
    ]
