"""`fpctl import`: what other systems keep, as files of the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.exchange_commands import File, ImportOptions, TableImportOptions, import_exclusions
from fpctl.deployment.importers import importer_names
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK
from fpctl.exchange.formats import format_names

if TYPE_CHECKING:
    from fpctl.deployment.artifacts.rule_artifact import Target
    from fpctl.deployment.imported_rules import ImportedRules
    from fpctl.deployment.target import DeployedResource
    from fpctl.settings import PathSettings, Settings


@dataclass(frozen=True, slots=True)
class RuleImportOptions:
    """Where the files of rules go."""

    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write rules to.", show_default="the rules folder"),
    ] = None
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite existing files.")] = False
    target: options.TargetName = None
    credential: options.Credential = None


def _rule_importer(name: str) -> Callable[..., int]:
    """Return the command that imports rules, made of what the importer says of itself."""
    from fpctl.deployment.importers import importer_of

    about = importer_of(name).DESCRIPTION

    def command(
        asked: RuleImportOptions, files: options.Files, file: Any = None, format: options.TextFormat = "text"
    ) -> int:
        importer = importer_of(name)
        settings = AppContext(replace(files, target=asked.target), "none").settings
        if file:
            return _store(settings.paths, asked, importer.read_files(_texts(file)), format)
        if about.service is None:
            raise typer.BadParameter("name the files to import")
        place, deployed = _deployed(settings, asked, about.service)
        return _store(settings.paths, asked, importer.read_service(place, deployed), format)

    argument = typer.Argument(metavar="FILE", help=about.files)
    command.__annotations__["file"] = Annotated[list[Path] | None, argument]
    command.__name__ = name
    command.__doc__ = about.help
    return command


def _texts(paths: list[Path]) -> Iterator[tuple[str, str]]:
    from fpctl.files import read_text

    return ((str(path), read_text(path)) for path in paths)


def _deployed(settings: Settings, asked: RuleImportOptions, target: Target) -> tuple[str, list[DeployedResource]]:
    """Return what a service has, and its name for messages."""
    from fpctl.deployment.connection import connect

    service = connect(settings, asked.credential, target=target)
    try:
        with output.progress("Reading the rules"):
            there = service.all()
        return service.id, [there[key] for key in sorted(there)]
    finally:
        service.close()


def _store(paths: PathSettings, asked: RuleImportOptions, found: ImportedRules, format: str) -> int:
    """Write the files, say what was left out, and return the exit code."""
    from fpctl.deployment.imported_rules import store

    written, left = store(found, asked.out or paths.rules, paths.root / "functions", replace=asked.replace)
    if format == "json":
        output.show_json(_document(found, written, left), found.problems)
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


def _document(found: ImportedRules, written: list[Path], left: list[str]) -> dict[str, object]:
    return {
        "written": [str(path) for path in written],
        "left_out": left,
        "notes": list(found.notes),
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


_EXIT_CODES = "Exit code 1: something was left out, or may suppress more than before. 2: the file could not be read."

commands = {
    # Rules first, Sentinel's before the others.
    **{name: _rule_importer(name) for name in sorted(importer_names(), key=lambda name: (name != "sentinel", name))},
    **{name: _importer(name) for name in format_names()},
}
