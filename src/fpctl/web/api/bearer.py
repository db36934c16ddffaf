"""Bearer tokens of the API: which scopes one has, checked at each request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fpctl.settings import RoleName
from fpctl.web.security.roles import may
from fpctl.web.state import console_of

_bearer = HTTPBearer(auto_error=False, description="A token of the console's page Tokens.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made the token of a request; the trail names them."""

    person: str
    scopes: tuple[str, ...]


def _scope(needed: RoleName) -> Any:
    def check(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
        console = console_of(request)
        token = console.store.token(given.credentials, console.config.clock()) if given is not None else None
        if token is None:
            raise HTTPException(
                401, "the token is missing, unknown, expired or revoked", {"www-authenticate": "Bearer"}
            )
        if not any(may(scope, needed) for scope in token.scopes):
            raise HTTPException(403, f"the token has not the scope {needed}")
        return Caller(token.person, token.scopes)

    return Depends(check)


ReadCaller = Annotated[Caller, _scope("viewer")]
AnalystCaller = Annotated[Caller, _scope("analyst")]
ApproverCaller = Annotated[Caller, _scope("approver")]
