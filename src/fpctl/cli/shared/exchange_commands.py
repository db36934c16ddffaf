"""Exclusions from and for other tools, for `fpctl import` and `fpctl export`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError
from fpctl.exchange.formats import format_names

if TYPE_CHECKING:
    from fpctl.exchange.loss import Loss
    from fpctl.exclusions.exclusion_writer import NewExclusion

FORMATS = format_names()

ALL_STATES = "csv"
"""The format that has every exclusion with its status; the others have those that are active."""

SHOWN = 5
"""Ids that are named."""

MAX_BYTES = 256 * 1024 * 1024
"""A file of another tool may be larger than one that a person wrote."""

File = Annotated[str, typer.Argument(metavar="FILE|-", help="File to import, or - for stdin.")]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write what was lost to this file, as JSON.")
]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """For which rules, whose, and where the files go."""

    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="Rule to use instead of those in the file; same as for add."),
    ] = None
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner",
            metavar="WHO",
            help="Owner of exclusions without one in the file.",
            show_default="git's user.email",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder to write the files to.", show_default="the exclusions folder"
        ),
    ] = None
    dry_run: options.DryRun = False
    report: Report = None
    format: options.TextFormat = "text"


@dataclass(frozen=True, slots=True)
class TableImportOptions(ImportOptions):
    """The same for a table, whose columns may need names."""

    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="NAME=FIELD", help='Field in a column, such as "Server name=device"; can be repeated.'
        ),
    ] = None


def import_exclusions(
    kind: str, file: str, asked: ImportOptions, files: options.Files, column: Sequence[str] = ()
) -> int:
    """Read a file of another tool, write its exclusions as drafts, report what was lost, and return the exit code.

    Args:
        kind: one of FORMATS.
        file: its path, or `-` for stdin.
        column: what columns of a table hold, each as `NAME=FIELD`.
    """
    from fpctl.exchange.entries import entries_for
    from fpctl.exchange.format import ImportContext, format_of
    from fpctl.files import read_text
    from fpctl.repository.raw_columns import raw_columns

    context = AppContext(files, "optional")
    repository = context.repository
    name = "<stdin>" if file == "-" else file
    text = sys.stdin.read() if file == "-" else read_text(Path(file), limit=MAX_BYTES, utf16=True)
    chosen = context.select(asked.rule) if asked.rule else ()
    import_context = ImportContext(
        tuple(asked.rule or ()),
        context.today,
        asked.owner or context.owner,
        _columns(column),
        raw_columns(chosen, context.planner()) if chosen else None,
    )
    imported = format_of(kind).read(text, name, import_context)
    written = entries_for(imported.drafts, repository, asked.out or context.folder, context.today)
    losses = sorted((*imported.losses, *written.losses), key=lambda loss: loss.line or 0)
    if asked.dry_run:
        for entry in written.entries if asked.format == "text" else ():
            output.say(f"--- {entry.path}")
            output.write(output.visible_lines(entry.text))
    elif written.entries:
        _write(context, written.entries, asked.out, f"{kind} file {Path(name).name}")
    for entry in written.entries:
        output.show_problems(entry.warnings)
    summary = _show_losses(losses, name, asked.report)
    if asked.format == "json":
        document = {**_document(written.entries, losses, asked), "present": list(written.present)}
        output.show_json(document, [p for e in written.entries for p in e.warnings])
    verb = "would be written" if asked.dry_run else "written"
    parts = [f"{output.counted(len(written.entries), 'draft')} {verb}"]
    if written.present:
        are = "is" if len(written.present) == 1 else "are"
        parts.append(f"{len(written.present):,} {are} recorded already ({_some(written.present)})")
    output.say("; ".join([*parts, *([summary] if summary else [])]))
    if not written.entries and losses:
        return EXIT_ERROR if not imported.drafts else EXIT_FINDINGS
    return _exit_code(losses)


def _some(ids: Sequence[str]) -> str:
    """Return a few ids."""
    different = list(dict.fromkeys(ids))
    more = f" and {len(different) - SHOWN:,} more" if len(different) > SHOWN else ""
    return ", ".join(different[:SHOWN]) + more


def _document(entries: Sequence[NewExclusion], losses: Sequence[Loss], asked: ImportOptions) -> dict[str, Any]:
    return {
        "exclusions": [
            {"id": one.exclusion.id, "file": str(one.path), "text": one.text, "written": not asked.dry_run}
            for one in entries
        ],
        "losses": [loss.to_dict() for loss in losses],
    }


def _write(context: AppContext, entries: Sequence[NewExclusion], out: Path | None, source: str) -> None:
    from fpctl.exclusions.exclusion_writer import write

    def write_all() -> None:
        for entry in entries:
            write(entry)

    if out is None or out.resolve() == context.folder.resolve():
        ids = [entry.exclusion.id for entry in entries]
        context.audit_log.record(write_all, "imported", ids, reason=f"from the {source}")
    else:
        write_all()
    for entry in entries:
        output.say(f"drafted {entry.exclusion.id} in {entry.path}")


def _columns(given: Sequence[str]) -> dict[str, str]:
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
    """Report on stderr what was lost, write the report if one is asked for, and return the losses in a few words."""
    for loss in losses:
        output.say(output.visible_lines(loss.text(path)))
    if report is not None:
        import json

        from fpctl.files import write_text

        data = {"file": path, "losses": [loss.to_dict() for loss in losses]}
        write_text(report, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    words = {"left-out": "left out", "wider": "wider than before", "narrower": "narrower", "part": "in part"}
    counts = {kind: sum(loss.kind == kind for loss in losses) for kind in words}
    return ", ".join(f"{count:,} {words[kind]}" for kind, count in counts.items() if count)


def _exit_code(losses: Sequence[Loss]) -> int:
    """Return the exit code: parts that change nothing in what is suppressed, and less of it, are not a finding."""
    return EXIT_FINDINGS if any(loss.kind in ("left-out", "wider") for loss in losses) else EXIT_OK


def export_exclusions(
    context: AppContext, ids: Sequence[str], kind: str | None, out: Path | None, report: Path | None
) -> int:
    """Write exclusions in one of FORMATS to a file or stdout, report what was lost, and return the exit code."""
    from fpctl.exchange.format import format_of
    from fpctl.exclusions.completeness import in_effect
    from fpctl.files import write_text

    chosen = context.pick(ids) if ids else list(context.exclusions.exclusions)
    name = kind or FORMATS[0]
    if name != ALL_STATES:
        policy = context.settings.enforced
        chosen = [replace(one, exclusion=in_effect(one.exclusion, policy)) for one in chosen]
    exported = format_of(name).write(chosen, context.today)
    if out is None:
        output.write(exported.text)
    else:
        write_text(out, exported.text)
    summary = _show_losses(exported.losses, None, report)
    where = f" to {out}" if out is not None else ""
    count = output.counted(len(exported.exclusions), "exclusion")
    output.say(f"{count} written{where}{f'; {summary}' if summary else ''}")
    errors = [problem for problem in context.exclusions.problems if problem.severity == "error"]
    output.show_problems(errors)
    return EXIT_ERROR if errors else _exit_code(exported.losses)
