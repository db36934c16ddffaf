"""Bearer tokens of the API: made, listed, revoked. A token's secret is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from fpctl.web.pages.rendering import after, page, refused
from fpctl.web.security.roles import ROLES
from fpctl.web.security.sign_in import Admin, AdminForm, TheConsole

router = APIRouter(include_in_schema=False)


@router.get("/tokens")
def tokens(request: Request, visitor: Admin, console: TheConsole) -> Response:
    """Show every token."""
    return _page(request, visitor, console, None)


@router.post("/tokens")
def make(
    request: Request,
    visitor: AdminForm,
    console: TheConsole,
    name: Annotated[str, Form(max_length=100)] = "",
    scope: Annotated[str, Form()] = "viewer",
    days: Annotated[int, Form(ge=1, le=365)] = 90,
) -> Response:
    """Create a token, and show its secret this once."""
    if not name.strip():
        return refused(request, visitor, ["Give the token a name that says what uses it."])
    if scope not in ROLES[:3]:
        return refused(request, visitor, [f"The scope is one of {', '.join(ROLES[:3])}."])
    now = console.config.clock()
    secret, _ = console.store.make_token(name.strip(), visitor.person, [scope], now, now + timedelta(days=days))
    return _page(request, visitor, console, secret)


@router.post("/tokens/{id}/revoke")
def revoke(request: Request, visitor: AdminForm, console: TheConsole, id: str) -> Response:
    """Revoke a token."""
    if not console.store.revoke_token(id, console.config.clock()):
        return refused(request, visitor, ["There is no such token, or it is revoked already."], status=404)
    return after("/tokens", "revoked")


def _page(request: Request, visitor: Admin, console: TheConsole, secret: str | None) -> Response:
    return page(
        request, "tokens.html.j2", visitor, tokens=console.store.tokens(), secret=secret, scopes=ROLES[:3],
        now=console.config.clock(),
    )  # fmt: skip
