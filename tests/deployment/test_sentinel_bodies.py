"""What Sentinel is told of a rule: wire names, types, durations, versions; and what keeps a rule back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fpctl.deployment.artifacts.identity import rule_guid
from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts
from fpctl.deployment.artifacts.template import literal, template
from fpctl.deployment.artifacts.version import Published, bumped, next_version
from fpctl.durations import iso_duration, short_duration
from markers_support import without_checks

from .conftest import ANALYTICS, EXCLUSION, HUNTING, Plan


def release(plan: Plan, text: str, **settings: Any) -> RuleArtifact:
    return next(iter(rule_artifacts([plan(text, **settings)], "sentinel")))


def test_an_analytics_rule_in_the_words_of_the_service(plan: Plan) -> None:
    made = release(plan, ANALYTICS)
    assert made.ready
    assert made.body is not None
    assert (made.resource, made.body.kind, made.version) == ("alertRules", "Scheduled", "1.0.5")
    stated = dict(made.body.stated)
    query = stated.pop("query")
    assert "| where not(" in query
    assert "// fpctl fp-1\n" in without_checks(query)
    assert query.startswith("DeviceNetworkEvents\n| where RemotePort == 443\n")
    assert stated == {
        "displayName": "Remote tool",
        "description": "A remote tool talks.\nLook who started it.",
        "severity": "High",
        "queryFrequency": "PT1H",
        "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "tactics": ["CommandAndControl"],
        "techniques": ["T1219", "T1071"],
        "subTechniques": ["T1071.001"],
        "suppressionDuration": "PT5H",
        "suppressionEnabled": False,
        "entityMappings": [
            {"entityType": "Host", "fieldMappings": [{"identifier": "HostName", "columnName": "DeviceName"}]}
        ],
    }


def test_what_the_file_does_not_state_has_a_default_only_in_a_new_rule(plan: Plan) -> None:
    body = release(plan, ANALYTICS).body
    assert body is not None
    assert body.fresh()["enabled"] is True
    kept = body.over({"enabled": False, "lastModifiedUtc": "x", "displayName": "old"}, ("lastModifiedUtc",))
    assert (kept["enabled"], kept["displayName"], "lastModifiedUtc" in kept) == (False, "Remote tool", False)


def test_nrt_rules_have_no_schedule(plan: Plan) -> None:
    text = ANALYTICS.replace("kind: Scheduled", "kind: NRT")
    for key in ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"):
        text = "".join(line for line in text.splitlines(True) if not line.startswith(f"{key}:"))
    body = release(plan, text).body
    assert body is not None
    assert body.kind == "NRT"
    assert not {"queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"} & body.stated.keys()


def test_flags_and_durations_inside_are_typed(plan: Plan) -> None:
    text = ANALYTICS + (
        "incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n"
        "    enabled: false\n    lookbackDuration: 5h\n"
    )
    body = release(plan, text).body
    assert body is not None
    assert body.stated["incidentConfiguration"] == {
        "createIncident": True,
        "groupingConfiguration": {"enabled": False, "lookbackDuration": "PT5H"},
    }


def test_a_hunting_query_is_a_saved_search(plan: Plan) -> None:
    made = release(plan, HUNTING)
    assert made.body is not None
    assert made.resource == "savedSearches"
    assert made.body.fresh() | {"query": ""} == {
        "category": "Hunting Queries",
        "displayName": "Hunt",
        "query": "",
        "tags": [
            {"name": "description", "value": "Look"},
            {"name": "tactics", "value": "Execution"},
            {"name": "techniques", "value": "T1059"},
        ],
        "version": 2,
    }


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("columnName: DeviceName", "columnName: Gone"), "mapped-column",
         "the rule's mappings need the column Gone, which the tuned query does not return"),
        (("queryPeriod: 1d", "queryPeriod: 30m"), "schedule",
         "the rule runs every 1h and looks back 30m: events between are missed"),
        (("queryFrequency: 1h", "queryFrequency: 1m"), "schedule",
         "`queryFrequency` is 1m; 5 minutes to 14 days are allowed"),
        (("queryPeriod: 1d\n", ""), "schedule", "the rule states no queryPeriod"),
        (("| where RemotePort == 443", "| union *"), "forbidden-text", "an analytics rule may not contain `union *`"),
        (("RemotePort == 443", "RemoteUrl != '" + "x" * 10_000 + "'"), "query-length",
         "an analytics rule may have 10,000"),
        (("| where RemotePort == 443", "| where RemotePort in (adx('https://c/d').T)"), "forbidden-text",
         "an analytics rule may not read a cluster with `adx()`"),
        (("severity: High", "severity: Urgent"), "severity", "Sentinel has no severity Urgent"),
        (("triggerThreshold: 0", "triggerThreshold: 10001"), "threshold", "0 to 10,000 are allowed"),
        (("name: Remote tool", "name: " + "n" * 257), "text-length", "the name has 257 characters; 256 are allowed"),
        (("version: 1.0.4", "customDetails:\n  9lives: DeviceName\nversion: 1.0.4"), "custom-detail",
         "`9lives` cannot be the name of a custom detail"),
    ],
)  # fmt: skip
def test_what_sentinel_would_refuse_does_not_go_out(
    plan: Plan, change: tuple[str, str], code: str, message: str
) -> None:
    made = release(plan, ANALYTICS.replace(*change))
    assert not made.ready
    assert [(p.code, message in p.message) for p in made.problems if p.severity == "error"] == [(code, True)]


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (("entityType: Host", "entityType: Hots"), "Hots is not an entity type that fpctl knows", "Host"),
        (("identifier: HostName", "identifier: Hostname"),
         "the entity Host has no identifier Hostname that fpctl knows", "HostName"),
        (("identifier: HostName", "identifier: OSFamily"),
         "the mapping of Host has nothing that identifies it", "FullName"),
        (("entityType: Host\n    fieldMappings:\n      - identifier: HostName",
          "entityType: FileHash\n    fieldMappings:\n      - identifier: Value"),
         "the mapping of FileHash has nothing that identifies it", "Algorithm with Value"),
    ],
)  # fmt: skip
def test_a_mapping_that_the_service_may_not_know_is_warned_of(
    plan: Plan, change: tuple[str, str], message: str, hint: str
) -> None:
    made = release(plan, ANALYTICS.replace(*change))
    assert made.ready
    found = {problem.message: problem.hint for problem in made.problems if problem.code == "entity-mapping"}
    assert hint in (found[message] or "")


def test_a_severity_is_written_as_the_service_writes_it(plan: Plan) -> None:
    made = release(plan, ANALYTICS.replace("severity: High", "severity: high"))
    assert made.body is not None
    assert made.body.fresh()["severity"] == "High"
    assert not made.problems


def test_what_is_not_a_sentinel_rule_is_said(plan: Plan) -> None:
    made = release(plan, "kind: CustomDetection\nname: d\nquery: |\n  DeviceInfo\n")
    assert [problem.code for problem in made.problems] == ["other-target"]


def test_a_template_names_the_workspace_by_a_parameter(plan: Plan) -> None:
    made = template([release(plan, ANALYTICS)])
    (resource,) = made["resources"]
    assert (resource["type"], resource["kind"]) == (
        "Microsoft.OperationalInsights/workspaces/providers/alertRules", "Scheduled",
    )  # fmt: skip
    assert resource["name"] == (
        "[concat(parameters('workspace'), '/Microsoft.SecurityInsights/0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11')]"
    )
    assert list(made["parameters"]) == ["workspace"]


MANY = EXCLUSION.replace("[build01]", "[" + ", ".join(f"build{n}.contoso.com" for n in range(1500)) + "]")


@pytest.mark.parametrize("store", ["watchlist", "function"])
def test_a_rule_waits_for_the_lists_that_it_has_no_room_for(fpctl: Callable[..., Any], plan: Plan, store: str) -> None:
    plan(ANALYTICS, exclusion=MANY)
    outcome = fpctl("export", "--target", "sentinel", "--lists", store, "--on", "2026-11-20")
    assert outcome.code == 0, outcome.err
    external, rule = json.loads(outcome.out)["resources"]
    assert len(rule["properties"]["query"]) <= 10_000
    name = external["name"].rpartition("/")[2].removesuffix("')]")
    assert name in rule["properties"]["query"]
    if store == "watchlist":
        assert external["type"].endswith("/watchlists")
        assert "build7.contoso.com" in external["properties"]["rawContent"]
        place = "resourceId('Microsoft.OperationalInsights/workspaces/providers', parameters('workspace'), "
        assert rule["dependsOn"] == [f"[concat({place}'Microsoft.SecurityInsights'), '/watchlists/{name}')]"]
    else:
        assert external["properties"]["functionAlias"] == name
        assert "build7.contoso.com" in external["properties"]["query"]
        kind = "Microsoft.OperationalInsights/workspaces/savedSearches"
        assert rule["dependsOn"] == [f"[resourceId('{kind}', parameters('workspace'), '{name}')]"]


def test_lists_stand_beside_a_rule_file(fpctl: Callable[..., Any], plan: Plan, workplace: Any) -> None:
    plan(ANALYTICS, exclusion=MANY)
    outcome = fpctl(
        "export",
        "--target",
        "sentinel",
        "--format",
        "yaml",
        "--lists",
        "watchlist",
        "--out",
        "out",
        "--on",
        "2026-11-20",
    )
    assert outcome.code == 0, outcome.err
    (table,) = (workplace / "out" / "companions").glob("*.csv")
    assert "build7.contoso.com" in table.read_text()
    assert f"load these first: out/companions/{table.name}" in outcome.err


@pytest.mark.parametrize(
    ("value", "escaped"),
    [("[x]", "[[x]"), ("[x] y", "[x] y"), ("x]", "x]"), ({"a": ["[x]", 1]}, {"a": ["[[x]", 1]})],
)
def test_texts_that_resource_manager_would_evaluate_are_escaped(value: object, escaped: object) -> None:
    assert literal(value) == escaped


def test_a_rule_keeps_its_guid_and_another_id_always_gives_the_same(plan: Plan) -> None:
    assert rule_guid(plan(ANALYTICS).rule) == "0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11"
    bare = plan("DeviceInfo\n", name="bare.kql").rule
    assert rule_guid(bare) == "bdf62cd8-b841-5465-83ea-8c72453ccb2e"


@pytest.mark.parametrize(
    ("short", "iso"), [("1d", "P1D"), ("5h", "PT5H"), ("30m", "PT30M"), ("90m", "PT1H30M"), ("36h", "P1DT12H")]
)
def test_durations_both_ways(short: str, iso: str) -> None:
    assert iso_duration(short) == iso
    assert short_duration(iso) == short
    assert (iso_duration(iso), short_duration(short)) == (iso, short)


@pytest.mark.parametrize(
    ("version", "following"),
    [("1.0.4", "1.0.5"), ("2", "2.0.1"), ("1.9", "1.9.1"), ("1.2.3.9", "1.2.3.10"), ("x", "1.0.1")],
)
def test_the_next_version(version: str, following: str) -> None:
    assert bumped(version) == following


@pytest.mark.parametrize(
    ("authored", "query", "published", "version"),
    [
        ("1.0.4", "base", None, "1.0.4"),
        ("1.0.4", "tuned", None, "1.0.5"),
        ("1.0.4", "tuned", Published("1.0.5", "tuned"), "1.0.5"),
        ("1.0.4", "tuned 2", Published("1.0.5", "tuned"), "1.0.6"),
        ("1.0.4", "base", Published("1.0.10", "tuned"), "1.0.11"),
        ("2.0.0", "tuned", Published("1.0.5", "old"), "2.0.1"),
        (None, "base", None, None),
        (None, "tuned", None, "1.0.1"),
    ],
)
def test_a_version_goes_up_exactly_when_the_query_is_another(
    authored: str | None, query: str, published: Published | None, version: str | None
) -> None:
    assert next_version(authored, "base", query, published) == version


def test_the_version_of_a_template_that_was_used_is_never_raised(plan: Plan) -> None:
    text = ANALYTICS + "alertRuleTemplateName: 0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11\n"
    body = release(plan, text).body
    assert body is not None
    assert body.fresh()["templateVersion"] == "1.0.4"
    assert body.over({"templateVersion": "1.0.2"})["templateVersion"] == "1.0.2"
    assert "templateVersion" not in body.differences({**body.fresh(), "templateVersion": "1.0.2"})


def test_the_verb_keeps_back_what_the_target_would_refuse(
    fpctl: Callable[..., Any], plan: Plan, workplace: Any
) -> None:
    plan(ANALYTICS.replace("columnName: DeviceName", "columnName: Gone"))
    outcome = fpctl("export", "--target", "sentinel", "--out", "out", "--on", "2026-11-20")
    assert outcome.code == 1
    assert not (workplace / "out" / "rule.json").exists()
    assert "rule.yaml: error: the rule's mappings need the column Gone" in outcome.err
    assert outcome.err.endswith("1 rule not exported\n")
