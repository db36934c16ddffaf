"""`fpctl retire`: retire exclusions permanently."""

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
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they are no longer needed.")],
    files: options.ExclusionFiles,
    format: options.TextFormat = "text",
) -> int:
    """Retire exclusions permanently.

    Their files are kept as a record, with `status: retired` and the day and the reason in `notes`. The next `fpctl
    apply` removes their clauses. An exclusion that is already retired is left unchanged.
    """
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.lifecycle import retirement

    context = AppContext(files)
    named = context.pick(ids)
    chosen = [loaded for loaded in named if loaded.exclusion.status != "retired"]
    if chosen:

        def change(exclusion: Exclusion) -> Changes:
            # Someone else may have retired it meanwhile, which is what is wanted.
            return retirement(exclusion, reason, context.today) if exclusion.status != "retired" else {}

        ids = [loaded.id for loaded in chosen]
        context.audit_log.record(lambda: amend(chosen, change, context.folder), "retired", ids, reason=reason)
    for loaded in named:
        output.say(f"{loaded.id} is {'retired' if loaded in chosen else 'already retired'}")
    if format == "json":
        rows = [{"id": one.id, "changed": one in chosen, "status": "retired", "file": one.path} for one in named]
        output.show_json({"exclusions": rows}, context.exclusions.problems)
    return EXIT_OK
