"""Nobody does on the console what they may not: sessions, roles, forms, origins, hosts, hostile values."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from console_support import RULE_ID, Browser, words
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig, check_exposure
from fpctl.web.security.limits import FailureLimit
from fpctl.web.security.users import UserFile

CHANGING = {
    "/logout": ("viewer", {}),
    "/runs": ("analyst", {"rule": RULE_ID}),
    "/runs/{id}/cancel": ("analyst", {}),
    "/exclusions/new": ("analyst", {"rules": RULE_ID, "device": "x1", "action": "save"}),
    "/exclusions/preview/{part}": ("analyst", {"rules": RULE_ID, "device": "x1"}),
    "/exclusions/bulk": ("analyst", {"id": "fp-2026-0001", "action": "renew", "until": "30d"}),
    "/exclusions/{id}/edit": ("analyst", {"before": "", "text": ""}),
    "/exclusions/{id}/renew": ("analyst", {"until": "30d"}),
    "/exclusions/{id}/retire": ("approver", {"reason": "x"}),
    "/exclusions/{id}/approve": ("approver", {}),
    "/shadow/{id}": ("approver", {"action": "drop", "reason": "x"}),
    "/tokens": ("admin", {"name": "x"}),
    "/tokens/{id}/revoke": ("admin", {}),
}
"""Each route that changes something: the least role, and a form."""
LOWER = {"analyst": "viewer", "approver": "analyst", "admin": "approver"}


def _path(route: str) -> str:
    return route.replace("{id}", "fp-2026-0001").replace("{part}", "plan")


def _files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "exclusions").iterdir()}


def test_every_form_is_among_those_that_are_tried(config: ConsoleConfig) -> None:
    app = create_app(config)
    forms = {
        route.path
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        if isinstance(route, APIRoute) and "POST" in route.methods and not route.path.startswith("/api/")
    }
    app.state.console.close()
    assert forms - {"/login"} == set(CHANGING)


def test_a_form_without_a_session_changes_nothing(browser: Browser, root: Path) -> None:
    before, client = _files(root), browser(None)
    for route, (_, form) in CHANGING.items():
        answer = client.post(_path(route), data=form)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/login"), route
    assert _files(root) == before


def test_a_form_with_a_lower_role_changes_nothing(browser: Browser, root: Path) -> None:
    before = _files(root)
    for route, (role, form) in CHANGING.items():
        if role in LOWER:
            assert browser(LOWER[role]).post(_path(route), data=form).status_code == 403, route
    assert _files(root) == before


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_its_secret_changes_nothing(token: str, browser: Browser, root: Path) -> None:
    before, client = _files(root), browser("admin")
    client.headers["x-csrf-token"] = token
    for route, (_, form) in CHANGING.items():
        assert client.post(_path(route), data=form).status_code == 403, route
    assert _files(root) == before


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_form_of_another_site_changes_nothing(headers: dict[str, str], browser: Browser, root: Path) -> None:
    before, client = _files(root), browser("admin")
    for route in (*CHANGING, "/login"):
        form = CHANGING.get(route, ("", {"name": "x", "password": "y"}))[1]
        assert client.post(_path(route), data=form, headers=headers).status_code == 403, route
    assert _files(root) == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8765", ""])
def test_a_host_that_is_not_ours_gets_nothing(host: str, browser: Browser) -> None:
    answer = browser("admin").get("/", headers={"host": host})
    assert answer.status_code == 400
    assert "fp-2026-0001" not in answer.text


def test_a_one_time_token_signs_in_once(browser: Browser) -> None:
    first = browser(None).get("/login?token=one-time")
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser(None).get("/login?token=one-time").status_code == 403
    assert browser(None).get("/login?token=wrong").status_code == 403


def test_a_session_ends_with_its_time_and_with_signing_out(browser: Browser, config: ConsoleConfig) -> None:
    client = browser("viewer")
    assert client.get("/rules").status_code == 200
    assert client.post("/logout", data={}).status_code == 303
    assert client.get("/rules").headers["location"] == "/login"


def test_a_restart_signs_nobody_out(config: ConsoleConfig) -> None:
    from fastapi.testclient import TestClient

    first = create_app(config)
    key, _ = first.state.console.store.begin_session(
        "v", "viewer", config.clock(), config.clock() + config.session_length
    )
    first.state.console.close()
    second = create_app(config)
    client = TestClient(second, base_url="http://127.0.0.1", cookies={"fpctl": key}, follow_redirects=False)
    assert client.get("/rules").status_code == 200
    second.state.console.close()


def test_passwords_are_hashed_and_failures_close_the_door(root: Path, config: ConsoleConfig) -> None:
    from dataclasses import replace

    from fastapi.testclient import TestClient

    place = root / "users.yaml"
    UserFile(place).add("a.rossi@contoso.com", "analyst", "a long password")
    assert "a long password" not in place.read_text()
    assert "$argon2id$" in place.read_text()
    assert place.stat().st_mode & 0o077 == 0
    app = create_app(replace(config, users=place, token=None))
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    good = {"name": "A.Rossi@contoso.com", "password": "a long password"}
    assert client.post("/login", data=good).status_code == 303
    for _ in range(5):
        assert client.post("/login", data={**good, "password": "wrong"}).status_code == 401
    shut = client.post("/login", data=good)
    assert shut.status_code == 429
    assert int(shut.headers["retry-after"]) > 0
    app.state.console.close()


def test_failures_are_forgotten_after_their_time() -> None:
    limit = FailureLimit(failures=2, seconds=10)
    limit.failed("x", 0.0)
    assert limit.wait("x", 1.0) == 0
    limit.failed("x", 1.0)
    assert limit.wait("x", 2.0) == 8.0
    assert limit.wait("y", 2.0) == 0
    assert limit.wait("x", 10.5) == 0


def test_the_owner_cannot_approve(browser: Browser, root: Path) -> None:
    client = browser("approver", "a.rossi@contoso.com")
    before = _files(root)
    seen = client.get("/exclusions/fp-2026-0001").text.partition('name="seen" value="')[2].partition('"')[0]
    answer = client.post("/exclusions/fp-2026-0001/approve", data={"seen": seen})
    assert answer.status_code == 409
    assert "cannot approve" in words(answer.text)
    assert _files(root) == before


HOSTILE = (
    "<script>alert(1)</script>", '" onmouseover="alert(1)', "'; drop table x; --", "\u202eexe.txt", "{{7*7}}",
    "../../etc/passwd", "a\x00b", "x" * 100_000, "| where true // fpctl x", "\u2028", "${jndi:ldap://x}",
)  # fmt: skip


@pytest.mark.parametrize("field", ["rules", "device", "url", "process", "where", "reason", "title", "owner", "expires"])
def test_a_hostile_value_of_a_form_stays_a_value(field: str, browser: Browser, root: Path) -> None:
    form = {"rules": RULE_ID, "device": "build77", "reason": "r", "expires": "90d", "status": "draft"}
    client = browser("analyst")
    for value in HOSTILE:
        answer = client.post("/exclusions/new", data={**form, "action": "save", field: value})
        assert answer.status_code in (303, 400), (value[:30], answer.status_code)
        assert "<script>alert" not in answer.text
        assert ' onmouseover="' not in answer.text
        assert "{{7*7}}" in answer.text or value != "{{7*7}}" or answer.status_code == 303
        assert {path.parent for path in root.rglob("*.yaml")} <= {root / "exclusions", root / "rules"}
        if answer.status_code == 303:
            page = client.get(answer.headers["location"].split("?")[0])
            assert page.status_code == 200
            assert "<script>alert" not in page.text


def test_a_hostile_value_in_the_data_stays_a_value(browser: Browser, root: Path) -> None:
    with (root / "data" / "DeviceProcessEvents.csv").open("a") as file:
        file.write('2026-11-24T10:00:00Z,"<script>alert(1)</script>",remote.exe,"<img src=x onerror=alert(1)>"\n')
    client = browser("analyst")
    place = client.post("/runs", data={"rule": RULE_ID}).headers["location"]
    client.get(f"{place}/events")
    text = client.get(f"/rules/{RULE_ID}/rows").text
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "<img" not in text


FIELDS = ("rules", "device", "url", "where", "weekly", "timezone", "reason", "title", "owner", "ticket", "expires",
          "scenario", "status", "match", "add.device", "pick")  # fmt: skip


@pytest.mark.parametrize("sent", ["urlencoded", "multipart"])
def test_a_megabyte_in_a_field_is_refused_plainly(sent: str, browser: Browser, root: Path) -> None:
    before, client = _files(root), browser("admin")
    forms = {"/exclusions/new": FIELDS, "/exclusions/preview/plan": FIELDS}
    forms |= {route: tuple(form) for route, (_, form) in CHANGING.items() if route not in forms and form}
    for route, fields in forms.items():
        form = CHANGING.get(route, CHANGING["/exclusions/new"])[1]
        for field in fields:
            filled = {**form, field: "x" * 1_100_000}
            if sent == "multipart":
                answer = client.post(_path(route), files={name: (None, value) for name, value in filled.items()})
            else:
                answer = client.post(_path(route), data=filled)
            assert answer.status_code < 500, (route, field, answer.status_code)
            assert len(answer.content) < 5_000_000
    changed = _files(root).keys() - before.keys()
    assert all(len(_files(root)[name]) < 2_500_000 for name in changed)


def _api_routes(app: object) -> list[tuple[str, str]]:
    return sorted(
        (method, path)
        for path, actions in app.openapi()["paths"].items()  # type: ignore[attr-defined]
        for method in actions
    )


def test_every_action_of_the_api_needs_a_token_and_its_scope(config: ConsoleConfig, browser: Browser) -> None:
    client = browser(None)
    app: object = client.app
    routes = _api_routes(app)
    assert len(routes) > 12
    now = config.clock()
    console = app.state.console  # type: ignore[attr-defined]
    viewer, _ = console.store.make_token("t", "v.viewer", ["viewer"], now, now + config.session_length)
    for method, path in routes:
        place = path.replace("{id}", "fp-2026-0001").replace("{key}", RULE_ID)
        assert client.request(method, place, json={}).status_code == 401, (method, path)
        # The cookie of a session opens no action of the API.
        assert browser("admin").request(method, place, json={}).status_code == 401, (method, path)
        answer = client.request(method, place, json={}, headers={"authorization": f"Bearer {viewer}"})
        assert answer.status_code != 401, (method, path)
        assert (answer.status_code == 403) == (method != "get"), (method, path, answer.status_code)


def test_a_body_that_is_too_long_is_refused(browser: Browser) -> None:
    answer = browser("admin").post("/exclusions/new", data={"device": "x" * 2_100_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("host", "tls", "people", "allowed"),
    [
        ("127.0.0.1", False, False, True), ("::1", False, False, True), ("0.0.0.0", False, True, False),
        ("0.0.0.0", True, False, False), ("0.0.0.0", True, True, True), ("192.0.2.7", True, True, True),
    ],
)  # fmt: skip
def test_it_listens_for_others_only_with_tls_and_sign_in(
    host: str, tls: bool, people: bool, allowed: bool, config: ConsoleConfig
) -> None:
    from fpctl.errors import FpctlError

    if allowed:
        check_exposure(host, tls=tls, people=people, settings=config.settings)
    else:
        with pytest.raises(FpctlError, match="will not listen"):
            check_exposure(host, tls=tls, people=people, settings=config.settings)
