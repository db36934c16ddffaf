"""`fpctl capture`: keep the events of an attack as a test that must fire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError


def command(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule.", autocompletion=completion.rule_names)],
    where: Annotated[
        str, typer.Option("--where", metavar="KQL", help="Which events: a condition on columns of the rule's tables.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What the attack is called.")] = "captured attack",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Where to write it.", show_default="RULE.NAME.tests.yaml beside the rule"
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="5d|TIME", help="Only events from then on.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End of the range; the rule's `now()` is then this time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Events of each table at most.")] = 50,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without a question.")] = False,
    engine: options.EngineName = None,
    data: options.DataFolder = None,
    credential: options.Credential = None,
    rules: options.RulesFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Keep the events of an attack as a test that must fire.

    The events are read from the rule's tables, behind the rule's own first conditions; secrets in command
    lines, URLs and the like are replaced by <removed> (docs/tuning.md lists which). The rule must fire on
    what is left, or nothing is written. Read the file before you commit it: names of people and hosts stay.
    """
    from fpctl.cli.shared.context import open_workspace
    from fpctl.cli.shared.exclusion_commands import agreed
    from fpctl.engine.interface import Timespan
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import open_engine
    from fpctl.exclusions.raw_condition import check_condition
    from fpctl.files import write_text
    from fpctl.tuning.capture import capture, fixture_path, fixture_text

    fault = check_condition(where)
    if fault is not None:
        raise FpctlError(f"--where: {fault.message}", None, fault.hint)
    clock = options.now()
    now = options.parse_moment(to, clock, "--to") if to is not None else clock.replace(microsecond=0)
    workspace = open_workspace(config, rules, None, need_exclusions=False)
    repository = workspace.repository
    chosen = repository.rules.select([rule])
    if len(chosen) != 1:
        raise FpctlError(f"`{rule}` is {len(chosen)} rules", None, "name one")
    (loaded,) = chosen
    path = out or fixture_path(loaded, name)
    if path.exists():
        another = "--name" if out is None else "--out"
        raise FpctlError(f"{path} is there already", None, f"give another {another}, or remove the file")
    timespan = None
    if since is not None or to is not None:
        start = options.parse_moment(since, now, "--since") if since is not None else datetime(1, 1, 1, tzinfo=UTC)
        timespan = Timespan(start, now)
    opened = open_engine(
        engine or workspace.settings.engine.default,
        workspace.settings,
        EngineOptions(
            data=data or workspace.settings.paths.data, now=now, tables=repository.tables, credential=credential
        ),
    )
    try:
        found = capture(
            loaded, where, repository.planner(now.date()), opened, now, name=name, timespan=timespan, limit=limit
        )
    finally:
        opened.close()
    text = fixture_text(found, loaded, now)
    output.write(output.visible_lines(text))
    counts = ", ".join(f"{output.counted(len(rows), 'event')} of {table}" for table, rows in found.case.rows.items())
    output.say(f"{counts}; the rule fires on them")
    for table in found.truncated:
        output.say(f"more events of {table} meet the condition; the first {limit:,} are kept")
    if found.removed:
        told = ", ".join(f"{kind} ({count:,})" for kind, count in found.removed.items())
        output.say(f"secrets removed: {told}")
    if not agreed(yes, f"write {path}", "Write it?"):
        return EXIT_ERROR
    write_text(path, text)
    output.say(f"written to {path}")
    return EXIT_OK
