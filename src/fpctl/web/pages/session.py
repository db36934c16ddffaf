"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fpctl.web.pages.rendering import page
from fpctl.web.security.sign_in import TheConsole, ViewerForm, sign_in_of

router = APIRouter(include_in_schema=False)


@router.get("/login")
def form(request: Request, console: TheConsole, token: str = "") -> Response:
    """Show the sign-in; a one-time token in the address signs in."""
    sign_in = sign_in_of(request)
    if token:
        if sign_in.token.use(token):
            response = RedirectResponse("/", 303)
            sign_in.begin(request, response, console.config.person, "admin")
            return response
        return _form(request, console, "That address has been used. The terminal shows how to get a new one.", 403)
    if sign_in.visitor(request) is not None:
        return RedirectResponse("/", 303)
    return _form(request, console, "")


@router.post("/login")
def with_password(
    request: Request, console: TheConsole, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = ""
) -> Response:
    """Sign in with a name and a password of the user file."""
    sign_in = sign_in_of(request)
    found = sign_in.with_password(request, name, password)
    if isinstance(found, float):
        if found > 0:
            response = _form(request, console, f"Too many attempts: try again in {int(found // 60) + 1} minutes.", 429)
            response.headers["retry-after"] = str(int(found) + 1)
            return response
        return _form(request, console, "That name and password are not known.", 401)
    answer = RedirectResponse("/", 303)
    sign_in.begin(request, answer, *found)
    return answer


@router.post("/logout")
def sign_out(request: Request, visitor: ViewerForm) -> Response:
    """Sign out."""
    response = RedirectResponse("/login", 303)
    sign_in_of(request).end(response, visitor)
    return response


def _form(request: Request, console: TheConsole, message: str, status: int = 200) -> HTMLResponse:
    config = console.config
    return page(
        request, "login.html.j2", None, status=status, message=message, passwords=config.users is not None,
        oidc=config.oidc is not None,
    )  # fmt: skip
