"""The credentials of azure-identity, each made so that it signs in to the tenant that is set.

`DefaultAzureCredential` takes no tenant, and would leave a guest or a managed-service provider with the tokens of
the home tenant. So `default` is the same chain made here, each of its links with the tenant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from fpctl.engine.interface import EngineError

_AUDIENCE = "api://AzureADTokenExchange"
"""Of an assertion for Entra ID (https://learn.microsoft.com/entra/workload-id/workload-identity-federation)."""
_MOST_BYTES = 64 * 1024
_TIMEOUT = 30.0


class Login(NamedTuple):
    """Where and as what to sign in; `authority` is the host of the cloud, None for the public one."""

    environ: Mapping[str, str]
    authority: str | None = None
    tenant: str | None = None
    client_id: str | None = None

    def cloud(self) -> dict[str, Any]:
        """Return the keyword of azure-identity that names the cloud."""
        return {"authority": self.authority} if self.authority else {}

    def needed(self, given: str | None, *variables: str) -> str:
        """Return a value, or that of the first variable that is set. Raises EngineError `credentials`."""
        found = given or next((self.environ[name] for name in variables if self.environ.get(name)), None)
        if not found:
            raise EngineError(f"{variables[0]} is not set", code="credentials", hint=f"set {' or '.join(variables)}")
        return found


def make_credential(kind: str, login: Login) -> Any:
    """Return the credential of azure-identity for a kind of `CREDENTIALS`. Raises EngineError `credentials`."""
    return _MAKERS[kind](login)


def _cli(login: Login) -> Any:
    from azure.identity import AzureCliCredential

    return AzureCliCredential(tenant_id=login.tenant or "", process_timeout=30)


def _managed_identity(login: Login) -> Any:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=login.client_id)


def _environment(login: Login) -> Any:
    """Return the application that the variables name, in the tenant that is set."""
    from azure.identity import CertificateCredential, ClientSecretCredential

    tenant = login.needed(login.tenant, "AZURE_TENANT_ID")
    client = login.needed(login.client_id, "AZURE_CLIENT_ID")
    certificate = login.environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if certificate and not login.environ.get("AZURE_CLIENT_SECRET"):
        password = login.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
        return CertificateCredential(tenant, client, certificate, password=password, **login.cloud())
    secret = login.needed(None, "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")
    return ClientSecretCredential(tenant, client, secret, **login.cloud())


def _device_code(login: Login) -> Any:
    from azure.identity import DeviceCodeCredential

    settings = {"tenant_id": login.tenant, "client_id": login.client_id, **login.cloud()}
    given = {name: value for name, value in settings.items() if value}
    return DeviceCodeCredential(prompt_callback=_show_code, **given)


def _workload_identity(login: Login) -> Any:
    from azure.identity import WorkloadIdentityCredential

    return WorkloadIdentityCredential(
        tenant_id=login.needed(login.tenant, "AZURE_TENANT_ID"),
        client_id=login.needed(login.client_id, "AZURE_CLIENT_ID"),
        token_file_path=login.needed(None, "AZURE_FEDERATED_TOKEN_FILE"),
        **login.cloud(),
    )


def _github(login: Login) -> Any:
    """Return a credential that asks GitHub for a new assertion whenever a token must be renewed.

    An assertion is valid for some minutes only, so one that was fetched when the job began cannot renew a token.
    """
    from azure.identity import ClientAssertionCredential

    address = login.needed(None, "ACTIONS_ID_TOKEN_REQUEST_URL")
    request_token = login.needed(None, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    return ClientAssertionCredential(
        login.needed(login.tenant, "AZURE_TENANT_ID"),
        login.needed(login.client_id, "AZURE_CLIENT_ID"),
        lambda: github_assertion(address, request_token),
        **login.cloud(),
    )


def github_assertion(address: str, request_token: str) -> str:
    """Return a new assertion of the running job, from GitHub's token service.

    https://docs.github.com/actions/reference/security/oidc

    Raises:
        EngineError: `credentials`.
    """
    import requests

    from fpctl.engine.remote.endpoint import endpoint_of
    from fpctl.engine.remote.retry import RequestFailure
    from fpctl.engine.remote.session import BodyBounds, service_session

    place = endpoint_of(address, setting="ACTIONS_ID_TOKEN_REQUEST_URL")
    headers = {"Authorization": f"Bearer {request_token}", "Accept": "application/json"}
    joint = "&" if "?" in address else "?"
    try:
        with service_session(place, "GitHub's token service", BodyBounds(_MOST_BYTES, 2 * _TIMEOUT)) as session:
            response = session.get(
                f"{address}{joint}audience={_AUDIENCE}", headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
            assertion = response.json()["value"] if response.status_code == 200 else None
    except (requests.RequestException, RequestFailure, ValueError, KeyError, TypeError):
        raise EngineError(
            "GitHub's token service gave no assertion", code="credentials", hint="run the job again"
        ) from None
    if not isinstance(assertion, str):
        raise EngineError(
            f"GitHub's token service refused to give an assertion ({response.status_code})",
            code="credentials",
            hint="give the job `permissions: id-token: write`",
        )
    return assertion


def _azure_pipelines(login: Login) -> Any:
    from azure.identity import AzurePipelinesCredential

    return AzurePipelinesCredential(
        tenant_id=login.needed(login.tenant, "AZURESUBSCRIPTION_TENANT_ID"),
        client_id=login.needed(login.client_id, "AZURESUBSCRIPTION_CLIENT_ID"),
        service_connection_id=login.needed(None, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
        system_access_token=login.needed(None, "SYSTEM_ACCESSTOKEN"),
        **login.cloud(),
    )


def _default(login: Login) -> Any:
    """Return the chain of `DefaultAzureCredential`, without the links that ask a person, and with the tenant."""
    import azure.identity as identity

    links: list[Any] = []
    for make in (_environment, _workload_identity, _azure_pipelines):
        try:
            links.append(make(login))
        except EngineError:
            continue  # its variables are not set
    tenant = login.tenant or ""
    return identity.ChainedTokenCredential(
        *links,
        identity.ManagedIdentityCredential(client_id=login.client_id),
        identity.AzureCliCredential(tenant_id=tenant, process_timeout=30),
        identity.AzurePowerShellCredential(tenant_id=tenant, process_timeout=30),
        identity.AzureDeveloperCliCredential(tenant_id=tenant, process_timeout=30),
    )


_MAKERS: Mapping[str, Callable[[Login], Any]] = {
    "default": _default,
    "cli": _cli,
    "managed-identity": _managed_identity,
    "device-code": _device_code,
    "environment": _environment,
    "workload-identity": _workload_identity,
    "github-oidc": _github,
    "azure-pipelines": _azure_pipelines,
}


def _show_code(address: str, code: str, ends: datetime) -> None:
    # To stderr: stdout is for data.
    sys.stderr.write(f"To sign in, open {address} and enter the code {code} before {ends:%H:%M} UTC.\n")
    sys.stderr.flush()
