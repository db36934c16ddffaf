"""`fpctl renew`: let exclusions hold longer."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_OK


def command(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="The exclusions.", autocompletion=completion.exclusion_ids)
    ],
    until: Annotated[
        str,
        typer.Option("--until", metavar="DATE|90d", help="First day on which they no longer hold; spans from today."),
    ],
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Let exclusions hold until a later day.

    Only `expires` changes in their files. If one of them cannot be renewed, none is: it is retired, its
    file is broken, or it already holds longer. One that holds until that very day is left as it is.
    """
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.cli.shared.exclusion_commands import open_exclusions, picked
    from fpctl.exclusions.bulk_edit import amend, remaining
    from fpctl.exclusions.expiry import parse_until
    from fpctl.exclusions.lifecycle import renewal
    from fpctl.settings import load_settings

    today = options.now().date()
    day = parse_until(until, today)
    known, folder = open_exclusions(config, exclusions)
    named = picked(known, ids)
    chosen = remaining(named, lambda exclusion: exclusion.expires == day and exclusion.status != "retired")
    changes = [(loaded, renewal(loaded.exclusion, day, today)) for loaded in chosen]
    recorded(
        lambda: amend(changes, folder), "renewed", [loaded.id for loaded in chosen],
        known=known, folder=folder, settings=load_settings(config), now=options.now(),
    )  # fmt: skip
    for loaded in named:
        if loaded not in chosen:
            output.say(f"{loaded.id} holds until {day} already")
    for loaded in chosen:
        was = loaded.exclusion.expires
        output.say(f"{loaded.id} holds until {day}{f' (was {was})' if was else ''}")
    return EXIT_OK
