"""`fpctl redteam`: what an attacker would try against an exclusion, and what of it would go unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpctl.engine.interface import Timespan
    from fpctl.exclusions.model import Exclusion
    from fpctl.rules.model import Rule
    from fpctl.tuning.neighbours import Neighbour
    from fpctl.tuning.redteam import Attempt, RedteamResult


def command(
    id: options.OneExclusion,
    files: options.RepositoryFiles,
    look_back: options.LookBack,
    engine: options.EngineOptions,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", metavar="RULE", help="Only the tables of this rule.", autocompletion=completion.rule_names
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Also show variants that fire.")] = False,
    on: options.On = None,
    format: options.TextFormat = "text",
) -> int:
    """Try typical evasions against an exclusion: look-alikes, renamed programs, the last minute of a window.

    For each table that the exclusion's rules read, creates events that resemble what the exclusion suppresses and
    evaluates the clause on them with the local engine. If there is a data folder or an engine, also shows which
    accounts, devices and applications had events from the addresses that the exclusion names, and how many of these
    events it suppresses.

    Exit code 1: the exclusion would suppress events that an attacker could produce. 2: nothing could be tried.
    """
    from fpctl.repository.single_exclusion import active_on
    from fpctl.tuning.redteam import run_redteam

    context = AppContext(files, "optional")
    (loaded,) = context.pick([id])
    today, span = options.parse_day(on), look_back.timespan(context.now)
    exclusion = active_on(loaded.exclusion, today)
    reached = [one.rule for one in context.select(rule) if exclusion.selects(one.rule) is not None]
    if not reached:
        raise FpctlError(f"{loaded.id} matches no rule", None, "fpctl rules list shows the rules")
    found = run_redteam(exclusion, reached, context.planner(today))
    behind = _neighbours(context, exclusion, reached, span, engine)
    if format == "json":
        output.show_json(
            {
                "exclusion": loaded.id,
                "attempts": [_document(one) for one in found.attempts],
                "skipped": [{"table": table, "reason": reason} for table, reason in found.skipped],
                "neighbours": [_neighbour(one) for one in behind],
            },
            context.repository.problems,
        )
    else:
        _show(found, all)
        _show_neighbours(behind)
    for table, reason in found.skipped:
        output.say(f"{table}: not tried: {output.visible(reason)}")
    through, tried = len(found.through()), len(found.attempts)
    output.say(f"{output.counted(tried, 'variant')} tried: {through:,} would go unseen")
    if not found.attempts:
        return EXIT_ERROR
    return EXIT_FINDINGS if found.through() else EXIT_OK


def _neighbours(
    context: AppContext,
    exclusion: Exclusion,
    rules: Sequence[Rule],
    span: Timespan,
    engine: options.EngineOptions,
) -> list[Neighbour]:
    """Return who else is behind the exclusion's addresses, if an engine is at hand; say what could not be asked."""
    from fpctl.tuning.neighbours import neighbours
    from fpctl.tuning.redteam import tables_of

    local = engine.data or context.settings.paths.data
    if (engine.engine is None and local is None) or not any(one.values("ip") for one in exclusion.match):
        return []
    chosen = options.EngineOptions(engine.engine or "local", engine.data, engine.credential)
    tables = {table for rule in rules for table in tables_of(rule, context.planner())}
    with context.engine(chosen, span.end) as opened, output.progress("Looking behind the addresses"):
        found, failed = neighbours(exclusion, tables, context.planner_for(opened, span), opened, span)
    for table, reason in failed:
        output.say(output.visible(f"{table}: who is behind its addresses is unknown: {reason}"))
    return found


def _show_neighbours(found: Sequence[Neighbour]) -> None:
    if not found:
        return
    several = len({one.table for one in found}) > 1
    output.write("\nWho has events from these addresses\n")
    output.show_table(
        ["address", "kind", "who", "events", "suppressed", *(["table"] if several else [])],
        [
            [one.address, one.kind, one.who, one.events, one.suppressed, *([one.table] if several else [])]
            for one in found
        ],
        right=("events", "suppressed"),
    )


def _neighbour(one: Neighbour) -> dict[str, Any]:
    return {
        "table": one.table,
        "address": one.address,
        "kind": one.kind,
        "who": one.who,
        "events": one.events,
        "suppressed": one.suppressed,
    }


def _show(found: RedteamResult, all: bool) -> None:
    through = found.through()
    shown = found.attempts if all else through
    several = len({one.table for one in found.attempts}) > 1
    rows: list[list[Any]] = []
    for one in shown:
        verdict = "UNSEEN" if one.suppressed and one.variant.needs else "suppressed" if one.suppressed else "fires"
        where = f" in {one.table}" if several else ""
        rows.append([verdict, f"{one.variant.name}{where}", one.variant.needs or "-", _what(one)])
    if rows:
        output.show_table(["result", "variant", "it takes", "event"], rows)
    advice = list(dict.fromkeys(one.variant.advice for one in through if one.variant.advice))
    for text in advice:
        output.write(f"  hint: {text}\n")


def _what(one: Attempt) -> str:
    given = {**one.variant.fields, **one.variant.columns}
    text = ", ".join(f"{name}={value}" for name, value in given.items() if value != "")
    moment = output.moment(one.variant.moment)
    return f"{text} at {moment}" if len(text) <= 150 else f"{text[:147]}... at {moment}"


def _document(one: Attempt) -> dict[str, Any]:
    return {
        "alternative": one.alternative,
        "table": one.table,
        "variant": one.variant.name,
        "suppressed": one.suppressed,
        "needs": one.variant.needs or None,
        "unseen": one.suppressed and bool(one.variant.needs),
        "fields": dict(one.variant.fields),
        "columns": dict(one.variant.columns),
        "time": one.variant.moment,
        "advice": one.variant.advice or None,
    }
