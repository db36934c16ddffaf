"""Exclusions from and for other tools, for `fpctl import` and `fpctl export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.exclusion_commands import Book
    from fpctl.exchange.loss import Loss
    from fpctl.exclusions.exclusion_writer import NewExclusion

FORMATS = ("csv", "watchlist", "elastic", "sigma")

MAX_BYTES = 256 * 1024 * 1024
"""A file of another tool may be larger than one that a person wrote."""

File = Annotated[str, typer.Argument(metavar="FILE|-", help="The file; - reads stdin.")]
For = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="RULE", help="For this rule instead of those that the file names; see add."),
]
Owner = Annotated[
    str | None,
    typer.Option("--owner", metavar="WHO", help="Who answers for what has no owner.", show_default="git's user.email"),
]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=FIELD", help='What a column holds: "Server name=device"; may be repeated.'),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write the files there.", show_default="the exclusions folder"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the loss report there, as JSON.")]


def csv(
    file: File,
    rule: For = None,
    owner: Owner = None,
    column: Column = None,
    out: Out = None,
    dry_run: DryRun = False,
    report: Report = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Import exclusions from a table, as drafts.

    The table is one that fpctl export made, or any whose columns are named after fields; several values of
    a cell stand on lines of their own. Rows of one id are the alternatives of one exclusion.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return _take("csv", file, rule, owner, column, out, dry_run, report, rules, exclusions, config)


def watchlist(
    file: File,
    rule: For = None,
    owner: Owner = None,
    column: Column = None,
    out: Out = None,
    dry_run: DryRun = False,
    report: Report = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Import a Microsoft Sentinel watchlist as drafts.

    The watchlist is one that fpctl export made, one of Sentinel's templates, or any other with --column.
    All rows that name the same fields make one exclusion.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return _take("watchlist", file, rule, owner, column, out, dry_run, report, rules, exclusions, config)


def elastic(
    file: File,
    rule: For = None,
    owner: Owner = None,
    out: Out = None,
    dry_run: DryRun = False,
    report: Report = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Import an Elastic exception list (NDJSON) as drafts, one for each item.

    An item is left out if one of its entries cannot be said here: without it, it would match more. With
    --rule of a rule that reads one table, entries that no field can say become conditions on its columns.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return _take("elastic", file, rule, owner, None, out, dry_run, report, rules, exclusions, config)


def sigma(
    file: File,
    rule: For = None,
    owner: Owner = None,
    out: Out = None,
    dry_run: DryRun = False,
    report: Report = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Import Sigma filters (YAML) as drafts, one for each filter.

    A filter is left out if a part of it cannot be said here. With --rule of a rule that reads one table,
    conditions that no field can say become conditions on its columns.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return _take("sigma", file, rule, owner, None, out, dry_run, report, rules, exclusions, config)


commands = {"csv": csv, "watchlist": watchlist, "elastic": elastic, "sigma": sigma}


def _take(
    kind: str,
    file: str,
    rule: list[str] | None,
    owner: str | None,
    column: list[str] | None,
    out: Path | None,
    dry_run: bool,
    report: Path | None,
    rules: Path | None,
    exclusions: Path | None,
    config: Path | None,
) -> int:
    from fpctl.cli.shared.exclusion_commands import git_owner, open_book
    from fpctl.exchange.entries import entries_for
    from fpctl.exchange.format import ImportContext, format_of
    from fpctl.files import read_text
    from fpctl.repository.raw_columns import raw_columns

    book = open_book(config, rules, exclusions)
    name = "<stdin>" if file == "-" else file
    text = sys.stdin.read() if file == "-" else read_text(Path(file), limit=MAX_BYTES)
    chosen = book.repository.rules.select(rule) if rule else ()
    context = ImportContext(
        tuple(rule or ()),
        book.today,
        owner or git_owner(book.folder),
        _columns(column or []),
        raw_columns(chosen, book.repository.planner(book.today)) if chosen else None,
    )
    imported = format_of(kind).read(text, name, context)
    written = entries_for(imported.drafts, book.repository, out or book.folder, book.today)
    losses = sorted((*imported.losses, *written.losses), key=lambda loss: loss.line or 0)
    if dry_run:
        for entry in written.entries:
            output.say(f"--- {entry.path}")
            output.write(entry.text)
    elif written.entries:
        _write(book, written.entries, out, f"{kind} file {Path(name).name}")
    for entry in written.entries:
        output.show_problems(entry.warnings)
    said = _show_losses(losses, name, report)
    verb = "would be written" if dry_run else "written"
    output.say(f"{output.counted(len(written.entries), 'draft')} {verb}{f'; {said}' if said else ''}")
    if not written.entries and losses:
        return EXIT_ERROR if not imported.drafts else EXIT_FINDINGS
    return _exit_code(losses)


def _write(book: Book, entries: Sequence[NewExclusion], out: Path | None, source: str) -> None:
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.exclusions.exclusion_writer import write

    def write_all() -> None:
        for entry in entries:
            write(entry)

    if out is None or out.resolve() == book.folder.resolve():
        recorded(
            write_all, "imported", [entry.exclusion.id for entry in entries], known=book.repository.exclusions,
            folder=book.folder, settings=book.settings, now=book.now, reason=f"from the {source}",
        )  # fmt: skip
    else:
        write_all()
    for entry in entries:
        output.say(f"drafted {entry.exclusion.id} in {entry.path}")


def _columns(given: list[str]) -> dict[str, str]:
    from fpctl.fields.registry import NAMES
    from fpctl.spelling import did_you_mean

    found: dict[str, str] = {}
    for text in given:
        name, _, field = (part.strip() for part in text.rpartition("="))
        if not name:
            raise typer.BadParameter(f"{text!r} names no column: write --column 'Server name=device'")
        if field not in (*NAMES, "where"):
            raise FpctlError(f"--column: there is no field `{field}`", None, did_you_mean(field, NAMES, what="field"))
        found[name] = field
    return found


def _show_losses(losses: Sequence[Loss], path: str | None, report: Path | None) -> str:
    """Say on stderr what was lost, write the report if one is asked for, and return the losses in a few words."""
    for loss in losses:
        output.say(output.visible_lines(loss.text(path)))
    if report is not None:
        import json

        from fpctl.files import write_text

        data = {"file": path, "losses": [loss.to_dict() for loss in losses]}
        write_text(report, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    words = {"left-out": "left out", "wider": "wider than it was", "narrower": "narrower", "part": "in part"}
    counts = {kind: sum(loss.kind == kind for loss in losses) for kind in words}
    return ", ".join(f"{count:,} {words[kind]}" for kind, count in counts.items() if count)


def _exit_code(losses: Sequence[Loss]) -> int:
    """Return the exit code: parts that change nothing in what is suppressed, and less of it, are no finding."""
    return EXIT_FINDINGS if any(loss.kind in ("left-out", "wider") for loss in losses) else EXIT_OK


def give(
    ids: Sequence[str], kind: str, out: Path | None, report: Path | None, exclusions: Path | None, config: Path | None
) -> int:
    """Write exclusions in one of FORMATS to a file or stdout, say what was lost, and return the exit code."""
    from fpctl.cli.shared.exclusion_commands import open_exclusions, picked, show_errors
    from fpctl.exchange.format import format_of
    from fpctl.files import write_text

    known, _ = open_exclusions(config, exclusions)
    chosen = picked(known, ids) if ids else list(known.exclusions)
    exported = format_of(kind).write(chosen, options.now().date())
    if out is None:
        output.write(exported.text)
    else:
        write_text(out, exported.text)
    said = _show_losses(exported.losses, None, report)
    where = f" to {out}" if out is not None else ""
    output.say(f"{output.counted(len(exported.exclusions), 'exclusion')} written{where}{f'; {said}' if said else ''}")
    broken = show_errors(known)
    return EXIT_ERROR if broken else _exit_code(exported.losses)
