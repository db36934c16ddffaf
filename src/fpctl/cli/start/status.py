"""`fpctl status`: the state of the repository, and what to do next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from fpctl.report.status import Status
    from fpctl.repository.plan_summary import PlanSummary

USUAL_OUT = Path("tuned")
"""Where tuned rules are looked for if the settings name no folder."""


def command(files: options.AllFiles, format: options.TextFormat = "text") -> int:
    """Show the state of the repository and what to do next.

    Counts active exclusions, exclusions that are not approved or expire within 14 days, drafts, and tuned rules
    that are out of date, and shows when the last run was. Each line that needs attention has a command. Exit code
    2: a file could not be read.
    """
    from fpctl.report.status import StatusFacts, status_of

    context = AppContext(files, "optional")
    if _is_empty(context):
        if format == "json":
            output.show_json({"rules": 0, "exclusions": {}, "lines": [], "initialized": False})
        else:
            output.write("nothing is set up here yet: fpctl init\n")
        return EXIT_OK
    out = context.settings.paths.out or context.root / USUAL_OUT
    with context.history() as history:
        runs = history.runs(limit=1) if history is not None else []
    facts = StatusFacts(
        context.repository,
        context.now,
        _summary(context, out) if _is_written(out) else None,
        str(out),
        runs[0] if runs else None,
        context.settings.policy.approval.needed != "never",
    )
    found = status_of(facts)
    if format == "json":
        output.show_json({**found.to_dict(), "initialized": True}, context.repository.problems)
    else:
        _show(found)
    return EXIT_ERROR if context.repository.broken else EXIT_OK


def _is_empty(context: AppContext) -> bool:
    """Return whether there is neither a settings file nor a rules folder."""
    named = context.files.rules is not None or context.files.exclusions is not None
    return not named and not context.settings.paths.rules.exists() and not (context.root / "fpctl.toml").exists()


def _is_written(out: Path) -> bool:
    """Return whether tuned rules have been written to a folder; `fpctl init` makes it with a hidden file."""
    return any(path.is_file() and not path.name.startswith(".") for path in out.rglob("*"))


def _summary(context: AppContext, out: Path) -> PlanSummary:
    from fpctl.repository.apply import external_list_files, tuned_files
    from fpctl.repository.parallel import Planning, tune_in_parallel
    from fpctl.repository.plan_summary import plan_summary
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    rules, active = context.rules.rules, context.repository.active()
    planning = Planning(active, context.planner(), style=ClauseStyle(fits=True, store="watchlist"))
    with output.progress("Planning rules", len(rules)) as update:
        outcomes = []
        for outcome in tune_in_parallel(rules, planning, None):
            outcomes.append(outcome)
            update(len(outcomes))
    states = {
        loaded.id: context.repository.state(loaded.exclusion, context.today) for loaded in context.exclusions.exclusions
    }
    tuned, _ = tuned_files(outcomes)
    return plan_summary([*tuned, *external_list_files(outcomes)], out, states)


def _show(found: Status) -> None:
    total = sum(found.states.values())
    kinds = ", ".join(f"{count:,} {state}" for state, count in sorted(found.states.items(), key=_active_first))
    output.write(
        f"{output.counted(found.rules, 'rule')}, {output.counted(total, 'exclusion')}{f': {kinds}' if kinds else ''}\n"
    )
    width = max((len(one.text) for one in found.lines if one.command), default=0)
    for one in found.lines:
        command = output.coloured(one.command, "bold", sys.stdout) if one.command else ""
        output.write(f"  {output.visible(one.text):<{width}}  {command}".rstrip() + "\n")


def _active_first(pair: tuple[str, int]) -> tuple[bool, str]:
    return pair[0] != "active", pair[0]
