"""`fpctl review`: what shadow exclusions would have done, and activating or dropping them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.edit import Changes
    from fpctl.exclusions.loader import ExclusionSet
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.history.records import HitTotals
    from fpctl.tuning.shadow import ShadowReview


def command(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Only these.", autocompletion=completion.exclusion_ids),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, help="How long one is watched before it is decided upon.")] = 14,
    activate: Annotated[bool, typer.Option("--activate", help="Bring the named ones into force.")] = False,
    drop: Annotated[
        str | None, typer.Option("--drop", metavar="REASON", help="Retire the named ones, for this reason.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Do what the review says: bring into force, or retire, each that is ready.")
    ] = False,
    exclusions: options.ExclusionsFolder = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Show what exclusions in shadow would have taken out, and decide upon them.

    An exclusion with `status: shadow` is counted by every run and takes nothing out. After --days of runs
    this says what it would have done, and on a terminal offers to activate or drop each that is ready.
    --activate brings the named ones into force (they need an approval as any other), --drop retires them,
    --accept does for each what the review says. Exit code 1: some wait for a decision.
    """
    from fpctl.cli.shared.exclusion_commands import may_ask, open_exclusions, picked
    from fpctl.settings import load_settings
    from fpctl.tuning.shadow import reviews

    if activate + accept + (drop is not None) > 1:
        raise typer.BadParameter("--activate, --drop or --accept, only one of them")
    if (activate or drop is not None) and not ids:
        raise typer.BadParameter("name the exclusions to decide upon")
    now = options.now()
    settings = load_settings(config)
    known, folder = open_exclusions(config, exclusions)
    chosen = picked(known, ids) if ids else list(known.exclusions)
    for loaded in chosen if ids else ():
        if loaded.exclusion.status != "shadow":
            raise FpctlError(f"{loaded.id} is {loaded.exclusion.status}, not in shadow", loaded.at_key("status"))
    if activate or drop is not None:
        _decide(chosen, drop, known, folder, settings, now)
        return EXIT_OK
    totals = _totals(history or settings.history.url)
    found = reviews([loaded.exclusion for loaded in chosen], totals, now.date(), days)
    if format == "json":
        output.show_json({"shadows": [_document(one) for one in found]})
    else:
        _show(found, hints=not accept)
    by_id = {loaded.id: loaded for loaded in chosen}
    waiting = [one for one in found if one.verdict in ("activate", "drop", "look")]
    asks = format == "text" and not accept and may_ask()
    for one in tuple(waiting) if accept or asks else ():
        verdict = one.verdict if accept else _asked(one)
        if verdict == "activate" and not _approved(by_id[one.exclusion.id]):
            output.say(f"{one.exclusion.id} stays in shadow: nobody approved it (fpctl approve {one.exclusion.id})")
        elif verdict in ("activate", "drop"):
            why = one.why if verdict == "drop" else None
            _decide([by_id[one.exclusion.id]], why, known, folder, settings, now)
            waiting.remove(one)
    return EXIT_FINDINGS if waiting else EXIT_OK


def _asked(one: ShadowReview) -> str | None:
    """Ask a person what is to become of an exclusion; None leaves it in shadow."""
    question = f"{one.exclusion.id}: {one.why}. [a]ctivate, [d]rop or [l]eave it?"
    answer = typer.prompt(question, default="l", show_default=True, err=True).strip().lower()
    return {"a": "activate", "activate": "activate", "d": "drop", "drop": "drop"}.get(answer)


def _approved(loaded: LoadedExclusion) -> bool:
    return bool((loaded.exclusion.approved_by or "").strip())


def _totals(place: str) -> dict[str, HitTotals]:
    from fpctl.history.store import is_there

    if not is_there(place):
        return {}
    from fpctl.history.history import History

    with History.open(place, create=False) as history:
        return {one.exclusion: one for one in history.hits()}


def _decide(
    chosen: Sequence[LoadedExclusion], drop: str | None, known: ExclusionSet, folder: Any, settings: Any, now: Any
) -> None:
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.lifecycle import retirement

    def change(loaded: LoadedExclusion) -> Changes:
        if drop is not None:
            return retirement(loaded.exclusion, drop, now.date())
        if not _approved(loaded):
            hint = f"have it approved first: fpctl approve {loaded.id}"
            raise FpctlError(f"{loaded.id} has no approval", loaded.at, hint)
        return {"status": "active"}

    changes = [(loaded, change(loaded)) for loaded in chosen]
    action = "retired" if drop is not None else "activated"
    recorded(
        lambda: amend(changes, folder), action, [loaded.id for loaded in chosen],
        known=known, folder=folder, settings=settings, now=now, reason=drop,
    )  # fmt: skip
    for loaded in chosen:
        output.say(f"{loaded.id} is {'retired' if drop is not None else 'active now'}")


def _show(found: Sequence[ShadowReview], *, hints: bool) -> None:
    if not found:
        output.say("no exclusion is in shadow")
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
        output.say(f"look at one: fpctl preview {ready[0]}; bring it into force: fpctl review {ready[0]} --activate")
    if idle:
        output.say(f"retire it: fpctl review {idle[0]} --drop 'it took out nothing'")


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
