"""Exclusions: all of them with filters and bulk actions, and one: hits, clauses, YAML, history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from fpctl.errors import FpctlError, Problem
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.files import read_text
from fpctl.report.charts import sparkline
from fpctl.report.page.render import QueryView, query_view
from fpctl.repository.single_exclusion import trial
from fpctl.web.pages.rendering import after, not_found, page, refused, safe
from fpctl.web.security.sign_in import Analyst, AnalystForm, ApproverForm, TheConsole, Viewer
from fpctl.web.state import Console
from fpctl.web.work.changes import Conflict, approve, renew, retire, save_text, words_of
from fpctl.web.work.rule_key import rule_key
from fpctl.web.work.snapshot import Snapshot

router = APIRouter(include_in_schema=False)

PAGE = 50
SHOWN_RULES = 5
DRAWN = timedelta(days=89)


@router.get("/exclusions")
def exclusions(
    request: Request,
    visitor: Viewer,
    console: TheConsole,
    q: str = "",
    state: str = "",
    owner: str = "",
    start: int = 0,
) -> Response:
    """Show the exclusions that a search finds."""
    snapshot, today = console.snapshots.now(), console.snapshots.today()
    words = q.casefold().split()
    every = snapshot.memo.get(
        ("exclusions", today),
        lambda: [
            (one, snapshot.repository.state(one.exclusion, today), _searched(one))
            for one in snapshot.exclusions.values()
        ],
    )
    found = [(one, how) for one, how, text in every if all(word in text for word in words)]
    states = sorted({how for _, how, _ in every})
    if state:
        found = [pair for pair in found if pair[1] == state]
    if owner:
        found = [pair for pair in found if owner.casefold() in (pair[0].exclusion.owner or "").casefold()]
    start = max(start, 0)
    judged = console.snapshots.judged(wait=0.05)
    view = judged.view if judged is not None else None
    rows = [
        (one, how, view and view.entries.get(one.id), safe(view.sparkline(one.id) if view is not None else None))
        for one, how in found[start : start + PAGE]
    ]
    return page(
        request, "exclusions.html.j2", visitor, rows=rows, count=len(found), q=q, state=state, owner=owner,
        start=start, size=PAGE, states=states, judged=judged,
        problems=[one for one in snapshot.repository.exclusions.problems if one.severity == "error"][:50],
    )  # fmt: skip


def _searched(loaded: LoadedExclusion) -> str:
    exclusion = loaded.exclusion
    values = [value for one in exclusion.match for given in one.fields().values() for value in given]
    parts = (loaded.id, exclusion.title, exclusion.reason or "", exclusion.ticket or "", *exclusion.rules, *values)
    return "\n".join(parts).casefold()


@router.post("/exclusions/bulk")
async def bulk(request: Request, visitor: AnalystForm, console: TheConsole) -> Response:
    """Renew, retire or approve the ticked exclusions: all of them or none."""
    from starlette.concurrency import run_in_threadpool

    data = await request.form()
    ids = [value for value in data.getlist("id") if isinstance(value, str)]
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    return await run_in_threadpool(_bulk, request, visitor, console, ids, texts)


def _bulk(
    request: Request, visitor: AnalystForm, console: Console, ids: Sequence[str], texts: dict[str, str]
) -> Response:
    if not ids:
        return refused(request, visitor, ["Tick the exclusions first."])
    action = texts.get("action", "")
    if action in ("retire", "approve") and not visitor.may("approver"):
        return refused(request, visitor, ["This needs the role approver."], status=403)
    today = console.snapshots.today()
    seen = {id: texts.get(f"seen.{id}", "") for id in ids}
    actions: dict[str, tuple[str, Callable[[], None]]] = {
        "renew": ("renewed", lambda: renew(console, ids, parse_until(texts.get("until", ""), today), visitor.person)),
        "retire": ("retired", lambda: retire(console, ids, texts.get("reason", ""), visitor.person)),
        "approve": (
            "approved",
            lambda: approve(console, seen, visitor.person),
        ),
    }
    if action not in actions:
        return refused(request, visitor, ["Choose what to do with them."])
    done, work = actions[action]
    try:
        work()
    except FpctlError as error:
        return refused(request, visitor, words_of(error), status=409)
    return after("/exclusions", done)


@router.get("/exclusions/{id}")
def exclusion(request: Request, visitor: Viewer, console: TheConsole, id: str) -> Response:
    """Show one exclusion."""
    snapshot, today = console.snapshots.now(), console.snapshots.today()
    loaded = snapshot.exclusion(id)
    if loaded is None:
        return not_found(request, visitor, f"There is no exclusion {id}.")
    hits = next(iter(console.history.hits(exclusion=id)), None)
    trend = hits.between(today - DRAWN, today) if hits is not None else ()
    rules = snapshot.reached_by(loaded.exclusion)
    judged = console.snapshots.judged(wait=0.05)
    return page(
        request, "exclusion.html.j2", visitor, loaded=loaded, x=loaded.exclusion,
        state=snapshot.repository.state(loaded.exclusion, today),
        hits_total=hits, line=safe(sparkline([day.rows for day in trend], "hits by day") if trend else None),
        rules=[(rule_key(one), one.rule) for one in rules],
        entry=judged.view.entries.get(id) if judged is not None else None,
        views=snapshot.memo.get(("views", id, today), lambda: _views(snapshot, loaded, today)),
        findings=judged.view.findings.get(id, ()) if judged is not None else (),
        trail=console.history.trail.entries(exclusion=id)[:20],
        may_approve=console.config.settings.policy.may_approve(visitor.person),
    )  # fmt: skip


def _views(snapshot: Snapshot, loaded: LoadedExclusion, today: date) -> list[QueryView]:
    rules = snapshot.reached_by(loaded.exclusion)[:SHOWN_RULES]
    outcomes = trial(loaded.exclusion, rules, snapshot.repository.planner(today))
    return [view for one in outcomes if (view := query_view(one)) is not None]


@router.get("/exclusions/{id}/edit")
def edit_form(request: Request, visitor: Analyst, console: TheConsole, id: str) -> Response:
    """Show the file of an exclusion to be edited."""
    loaded = console.snapshots.now().exclusion(id)
    if loaded is None:
        return not_found(request, visitor, f"There is no exclusion {id}.")
    text = read_text(Path(loaded.path))
    return _edit_page(request, visitor, loaded, text, text)


@router.post("/exclusions/{id}/edit")
def edit(
    request: Request,
    visitor: AnalystForm,
    console: TheConsole,
    id: str,
    text: Annotated[str, Form()],
    before: Annotated[str, Form()],
) -> Response:
    """Save an edited file; what is broken is not saved, and who comes second sees both versions."""
    loaded = console.snapshots.now().exclusion(id)
    if loaded is None:
        gone = f"The exclusion {id} is not there any more, or its file cannot be read."
        return refused(request, visitor, [gone], status=409, typed=text)
    try:
        # Browsers send CRLF for every line end of a text area; the file keeps its own.
        newline = "\r\n" if "\r\n" in read_text(Path(loaded.path)) else "\n"
        text, before = _with(text, newline), _with(before, newline)
        problems = save_text(console, loaded, before, text, visitor.person, approver=visitor.may("approver"))
    except Conflict as error:
        return _edit_page(request, visitor, loaded, text, error.theirs, status=409, theirs=error.theirs)
    except FpctlError as error:
        return refused(request, visitor, words_of(error), status=409, typed=text)
    if problems:
        return _edit_page(request, visitor, loaded, text, before, problems, status=400)
    return after(f"/exclusions/{id}", "edited")


def _edit_page(
    request: Request,
    visitor: Viewer,
    loaded: LoadedExclusion,
    text: str,
    before: str,
    problems: Sequence[Problem] = (),
    *,
    status: int = 200,
    theirs: str | None = None,
) -> Response:
    """Show the file of an exclusion in a form.

    Args:
        text: what is in the form.
        before: the file's text, which the form brings along.
        theirs: what somebody else has made of the file in the meantime.
    """
    names = ("theirs", "yours")
    diff = [] if theirs is None else list(unified_diff(theirs.splitlines(), text.splitlines(), *names, lineterm=""))
    return page(
        request, "edit.html.j2", visitor, status=status, loaded=loaded, text=text, before=before, problems=problems,
        theirs=theirs, diff=diff,
    )  # fmt: skip


def _with(text: str, newline: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", newline)


@router.post("/exclusions/{id}/renew")
def renew_one(
    request: Request, visitor: AnalystForm, console: TheConsole, id: str, until: Annotated[str, Form()] = ""
) -> Response:
    """Extend the expiry date."""
    today = console.snapshots.today()
    return _done(
        request, visitor, id, "renewed", lambda: renew(console, [id], parse_until(until, today), visitor.person)
    )


@router.post("/exclusions/{id}/retire")
def retire_one(
    request: Request, visitor: ApproverForm, console: TheConsole, id: str, reason: Annotated[str, Form()] = ""
) -> Response:
    """Retire it permanently."""
    return _done(request, visitor, id, "retired", lambda: retire(console, [id], reason, visitor.person))


@router.post("/exclusions/{id}/approve")
def approve_one(
    request: Request, visitor: ApproverForm, console: TheConsole, id: str, seen: Annotated[str, Form()] = ""
) -> Response:
    """Approve it as it was when the page was loaded; its owner cannot."""
    return _done(request, visitor, id, "approved", lambda: approve(console, {id: seen}, visitor.person))


def _done(request: Request, visitor: Viewer, id: str, word: str, work: Callable[[], None]) -> Response:
    try:
        work()
    except FpctlError as error:
        return refused(request, visitor, words_of(error), status=409)
    return after(f"/exclusions/{id}", word)
