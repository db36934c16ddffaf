"""`fpctl init`: set up a repository of rules and exclusions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_OK


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Root folder of the repository.", show_default="the current folder"),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Set up a repository for rules and exclusions.

    Creates the folders, a commented fpctl.toml, a pre-commit hook (for pre-commit and for plain git), a GitHub
    Actions workflow, a .gitignore, and JSON Schemas that let editors complete the keys of rule and exclusion files.
    Existing files are never overwritten. To get new schemas after an update of fpctl, delete .fpctl/schemas and run the
    command again.
    """
    from fpctl.repository.scaffold import scaffold

    root = folder or Path()
    made = scaffold(root)
    if format == "json":
        output.show_json(
            {
                "folder": str(root),
                "written": list(made.written),
                "kept": list(made.kept),
                "unignored": list(made.unignored),
            }
        )
        return EXIT_OK
    for path in made.written:
        output.write(f"wrote {output.visible(str(root / path))}\n")
    for path in made.kept:
        output.write(f"kept  {output.visible(str(root / path))} (already exists)\n")
    if made.unignored:
        output.say(f"note: .gitignore already exists; add to it: {', '.join(made.unignored)}")
    if made.written:
        output.say(
            "next: put rules into rules/, then fpctl tune RULE or fpctl add RULE; "
            "enable the hook with git config core.hooksPath .githooks"
        )
    return EXIT_OK
