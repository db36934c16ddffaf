"""`fpctl import`: what other systems keep, as files of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import exchange_commands as exchanging
from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def sentinel(
    file: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="ARM templates, portal exports, saved searches, query packs (JSON)."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write rules to.", show_default="the rules folder"),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that are there.")] = False,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Import rules of Microsoft Sentinel as YAML files, one a rule.

    Takes analytics rules, hunting queries and query packs; saved functions go to functions/. A file that is
    there already, and an id that another rule has, are left alone. Exit code 1: something was left out. 2: a
    file could not be read.
    """
    from fpctl.deployment.sentinel_import import read_sentinel_exports
    from fpctl.files import read_text, write_text
    from fpctl.rules.loader import load_rules
    from fpctl.settings import load_settings

    settings = load_settings(config)
    folder = out or settings.paths.rules
    found = read_sentinel_exports((str(path), read_text(path)) for path in file)
    known = {loaded.rule.id.lower(): loaded.path for loaded in load_rules(folder).rules} if folder.is_dir() else {}
    written: list[Path] = []
    left: list[str] = []
    for each in found.rules:
        path = folder / each.relative
        other = known.get(each.rule.id.lower()) if each.rule is not None else None
        if other is not None and not (replace and Path(other) == path):
            left.append(f"{each.rule.name if each.rule else ''}: a rule of the same id is there: {other}")
        elif path.exists() and not replace:
            left.append(f"{path} is there already")
        else:
            write_text(path, each.text)
            written.append(path)
    for each in found.functions:
        path = settings.paths.root / "functions" / each.relative
        if path.exists() and not replace:
            left.append(f"{path} is there already")
        else:
            write_text(path, each.text)
            written.append(path)
    if format == "json":
        output.show_json(
            {
                "written": [str(path) for path in written],
                "left_out": left,
                "notes": list(found.notes),
                "problems": [problem.to_dict() for problem in found.problems],
            }
        )
    else:
        for path in written:
            output.write(f"{path}\n")
    output.show_problems(found.problems)
    for note in found.notes:
        output.say(output.visible_lines(f"note: {note}"))
    for line in left:
        output.say(output.visible_lines(line))
    if left:
        output.say("  hint: --replace writes over a file that is there")
    output.say(f"{output.counted(len(written), 'file')} written")
    if any(problem.severity == "error" for problem in found.problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if left or found.problems else EXIT_OK


commands = {"sentinel": sentinel, **exchanging.commands}
