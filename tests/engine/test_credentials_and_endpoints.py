"""Who asks and where: tokens stay out of texts, and go to no place where others can read them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError

from engine.remote_setup import TOKEN, given_token
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import CREDENTIALS, TokenSource, token_source
from fpctl.engine.remote.endpoint import endpoint_of, log_analytics_audience


def jwt(**claims: Any) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "x"}, claims)
    ]
    return ".".join((*parts, "c2lnbmF0dXJl"))


class Counting:
    def __init__(self, lasts: int = 3600) -> None:
        self.calls: list[tuple[tuple[str, ...], Any]] = []
        self.lasts = lasts

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        self.calls.append((scopes, options))
        return AccessTokenInfo(f"token-{len(self.calls)}", 1000 + self.lasts)


@pytest.mark.parametrize("kind", [kind for kind in CREDENTIALS if kind not in ("token", "none")])
def test_a_credential_of_azure_identity_is_made_when_first_asked_and_not_before(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import azure.identity

    made: list[str] = []
    for name in dir(azure.identity):
        if name.endswith("Credential"):
            monkeypatch.setattr(azure.identity, name, lambda name=name, **_: made.append(name) or Counting())
    source = token_source(kind, environ={}, authority="login.microsoftonline.us", tenant="t", client_id="c")
    assert made == []
    assert source.get_token("scope").token == "token-1"
    expected = {
        "default": "DefaultAzureCredential",
        "cli": "AzureCliCredential",
        "managed-identity": "ManagedIdentityCredential",
        "device-code": "DeviceCodeCredential",
        "environment": "EnvironmentCredential",
    }
    assert made == [expected[kind]]


def test_a_token_is_asked_for_once_and_again_near_its_end() -> None:
    now = 1000.0
    counting = Counting()
    source = TokenSource("cli", lambda: counting, clock=lambda: now)
    assert [source.get_token("s").token for _ in range(3)] == ["token-1"] * 3
    now = 1000.0 + 3600 - 200
    assert source.get_token("s").token == "token-2"


def test_each_scope_has_its_token_and_renewing_drops_them_all() -> None:
    counting = Counting()
    source = TokenSource("cli", lambda: counting, clock=lambda: 1000.0)
    assert [source.get_token(scope).token for scope in "aba"] == ["token-1", "token-2", "token-1"]
    assert source.renew()
    assert source.get_token("a").token == "token-3"


def test_claims_of_a_challenge_are_passed_on_and_not_answered_from_memory() -> None:
    counting = Counting()
    source = TokenSource("cli", lambda: counting, clock=lambda: 1000.0)
    source.get_token("s")
    assert source.get_token("s", claims="{}").token == "token-2"
    assert counting.calls[-1][1] == {"claims": "{}"}


def test_a_given_token_is_never_renewed() -> None:
    source = given_token()
    assert source.get_token("s").token == TOKEN
    assert not source.renew()


def test_a_failure_to_sign_in_says_what_to_do_and_shows_no_secret() -> None:
    class Broken:
        def get_token_info(self, *_: str, options: Any = None) -> AccessTokenInfo:
            raise ClientAuthenticationError(message="AADSTS7000215: bad client_secret=Sup3r~Secret.Value\nTrace ID: 1")

    with pytest.raises(EngineError) as caught:
        TokenSource("cli", Broken).get_token("s")
    assert caught.value.code == "credentials"
    assert caught.value.hint == "sign in with `az login`"
    assert "AADSTS7000215" in caught.value.message
    assert "Sup3r" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "not set"),
        ("  ", "not set"),
        ("two words", "no access token"),
        (jwt(exp=1000), "ended at 1970-01-01 00:16 UTC"),
    ],
)
def test_a_token_that_cannot_be_one_is_refused_early(given: str, said: str) -> None:
    with pytest.raises(EngineError) as caught:
        token_source("token", environ={"FPCTL_ACCESS_TOKEN": given}, clock=lambda: 2000.0)
    assert caught.value.code == "credentials"
    assert said in caught.value.message


def test_the_word_bearer_before_a_token_is_taken_off() -> None:
    source = token_source("token", environ={"FPCTL_ACCESS_TOKEN": f"Bearer {TOKEN}"})
    assert source.get_token("s").token == TOKEN


def test_an_unknown_credential_is_an_error_with_the_nearest() -> None:
    with pytest.raises(EngineError) as caught:
        token_source("managed_identity", environ={})
    assert caught.value.hint == "did you mean `managed-identity`?"


@pytest.mark.parametrize(
    "text",
    [
        f"got {TOKEN}.",
        f"Authorization: Bearer {TOKEN}",
        "bearer abcdefghijklmnop",
        f"token {jwt(sub='me')} was turned down",
        "https://x/?sig=abc%2Fdef&se=1",
        "access_token=abcdef123",
    ],
)
def test_secrets_are_taken_out_of_texts(text: str) -> None:
    scrubbed = given_token().scrub(text)
    assert "[token]" in scrubbed
    for secret in (TOKEN, "abcdefghijklmnop", jwt(sub="me"), "abc%2Fdef", "abcdef123"):
        assert secret not in scrubbed


def test_a_source_shows_no_token() -> None:
    source = given_token()
    source.get_token("s")
    assert TOKEN not in repr(source)


@pytest.mark.parametrize(
    ("address", "url", "audience", "authority"),
    [
        (
            "https://api.loganalytics.io",
            "https://api.loganalytics.io",
            "https://api.loganalytics.io",
            "login.microsoftonline.com",
        ),
        (
            "https://api.loganalytics.azure.com/",
            "https://api.loganalytics.azure.com",
            "https://api.loganalytics.io",
            "login.microsoftonline.com",
        ),
        (
            "api.loganalytics.us",
            "https://api.loganalytics.us",
            "https://api.loganalytics.us",
            "login.microsoftonline.us",
        ),
        (
            "https://api.loganalytics.azure.cn",
            "https://api.loganalytics.azure.cn",
            "https://api.loganalytics.azure.cn",
            "login.chinacloudapi.cn",
        ),
        (
            "http://127.0.0.1:8080/v1",
            "http://127.0.0.1:8080/v1",
            "https://api.loganalytics.io",
            "login.microsoftonline.com",
        ),
        ("http://[::1]:80", "http://[::1]:80", "https://api.loganalytics.io", "login.microsoftonline.com"),
        ("http://localhost", "http://localhost", "https://api.loganalytics.io", "login.microsoftonline.com"),
    ],
)
def test_clouds(address: str, url: str, audience: str, authority: str) -> None:
    place = endpoint_of(address, setting="endpoint")
    assert (place.url, log_analytics_audience(place), place.authority) == (url, audience, authority)


@pytest.mark.parametrize(
    ("address", "authority"),
    [
        ("https://management.azure.com", "login.microsoftonline.com"),
        ("https://management.usgovcloudapi.net", "login.microsoftonline.us"),
        ("https://management.chinacloudapi.cn", "login.chinacloudapi.cn"),
        ("https://graph.microsoft.us", "login.microsoftonline.us"),
        ("https://dod-graph.microsoft.us", "login.microsoftonline.us"),
        ("https://c.westeurope.kusto.windows.net", "login.microsoftonline.com"),
        ("https://c.usgovvirginia.kusto.usgovcloudapi.net", "login.microsoftonline.us"),
        ("https://c.chinaeast2.kusto.chinacloudapi.cn", "login.chinacloudapi.cn"),
        ("https://usgovcloudapi.net.evil.example", "login.microsoftonline.com"),
    ],
)
def test_the_cloud_of_an_address_says_where_to_sign_in(address: str, authority: str) -> None:
    assert endpoint_of(address, setting="endpoint").authority == authority


@pytest.mark.parametrize(
    "address",
    [
        "http://api.loganalytics.io",
        "http://127.0.0.1.evil.net",
        "http://localhost.evil.net",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user@host",
        "https://",
        "",
        "http://[::1",
    ],
)
def test_an_address_where_a_token_could_be_read_is_refused(address: str) -> None:
    with pytest.raises(EngineError) as caught:
        endpoint_of(address, setting="endpoint")
    assert caught.value.code == "settings"
