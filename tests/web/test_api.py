"""The API does what the pages do, with tokens that are scoped, end, and can be revoked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from console_support import RULE_ID, Browser
from fpctl.web.config import ConsoleConfig


def _client(browser: Browser, config: ConsoleConfig, scope: str, days: int = 1) -> TestClient:
    client = browser(None)
    now = config.clock()
    secret, _ = client.app.state.console.store.make_token("t", "c.caller", [scope], now, now + timedelta(days=days))
    client.headers["authorization"] = f"Bearer {secret}"
    return client


@pytest.mark.parametrize(
    "path",
    ["rules", f"rules/{RULE_ID}", "exclusions", "exclusions/fp-2026-0001", "hits", "runs", "audit", "decisions"],
)
def test_a_reader_reads(path: str, browser: Browser, config: ConsoleConfig) -> None:
    answer = _client(browser, config, "viewer").get(f"/api/v1/{path}")
    assert answer.status_code == 200
    assert answer.json() or path in ("hits", "runs")


def test_without_a_token_there_is_nothing(browser: Browser) -> None:
    answer = browser("admin").get("/api/v1/rules")  # a browser's session is no token
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("days", [0, -1])
def test_a_token_that_has_ended_gives_nothing(days: int, browser: Browser, config: ConsoleConfig) -> None:
    assert _client(browser, config, "admin", days).get("/api/v1/rules").status_code == 401


def test_a_revoked_token_gives_nothing(browser: Browser, config: ConsoleConfig) -> None:
    client = _client(browser, config, "viewer")
    store = client.app.state.console.store
    assert client.get("/api/v1/rules").status_code == 200
    (token,) = store.tokens()
    assert store.revoke_token(token.id, config.clock())
    assert client.get("/api/v1/rules").status_code == 401


def test_a_scope_is_not_enough_for_what_needs_more(browser: Browser, config: ConsoleConfig, root: Path) -> None:
    before = (root / "exclusions" / "fp-2026-0001.yaml").read_bytes()
    reader = _client(browser, config, "viewer")
    assert reader.post("/api/v1/exclusions/fp-2026-0001/renew", json={"until": "183d"}).status_code == 403
    analyst = _client(browser, config, "analyst")
    assert analyst.post("/api/v1/exclusions/fp-2026-0001/retire", json={"reason": "x"}).status_code == 403
    assert (root / "exclusions" / "fp-2026-0001.yaml").read_bytes() == before


def test_an_exclusion_is_recorded_renewed_approved_and_retired(browser: Browser, config: ConsoleConfig) -> None:
    approver = _client(browser, config, "approver")
    body = {"rules": [RULE_ID], "match": {"device": ["hr-ws-001"]}, "reason": "Remote help", "owner": "o@contoso.com"}
    made = approver.post("/api/v1/exclusions", json=body)
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    assert approver.get(f"/api/v1/exclusions/{id}").json()["state"] == "draft"
    assert approver.post(f"/api/v1/exclusions/{id}/approve").status_code == 204
    renewed = approver.post(f"/api/v1/exclusions/{id}/renew", json={"until": "183d"})
    assert renewed.status_code == 204, renewed.text
    assert approver.get(f"/api/v1/exclusions/{id}").json()["state"] == "active"
    assert approver.post(f"/api/v1/exclusions/{id}/retire", json={"reason": "over"}).status_code == 204
    assert approver.get(f"/api/v1/exclusions/{id}").json()["state"] == "retired"
    entries = approver.app.state.console.history.trail.entries(exclusion=id)
    assert [(one.action, one.who) for one in reversed(entries)] == [
        ("added", "c.caller"), ("approved", "c.caller"), ("renewed", "c.caller"), ("retired", "c.caller"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"match": {"url": ["com"]}}, 400), ({"match": {"nonsense": ["x"]}}, 400), ({"rules": []}, 422),
        ({"status": "active"}, 422), ({"expires": "never"}, 400), ({"surprise": 1}, 422), ({"match": {}}, 422),
    ],
)  # fmt: skip
def test_a_bad_body_is_told_and_writes_nothing(
    change: dict[str, object], status: int, browser: Browser, config: ConsoleConfig, root: Path
) -> None:
    body = {"rules": [RULE_ID], "match": {"device": ["hr-ws-001"]}, "reason": "Remote help"}
    answer = _client(browser, config, "analyst").post("/api/v1/exclusions", json={**body, **change})
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"]
    assert [path.name for path in (root / "exclusions").iterdir()] == ["fp-2026-0001.yaml"]


def test_no_request_that_the_description_allows_fails_the_server(browser: Browser, config: ConsoleConfig) -> None:
    import schemathesis
    from hypothesis import HealthCheck, given, settings

    client = _client(browser, config, "approver")
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", client.app, headers={"host": "127.0.0.1"})

    for result in schema.get_all_operations():
        operation = result.ok()
        strategy = operation.as_strategy()

        @settings(
            max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        )
        def tried(case: schemathesis.Case) -> None:
            answer = case.call(headers={"authorization": client.headers["authorization"], "host": "127.0.0.1"})
            assert answer.status_code < 500 or answer.status_code == 503, (case.method, case.path, answer.text)

        given(case=strategy)(tried)()
