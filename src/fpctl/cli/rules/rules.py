"""`fpctl rules`: list and check a folder of rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def lint(
    files: options.RuleFiles,
    rule: options.Rules = None,
    local: Annotated[
        bool, typer.Option("--local", help="Instead, list the rules that the local engine cannot run, and why.")
    ] = False,
    format: options.TextFormat = "text",
) -> int:
    """Check rules for syntax errors and for unknown columns, tables and functions.

    Exit code 1: there are warnings. 2: a rule could not be read.
    """
    from fpctl.repository.lint import lint as lint_rules
    from fpctl.repository.lint import local_obstacles

    context = AppContext(files, "none")
    repository = context.repository
    chosen = context.select(rule)
    with output.progress("Checking rules", len(chosen)) as update:
        if local:
            now = datetime.now(UTC).replace(tzinfo=None)
            found = local_obstacles(chosen, context.planner(), now, progress=lambda done, _: update(done))
        else:
            found = lint_rules(chosen, context.planner(), progress=lambda done, _: update(done))
        problems = [*repository.rules.problems, *found]
    if format == "json":
        output.show_json({"rules": len(chosen)}, problems)
    else:
        for problem in problems:
            output.write(output.visible_lines(str(problem)) + "\n")
        if local:
            output.say(f"{len(chosen) - len(found)} of {output.counted(len(chosen), 'rule')} can be tried locally")
        else:
            output.say(f"{output.counted(len(chosen), 'rule')} checked, {output.counted(len(problems), 'problem')}")
    if any(problem.severity == "error" for problem in problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if problems else EXIT_OK


def list_rules(
    files: options.RuleFiles,
    rule: options.Rules = None,
    format: options.ListFormat = "table",
) -> int:
    """List rules with name, kind, severity, techniques, file and id."""
    rule_set = AppContext(files, "none").rules
    chosen = rule_set.select(rule or [])
    headers = ["id", "name", "kind", "severity", "techniques", "path"]
    rows = [
        [r.id, r.name, r.kind, r.severity, ", ".join(r.techniques), r.path] for r in (loaded.rule for loaded in chosen)
    ]
    if format == "json":
        output.show_json({"rules": [dict(zip(headers, row, strict=True)) for row in rows]}, rule_set.problems)
    elif format == "csv":
        output.show_csv(headers, rows)
    else:
        # People know rules by name; what identifies them to a machine comes last.
        output.show_table([*headers[1:], headers[0]], [[*row[1:], row[0]] for row in rows])
    output.show_problems(rule_set.problems)
    return EXIT_ERROR if any(p.severity == "error" for p in rule_set.problems) else EXIT_OK


commands = {"lint": lint, "list": list_rules}
