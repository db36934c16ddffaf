"""From a result to an exclusion: the form, or its file, the live preview, and saving it as a draft or in shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.drafts.draft import DraftError
from fpctl.exclusions.scenarios.model import scenarios
from fpctl.fields.registry import NAMES
from fpctl.web.pages.rendering import after, fragment, page
from fpctl.web.security.sign_in import Analyst, AnalystForm, TheConsole
from fpctl.web.state import Console
from fpctl.web.work.alternatives import suggestions
from fpctl.web.work.changes import record, record_text, words_of
from fpctl.web.work.drafts import Checked, DraftForm, check_form, check_text, form_of, text_of
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
    text = _typed(data)
    if text is not None:
        return _save_text(request, visitor, console, text, data.get("action"))
    filled, today = _filled(data), console.snapshots.today()
    try:
        if data.get("action") == "yaml":
            filled = replace(filled, owner=filled.owner or visitor.person)
            taken = console.snapshots.now().exclusions
            return _file(request, visitor, console, text_of(filled, console.config, taken, today))
        if data.get("action") != "save":
            return _form(request, visitor, console, filled)
        checked = check_form(filled, console.config, today)
        if checked.exclusion is None:
            return _form(request, visitor, console, filled, status=400)
        exclusion = record(console, filled.draft(today), visitor.person)
    except FpctlError as error:
        return _form(request, visitor, console, filled, words_of(error), status=400)
    return after(f"/exclusions/{exclusion.id}", "recorded")


def _save_text(request: Request, visitor: AnalystForm, console: Console, text: str, action: object) -> Response:
    """Preview or save the file that somebody typed, or go on in the fields; whatever is wrong, the text is kept."""
    try:
        if action == "fields":
            return _form(request, visitor, console, form_of(text, console.config))
        if action == "save" and check_text(text, console.config).exclusion is not None:
            exclusion = record_text(console, text, visitor.person)
            return after(f"/exclusions/{exclusion.id}", "recorded")
    except DraftError as error:
        return _file(request, visitor, console, text, error.problems, status=400)
    except FpctlError as error:
        problem = Problem("not-written", error.message, Location("new exclusion"), error.hint)
        return _file(request, visitor, console, text, (problem,), status=400)
    return _file(request, visitor, console, text, status=400 if action == "save" else 200)


def _typed(data: FormData) -> str | None:
    """Return the file that was typed, None where the fields were filled in; browsers send CRLF for each line end."""
    text = data.get("text")
    return text.replace("\r\n", "\n") if isinstance(text, str) else None


def _file(
    request: Request,
    visitor: Analyst,
    console: Console,
    text: str,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response:
    """Show the file of a new exclusion to be edited.

    Args:
        problems: that only saving finds; those of the text are shown beside it, or above it where it was to be saved.
    """
    checked = check_text(text, console.config)
    previewed = _previewed(console, checked, events=checked.exclusion is not None, plan=True, typed=True)
    if status != 200 and checked.exclusion is None:
        problems = checked.problems
    return page(request, "new_file.html.j2", visitor, status=status, text=text, problems=problems, **previewed)


@router.post("/exclusions/preview/{part}")
async def preview(request: Request, visitor: AnalystForm, console: TheConsole, part: str) -> Response:
    """Return the preview of what is in the form, for the script: `plan` is quick, `events` asks the engine."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(_preview, console, await request.form(), part)


def _preview(console: Console, data: FormData, part: str) -> Response:
    text = _typed(data)
    if text is not None:
        checked, rows = check_text(text, console.config), None
    else:
        filled = _filled(data)
        checked = check_form(filled, console.config, console.snapshots.today())
        rows = _rows(console, filled)
    context = _previewed(console, checked, rows, events=part == "events", plan=part != "events", typed=text is not None)
    return fragment("preview_events.html.j2" if part == "events" else "preview_plan.html.j2", **context)


def _filled(data: FormData) -> DraftForm:
    texts = {name: value for name, value in data.items() if isinstance(value, str)}
    return DraftForm.of(texts, [value for value in data.getlist("pick") if isinstance(value, str)])


def _previewed(
    console: Console,
    checked: Checked,
    rows: list[dict[str, tuple[str, ...]]] | None = None,
    *,
    events: bool,
    plan: bool,
    typed: bool = False,
) -> dict[str, object]:
    snapshot = console.snapshots.now()
    found: dict[str, object] = {"checked": checked, "plan": None, "events": None, "failed": None, "typed": typed}
    if checked.exclusion is None:
        return found
    try:
        if plan:
            found["plan"] = plan_preview(checked.exclusion, snapshot, console.config, rows)
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
    if filled.empty:
        previewed = _nothing()
    else:
        checked = check_form(filled, console.config, console.snapshots.today())
        events = request.method == "POST"
        previewed = _previewed(console, checked, _rows(console, filled), events=events, plan=True)
    snapshot = console.snapshots.now()
    rules = [snapshot.rule(one) for one in filled.rules]
    return page(
        request, "new.html.j2", visitor, status=status, form=filled, names=NAMES, scenarios=scenarios(),
        messages=messages or [], suggested=_suggested(console, filled),
        rules=[one.rule for one in rules if one is not None], **previewed,
    )  # fmt: skip


def _nothing() -> dict[str, object]:
    return {"checked": Checked(None, "", ()), "plan": None, "events": None, "failed": None, "typed": False}
