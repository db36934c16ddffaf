"""An estate of rules of every kind: deployed, changed, edited in the portal, rolled back, and where it began."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fpctl.deployment.artifacts.detection_rule import READ_ONLY
from fpctl.engine.remote.retry import Retrier
from servers.graph_detections import GraphDetectionsServer
from servers.loopback import LoopbackServer
from servers.security_insights import WORKSPACE, SecurityInsightsServer

from .conftest import ANALYTICS, HUNTING, LATE, _quick
from .sequences import ESTATE_RULES
from .test_defender_deployment import FULL

Fpctl = Callable[..., Any]
LISTS = max(1, ESTATE_RULES * 40 // 300)
"""Rules whose exclusions do not fit into their text: their values go to a watchlist each."""
VALUES = 500


class Estate(NamedTuple):
    workplace: Path
    sentinel: SecurityInsightsServer
    defender: GraphDetectionsServer

    def content(self) -> str:
        """Return everything that people can see in the services, as one text."""
        rules = {
            path: {"kind": one.get("kind"), **{k: v for k, v in one["properties"].items() if k != "lastModifiedUtc"}}
            for path, one in self.sentinel.resources.items()
            if "/watchlistItems/" not in path
        }
        # The ids of a list's items are the service's: an item that was taken out and put back has another.
        lists = {path: self.sentinel.rows(path.split("/")[1]) for path in rules if path.startswith("watchlists/")}
        detections = {
            id: {key: value for key, value in rule.items() if key not in READ_ONLY}
            for id, rule in self.defender.rules.items()
        }
        return json.dumps({"sentinel": rules, "lists": lists, "defender": detections}, sort_keys=True, indent=1)


def rule_id(number: int) -> str:
    return f"0f4b6c3e-6a0b-4c55-9c7e-{number:012}"


@pytest.fixture
def estate(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    """Scheduled and near-real-time rules, hunting queries and detections; half of them are in the services already."""
    monkeypatch.setattr(Retrier, "__init__", _quick)
    monkeypatch.setattr(LoopbackServer, "lifetime", 3_600.0)
    with SecurityInsightsServer() as sentinel, GraphDetectionsServer() as defender:
        sentinel.page = 500
        (workplace / "fpctl.toml").write_text(
            f"workspace = '{WORKSPACE}'\n[engine.defender]\nendpoint = '{defender.url}'\ncredential = 'none'\n"
            f"tenant = 't'\n[deploy]\nendpoint = '{sentinel.url}'\ncredential = 'none'\n"
        )
        (workplace / "exclusions" / "fp-1.yaml").write_text(LATE)
        for number in range(ESTATE_RULES):
            write_rule(workplace, number)
            if number % 2:
                there_already(sentinel, defender, number)
        for number in range(LISTS):
            write_list(workplace, number, "build")
        yield Estate(workplace, sentinel, defender)


def kind_of(number: int) -> str:
    """Return the kind of a rule: of ten, five are scheduled, one is near-real-time, one a hunt, three detections."""
    return ("scheduled", "detection", "scheduled", "nrt", "scheduled", "detection", "hunt", "scheduled", "detection",
            "scheduled")[number % 10] if number >= LISTS else "scheduled"  # fmt: skip


def write_rule(workplace: Path, number: int) -> None:
    kind, name = kind_of(number), f"Rule {number:03}"
    if kind == "detection":
        query = (
            f"DeviceProcessEvents\n| where ProcessId == {number}\n| project Timestamp, ReportId, DeviceId, DeviceName"
        )
        schedule = {"frequency": "PT0S" if number % 20 == 1 else "PT1H"}
        text = json.dumps({"id": f"det-{number}", **FULL, "displayName": name, "schedule": schedule,
                           "queryCondition": {"queryText": query}}, indent=2)  # fmt: skip
        (workplace / "rules" / f"{number:03}.json").write_text(text)
        return
    text = HUNTING.replace("Hunt", name) if kind == "hunt" else ANALYTICS.replace("Remote tool", name)
    text = text.replace(text.split("\n", 1)[0], f"id: {rule_id(number)}", 1)
    (workplace / "rules" / f"{number:03}.yaml").write_text(text.replace("Scheduled", "NRT") if kind == "nrt" else text)


def write_list(workplace: Path, number: int, word: str) -> None:
    hosts = ", ".join(f"{word}-{number:02}-{host:04}-a-long-name" for host in range(VALUES))
    text = LATE.replace("fp-1", f"fp-list-{number}").replace("build01", hosts).replace('"*"', rule_id(number))
    (workplace / "exclusions" / f"fp-list-{number}.yaml").write_text(text)


def there_already(sentinel: SecurityInsightsServer, defender: GraphDetectionsServer, number: int) -> None:
    """Put a rule into its service as people keep it there: with properties that no file states."""
    kind = kind_of(number)
    if kind == "detection":
        body = {"id": f"det-{number}", **copy.deepcopy(FULL), "displayName": f"Rule {number:03}", "status": "enabled"}
        assert defender._created(body)[0] == 201
    elif kind == "hunt":
        sentinel.resources[f"savedSearches/{rule_id(number)}"] = {
            "name": rule_id(number), "etag": f'"h{number}"',
            "properties": {"category": "Hunting Queries", "displayName": f"Rule {number:03}", "query": "T",
                           "version": 2, "tags": [{"name": "own", "value": "x"}]},
        }  # fmt: skip
    else:
        properties = {
            "displayName": f"Rule {number:03}", "query": "T", "severity": "Low", "enabled": False,
            "suppressionDuration": "PT1H", "suppressionEnabled": True, "ofTomorrow": {"a": [1, None]},
            "alertRuleTemplateName": None, "templateVersion": "1.0.0", "description": "mine",
            "incidentConfiguration": {"createIncident": False, "groupingConfiguration": {"enabled": True}},
        }  # fmt: skip
        if kind == "scheduled":
            properties |= {"queryFrequency": "PT2H", "queryPeriod": "P2D", "triggerOperator": "Equal",
                           "triggerThreshold": 3}  # fmt: skip
        sentinel.resources[f"alertRules/{rule_id(number)}"] = {
            "name": rule_id(number), "etag": f'"a{number}"', "kind": "NRT" if kind == "nrt" else "Scheduled",
            "properties": properties,
        }  # fmt: skip


def test_an_estate_ends_byte_for_byte_where_it_began(fpctl: Fpctl, estate: Estate) -> None:
    began = estate.content()
    targets = ("sentinel", "defender")

    def every(*arguments: str) -> None:
        for target in targets:
            outcome = fpctl(*arguments, "--target", target)
            assert outcome.code == 0, outcome.err[-2_000:]

    every("deploy", "--lists", "watchlist", "--yes")
    every("diff", "--deployed", "--lists", "watchlist")
    assert len([path for path in estate.sentinel.resources if path.count("/") == 1 and "watchlists" in path]) == LISTS
    alias = min(path for path in estate.sentinel.resources if path.startswith("watchlists/")).split("/")[1]
    assert len(estate.sentinel.rows(alias)) == VALUES + 1  # and the device of fp-1
    deployed = estate.content()

    # Other exclusions: every rule changes, and so does every list.
    (estate.workplace / "exclusions" / "fp-1.yaml").write_text(LATE.replace("build01", "build02"))
    for number in range(LISTS):
        write_list(estate.workplace, number, "other")
    every("deploy", "--lists", "watchlist", "--yes")
    assert not any("build-00" in json.dumps(row) for row in estate.sentinel.rows(alias))

    # Somebody edits rules of each kind in the portal: of those that the second deployment changed, which are all but
    # those that read their values from a list.
    edited = []
    with_lists = {f"alertRules/{rule_id(number)}" for number in range(LISTS)}
    for path in sorted(estate.sentinel.resources)[::7]:
        if path.startswith("alertRules/") and path not in with_lists:
            estate.sentinel.edit(path, severity="Informational", enabled=True)
            edited.append(path)
    for id in sorted(estate.defender.rules)[::3]:
        estate.defender.edit(id, status="enabled", description="edited")
        edited.append(id)
    for target in targets:
        shown = json.loads(
            fpctl("diff", "--deployed", "--lists", "watchlist", "--target", target, "--format", "json").out
        )
        drifted = {one["guid"] for one in shown["rules"] if one["state"] == "changed-there"}
        assert drifted == {one.rpartition("/")[2] for one in edited if ("/" in one) == (target == "sentinel")}

    # What somebody changed is not taken back unasked.
    for target in targets:
        assert fpctl("deploy", "--rollback", "--yes", "--target", target).code == 2
    every("deploy", "--rollback", "--yes", "--overwrite")
    assert estate.content() == deployed
    every("deploy", "--rollback", "--yes")
    assert estate.content() == began
    verified = fpctl("log", "verify")
    assert verified.code == 0, verified.err
    entries = json.loads(fpctl("log", "--format", "json").out)["entries"]
    actions = [entry["action"] for entry in entries if entry["rule"]]
    # Rules and lists; the second time a rule with a list stayed as it was, and only its list changed.
    steps = (ESTATE_RULES + LISTS) + ESTATE_RULES
    assert actions.count("deployed") == steps
    assert actions.count("rolled back") == steps
    assert actions.count("rollback failed") == len(edited)
