"""`fpctl strip`: take every clause out of rules again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_OK


def command(
    rule: options.Rules = None,
    rules: options.RulesFolder = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write every rule below DIR, under its path in the rules folder."),
    ] = None,
    config: options.ConfigFile = None,
) -> int:
    """Take every clause of fpctl out of rules: the exact inverse of `apply`, byte for byte.

    Without --out the base rules go to stdout.
    """
    from fpctl.cli.shared.context import rules_folder
    from fpctl.files import write_text
    from fpctl.repository.apply import base_files
    from fpctl.rules.loader import load_rules

    rule_set = load_rules(rules_folder(config, rules))
    files, kept, errors = base_files(rule_set.select(rule or []))
    for file in files:
        if out is not None:
            write_text(out / file.relative, file.text, durable=False)
        else:
            if len(files) > 1:
                output.say(f"--- {file.relative}")
            output.write(file.text)
    if out is not None:
        output.say(f"{output.counted(len(files), 'rule file')} written to {out}")
    elif not files:
        output.say("no rules")
    output.show_problems([*rule_set.problems, *kept])
    for error in errors:
        output.say(str(error))
    broken = any(problem.severity == "error" for problem in rule_set.problems)
    return EXIT_ERROR if broken or errors else EXIT_OK
