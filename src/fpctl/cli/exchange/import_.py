"""`fpctl import`: what other systems keep, as files of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.exchange_commands import File, ImportOptions, TableImportOptions, import_exclusions
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

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


def csv(file: File, imported: TableImportOptions, files: options.RepositoryFiles) -> int:
    """Import exclusions from a table, as drafts.

    The table is one that fpctl export made, or any whose columns are named after fields; several values of a cell
    stand on lines of their own. Rows of one id are the alternatives of one exclusion.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return import_exclusions("csv", file, imported, files, imported.column or ())


def watchlist(file: File, imported: TableImportOptions, files: options.RepositoryFiles) -> int:
    """Import a Microsoft Sentinel watchlist as drafts.

    The watchlist is one that fpctl export made, one of Sentinel's templates, or any other with --column. All rows
    that name the same fields make one exclusion.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return import_exclusions("watchlist", file, imported, files, imported.column or ())


def elastic(file: File, imported: ImportOptions, files: options.RepositoryFiles) -> int:
    """Import an Elastic exception list (NDJSON) as drafts, one for each item.

    An item is left out if one of its entries cannot be expressed here: without it, it would match more. With --rule
    of a rule that reads one table, entries that no field can express become conditions on its columns.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return import_exclusions("elastic", file, imported, files)


def sigma(file: File, imported: ImportOptions, files: options.RepositoryFiles) -> int:
    """Import Sigma filters (YAML) as drafts, one for each filter.

    A filter is left out if a part of it cannot be expressed here. With --rule of a rule that reads one table,
    conditions that no field can express become conditions on its columns.

    Exit code 1: something was left out, or may suppress more than it did. 2: the file cannot be read.
    """
    return import_exclusions("sigma", file, imported, files)


commands = {"sentinel": sentinel, "csv": csv, "watchlist": watchlist, "elastic": elastic, "sigma": sigma}
