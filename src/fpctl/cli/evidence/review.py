"""`fpctl review`: what shadow exclusions would have done, and activating or dropping them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.edit import Changes
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.tuning.shadow import ShadowReview


@dataclass(frozen=True, slots=True)
class DecisionOptions:
    """What is decided."""

    activate: Annotated[bool, typer.Option("--activate", help="Activate the given exclusions.")] = False
    drop: Annotated[
        str | None, typer.Option("--drop", metavar="REASON", help="Retire the given exclusions for this reason.")
    ] = None
    force: Annotated[
        str | None,
        typer.Option("--force", metavar="REASON", help="Activate even if the review says wait; give the reason."),
    ] = None
    accept: Annotated[
        bool,
        typer.Option("--accept", help="Follow the review's advice: activate or retire each exclusion that is ready."),
    ] = False

    def check(self, ids: Sequence[str] | None) -> None:
        """Refuse several decisions at once, and one about nothing. Raises typer.BadParameter."""
        if self.activate + self.accept + (self.drop is not None) > 1:
            raise typer.BadParameter("--activate, --drop or --accept, only one of them")
        if self.force is not None and not (self.activate and self.force.strip()):
            raise typer.BadParameter("--force REASON goes with --activate, and says why")
        if self.named and not ids:
            raise typer.BadParameter("name the exclusions to decide")

    @property
    def named(self) -> bool:
        """Whether the named exclusions are activated or retired."""
        return self.activate or self.drop is not None


def command(
    files: options.ExclusionHistoryFiles,
    decision: DecisionOptions,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Only these exclusions.", autocompletion=completion.exclusion_ids),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, help="Days to observe an exclusion before deciding.")
    ] = 14,
    format: options.TextFormat = "text",
) -> int:
    """Show what shadow exclusions would have suppressed, and activate or drop them.

    An exclusion with `status: shadow` is counted in every run but suppresses nothing. Once it has been observed for
    --days, the review shows what it would have suppressed and, on a terminal, offers to activate or drop it.
    --activate activates the given exclusions (they need an approval like any other, and --force if the review says
    wait), --drop retires them, and --accept follows the review's advice for each. Exit code 1: exclusions are waiting
    for a decision. 2: an exclusion could not be read.
    """
    from fpctl.tuning.shadow import reviews

    decision.check(ids)
    context = AppContext(files)
    chosen = context.pick(ids) if ids else list(context.exclusions.exclusions)
    for loaded in chosen if ids else ():
        if loaded.exclusion.status != "shadow":
            raise FpctlError(f"{loaded.id} is {loaded.exclusion.status}, not in shadow", loaded.at_key("status"))
    if decision.drop is not None:
        _decide(context, chosen, decision.drop)
        return EXIT_OK
    with context.history() as history:
        totals = {one.exclusion: one for one in history.hits(trend=False)} if history is not None else {}
    found = reviews([loaded.exclusion for loaded in chosen], totals, context.today, days)
    if decision.activate:
        waits = next((one for one in found if one.verdict == "wait"), None)
        if waits is not None and decision.force is None and all(map(_approved, chosen)):
            hint = "wait, judge it earlier with --days N, or activate it with --force REASON"
            raise FpctlError(f"{waits.exclusion.id} stays in shadow: {waits.why}", None, hint)
        _decide(context, chosen, None, decision.force)
        return EXIT_OK
    errors = [] if ids else [problem for problem in context.exclusions.problems if problem.severity == "error"]
    if format == "json":
        output.show_json({"shadows": [_document(one) for one in found]}, context.exclusions.problems)
    else:
        _show(found, hints=not decision.accept)
        output.show_problems(errors)
    waiting = [one for one in found if one.verdict in ("activate", "drop", "look")]
    if decision.accept or (format == "text" and terminal.may_ask()):
        by_id = {loaded.id: loaded for loaded in chosen}
        waiting = [one for one in waiting if not _settled(context, one, by_id[one.exclusion.id], decision.accept)]
    if errors:
        return EXIT_ERROR
    return EXIT_FINDINGS if waiting else EXIT_OK


def _settled(context: AppContext, one: ShadowReview, loaded: LoadedExclusion, accept: bool) -> bool:
    """Decide one exclusion, by the review or by asking, and return whether it was decided."""
    verdict = one.verdict if accept else _asked(one)
    if verdict == "activate" and not _approved(loaded):
        output.say(f"{loaded.id} stays in shadow: it is not approved (fpctl approve {loaded.id})")
        return False
    if verdict not in ("activate", "drop"):
        return False
    _decide(context, [loaded], one.why if verdict == "drop" else None)
    return True


def _asked(one: ShadowReview) -> str | None:
    """Ask a person what is to become of an exclusion; None leaves it in shadow."""
    question = f"{one.exclusion.id}: {one.why}. [a]ctivate, [d]rop or [l]eave it?"
    answer = typer.prompt(question, default="l", show_default=True, err=True).strip().lower()
    return {"a": "activate", "activate": "activate", "d": "drop", "drop": "drop"}.get(answer)


def _approved(loaded: LoadedExclusion) -> bool:
    return bool((loaded.exclusion.approved_by or "").strip())


def _decide(context: AppContext, chosen: Sequence[LoadedExclusion], drop: str | None, force: str | None = None) -> None:
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.completeness import lacking, words_for
    from fpctl.exclusions.lifecycle import retirement

    def change(exclusion: Exclusion) -> Changes:
        if drop is not None:
            return retirement(exclusion, drop, context.today)
        if exclusion.status != "shadow":
            raise FpctlError(f"{exclusion.id} is {exclusion.status}, not in shadow")
        if not (exclusion.approved_by or "").strip():
            hint = f"have it approved first: fpctl approve {exclusion.id}"
            raise FpctlError(f"{exclusion.id} has no approval", None, hint)
        if missing := lacking(exclusion, context.settings.enforced):
            hint = f"the policy asks for it: fpctl edit {exclusion.id}, and have it approved"
            raise FpctlError(f"{exclusion.id} has {words_for(missing)}", None, hint)
        return {"status": "active"}

    action = "retired" if drop is not None else "activated"
    ids = [loaded.id for loaded in chosen]
    context.audit_log.record(lambda: amend(chosen, change, context.folder), action, ids, reason=drop or force)
    for loaded in chosen:
        output.say(f"{loaded.id} is {'retired' if drop is not None else 'active now'}")


def _show(found: Sequence[ShadowReview], *, hints: bool) -> None:
    if not found:
        output.say("no exclusion has the status shadow")
        return
    rows = []
    for one in found:
        totals = one.totals
        counts = (totals.runs, totals.rows, totals.unique, totals.last) if totals is not None else (0, None, None, None)
        rows.append([one.exclusion.id, one.days, *counts, one.verdict, one.why])
    output.show_table(
        ["exclusion", "days", "runs", "would hit", "unique", "last event", "verdict", "why"],
        rows,
        right=("days", "runs", "would hit", "unique"),
    )
    if not hints:
        return
    ready = [one.exclusion.id for one in found if one.verdict == "activate"]
    idle = [one.exclusion.id for one in found if one.verdict == "drop"]
    if ready:
        output.say(f"look at one: fpctl preview {ready[0]}; activate it: fpctl review {ready[0]} --activate")
    if idle:
        output.say(f"retire it: fpctl review {idle[0]} --drop 'it suppressed nothing'")


def _document(one: ShadowReview) -> dict[str, Any]:
    totals = one.totals
    return {
        "exclusion": one.exclusion.id,
        "title": one.exclusion.title,
        "days": one.days,
        "runs": totals.runs if totals is not None else 0,
        "rows": totals.rows if totals is not None else None,
        "unique": totals.unique if totals is not None else None,
        "first": totals.first if totals is not None else None,
        "last": totals.last if totals is not None else None,
        "verdict": one.verdict,
        "why": one.why,
    }
