"""Options that several verbs share, so that they are called and explained the same everywhere.

A path that is not given is None here; the settings (`fpctl.toml`, `FPCTL_...`) and then the
built-in default decide.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.engine.registry import engine_names

if TYPE_CHECKING:
    _Engine = str
else:
    _Engine = Literal[engine_names()]

Rules = Annotated[
    list[str] | None,
    typer.Argument(metavar="RULE", help="Rules by id, name, path or glob; all of them if none is given."),
]
RulesFolder = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="Folder (or file) of the rules.", show_default="rules")
]
ExclusionsFolder = Annotated[
    Path | None,
    typer.Option("--exclusions", metavar="DIR", help="Folder of the exclusions.", show_default="exclusions"),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Folder with one Parquet, CSV or JSON Lines file, or a folder of them, per table."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file.", show_default="fpctl.toml here or in a folder above"
    ),
]
NoFold = Annotated[bool, typer.Option("--no-fold", help="A clause for each exclusion, however many and however long.")]
HistoryPlace = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="PATH|URL",
        help="Where runs and hits are recorded: a file, or a database URL.",
        show_default=".fpctl/history.db",
    ),
]
EngineName = Annotated[
    _Engine | None,
    typer.Option("--engine", help="What runs the queries.", show_default="local"),
]
Credential = Annotated[
    Literal[
        "default",
        "cli",
        "managed-identity",
        "device-code",
        "environment",
        "workload-identity",
        "github-oidc",
        "azure-pipelines",
        "token",
        "none",
    ]
    | None,
    typer.Option("--credential", help="How to sign in to the service.", show_default="that of the settings"),
]
TextFormat = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")]
ListFormat = Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="How to print the list.")]

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def now() -> datetime:
    """Return the time it is: the one place where a command asks the clock."""
    return datetime.now(UTC)


def parse_moment(text: str, now: datetime, option: str) -> datetime:
    """Return the time that an option names: `30d` or `12h` before `now`, or an ISO 8601 date or time.

    A time without a zone is UTC.

    Args:
        text: as it was given.
        now: aware.
        option: its name, for the message.

    Raises:
        typer.BadParameter: it names no time.
    """
    value = text.strip()
    ago = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([wdhms])", value, re.ASCII)
    try:
        if ago:
            return now - timedelta(seconds=float(ago[1]) * _UNITS[ago[2]])
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        known = "30d, 12h, 2026-11-01 or 2026-11-01T08:00:00Z"
        raise typer.BadParameter(f"{text!r} is no time: give {known}", param_hint=f"'{option}'") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_day(text: str | None, option: str = "--on") -> date:
    """Return the day that an option names, today in UTC if it is not given.

    Raises:
        typer.BadParameter: it is no date.
    """
    if text is None:
        return now().date()
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date: give 2027-05-24", param_hint=f"'{option}'") from error
