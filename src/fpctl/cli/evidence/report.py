"""`fpctl report`: the estate on a page: noise, suppressed events, decisions, exclusions by risk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import planned
from fpctl.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from datetime import date

    from fpctl.report.overview import Overview


@dataclass(frozen=True, slots=True)
class PageOptions:
    """The files that are written."""

    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report to this file as one self-contained HTML page."),
    ] = None
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Write the report's tables to this folder as CSV files.")
    ] = None
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            metavar="FILE",
            help="Write the report to this file as a comment for a pull request; - for stdout.",
        ),
    ] = None


def command(
    files: options.AllFiles,
    page: PageOptions,
    on: options.On = None,
    format: Annotated[Literal["markdown", "json"], typer.Option("--format", help="Output format.")] = "markdown",
) -> int:
    """Create a report: noise by rule, suppressed events by day, decisions to make, risk and drift.

    Without --html, --csv or --markdown, prints the exclusions that are neither expired nor retired, riskiest first. The
    HTML page works offline: styles, charts and scripts are included. Exit code 2: a file could not be read.
    """
    context = AppContext(files, "optional")
    day = options.parse_day(on)
    if page != PageOptions():
        _write(context, page, day)
    elif format == "json":
        from fpctl.report.overview import to_dict

        output.show_json(to_dict(_overview(context, day)), context.repository.problems)
    else:
        from fpctl.report.overview import to_markdown

        output.write(output.visible_lines(to_markdown(_overview(context, day))))
    output.show_problems(context.repository.problems)
    return EXIT_ERROR if context.repository.broken else EXIT_OK


def _write(context: AppContext, page: PageOptions, day: date) -> None:
    from fpctl.files import write_text
    from fpctl.report.build import build_estate
    from fpctl.report.recorded import begin_reading

    recorded = begin_reading(context.history_place, day, context.settings.policy.usage)
    outcomes = planned(context.repository, day)
    if page.html is not None:
        from fpctl.report.page.render import load

        load()
    built = build_estate(
        context.repository, context.settings, day, outcomes, recorded=recorded, exclusions=context.files.exclusions
    )
    if page.html is not None:
        from fpctl.report.page.render import render

        write_text(page.html, render(built))
        output.say(f"the report is in {page.html}")
    if page.markdown is not None:
        from fpctl.report.pull_request import to_comment

        if str(page.markdown) == "-":
            output.write(to_comment(built))
        else:
            write_text(page.markdown, to_comment(built))
            output.say(f"the comment is in {page.markdown}")
    if page.csv is not None:
        from fpctl.report.csv_tables import tables

        page.csv.mkdir(parents=True, exist_ok=True)
        for name, text in tables(built).items():
            write_text(page.csv / name, text)
        output.say(f"the tables are in {page.csv}")


def _overview(context: AppContext, day: date) -> Overview:
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.report.overview import overview
    from fpctl.repository.exclusion_index import ExclusionIndex

    with context.history() as history:
        hits = {total.exclusion: total for total in history.hits(trend=False)} if history is not None else None
        drift = history.drift(latest=True) if history is not None else []
    return overview(
        context.repository.as_they_count(),
        ExclusionIndex(rules=context.repository.rules.rules),
        context.repository.planner(day),
        shared_names(context.settings.policy.forbidden),
        context.settings.risk,
        hits,
        drift,
    )
