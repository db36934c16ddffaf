"""`fpctl import`: what other systems keep, as files of the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.exchange_commands import File, ImportOptions, TableImportOptions, import_exclusions
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK
from fpctl.exchange.formats import format_names

if TYPE_CHECKING:
    from fpctl.deployment.artifacts.rule_artifact import Target
    from fpctl.deployment.imported_rules import ImportedRules
    from fpctl.deployment.target import DeployedResource
    from fpctl.settings import PathSettings, Settings


EMPTY = '{"value": []}'
"""What a service without any rule answers."""


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


def sentinel(
    asked: RuleImportOptions,
    files: options.Files,
    file: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="ARM templates, portal exports, saved searches (JSON). Default: read from the workspace.",
        ),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Import rules from Microsoft Sentinel as YAML files, one per rule.

    Imports analytics rules, hunting queries and query packs. Saved functions go to functions/. Without a file,
    imports from the workspace in the settings. Existing files, and rules whose id is already in use, are skipped.
    Exit code 1: something was left out. 2: a file could not be read.
    """
    from fpctl.deployment.sentinel_import import read_sentinel_exports, workspace_text

    settings = AppContext(replace(files, target=asked.target), "none").settings
    if file:
        return _store(settings.paths, asked, read_sentinel_exports(_texts(file)), format)
    place, deployed = _deployed(settings, asked, "sentinel")
    text, others = workspace_text(deployed)
    found = _read(read_sentinel_exports, place, text)
    if others:
        searches = "1 saved search" if others == 1 else f"{others:,} saved searches"
        note = f"{searches} left out: neither hunting queries nor functions"
        found = replace(found, notes=(*found.notes, note))
    return _store(settings.paths, asked, found, format)


def defender(
    asked: RuleImportOptions,
    files: options.Files,
    file: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="Responses of Microsoft Graph's detectionRules (JSON). Default: read from the tenant."
        ),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Import custom detections from Defender XDR as JSON files, one per detection.

    A file keeps all properties of a detection, with its base query: fpctl's clauses are removed. A detection in the
    schema that Graph removed on 2026-10-01 is converted to the current schema, and a note lists the changes.
    Without a file, imports from the tenant. Existing files, and detections whose id is already in use, are skipped.
    Exit code 1: something was left out. 2: a file could not be read.
    """
    from fpctl.deployment.defender_import import detections_text, read_detections

    settings = AppContext(replace(files, target=asked.target), "none").settings
    if file:
        return _store(settings.paths, asked, read_detections(_texts(file)), format)
    place, deployed = _deployed(settings, asked, "defender")
    return _store(settings.paths, asked, _read(read_detections, place, detections_text(deployed)), format)


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


def _read(read: Callable[[list[tuple[str, str]]], ImportedRules], place: str, text: str) -> ImportedRules:
    """Return what is in a service's answer; having no rule at all is not a problem."""
    from fpctl.deployment.imported_rules import ImportedRules

    return ImportedRules((), (), ()) if text == EMPTY else read([(place, text)])


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

commands = {"sentinel": sentinel, "defender": defender, **{name: _importer(name) for name in format_names()}}
