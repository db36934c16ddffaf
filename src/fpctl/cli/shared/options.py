"""Options that several commands share, so that they are named and explained the same everywhere.

A path that is not given is None here; the settings (`fpctl.toml`, `FPCTL_...`) and then the built-in default decide.
The dataclasses are bundles: see `bundles`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

import typer

from fpctl.cli.shared import completion, json_fields
from fpctl.engine.registry import engine_names

if TYPE_CHECKING:
    from fpctl.engine.interface import Timespan

    _Engine = str
else:
    _Engine = Literal[engine_names()]

Rules = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RULE",
        help="Rules by id, name, path or glob (default: all rules).",
        autocompletion=completion.rule_names,
    ),
]
OneRule = Annotated[
    str, typer.Argument(metavar="RULE", help="Rule by id, name or path.", autocompletion=completion.rule_names)
]
OneExclusion = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the exclusion.", autocompletion=completion.exclusion_ids)
]
Exclusions = Annotated[
    list[str], typer.Argument(metavar="ID", help="Ids of the exclusions.", autocompletion=completion.exclusion_ids)
]
RulesFolder = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="Folder or file with the rules.", show_default="rules")
]
ExclusionsFolder = Annotated[
    Path | None,
    typer.Option("--exclusions", metavar="DIR", help="Folder with the exclusions.", show_default="exclusions"),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file.", show_default="fpctl.toml here or in a parent folder"
    ),
]
HistoryPlace = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="PATH|URL",
        help="Where runs and hits are recorded: a file or a database URL.",
        show_default=".fpctl/history.db",
    ),
]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="A target of [deploy.targets], or sentinel or defender.",
        show_default="FPCTL_TARGET",
    ),
]
EngineName = Annotated[
    _Engine | None,
    typer.Option("--engine", help="Engine that runs the queries.", show_default="local"),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder with the data: per table one Parquet, CSV or JSON Lines file, or a folder of them.",
    ),
]
_Credential = Literal[
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
CREDENTIALS: tuple[str, ...] = get_args(_Credential)
Credential = Annotated[
    _Credential | None,
    typer.Option(
        "--credential",
        metavar="HOW",
        help=f"How to sign in to the service: {', '.join(CREDENTIALS[:-1])} or {CREDENTIALS[-1]}.",
        show_default="from the settings",
    ),
]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of this date.", show_default="today")]
NoFold = Annotated[bool, typer.Option("--no-fold", help="Write one clause per exclusion, without combining them.")]
ListStore = Annotated[
    Literal["watchlist", "function"],
    typer.Option("--lists", help="Where to put value lists that do not fit into a rule."),
]
Force = Annotated[
    str | None,
    typer.Option(
        "--force",
        metavar="REASON",
        help="Also apply exclusions that suppress events that must fire; the reason is recorded.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, but change nothing.")]
JsonFields = Annotated[
    str | None,
    typer.Option(
        json_fields.OPTION,
        metavar="FIELDS",
        is_eager=True,
        callback=json_fields.select,
        autocompletion=completion.json_fields,
        help="JSON with these fields only, separated by commas; --json alone lists them.",
    ),
]
TextFormat = Annotated[Literal["text", "json"], typer.Option("--format", help="Output format.")]
ListFormat = Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="Output format.")]


@dataclass(frozen=True, slots=True)
class Files:
    """Where a command's files are; what a command does not offer as an option is None."""

    ORDER: ClassVar[int] = 2
    """They come last in the help."""

    rules: Path | None = None
    exclusions: Path | None = None
    history: str | None = None
    config: ConfigFile = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class RuleFiles(Files):
    """Files of a command that reads rules only."""

    rules: RulesFolder = None


@dataclass(frozen=True, slots=True)
class ExclusionFiles(Files):
    """Files of a command that reads exclusions only."""

    exclusions: ExclusionsFolder = None


@dataclass(frozen=True, slots=True)
class ExclusionHistoryFiles(ExclusionFiles):
    """Files of a command that reads exclusions and the history."""

    history: HistoryPlace = None
    target: TargetName = None


@dataclass(frozen=True, slots=True)
class RepositoryFiles(Files):
    """Files of a command that reads rules and exclusions."""

    rules: RulesFolder = None
    exclusions: ExclusionsFolder = None


@dataclass(frozen=True, slots=True)
class AllFiles(RepositoryFiles):
    """Files of a command that reads rules, exclusions and the history."""

    history: HistoryPlace = None
    target: TargetName = None


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Which engine, its data, and how to sign in."""

    ORDER: ClassVar[int] = 1

    engine: EngineName = None
    data: DataFolder = None
    credential: Credential = None


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How much an engine may take."""

    ORDER: ClassVar[int] = 1

    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="Threads of the local engine.")
    ] = None
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit of the local engine, such as 2GB.")
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0.001, max=604_800, help="Time limit of a query."),
    ] = None
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            metavar="N",
            min=1,
            max=50,
            help="Number of rules and requests to run concurrently.",
            show_default="the engine's `concurrency`; local: always 1, on all cores",
        ),
    ] = None
    patience: Annotated[
        float | None,
        typer.Option(
            "--patience",
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="How long to wait for a service that is temporarily not accepting queries.",
            show_default="300",
        ),
    ] = None
    allow_billed_scan: Annotated[
        bool,
        typer.Option("--allow-billed-scan", help="Run queries on tables that are billed by the GB scanned."),
    ] = False


@dataclass(frozen=True, slots=True)
class RangeOptions:
    """The range of events that a command reads: `--since` or `--from`, and `--to`."""

    since: Annotated[str | None, typer.Option("--since", metavar="5d|TIME", help="Only events since this time.")] = None
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Start of the time range.")] = None
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End of the time range; also the value of now() in the rules."),
    ] = None

    def now(self, clock: datetime) -> datetime:
        """Return what "now" means in the rules: the end of the range, or the time it is."""
        return parse_moment(self.to, clock, "--to") if self.to is not None else clock

    def timespan(self, now: datetime) -> Timespan | None:
        """Return the range; None where neither end of it is given.

        Raises:
            typer.BadParameter: it cannot be read, or ends before it begins.
        """
        from fpctl.engine.interface import Timespan

        if self.since is not None and self.begin is not None:
            raise typer.BadParameter("give either --since or --from, not both")
        start = self.since or self.begin
        if start is None:
            return Timespan(datetime(1, 1, 1, tzinfo=UTC), now) if self.to is not None else None
        return _timespan(start, now, "--from" if self.since is None else "--since")


@dataclass(frozen=True, slots=True)
class LookBack:
    """The last days that a command looks at."""

    since: Annotated[str, typer.Option("--since", metavar="14d|TIME", help="How far back to look.")] = "14d"
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="End of the time range.", show_default="now")
    ] = None

    def timespan(self, clock: datetime) -> Timespan:
        """Return the range. Raises typer.BadParameter where it cannot be read or ends before it begins."""
        end = parse_moment(self.to, clock, "--to") if self.to is not None else clock
        return _timespan(self.since, end, "--since")


DEFAULT_LIFE = "90d"
"""How long an exclusion holds if nobody says: fails towards the alert."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who is responsible for new exclusions, and until when they are valid."""

    owner: Annotated[
        str | None, typer.Option("--owner", metavar="WHO", help="Owner.", show_default="git's user.email")
    ] = None
    ticket: Annotated[str | None, typer.Option("--ticket", metavar="ID", help="Ticket or change number.")] = None
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="DATE|90d",
            help="First day on which it is no longer valid, or never.",
            show_default="90d",
        ),
    ] = None
    approved_by: Annotated[
        str | None, typer.Option("--approved-by", metavar="WHO", help="Approver; must not be the owner.")
    ] = None

    def until(self, today: date) -> date | None:
        """Return the first day on which it is no longer valid; None for never."""
        from fpctl.exclusions.expiry import parse_until

        given = self.expires if self.expires is not None else DEFAULT_LIFE
        return None if given.strip().lower() == "never" else parse_until(given, today)


_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def now() -> datetime:
    """Return the current time: the one place where a command asks the clock."""
    return datetime.now(UTC)


def _timespan(start: str, end: datetime, option: str) -> Timespan:
    from fpctl.engine.interface import Timespan

    span = Timespan(parse_moment(start, end, option), end)
    if span.start >= span.end:
        raise typer.BadParameter(f"the range ends at {span.end:%Y-%m-%d %H:%M}, before it begins")
    return span


def parse_moment(text: str, now: datetime, option: str) -> datetime:
    """Return the time that an option gives: `30d` or `12h` before `now`, or an ISO 8601 date or time.

    A time without a zone is UTC.

    Args:
        text: as it was given.
        now: aware.
        option: its name, for the message.

    Raises:
        typer.BadParameter: it is not a valid time.
    """
    value = text.strip()
    ago = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([wdhms])", value, re.ASCII)
    try:
        if ago:
            return now - timedelta(seconds=float(ago[1]) * _UNITS[ago[2]])
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        known = "such as 30d, 12h, 2026-11-01 or 2026-11-01T08:00:00Z"
        raise typer.BadParameter(
            f"{text!r} is not a valid time (expected one {known})", param_hint=f"'{option}'"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_day(text: str | None, option: str = "--on") -> date:
    """Return the day that an option gives, today in UTC if it is not given.

    Raises:
        typer.BadParameter: it is not a valid date.
    """
    if text is None:
        return now().date()
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a valid date (expected YYYY-MM-DD)", param_hint=f"'{option}'"
        ) from error
