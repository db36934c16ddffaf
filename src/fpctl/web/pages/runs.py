"""Runs: started from a page, followed live, cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response, StreamingResponse

from fpctl.errors import FpctlError
from fpctl.web.pages.rendering import not_found, page, refused
from fpctl.web.security.sign_in import AnalystForm, TheConsole, Viewer, sign_in_of
from fpctl.web.work.changes import words_of
from fpctl.web.work.snapshot import needed_rule

router = APIRouter(include_in_schema=False)

LOOK_EVERY, KEEP_ALIVE = 0.25, 10.0
"""Seconds between two looks at a run that is followed, and without news until the browser is told that it goes on."""


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
def events(request: Request, visitor: Viewer, console: TheConsole, id: str) -> Response:
    """Send a server-sent event at each change of a run, and a comment where nothing happens, so that it stays open."""

    async def stream() -> AsyncIterator[str]:
        # No thread waits for a run: forty pages that are left open would be all threads of the server.
        seen, quiet = -1, 0.0
        while (state := console.runs.state(id)) is not None:
            if state.changes != seen:
                seen, quiet = state.changes, 0.0
                yield f"data: {json.dumps({'status': state.status, 'message': state.message})}\n\n"
            if state.ended:
                break
            await asyncio.sleep(LOOK_EVERY)
            quiet += LOOK_EVERY
            if quiet >= KEEP_ALIVE:
                quiet = 0.0
                # Whoever has signed out, or whose session has ended, follows no longer.
                if await run_in_threadpool(sign_in_of(request).visitor, request) is None:
                    return
                yield ": still there\n\n"
        yield "event: end\ndata: {}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})
