"""The rule, the exclusions and the scenarios that come with fpctl."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.loader import load_exclusions
from fpctl.exclusions.references import check_references
from fpctl.exclusions.scenarios.model import SCENARIO_IDS, scenario, scenarios
from fpctl.fields.registry import NAMES, NARROW, check_value
from fpctl.rules.loader import load_rules
from fpctl.schema.families import is_narrow
from fpctl.text.edits import insertion

ROOT = Path(__file__).resolve().parents[2]
RPORT = ROOT / "rules" / "rmm_rport_netconn.yaml"


def test_the_rport_rule_is_shipped_as_published_and_read_with_one_warning() -> None:
    rules = load_rules(ROOT / "rules")
    (loaded,) = rules.select(["a464ea00-ed87-465f-8269-4b6927d9edfa"])
    assert [(p.code, p.at.line, p.severity) for p in rules.problems if p.at.path == str(RPORT)] == [
        ("invalid-yaml", 8, "warning")
    ]
    assert loaded.rule.name == "Remote Management and Monitoring tool - RPort - Network Connection"
    assert loaded.rule.data_types == ("DeviceNetworkEvents",)
    assert loaded.rule.query.startswith("let Time_start = now(-5d);\nlet Time_end = now();\n//\nDeviceNetworkEvents\n")
    assert loaded.rule.query.endswith("by DeviceId, DeviceName,\n    RemoteUrl\n")


def test_editing_the_rport_rule_changes_only_lines_of_its_query() -> None:
    (loaded,) = load_rules(RPORT).rules
    at = loaded.rule.query.index("\n| summarize")
    before = RPORT.read_text()
    after = loaded.text.insert([insertion(at, "\n| where not(x)")])
    assert after.replace("\n  | where not(x)\n  | summarize", "\n  | summarize") == before


def test_one_worked_exclusion_per_scenario_is_shipped_and_active() -> None:
    found = load_exclusions(ROOT / "exclusions")
    assert found.problems == ()
    worked = [loaded.exclusion for loaded in found.exclusions if loaded.id.startswith("fp-2026-000")]
    assert [exclusion.scenario for exclusion in worked] == list(SCENARIO_IDS[:5])
    assert {exclusion.state(date(2026, 11, 24)) for exclusion in worked} == {"active"}
    used = {field for exclusion in worked for alternative in exclusion.match for field in alternative.fields()}
    assert used >= set(NARROW)
    for exclusion in worked:
        assert all((exclusion.reason, exclusion.owner, exclusion.ticket, exclusion.approved_by, exclusion.expires))
        assert exclusion.owner != exclusion.approved_by
    assert check_references(load_rules(ROOT / "rules"), found) == ()


def test_the_shipped_hashes_are_the_agreed_ones() -> None:
    found = load_exclusions(ROOT / "exclusions")

    def seed(scenario: str, number: int) -> bytes:
        return f"fpctl demo: {scenario} {number}".encode()

    assert found.get("fp-2026-0003").exclusion.match[0].hash == (
        hashlib.sha256(seed("software-deployment", 1)).hexdigest(),
        hashlib.sha1(seed("software-deployment", 2)).hexdigest(),
    )
    assert found.get("fp-2026-0005").exclusion.match[0].hash == (
        hashlib.sha256(seed("database-backup", 1)).hexdigest(),
    )


def test_the_scenarios_are_there_in_order() -> None:
    assert tuple(item.id for item in scenarios()) == SCENARIO_IDS


@pytest.mark.parametrize(
    ("id", "origin"),
    [
        (
            "scheduled-patching",
            'process.name IN ("msiexec.exe", "setup.exe", "patch.exe") OR process.parent_process.name IN '
            '("RMM_TOOL_NAME.exe")',
        ),
        ("remote-reboot", 'process.name == "taskhostw.exe" OR process.command_line CONTAINS "shutdown /r"'),
        ("software-deployment", 'process.name == "RMM_TOOL_NAME.exe" OR file.hash IN ("known_deployment_hashes")'),
        (
            "monitoring-script",
            'process.name == "powershell.exe" AND process.parent_process.name == "RMM_TOOL_NAME.exe" AND '
            'process.command_line CONTAINS "monitoring" OR "log" OR "audit"',
        ),
        ("database-backup", 'process.name == "sqlservr.exe" OR'),
    ],
)
def test_each_scenario_quotes_its_documented_filter_word_for_word(id: str, origin: str) -> None:
    assert scenario(id).origin == origin


def test_the_scenario_whose_source_breaks_off_says_so() -> None:
    assert scenario("database-backup").origin_note == "The source breaks off here."
    assert [item.id for item in scenarios() if item.origin_note] == ["database-backup"]


def test_each_scenario_asks_for_fields_that_exist_and_narrow() -> None:
    for item in scenarios():
        assert set(item.ask) == set(item.fields()) <= set(NAMES)
        assert len(set(item.fields())) == len(item.fields())
        assert is_narrow(item.needs)
        assert set(item.defaults) <= set(item.fields())
        for field, values in item.defaults.items():
            assert [check_value(field, value) for value in values] == [None] * len(values)
        for placeholder in item.placeholders:
            assert placeholder in item.origin


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(FpctlError) as caught:
        scenario("remote-boot")
    assert str(caught.value) == "unknown scenario `remote-boot`\n  hint: did you mean `remote-reboot`?"
