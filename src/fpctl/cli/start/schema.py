"""`fpctl schema`: what tables and functions planning knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_FINDINGS, EXIT_OK


def pull(
    files: options.RuleFiles,
    engine: options.EngineOptions,
    rule: options.Rules = None,
    external: Annotated[
        bool,
        typer.Option("--external", help="Fetch instead the lists that rules read from the web, into the data folder."),
    ] = False,
    target: options.TargetName = None,
    everything: Annotated[bool, typer.Option("--all", help="Also save tables that match the documentation.")] = False,
    format: options.TextFormat = "text",
) -> int:
    """Save a workspace's tables and saved functions in the repository.

    Tables that differ from the documentation go to schema/pulled.yaml, functions (Log Analytics) to functions/.
    Files that people wrote are kept. With --external the lists that rules read with `externaldata` are fetched instead,
    once, for tests and previews on the local engine. Exit code 1: something could not be pulled.
    """
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import open_engine
    from fpctl.inspection.pull import pull as store
    from fpctl.schema.tables import Tables

    context = AppContext(replace(files, target=target), "none")
    if external:
        return _external(context, engine, rule, format)
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


def _external(context: AppContext, engine: options.EngineOptions, rule: list[str] | None, format: str) -> int:
    import os
    from dataclasses import asdict

    from fpctl.errors import FpctlError
    from fpctl.inspection.external import external_addresses, pull_external

    folder = engine.data or context.settings.paths.data
    if folder is None:
        raise FpctlError(
            "there is no data folder to keep the lists in", None, "give --data FOLDER, or set `data` in [paths]"
        )
    addresses = external_addresses(loaded.rule.query for loaded in context.select(rule))
    done = pull_external(
        addresses, folder, context.now, os.environ, lambda one: output.say(output.visible_lines(f"fetching {one}"))
    )
    if format == "json":
        output.show_json({"external": [asdict(copy) for copy in done.copies], "left": done.left})
    for line in done.left:
        output.say(output.visible_lines(f"not fetched: {line}"))
    output.say(f"{output.counted(len(done.copies), 'list')} fetched into {folder / '.external'}")
    return EXIT_FINDINGS if done.left else EXIT_OK


commands = {"pull": pull}
