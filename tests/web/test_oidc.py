"""Sign-in with OpenID Connect against a provider on this machine: what holds signs in, what does not does not."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey

from console_support import words
from fpctl.settings import OpenIdConnect
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig

KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
REDIRECT = "http://127.0.0.1/oidc/back"


class Provider:
    """An identity provider: gives whoever asks the identity `claims`, checked as the standard says."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"preferred_username": "a.rossi@contoso.com", "roles": ["fpctl.analyst"]}
        self.key = self.published = KEY
        self.codes: dict[str, dict[str, str]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    self._json(
                        {
                            "issuer": outer.issuer,
                            "authorization_endpoint": f"{outer.issuer}/authorize",
                            "token_endpoint": f"{outer.issuer}/token",
                            "jwks_uri": f"{outer.issuer}/keys",
                        }
                    )
                elif self.path == "/keys":
                    self._json({"keys": [outer.published.as_dict(private=False)]})

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                asked = outer.codes.pop(form.get("code", ""), None)
                digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                if asked is None or asked["code_challenge"] != challenge or form["redirect_uri"] != REDIRECT:
                    self._json({"error": "invalid_grant"}, 400)
                    return
                claims = {
                    "iss": outer.issuer, "aud": asked["client_id"], "exp": int(time.time()) + 300,
                    "nonce": asked["nonce"], "sub": "s", **outer.claims,
                }  # fmt: skip
                token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, outer.key)
                self._json({"access_token": "x", "token_type": "Bearer", "id_token": token})

            def _json(self, body: Any, status: int = 200) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def authorize(self, address: str) -> dict[str, str]:
        """Be the person who agrees: return what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == REDIRECT
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def client(provider: Provider, config: ConsoleConfig, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("FPCTL_OIDC_SECRET", "s3cret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    roles = {"fpctl.analyst": "analyst", "fpctl.approver": "approver"}
    settings = OpenIdConnect.model_validate({"issuer": provider.issuer, "client_id": "console", "roles": roles})
    app = create_app(replace(config, token=None, oidc=settings))
    yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    app.state.console.close()


def _sign_in(client: TestClient, provider: Provider, **changed: str) -> Any:
    begun = client.get("/oidc/start")
    assert begun.status_code == 303
    return client.get("/oidc/back", params={**provider.authorize(begun.headers["location"]), **changed})


def test_whoever_has_a_role_is_signed_in_with_it(client: TestClient, provider: Provider) -> None:
    answer = _sign_in(client, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "a.rossi@contoso.com (analyst)" in words(client.get("/rules").text)


def test_the_highest_of_several_roles_counts(client: TestClient, provider: Provider) -> None:
    provider.claims["roles"] = ["fpctl.approver", "other", "fpctl.analyst"]
    assert _sign_in(client, provider).status_code == 303
    assert "(approver)" in words(client.get("/rules").text)


@pytest.mark.parametrize("roles", [[], ["admin"], ["fpctl"], None])
def test_whoever_has_no_role_is_not(roles: list[str] | None, client: TestClient, provider: Provider) -> None:
    provider.claims["roles"] = roles or []
    assert _sign_in(client, provider).status_code == 403
    assert client.get("/rules").headers["location"] == "/login"


@pytest.mark.parametrize(
    "claims", [{"aud": "another"}, {"iss": "https://evil.example"}, {"nonce": "old"}, {"exp": 1_000_000_000}]
)
def test_a_token_for_another_does_not_sign_in(claims: dict[str, Any], client: TestClient, provider: Provider) -> None:
    provider.claims.update(claims)
    assert _sign_in(client, provider).status_code == 403
    assert client.get("/rules").headers["location"] == "/login"


def test_a_token_signed_by_another_key_does_not_sign_in(client: TestClient, provider: Provider) -> None:
    provider.key = OTHER
    assert _sign_in(client, provider).status_code == 403


def test_a_code_that_another_browser_asked_for_does_not_sign_in(client: TestClient, provider: Provider) -> None:
    assert _sign_in(client, provider, state="other").status_code == 403
    begun = client.get("/oidc/start")
    client.cookies.clear()
    brought = provider.authorize(begun.headers["location"])
    assert client.get("/oidc/back", params=brought).status_code == 403


def test_new_keys_of_the_provider_are_asked_for(client: TestClient, provider: Provider) -> None:
    assert _sign_in(client, provider).status_code == 303
    provider.key = provider.published = OTHER
    assert _sign_in(client, provider).status_code == 303
    provider.key = KEY
    assert _sign_in(client, provider).status_code == 403


def test_a_code_signs_in_once(client: TestClient, provider: Provider) -> None:
    begun = client.get("/oidc/start")
    brought = provider.authorize(begun.headers["location"])
    assert client.get("/oidc/back", params=brought).status_code == 303
    client.cookies.delete("fpctl")
    assert client.get("/oidc/back", params=brought).status_code == 403
