"""`fpctl approve`: record who approved exclusions."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_OK


def command(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="The exclusions.", autocompletion=completion.exclusion_ids)
    ],
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="WHO", help="Who approves; not the owner.", show_default="git's user.email"),
    ] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    config: options.ConfigFile = None,
) -> int:
    """Record an approval: who, the day, and each rule's base query (its hash) and the clause's place as they are.

    So a rule that changes afterwards can be told. A draft becomes active. The approver must not be the
    owner. If one of them cannot be approved, none is.
    """
    from fpctl.cli.shared.audit_log import recorded
    from fpctl.cli.shared.exclusion_commands import git_owner, open_book, picked
    from fpctl.exclusions.bulk_edit import amend
    from fpctl.exclusions.lifecycle import approved, approver_of
    from fpctl.repository.approval_snapshot import places_seen, rules_seen

    book = open_book(config, rules, exclusions)
    chosen = picked(book.repository.exclusions, ids)
    approver = by or git_owner(book.folder) or ""
    all_rules = [loaded.rule for loaded in book.repository.rules.rules]
    planner = book.repository.planner(book.today)
    changes = []
    with output.progress("Looking at the rules", len(chosen)) as update:
        for done, loaded in enumerate(chosen, 1):
            approver_of(loaded.exclusion, approver)
            seen = rules_seen(loaded.exclusion, all_rules)
            places = places_seen(loaded.exclusion, all_rules, planner)
            changes.append((loaded, approved(loaded.exclusion, approver, seen, places, book.today)))
            update(done)
    recorded(
        lambda: amend(changes, book.folder), "approved", [loaded.id for loaded in chosen],
        known=book.repository.exclusions, folder=book.folder, settings=book.settings, now=book.now,
    )  # fmt: skip
    for loaded, change in changes:
        began = ", and active now" if "status" in change else ""
        seen_rules = len(rules_seen(loaded.exclusion, all_rules))
        who = approver_of(loaded.exclusion, approver)
        output.say(f"{loaded.id} is approved by {who} for {output.counted(seen_rules, 'rule')}{began}")
    return EXIT_OK
