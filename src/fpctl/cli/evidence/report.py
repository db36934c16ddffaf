"""`fpctl report`: the exclusions on a page, the riskiest first."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK


def command(
    files: options.AllFiles,
    on: options.On = None,
    format: Annotated[Literal["markdown", "json"], typer.Option("--format", help="Output format.")] = "markdown",
) -> int:
    """Print the exclusions that are not expired or retired, the riskiest first: state, owner, expiry, hits, risk,
    drift.

    The risk of each is explained factor by factor; no events are looked at (`fpctl preview` measures breadth). Drift
    is what the last run of each rule found to have changed. Exit code 2: a file could not be read.
    """
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.report.overview import overview, to_dict, to_markdown

    context = AppContext(files, "optional")
    repository = context.repository
    with context.history() as history:
        hits = {total.exclusion: total for total in history.hits()} if history is not None else None
        drift = history.drift(latest=True) if history is not None else []
    found = overview(
        repository.exclusions.exclusions,
        repository.rules.rules,
        shared_names(context.settings.policy.forbidden),
        context.settings.risk,
        options.parse_day(on),
        hits,
        drift,
    )
    if format == "json":
        output.show_json(to_dict(found))
    else:
        output.write(output.visible_lines(to_markdown(found)))
    output.show_problems(repository.problems)
    return EXIT_ERROR if repository.broken else EXIT_OK
