"""`fpctl renew`: extend expiry dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.audit.finding import Finding
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
    force: Annotated[
        str | None,
        typer.Option(
            "--force", metavar="REASON", help="Renew also beyond what the policy allows; the reason is recorded."
        ),
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Extend the expiry date of exclusions.

    Changes only `expires` in their files. If one of them cannot be renewed (it is retired, its file is invalid, or it
    already expires later), none is. An exclusion that already expires on that day is left unchanged. --force gives the
    reason to go beyond the policy; without a settings file that is only reported.

    Exit code 1: the policy does not allow the date without another approval, or at all; nothing was renewed.
    """
    from fpctl.audit.renewal import beyond_policy, refuses
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.expiry import parse_until
    from fpctl.exclusions.lifecycle import renewal

    if force is not None and not force.strip():
        raise typer.BadParameter("--force needs a reason: --force 'the contract was extended, CHG0012345'")
    context = AppContext(files)
    day = parse_until(until, context.today)
    named = context.pick(ids)
    chosen = [one for one in named if one.exclusion.status == "retired" or one.exclusion.expires != day]
    for one in chosen:
        renewal(one.exclusion, day, context.today)
    beyond = beyond_policy(chosen, day, context.settings, context.today, context.root)
    refused = force is None and refuses(beyond, context.settings)
    if chosen and not refused:

        def change(exclusion: Exclusion) -> Changes:
            # Someone else may have set the same day meanwhile.
            same = exclusion.expires == day and exclusion.status != "retired"
            return {} if same else renewal(exclusion, day, context.today)

        ids = [loaded.id for loaded in chosen]
        context.audit_log.record(lambda: amend(chosen, change, context.folder), "renewed", ids, reason=force)
    for loaded in named if not refused else ():
        was = loaded.exclusion.expires
        if loaded in chosen:
            output.say(f"{loaded.id} expires on {day}{f' (was {was})' if was else ''}")
        else:
            output.say(f"{loaded.id} already expires on {day}")
    for finding in beyond:
        word, hint = ("refused", _cure(finding)) if refused else ("note", finding.fix)
        output.say(output.visible_lines(f"{word}: {finding.message}\n  hint: {hint}"))
    if refused:
        output.say("fpctl: the policy does not allow this date; nothing was renewed")
    if format == "json":
        written = set() if refused else {one.id for one in chosen}
        rows = [
            {"id": one.id, "changed": one.id in written, "expires": one.exclusion.expires if refused else day,
             "was": one.exclusion.expires, "file": one.path}
            for one in named
        ]  # fmt: skip
        output.show_json({"exclusions": rows}, context.exclusions.problems)
    return EXIT_FINDINGS if refused else EXIT_OK


def _cure(finding: Finding) -> str:
    earlier = "give an earlier date, or renew it anyway: --force REASON"
    again = finding.fix is not None and finding.fix.startswith("fpctl approve")
    return f"have it approved again first ({finding.fix}), {earlier}" if again else earlier
