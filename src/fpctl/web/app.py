"""The ASGI application of the console."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from fpctl import __version__
from fpctl.errors import FpctlError
from fpctl.report.page.render import asset
from fpctl.web.api import routes as api
from fpctl.web.config import ConsoleConfig
from fpctl.web.pages import drafts, exclusions, oversight, proposals, rules, runs, session, today, tokens
from fpctl.web.pages.rendering import page
from fpctl.web.security import oidc
from fpctl.web.security.middleware import Guard
from fpctl.web.security.sign_in import Forbidden, NotSignedIn, SignIn, sign_in_of
from fpctl.web.state import Console
from fpctl.web.work.changes import words_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STATIC = Path(__file__).parent / "static"


def create_app(config: ConsoleConfig) -> FastAPI:
    """Return the application of one console.

    Raises:
        FpctlError: the history cannot be opened, or the rules or exclusions are not there.
    """
    console = Console(config)
    console.snapshots.now()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        console.close()

    app = FastAPI(
        title="fpctl", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        description="The false-positive exclusions of KQL detection rules: the same actions as the console's pages.",
        lifespan=lifespan,
    )  # fmt: skip
    app.state.console = console
    app.state.sign_in = SignIn(console)
    app.add_api_route("/static/report.css", _report_css, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    # `/exclusions/new` must come before `/exclusions/{id}`.
    for router in (session.router, today.router, rules.router, drafts.router, exclusions.router, runs.router):
        app.include_router(router)
    for router in (proposals.router, oversight.router, tokens.router, oidc.router, api.router):
        app.include_router(router)
    _explain_errors(app)
    app.add_middleware(Guard, config=config)
    return app


def _report_css() -> Response:
    """Return the report's style sheet, which the console shares."""
    return Response(asset("report.css"), media_type="text/css", headers={"cache-control": "max-age=3600"})


def _explain_errors(app: FastAPI) -> None:
    """Answer errors with a page, or with JSON below /api."""

    def answer(request: Request, status: int, messages: list[str], title: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"errors": messages}, status)
        return page(
            request, "problem.html.j2", sign_in_of(request).visitor(request), status=status, title=title,
            messages=messages,
        )  # fmt: skip

    @app.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, _: Exception) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"errors": ["sign in with a bearer token"]}, 401, {"www-authenticate": "Bearer"})
        return RedirectResponse("/login", 303)

    @app.exception_handler(Forbidden)
    async def forbidden(request: Request, error: Forbidden) -> Response:
        return answer(request, 403, [f"This needs the role {error.needed}."], "Not allowed")

    @app.exception_handler(FpctlError)
    async def failed(request: Request, error: FpctlError) -> Response:
        return answer(request, 400, words_of(error), "That did not work")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        messages = [f"{'.'.join(str(step) for step in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
        return answer(request, 422, messages, "That did not work")

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        title = "Not found" if error.status_code == 404 else "That did not work"
        response = answer(request, error.status_code, [str(error.detail)], title)
        response.headers.update(error.headers or {})
        return response
