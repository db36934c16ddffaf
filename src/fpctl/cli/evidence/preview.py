"""`fpctl preview`: what an exclusion does to its rules, on real events, before it is recorded or after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.field_options import FieldOptions
from fpctl.cli.shared.impact_output import show_impact, unproved
from fpctl.cli.shared.risk import risk_lines, risk_of
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError
from fpctl.schema.families import is_narrow

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine, Timespan
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.risk.score import Risk, Share
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.tuning.guard import CaseOutcome
    from fpctl.tuning.impact import Impact

SHOWN_RULES = 5
DEFAULT_DAYS = 90
"""The expiry that `fpctl add` gives."""


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What before and after are, and how much of it is looked at."""

    alone: Annotated[
        bool, typer.Option("--alone", help="Compare with the base rule, without the other exclusions.")
    ] = False
    no_days: Annotated[
        bool, typer.Option("--no-days", help="Skip running the rule on the events of each day separately.")
    ] = False


@dataclass(frozen=True, slots=True)
class Previewed:
    """An exclusion and what it does to its rules; `cases` are must-fire events that it suppresses."""

    exclusion: Exclusion
    impacts: Sequence[Impact]
    risk: Risk
    cases: Sequence[CaseOutcome]

    @property
    def bad(self) -> bool:
        """Whether there is a finding: rows only after, a suppressed test event, or a rule in which it has no place."""
        added = any(one.rows is not None and (one.rows.appeared or unproved(one)) for one in self.impacts)
        return added or bool(self.cases) or any(skip.finding for one in self.impacts for skip in one.skips)


def command(
    fields: FieldOptions,
    look_back: options.LookBack,
    comparison: ComparisonOptions,
    engine: options.EngineOptions,
    files: options.RepositoryFiles,
    id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Id of a recorded exclusion.", autocompletion=completion.exclusion_ids),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="Only this rule. For an exclusion that is not recorded yet: a rule it applies to.",
            autocompletion=completion.rule_names,
        ),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Show what an exclusion would change in its rules, on recent events.

    Compares before and after: events at the clause, result rows, alerts per day, devices, URLs and hashes that
    disappear altogether, rows that appear only after (an exclusion must never make a rule fire), and a sample of
    what is suppressed. Exit code 1: rows appear only after, the exclusion suppresses an event that a test says must
    fire, or it cannot be placed in a rule that it names. 2: something could not be counted, or a rule or an
    exclusion could not be read.
    """
    from fpctl.repository.single_exclusion import active_on

    context = AppContext(files, "optional")
    span = look_back.timespan(context.now)
    exclusion = _exclusion(context, id, rule, fields.values)
    active = active_on(exclusion, span.end.date())
    pool = context.select(rule) if id is not None else context.repository.rules.rules
    chosen = [loaded for loaded in pool if active.selects(loaded.rule) is not None]
    if not chosen:
        raise FpctlError("the exclusion matches no rule", None, "fpctl rules list shows the rules")
    with context.engine(engine, span.end) as opened:
        impacts = _impacts(context, active, chosen, opened, span, comparison)
    risk = risk_of(context, exclusion, chosen, _share(impacts))
    found = Previewed(exclusion, impacts, risk, _cases(context, active, chosen))
    if format == "json":
        output.show_json(_document(found), context.repository.problems)
    else:
        _show(found)
    if exclusion.created is not None and exclusion.created > span.start.date():
        output.say(f"events from before {exclusion.created}, the first day of {exclusion.id}, are counted too")
    output.show_problems(context.repository.problems)
    if context.repository.broken or any(one.error is not None for one in impacts):
        return EXIT_ERROR
    return EXIT_FINDINGS if found.bad else EXIT_OK


def _impacts(
    context: AppContext,
    exclusion: Exclusion,
    chosen: Sequence[LoadedRule],
    engine: Engine,
    span: Timespan,
    comparison: ComparisonOptions,
) -> list[Impact]:
    """Return what the exclusion does to each of the rules."""
    from fpctl.repository.apply import applicable
    from fpctl.repository.single_exclusion import reached
    from fpctl.tuning.impact import impact

    planner = context.planner_for(engine, span)
    present = [] if comparison.alone else [one for one in context.repository.active() if one.id != exclusion.id]
    daily = not comparison.no_days
    found: list[Impact] = []
    with output.progress("Looking at events", len(chosen)) as update:
        for rule, named in reached(exclusion, (loaded.rule for loaded in chosen)):
            others = applicable(rule, present)
            found.append(impact(exclusion, rule, named, others, planner, engine, span, daily_alerts=daily))
            update(len(found))
    return found


def _share(impacts: Sequence[Impact]) -> Share | None:
    """Return the largest part of the devices and of the events that the exclusion touches in any rule."""
    from fpctl.exclusions.risk.score import Share

    shares = [share for one in impacts if (share := one.share()) is not None]
    devices = [share.devices for share in shares if share.devices is not None]
    traffic = [share.traffic for share in shares if share.traffic is not None]
    return Share(max(devices, default=None), max(traffic, default=None)) if shares else None


def _exclusion(
    context: AppContext, id: str | None, rule: list[str] | None, given: Mapping[str, tuple[str, ...]]
) -> Exclusion:
    """Return the recorded exclusion, or what the options would make."""
    from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, checked

    if id is not None:
        if given:
            raise typer.BadParameter("give an ID, or fields of an exclusion that is not recorded yet; not both")
        (loaded,) = context.pick([id])
        return loaded.exclusion
    if not given:
        raise typer.BadParameter("give the ID of an exclusion, or fields such as --device build01 with --rule")
    if not rule:
        raise typer.BadParameter("an exclusion needs a rule: name it with --rule; * is all rules")
    narrow = is_narrow(given)
    expires = context.today + timedelta(days=DEFAULT_DAYS)
    draft = DraftExclusion(
        rules=tuple(rule), match=(given,), id="preview", status="draft", broad=not narrow, expires=expires
    )
    try:
        exclusion = checked(draft.text(), context.folder)[0].exclusion
    except DraftError as error:
        output.show_problems(error.problems)
        raise FpctlError("no preview: the exclusion has errors") from error
    return exclusion


def _cases(context: AppContext, exclusion: Exclusion, chosen: Sequence[LoadedRule]) -> list[CaseOutcome]:
    """Return the events that must fire and that the exclusion, alone, suppresses."""
    from fpctl.rules.test_cases import RuleTestCache
    from fpctl.tuning.guard import evaluate

    shelf, planner = RuleTestCache(), context.planner()
    found = [
        evaluate(loaded.rule, case, [(exclusion, True)], planner)
        for loaded in chosen
        for case in shelf.cases_of(loaded).must_fire()
    ]
    return [one for one in found if one.status == "suppressed"]


def _show(found: Previewed) -> None:
    exclusion = found.exclusion
    output.write(f"{output.visible(exclusion.id)} {output.visible(exclusion.title)}".rstrip() + "\n")
    output.write("risk " + "\n     ".join(output.visible(line) for line in risk_lines(found.risk)) + "\n")
    for case in found.cases:
        text = f"suppresses an event that must fire: {case.case.name} ({case.case.at})"
        output.write(output.coloured(output.visible(text), "error") + "\n")
    for one in found.impacts[:SHOWN_RULES]:
        show_impact(one)
    if len(found.impacts) > SHOWN_RULES:
        output.say(f"and {output.counted(len(found.impacts) - SHOWN_RULES, 'more rule')}: --format json shows all")


def _document(found: Previewed) -> dict[str, Any]:
    return {
        "exclusion": found.exclusion.id,
        "risk": found.risk.to_dict(),
        "rules": [_rule_document(one) for one in found.impacts],
        "suppressed": [{"rule": one.rule.id, "name": one.case.name, "at": str(one.case.at)} for one in found.cases],
    }


def _rule_document(one: Impact) -> dict[str, Any]:
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
