"""`fpctl renew`: extend expiry dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    Changes only `expires` in their files, and reports if the policy does not allow the new date without another
    approval, or at all. If one of them cannot be renewed (it is retired, its file is invalid, or
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
    _say_what_policy_asks(context, [loaded.id for loaded in chosen])
    if format == "json":
        rows = [
            {"id": one.id, "changed": one in chosen, "expires": day, "was": one.exclusion.expires, "file": one.path}
            for one in named
        ]
        output.show_json({"exclusions": rows}, context.exclusions.problems)
    return EXIT_OK


def _say_what_policy_asks(context: AppContext, ids: Sequence[str]) -> None:
    """Say what the policy finds in the lifetime of exclusions that were renewed."""
    if not ids:
        return
    from fpctl.audit.context import AuditContext
    from fpctl.audit.registry import check_named, severities
    from fpctl.audit.run import audit
    from fpctl.repository.model import open_repository
    from fpctl.rules.loader import RuleSet

    # How long one may hold does not depend on the rules, which need not be there.
    changed = AppContext(context.files).exclusions
    judged = AuditContext(
        open_repository(RuleSet((), ()), changed, root=context.root), context.settings.policy, context.today
    )
    for one in audit(judged, [check_named("over-long")], severities(context.settings)):
        if one.exclusion in ids:
            output.say(output.visible_lines(f"note: {one.message}\n  hint: {one.fix}"))
