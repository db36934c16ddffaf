"""Rules as YAML: the author's file with clauses and version, or a file made anew; read back as the same query."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fpctl.deployment.artifacts.rule_artifact import rule_artifacts
from fpctl.deployment.artifacts.sentinel_yaml import artifact_yaml, rule_yaml
from fpctl.deployment.importers.sentinel import read_files as read_sentinel_exports
from fpctl.rules.formats.registry import read_rule_file
from fpctl.rules.model import Rule
from servers.security_insights import SecurityInsightsServer

from .conftest import ANALYTICS, HUNTING, LATE, Plan


def exported(plan: Plan, text: str, **settings: Any) -> str:
    return artifact_yaml(next(iter(rule_artifacts([plan(text, **settings)], "sentinel"))))


def test_only_the_clause_and_the_version_are_other_than_in_the_authors_file(plan: Plan) -> None:
    text = ANALYTICS.replace("version: 1.0.4", "version: 1.0.4   # ours")
    out = exported(plan, text)
    changed = set(out.splitlines()) ^ set(text.splitlines())
    assert sorted(line.strip()[:12] for line in changed) == [
        "version: 1.0", "version: 1.0", "| where not(",
    ]  # fmt: skip


def test_without_clauses_the_file_goes_out_as_it_is(plan: Plan) -> None:
    assert exported(plan, ANALYTICS, exclusion=None) == ANALYTICS


def test_a_file_without_a_version_gets_one_with_its_first_clause(plan: Plan) -> None:
    out = exported(plan, ANALYTICS.replace("version: 1.0.4\n", ""))
    assert out.endswith("\nversion: 1.0.1\n")


def test_a_file_that_is_no_valid_yaml_goes_out_as_one_that_is(plan: Plan) -> None:
    broken = ANALYTICS.replace(
        "requiredDataConnectors: []\n",
        "requiredDataConnectors:\n    - connectorId: MicrosoftThreatProtection\n    dataTypes:\n      - X\n",
    )
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(broken)
    out = yaml.safe_load(exported(plan, broken))
    assert (out["name"], out["kind"], out["version"], out["severity"]) == ("Remote tool", "Scheduled", "1.0.5", "High")
    assert "// fpctl fp-1" in out["query"]


def test_each_rule_of_a_file_with_several_gets_a_file_of_its_own(
    fpctl: Callable[..., Any], plan: Plan, workplace: Path
) -> None:
    plan(f"{ANALYTICS}---\n{HUNTING}")
    assert fpctl("export", "--target", "sentinel", "--format", "yaml", "--out", "out", "--on", "2026-11-20").code == 0
    names = [yaml.safe_load((workplace / "out" / name).read_text())["name"] for name in ("rule.yaml", "rule-2.yaml")]
    assert names == ["Remote tool", "Hunt"]


def test_a_rule_from_a_template_becomes_yaml_in_the_usual_order(plan: Plan) -> None:
    template = {
        "resources": [{
            "name": "[concat(parameters('w'),'/Microsoft.SecurityInsights/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11')]",
            "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules", "kind": "Scheduled",
            "apiVersion": "2022-09-01-preview",
            "properties": {
                "displayName": "Remote tool", "description": "a\r\nb", "severity": "High", "enabled": True,
                "query": "DeviceNetworkEvents\r\n| where RemotePort == 443", "queryFrequency": "PT1H",
                "queryPeriod": "P1D", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
                "suppressionDuration": "PT5H", "suppressionEnabled": False, "tactics": ["CommandAndControl"],
                "techniques": ["T1219"], "subTechniques": ["T1071.001"], "alertRuleTemplateName": None,
                "templateVersion": "1.0.4", "customDetails": {}, "entityMappings": None,
            },
        }]
    }  # fmt: skip
    out = exported(plan, json.dumps(template), name="rule.json", exclusion=None)
    assert out == (
        "id: 0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11\n"
        "name: Remote tool\n"
        "description: |-\n  a\n  b\n"
        "kind: Scheduled\n"
        "severity: High\n"
        "queryFrequency: 1h\n"
        "queryPeriod: 1d\n"
        "triggerOperator: gt\n"
        "triggerThreshold: 0\n"
        "tactics: [CommandAndControl]\n"
        "relevantTechniques: [T1219, T1071.001]\n"
        "query: |-\n  DeviceNetworkEvents\n  | where RemotePort == 443\n"
        "suppressionEnabled: false\n"
        "suppressionDuration: 5h\n"
        "version: 1.0.4\n"
    )


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).filter(lambda text: text.strip()))
def test_any_query_reads_back_as_it_is(query: str) -> None:
    rule = Rule("id-1", "A: name", query, "x.json", "hunting", description=query)
    try:
        text = rule_yaml(rule, query, "1.0.0")
    except Exception as error:
        assert "cannot be written as YAML" in str(error)  # noqa: PT017 - refused, never written wrongly
        assert any(ord(character) in (0x85, 0x2028, 0x2029) or not character.isprintable() for character in query)
        return
    (again,) = read_rule_file(text, "r.yaml", "r.yaml").rules
    assert again.rule.query == query


EXPORT = {
    "value": [
        {
            "name": "0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11", "kind": "Scheduled",
            "type": "Microsoft.SecurityInsights/alertRules",
            "properties": {"displayName": "Remote tool!", "query": "DeviceInfo\n| take 1\n", "severity": "Low",
                           "queryFrequency": "PT5M", "queryPeriod": "PT5M", "triggerOperator": "GreaterThan",
                           "triggerThreshold": 3},
        },
        {"name": "BuiltInFusion", "kind": "Fusion", "properties": {"displayName": "Advanced attacks"}},
        {
            "id": "/subscriptions/s/savedSearches/x", "name": "ws_hunt",
            "type": "Microsoft.OperationalInsights/savedSearches",
            "properties": {"category": "Hunting Queries", "displayName": "Remote tool?", "query": "DeviceEvents",
                           "tags": [{"name": "description", "value": "Look"},
                                    {"name": "tactics", "value": "Execution,Impact"}]},
        },
        {
            "name": "fn", "type": "Microsoft.OperationalInsights/savedSearches",
            "properties": {"category": "f", "displayName": "fn", "functionAlias": "is_build",
                           "functionParameters": "name:string", "query": "print name startswith 'build'"},
        },
        {
            "name": "q", "type": "Microsoft.OperationalInsights/querypacks/queries",
            "properties": {"displayName": "Packed", "description": "d", "body": "DeviceInfo\n| count"},
        },
    ]
}  # fmt: skip


def test_an_export_becomes_rule_files_functions_and_words_on_the_rest() -> None:
    found = read_sentinel_exports([("e.json", json.dumps(EXPORT))])
    assert [file.relative for file in found.rules] == ["remote-tool.yaml", "remote-tool-2.yaml", "packed.yaml"]
    assert [(p.severity, p.message) for p in found.problems] == [
        ("warning", "Advanced attacks: a rule of kind Fusion has no query; it is left out")
    ]
    first, hunt, packed = (read_rule_file(f.text, f.relative, f.relative).rules[0].rule for f in found.rules)
    assert (first.id, first.kind, first.query_frequency, first.trigger_operator, first.trigger_threshold) == (
        "0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11", "scheduled", "5m", "gt", 3,
    )  # fmt: skip
    assert first.query == "DeviceInfo\n| take 1\n"
    assert (hunt.description, hunt.tactics, hunt.kind) == ("Look", ("Execution", "Impact"), "hunting")
    assert (packed.description, packed.query) == ("d", "DeviceInfo\n| count")
    (function,) = found.functions
    assert (function.relative, function.text) == (
        "is_build.yaml",
        "FunctionName: is_build\nFunctionParameters: name:string\nFunctionQuery: |-\n  print name startswith 'build'\n",
    )


def test_ids_of_imported_rules_do_not_depend_on_the_file() -> None:
    one, two = (read_sentinel_exports([(name, json.dumps(EXPORT))]).rules for name in ("e.json", "other.json"))
    assert [file.rule.id for file in one if file.rule] == [file.rule.id for file in two if file.rule]


def test_the_verb_writes_files_and_leaves_what_is_there(fpctl: Callable[..., Any], workplace: Path) -> None:
    (workplace / "e.json").write_text(json.dumps(EXPORT))
    first = fpctl("import", "sentinel", "e.json")
    assert first.code == 1  # the Fusion rule is left out
    assert first.out.splitlines() == [
        "rules/remote-tool.yaml", "rules/remote-tool-2.yaml", "rules/packed.yaml", "functions/is_build.yaml",
    ]  # fmt: skip
    (workplace / "rules" / "packed.yaml").write_text("id: mine\nname: n\nquery: |\n  DeviceInfo\n")
    again = fpctl("import", "sentinel", "e.json")
    assert "rules/packed.yaml already exists" in again.err
    assert "a rule with the same id exists: rules/remote-tool.yaml" in again.err
    assert again.err.endswith("0 files written\n")
    assert fpctl("rules", "lint").code == 0


def test_imported_rules_go_out_again_as_the_same_queries(fpctl: Callable[..., Any], workplace: Path) -> None:
    (workplace / "e.json").write_text(json.dumps(EXPORT))
    fpctl("import", "sentinel", "e.json")
    out = json.loads(fpctl("export", "--target", "sentinel", "--on", "2026-11-20").out)
    assert sorted(resource["properties"]["query"] for resource in out["resources"]) == [
        "DeviceEvents", "DeviceInfo\n| count", "DeviceInfo\n| take 1\n",
    ]  # fmt: skip


def test_what_fpctl_put_into_a_workspace_does_not_come_back_as_a_base_query(
    fpctl: Callable[..., Any], server: SecurityInsightsServer, workplace: Path
) -> None:
    for number in range(1, 500):  # too many for the text of a rule: they go into a function
        text = LATE.replace("fp-1", f"fp-{number}").replace("build01", f"build{number:03}-with-a-long-name")
        (workplace / "exclusions" / f"fp-{number}.yaml").write_text(text)
    assert fpctl("deploy", "a.yaml", "h.yaml", "--yes").code == 0
    exported = {"value": list(server.resources.values())}
    assert "functionAlias" in json.dumps(exported)
    (workplace / "e.json").write_text(json.dumps(exported))
    outcome = fpctl("import", "sentinel", "e.json", "--out", "back", "--format", "json")
    assert outcome.code == 0, outcome.err
    notes = json.loads(outcome.out)["notes"]
    assert sorted(note.partition(": ")[2] for note in notes) == [
        "1 clause of fpctl removed: the file has the base query",
        "1 clause of fpctl removed: the file has the base query",
        "left out: fpctl generates this function",
    ]
    assert not (workplace / "functions").exists()
    for name, source in (("rule-a.yaml", "a.yaml"), ("hunt.yaml", "h.yaml")):
        (back,) = read_rule_file((workplace / "back" / name).read_text(), name, name).rules
        (base,) = read_rule_file((workplace / "rules" / source).read_text(), source, source).rules
        assert back.rule.query == base.rule.query


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"value": "x"}', '{"kind": ["Fusion"]}'])
def test_what_is_no_export_is_said(text: str) -> None:
    found = read_sentinel_exports([("e.json", text)])
    assert found.rules == ()
    assert found.problems
