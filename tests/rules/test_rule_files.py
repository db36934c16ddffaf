"""What is read out of rule files of each format, and what is said of broken ones."""

from __future__ import annotations

import json
import time

import pytest

from fpctl.rules.formats.registry import RuleFile, read_rule_file
from fpctl.rules.model import EntityMapping, Rule

SCHEDULED = """\
id: 7c2b6d1e-0000-4000-8000-000000000001
name: Sign-ins from two countries
description: |
  Two countries within an hour.
kind: Scheduled
severity: Medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes:
      - SigninLogs
      - AADNonInteractiveUserSignInLogs
queryFrequency: 1h
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 5
tactics:
  - InitialAccess
relevantTechniques:
  - T1078
  - T1078.004
tags:
  - Schema: ASIM
    SchemaVersion: 0.1.0
query: |
  SigninLogs
  | summarize Countries = dcount(Location) by UserPrincipalName, IPAddress
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
  - entityType: IP
    fieldMappings:
      - identifier: Address
        columnName: IPAddress
customDetails:
  Countries: Countries
alertDetailsOverride:
  alertDisplayNameFormat: "{{UserPrincipalName}} from {{ Where }}"
  alertSeverityColumnName: Grade
  alertDynamicProperties:
    - alertProperty: AlertLink
      value: Link
version: 1.2.0
author: someone
"""


def read(text: str, name: str = "r.yaml") -> RuleFile:
    return read_rule_file(text, f"rules/{name}", name)


def one(text: str, name: str = "r.yaml") -> Rule:
    file = read(text, name)
    assert [str(p) for p in file.problems] == []
    (loaded,) = file.rules
    return loaded.rule


def said(text: str, name: str = "r.yaml") -> list[str]:
    return [str(problem) for problem in read(text, name).problems]


def test_an_analytics_rule_is_read_with_all_its_metadata() -> None:
    rule = one(SCHEDULED)
    assert rule == Rule(
        id="7c2b6d1e-0000-4000-8000-000000000001",
        name="Sign-ins from two countries",
        query="SigninLogs\n| summarize Countries = dcount(Location) by UserPrincipalName, IPAddress\n",
        path="r.yaml",
        kind="scheduled",
        description="Two countries within an hour.",
        severity="Medium",
        tactics=("InitialAccess",),
        techniques=("T1078", "T1078.004"),
        connectors=("AzureActiveDirectory",),
        data_types=("SigninLogs", "AADNonInteractiveUserSignInLogs"),
        tags=("Schema=ASIM", "SchemaVersion=0.1.0"),
        entity_mappings=(
            EntityMapping("Account", (("FullName", "UserPrincipalName"),)),
            EntityMapping("IP", (("Address", "IPAddress"),)),
        ),
        custom_details=(("Countries", "Countries"),),
        alert_columns=("UserPrincipalName", "Where", "Grade", "Link"),
        trigger_operator="gt",
        trigger_threshold=5,
        query_frequency="1h",
        query_period="1d",
        version="1.2.0",
    )
    assert rule.metadata["author"] == "someone"
    assert rule.required_columns() == {"UserPrincipalName", "IPAddress", "Countries", "Where", "Grade", "Link"}


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ("", "hunting"),
        ("kind: NRT\n", "nrt"),
        ("kind: Scheduled\n", "scheduled"),
        ("queryFrequency: 1h\n", "scheduled"),
    ],
)
def test_the_kind_follows_from_the_metadata(extra: str, kind: str) -> None:
    assert one(f"id: r\n{extra}query: T\n").kind == kind


@pytest.mark.parametrize("word", ["LessThan", "lt", "lessthan"])
def test_the_trigger_operator_is_read_in_both_spellings(word: str) -> None:
    assert one(f"id: r\ntriggerOperator: {word}\nquery: T\n").trigger_operator == "lt"


def test_the_published_rule_with_datatypes_at_the_dashs_indent_is_read_with_a_warning() -> None:
    text = (
        "id: r\nname: n\nrequiredDataConnectors:\n    - connectorId: MicrosoftThreatProtection\n    dataTypes:\n"
        "        - DeviceNetworkEvents\ntactics: CommandAndControl\nrelevantTechniques: T1219\n"
        "query: |\n  DeviceNetworkEvents\n  | count\n"
    )
    file = read(text)
    (loaded,) = file.rules
    assert loaded.rule.query == "DeviceNetworkEvents\n| count\n"
    assert loaded.rule.tactics == ("CommandAndControl",)
    assert loaded.rule.techniques == ("T1219",)
    assert loaded.rule.connectors == ("MicrosoftThreatProtection",)
    assert loaded.rule.data_types == ("DeviceNetworkEvents",)
    assert said(text) == [
        "rules/r.yaml:5:5: warning: not valid YAML: did not find expected '-' indicator "
        "(while parsing a block collection)\n"
        "  hint: the rule is read all the same; its query is not affected"
    ]


def test_a_placeholder_is_no_id() -> None:
    file = read("id: %%GUID%%\nname: a\nquery: |\n  T\n")
    assert [loaded.rule.id for loaded in file.rules] == ["r.yaml"]
    assert [problem.code for problem in file.problems] == ["invalid-yaml"]


def test_a_broken_key_costs_that_key_and_not_the_rule() -> None:
    file = read("id: r\ntags:\n  - [a\n  b: c\nname: n\nquery: |\n  T\n")
    assert [(loaded.rule.id, loaded.rule.name, loaded.rule.query) for loaded in file.rules] == [("r", "n", "T\n")]
    assert [(problem.code, problem.at.line, problem.severity) for problem in file.problems] == [
        ("rule-metadata", 2, "warning"),
        ("invalid-yaml", 4, "warning"),
    ]


def test_metadata_of_the_wrong_type_is_a_warning_at_its_key() -> None:
    assert said("id: r\ntriggerThreshold: many\nquery: |\n  T\nentityMappings: [a]\n") == [
        "rules/r.yaml:2:1: warning: `triggerThreshold` is not a whole number\n"
        "  hint: the rule is read without this value",
        "rules/r.yaml:5:1: warning: `entityMappings.0` is not a map\n  hint: the rule is read without this value",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "rules/r.yaml:1:1: error: the file is empty\n"
            "  hint: a rule is a mapping with the keys `id`, `name` and `query`",
        ),
        (
            "- a\n- b\n",
            "rules/r.yaml:1:1: error: a rule is a mapping of keys and values\n"
            "  hint: begin with `id:`, `name:`, `query:`",
        ),
        (
            "id: r\n",
            "rules/r.yaml:1:1: error: the rule has no `query`\n  hint: add the key `query: |` with the KQL below it",
        ),
        (
            "id: r\nquery: |\n",
            "rules/r.yaml:2:1: error: the rule's `query` is empty\n"
            "  hint: write `query: |` and the KQL below it, indented",
        ),
        (
            "id: r\nquery: [a]\n",
            "rules/r.yaml:2:1: error: the rule's `query` is not a text\n"
            "  hint: write `query: |` and the KQL below it, indented",
        ),
        (
            "id: r\nquery: |\n  T\nquery: |\n  U\n",
            "rules/r.yaml:4:1: error: the rule has two queries\n  hint: remove one of the `query` keys",
        ),
        (
            "id: r\nname: \0\nquery: T\n",
            "rules/r.yaml:2:7: error: not valid YAML: the character U+0000 is not allowed\n"
            "  hint: remove the character",
        ),
        (
            "id: r\nquery: |\n  T \u2028\n",
            "rules/r.yaml:3:5: error: the query holds the line separator U+2028\n"
            "  hint: put an ordinary line break or a space in its place",
        ),
        (
            "id: r\ndescription: &q |\n  T\nquery: *q\n",
            "rules/r.yaml:4:1: error: the rule's `query` is an alias\n  hint: write the query out",
        ),
        (
            "kind: Fusion\nid: r\n",
            "rules/r.yaml:1:1: warning: a rule of kind Fusion has no query to tune; it is left out",
        ),
        (
            "a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]\n",
            "rules/r.yaml:4:5: error: aliases multiply the file beyond its size\n  hint: write the values out",
        ),
        (
            "a: " + "[" * 100_000,
            "rules/r.yaml:1:53: error: nested deeper than 50 levels",
        ),
    ],
)
def test_a_broken_yaml_file_gives_no_rule_and_one_located_message(text: str, expected: str) -> None:
    file = read(text)
    assert file.rules == ()
    assert [str(problem) for problem in file.problems] == [expected]


def test_broken_yaml_without_a_query_says_both() -> None:
    assert said("id: %%GUID%%\nquery: |\n") == [
        "rules/r.yaml:1:5: error: not valid YAML: found character that cannot start any token "
        "(while scanning for the next token)",
        "rules/r.yaml:2:1: error: no query text can be found in the file\n"
        "  hint: write `query: |` and the KQL below it, indented",
    ]


def test_a_key_given_twice_is_a_warning() -> None:
    file = read("id: r\nname: a\nname: b\nquery: T\n")
    assert [loaded.rule.name for loaded in file.rules] == ["a"]
    assert said("id: r\nname: a\nname: b\nquery: T\n") == [
        "rules/r.yaml:3:1: warning: the key `name` is given twice; the first one is used"
    ]


def test_several_documents_are_several_rules() -> None:
    file = read("id: a\nquery: |\n  A\n---\nname: second\nquery: |\n  B\n")
    assert [(r.rule.id, r.rule.query, r.line) for r in file.rules] == [("a", "A\n", 1), ("r.yaml#2", "B\n", 5)]


def test_a_yaml_file_that_holds_bare_kql_is_read_as_kql() -> None:
    file = read('//Monitoring\n\nSecurityEvent \n| where A == "x: y"\n')
    assert [loaded.rule.kind for loaded in file.rules] == ["bare"]
    assert [(p.code, p.severity) for p in file.problems] == [("not-a-rule", "warning")]


def test_byte_order_mark_and_crlf_do_not_disturb() -> None:
    rule = one("\ufeffid: r\r\nquery: |\r\n  T\r\n  | count\r\n")
    assert (rule.id, rule.query) == ("r", "T\n| count\n")


def test_a_defender_detection_in_yaml_is_told_by_its_query_condition() -> None:
    rule = one("displayName: d\nqueryCondition:\n  queryText: |\n    T\n    | count\n")
    assert (rule.name, rule.kind, rule.query) == ("d", "defender-custom-detection", "T\n| count\n")


def test_a_ten_megabyte_file_is_read_in_time() -> None:
    text = "id: r\nquery: |\n" + ("  | where a == 'x' // " + "y" * 60 + "\n") * 120_000
    begun = time.process_time()
    assert len(one(text).query) > 9_000_000
    assert time.process_time() - begun < 20  # a bound against quadratic behaviour, not a speed


# --------------------------------------------------------------------------- bare files


def test_a_leading_comment_block_names_a_bare_query() -> None:
    rule = one(
        "// name: My rule\n// id: abc-1\n// technique: T1059\n\n// severity: High\nT // name: other\n", "a/r.kql"
    )
    assert (rule.name, rule.id, rule.techniques, rule.severity, rule.kind) == (
        "My rule",
        "abc-1",
        ("T1059",),
        "High",
        "bare",
    )


def test_a_bare_query_without_a_name_is_called_after_its_file() -> None:
    rule = one("//Find it\nT | count", "a/My query.kql")
    assert (rule.id, rule.name, rule.path, rule.query) == (
        "a/My query.kql",
        "My query",
        "a/My query.kql",
        "//Find it\nT | count",
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("r.kql", " \n", "rules/r.kql:1:1: error: the file is empty\n  hint: write the query, or remove the file"),
        (
            "r.kql",
            "T\n| \0",
            "rules/r.kql:2:3: error: the file contains a NUL character, so it is not text\n"
            "  hint: save the file as UTF-8 text",
        ),
        (
            "r.txt",
            "Please read | this\n| a | b |\n",
            "rules/r.txt:1:1: warning: no KQL query found in the text file; it is left out\n"
            "  hint: name it `.kql` if it is one",
        ),
    ],
)
def test_a_bare_file_that_is_no_query_is_said(name: str, text: str, expected: str) -> None:
    assert said(text, name) == [expected]
    assert read(text, name).rules == ()


@pytest.mark.parametrize("text", ["T\n| where a", "let x = 1;\nprint x", "T | summarize count()"])
def test_a_text_file_with_a_query_is_a_rule(text: str) -> None:
    assert one(text, "r.txt").query == text


# --------------------------------------------------------------------------- markdown

MARKDOWN = """\
# Rare processes

Some text with `code`.

## Defender XDR
```KQL
DeviceProcessEvents
| summarize count() by FileName
```
## Sentinel
~~~
SecurityEvent
| summarize count() by Process
~~~
```json
{"a": 1}
```
```
| Column | Meaning |
```
```c#
T
| where a
```
"""


def test_each_fenced_query_is_a_rule_named_by_its_headings() -> None:
    file = read(MARKDOWN, "q/r.md")
    assert [(r.rule.id, r.rule.name, r.rule.query, r.line) for r in file.rules] == [
        ("q/r.md#1", "Rare processes - Defender XDR", "DeviceProcessEvents\n| summarize count() by FileName", 6),
        ("q/r.md#2", "Rare processes - Sentinel (1)", "SecurityEvent\n| summarize count() by Process", 11),
        ("q/r.md#3", "Rare processes - Sentinel (2)", "T\n| where a", 21),
    ]
    assert file.problems == ()


def test_a_markdown_file_without_queries_is_documentation() -> None:
    file = read("# Read me\n\n```sh\nls | wc\n```\n", "README.md")
    assert (file.rules, file.problems) == ((), ())


def test_a_fence_whose_language_runs_into_the_query_is_said() -> None:
    assert said("```KQLSigninLogs\n| where a\n```\n", "r.md") == [
        "rules/r.md:1:1: warning: the fence's language `KQLSigninLogs` is not KQL's; the block is left out\n"
        "  hint: write `kql` after the fence and the query below it"
    ]


def test_an_unclosed_fence_reaches_to_the_end() -> None:
    assert one("# T\n```kql\nT\n| count\n", "r.md").query == "T\n| count"


# --------------------------------------------------------------------------- JSON

GUID = "7c2b6d1e-0000-4000-8000-00000000000"


def arm(number: int, **properties: object) -> dict[str, object]:
    return {
        "id": f"[concat(resourceId('M.OperationalInsights/workspaces/providers'),'/alertRules/{GUID}{number}')]",
        "name": f"[concat(parameters('workspace'),'/Microsoft.SecurityInsights/{GUID}{number}')]",
        "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
        "kind": "Scheduled",
        "properties": {"displayName": f"Rule {number}", "query": "T\r\n| count", **properties},
    }


def test_an_arm_export_of_several_rules_is_read() -> None:
    first = arm(
        1, queryFrequency="PT1H", triggerOperator="LessThan", triggerThreshold=3, tactics=["Execution"],
        techniques=["T1059"], subTechniques=["T1059.001"], severity="High", templateVersion="1.0.4", description=None,
        entityMappings=None, customDetails=None, alertDetailsOverride=None,
    )  # fmt: skip
    file = read(json.dumps({"resources": [first, arm(2)]}, indent=2), "export.json")
    assert file.problems == ()
    one, two = (loaded.rule for loaded in file.rules)
    assert (one.id, one.name, one.kind, one.query) == (f"{GUID}1", "Rule 1", "scheduled", "T\r\n| count")
    assert (one.trigger_operator, one.trigger_threshold, one.query_frequency) == ("lt", 3, "PT1H")
    assert (one.tactics, one.techniques, one.version) == (("Execution",), ("T1059", "T1059.001"), "1.0.4")
    assert (two.id, two.name) == (f"{GUID}2", "Rule 2")
    assert file.rules[0].text.newline == "\r\n"


def test_a_query_that_is_an_arm_expression_is_refused() -> None:
    file = read(json.dumps({"resources": [{**arm(1, query="[variables('q')]"), "apiVersion": "2022-09-01"}]}), "e.json")
    assert file.rules == ()
    assert [problem.code for problem in file.problems] == ["arm-expression"]


def test_a_graph_detection_rule_is_read() -> None:
    detection = {
        "id": "31",
        "displayName": "d",
        "queryCondition": {"queryText": "T | count"},
        "schedule": {"period": "0"},
        "detectionAction": {"alertTemplate": {"severity": "low", "category": "Malware", "mitreTechniques": ["T1566"]}},
    }
    rule = one(json.dumps(detection), "d.json")
    assert (rule.id, rule.kind, rule.severity, rule.tactics, rule.techniques) == (
        "31", "defender-custom-detection", "low", ("Malware",), ("T1566",),
    )  # fmt: skip
    assert rule.continuous


@pytest.mark.parametrize(
    "value",
    [
        {"name": "n", "query": "T | count"},
        [{"id": "x", "query": "T | count"}],
        {"value": [{"name": "g", "kind": "NRT", "properties": {"displayName": "n", "query": "T | count"}}]},
        {"resources": [{"type": "M.O/querypacks/queries", "name": "q", "properties": {"body": "T | count"}}]},
        {"resources": [{"type": "M.O/workspaces/savedSearches", "name": "q", "properties": {"query": "T | count"}}]},
    ],
)
def test_other_json_shapes_are_found(value: object) -> None:
    assert one(json.dumps(value), "r.json").query == "T | count"


def test_a_workbook_is_no_rule() -> None:
    workbook = {"items": [{"name": "query - 1", "query": "T", "queryType": 0}]}
    assert said(json.dumps(workbook), "w.json") == [
        "rules/w.json:1:1: warning: no rule found in the JSON file; it is left out"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,}', "rules/r.json:1:9: error: not valid JSON: a key in double quotes is missing here"),
        ('{"a" 1}', "rules/r.json:1:6: error: not valid JSON: a `:` is missing here"),
        ('{"a": }', "rules/r.json:1:7: error: not valid JSON: a JSON value is missing here"),
        ('{"a": 1} x', "rules/r.json:1:10: error: not valid JSON: text after the end of the JSON value"),
        ('{"a": "x', "rules/r.json:1:7: error: not valid JSON: unterminated string starting at"),
        ("[" * 100_000, "rules/r.json:1:202: error: not valid JSON: nested deeper than 200 levels"),
        ('{"name": "n", "query": " "}', "rules/r.json:1:24: error: the rule's query is empty"),
    ],
)
def test_broken_json_is_located(text: str, expected: str) -> None:
    assert said(text, "r.json") == [expected]
    assert read(text, "r.json").rules == ()
