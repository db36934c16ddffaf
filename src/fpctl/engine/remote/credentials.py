"""Signing in: tokens from azure-identity or the environment, held in one place and kept out of every text."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.sign_in import Login, make_credential
from fpctl.spelling import did_you_mean

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions

CREDENTIALS = (
    "default", "cli", "managed-identity", "device-code", "environment", "workload-identity", "github-oidc",
    "azure-pipelines", "token", "none",
)  # fmt: skip
"""The ways to get a token. `none` sends none; it is for servers on this machine."""
TOKEN_VARIABLE = "FPCTL_ACCESS_TOKEN"

_RENEW_BEFORE = 300
"""Seconds before its end at which a token is replaced."""
_SHOWN = "[token]"
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SECRETS = (
    re.compile(r"eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"),  # a JSON web token
    re.compile(r"(?i)(?<=bearer )\s*[^\s\"',;]{8,}"),
    re.compile(r"(?i)(?<=client_secret=)[^&\s\"']+|(?<=sig=)[^&\s\"']+|(?<=access_token=)[^&\s\"']+"),
)


class TokenSource:
    """Gives tokens to the clients, and takes them out of texts.

    It sits between a client and a credential of azure-identity and is one itself
    (`get_token`, `get_token_info`), so that all threads share one token, a person signs in once, and
    a token that a service turned down can be thrown away.

    Args:
        kind: the name in the settings, for messages.
        make: makes the credential when a token is first asked for.
        tenant: the tenant that tokens must be of, None for any.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        kind: str,
        make: Callable[[], Any] | None,
        *,
        tenant: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.kind = kind
        self._tenant = tenant
        self.generation = 0
        """Counts the tokens thrown away: a client that cached an older one must ask again."""
        self._make = make
        self._credential: Any = None
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], AccessTokenInfo] = {}
        self._known: set[str] = set()

    def __repr__(self) -> str:
        return f"TokenSource({self.kind!r})"

    @property
    def anonymous(self) -> bool:
        """Whether no token is sent at all."""
        return self._make is None

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token for the scopes. Raises EngineError `credentials`."""
        claims = bool(options and options.get("claims"))
        with self._lock:
            held = self._held.get(scopes)
            if held is not None and not claims and held.expires_on - self._clock() > _RENEW_BEFORE:
                return held
            token = self._ask(scopes, options)
            self._known.add(token.token)
            self._check_tenant(token.token)
            self._held[scopes] = token
            return token

    def get_token(self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **_: Any) -> AccessToken:
        """Return a token in azure-core's older shape."""
        from azure.core.credentials import AccessToken

        options: TokenRequestOptions = {}
        if claims:
            options["claims"] = claims
        if tenant_id:
            options["tenant_id"] = tenant_id
        token = self.get_token_info(*scopes, options=options or None)
        return AccessToken(token.token, token.expires_on)

    def renew(self) -> bool:
        """Throw the tokens away. False where asking again can only give the same one."""
        if self.anonymous or self.kind == "token":
            return False
        with self._lock:
            self._held.clear()
            self.generation += 1
        return True

    def scrub(self, text: str) -> str:
        """Return a text without any token in it."""
        for secret in tuple(self._known):
            text = text.replace(secret, _SHOWN)
        for pattern in _SECRETS:
            text = pattern.sub(_SHOWN, text)
        return text

    def claims(self, *scopes: str) -> Mapping[str, Any]:
        """Return what the token for the scopes says of itself, unchecked; nothing where it cannot be read.

        Microsoft's services may change what is in their tokens: this is for hints to people, and for nothing else.
        """
        return {} if self.anonymous else claims_of(self.get_token_info(*scopes).token)

    def _check_tenant(self, token: str) -> None:
        """Refuse a token of another tenant than the one that is set: its data would be taken for that tenant's."""
        found = claims_of(token).get("tid")
        if self._tenant is None or not isinstance(found, str) or not _GUID.fullmatch(self._tenant):
            return
        if found.lower() != self._tenant.lower():
            raise EngineError(
                f"the credential `{self.kind}` signs in to the tenant {found}, not to {self._tenant}",
                code="credentials",
                hint=f"sign in to that tenant (`az login --tenant {self._tenant}`), or correct `tenant`",
            )

    def close(self) -> None:
        """Let go of the credential's connections."""
        close = getattr(self._credential, "close", None)
        if close is not None:
            close()

    def _ask(self, scopes: tuple[str, ...], options: TokenRequestOptions | None) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo
        from azure.core.exceptions import AzureError

        if self._make is None:
            raise EngineError("no credential is set", code="credentials", hint="set `credential`")
        try:
            if self._credential is None:
                self._credential = self._make()
            if hasattr(self._credential, "get_token_info"):
                info: AccessTokenInfo = self._credential.get_token_info(*scopes, options=options or {})
                return info
            token = self._credential.get_token(*scopes, **(options or {}))
            return AccessTokenInfo(token.token, token.expires_on)
        except (AzureError, ValueError, OSError) as error:
            said = self.scrub(str(error)).strip().split("\n", 1)[0][:300]
            raise EngineError(
                f"no token with the credential `{self.kind}`: {said}", code="credentials", hint=_SIGN_IN[self.kind]
            ) from None


_SIGN_IN = {
    "default": "sign in with `az login`, or choose another credential: " + ", ".join(CREDENTIALS[1:-1]),
    "cli": "sign in with `az login`",
    "managed-identity": "run on an Azure machine with a managed identity; a user-assigned one needs `client_id`",
    "device-code": "open the address shown and type the code before it ends",
    "environment": "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or a certificate)",
    "workload-identity": "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE",
    "github-oidc": "give the job `permissions: id-token: write`, set AZURE_TENANT_ID and AZURE_CLIENT_ID, and compare "
    "the subject of the federated credential with the job's (with an environment it ends in `environment:NAME`)",
    "azure-pipelines": "use the task AzureCLI@2 or AzurePowerShell@5, with SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
    "token": f"set {TOKEN_VARIABLE}",
    "none": "set `credential`",
}


class _GivenToken:
    """A token that came ready from the environment."""

    def __init__(self, token: str, ends: float) -> None:
        self._token = token
        self._ends = int(ends)

    def get_token_info(self, *_: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        from azure.core.credentials import AccessTokenInfo

        return AccessTokenInfo(self._token, self._ends)


def token_source(
    kind: str,
    *,
    environ: Mapping[str, str],
    authority: str | None = None,
    tenant: str | None = None,
    client_id: str | None = None,
    clock: Callable[[], float] = time.time,
) -> TokenSource:
    """Return what gives tokens.

    Args:
        kind: one of `CREDENTIALS`.
        environ: the environment, for `token`.
        authority: the host that signs people in, for a sovereign cloud.
        tenant: the Entra tenant, where it is not the account's own.
        client_id: of a user-assigned managed identity, or of the app that `device-code` signs in to.
        clock: seconds since 1970.

    Raises:
        EngineError: `settings`, no such kind; `credentials`, no token in the environment or one that has ended.
    """
    if kind not in CREDENTIALS:
        raise EngineError(
            f"there is no credential {kind!r}", code="settings", hint=did_you_mean(kind, CREDENTIALS, what="credential")
        )
    if kind == "none":
        return TokenSource(kind, None, clock=clock)
    if kind == "token":
        return _given(environ.get(TOKEN_VARIABLE, "").strip(), tenant, clock)
    login = Login(environ, authority, tenant, client_id)
    return TokenSource(kind, lambda: make_credential(kind, login), tenant=tenant, clock=clock)


def _given(token: str, tenant: str | None, clock: Callable[[], float]) -> TokenSource:
    token = token.removeprefix("Bearer ").strip()
    if not token:
        raise EngineError(f"{TOKEN_VARIABLE} is not set", code="credentials", hint="put an access token into it")
    if not token.isascii() or any(character.isspace() for character in token):
        raise EngineError(f"{TOKEN_VARIABLE} holds no access token", code="credentials", hint="copy it whole")
    ends = _end_of(token)
    if ends is not None and ends <= clock():
        moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ends))
        raise EngineError(
            f"the token in {TOKEN_VARIABLE} ended at {moment}",
            code="credentials",
            hint="get a new one; they last about an hour",
        )
    # Its end, where it does not say: far enough for the clients, and the service knows best.
    given = _GivenToken(token, ends if ends is not None else clock() + 24 * 3600)
    source = TokenSource("token", lambda: given, tenant=tenant, clock=clock)
    source._known.add(token)
    return source


def _end_of(token: str) -> float | None:
    """Return when a JSON web token expires, without checking it; None for any other token."""
    try:
        return float(claims_of(token)["exp"])
    except (ValueError, KeyError, TypeError):
        return None


def claims_of(token: str) -> Mapping[str, Any]:
    """Return what a JSON web token says of itself, without checking it; nothing for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
