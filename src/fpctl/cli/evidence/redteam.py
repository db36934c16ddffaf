"""`fpctl redteam`: what an attacker would try against an exclusion, and what of it would go unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.tuning.redteam import Attempt, RedteamResult


def command(
    id: Annotated[str, typer.Argument(metavar="ID", help="The exclusion.", autocompletion=completion.exclusion_ids)],
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="RULE", help="Only in the tables of this rule.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Also show the variants that fire.")] = False,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Try what an attacker would try against an exclusion: look-alikes, renamed programs, the last minute.

    For each table that its rules read, events are made that resemble what the exclusion takes out, and the
    clause itself is asked about them on the local engine. Exit code 1: some would be suppressed that an
    attacker could bring about. 2: nothing could be tried.
    """
    from fpctl.cli.shared.exclusion_commands import open_book, picked
    from fpctl.repository.single_exclusion import in_force
    from fpctl.tuning.redteam import run_redteam

    book = open_book(config, rules, exclusions)
    (loaded,) = picked(book.repository.exclusions, [id])
    today = options.parse_day(on)
    exclusion = in_force(loaded.exclusion, today)
    if exclusion.expires is not None and exclusion.expires <= today:
        exclusion = exclusion.model_copy(update={"expires": None})
    pool = book.repository.rules.select(rule) if rule else book.repository.rules.rules
    reached = [one.rule for one in pool if exclusion.selects(one.rule) is not None]
    if not reached:
        raise FpctlError(f"{id} reaches no rule", None, "fpctl rules list shows them")
    found = run_redteam(exclusion, reached, book.repository.planner(today))
    if format == "json":
        output.show_json(
            {
                "exclusion": id,
                "attempts": [_document(one) for one in found.attempts],
                "skipped": [{"table": table, "reason": reason} for table, reason in found.skipped],
            }
        )
    else:
        _show(found, all)
    for table, reason in found.skipped:
        output.say(f"{table}: not tried: {output.visible(reason)}")
    through, tried = len(found.through()), len(found.attempts)
    output.say(f"{output.counted(tried, 'variant')} tried: {through:,} would go unseen")
    if not found.attempts:
        return EXIT_ERROR
    return EXIT_FINDINGS if found.through() else EXIT_OK


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
