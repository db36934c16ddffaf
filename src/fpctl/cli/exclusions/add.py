"""`fpctl add`: record an exclusion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fpctl.cli.exclusions.add_options import AboutOptions, DetailOptions, MatchOptions, ReplyOptions, WindowOptions
from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.field_options import FieldOptions
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from fpctl.exclusions.drafts.draft import DraftExclusion
    from fpctl.exclusions.drafts.proposal import Proposals
    from fpctl.exclusions.exclusion_writer import NewExclusion
    from fpctl.execution.preview import Coverage
    from fpctl.repository.apply import RuleOutcome

SHOWN_PROPOSALS = 20

MAX_RESULT_BYTES = 256 * 1024 * 1024
"""A result is read whole; a larger one is better narrowed by the rule."""


def command(
    match: MatchOptions,
    fields: FieldOptions,
    window: WindowOptions,
    about: AboutOptions,
    details: DetailOptions,
    engine: options.EngineOptions,
    files: options.RepositoryFiles,
    reply: ReplyOptions,
) -> int:
    """Record an exclusion.

    Several values of one field are alternatives; different fields must all match. Every field option can be
    repeated, and @lists/name.txt reads the values from a list. If no field or no rule is given, fpctl asks for what
    is missing on a terminal; ? explains a question, < goes back. Before it writes anything, fpctl shows the file,
    the clause in the rule, and, if there is a data folder or an engine, what the exclusion would have suppressed in
    the last 14 days. Without a terminal and without --yes nothing is written, and the exit code is 2.

    --filter supports == != IN CONTAINS STARTSWITH ENDSWITH AND OR NOT and parentheses on the fields process.name,
    process.parent.name, process.command_line, process.executable, file.hash, file.path, host.name, url.domain,
    url.full, user.name, source.ip, destination.ip, destination.port and process.code_signature.subject_name. Field
    options are combined with it by AND.

    --from-result proposes exclusions from the devices, URLs, hashes, programs, accounts, applications and addresses
    in a result, such as the output of `fpctl run RULE --format csv`; --accept records them.

    Exit code 1: the exclusion cannot be placed in a rule that it names, could never match there, or suppresses an
    event that must fire. 2: it is invalid, or nobody confirmed.
    """
    from fpctl.exclusions.lifecycle import check_approver

    context = AppContext(files, "optional")
    base = _base(match, window, about, details, context.today)
    check_approver(base.approved_by or "", context.settings.policy.may_approve)
    lacking = not (match.filter or match.from_result) and not (fields.values and base.rules)
    if lacking and terminal.may_ask():
        asked = _asked(context, replace(base, match=(dict(fields.values),)), about, engine)
        return _record(context, [asked], engine, reply, previewed=True)
    drafts = _drafts(context, base, match, fields, reply.yes)
    if drafts is None:
        return EXIT_ERROR
    return _record(context, drafts, engine, reply)


def _base(
    match: MatchOptions, window: WindowOptions, about: AboutOptions, details: DetailOptions, today: date
) -> DraftExclusion:
    """Return a draft with all that the options say but the match."""
    from fpctl.exclusions.drafts.draft import DraftExclusion

    return DraftExclusion(
        rules=(*(match.rule or ()), *(match.rule_option or ())),
        match=(),
        id=details.id or "",
        title=details.title or "",
        scenario=match.scenario,
        window=window.window(),
        reason=about.reason,
        ticket=about.ticket,
        owner=about.owner,
        created=options.parse_day(about.created, "--created") if about.created is not None else today,
        expires=about.until(today),
        approved_by=about.approved_by,
        broad=details.broad,
        placement=details.placement,
        status=details.status,
        notes=details.notes,
        tags=tuple(details.tag or ()),
    )


def _drafts(
    context: AppContext, base: DraftExclusion, match: MatchOptions, fields: FieldOptions, yes: bool
) -> list[DraftExclusion] | None:
    """Return the drafts that the options, a filter, a result or the person's answers make; None if none is chosen."""
    base = replace(base, owner=base.owner or context.owner)
    if not fields.values and match.filter is None and match.from_result is None:
        hint = "give --device, --url or --hash, or two such as --account and --ip; on a terminal fpctl asks"
        raise FpctlError("there is nothing to match", None, hint)
    if not base.rules:
        raise FpctlError("an exclusion needs a rule", None, "name it: fpctl add RULE ...; '*' is all rules")
    if match.accept is not None and match.from_result is None:
        raise FpctlError("--accept needs the proposals of --from-result", None, "give --from-result too")
    if match.from_result is not None:
        if match.filter is not None:
            raise FpctlError("--filter and --from-result cannot be combined", None, "give one of them")
        return _proposed(context, base, match, fields, yes)
    if match.filter is not None:
        from fpctl.repository.recording import match_of_filter

        reading = match_of_filter(match.filter, "--filter", base, context.repository, context.today)
        for note in reading.notes:
            output.say(f"note: {note}")
        return [replace(base, match=reading.match).with_fields(fields.values)]
    given = fields.values if match.no_defaults else base.with_defaults(fields.values)
    return [replace(base, match=(given,))]


def _asked(
    context: AppContext, base: DraftExclusion, about: AboutOptions, engine: options.EngineOptions
) -> DraftExclusion:
    """Return the draft that a person's answers make; what it would do is shown before it is asked why."""
    from fpctl.cli.shared.effect import coverage_of, show_effect
    from fpctl.exclusions.drafts.draft import DraftError
    from fpctl.exclusions.drafts.wizard import FormSetting, run_wizard
    from fpctl.repository.recording import columns_for_rules, entries_of
    from fpctl.repository.single_exclusion import trial

    def preview(draft: DraftExclusion) -> str | None:
        try:
            (entry,) = entries_of([draft], context.repository, context.folder, context.today)
        except DraftError as error:
            output.show_problems(error.problems)
            return "Change an answer, or leave with Ctrl-C."
        outcomes = trial(entry.exclusion, context.repository.rules.rules, context.planner())
        show_effect(outcomes, coverage_of(context, entry.exclusion, outcomes, engine))
        if _unheld(context, entry, outcomes) or any(outcome.findings for outcome in outcomes):
            return "It cannot be placed in a rule that it names: change an answer, or leave with Ctrl-C."
        if _silences(context, entry, outcomes):
            return "It suppresses an event that must fire: change an answer, or leave with Ctrl-C."
        return None

    setting = FormSetting(
        rules=context.repository.rules,
        today=context.today,
        base=base,
        owner=context.owner,
        columns=cache(lambda rules: columns_for_rules(rules, context.repository, context.today)),
        preview=preview,
        expires_given=about.expires is not None,
    )
    return run_wizard(terminal.Terminal(), setting)


def _proposed(
    context: AppContext, base: DraftExclusion, match: MatchOptions, fields: FieldOptions, yes: bool
) -> list[DraftExclusion] | None:
    """Show what a result suggests, and return what is chosen of it."""
    from fpctl.exclusions.drafts.proposal import parse_choice
    from fpctl.files import read_text
    from fpctl.repository.recording import proposals_of_result

    source = match.from_result or "-"
    text = terminal.read_all() if source == "-" else read_text(Path(source), limit=MAX_RESULT_BYTES, utf16=True)
    name = "<stdin>" if source == "-" else source
    found = proposals_of_result(text, name, base, context.repository, context.today)
    for field, count in found.left_out.items():
        output.say(f"note: left out because no exclusion can match it: {output.counted(count, f'{field} value')}")
    accept = match.accept if match.accept is not None else _choice(found, yes)
    if accept is None:
        return None
    try:
        numbers = parse_choice(accept, len(found.proposals))
    except ValueError as error:
        raise FpctlError(f"--accept: {error}") from error
    if base.id and len(numbers) > 1:
        raise FpctlError("--id sets one id, but several proposals are chosen", None, "leave --id out")
    return [replace(base, match=(found.proposals[n - 1].match,)).with_fields(fields.values) for n in numbers]


def _choice(found: Proposals, yes: bool) -> str | None:
    """Show the proposals, and return which of them a person chooses; None for none."""
    shown = found.proposals[:SHOWN_PROPOSALS]
    lines = [(number, one.rows, one.text()) for number, one in enumerate(shown, 1)]
    output.show_table(["no", "rows", "match"], lines, right=["no", "rows"])
    if len(found.proposals) > len(shown):
        output.say(f"and {len(found.proposals) - len(shown):,} more that cover fewer rows")
    if yes or not terminal.may_ask():
        output.say("fpctl: no proposal was chosen; nothing was recorded\n  hint: choose with --accept 1,3")
        return None
    question = "Which ones? (1,3 or 2-4; empty for none)"
    accept = str(typer.prompt(question, default="", show_default=False, err=True))
    if accept.strip():
        return accept
    output.say("nothing was done")
    return None


@dataclass(frozen=True, slots=True)
class PreviewedExclusion:
    """An exclusion to be recorded, what it does to its rules, and what it would have suppressed, if that is known."""

    entry: NewExclusion
    outcomes: list[RuleOutcome]
    covered: Coverage | None


def _record(
    context: AppContext,
    drafts: list[DraftExclusion],
    engine: options.EngineOptions,
    reply: ReplyOptions,
    *,
    previewed: bool = False,
) -> int:
    """Check the drafts, show what they do, unless that was seen already, and write them if that is agreed."""
    from fpctl.cli.shared.effect import coverage_of, show_effect
    from fpctl.exclusions.drafts.draft import DraftError
    from fpctl.repository.recording import entries_of, remarks
    from fpctl.repository.single_exclusion import trial

    repository = context.repository
    try:
        entries = entries_of(drafts, repository, context.folder, context.today)
    except DraftError as error:
        if any(problem.code == "unknown-rule" for problem in error.problems):
            # The rule may exist and be broken.
            output.show_problems([one for one in repository.rules.problems if one.severity == "error"])
        output.show_problems(error.problems)
        if reply.format == "json":
            output.show_json(_document([], written=False), error.problems)
        output.say("fpctl: the exclusion was not recorded")
        return EXIT_ERROR
    effects: list[PreviewedExclusion] = []
    for entry in entries:
        outcomes = trial(entry.exclusion, repository.rules.rules, context.planner())
        covered = coverage_of(context, entry.exclusion, outcomes, engine) if not previewed else None
        effects.append(PreviewedExclusion(entry, outcomes, covered))
    refused = any(outcome.findings for one in effects for outcome in one.outcomes)
    for one in effects if reply.format == "text" else ():
        output.say(f"--- {one.entry.path}")
        output.write(output.visible_lines(one.entry.text))
        if not previewed:
            show_effect(one.outcomes, one.covered)
    unheld = [_unheld(context, one.entry, one.outcomes) for one in effects]
    refused |= any(unheld)
    silencing = [_silences(context, one.entry, one.outcomes) for one in effects] if not refused else []
    for entry in entries if not refused else ():
        output.show_problems(entry.warnings)
        for remark in remarks(entry.exclusion, repository.exclusions.exclusions):
            output.say(f"note: {remark}")
    if refused:
        output.say("fpctl: the exclusion cannot be placed in a rule that it names; it was not recorded")
        code = EXIT_FINDINGS
    elif any(silencing):
        output.say("fpctl: the exclusion suppresses an event that must fire; it was not recorded")
        code = EXIT_FINDINGS
    else:
        code = _written(context, entries, reply.yes)
    if reply.format == "json":
        problems = [problem for entry in entries for problem in entry.warnings]
        output.show_json(_document(effects, written=code == EXIT_OK), problems)
    return code


def _silences(context: AppContext, entry: NewExclusion, outcomes: Sequence[RuleOutcome]) -> bool:
    """Run the must-fire tests of the rules with an exclusion, say which it suppresses, and return whether it does."""
    from fpctl.rules.test_cases import RuleTestCache

    cache = RuleTestCache()
    cases = [
        (outcome.rule, case)
        for outcome in outcomes
        if outcome.status == "rewritten"
        for case in cache.cases_of(outcome.loaded).must_fire()
    ]
    if not cases:
        return False
    from fpctl.repository.single_exclusion import in_force
    from fpctl.tuning.guard import evaluate

    alone, planner = in_force(entry.exclusion), context.planner()
    found = False
    for rule, case in cases:
        if evaluate(rule, case, [(alone, True)], planner).status == "suppressed":
            output.say(
                output.visible_lines(f"{rule.path}: it suppresses an event that must fire: {case.name} ({case.at})")
            )
            found = True
    return found


def _unheld(context: AppContext, entry: NewExclusion, outcomes: Sequence[RuleOutcome]) -> bool:
    """Report the fields whose columns are missing in a rule that the exclusion names; return whether there are any."""
    from fpctl.repository.column_advice import never_matching

    found = never_matching(entry.exclusion, outcomes, context.planner())
    for outcome, field in found:
        output.say(output.visible_lines(f"{outcome.rule.path}: {field.message}\n  hint: {field.hint}"))
    return bool(found)


def _written(context: AppContext, entries: Sequence[NewExclusion], yes: bool) -> int:
    """Write the files if that is agreed, and return the exit code."""
    from fpctl.exclusions.completeness import lacking, words_for
    from fpctl.exclusions.exclusion_writer import write

    if not terminal.agreed(yes, f"write {', '.join(str(entry.path) for entry in entries)}", "Record it?"):
        return EXIT_ERROR

    def write_all() -> None:
        for entry in entries:
            write(entry)

    context.audit_log.record(write_all, "added", [entry.exclusion.id for entry in entries])
    for entry in entries:
        missing = lacking(entry.exclusion, context.settings.enforced)
        draft = f" as a draft: {words_for(missing)} yet" if missing and entry.exclusion.status == "draft" else ""
        output.say(f"recorded {entry.exclusion.id} in {entry.path}{draft}")
    return EXIT_OK


def _document(effects: Sequence[PreviewedExclusion], *, written: bool) -> dict[str, Any]:
    from fpctl.report.explanation import apply_to_dict

    return {
        "written": written,
        "exclusions": [
            {
                "id": one.entry.exclusion.id,
                "path": str(one.entry.path),
                "text": one.entry.text,
                "rules": [apply_to_dict(outcome) for outcome in one.outcomes],
                "coverage": one.covered.to_dict() if one.covered is not None else None,
            }
            for one in effects
        ],
    }
