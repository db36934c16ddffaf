"""Today: what needs a decision, noise, runs that failed or do not know their counts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from fpctl.report.charts import daily_chart, noise_chart
from fpctl.report.estate import DECISION_TITLES, Estate
from fpctl.report.page.render import by_kind
from fpctl.web.pages.rendering import page
from fpctl.web.security.sign_in import TheConsole, Viewer
from fpctl.web.work.snapshot import rule_key

router = APIRouter(include_in_schema=False)

SHOWN_RULES = 10


@router.get("/")
def today(request: Request, visitor: Viewer, console: TheConsole) -> Response:
    """Show the day."""
    from markupsafe import Markup

    judged = console.snapshots.judged()
    if judged is None:
        return page(request, "wait.html.j2", visitor)
    estate = judged.estate
    unknown = [one for one in estate.rules if one.failed or (one.last is not None and one.suppressed is None)]
    mine = [
        one for one in estate.decisions if one.kind in ("draft", "unapproved") and visitor.may("approver")
        and _owner(estate, one.exclusion) != visitor.person.casefold()
    ]  # fmt: skip
    noise, daily = noise_chart(estate.rules[:SHOWN_RULES]), daily_chart(estate.days, estate.series)
    keys = {one.rule.id: rule_key(one) for one in console.snapshots.now().repository.rules.rules}
    return page(
        request, "today.html.j2", visitor, estate=estate, judged=judged, unknown=unknown, mine=mine,
        decisions=by_kind(estate.decisions), titles=DECISION_TITLES, totals=estate.totals(), keys=keys,
        noise_chart=Markup(noise) if noise else None, daily_chart=Markup(daily) if daily else None,
        shown=SHOWN_RULES,
    )  # fmt: skip


def _owner(estate: Estate, id: str) -> str:
    entries = estate.overview.entries
    return next((str(one.loaded.exclusion.owner or "").casefold() for one in entries if one.loaded.id == id), "")
