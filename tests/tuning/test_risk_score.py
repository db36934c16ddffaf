"""The risk score: which reasons give points, and that it is the same every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.score import Risk, Share, assess
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.policy import Forbidden
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule

TODAY = date(2026, 11, 24)
NARROW: dict[str, Any] = {
    "device": ["build01"],
    "hash": ["2f4d94d2c7a287785e87423f456ac41968e54a7d65c9d82bea217c26c33340ae"],
}
RULE = Rule(id="r", name="a rule", query="T", path="r.kql", kind="bare")


def scored(
    *match: dict[str, Any],
    rules: tuple[Rule, ...] = (RULE,),
    weights: RiskWeights | None = None,
    share: Share | None = None,
    tested: frozenset[str] = frozenset(),
    **keys: Any,
) -> Risk:
    given = {"id": "fp", "rules": ["r"], "expires": date(2027, 1, 1), "broad": True, "approved_by": "m", **keys}
    exclusion = Exclusion.model_validate({"match": list(match), **given})
    return assess(
        exclusion, rules, shared_names(Forbidden()), weights or RiskWeights(), today=TODAY, tested=tested, share=share
    )


def codes(risk: Risk) -> dict[str, int]:
    return {point.code: point.points for point in risk.factors}


@pytest.mark.parametrize(
    ("match", "code"),
    [
        ({"process": ["msiexec.exe"], "parent_process": ["x.exe"]}, "unanchored"),
        ({"device": ["build01"]}, "one_field"),
        ({"device": ["build*"], "process": ["a.exe"]}, "wildcard"),
        ({"device": [f"build{n}" for n in range(30)], "process": ["a.exe"]}, "many_values"),
        ({"device": ["build01"], "process": ["a.exe"]}, "file_name"),
        ({"device": ["build01"], "process": ["PowerShell.exe"]}, "script_host"),
        ({"device": ["build01"], "command_line": ["shutdown /r"]}, "command_line"),
        ({"device": ["build01"], "path": ["C:\\Users\\Public\\x"]}, "writable_path"),
        ({"url": ["github.com"], "process": ["a.exe"]}, "shared_host"),
        ({"url": ["blob.core.windows.net"], "process": ["a.exe"]}, "shared_host"),
        ({"hash": ["3337e3875b05e0bfba69ab926532e3f179e8cfbf162ebb60ce58a0281437a7ef"]}, "shared_program"),
        ({"device": ["build01"], "where": "RemotePort == 443"}, "raw_condition"),
    ],
)
def test_a_match_that_leaves_room_gives_points(match: dict[str, Any], code: str) -> None:
    assert codes(scored(match))[code] > 0
    assert code not in codes(scored(NARROW))


@pytest.mark.parametrize(
    ("match", "code"),
    [
        ({"url": ["github.com/contoso"], "process": ["a.exe"]}, "shared_host"),
        ({"url": ["contoso.blob.core.windows.net"], "process": ["a.exe"]}, "shared_host"),
        ({"device": ["b"], "process": ["powershell.exe"], "command_line": ["Get-Data.ps1"]}, "script_host"),
        ({"device": ["b"], "process": ["a.exe"], "signer": ["Contoso"]}, "file_name"),
        ({"device": ["b"], "path": ["C:\\Users\\x"], "signer": ["Contoso"]}, "writable_path"),
    ],
)
def test_what_narrows_a_match_takes_the_reason_away(match: dict[str, Any], code: str) -> None:
    assert code not in codes(scored(match))


def test_of_several_alternatives_the_riskiest_counts() -> None:
    broad = {"process": ["powershell.exe"]}
    assert codes(scored(NARROW, broad))["unanchored"] == codes(scored(broad))["unanchored"]


def test_what_was_measured_counts_by_its_share() -> None:
    risk = scored(NARROW, share=Share(devices=0.5, traffic=1.0))
    assert (codes(risk)["estate"], codes(risk)["traffic"], risk.measured) == (10, 15, True)
    assert scored(NARROW).measured is False


def test_rules_count_by_severity_tactic_and_number() -> None:
    grave = Rule(
        id="g", name="dump", query="T", path="g.kql", kind="bare", severity="High", tactics=("CredentialAccess",)
    )
    found = codes(scored(NARROW, rules=(RULE, grave)))
    assert (found["severity"], found["tactic"], found["more_rules"]) == (10, 8, 1)


@pytest.mark.parametrize(
    ("keys", "code", "points"),
    [
        ({"expires": None}, "endless", 20),
        ({"expires": date(2027, 11, 1)}, "long", 8),
        ({"expires": date(2027, 4, 1)}, "long", 4),
        ({"window": {"weekly": ["sun 02:00-04:00"]}}, "window", -8),
    ],
)
def test_its_time_counts(keys: dict[str, Any], code: str, points: int) -> None:
    assert codes(scored(NARROW, **keys))[code] == points


def test_a_test_that_must_fire_lowers_it_and_none_raises_it() -> None:
    assert codes(scored(NARROW))["untested"] == 8
    assert codes(scored(NARROW, tested=frozenset({"r"})))["tested"] == -6


def test_a_weight_of_zero_turns_a_reason_off() -> None:
    assert "one_field" not in codes(scored({"device": ["b"]}, weights=RiskWeights(one_field=0)))


def test_the_score_stays_between_0_and_100_and_is_the_sum_of_its_points() -> None:
    low = scored(NARROW, tested=frozenset({"r"}))
    high = scored({"process": ["powershell.exe"]}, expires=None, share=Share(1.0, 1.0))
    assert (low.score, low.level) == (0, "low")
    assert (high.score, high.level) == (min(100, sum(codes(high).values())), "high")


def test_show_tells_it_point_by_point_by_the_weights_of_the_settings(
    fpctl: Callable[..., Any], workplace: Path
) -> None:
    before = json.loads(fpctl("show", "fp-1", "--format", "json", "--on", "2026-11-24").out)["risk"]
    (workplace / "fpctl.toml").write_text("[risk]\ntactic = 50\n")
    after = json.loads(fpctl("show", "fp-1", "--format", "json", "--on", "2026-11-24").out)["risk"]
    assert after["score"] == before["score"] + 42
    assert "+50 a rule is about CommandAndControl" in fpctl("show", "fp-1", "--on", "2026-11-24").out
