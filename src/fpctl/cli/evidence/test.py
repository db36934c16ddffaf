"""`fpctl test`: run the rules' tests with and without the exclusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.tuning.guard import CaseOutcome

_WORDS = {
    "passed": "passed", "suppressed": "SUPPRESSED", "still-fires": "still fires", "wrong-test": "wrong test",
    "error": "error",
}  # fmt: skip


def command(
    files: options.RepositoryFiles,
    rule: options.Rules = None,
    on: options.On = None,
    format: options.TextFormat = "text",
) -> int:
    """Run the rules' tests: events that must fire, and events that must stay quiet.

    Tests are listed under `tests:` in a rule, or in NAME.tests.yaml next to it. Each test runs the base and the
    tuned rule on the local engine. An event that must fire has to fire in the base rule (otherwise the test itself
    is wrong), and no exclusion may suppress it. Exit code 1: a test fails. 2: a test or a rule could not be read or
    run.
    """
    from fpctl.repository.apply import applicable
    from fpctl.rules.test_cases import RuleTestCache
    from fpctl.tuning.guard import evaluate

    context = AppContext(files)
    repository = context.repository
    context.audit_log.glance()
    planner = context.planner(options.parse_day(on))
    chosen = context.select(rule)
    shelf = RuleTestCache()
    read = [(loaded, shelf.cases_of(loaded)) for loaded in chosen]
    outcomes: list[CaseOutcome] = []
    with output.progress("Testing rules", sum(len(tests.cases) for _, tests in read)) as update:
        for loaded, tests in read:
            selected = applicable(loaded.rule, repository.active())
            for case in tests.cases:
                outcomes.append(evaluate(loaded.rule, case, selected, planner))
                update(len(outcomes))
    problems = [*repository.problems, *(problem for _, tests in read for problem in tests.problems)]
    untested = [loaded.rule.id for loaded, tests in read if not tests.must_fire()]
    if format == "json":
        output.show_json({"tests": [_document(one) for one in outcomes], "untested": untested}, problems)
    else:
        _show(outcomes)
    output.show_problems(problems)
    counts = {status: sum(one.status == status for one in outcomes) for status in _WORDS}
    summary = ", ".join(f"{count:,} {_WORDS[status].lower()}" for status, count in counts.items() if count)
    output.say(f"{output.counted(len(outcomes), 'test')}{': ' if summary else ''}{summary}")
    if untested:
        output.say(f"{output.counted(len(untested), 'rule')} without an event that must fire")
    if repository.broken or counts["error"] or any(problem.severity == "error" for problem in problems):
        return EXIT_ERROR
    return EXIT_OK if counts["passed"] == len(outcomes) else EXIT_FINDINGS


def _show(outcomes: Sequence[CaseOutcome]) -> None:
    if outcomes:
        output.show_table(
            ["rule", "test", "kind", "base", "tuned", "result"],
            [[o.rule.name, o.case.name, o.case.kind, o.base_rows, o.tuned_rows, _WORDS[o.status]] for o in outcomes],
            right=("base", "tuned"),
        )
    for one in outcomes:
        if not one.ok:
            output.write("\n" + output.visible_lines("\n".join(explained(one))) + "\n")


def explained(outcome: CaseOutcome) -> list[str]:
    """Return why a case is not as it should be, as lines."""
    case = outcome.case
    lines = [f"{case.at}: {case.name}"]
    if outcome.status == "wrong-test":
        lines.append("  the base rule does not fire on this event, so the test proves nothing")
    elif outcome.status == "still-fires":
        lines.append(f"  the tuned rule still gives {output.counted(outcome.tuned_rows or 0, 'row')}")
    elif outcome.error is not None:
        lines.append(f"  {outcome.error}")
    for one in outcome.suppressed if outcome.status == "suppressed" else ():
        what = f"suppresses {output.counted(one.rows, 'event')}" if one.rows else "silences the rule"
        lines += [f"  {one.exclusion} {what} {one.position}:", f"    {one.clause}"]
        if outcome.any_time:
            lines.append("    (the test has no fixed time: a window of the exclusion was taken to be open)")
    return lines


def _document(outcome: CaseOutcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "rule": outcome.rule.id,
        "name": case.name,
        "kind": case.kind,
        "status": outcome.status,
        "base_rows": outcome.base_rows,
        "tuned_rows": outcome.tuned_rows,
        "suppressed_by": [
            {
                "exclusion": one.exclusion,
                "rows": one.rows,
                "clause": one.clause,
                "position": one.position,
                "line": one.line,
            }
            for one in outcome.suppressed
        ],
        "path": case.at.path,
        "line": case.at.line,
        "error": outcome.error,
    }
