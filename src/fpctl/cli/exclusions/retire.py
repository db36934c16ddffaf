"""`fpctl retire`: take exclusions out of force for good."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_OK


def command(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="The exclusions.", autocompletion=completion.exclusion_ids)
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they are no longer needed.")],
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Take exclusions out of force for good.

    They stay in their files, with `status: retired` and the day and the reason in `notes`: the record of
    what was once left out is worth keeping. The next `fpctl apply` takes their clauses out. One that is
    retired already is left as it is.
    """
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.cli.shared.exclusion_commands import open_exclusions, picked
    from fpctl.exclusions.bulk_edit import amend, remaining
    from fpctl.exclusions.lifecycle import retirement
    from fpctl.settings import load_settings

    today = options.now().date()
    known, folder = open_exclusions(config, exclusions)
    named = picked(known, ids)
    chosen = remaining(named, lambda exclusion: exclusion.status == "retired")
    changes = [(loaded, retirement(loaded.exclusion, reason, today)) for loaded in chosen]
    recorded(
        lambda: amend(changes, folder), "retired", [loaded.id for loaded in chosen],
        known=known, folder=folder, settings=load_settings(config), now=options.now(), reason=reason,
    )  # fmt: skip
    for loaded in named:
        if loaded not in chosen:
            output.say(f"{loaded.id} is retired already")
    for loaded in chosen:
        output.say(f"{loaded.id} is retired")
    return EXIT_OK
