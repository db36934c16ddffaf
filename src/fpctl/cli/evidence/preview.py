"""`fpctl preview`: what an exclusion does to its rules, on real events, before it is recorded or after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.exclusion_commands import Book
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.risk.score import Risk
    from fpctl.execution.result_changes import RowChanges
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.tuning.guard import CaseOutcome
    from fpctl.tuning.impact import Impact

Values = list[str] | None
BAR = 30
SHOWN_RULES = 5
SHOWN_ROWS = 10
SHOWN_ENTITIES = 8
DEFAULT_DAYS = 90
"""As long would `fpctl add` let it hold."""


def _field(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar="VALUE", help=text, rich_help_panel="Match")


def command(
    id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="A recorded exclusion.", autocompletion=completion.exclusion_ids),
    ] = None,
    rule: Annotated[
        Values, typer.Option("--rule", metavar="RULE", help="Only this rule; for one not recorded yet: its rules.")
    ] = None,
    device: Annotated[Values, _field("device", "Host name.")] = None,
    url: Annotated[Values, _field("url", "Domain or URL.")] = None,
    hash: Annotated[Values, _field("hash", "MD5, SHA-1 or SHA-256.")] = None,
    process: Annotated[Values, _field("process", "File name of the process.")] = None,
    parent_process: Annotated[Values, _field("parent-process", "File name of what started it.")] = None,
    command_line: Annotated[Values, _field("command-line", "Text that the command line contains.")] = None,
    path: Annotated[Values, _field("path", "Path of a file or folder.")] = None,
    account: Annotated[Values, _field("account", "Account.")] = None,
    ip: Annotated[Values, _field("ip", "Address or CIDR.")] = None,
    signer: Annotated[Values, _field("signer", "Name in the code-signing certificate.")] = None,
    port: Annotated[Values, _field("port", "Port number.")] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="KQL", help="A KQL condition that must hold too.")
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="14d|TIME", help="How far back to look.")] = "14d",
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End of the look-back.", show_default="now")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Compare with the base rule, not with the other exclusions in place.")
    ] = False,
    no_days: Annotated[bool, typer.Option("--no-days", help="Do not run the rule on each day's events alone.")] = False,
    engine: options.EngineName = None,
    data: options.DataFolder = None,
    credential: options.Credential = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Show what an exclusion does to its rules, on the events of the last days.

    Before and after: events at the clause, result rows, alerts by day, devices, URLs and hashes that are
    gone altogether, rows that stand only after (an exclusion must never make a rule fire), and a sample of
    what is taken out. Exit code 1: rows stand only after, it takes out an event that a test says must fire,
    or it cannot be placed in a rule that it names.
    2: something could not be counted, or a rule or an exclusion cannot be read.
    """
    from fpctl.cli.shared.exclusion_commands import open_book
    from fpctl.cli.shared.risk import risk_of
    from fpctl.engine.interface import Timespan
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import open_engine
    from fpctl.exclusions.risk.score import Share
    from fpctl.execution.time_range import window_range
    from fpctl.repository.apply import applicable
    from fpctl.repository.single_exclusion import in_force, reached
    from fpctl.tuning.impact import impact

    book = open_book(config, rules, exclusions)
    clock = options.now()
    end = options.parse_moment(to, clock, "--to") if to is not None else clock
    span = Timespan(options.parse_moment(since, end, "--since"), end)
    if span.start >= span.end:
        raise typer.BadParameter("the look-back ends before it begins")
    given = {
        "device": device, "url": url, "hash": hash, "process": process, "parent_process": parent_process,
        "command_line": command_line, "path": path, "account": account, "ip": ip, "signer": signer, "port": port,
        "where": [where] if where is not None else None,
    }  # fmt: skip
    exclusion = _exclusion(book, id, rule, {name: tuple(values) for name, values in given.items() if values})
    alone_in_force = in_force(exclusion, end.date())
    if alone_in_force.expires is not None and alone_in_force.expires <= end.date():
        alone_in_force = alone_in_force.model_copy(update={"expires": None})
    pool = book.repository.rules.select(rule) if id is not None and rule else book.repository.rules.rules
    chosen = [loaded for loaded in pool if alone_in_force.selects(loaded.rule) is not None]
    if not chosen:
        raise FpctlError("the exclusion reaches no rule", None, "fpctl rules list shows them")
    opened = open_engine(
        engine or book.settings.engine.default,
        book.settings,
        EngineOptions(
            data=data or book.settings.paths.data, now=end, tables=book.repository.tables, credential=credential
        ),
    )
    found: list[Impact] = []
    try:
        windows = None if opened.description.capabilities.local_time else window_range(span, end)
        planner = book.repository.planner(end.date(), windows_within=windows)
        present = () if alone else [one for one in book.repository.active() if one.id != exclusion.id]
        with output.progress("Looking at events", len(chosen)) as update:
            for one, named in reached(alone_in_force, (loaded.rule for loaded in chosen)):
                others = applicable(one, present)
                found.append(
                    impact(alone_in_force, one, named, others, planner, opened, span, daily_alerts=not no_days)
                )
                update(len(found))
    finally:
        opened.close()
    cases = _cases(alone_in_force, chosen, book)
    shares = [share for one in found if (share := one.share()) is not None]
    devices = [share.devices for share in shares if share.devices is not None]
    traffic = [share.traffic for share in shares if share.traffic is not None]
    measured = Share(max(devices, default=None), max(traffic, default=None)) if shares else None
    risk = risk_of(book, exclusion, chosen, measured)
    if format == "json":
        output.show_json(
            {
                "exclusion": exclusion.id,
                "risk": risk.to_dict(),
                "rules": [_document(one) for one in found],
                "suppressed": [{"rule": one.rule.id, "name": one.case.name, "at": str(one.case.at)} for one in cases],
            }
        )
    else:
        _show(exclusion, found, risk, cases)
    output.show_problems(book.repository.problems)
    if book.repository.broken or any(one.error is not None for one in found):
        return EXIT_ERROR
    bad = any(one.rows is not None and (one.rows.appeared or _unproved(one)) for one in found)
    return EXIT_FINDINGS if bad or cases or any(skip.finding for one in found for skip in one.skips) else EXIT_OK


def _unproved(one: Impact) -> bool:
    """Tell whether rows may stand only after, and there are too many to have looked."""
    may_add = any(warning.code in ("effect", "trigger-operator") for warning in one.warnings)
    return one.rows is not None and not one.rows.compared and may_add


def _exclusion(book: Book, id: str | None, rule: Values, given: Mapping[str, tuple[str, ...]]) -> Exclusion:
    """Return the recorded exclusion, or what the options would make."""
    from fpctl.cli.shared.exclusion_commands import picked
    from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, checked

    if id is not None:
        if given:
            raise typer.BadParameter("give an ID, or fields of an exclusion that is not recorded yet; not both")
        (loaded,) = picked(book.repository.exclusions, [id])
        return loaded.exclusion
    if not given:
        raise typer.BadParameter("give the ID of an exclusion, or fields such as --device build01 with --rule")
    if not rule:
        raise typer.BadParameter("an exclusion is for a rule: name it with --rule; * is all rules")
    narrow = any(name in given for name in ("device", "url", "hash"))
    expires = book.today + timedelta(days=DEFAULT_DAYS)
    draft = DraftExclusion(
        rules=tuple(rule), match=(given,), id="preview", status="draft", broad=not narrow, expires=expires
    )
    try:
        exclusion, _ = checked(draft.text(), book.folder)
    except DraftError as error:
        output.show_problems(error.problems)
        raise FpctlError("nothing is previewed: the exclusion has faults") from error
    return exclusion


def _cases(exclusion: Exclusion, chosen: Sequence[LoadedRule], book: Book) -> list[CaseOutcome]:
    """Return the events that must fire and that the exclusion, alone, takes out."""
    from fpctl.rules.test_cases import RuleTestCache
    from fpctl.tuning.guard import evaluate

    shelf, planner = RuleTestCache(), book.repository.planner(book.today)
    found = [
        evaluate(loaded.rule, case, [(exclusion, True)], planner)
        for loaded in chosen
        for case in shelf.cases_of(loaded).must_fire()
    ]
    return [one for one in found if one.status == "suppressed"]


def _show(exclusion: Exclusion, found: Sequence[Impact], risk: Risk, cases: Sequence[CaseOutcome]) -> None:
    from fpctl.cli.shared.risk import risk_lines

    output.write(f"{output.visible(exclusion.id)} {output.visible(exclusion.title)}".rstrip() + "\n")
    output.write("risk " + "\n     ".join(risk_lines(risk)) + "\n")
    for case in cases:
        text = f"takes out an event that must fire: {case.case.name} ({case.case.at})"
        output.write(output.coloured(output.visible(text), "error") + "\n")
    for one in found[:SHOWN_RULES]:
        _show_rule(one)
    if len(found) > SHOWN_RULES:
        output.say(f"and {output.counted(len(found) - SHOWN_RULES, 'more rule')}: --format json shows all")


def _show_rule(one: Impact) -> None:
    when = f"{one.span.start:%Y-%m-%d %H:%M} to {one.span.end:%Y-%m-%d %H:%M} UTC"
    output.write(f"\n{output.visible(one.rule.name)} ({output.visible(one.rule.path)}), {when}\n")
    if not one.whole:
        output.write("  the rule itself looks back less far: only events in its own time are seen\n")
    for clause in one.clauses:
        output.write(f"  {output.visible(clause.strip())}\n")
    for skip in one.skips:
        output.write(f"  not applied [{skip.reason}]: {output.visible(skip.message)}\n")
    for warning in one.warnings:
        output.write(f"  warning [{warning.code}]: {output.visible(warning.message)}\n")
    if one.error is not None:
        output.write(f"  not known: {output.visible(one.error)}\n")
    if one.events is not None and one.removed is not None:
        left = one.events - one.removed
        output.write(f"\n  Events at the clause: {one.events:,} before, {left:,} after, {one.removed:,} taken out\n")
    if one.rows is not None:
        _show_changes(one.rows, _unproved(one))
    _show_days(one)
    _show_entities(one)
    if one.sample:
        of = f" (a sample, {len(one.sample)} of {one.removed:,})" if (one.removed or 0) > len(one.sample) else ""
        output.write(f"\n  What is taken out, the latest first{of}:\n")
        names = list(one.sample[0])
        output.show_table(names, [[_short(row.get(name)) for name in names] for row in one.sample])


def _show_changes(rows: RowChanges, unproved: bool) -> None:
    if not rows.compared:
        output.write(f"  Result rows: {rows.before:,} before, {rows.after:,} after; too many to compare one by one\n")
        if unproved:
            text = "rows may stand only after (see the warning): narrow the time with --since to see which"
            output.write(output.coloured(f"    {text}", "error") + "\n")
        return
    output.write(
        f"  Result rows: {rows.before:,} before, {rows.after:,} after; {len(rows.vanished):,} gone, "
        f"{rows.changed:,} with other numbers, {len(rows.appeared):,} only after\n"
    )
    for row in rows.appeared[:SHOWN_ROWS]:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in row.items())
        output.write(output.coloured(f"    only after: {output.visible(shown)}", "error") + "\n")
    if len(rows.appeared) > SHOWN_ROWS:
        output.write(f"    and {len(rows.appeared) - SHOWN_ROWS:,} more only after: --format json shows all\n")


def _show_days(one: Impact) -> None:
    if not one.days:
        return
    top = max(day.events for day in one.days)
    output.write("\n")
    output.show_table(
        ["day", "events left # and taken out .", "events", "out", "alerts", "after"],
        [
            [
                f"{day.day} {day.day:%a}",
                bar(day.events, day.removed, top),
                day.events,
                day.removed,
                day.alerts_before,
                day.alerts_after,
            ]
            for day in one.days
        ],
        right=("events", "out", "alerts", "after"),
    )


def bar(events: int, removed: int, top: int, width: int = BAR) -> str:
    """Return a bar: `#` for what is left of the events, `.` for what is taken out; something is never nothing."""
    if not top or not events:
        return ""
    whole = max(1, round(width * events / top))
    out = 0 if not removed else min(whole, max(1, round(whole * removed / events)))
    if out == whole and removed < events and whole > 1:
        out -= 1
    return "#" * (whole - out) + "." * out


def _show_entities(one: Impact) -> None:
    names = {"device": "devices", "url": "hosts", "hash": "hashes"}
    for field, found in one.entities.items():
        line = f"  {names[field]}: {found.total:,} seen, {found.touched:,} lose events, {found.vanished:,} are gone"
        shown = ", ".join(f"{value} ({count:,})" for value, count in found.shown[:SHOWN_ENTITIES])
        if shown and found.vanished > SHOWN_ENTITIES:
            shown += f" and {found.vanished - SHOWN_ENTITIES:,} more"
        output.write(output.visible(f"{line}{': ' + shown if shown else ''}") + "\n")


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return output.moment(value)
    text = str(value) if value is not None else ""
    return text if len(text) <= 60 else text[:57] + "..."


def _document(one: Impact) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "from": one.span.start,
        "to": one.span.end,
        "whole": one.whole,
        "clauses": [clause.strip() for clause in one.clauses],
        "events": one.events,
        "removed": one.removed,
        "days": [
            {
                "day": day.day,
                "events": day.events,
                "removed": day.removed,
                "alerts_before": day.alerts_before,
                "alerts_after": day.alerts_after,
            }
            for day in one.days
        ],
        "entities": {
            name: {
                "total": found.total,
                "touched": found.touched,
                "removed": found.vanished,
                "shown": [{"value": value, "events": count} for value, count in found.shown],
            }
            for name, found in one.entities.items()
        },
        "result_rows": None
        if one.rows is None
        else {
            "before": one.rows.before,
            "after": one.rows.after,
            "compared": one.rows.compared,
            "removed": len(one.rows.vanished) if one.rows.compared else None,
            "changed": one.rows.changed if one.rows.compared else None,
            "only_after": [_plain(row) for row in one.rows.appeared] if one.rows.compared else None,
        },
        "sample": [_plain(row) for row in one.sample],
        "skips": [{"reason": skip.reason, "message": skip.message, "finding": skip.finding} for skip in one.skips],
        "warnings": [{"code": w.code, "message": w.message, "line": w.line} for w in one.warnings],
        "error": one.error,
    }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    simple = (str, int, float, bool, list, dict, type(None), date)
    return {name: value if isinstance(value, simple) else str(value) for name, value in row.items()}
