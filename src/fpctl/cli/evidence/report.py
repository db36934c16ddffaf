"""`fpctl report`: the exclusions on a page, the riskiest first."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_OK


def command(
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    format: Annotated[Literal["markdown", "json"], typer.Option("--format", help="How to print it.")] = "markdown",
) -> int:
    """Print the exclusions that are not over, the riskiest first: state, owner, end, hits, risk, drift.

    The risk of each is told point by point; no events are looked at (`fpctl preview` measures breadth).
    Drift is what the last run of each rule found to have changed. Exit code 2: a file could not be read.
    """
    from fpctl.cli.shared.exclusion_commands import open_book
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.history.store import is_there
    from fpctl.report.overview import overview, to_dict, to_markdown

    book = open_book(config, rules, exclusions)
    place = history or book.settings.history.url
    hits, drift = None, []
    if is_there(place):
        from fpctl.history.history import History

        with History.open(place, create=False) as opened:
            hits = {total.exclusion: total for total in opened.hits()}
            drift = opened.drift(latest=True)
    repository = book.repository
    found = overview(
        repository.exclusions.exclusions,
        repository.rules.rules,
        shared_names(book.settings.policy.forbidden),
        book.settings.risk,
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
