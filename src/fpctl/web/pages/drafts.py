"""From a result to an exclusion: the form, its live preview, and saving it as a draft or in shadow."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from fpctl.errors import FpctlError
from fpctl.exclusions.scenarios.model import scenarios
from fpctl.fields.registry import NAMES
from fpctl.web.pages.rendering import after, fragment, page
from fpctl.web.security.sign_in import Analyst, AnalystForm, TheConsole
from fpctl.web.state import Console
from fpctl.web.work.alternatives import suggestions
from fpctl.web.work.changes import record, words_of
from fpctl.web.work.drafts import Checked, DraftForm, check_form
from fpctl.web.work.kept_rows import by_field, entities
from fpctl.web.work.preview import event_preview, plan_preview
from fpctl.web.work.rule_key import rule_key

router = APIRouter(include_in_schema=False)


@router.get("/exclusions/new")
def form(request: Request, visitor: Analyst, console: TheConsole) -> Response:
    """Show the form; the address may bring a rule and ticked cells along."""
    given = {name: value for name, value in request.query_params.items() if name != "pick"}
    filled = DraftForm.of(given, request.query_params.getlist("pick"))
    return _form(request, visitor, console, filled)


@router.post("/exclusions/new")
async def save(request: Request, visitor: AnalystForm, console: TheConsole) -> Response:
    """Preview or save what the form holds."""
    from starlette.concurrency import run_in_threadpool

    data = await request.form()
    return await run_in_threadpool(_save, request, visitor, console, data)


def _save(request: Request, visitor: AnalystForm, console: Console, data: FormData) -> Response:
    filled = _filled(data)
    if data.get("action") != "save":
        return _form(request, visitor, console, filled)
    checked = check_form(filled, console.config, console.snapshots.today())
    if checked.exclusion is None:
        return _form(request, visitor, console, filled, status=400)
    try:
        exclusion = record(console, filled.draft(console.snapshots.today()), visitor.person)
    except FpctlError as error:
        return _form(request, visitor, console, filled, words_of(error), status=400)
    return after(f"/exclusions/{exclusion.id}", "recorded")


@router.post("/exclusions/preview/{part}")
async def preview(request: Request, visitor: AnalystForm, console: TheConsole, part: str) -> Response:
    """Return the preview of what stands in the form, for the script: `plan` is quick, `events` asks the engine."""
    from starlette.concurrency import run_in_threadpool

    filled = _filled(await request.form())
    return await run_in_threadpool(_preview, console, filled, part)


def _preview(console: Console, filled: DraftForm, part: str) -> Response:
    context = _previewed(console, filled, events=part == "events", plan=part != "events")
    return fragment("preview_events.html.j2" if part == "events" else "preview_plan.html.j2", **context)


def _filled(data: FormData) -> DraftForm:
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    return DraftForm.of(texts, [value for value in data.getlist("pick") if isinstance(value, str)])


def _previewed(console: Console, filled: DraftForm, *, events: bool, plan: bool) -> dict[str, object]:
    snapshot = console.snapshots.now()
    checked = check_form(filled, console.config, console.snapshots.today())
    found: dict[str, object] = {"checked": checked, "plan": None, "events": None, "failed": None}
    if checked.exclusion is None:
        return found
    try:
        if plan:
            found["plan"] = plan_preview(checked.exclusion, snapshot, console.config, _rows(console, filled))
        if events:
            found["events"] = event_preview(checked.exclusion, snapshot, console.config)
    except FpctlError as error:
        found["failed"] = words_of(error)
    return found


def _rows(console: Console, filled: DraftForm) -> list[dict[str, tuple[str, ...]]] | None:
    """Return the rows of the last run of the form's first rule, by field; None where none are kept."""
    snapshot, today = console.snapshots.now(), console.snapshots.today()
    loaded = snapshot.rule(filled.rules[0]) if filled.rules else None
    found = console.runs.rows_of(rule_key(loaded)) if loaded is not None else None
    if loaded is None or found is None:
        return None
    return snapshot.memo.get(
        ("rows", rule_key(loaded), found.run), lambda: by_field(found, entities(snapshot, loaded, found.names, today))
    )


def _suggested(console: Console, filled: DraftForm) -> dict[str, list[str]]:
    snapshot = console.snapshots.now()
    loaded = snapshot.rule(filled.rules[0]) if filled.rules else None
    if loaded is None:
        return {}
    return suggestions(_rows(console, filled) or (), snapshot.reaching(loaded))


def _form(
    request: Request,
    visitor: Analyst,
    console: Console,
    filled: DraftForm,
    messages: list[str] | None = None,
    status: int = 200,
) -> Response:
    # Whoever records it answers for it unless the form says otherwise, in the preview too.
    filled = replace(filled, owner=filled.owner or visitor.person)
    empty = filled.empty
    previewed = _previewed(console, filled, events=request.method == "POST", plan=True) if not empty else _nothing()
    snapshot = console.snapshots.now()
    rules = [snapshot.rule(one) for one in filled.rules]
    return page(
        request, "new.html.j2", visitor, status=status, form=filled, names=NAMES, scenarios=scenarios(),
        messages=messages or [], suggested=_suggested(console, filled),
        rules=[one.rule for one in rules if one is not None], **previewed,
    )  # fmt: skip


def _nothing() -> dict[str, object]:
    return {"checked": Checked(None, "", ()), "plan": None, "events": None, "failed": None}
