"""`fpctl notify`: tell a webhook what needs somebody's attention."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError


def command(
    to: Annotated[Literal["teams", "slack", "json"], typer.Option("--to", help="What the webhook takes.")] = "teams",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KIND", help="Only these: expires, stale, drifted, failed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the message, and send nothing.")] = False,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    config: options.ConfigFile = None,
) -> int:
    """Send what needs attention to a webhook, each once: exclusions that expire, are stale or drifted, failed runs.

    The address is in the environment variable FPCTL_WEBHOOK (or the one that `webhook_variable` of [console] names):
    it is a secret. What was sent is kept in the history, so that a nightly run repeats nothing.
    """
    from fpctl.cli.shared.context import open_workspace
    from fpctl.history.history import History
    from fpctl.notify.formats import FORMATS
    from fpctl.notify.notices import KINDS, notices
    from fpctl.notify.webhook import check_address, send
    from fpctl.report.build import build_estate
    from fpctl.spelling import did_you_mean

    for kind in only or ():
        if kind not in KINDS:
            raise FpctlError(f"`{kind}` is not a kind of notice", None, did_you_mean(kind, KINDS, what="kind"))
    workspace = open_workspace(config, None, None)
    settings, repository = workspace.settings, workspace.repository
    address = os.environ.get(settings.console.webhook_variable, "")
    if not dry_run:
        if not address.strip():
            hint = f"set {settings.console.webhook_variable} to the webhook's address"
            raise FpctlError("no webhook is set", None, hint)
        check_address(address)
    with output.progress("Planning rules") as update:
        estate = build_estate(repository, settings, options.parse_day(on), progress=lambda done, _: update(done))
    found = notices(estate, tuple(kind for kind in KINDS if not only or kind in only))
    with History.open(settings.history.url) as history:
        new = set(history.console.unsent(one.key for one in found))
        fresh = [one for one in found if one.key in new]
        if dry_run:
            output.show_json(FORMATS[to](fresh))
        elif fresh:
            send(address, FORMATS[to](fresh))
            history.console.mark_sent((one.key for one in fresh), options.now())
    if not dry_run:
        output.say(f"{output.counted(len(fresh), 'notice')} sent, {len(found) - len(fresh):,} sent before")
    output.show_problems(repository.problems)
    return EXIT_ERROR if repository.broken else EXIT_OK
