"""Runs: started from a page, followed live, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from fpctl.errors import FpctlError
from fpctl.web.pages.rendering import not_found, page, refused
from fpctl.web.security.sign_in import AnalystForm, TheConsole, Viewer
from fpctl.web.work.changes import words_of
from fpctl.web.work.snapshot import needed_rule

router = APIRouter(include_in_schema=False)


@router.get("/runs")
def runs(request: Request, visitor: Viewer, console: TheConsole) -> Response:
    """Show the runs that were asked for here, and those that are recorded."""
    rules = {one.rule.id: one.rule.name for one in console.snapshots.now().repository.rules.rules}
    return page(
        request, "runs.html.j2", visitor, asked=console.runs.recent()[:50], recorded=console.history.runs(limit=50),
        names=rules,
    )  # fmt: skip


@router.post("/runs")
def start(
    request: Request,
    visitor: AnalystForm,
    console: TheConsole,
    rule: Annotated[str, Form()],
    days: Annotated[int | None, Form(ge=1, le=365)] = None,
) -> Response:
    """Start a run of a rule."""
    try:
        run = console.runs.start(needed_rule(console.snapshots.now(), rule), visitor.person, days)
    except FpctlError as error:
        return refused(request, visitor, words_of(error), status=409)
    return RedirectResponse(f"/runs/{run.id}", 303)


@router.get("/runs/{id}")
def run(request: Request, visitor: Viewer, console: TheConsole, id: str) -> Response:
    """Show one run; while it is under way the page follows it."""
    live = console.runs.get(id)
    kept = console.store.run(id)
    if kept is None:
        return not_found(request, visitor, f"There is no run {id}.")
    return page(request, "run.html.j2", visitor, live=live, kept=kept)


@router.post("/runs/{id}/cancel")
def cancel(request: Request, visitor: AnalystForm, console: TheConsole, id: str) -> Response:
    """Cancel a run."""
    if not console.runs.cancel(id):
        return refused(request, visitor, ["The run has ended already."], status=409)
    return RedirectResponse(f"/runs/{id}", 303)


@router.get("/runs/{id}/events")
def events(visitor: Viewer, console: TheConsole, id: str) -> Response:
    """Send a server-sent event at each change of a run, and a comment where nothing happens, so that it stays open."""

    def stream() -> Iterator[str]:
        for news in console.runs.follow(id):
            if news is None:
                yield ": still there\n\n"
            else:
                yield f"data: {json.dumps({'status': news[0], 'message': news[1]})}\n\n"
        yield "event: end\ndata: {}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
