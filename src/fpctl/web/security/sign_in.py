"""Signing in and out, and the person behind a request.

Three ways: a one-time token on this machine (as notebooks do), the local user file, OpenID Connect. All of them begin
a session: a random key in an HttpOnly cookie, its hash in the history's store, so that a restart signs nobody out.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form, HTTPException, Request
from starlette.responses import Response

from fpctl.history.console import ConsoleSession
from fpctl.settings import RoleName
from fpctl.web.security.limits import FailureLimit
from fpctl.web.security.middleware import client_address
from fpctl.web.security.roles import may
from fpctl.web.security.users import UserFile
from fpctl.web.state import Console, console_of


class NotSignedIn(Exception):
    """Nobody is signed in: a page sends to the sign-in, the API answers 401."""


class Forbidden(Exception):
    """The person's role is not enough; `needed` is the least that is."""

    def __init__(self, needed: RoleName) -> None:
        super().__init__(f"this needs the role {needed}")
        self.needed = needed


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is behind a request, and the key of their session."""

    session: ConsoleSession
    key: str

    @property
    def person(self) -> str:
        """The name under which the trail records what they do."""
        return self.session.person

    @property
    def role(self) -> str:
        """Their role."""
        return self.session.role

    def may(self, needed: RoleName) -> bool:
        """Return whether their role is enough."""
        return may(self.role, needed)


class OneTimeToken:
    """A token that signs in once. Safe to share between threads."""

    def __init__(self, value: str | None) -> None:
        self._value = value
        self._lock = threading.Lock()

    def use(self, given: str) -> bool:
        """Return whether this is the token, and was not used before; from now on it is."""
        with self._lock:
            if self._value is None or not hmac.compare_digest(self._value.encode(), given.encode()):
                return False
            self._value = None
            return True


class SignIn:
    """Begins and ends sessions of one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        config = console.config
        self.token = OneTimeToken(config.token)
        self.users = UserFile(config.users) if config.users is not None else None
        self._limit = FailureLimit()

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; the prefix makes browsers insist on TLS and this very host."""
        return "__Host-fpctl" if self._console.config.secure else "fpctl"

    def begin(self, request: Request, response: Response, person: str, role: RoleName) -> ConsoleSession:
        """Begin a session, and put its new key into the answer's cookie; the one that the browser had ends."""
        if before := request.cookies.get(self.cookie):
            self._console.store.end_session(before)
        config = self._console.config
        now = config.clock()
        key, session = self._console.store.begin_session(person, role, now, now + config.session_length)
        response.set_cookie(
            self.cookie,
            key,
            max_age=int(config.session_length.total_seconds()),
            httponly=True,
            secure=config.secure,
            # A sign-in that comes back from another site brings no Strict cookie along on its first page.
            samesite="lax" if config.oidc is not None else "strict",
            path="/",
        )
        return session

    def end(self, response: Response, visitor: Visitor) -> None:
        """End a session, here and in the browser."""
        self._console.store.end_session(visitor.key)
        response.delete_cookie(self.cookie, path="/", httponly=True, secure=self._console.config.secure)

    def visitor(self, request: Request) -> Visitor | None:
        """Return who is behind a request, or None."""
        key = request.cookies.get(self.cookie)
        if not key:
            return None
        session = self._console.store.session(key, self._console.config.clock())
        if session is not None and not self._still_holds(session):
            self._console.store.end_sessions_of(session.person)
            return None
        return None if session is None else Visitor(session, key)

    def _still_holds(self, session: ConsoleSession) -> bool:
        """Return whether the user file, where it alone lets people in, still gives the person the session's role."""
        config = self._console.config
        if self.users is None or config.oidc is not None or config.token is not None:
            return True
        return self.users.role_of(session.person) == session.role

    def with_password(self, request: Request, name: str, password: str) -> tuple[str, RoleName] | float:
        """Return the person and their role; seconds to wait after too many failures; 0.0 for a wrong password."""
        if self.users is None:
            return 0.0
        now = time.monotonic()
        keys = (f"address {self._address(request)}", f"name {name.strip().casefold()[:200]}")
        wait = max(self._limit.wait(key, now) for key in keys)
        if wait > 0:
            return wait
        # Counted before the password is looked at: a hundred attempts at once are a hundred attempts.
        for key in keys:
            self._limit.failed(key, now)
        user = self.users.check(name, password)
        if user is None:
            return 0.0
        for key in keys:
            self._limit.succeeded(key)
        return user.name, user.role

    def _address(self, request: Request) -> str:
        peer = request.client.host if request.client is not None else None
        return client_address(peer, request.headers.get("x-forwarded-for"), self._console.config.trusted_proxies)


def sign_in_of(request: Request) -> SignIn:
    """Return the console's sign-in."""
    found: SignIn = request.app.state.sign_in
    return found


def visitor_of(request: Request) -> Visitor:
    """Return who is behind a request.

    Raises:
        NotSignedIn: nobody is.
    """
    found = sign_in_of(request).visitor(request)
    if found is None:
        raise NotSignedIn
    return found


def _needs(role: RoleName) -> Any:
    def check(request: Request) -> Visitor:
        found = visitor_of(request)
        if not found.may(role):
            raise Forbidden(role)
        return found

    return Depends(check)


def _checked(role: RoleName) -> Any:
    """Return the dependency of a form: the role, and the secret that only our own pages know."""

    def check(request: Request, csrf: Annotated[str, Form()] = "") -> Visitor:
        found = visitor_of(request)
        given = csrf or request.headers.get("x-csrf-token", "")
        if not secrets.compare_digest(given.encode(), found.session.csrf.encode()):
            raise HTTPException(403, "the form is out of date: go back, reload the page, and send it again")
        if not found.may(role):
            raise Forbidden(role)
        return found

    return Depends(check)


Viewer = Annotated[Visitor, _needs("viewer")]
Analyst = Annotated[Visitor, _needs("analyst")]
Admin = Annotated[Visitor, _needs("admin")]
AnalystForm = Annotated[Visitor, _checked("analyst")]
ApproverForm = Annotated[Visitor, _checked("approver")]
AdminForm = Annotated[Visitor, _checked("admin")]
ViewerForm = Annotated[Visitor, _checked("viewer")]
TheConsole = Annotated[Console, Depends(console_of)]
