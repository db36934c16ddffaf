"""`fpctl approve`: record who approved exclusions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_OK

if TYPE_CHECKING:
    from fpctl.exclusions.completeness import Lacking
    from fpctl.repository.approval_snapshot import PendingApproval


def command(
    ids: options.Exclusions,
    files: options.RepositoryFiles,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="WHO", help="Approver; must not be the owner.", show_default="git's user.email"),
    ] = None,
    from_git: Annotated[
        bool,
        typer.Option(
            "--from-git",
            help="Take the approver from the signature or Reviewed-by trailer of the file's last commit.",
        ),
    ] = False,
    format: options.TextFormat = "text",
) -> int:
    """Approve exclusions, and record who approved them, when, and which base queries and clause positions were
    reviewed.

    A rule that changes later can then be detected. A draft becomes active if it has a reason and an owner. The
    approver must not be the owner, and must be one of `[policy] approvers` if that lists any. --from-git asks git who
    signed or reviewed the last commit of each file: use it in a job on a branch which only reviewed commits reach. If
    one of the exclusions cannot be approved, none is.
    """
    from fpctl.exclusions.bulk_edit import amend, unchanged_since
    from fpctl.exclusions.completeness import words_for
    from fpctl.exclusions.lifecycle import check_approver
    from fpctl.person import approver_in_git
    from fpctl.repository.approval_snapshot import approvals

    context = AppContext(files, "optional")
    chosen = context.pick(ids)
    if by is not None and from_git:
        raise typer.BadParameter("give either --by or --from-git, not both")
    allowed = context.settings.policy.may_approve
    found: list[PendingApproval] = []
    with output.progress("Checking the rules", len(chosen)) as update:
        for one in chosen:
            approver = approver_in_git(Path(one.path)) if from_git else by or context.owner or ""
            check_approver(approver, allowed)
            found += approvals([one], approver, context.repository, context.planner())
            update(len(found))
    # Nobody approves what they have not seen: a change that someone else made meanwhile ends the approval.
    changes = {one.loaded.id: unchanged_since(one.loaded, one.changes) for one in found}
    context.audit_log.record(
        lambda: amend(chosen, lambda exclusion: changes[exclusion.id](exclusion), context.folder),
        "approved",
        list(changes),
    )
    activated = {one.loaded.id: _activates(one, context) for one in found}
    for pending in found:
        id, rules = pending.loaded.id, output.counted(len(pending.rules), "rule")
        active = " and is now active" if activated[id] else ""
        output.say(f"{id} is approved by {pending.approver} for {rules}{active}")
        missing = _still_lacking(pending, context)
        if missing:
            output.say(f"  it stays a draft: {words_for(missing)}\n  hint: fpctl edit {id}")
    if format == "json":
        rows = [
            {
                "id": one.loaded.id,
                "approved_by": one.approver,
                "on": context.today,
                "rules": sorted(one.rules),
                "activated": activated[one.loaded.id],
                "file": one.loaded.path,
            }
            for one in found
        ]
        output.show_json({"exclusions": rows}, context.exclusions.problems)
    return EXIT_OK


def _still_lacking(pending: PendingApproval, context: AppContext) -> tuple[Lacking, ...]:
    """Return what an exclusion lacks even with its approval."""
    from fpctl.exclusions.completeness import lacking

    approved = pending.loaded.exclusion.model_copy(update={"approved_by": pending.approver})
    return lacking(approved, context.settings.enforced)


def _activates(pending: PendingApproval, context: AppContext) -> bool:
    """Return whether the approval is what makes a draft active."""
    was = context.repository.state(pending.loaded.exclusion, context.today)
    return (pending.activates or was == "draft") and not _still_lacking(pending, context)
