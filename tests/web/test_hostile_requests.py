"""Requests that no page of ours sends: each is refused plainly, and none changes anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from fastapi.testclient import TestClient

from console_support import NOW, RULE_ID, Browser, words
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig
from fpctl.web.security.users import _UNKNOWN, UserFile
from fpctl.web.work.runs import RunState

PASSWORD = "correct horse battery"


def _plain(client: TestClient, **headers: str) -> TestClient:
    """Return a browser for which a fault of the server is an answer of 500."""
    return TestClient(
        client.app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False,
        cookies=client.cookies, headers={**client.headers, **headers},
    )  # fmt: skip


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.yaml")}


@pytest.mark.parametrize(
    "path",
    [
        "/exclusions/..%2F..%2Fetc%2Fpasswd", "/exclusions/..%5C..%5Cfpctl.toml", "/exclusions/%00",
        "/rules/..%2F..%2Ffpctl.toml", "/rules/%00/rows", "/static/..%2f..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py",
        "/static//etc/passwd", "/runs/..%2F1", "/exclusions/fp-2026-0001%0d%0aset-cookie:a=b",
    ],
)  # fmt: skip
def test_an_address_that_leads_elsewhere_leads_nowhere(path: str, browser: Browser) -> None:
    answer = _plain(browser("admin")).get(path)
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE"])
def test_a_method_is_what_it_is(method: str, browser: Browser, root: Path) -> None:
    before, client = _files(root), _plain(browser("admin"))
    place = "/exclusions/fp-2026-0001"
    assert client.request(method, place).status_code == 405
    for headers in ({"x-http-method-override": method}, {"x-method-override": method}):
        assert client.post(f"{place}?_method={method}", headers=headers).status_code == 405
    assert client.get(f"{place}/retire?reason=x").status_code == 405
    assert _files(root) == before


def _endless() -> Iterator[bytes]:
    for _ in range(25):
        yield b"x" * 100_000


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"[" * 900_000, "application/json"), (b'{"a":' * 300_000, "application/json"),
        (b'{"rule": "x", "days": ' + b"9" * 5_000 + b"}", "application/json"),
        (b'{"rule": "\xff"}', "application/json"),
        (b"&".join(b"a%d=1" % n for n in range(100_000)), "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"), (b"x", "multipart/form-data"),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(content: bytes, kind: str, browser: Browser, root: Path) -> None:
    before, client = _files(root), _plain(browser("admin"))
    path = "/api/v1/runs" if "json" in kind else "/exclusions/new"
    if "json" in kind:
        console = client.app.state.console  # type: ignore[attr-defined]
        secret, _ = console.store.make_token("t", "c", ["admin"], NOW, NOW + timedelta(days=1))
        client.headers["authorization"] = f"Bearer {secret}"
    answer = client.post(path, content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 422)
    assert _files(root) == before


def test_a_body_without_an_end_is_cut(browser: Browser, root: Path) -> None:
    before, kind = _files(root), {"content-type": "application/x-www-form-urlencoded"}
    assert _plain(browser("admin")).post("/exclusions/new", content=_endless(), headers=kind).status_code == 400
    assert _files(root) == before


@pytest.mark.parametrize("length", ["9" * 5_000, "-1", "\u00b2", "0x10", ""])
def test_a_length_that_is_no_number_is_refused(length: str, browser: Browser) -> None:
    client = _plain(browser("admin"))
    headers = {b"content-length": length.encode("latin-1")}
    answer = client.post("/exclusions/new", content=b"x", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1", 303), ("http://127.0.0.1:3000", 403), ("http://localhost", 403), ("null", 403),
        ("http://127.0.0.1.evil.example", 403), ("http://[", 403), ("", 403),
    ],
)  # fmt: skip
def test_a_form_of_another_port_of_this_machine_is_another_sites(origin: str, status: int, browser: Browser) -> None:
    form = {"until": "30d"}
    answer = browser("analyst").post("/exclusions/fp-2026-0001/renew", data=form, headers={"origin": origin})
    assert answer.status_code == status


def test_a_bearer_token_does_not_open_the_forms(browser: Browser, root: Path) -> None:
    before = _files(root)
    headers = {"origin": "https://evil.example", "authorization": "Bearer x"}
    answer = browser("admin").post("/exclusions/fp-2026-0001/retire", data={"reason": "x"}, headers=headers)
    assert answer.status_code == 403
    assert _files(root) == before


def test_live_news_need_a_session(browser: Browser) -> None:
    answer = browser(None).get("/runs/x/events")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_whoever_signs_out_follows_no_longer(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpctl.web.pages.runs.LOOK_EVERY", 0.01)
    monkeypatch.setattr("fpctl.web.pages.runs.KEEP_ALIVE", 0.02)
    client = browser("analyst")
    console = client.app.state.console  # type: ignore[attr-defined]
    looks = 0

    def running(_: str) -> RunState:
        nonlocal looks
        looks += 1
        if looks == 20:
            console.store.end_session(client.cookies["fpctl"])
        assert looks < 2_000
        return RunState(1, "running", "is running", False)

    monkeypatch.setattr(console.runs, "state", running)
    text = client.get("/runs/x/events").text
    assert text.count("data: ") == 1
    assert ": still there" in text
    assert "event: end" not in text


# ---------------------------------------------------------------------------- signing in


@pytest.fixture
def app(config: ConsoleConfig, root: Path) -> Iterator[Any]:
    users = UserFile(root / "users.yaml")
    users.add("ann", "analyst", PASSWORD)
    users.add("pat", "approver", PASSWORD)
    made = create_app(replace(config, token=None, users=users.path))
    yield made
    made.state.console.close()


def _client(app: Any) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def _sign_in(client: TestClient, name: str = "ann", password: str = PASSWORD, **query: str) -> Any:
    return client.post("/login", data={"name": name, "password": password}, params=query)


@pytest.mark.parametrize("name", ["next", "url", "return", "redirect", "continue", "to"])
def test_signing_in_leads_to_the_first_page_only(name: str, app: Any) -> None:
    answer = _sign_in(_client(app), **{name: "https://evil.example/"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_session_that_somebody_else_chose_is_not_taken(app: Any) -> None:
    client = _client(app)
    client.cookies.set("fpctl", "chosen-by-somebody-else")
    answer = _sign_in(client)
    key = answer.headers["set-cookie"].partition("fpctl=")[2].partition(";")[0]
    assert key != "chosen-by-somebody-else"
    other = _client(app)
    other.cookies.set("fpctl", "chosen-by-somebody-else")
    assert other.get("/exclusions").status_code == 303


def test_signing_in_again_ends_the_session_before(app: Any) -> None:
    client = _client(app)
    _sign_in(client)
    before = client.cookies["fpctl"]
    _sign_in(client, "pat")
    stolen = _client(app)
    stolen.cookies.set("fpctl", before)
    assert stolen.get("/exclusions").status_code == 303
    assert client.get("/exclusions").status_code == 200


def test_an_unknown_name_costs_as_much_as_a_known_one() -> None:
    assert extract_parameters(_UNKNOWN) == extract_parameters(PasswordHasher().hash("x"))


def test_attempts_at_once_are_all_counted(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    together = threading.Barrier(5, timeout=10)

    def check(self: UserFile, name: str, password: str) -> None:
        looked.append(password)
        together.wait()

    monkeypatch.setattr(UserFile, "check", check)
    sign_in = app.state.sign_in
    request: Any = type("Request", (), {"client": None, "headers": {}})()
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(sign_in.with_password(request, "ann", "guess"))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0.0] * 5
    assert sign_in.with_password(request, "ann", "sixth") > 0
    assert looked == ["guess"] * 5


@pytest.mark.parametrize(("before", "after"), [("role: analyst", "role: viewer"), ("name: ann", "name: gone")])
def test_who_is_taken_out_of_the_user_file_or_changes_role_is_signed_out(
    before: str, after: str, app: Any, root: Path
) -> None:
    client = _client(app)
    _sign_in(client)
    assert client.get("/exclusions").status_code == 200
    file = root / "users.yaml"
    file.write_text(file.read_text().replace(before, after))
    assert client.get("/exclusions").status_code == 303
    assert "Sign in" in words(client.get("/login").text)
    assert RULE_ID not in client.get("/login").text
