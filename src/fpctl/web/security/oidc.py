"""Sign-in with OpenID Connect, such as Microsoft Entra ID: authorization code with PKCE, through Authlib.

State, nonce and the PKCE verifier are kept in a cookie for ten minutes that only this console can read and write:
they are encrypted with a key that lives as long as the server.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from fpctl.settings import OpenIdConnect, RoleName
from fpctl.web.security.roles import ROLES
from fpctl.web.security.sign_in import TheConsole, sign_in_of
from fpctl.web.state import Console

router = APIRouter(include_in_schema=False)

COOKIE = "fpctl-oidc"
MINUTES = 10
SCOPE = "openid profile email"
ALGORITHMS = ["RS256", "ES256", "PS256"]


class Provider:
    """One provider: its metadata and keys are asked for when somebody signs in, and kept.

    Args:
        settings: `[console.oidc]`.
        redirect_uri: the address that the provider sends people back to.
    """

    def __init__(self, settings: OpenIdConnect, redirect_uri: str) -> None:
        self._settings, self._redirect_uri = settings, redirect_uri
        self._metadata: dict[str, Any] | None = None
        self._keys: Any = None

    def begin(self) -> tuple[str, dict[str, str]]:
        """Return the address to send the browser to, and what to remember until it comes back."""
        from authlib.common.security import generate_token

        kept = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24), "verifier": generate_token(48)}
        address, _ = self._client().create_authorization_url(
            self._about()["authorization_endpoint"], state=kept["state"], nonce=kept["nonce"],
            code_verifier=kept["verifier"],
        )  # fmt: skip
        return str(address), kept

    def finish(self, code: str, kept: dict[str, str]) -> tuple[str, RoleName] | None:
        """Return the person and their role from the code that the browser brought; None where they have no role.

        Raises:
            HTTPException: the provider refuses, or what it says does not hold.
        """
        from authlib.common.errors import AuthlibBaseError
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            token = self._client().fetch_token(
                self._about()["token_endpoint"], code=code, code_verifier=kept["verifier"],
                grant_type="authorization_code",
            )  # fmt: skip
            claims = self._signed(token["id_token"])
            checks = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": self._about()["issuer"]},
                aud={"essential": True, "value": self._settings.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": kept["nonce"]},
            )
            checks.validate(claims)
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as error:
            raise HTTPException(403, f"the sign-in did not hold: {type(error).__name__}") from error
        return self._person(claims)

    def _signed(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed; its keys are asked for again if they do not fit.

        Providers change their keys every few weeks, and a console runs for longer.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        kept = self._keys is not None
        try:
            return jwt.decode(token, self._signing_keys(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            if not kept:
                raise
        self._keys = None
        return jwt.decode(token, self._signing_keys(), algorithms=ALGORITHMS).claims

    def _person(self, claims: dict[str, Any]) -> tuple[str, RoleName] | None:
        given = claims.get(self._settings.role_claim, ())
        values = {given} if isinstance(given, str) else set(given)
        roles = [role for value, role in self._settings.roles.items() if value in values]
        person = claims.get(self._settings.person_claim) or claims.get("email") or claims.get("sub")
        if not roles or not isinstance(person, str) or not person.strip():
            return None
        return person.strip(), max(roles, key=ROLES.index)

    def _client(self) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self._settings.client_id, os.environ.get(self._settings.client_secret_variable), scope=SCOPE,
            redirect_uri=self._redirect_uri, code_challenge_method="S256",
        )  # fmt: skip

    def _about(self) -> dict[str, Any]:
        if self._metadata is None:
            address = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            self._metadata = _get(address)
        return self._metadata

    def _signing_keys(self) -> Any:
        from joserfc.jwk import KeySet

        if self._keys is None:
            self._keys = KeySet.import_key_set(_get(self._about()["jwks_uri"]))
        return self._keys


def _get(address: str) -> Any:
    import requests

    try:
        answer = requests.get(address, timeout=10, allow_redirects=False)
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise HTTPException(502, "the sign-in provider does not answer as it should: try again") from error


def _provider(request: Request, console: Console) -> Provider:
    settings = console.config.oidc
    if settings is None:
        raise HTTPException(404, "OpenID Connect is not set up here")
    found: Provider | None = getattr(request.app.state, "oidc", None)
    if found is None:
        base = console.config.base_url or str(request.base_url).rstrip("/")
        found = request.app.state.oidc = Provider(settings, f"{base}/oidc/back")
    return found


def _box(request: Request) -> Any:
    from cryptography.fernet import Fernet

    found = getattr(request.app.state, "oidc_box", None)
    if found is None:
        found = request.app.state.oidc_box = Fernet(Fernet.generate_key())
    return found


@router.get("/oidc/start")
async def start(request: Request, console: TheConsole) -> Response:
    """Send the browser to the provider."""
    address, kept = await run_in_threadpool(_provider(request, console).begin)
    response = RedirectResponse(address, 303)
    sealed = _box(request).encrypt(json.dumps(kept).encode()).decode()
    response.set_cookie(
        COOKIE, sealed, max_age=MINUTES * 60, httponly=True, secure=console.config.secure, samesite="lax", path="/oidc"
    )
    return response


@router.get("/oidc/back")
async def back(request: Request, console: TheConsole, code: str = "", state: str = "", error: str = "") -> Response:
    """Take the browser back from the provider, and begin the session."""
    from cryptography.fernet import InvalidToken

    try:
        opened = _box(request).decrypt(request.cookies.get(COOKIE, "").encode(), ttl=MINUTES * 60)
        kept: dict[str, str] = json.loads(opened)
    except (InvalidToken, ValueError) as problem:
        raise HTTPException(403, "the sign-in took too long, or began in another browser: start again") from problem
    if error or not code or not secrets.compare_digest(state.encode(), kept["state"].encode()):
        raise HTTPException(403, "the provider did not sign you in: start again")
    found = await run_in_threadpool(_provider(request, console).finish, code, kept)
    if found is None:
        raise HTTPException(403, "you have no role on this console: ask who runs it")
    response = RedirectResponse("/", 303)
    sign_in_of(request).begin(request, response, *found)
    response.delete_cookie(COOKIE, path="/oidc")
    return response
