"""Who asks and where: tokens stay out of texts, and go to no place where others can read them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError

from engine.remote_setup import TOKEN, given_token
from fpctl.engine.interface import EngineError
from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import open_engine
from fpctl.engine.remote.credentials import CREDENTIALS, TokenSource, claims_of, token_source
from fpctl.engine.remote.destination import (
    GRAPH_HOSTS,
    KUSTO_HOSTS,
    LOG_ANALYTICS_HOSTS,
    Destination,
    trusted_endpoint,
)
from fpctl.engine.remote.endpoint import endpoint_of, log_analytics_audience
from fpctl.engine.remote.sign_in import github_assertion
from fpctl.settings import load_settings
from servers.loopback import LoopbackServer, Request


def jwt(**claims: Any) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "x"}, claims)
    ]
    return ".".join((*parts, "c2lnbmF0dXJl"))


VARIABLES = {
    "AZURE_TENANT_ID": "t",
    "AZURE_CLIENT_ID": "c",
    "AZURE_CLIENT_SECRET": "s",
    "AZURE_FEDERATED_TOKEN_FILE": "file",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.actions.example/x?api-version=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job",
    "AZURESUBSCRIPTION_TENANT_ID": "t",
    "AZURESUBSCRIPTION_CLIENT_ID": "c",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "connection",
    "SYSTEM_ACCESSTOKEN": "pipeline",
}


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
            monkeypatch.setattr(azure.identity, name, lambda *_, made_as=name, **__: made.append(made_as) or Counting())
    source = token_source(kind, environ=VARIABLES, authority="login.microsoftonline.us", tenant="t", client_id="c")
    assert made == []
    assert source.get_token("scope").token == "token-1"
    expected = {
        "default": "ChainedTokenCredential",
        "cli": "AzureCliCredential",
        "managed-identity": "ManagedIdentityCredential",
        "device-code": "DeviceCodeCredential",
        "environment": "ClientSecretCredential",
        "workload-identity": "WorkloadIdentityCredential",
        "github-oidc": "ClientAssertionCredential",
        "azure-pipelines": "AzurePipelinesCredential",
    }
    assert made[-1] == expected[kind]


TENANT = "aaaaaaaa-0000-4000-8000-000000000001"


def test_a_token_of_another_tenant_is_refused_whatever_the_credential() -> None:
    other = jwt(tid="bbbbbbbb-0000-4000-8000-000000000002", exp=9_999_999_999)
    source = token_source("token", environ={"FPCTL_ACCESS_TOKEN": other}, tenant=TENANT)
    with pytest.raises(EngineError, match="signs in to the tenant bbbbbbbb") as caught:
        source.get_token("s")
    assert caught.value.code == "credentials"
    same = jwt(tid=TENANT.upper(), exp=9_999_999_999)
    assert token_source("token", environ={"FPCTL_ACCESS_TOKEN": same}, tenant=TENANT).get_token("s").token == same


@pytest.mark.parametrize(
    "kind", ["default", "cli", "environment", "workload-identity", "github-oidc", "azure-pipelines"]
)
def test_every_credential_that_can_signs_in_to_the_tenant_that_is_set(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import azure.identity

    tenants: dict[str, Any] = {}

    def made(name: str) -> Any:
        def make(*arguments: Any, **settings: Any) -> Counting:
            tenants[name] = settings.get("tenant_id", arguments[0] if arguments else None)
            return Counting()

        return make

    for name in dir(azure.identity):
        if name.endswith("Credential") and name not in ("ManagedIdentityCredential", "ChainedTokenCredential"):
            monkeypatch.setattr(azure.identity, name, made(name))
    monkeypatch.setattr(azure.identity, "ChainedTokenCredential", lambda *links: links[0])
    token_source(kind, environ=VARIABLES, tenant=TENANT).get_token("s")
    assert tenants
    assert set(tenants.values()) == {TENANT}


class GitHub(LoopbackServer):
    """The token service of a job: a new assertion for each request that has the job's token."""

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("Authorization") != "Bearer the-job-of-today":
            return 401, {}
        return 200, {"value": jwt(sub="repo:o/r:environment:production", number=len(self.requests))}


def test_github_gives_a_new_assertion_each_time() -> None:
    with GitHub() as server:
        address = f"{server.url}/token?api-version=2"
        found = [github_assertion(address, "the-job-of-today") for _ in range(2)]
        assert [claims_of(one)["number"] for one in found] == [1, 2]
        assert server.requests[0].path.endswith("api-version=2&audience=api://AzureADTokenExchange")
        with pytest.raises(EngineError) as caught:
            github_assertion(address, "the-job-of-yesterday")
    assert caught.value.code == "credentials"
    assert "id-token: write" in str(caught.value.hint)


@pytest.mark.parametrize("missing", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_URL"])
def test_a_missing_variable_is_named(missing: str) -> None:
    environ = {name: value for name, value in VARIABLES.items() if name != missing}
    with pytest.raises(EngineError, match=f"{missing} is not set"):
        token_source("github-oidc", environ=environ).get_token("s")


@pytest.mark.parametrize(
    ("address", "hosts", "trusted"),
    [
        ("https://api.loganalytics.io", LOG_ANALYTICS_HOSTS, True),
        ("https://graph.microsoft.com", LOG_ANALYTICS_HOSTS, False),
        ("https://graph.microsoft.us", GRAPH_HOSTS, True),
        ("https://c.westeurope.kusto.windows.net", KUSTO_HOSTS, True),
        ("https://kusto.windows.net.evil.example", KUSTO_HOSTS, False),
        ("https://evilkusto.windows.net", KUSTO_HOSTS, False),
        ("http://127.0.0.1:8080", GRAPH_HOSTS, True),
    ],
)
def test_a_token_goes_to_the_hosts_of_its_service_only(address: str, hosts: tuple[str, ...], trusted: bool) -> None:
    destination = Destination(address, hosts)
    if trusted:
        assert trusted_endpoint(destination, {}).url == address
        return
    with pytest.raises(EngineError) as caught:
        trusted_endpoint(destination, {})
    assert caught.value.code == "untrusted-host"


def test_a_host_that_the_user_names_outside_the_repository_is_trusted() -> None:
    destination = Destination("https://proxy.contoso.com", GRAPH_HOSTS, "FPCTL_DEFENDER_ENDPOINT")
    for environ in (
        {"FPCTL_TRUSTED_HOSTS": "other.contoso.com, proxy.contoso.com"},
        {"FPCTL_DEFENDER_ENDPOINT": "https://proxy.contoso.com"},
    ):
        assert trusted_endpoint(destination, environ).host == "proxy.contoso.com"
    with pytest.raises(EngineError):
        trusted_endpoint(destination, {"FPCTL_TRUSTED_HOSTS": "contoso.com"})


def test_a_settings_file_cannot_send_the_token_of_the_environment_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "fpctl.toml").write_text("[engine.defender]\nendpoint = 'https://graph.evil.example'\n")
    settings = load_settings(folder=tmp_path, environ={})
    options = EngineOptions(credential="token", environ={"FPCTL_ACCESS_TOKEN": TOKEN})
    with pytest.raises(EngineError) as caught:
        open_engine("defender", settings, options)
    assert caught.value.code == "untrusted-host"
    assert "FPCTL_TRUSTED_HOSTS=graph.evil.example" in str(caught.value.hint)


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
