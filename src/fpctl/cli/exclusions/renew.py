"""`fpctl renew`: extend expiry dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_OK

if TYPE_CHECKING:
    from fpctl.exclusions.edit import Changes
    from fpctl.exclusions.model import Exclusion


def command(
    ids: options.Exclusions,
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="DATE|90d", help="New expiry date: the first day on which they are no longer valid."
        ),
    ],
    files: options.ExclusionFiles,
    format: options.TextFormat = "text",
) -> int:
    """Extend the expiry date of exclusions.

    Changes only `expires` in their files. If one of them cannot be renewed (it is retired, its file is invalid, or
    it already expires later), none is. An exclusion that already expires on that day is left unchanged.
    """
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.expiry import parse_until
    from fpctl.exclusions.lifecycle import renewal

    context = AppContext(files)
    day = parse_until(until, context.today)
    named = context.pick(ids)
    chosen = [one for one in named if one.exclusion.status == "retired" or one.exclusion.expires != day]
    if chosen:

        def change(exclusion: Exclusion) -> Changes:
            # Someone else may have set the same day meanwhile.
            same = exclusion.expires == day and exclusion.status != "retired"
            return {} if same else renewal(exclusion, day, context.today)

        ids = [loaded.id for loaded in chosen]
        context.audit_log.record(lambda: amend(chosen, change, context.folder), "renewed", ids)
    for loaded in named:
        was = loaded.exclusion.expires
        if loaded in chosen:
            output.say(f"{loaded.id} expires on {day}{f' (was {was})' if was else ''}")
        else:
            output.say(f"{loaded.id} already expires on {day}")
    if format == "json":
        rows = [
            {"id": one.id, "changed": one in chosen, "expires": day, "was": one.exclusion.expires, "file": one.path}
            for one in named
        ]
        output.show_json({"exclusions": rows}, context.exclusions.problems)
    return EXIT_OK
