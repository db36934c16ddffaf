"""Oversight: the audit with filters and fixes, exclusions in shadow, the trail and its verification."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from fpctl.audit.finding import Finding
from fpctl.errors import FpctlError
from fpctl.tuning.shadow import reviews
from fpctl.web.pages.rendering import after, page, refused
from fpctl.web.security.sign_in import ApproverForm, TheConsole, Viewer
from fpctl.web.work.changes import activate, retire, words_of

router = APIRouter(include_in_schema=False)

PAGE = 100


@router.get("/audit")
def audit(
    request: Request,
    visitor: Viewer,
    console: TheConsole,
    q: str = "",
    severity: str = "",
    code: str = "",
    start: int = 0,
) -> Response:
    """Show the findings of the audit that a search and the filters leave."""
    judged = console.snapshots.judged()
    if judged is None:
        return page(request, "wait.html.j2", visitor)
    words = q.casefold().split()
    found = [
        one
        for one in judged.estate.findings
        if (not severity or one.severity == severity)
        and (not code or one.code == code)
        and all(word in _searched(one) for word in words)
    ]
    start = max(start, 0)
    broken = [one for one in console.snapshots.now().repository.problems if one.severity == "error"]
    return page(
        request, "audit.html.j2", visitor, findings=found[start : start + PAGE], count=len(found), start=start,
        size=PAGE, q=q, severity=severity, code=code, codes=judged.view.codes, severities=judged.view.severities,
        judged=judged, broken=broken,
    )  # fmt: skip


def _searched(one: Finding) -> str:
    return "\n".join((one.exclusion or "", one.rule or "", one.code, one.message, str(one.at))).casefold()


@router.get("/shadow")
def shadow(request: Request, visitor: Viewer, console: TheConsole) -> Response:
    """Show the exclusions in shadow and what they would have done."""
    today = console.snapshots.today()
    # Asked first, because the state of thousands takes longer: whatever its dates, only such a file can be in shadow.
    every = console.snapshots.now().repository.active()
    shadows = [one for one in every if one.status == "shadow" and one.state(today) == "shadow"]
    totals = {one.id: found[0] for one in shadows if (found := console.history.hits(exclusion=one.id))}
    return page(request, "shadow.html.j2", visitor, reviews=reviews(shadows, totals, today))


@router.post("/shadow/{id}")
def decide(
    request: Request,
    visitor: ApproverForm,
    console: TheConsole,
    id: str,
    action: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Activate an exclusion that is in shadow, or retire it."""
    try:
        if action == "activate":
            activate(console, id, visitor.person)
            return after("/shadow", "activated")
        if action == "drop":
            retire(console, [id], reason, visitor.person)
            return after("/shadow", "retired")
    except FpctlError as error:
        return refused(request, visitor, words_of(error), status=409)
    return refused(request, visitor, ["Choose to activate it or to drop it."])


@router.get("/trail")
def trail(request: Request, visitor: Viewer, console: TheConsole, exclusion: str = "", start: int = 0) -> Response:
    """Show the audit trail, the newest first, and whether it is whole."""
    history = console.history.trail
    entries = history.entries(exclusion=exclusion) if exclusion else history.entries()
    start = max(start, 0)
    return page(
        request, "trail.html.j2", visitor, entries=entries[start : start + PAGE], count=len(entries), start=start,
        size=PAGE, exclusion=exclusion, verdict=history.verify(),
    )  # fmt: skip
