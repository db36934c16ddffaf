"""`fpctl schema`: what tables and functions planning knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_FINDINGS, EXIT_OK


def pull(
    files: options.Files,
    engine: options.EngineOptions,
    target: options.TargetName = None,
    everything: Annotated[bool, typer.Option("--all", help="Also save tables that match the documentation.")] = False,
    format: options.TextFormat = "text",
) -> int:
    """Save a workspace's tables and saved functions in the repository.

    Tables that differ from the documentation go to schema/pulled.yaml, functions (Log Analytics) to functions/.
    Files that people wrote are kept. Exit code 1: something could not be pulled.
    """
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import open_engine
    from fpctl.inspection.pull import pull as store
    from fpctl.schema.tables import Tables

    context = AppContext(replace(files, target=target), "none")
    settings = context.settings
    documented = Tables.packaged(settings.tables.environment)
    asked = EngineOptions(data=engine.data, now=context.now, tables=documented, credential=engine.credential)
    opened = open_engine(engine.engine or settings.engine.default, settings, asked)
    try:
        with output.progress("Reading the schema") as update:
            found = opened.schema(lambda done, _: update(done))
    finally:
        opened.close()
    tables = {table: columns for table, columns in found.tables.items() if columns}
    done = store(tables, found.functions, context.root, documented, everything=everything)
    if format == "json":
        output.show_json(
            {
                "tables": done.tables,
                "documented": done.documented,
                "functions": done.functions,
                "removed": [str(path) for path in done.removed],
                "left": done.left,
            }
        )
    for path in done.removed:
        output.say(f"{path} removed: the workspace no longer has it")
    for line in done.left:
        output.say(output.visible_lines(f"not pulled: {line}"))
    output.say(
        f"{output.counted(len(done.tables), 'table')} and {output.counted(len(done.functions), 'function')} pulled; "
        f"{output.counted(done.documented, 'table')} as documented"
    )
    return EXIT_FINDINGS if done.left else EXIT_OK


commands = {"pull": pull}
