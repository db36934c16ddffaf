"""The repository itself: settings, rules, exclusions, history; and the workspace to deploy to."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.engine.interface import EngineError
from fpctl.errors import FpctlError
from fpctl.inspection.check_result import Area, CheckResult, counted
from fpctl.inspection.grants import graph_grant, workspace_grant
from fpctl.repository.model import Repository
from fpctl.settings import FILE_NAME, Settings

_COMPANIONS = (
    "what does not fit into a rule goes to a saved function, the default: one request replaces the whole list, and a "
    "value that is retired stops suppressing at once; a watchlist (`--lists watchlist`) changes item by item, and "
    "shows old and new entries for up to five minutes"
)
"""https://learn.microsoft.com/azure/sentinel/watchlists-manage"""


def setup_findings(settings: Settings, repository: Repository) -> Iterator[CheckResult]:
    """Yield what is found without asking any service."""
    if settings.file is not None:
        yield CheckResult("settings", "ok", str(settings.file), "read")
    else:
        yield CheckResult("settings", "ok", FILE_NAME, "not found; using defaults and environment variables")
    errors = sum(problem.severity == "error" for problem in repository.problems)
    rules, exclusions = len(repository.rules.rules), len(repository.exclusions.exclusions)
    if errors:
        message = f"{counted(errors, 'error')} in rules, exclusions and schema: those parts are left out"
        yield CheckResult("settings", "error", "repository", message, "see the errors below")
    elif not rules:
        hint = "put rules there, or set `rules` in [paths]"
        yield CheckResult("settings", "warning", str(settings.paths.rules), "there are no rules", hint)
    else:
        told = f"{counted(rules, 'rule')} and {counted(exclusions, 'exclusion')}"
        yield CheckResult("settings", "ok", "repository", f"{told} can be read")
    yield _history(settings)


def _history(settings: Settings) -> CheckResult:
    from fpctl.history.history import History
    from fpctl.history.store import is_there

    place = settings.history.url
    try:
        if not is_there(place):
            return CheckResult("history", "ok", place, "not found; the first run creates it")
        with History.open(place, create=False) as history:
            latest = history.runs(limit=1)
            told = f"the last run was at {latest[0].started:%Y-%m-%d %H:%M} UTC" if latest else "no run is recorded yet"
            return CheckResult("history", "ok", history.name, told)
    except FpctlError as error:
        # Not `place`: a database's URL may hold a password.
        subject = str(error.at) if error.at else "history"
        return CheckResult("history", "error", subject, error.message, error.hint or "see docs/history.md")


def deployment_findings(settings: Settings, credential: str | None = None) -> Iterator[CheckResult]:
    """Yield whether what rules are deployed to can be read; nothing where none is set."""
    if settings.service == "sentinel" and (settings.deploy.workspace or settings.workspace) is None:
        return
    from fpctl.deployment.connection import connect

    area: Area = "deployment"
    try:
        workspace = connect(settings, credential, target=settings.service)
    except FpctlError as error:
        yield CheckResult(area, "error", "[deploy]", error.message, error.hint or "see docs/deployment.md")
        return
    try:
        there = workspace.all()
        yield CheckResult(area, "ok", workspace.id, f"{len(there):,} rules and saved searches can be read")
        if settings.service == "sentinel":
            yield CheckResult(area, "ok", "value lists", _COMPANIONS)
    except FpctlError as error:
        hint = error.hint or "see docs/deployment.md"
        if isinstance(error, EngineError) and error.code == "forbidden":
            claims = workspace.claims()
            sentinel = settings.service == "sentinel"
            hint = workspace_grant("deploy", claims, settings) if sentinel else graph_grant("deploy", claims)
        yield CheckResult(area, "error", workspace.id, error.message, hint)
    finally:
        workspace.close()
