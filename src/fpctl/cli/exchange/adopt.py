"""`fpctl adopt`: hand-written clauses of a rule, turned into exclusions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.exchange.adoption.adopt import Adoption
    from fpctl.rules.formats.registry import LoadedRule


@dataclass(frozen=True, slots=True)
class AdoptOptions:
    """What is done with the clauses."""

    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the adopted conditions from the rule and change nothing else.")
    ] = False
    status: Annotated[Literal["draft", "active"], typer.Option("--status", help="Status of the new exclusions.")] = (
        "draft"
    )
    yes: options.Yes = False


def command(
    rule: options.OneRule,
    adopt: AdoptOptions,
    ownership: options.Ownership,
    files: options.RepositoryFiles,
    format: options.TextFormat = "text",
) -> int:
    """Turn a rule's hand-written conditions into exclusions.

    Looks for negated conditions in the `where` operators of the rule's outermost pipeline: not(...), !=, !~, !in,
    !in~, !has, !contains and similar. Conditions on a column that holds a field become fields of the match; others
    that must be true with them become a `where`. A condition without any field stays in the rule and is reported,
    as is every difference between a condition and its exclusion. A comment next to a condition becomes the
    exclusion's reason.

    The exclusions are drafts: with --remove, the rule fires on their events until they are approved.

    Exit code 1: a negated condition stays in the rule, or an exclusion suppresses more than its condition did.
    """
    from fpctl.exchange.adoption.adopt import About
    from fpctl.exchange.adoption.adopt import adopt as adopted

    context = AppContext(files, "optional")
    loaded = context.one_rule(rule)
    about = About(
        ownership.owner or context.owner,
        ownership.ticket,
        ownership.until(context.today),
        adopt.status,
        ownership.approved_by,
    )
    adoption = adopted(loaded, context.repository, context.folder, context.today, about)
    if format == "text":
        _show(loaded, adoption)
    if not adoption.adopted:
        output.say(output.visible_lines(f"{loaded.path}: no clause was adopted"))
        if format == "json":
            output.show_json(_document(loaded, adoption, written=False, removed=False), context.repository.problems)
        return EXIT_FINDINGS if adoption.left else EXIT_OK
    written = _write(context, loaded, adoption, adopt)
    if format == "json":
        done = _document(loaded, adoption, written=written, removed=written and adopt.remove)
        output.show_json(done, context.repository.problems)
    if not written:
        return EXIT_ERROR
    wider = any(kind == "wider" for one in adoption.adopted for kind, _ in one.differences)
    return EXIT_FINDINGS if adoption.left or wider else EXIT_OK


def _show(loaded: LoadedRule, adoption: Adoption) -> None:
    for one in adoption.adopted:
        output.say(output.visible_lines(f"{loaded.path}:{one.line}: {' '.join(one.clause.split())}"))
        output.say(f"--- {one.entry.path}")
        output.write(output.visible_lines(one.entry.text))
        for kind, message in one.differences:
            output.say(f"{kind}: {message}")
    for left in adoption.left:
        output.say(output.visible_lines(f"{loaded.path}:{left.line}: stays in the rule: {left.clause}"))
        output.say(f"  {left.reason}")


def _write(context: AppContext, loaded: LoadedRule, adoption: Adoption, adopt: AdoptOptions) -> bool:
    from fpctl.exclusions.exclusion_writer import write
    from fpctl.files import read_text, write_text

    path = Path(loaded.path)
    paths = [str(one.entry.path) for one in adoption.adopted]
    what = f"write {', '.join(paths)}" + (f" and change {path}" if adopt.remove else "")
    if not terminal.agreed(adopt.yes, what, "Adopt them?"):
        return False

    def write_all() -> None:
        if adopt.remove and read_text(path) != loaded.text.file_text:
            raise FpctlError("the rule was changed meanwhile; nothing was done")
        # The exclusions first: were it to end between, a clause exists twice rather than not at all.
        for one in adoption.adopted:
            write(one.entry)
        if adopt.remove:
            write_text(path, adoption.text)

    ids = [one.entry.exclusion.id for one in adoption.adopted]
    context.audit_log.record(write_all, "adopted", ids, reason=f"from the rule {loaded.rule.id}")
    for one in adoption.adopted:
        output.say(f"adopted {one.entry.exclusion.id} in {one.entry.path}")
    if adopt.remove:
        output.say(f"removed {output.counted(len(adoption.adopted), 'clause')} from {path}")
        drafts = [one.entry.exclusion.id for one in adoption.adopted if one.entry.exclusion.status == "draft"]
        if drafts:
            output.say(f"note: the rule fires on these events until fpctl approve {' '.join(drafts)}")
    return True


def _document(loaded: LoadedRule, adoption: Adoption, *, written: bool, removed: bool) -> dict[str, Any]:
    return {
        "rule": loaded.rule.id,
        "written": written,
        "removed": removed,
        "adopted": [
            {
                "id": one.entry.exclusion.id,
                "path": str(one.entry.path),
                "line": one.line,
                "clause": one.clause,
                "text": one.entry.text,
                "differences": [{"kind": kind, "message": message} for kind, message in one.differences],
            }
            for one in adoption.adopted
        ],
        "left": [{"line": left.line, "clause": left.clause, "reason": left.reason} for left in adoption.left],
    }
