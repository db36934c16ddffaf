"""`fpctl add`: record an exclusion."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.exclusion_commands import Book
    from fpctl.exclusions.drafts.draft import DraftExclusion
    from fpctl.exclusions.exclusion_writer import NewExclusion
    from fpctl.execution.preview import Coverage
    from fpctl.repository.apply import RuleOutcome

Values = list[str] | None

SHOWN_PROPOSALS = 20

MAX_RESULT_BYTES = 256 * 1024 * 1024
"""A result is read whole; a larger one is better narrowed by the rule."""


def _field(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar="VALUE", help=text)


def command(
    rule: Annotated[
        Values,
        typer.Option(
            "--rule",
            metavar="RULE",
            autocompletion=completion.rule_names,
            help="For this rule: id, name, path, glob, tag:x, technique:x, table:x.",
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="ID",
            autocompletion=completion.scenario_ids,
            help="The documented scenario; its narrowing defaults apply.",
        ),
    ] = None,
    device: Annotated[Values, _field("device", "Host name; build01 also matches build01.contoso.com.")] = None,
    url: Annotated[Values, _field("url", "Domain (its subdomains too) or URL (everything below its path).")] = None,
    hash: Annotated[Values, _field("hash", "MD5, SHA-1 or SHA-256 of a file or process.")] = None,
    process: Annotated[Values, _field("process", "File name of the process.")] = None,
    parent_process: Annotated[Values, _field("parent-process", "File name of what started it.")] = None,
    command_line: Annotated[Values, _field("command-line", "Text that the command line contains.")] = None,
    path: Annotated[Values, _field("path", "Full path of a file or folder; everything below it too.")] = None,
    account: Annotated[Values, _field("account", "name, DOMAIN\\name, user@domain or SID.")] = None,
    ip: Annotated[Values, _field("ip", "Address or CIDR.")] = None,
    signer: Annotated[Values, _field("signer", "Name in the code-signing certificate.")] = None,
    port: Annotated[Values, _field("port", "Port number.")] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="KQL", help="A KQL condition that must hold too.")
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help='The match in the documented notation, such as process.name IN ("a.exe", "b.exe").',
        ),
    ] = None,
    from_result: Annotated[
        str | None,
        typer.Option(
            "--from-result",
            metavar="FILE|-",
            help="Propose exclusions from rows of the rule's output (JSON, JSONL, CSV).",
        ),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="1,3", help="Which of the proposals to record; all for all of them."),
    ] = None,
    weekly: Annotated[
        Values, typer.Option("--weekly", metavar="HOURS", help="Only then: 'sun 02:00-04:00', 'mon-fri 22:00-06:00'.")
    ] = None,
    interval: Annotated[
        Values, typer.Option("--interval", metavar="SPAN", help="Only then: '2026-12-24 18:00/2026-12-27 06:00'.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Of these times: Europe/Rome.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why this is benign.")] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="WHO", help="Who answers for it.", show_default="git's user.email")
    ] = None,
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="ID", help="Ticket or change number.")] = None,
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="DATE|90d", help="First day on which it no longer holds; never for none."),
    ] = "90d",
    created: Annotated[
        str | None, typer.Option("--created", metavar="DATE", help="First day on which it holds.", show_default="today")
    ] = None,
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", metavar="WHO", help="Who has approved it; not the owner.")
    ] = None,
    broad: Annotated[
        bool, typer.Option("--broad", help="Allow a match without device, URL and hash; needs an approval.")
    ] = False,
    placement: Annotated[
        Literal["auto", "source", "result"] | None, typer.Option("--placement", help="Where the clause goes.")
    ] = None,
    status: Annotated[
        Literal["active", "draft", "shadow"], typer.Option("--status", help="draft waits for an approval.")
    ] = "active",
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="A line that says what it is.")] = None,
    notes: Annotated[str | None, typer.Option("--notes", metavar="TEXT", help="Anything else to know.")] = None,
    tag: Annotated[Values, typer.Option("--tag", metavar="WORD", help="A tag; may be given several times.")] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id.", show_default="fp-YEAR-eight random characters")
    ] = None,
    no_defaults: Annotated[
        bool, typer.Option("--no-defaults", help="Leave out the scenario's narrowing defaults.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Record without a question.")] = False,
    data: options.DataFolder = None,
    engine: options.EngineName = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Record an exclusion.

    The values of one field are alternatives, different fields must all match, and every option of a
    field may be given several times; @lists/name.txt takes the values from a list. Without any field,
    on a terminal, fpctl asks. Before anything is written it shows the file, the clause in the rule's
    text, and, with a data folder or an engine, what the exclusion would have taken out in the last 14
    days. Without a terminal and without --yes nothing is written, and the exit code is 2.

    --filter understands == != IN CONTAINS STARTSWITH ENDSWITH AND OR NOT and brackets on the fields
    process.name, process.parent.name, process.command_line, process.executable, file.hash, file.path,
    host.name, url.domain, url.full, user.name, source.ip, destination.ip, destination.port and
    process.code_signature.subject_name. Options of fields are joined to it with AND.

    --from-result proposes exclusions from the devices, URLs, hashes and programs in a result; --accept
    says which.

    Exit code 1: the exclusion cannot be placed in a rule that it names. 2: it is refused, or not confirmed.
    """
    from fpctl.cli.shared.exclusion_commands import open_book
    from fpctl.exclusions.drafts.draft import DraftExclusion
    from fpctl.exclusions.expiry import parse_until

    book = open_book(config, rules, exclusions)
    fields = _given(
        device=device, url=url, hash=hash, process=process, parent_process=parent_process, command_line=command_line,
        path=path, account=account, ip=ip, signer=signer, port=port, where=None if where is None else [where],
    )  # fmt: skip
    window = {"weekly": weekly, "intervals": interval, "timezone": timezone}
    base = DraftExclusion(
        rules=tuple(rule or ()),
        match=(),
        id=id or "",
        title=title or "",
        scenario=scenario,
        window={key: value for key, value in window.items() if value} or None,
        reason=reason,
        ticket=ticket,
        owner=owner,
        created=options.parse_day(created, "--created") if created is not None else book.today,
        expires=None if expires.strip().lower() == "never" else parse_until(expires, book.today),
        approved_by=approved_by,
        broad=broad,
        placement=placement,
        status=status,
        notes=notes,
        tags=tuple(tag or ()),
    )
    drafts = _drafts(book, base, fields, filter, from_result, accept, yes, no_defaults)
    if drafts is None:
        return EXIT_ERROR
    return _record(book, drafts, yes, data, engine, format)


def _given(**fields: Values) -> dict[str, tuple[str, ...]]:
    return {field: tuple(values) for field, values in fields.items() if values is not None}


def _drafts(
    book: Book,
    base: DraftExclusion,
    fields: Mapping[str, tuple[str, ...]],
    filter: str | None,
    from_result: str | None,
    accept: str | None,
    yes: bool,
    no_defaults: bool,
) -> list[DraftExclusion] | None:
    """Return the drafts that the options, a filter, a result or the person's answers make; None if none is chosen."""
    from fpctl.cli.shared.exclusion_commands import Terminal, git_owner, may_ask

    owner = base.owner or git_owner(book.folder)
    if not fields and filter is None and from_result is None:
        if not may_ask():
            hint = "give --device, --url or --hash (or --filter, --from-result); on a terminal fpctl asks"
            raise FpctlError("there is nothing to match", None, hint)
        from fpctl.exclusions.drafts.wizard import run_wizard

        asked = run_wizard(Terminal(), book.repository.rules, book.today, owner)
        return [replace(asked, id=base.id, title=base.title, status=base.status, approved_by=base.approved_by)]
    if not base.rules:
        raise FpctlError("an exclusion is for a rule", None, "name it with --rule; * is all rules")
    if accept is not None and from_result is None:
        raise FpctlError("--accept chooses among the proposals of --from-result", None, "give --from-result too")
    base = replace(base, owner=owner)
    if from_result is not None:
        if filter is not None:
            raise FpctlError("--filter and --from-result both say what to match", None, "give one of them")
        return _proposed(book, base, fields, from_result, accept, yes)
    if filter is not None:
        from fpctl.repository.recording import match_of_filter

        reading = match_of_filter(filter, "--filter", base, book.repository, book.today)
        for note in reading.notes:
            output.say(f"note: {note}")
        return [replace(base, match=reading.match).with_fields(fields)]
    return [replace(base, match=(fields if no_defaults else base.with_defaults(fields),))]


def _proposed(
    book: Book,
    base: DraftExclusion,
    fields: Mapping[str, tuple[str, ...]],
    source: str,
    accept: str | None,
    yes: bool,
) -> list[DraftExclusion] | None:
    """Show what a result suggests, and return what is chosen of it."""
    from fpctl.cli.shared.exclusion_commands import may_ask
    from fpctl.exclusions.drafts.proposal import parse_choice
    from fpctl.files import read_text
    from fpctl.repository.recording import proposals_of_result

    text = sys.stdin.read() if source == "-" else read_text(Path(source), limit=MAX_RESULT_BYTES)
    found = proposals_of_result(text, "<stdin>" if source == "-" else source, base, book.repository, book.today)
    for field, count in found.left_out.items():
        output.say(f"note: left out, because no exclusion can name it: {output.counted(count, f'{field} value')}")
    shown = found.proposals[:SHOWN_PROPOSALS] if accept is None else found.proposals
    lines = [(number, one.rows, one.text()) for number, one in enumerate(shown, 1)]
    if accept is None:
        output.show_table(["no", "rows", "match"], lines, right=["no", "rows"])
        if len(found.proposals) > len(shown):
            output.say(f"and {len(found.proposals) - len(shown):,} more that name fewer rows")
        if yes or not may_ask():
            output.say("fpctl: nothing is chosen, nothing was done\n  hint: say which with --accept 1,3")
            return None
        accept = typer.prompt("Which of them? (1,3 or 2-4; empty for none)", default="", show_default=False, err=True)
        if not accept.strip():
            output.say("nothing was done")
            return None
    try:
        numbers = parse_choice(accept, len(found.proposals))
    except ValueError as error:
        raise FpctlError(f"--accept: {error}") from error
    if base.id and len(numbers) > 1:
        raise FpctlError("--id names one exclusion, and several proposals are chosen", None, "leave --id out")
    return [replace(base, match=(found.proposals[number - 1].match,)).with_fields(fields) for number in numbers]


def _record(
    book: Book, drafts: list[DraftExclusion], yes: bool, data: Path | None, engine: str | None, format: str
) -> int:
    """Check the drafts, show what they do, and write them if that is agreed."""
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.cli.shared.exclusion_commands import agreed, coverage_of, show_effect
    from fpctl.exclusions.drafts.draft import DraftError
    from fpctl.exclusions.exclusion_writer import write
    from fpctl.repository.recording import entries_of, remarks
    from fpctl.repository.single_exclusion import trial

    try:
        entries = entries_of(drafts, book.repository, book.folder, book.today)
    except DraftError as error:
        if any(problem.code == "unknown-rule" for problem in error.problems):
            # The rule may be there and broken.
            output.show_problems([one for one in book.repository.rules.problems if one.severity == "error"])
        output.show_problems(error.problems)
        output.say("fpctl: the exclusion was not recorded")
        return EXIT_ERROR
    effects: list[tuple[NewExclusion, list[RuleOutcome], Coverage | None]] = []
    for entry in entries:
        outcomes = trial(entry.exclusion, book.repository.rules.rules, book.repository.planner(book.today))
        effects.append((entry, outcomes, coverage_of(book, entry.exclusion, outcomes, data, engine)))
    refused = any(outcome.findings for _, outcomes, _ in effects for outcome in outcomes)
    for entry, outcomes, covered in effects if format == "text" else ():
        output.say(f"--- {entry.path}")
        output.write(entry.text)
        show_effect(outcomes, covered)
    for entry, _, _ in effects if not refused else ():
        output.show_problems(entry.warnings)
        for remark in remarks(entry.exclusion, book.repository.exclusions.exclusions):
            output.say(f"note: {remark}")
    code = EXIT_OK
    if refused:
        output.say("fpctl: the exclusion cannot be placed in a rule that it names; it was not recorded")
        code = EXIT_FINDINGS
    elif not agreed(yes, f"write {', '.join(str(entry.path) for entry in entries)}", "Record it?"):
        code = EXIT_ERROR
    else:

        def write_all() -> None:
            for entry in entries:
                write(entry)

        recorded(
            write_all, "added", [entry.exclusion.id for entry in entries],
            known=book.repository.exclusions, folder=book.folder, settings=book.settings, now=book.now,
        )  # fmt: skip
        for entry in entries:
            output.say(f"recorded {entry.exclusion.id} in {entry.path}")
    if format == "json":
        output.show_json(_document(effects, written=code == EXIT_OK))
    return code


def _document(
    effects: list[tuple[NewExclusion, list[RuleOutcome], Coverage | None]], *, written: bool
) -> dict[str, Any]:
    from fpctl.cli.shared.exclusion_commands import coverage_to_dict
    from fpctl.report.explanation import apply_to_dict

    return {
        "written": written,
        "exclusions": [
            {
                "id": entry.exclusion.id,
                "path": str(entry.path),
                "text": entry.text,
                "rules": [apply_to_dict(outcome) for outcome in outcomes],
                "coverage": coverage_to_dict(covered),
            }
            for entry, outcomes, covered in effects
        ],
    }
