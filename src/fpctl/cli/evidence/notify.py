"""`fpctl notify`: tell a webhook what needs somebody's attention."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import planned
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.settings import Settings


def command(
    files: options.Files,
    to: Annotated[
        Literal["teams", "slack", "json"], typer.Option("--as", help="Message format that the webhook accepts.")
    ] = "teams",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KIND", help="Only items of this kind: expires, stale, drifted, failed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the message without sending it.")] = False,
    on: options.On = None,
) -> int:
    """Send what needs attention to a webhook, each item once: expiring, stale and drifted exclusions, failed runs.

    The webhook's address is a secret and is read from the environment variable FPCTL_WEBHOOK (or the one that
    `webhook_variable` in [console] names). What was sent is stored in the history, so a nightly run does not repeat
    it.
    """
    from fpctl.history.history import History
    from fpctl.notify.formats import FORMATS
    from fpctl.notify.notices import KINDS, notices
    from fpctl.notify.webhook import send
    from fpctl.report.build import build_estate
    from fpctl.report.recorded import begin_reading

    wanted = _kinds(only)
    context = AppContext(files)
    settings = context.settings
    address = "" if dry_run else _address(settings)
    day = options.parse_day(on)
    recorded = begin_reading(context.history_place, day, settings.policy.usage)
    repository = context.repository
    estate = build_estate(repository, settings, day, planned(repository, day), recorded=recorded)
    found = notices(estate, tuple(kind for kind in KINDS if kind in wanted))
    with History.open(context.history_place) as history:
        new = set(history.console.unsent(one.key for one in found))
        fresh = [one for one in found if one.key in new]
        if dry_run:
            output.show_payload(FORMATS[to](fresh))
        elif fresh:
            send(address, FORMATS[to](fresh))
            history.console.mark_sent((one.key for one in fresh), context.now)
    if not dry_run:
        output.say(f"{output.counted(len(fresh), 'notice')} sent, {len(found) - len(fresh):,} sent before")
    output.show_problems(repository.problems)
    return EXIT_ERROR if repository.broken else EXIT_OK


def _kinds(only: list[str] | None) -> Collection[str]:
    from fpctl.notify.notices import KINDS
    from fpctl.spelling import did_you_mean

    for kind in only or ():
        if kind not in KINDS:
            raise FpctlError(f"`{kind}` is not a kind of notice", None, did_you_mean(kind, KINDS, what="kind"))
    return only or tuple(KINDS)


def _address(settings: Settings) -> str:
    """Return the webhook's address. Raises FpctlError where none is set, or it may not be used."""
    from fpctl.notify.webhook import check_address

    variable = settings.console.webhook_variable
    address = os.environ.get(variable, "")
    if not address.strip():
        raise FpctlError("no webhook is set", None, f"set {variable} to the webhook's address")
    check_address(address)
    return address
