"""`fpctl rules`: list and check a folder of rules."""

from __future__ import annotations

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def lint(
    files: options.RuleFiles,
    rule: options.Rules = None,
    format: options.TextFormat = "text",
) -> int:
    """Check rules: syntax, and columns, tables and functions that do not exist.

    Exit code 1 means warnings, 2 that a rule cannot be read.
    """
    from fpctl.repository.lint import lint as lint_rules

    context = AppContext(files, "none")
    repository = context.repository
    chosen = context.select(rule)
    with output.progress("Checking rules", len(chosen)) as update:
        problems = [
            *repository.rules.problems,
            *lint_rules(chosen, context.planner(), progress=lambda done, _: update(done)),
        ]
    if format == "json":
        output.show_json({"rules": len(chosen), "problems": [problem.to_dict() for problem in problems]})
    else:
        for problem in problems:
            output.write(output.visible_lines(str(problem)) + "\n")
        output.say(f"{output.counted(len(chosen), 'rule')} checked, {output.counted(len(problems), 'problem')}")
    if any(problem.severity == "error" for problem in problems):
        return EXIT_ERROR
    return EXIT_FINDINGS if problems else EXIT_OK


def list_rules(
    files: options.RuleFiles,
    rule: options.Rules = None,
    format: options.ListFormat = "table",
) -> int:
    """List rules: name, kind, severity, techniques, file, id."""
    rule_set = AppContext(files, "none").rules
    chosen = rule_set.select(rule or [])
    headers = ["id", "name", "kind", "severity", "techniques", "path"]
    rows = [
        [r.id, r.name, r.kind, r.severity, ", ".join(r.techniques), r.path] for r in (loaded.rule for loaded in chosen)
    ]
    if format == "json":
        output.show_json({"rules": [dict(zip(headers, row, strict=True)) for row in rows]})
    elif format == "csv":
        output.show_csv(headers, rows)
    else:
        output.show_table(headers, rows)
    output.show_problems(rule_set.problems)
    return EXIT_ERROR if any(p.severity == "error" for p in rule_set.problems) else EXIT_OK


commands = {"lint": lint, "list": list_rules}
