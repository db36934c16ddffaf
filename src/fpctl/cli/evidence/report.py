"""`fpctl report`: the estate on a page: noise, suppressed events, decisions, exclusions by risk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from datetime import date

    from fpctl.cli.shared.exclusion_commands import Book
    from fpctl.report.overview import Overview


def command(
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained HTML page to this file.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Write the tables of the page as CSV files.")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    format: Annotated[Literal["markdown", "json"], typer.Option("--format", help="How to print it.")] = "markdown",
) -> int:
    """Show the estate on a page: noise by rule, suppressed events by day, what needs a decision, risk, drift.

    Without --html and --csv, the exclusions that are neither expired nor retired are printed, the riskiest first.
    The page needs no network: styles, charts and script are inside. Exit code 2: a file could not be read.
    """
    from fpctl.cli.shared.exclusion_commands import open_book
    from fpctl.files import write_text
    from fpctl.report.overview import to_dict, to_markdown

    book = open_book(config, rules, exclusions)
    repository = book.repository
    day = options.parse_day(on)
    if html is None and csv is None:
        found = _overview(book, history, day)
        if format == "json":
            output.show_json(to_dict(found))
        else:
            output.write(output.visible_lines(to_markdown(found)))
    else:
        from fpctl.report.build import build_estate

        with output.progress("Planning rules") as update:
            built = build_estate(
                repository, book.settings, day, history=history, exclusions=exclusions,
                progress=lambda done, _: update(done),
            )  # fmt: skip
        if html is not None:
            from fpctl.report.page.render import render

            write_text(html, render(built))
            output.say(f"the report is in {html}")
        if csv is not None:
            from fpctl.report.csv_tables import tables

            csv.mkdir(parents=True, exist_ok=True)
            for name, text in tables(built).items():
                write_text(csv / name, text)
            output.say(f"the tables are in {csv}")
    output.show_problems(repository.problems)
    return EXIT_ERROR if repository.broken else EXIT_OK


def _overview(book: Book, history: str | None, day: date) -> Overview:
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.history.store import is_there
    from fpctl.report.overview import overview

    place = history or book.settings.history.url
    hits, drift = None, []
    if is_there(place):
        from fpctl.history.history import History

        with History.open(place, create=False) as opened:
            hits = {total.exclusion: total for total in opened.hits()}
            drift = opened.drift(latest=True)
    repository = book.repository
    return overview(
        repository.exclusions.exclusions,
        repository.rules.rules,
        shared_names(book.settings.policy.forbidden),
        book.settings.risk,
        day,
        hits,
        drift,
    )
