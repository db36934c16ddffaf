"""`fpctl tune`: propose exclusions for a noisy rule from its own events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.evidence.proposal_output import short, show_proposal
from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.engine.interface import Timespan
    from fpctl.exclusions.model import Exclusion
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.tuning.suggestion import ProposalCriteria, Suggestion, TuningResult


@dataclass(frozen=True, slots=True)
class ProposalOptions:
    """Which proposals are made, and which of them are recorded."""

    most: Annotated[int, typer.Option("--most", metavar="N", min=1, max=50, help="Maximum number of proposals.")] = 10
    least: Annotated[
        float,
        typer.Option(
            "--least",
            metavar="PERCENT",
            min=0.01,
            max=100.0,
            help="Minimum share of the events that a proposal must suppress, in percent.",
        ),
    ] = 1.0
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="1,3", help="Record these proposals as drafts, or all."),
    ] = None
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why the accepted proposals are benign.")
    ] = None
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="WHO", help="Owner of the drafts.", show_default="git's user.email"),
    ] = None
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="ID", help="Ticket or change number.")] = None


def command(
    rule: options.OneRule,
    look_back: options.LookBack,
    proposals: ProposalOptions,
    engine: options.EngineOptions,
    files: options.RepositoryFiles,
    format: options.TextFormat = "text",
) -> int:
    """Propose exclusions for a noisy rule, based on its events.

    Ranks what produces most of the events that the rule fires on, and proposes the smallest set of narrow
    exclusions that suppresses most of them. Each names a program together with a device, a URL or a hash, on
    devices that show the pattern regularly. Nothing is proposed that would suppress an event that must fire. The
    engine does the counting; only a sample of events is fetched.

    --accept records proposals as drafts for review and approval. On a terminal fpctl asks which proposal you want,
    shows the rule before and after (diff, events, result rows, tests, risk), asks for the reason, records it, and
    writes the tuned rule if somebody else has approved it.
    """
    context = AppContext(files, "optional")
    loaded = context.one_rule(rule)
    found = _suggested(context, loaded, look_back.timespan(context.now), proposals, engine)
    numbers = _numbers(proposals.accept, len(found.suggestions))
    guided = format == "text" and proposals.accept is None and bool(found.suggestions) and terminal.may_ask()
    if format == "text":
        _show(found, None if guided else [_clause(one, context, loaded) for one in found.suggestions])
    code, written = EXIT_OK, list[str]()
    if numbers:
        code, written = _accept(context, [found.suggestions[n - 1] for n in numbers], loaded, proposals)
    if format == "json":
        output.show_json(_document(found, written), context.repository.problems)
    elif found.suggestions and proposals.accept is None:
        if guided:
            output.show_problems(context.repository.problems)
            return _guided(context, loaded, found, proposals, engine, files)
        output.say("record some of them as drafts: --accept 1,2; look at one closely: fpctl preview")
    output.show_problems(context.repository.problems)
    return EXIT_ERROR if context.repository.broken else code


def _guided(
    context: AppContext,
    loaded: LoadedRule,
    found: TuningResult,
    proposals: ProposalOptions,
    engine: options.EngineOptions,
    files: options.RepositoryFiles,
) -> int:
    """Go through the proposals with the person at the terminal."""
    from fpctl.cli.evidence.guided_tuning import GuidedTuning
    from fpctl.exclusions.drafts.draft import DraftExclusion

    given = DraftExclusion(
        (loaded.rule.id,), (), reason=proposals.reason, owner=proposals.owner or context.owner, ticket=proposals.ticket
    )
    code = GuidedTuning(context, loaded, found, engine, files, terminal.Terminal(), given, []).run()
    return EXIT_ERROR if context.repository.broken else code


def _suggested(
    context: AppContext,
    loaded: LoadedRule,
    span: Timespan,
    proposals: ProposalOptions,
    engine: options.EngineOptions,
) -> TuningResult:
    from fpctl.repository.apply import applicable
    from fpctl.tuning.suggestion import suggest

    with context.engine(engine, span.end) as opened, output.progress("Looking for patterns", None) as update:
        return suggest(
            loaded.rule,
            applicable(loaded.rule, context.repository.active()),
            context.planner_for(opened, span),
            opened,
            span,
            replace(_criteria(context, loaded), most=proposals.most, least=proposals.least / 100),
            update,
        )


def _numbers(accept: str | None, count: int) -> tuple[int, ...]:
    from fpctl.exclusions.drafts.proposal import parse_choice

    if accept is None:
        return ()
    if not count:
        raise FpctlError("--accept: nothing is proposed")
    try:
        return parse_choice(accept, count)
    except ValueError as error:
        raise FpctlError(f"--accept: {error}") from error


def _criteria(context: AppContext, loaded: LoadedRule) -> ProposalCriteria:
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.rules.test_cases import RuleTestCache
    from fpctl.tuning.guard import evaluate
    from fpctl.tuning.suggestion import ProposalCriteria

    cases = RuleTestCache().cases_of(loaded).must_fire()
    planner = context.planner()

    def kept(exclusion: Exclusion) -> bool:
        alone = exclusion.model_copy(update={"status": "active", "created": None})
        return all(evaluate(loaded.rule, case, [(alone, True)], planner).status != "suppressed" for case in cases)

    return ProposalCriteria(
        shared_names(context.settings.policy.forbidden),
        context.settings.risk,
        frozenset({loaded.rule.id}) if cases else frozenset(),
        kept,
    )


def _accept(
    context: AppContext, chosen: Sequence[Suggestion], loaded: LoadedRule, proposals: ProposalOptions
) -> tuple[int, list[str]]:
    """Record proposals as drafts; return the exit code and the ids."""
    from fpctl.exclusions.drafts.draft import DraftError
    from fpctl.exclusions.exclusion_writer import write
    from fpctl.repository.recording import entries_of
    from fpctl.tuning.drafts import draft_of

    owner = proposals.owner or context.owner
    drafts = [
        replace(
            draft_of(one, loaded.rule.id, context.today),
            reason=proposals.reason,
            ticket=proposals.ticket,
            owner=owner,
        )
        for one in chosen
    ]
    try:
        entries = entries_of(drafts, context.repository, context.folder, context.today)
    except DraftError as error:
        output.show_problems(error.problems)
        return EXIT_ERROR, []

    def write_all() -> None:
        for entry in entries:
            write(entry)

    context.audit_log.record(write_all, "added", [entry.exclusion.id for entry in entries])
    for entry in entries:
        output.say(f"recorded {entry.exclusion.id} as a draft in {entry.path}; it is active once it is approved")
    return EXIT_OK, [entry.exclusion.id for entry in entries]


def _clause(one: Suggestion, context: AppContext, loaded: LoadedRule) -> str:
    """Return the clause of a proposal as it would be in the rule."""
    from fpctl.repository.single_exclusion import trial

    (outcome,) = trial(one.exclusion, [loaded], context.planner())
    insertions = outcome.tuned.plan.insertions if outcome.tuned is not None else ()
    return "; ".join(insertion.clause for insertion in insertions) or one.clause


def _show(found: TuningResult, clauses: Sequence[str] | None) -> None:
    """Print the ranking and the proposals; without `clauses` each is shown closer when it is chosen."""
    output.write(f"{output.visible(found.rule.name)} ({output.visible(found.rule.path)})\n")
    output.write(f"{found.span.start:%Y-%m-%d %H:%M} to {found.span.end:%Y-%m-%d %H:%M} UTC, as it is tuned now: ")
    output.write(f"{output.counted(found.rows, 'event')}, {output.counted(found.result_rows, 'result row')}\n")
    if not found.whole:
        output.write("the rule itself looks back less far: only events in its own period are seen\n")
    if found.ranking:
        output.write("\nWhat makes the noise\n")
        rows = [
            (field, short(one.value), one.rows, f"{one.rows / found.rows:.0%}", one.days)
            for field, values in found.ranking.items()
            for one in values[:3]
        ]
        output.show_table(["field", "value", "events", "share", "days"], rows, right=("events", "share", "days"))
    for number, one in enumerate(found.suggestions, 1):
        show_proposal(number, one, found, clauses[number - 1] if clauses is not None else None)
    if not found.suggestions:
        why = "no narrow pattern makes up enough of the events"
        if found.rows and not found.ranking:
            why = "no column that these events have is known to identify them\n  hint: say which column holds the "
            why += 'account, the device or the address: [fields.TABLE] account = ["Column"] in fpctl.toml'
        output.write(f"\nNothing is proposed: {why}\n")
        return
    events, rows_ = found.rows - found.rows_left, found.result_rows - found.result_rows_left
    share = f"{events / found.rows:.1%}" if found.rows else "0%"
    output.write(
        f"\nAll together: {events:,} of {found.rows:,} events ({share}) and {rows_:,} of "
        f"{found.result_rows:,} result rows are suppressed; {output.counted(found.rows_left, 'event')} left\n"
    )


def _document(found: TuningResult, written: Sequence[str]) -> dict[str, Any]:
    return {
        "rule": found.rule.id,
        "from": found.span.start,
        "to": found.span.end,
        "rows": found.rows,
        "rows_left": found.rows_left,
        "result_rows": found.result_rows,
        "result_rows_left": found.result_rows_left,
        "ranking": {
            field: [{"value": one.value, "rows": one.rows, "days": one.days} for one in values]
            for field, values in found.ranking.items()
        },
        "proposals": [_proposal(one, found) for one in found.suggestions],
        "recorded": list(written),
    }


def _proposal(one: Suggestion, found: TuningResult) -> dict[str, Any]:
    from fpctl.tuning.drafts import add_command, window_of

    return {
        "match": {field: list(values) for field, values in one.exclusion.match[0].fields().items()},
        "rows_removed": one.rows_removed,
        "rows_more": one.rows_more,
        "result_rows_removed": one.result_rows_removed,
        "devices": one.devices,
        "days": one.days,
        "days_share": round(one.days / found.days, 3) if one.days is not None else None,
        "rhythm": one.when.words,
        "risk": one.risk.to_dict(),
        "scenario": one.like.scenario,
        "scenario_reasons": list(one.like.reasons),
        "window": window_of(one.exclusion),
        "expires": one.exclusion.expires,
        "clause": one.clause,
        "sample": [_plain(row) for row in one.sample],
        "command": add_command(one),
    }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    simple = (str, int, float, bool, list, dict, type(None), datetime)
    return {name: value if isinstance(value, simple) else str(value) for name, value in row.items()}
