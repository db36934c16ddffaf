"""`fpctl strip`: remove every clause of fpctl from rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK


def command(
    files: options.RuleFiles,
    rule: options.Rules = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write every rule to DIR, under its path in the rules folder."),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Remove fpctl's clauses from rules: the exact inverse of `apply`, byte for byte.

    Without --out, the base rules go to stdout.
    """
    from fpctl.files import write_inside
    from fpctl.repository.apply import base_files

    rule_set = AppContext(files, "none").rules
    base, kept, errors = base_files(rule_set.select(rule or []))
    for file in base:
        if out is not None:
            write_inside(out, file.relative, file.text, durable=False)
        elif format == "text":
            if len(base) > 1:
                output.say(f"--- {file.relative}")
            output.write(file.text)
    problems = [*rule_set.problems, *kept]
    if format == "json":
        files_ = [{"path": file.relative, "text": file.text if out is None else None} for file in base]
        output.show_json({"files": files_, "errors": [str(error) for error in errors]}, problems)
    if out is not None:
        output.say(f"{output.counted(len(base), 'rule file')} written to {out}")
    elif not base:
        output.say("no rules")
    output.show_problems(problems)
    for error in errors:
        output.say(output.visible_lines(str(error)))
    broken = any(problem.severity == "error" for problem in rule_set.problems)
    return EXIT_ERROR if broken or errors else EXIT_OK
