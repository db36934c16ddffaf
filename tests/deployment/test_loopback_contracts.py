"""The services on loopback refuse what the documentation of the real ones refuses; else they would prove nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from servers.graph_detections import PATH, GraphDetectionsServer
from servers.log_analytics import LogAnalyticsServer
from servers.security_insights import WORKSPACE, SecurityInsightsServer
from servers.store import Store

from .test_defender_deployment import FULL

STABLE, PREVIEW = "2025-09-01", "2025-10-01-preview"
RULE = {
    "displayName": "R", "query": "T", "severity": "Low", "enabled": True,
    "queryFrequency": "PT1H", "queryPeriod": "P1D", "triggerOperator": "GreaterThan", "triggerThreshold": 0,
    "suppressionDuration": "PT5H", "suppressionEnabled": False, "subTechniques": ["T1071.001"],
}  # fmt: skip
NRT = {name: RULE[name] for name in
       ("displayName", "query", "severity", "enabled", "suppressionDuration", "suppressionEnabled")}  # fmt: skip


class Client:
    """Sends requests below an address."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._session.request(method, f"{self._base}{path}", json=body, headers=named, timeout=20)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def graph() -> Iterator[Client]:
    with GraphDetectionsServer() as server:
        yield Client(server.url + PATH)


@pytest.fixture
def manager() -> Iterator[Client]:
    with SecurityInsightsServer() as server:
        yield Client(server.url + WORKSPACE)


def detection(**changes: Any) -> dict[str, Any]:
    return {"id": "a-1", **copy.deepcopy(FULL), **changes}


# ---------------------------------------------------------------------------- custom detections


@pytest.mark.parametrize(
    "changes",
    [
        {"isEnabled": True}, {"schedule": {"period": "1H"}}, {"schedule": {"frequency": "PT2M"}},
        {"status": "on"}, {"id": None}, {"queryCondition": {"queryText": 3}}, {"lastRunDetails": {}},
        {"schedule": {"frequency": "PT0S"}, "queryCondition": {"queryText": "T // a comment"}},
        {"detectionAction": {"responseActions": []}}, {"detectionAction": {"alertTemplate": {"category": "Impact"}}},
        {"detectionAction": {"alertTemplate": {"impactedAssets": []}}},
        {"detectionAction": {"alertTemplate": {"severity": "High"}}},
        {"detectionAction": {"alertTemplate": {"tactics": [{"tactic": "Lateral Movement"}]}}},
        {"detectionAction": {"alertTemplate": {"entityMappings": {"hosts": [{"column": "DeviceName"}]}}}},
        {"detectionAction": {"automatedActions": {"shutDown": []}}},
    ],
)  # fmt: skip
def test_graph_refuses_a_detection_that_is_not_one(graph: Client, changes: dict[str, Any]) -> None:
    assert graph("POST", "", detection(**changes))[0] == 400
    assert graph("GET", "")[1]["value"] == []


def test_graph_has_one_detection_of_an_id(graph: Client) -> None:
    assert graph("POST", "", detection())[0] == 201
    assert graph("POST", "", detection())[0] == 409
    assert graph("PATCH", "/b", {"status": "enabled"})[0] == 404
    assert graph("PATCH", "/a-1", {"status": "enabled"})[0] == 200
    assert graph("GET", "/a-1")[1]["status"] == "enabled"
    assert graph("DELETE", "/a-1")[0] == 204
    assert graph("DELETE", "/a-1")[0] == 404


def test_graph_lists_in_pages(graph: Client) -> None:
    for number in range(3):
        graph("POST", "", detection(id=f"a-{number}"))
    first = graph("GET", "")[1]
    assert len(first["value"]) == 2
    assert "$skiptoken" in first["@odata.nextLink"]


# ---------------------------------------------------------------------------- analytics rules and saved searches


def rules(name: str = "", version: str = PREVIEW) -> str:
    return f"/providers/Microsoft.SecurityInsights/alertRules{f'/{name}' if name else ''}?api-version={version}"


def test_the_stable_versions_know_no_near_real_time_rule(manager: Client) -> None:
    body = {"kind": "NRT", "properties": NRT}
    assert manager("PUT", rules("n", STABLE), body)[0] == 400
    assert manager("PUT", rules("n"), body)[0] == 201
    assert manager("GET", rules("n", STABLE))[0] == 404
    assert manager("GET", rules("", STABLE))[1]["value"] == []
    assert len(manager("GET", rules())[1]["value"]) == 1


def test_the_stable_versions_hide_newer_properties(manager: Client) -> None:
    manager("PUT", rules("s"), {"kind": "Scheduled", "properties": RULE})
    assert "subTechniques" in manager("GET", rules("s"))[1]["properties"]
    assert "subTechniques" not in manager("GET", rules("s", STABLE))[1]["properties"]


@pytest.mark.parametrize("missing", sorted(set(RULE) - {"subTechniques"}))
def test_a_rule_has_all_that_is_required(manager: Client, missing: str) -> None:
    body = {"kind": "Scheduled", "properties": {name: value for name, value in RULE.items() if name != missing}}
    assert manager("PUT", rules("s"), body)[0] == 400


def test_a_rule_is_written_only_as_it_was_read(manager: Client) -> None:
    body = {"kind": "Scheduled", "properties": RULE}
    made = manager("PUT", rules("s"), body, If_None_Match="*")
    assert made[0] == 201
    assert manager("PUT", rules("s"), body, If_None_Match="*")[0] == 412
    assert manager("PUT", rules("s"), body, If_Match='"0"')[0] == 412
    assert manager("DELETE", rules("s"), None, If_Match='"0"')[0] == 412
    assert manager("PUT", rules("s"), body, If_Match=made[1]["etag"])[0] == 200
    assert manager("PUT", rules("s"), {"kind": "NRT", "properties": NRT})[0] == 400  # a kind stays
    assert manager("PUT", "/providers/Microsoft.SecurityInsights/alertRules/s", body)[0] == 400  # no version


def test_a_saved_search_has_a_category_a_name_and_a_query(manager: Client) -> None:
    place = "/savedSearches/h?api-version=2020-08-01"
    good = {"category": "Hunting Queries", "displayName": "H", "query": "T"}
    for missing in good:
        body = {"properties": {name: value for name, value in good.items() if name != missing}}
        assert manager("PUT", place, body)[0] == 400, missing
    assert manager("PUT", place, {"properties": good})[0] == 201


# ---------------------------------------------------------------------------- watchlists


def lists(tail: str = "") -> str:
    return f"/providers/Microsoft.SecurityInsights/watchlists/w{tail}?api-version=2025-09-01"


def watchlist(*values: str) -> dict[str, Any]:
    text = "\n".join(("SearchKey", *values))
    return {"properties": {"displayName": "w", "provider": "p", "itemsSearchKey": "SearchKey", "rawContent": text}}


def items(manager: Client) -> list[str]:
    found = manager("GET", lists("/watchlistItems"))[1]["value"]
    return sorted(one["properties"]["itemsKeyValue"]["SearchKey"] for one in found)


def test_an_upload_ends_later_and_a_second_one_appends(manager: Client) -> None:
    assert manager("PUT", lists(), watchlist("a"))[0] == 201
    assert items(manager) == []
    assert items(manager) == ["a"]
    manager("PUT", lists(), watchlist("b"))
    items(manager)
    assert items(manager) == ["a", "b"]  # the item that is missing from the new file stays


def test_a_watchlist_has_a_search_key_among_its_columns(manager: Client) -> None:
    body = watchlist("a")
    body["properties"]["itemsSearchKey"] = "Other"
    assert manager("PUT", lists(), body)[0] == 400
    del body["properties"]["itemsSearchKey"]
    assert manager("PUT", lists(), body)[0] == 400


# ---------------------------------------------------------------------------- /search


@pytest.fixture
def logs() -> Iterator[Client]:
    store = Store("CREATE TABLE Cheap_CL AS SELECT TIMESTAMP '2026-11-20' AS TimeGenerated, 1 AS x")
    with LogAnalyticsServer(store) as server:
        server.billed.add("Cheap_CL")
        yield Client(f"{server.url}/v1/workspaces/w")
    store.close()


def test_a_billed_table_is_read_through_search_with_a_range_in_the_address(logs: Client) -> None:
    query = {"query": "Cheap_CL | count"}
    span = "2026-11-19T00:00:00Z/2026-11-21T00:00:00Z"
    assert logs("POST", "/query", query)[0] == 400
    assert logs("POST", "/search", query)[0] == 400
    assert logs("POST", f"/search?timespan={span}", {**query, "timespan": span})[0] == 400
    status, answer = logs("POST", f"/search?timespan={span}", query)
    assert (status, answer["tables"][0]["rows"]) == (200, [[1]])
