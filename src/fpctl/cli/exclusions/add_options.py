"""The options of `fpctl add`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fpctl.cli.shared import completion, options

if TYPE_CHECKING:
    from fpctl.documents.yaml_text import Value

Values = list[str] | None


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """For which rules, and where the match comes from besides the options of fields."""

    rule: Annotated[
        Values,
        typer.Argument(
            metavar="RULE",
            autocompletion=completion.rule_names,
            help="Rules it applies to: id, name, path, glob, tag:x, technique:x, table:x, or * for all.",
        ),
    ] = None
    rule_option: Annotated[
        Values, typer.Option("--rule", metavar="RULE", autocompletion=completion.rule_names, hidden=True)
    ] = None
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="ID",
            autocompletion=completion.scenario_ids,
            help="Documented scenario; adds the scenario's narrowing defaults.",
        ),
    ] = None
    no_defaults: Annotated[
        bool, typer.Option("--no-defaults", help="Do not add the scenario's narrowing defaults.")
    ] = False
    filter: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help='The match as a filter expression, such as process.name IN ("a.exe", "b.exe").',
        ),
    ] = None
    from_result: Annotated[
        str | None,
        typer.Option(
            "--from-result",
            metavar="FILE|-",
            help="Propose exclusions from rows of the rule's output (JSON, JSONL, CSV).",
        ),
    ] = None
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="1,3", help="Proposals to record, or all."),
    ] = None


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """When the exclusion applies."""

    weekly: Annotated[
        Values,
        typer.Option(
            "--weekly",
            metavar="HOURS",
            help="Only during these weekly hours: 'sun 02:00-04:00', 'mon-fri 22:00-06:00'.",
        ),
    ] = None
    interval: Annotated[
        Values,
        typer.Option(
            "--interval", metavar="SPAN", help="Only during this period: '2026-12-24 18:00/2026-12-27 06:00'."
        ),
    ] = None
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Time zone of --weekly and --interval, such as Europe/Rome."),
    ] = None

    def window(self) -> dict[str, Value] | None:
        """Return the window as it is written in a file; None for none."""
        given: dict[str, Any] = {"weekly": self.weekly, "intervals": self.interval, "timezone": self.timezone}
        return {key: value for key, value in given.items() if value} or None


@dataclass(frozen=True, slots=True)
class AboutOptions(options.Ownership):
    """Why it is benign, who is responsible, and from when until when it is valid."""

    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why the activity is benign.")] = None
    created: Annotated[
        str | None,
        typer.Option("--created", metavar="DATE", help="First day of validity.", show_default="today"),
    ] = None


@dataclass(frozen=True, slots=True)
class DetailOptions:
    """The other keys of the file."""

    broad: Annotated[
        bool, typer.Option("--broad", help="Allow a match without a device, URL or hash; requires an approval.")
    ] = False
    placement: Annotated[
        Literal["auto", "source", "result"] | None, typer.Option("--placement", help="Where the clause goes.")
    ] = None
    status: Annotated[
        Literal["active", "draft", "shadow"],
        typer.Option("--status", help="Initial status; a draft needs an approval before it becomes active."),
    ] = "active"
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="One-line description.")] = None
    notes: Annotated[str | None, typer.Option("--notes", metavar="TEXT", help="Additional notes.")] = None
    tag: Annotated[Values, typer.Option("--tag", metavar="WORD", help="Tag; can be repeated.")] = None
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Id of the exclusion.", show_default="fp-YEAR-eight random characters"),
    ] = None


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """Whether to ask, and how to print."""

    yes: options.Yes = False
    format: options.TextFormat = "text"
