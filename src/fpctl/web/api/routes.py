"""The routes of the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query

from fpctl.errors import FpctlError
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.report.explanation import apply_to_dict
from fpctl.web.api.bearer import AnalystCaller, ApproverCaller, ReadCaller
from fpctl.web.api.models import (
    Created,
    Decisions,
    Errors,
    ExclusionOut,
    FindingOut,
    HitsOut,
    NewExclusion,
    NewRun,
    PlannedRuleOut,
    Reason,
    RuleOut,
    RunOut,
    Seen,
    Until,
)
from fpctl.web.security.sign_in import TheConsole
from fpctl.web.state import Console
from fpctl.web.work.changes import approve, record, renew, retire, words_of
from fpctl.web.work.drafts import DraftForm, check_form
from fpctl.web.work.rule_key import rule_key

_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Errors} for code in (400, 401, 403, 404, 409, 413, 422, 503)
}
router = APIRouter(prefix="/api/v1", responses=_ERRORS)

Key = Annotated[str, Path(max_length=500)]
Start = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/rules", summary="List rules")
def rules(caller: ReadCaller, console: TheConsole, start: Start = 0, limit: Limit = 100) -> list[RuleOut]:
    """Return rules in the order of their paths."""
    found = console.snapshots.now().repository.rules.rules[start : start + limit]
    return [RuleOut(key=rule_key(one), id=one.rule.id, name=one.rule.name, path=one.rule.path) for one in found]


@router.get("/rules/{key}", summary="Show a rule with its plan")
def rule(caller: ReadCaller, console: TheConsole, key: Key) -> PlannedRuleOut:
    """Return a rule by key, id or path: its query, its tuned query, and the plan."""
    loaded = console.snapshots.now().rule(key)
    if loaded is None:
        raise HTTPException(404, f"there is no rule {key}")
    outcome = console.snapshots.outcome(loaded)
    return PlannedRuleOut(
        key=rule_key(loaded), id=loaded.rule.id, name=loaded.rule.name, path=loaded.rule.path,
        query=loaded.rule.query, tuned=outcome.tuned.tuned if outcome.tuned is not None else None,
        plan=apply_to_dict(outcome),
    )  # fmt: skip


@router.get("/exclusions", summary="List exclusions")
def exclusions(
    caller: ReadCaller, console: TheConsole, state: Annotated[str, Query(max_length=20)] = "", start: Start = 0,
    limit: Limit = 100,
) -> list[ExclusionOut]:  # fmt: skip
    """Return exclusions in the order of their ids."""
    today = console.snapshots.today()
    repository = console.snapshots.now().repository
    every = repository.exclusions.exclusions
    found = [one for one in every if not state or repository.state(one.exclusion, today) == state]
    return [_shown(console, one) for one in found[start : start + limit]]


@router.post("/exclusions", summary="Record an exclusion", status_code=201)
def new_exclusion(caller: AnalystCaller, console: TheConsole, body: NewExclusion) -> Created:
    """Record an exclusion as a draft or in shadow."""
    fields = {name: tuple(values) for name, values in body.match.items() if name != "where"}
    form = DraftForm(
        rules=tuple(body.rules), fields=fields, where=" and ".join(f"({one})" for one in body.match.get("where", ())),
        title=body.title, scenario=body.scenario, reason=body.reason, ticket=body.ticket, owner=body.owner,
        expires=body.expires, broad=body.broad, status=body.status,
    )  # fmt: skip
    try:
        unknown = sorted(set(fields) - set(DraftForm.known_fields()))
        if unknown:
            raise FpctlError(f"there is no field {', '.join(unknown)}")
        checked = check_form(form, console.config, console.snapshots.today())
        if checked.exclusion is None:
            raise HTTPException(400, "; ".join(one.message for one in checked.problems))
        made = record(console, form.draft(console.snapshots.today()), caller.person)
    except FpctlError as error:
        raise HTTPException(400, "; ".join(words_of(error))) from error
    return Created(id=made.id)


@router.get("/exclusions/{id}", summary="Show an exclusion")
def exclusion(caller: ReadCaller, console: TheConsole, id: Key) -> ExclusionOut:
    """Return one exclusion."""
    loaded = console.snapshots.now().exclusion(id)
    if loaded is None:
        raise HTTPException(404, f"there is no exclusion {id}")
    return _shown(console, loaded)


@router.post("/exclusions/{id}/renew", summary="Extend an expiry date", status_code=204)
def renew_exclusion(caller: AnalystCaller, console: TheConsole, id: Key, body: Until) -> None:
    """Extend the expiry date."""
    _there(console, id)
    try:
        renew(console, [id], parse_until(body.until, console.snapshots.today()), caller.person)
    except FpctlError as error:
        raise HTTPException(409, "; ".join(words_of(error))) from error


@router.post("/exclusions/{id}/approve", summary="Approve an exclusion", status_code=204)
def approve_exclusion(caller: ApproverCaller, console: TheConsole, id: Key, body: Seen | None = None) -> None:
    """Approve an exclusion; its owner cannot."""
    loaded = console.snapshots.now().exclusion(id)
    if loaded is None:
        raise HTTPException(404, f"there is no exclusion {id}")
    if body is not None and body.content_hash != loaded.exclusion.content_hash():
        raise HTTPException(409, f"{id} says something else than what was looked at")
    try:
        approve(console, {id: loaded.exclusion.content_hash()}, caller.person)
    except FpctlError as error:
        raise HTTPException(409, "; ".join(words_of(error))) from error


@router.post("/exclusions/{id}/retire", summary="Retire an exclusion permanently", status_code=204)
def retire_exclusion(caller: ApproverCaller, console: TheConsole, id: Key, body: Reason) -> None:
    """Retire an exclusion."""
    _there(console, id)
    try:
        retire(console, [id], body.reason, caller.person)
    except FpctlError as error:
        raise HTTPException(409, "; ".join(words_of(error))) from error


@router.get("/hits", summary="Show what exclusions have suppressed")
def hits(caller: ReadCaller, console: TheConsole, start: Start = 0, limit: Limit = 100) -> list[HitsOut]:
    """Return the hits of each exclusion over all recorded runs."""
    return [
        HitsOut(
            exclusion=one.exclusion, rows=one.rows, unique=one.unique, runs=one.runs, unknown_runs=one.unknown_runs,
            first=one.first, last=one.last,
        )
        for one in console.history.hits(trend=False)[start : start + limit]
    ]  # fmt: skip


@router.get("/runs", summary="List the runs that were asked for")
def runs(caller: ReadCaller, console: TheConsole) -> list[RunOut]:
    """Return the runs that were asked for last, the newest first."""
    return [_run(one) for one in console.runs.recent()]


@router.post("/runs", summary="Start a run", status_code=202)
def new_run(caller: AnalystCaller, console: TheConsole, body: NewRun) -> RunOut:
    """Start a run of a rule; ask for its state with its id."""
    loaded = console.snapshots.now().rule(body.rule)
    if loaded is None:
        raise HTTPException(404, f"there is no rule {body.rule}")
    try:
        started = console.runs.start(loaded, caller.person, body.days)
    except FpctlError as error:
        raise HTTPException(409, "; ".join(words_of(error))) from error
    return run(caller, console, started.id)


@router.get("/runs/{id}", summary="Show a run")
def run(caller: ReadCaller, console: TheConsole, id: Key) -> RunOut:
    """Return a run that was asked for."""
    found = console.store.run(id)
    if found is None:
        raise HTTPException(404, f"there is no run {id}")
    return _run(found)


@router.post("/runs/{id}/cancel", summary="Cancel a run", status_code=204)
def cancel_run(caller: AnalystCaller, console: TheConsole, id: Key) -> None:
    """Cancel a run that is under way."""
    if console.store.run(id) is None:
        raise HTTPException(404, f"there is no run {id}")
    if not console.runs.cancel(id):
        raise HTTPException(409, "the run has ended already")


@router.get("/audit", summary="List the findings of the audit")
def audit(caller: ReadCaller, console: TheConsole, start: Start = 0, limit: Limit = 100) -> list[FindingOut]:
    """Return the findings, the gravest first."""
    judged = console.snapshots.judged()
    if judged is None:
        raise HTTPException(503, "the audit is not ready yet: try again in a few seconds")
    return [FindingOut.model_validate(one.to_dict()) for one in judged.estate.findings[start : start + limit]]


@router.get("/decisions", summary="List what needs a decision")
def decisions(caller: ReadCaller, console: TheConsole) -> Decisions:
    """Return drafts, unapproved, expiring, stale, risky, redundant and drifted exclusions, with the fixing command."""
    judged = console.snapshots.judged()
    if judged is None:
        raise HTTPException(503, "the estate is not ready yet: try again in a few seconds")
    return Decisions(
        on=judged.estate.on,
        decisions=[
            {"kind": one.kind, "exclusion": one.exclusion, "message": one.message, "fix": one.command}
            for one in judged.estate.decisions
        ],
    )


def _shown(console: Console, loaded: LoadedExclusion) -> ExclusionOut:
    document = loaded.exclusion.model_dump(mode="json", exclude_defaults=True)
    state = console.snapshots.now().repository.state(loaded.exclusion, console.snapshots.today())
    return ExclusionOut(
        id=loaded.id, state=state,
        content_hash=loaded.exclusion.content_hash(), document=document,
    )  # fmt: skip


def _there(console: Console, id: str) -> None:
    if console.snapshots.now().exclusion(id) is None:
        raise HTTPException(404, f"there is no exclusion {id}")


def _run(one: Any) -> RunOut:
    return RunOut(
        id=one.id, rule=one.rule, person=one.person, asked=one.asked, finished=one.finished, status=one.status,
        message=one.message,
    )  # fmt: skip
