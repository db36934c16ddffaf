"""Today: what needs a decision, noise, runs that failed or do not know their counts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from fpctl.report.estate import DECISION_TITLES
from fpctl.report.page.render import by_kind
from fpctl.web.pages.rendering import page, part, safe
from fpctl.web.security.sign_in import TheConsole, Viewer
from fpctl.web.work.estate_view import CHARTED_RULES, EstateView

router = APIRouter(include_in_schema=False)


@router.get("/")
def today(request: Request, visitor: Viewer, console: TheConsole) -> Response:
    """Show the day."""
    judged = console.snapshots.judged()
    if judged is None:
        return page(request, "wait.html.j2", visitor)
    view, estate = judged.view, judged.estate
    mine = [
        one for one in estate.decisions
        if one.kind in ("draft", "unapproved") and visitor.may("approver")
        and _owner(view, one.exclusion) != visitor.person.casefold()
    ]  # fmt: skip
    return page(
        request, "today.html.j2", visitor, estate=estate, judged=judged, mine=mine, totals=estate.totals(),
        shared=safe(view.memo.get("today", lambda: _shared(view))),
    )  # fmt: skip


def _shared(view: EstateView) -> str:
    """Return what the page shows to everybody, which is most of it."""
    estate = view.estate
    unknown = [one for one in estate.rules if one.needs_attention]
    return part(
        "today_estate.html.j2", estate=estate, unknown=unknown, decisions=by_kind(estate.decisions),
        titles=DECISION_TITLES, keys=view.keys, noise_chart=safe(view.noise_chart), daily_chart=safe(view.daily_chart),
        shown=CHARTED_RULES,
    )  # fmt: skip


def _owner(view: EstateView, id: str) -> str:
    entry = view.entries.get(id)
    return "" if entry is None else str(entry.loaded.exclusion.owner or "").casefold()
