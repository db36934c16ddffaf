"""`fpctl import`: what other systems keep, as files of the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.exchange_commands import File, ImportOptions, TableImportOptions, import_exclusions
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK
from fpctl.exchange.formats import format_names

if TYPE_CHECKING:
    from fpctl.deployment.sentinel_import import SentinelImport


def sentinel(
    file: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="ARM templates, portal exports, saved searches, query packs (JSON)."),
    ],
    files: options.Files,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write rules to.", show_default="the rules folder"),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that exist.")] = False,
    format: options.TextFormat = "text",
) -> int:
    """Import rules of Microsoft Sentinel as YAML files, one per rule.

    Takes analytics rules, hunting queries and query packs; saved functions go to functions/. A file that exists
    already, and an id that another rule has, are left alone. Exit code 1: something was left out. 2: a file could
    not be read.
    """
    from fpctl.deployment.sentinel_import import read_sentinel_exports, store
    from fpctl.files import read_text

    paths = AppContext(files, "none").settings.paths
    found = read_sentinel_exports((str(path), read_text(path)) for path in file)
    written, left = store(found, out or paths.rules, paths.root / "functions", replace=replace)
    if format == "json":
        output.show_json(_document(found, written, left))
    else:
        for path in written:
            output.write(f"{output.visible(str(path))}\n")
    output.show_problems(found.problems)
    for note in found.notes:
        output.say(output.visible_lines(f"note: {note}"))
    for line in left:
        output.say(output.visible_lines(line))
    if left:
        output.say("  hint: --replace overwrites a file that exists")
    output.say(f"{output.counted(len(written), 'file')} written")
    if any(problem.severity == "error" for problem in found.problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if left or found.problems else EXIT_OK


def _document(found: SentinelImport, written: list[Path], left: list[str]) -> dict[str, object]:
    return {
        "written": [str(path) for path in written],
        "left_out": left,
        "notes": list(found.notes),
        "problems": [problem.to_dict() for problem in found.problems],
    }


def _importer(name: str) -> Callable[..., int]:
    """Return the command that imports a format, made of what the format says of itself."""
    from fpctl.exchange.format import format_of

    about = format_of(name).DESCRIPTION

    def table(file: File, imported: TableImportOptions, files: options.RepositoryFiles) -> int:
        return import_exclusions(name, file, imported, files, imported.column or ())

    def items(file: File, imported: ImportOptions, files: options.RepositoryFiles) -> int:
        return import_exclusions(name, file, imported, files)

    command: Callable[..., int] = table if about.columns else items
    command.__name__ = name
    command.__doc__ = f"{about.help}\n\n{_EXIT_CODES}"
    return command


_EXIT_CODES = "Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read."

commands = {"sentinel": sentinel, **{name: _importer(name) for name in format_names()}}
