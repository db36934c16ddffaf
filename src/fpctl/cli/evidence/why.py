"""`fpctl why`: why an event did not fire."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.field_options import FieldOptions
from fpctl.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from fpctl.tuning.why import Answer, Suppressor

WORDS = {
    "suppressed": "an exclusion suppresses it",
    "may-be-suppressed": "exclusions suppress it if the rest of the event matches too",
    "fires": "no exclusion suppresses it",
    "no-match": "the rule itself does not fire on it; no exclusion is involved",
    "unknown": "it is unknown",
}


@dataclass(frozen=True, slots=True)
class EventOptions:
    """The event."""

    row: Annotated[
        str | None,
        typer.Option("--row", metavar="JSON|-", help="The event's columns as a JSON object, or - for stdin."),
    ] = None
    table: Annotated[
        str | None,
        typer.Option("--table", metavar="NAME", help="The event's table, if the rule reads several."),
    ] = None


def command(
    rule: options.OneRule,
    event: EventOptions,
    fields: FieldOptions,
    files: options.RepositoryFiles,
    format: options.TextFormat = "text",
) -> int:
    """Explain why a rule did not fire on an event: which exclusion suppresses it, since when, and who approved it.

    With --row, runs the base and the tuned rule on the event locally. With fields such as --device, lists the
    exclusions that match them and what else each requires. Exit code 2: the reason could not be determined.
    """
    from fpctl.repository.apply import applicable
    from fpctl.tuning.why import parse_event, why_event, why_values

    if (event.row is None) == (not fields.values):
        raise typer.BadParameter("give either --row, or fields such as --device build01")
    context = AppContext(files)
    loaded = context.one_rule(rule)
    by_id = {one.id: one for one in context.exclusions.exclusions}
    active = applicable(loaded.rule, context.repository.active())
    chosen = [(by_id[one.id], named) for one, named in active if one.status != "draft"]
    if event.row is not None:
        row = parse_event(sys.stdin.read() if event.row == "-" else event.row)
        answer = why_event(loaded.rule, row, chosen, context.planner(), context.now, event.table)
    else:
        answer = why_values(loaded.rule, fields.values, chosen, context.today)
    if format == "json":
        output.show_json(
            {
                "rule": answer.rule.id,
                "verdict": answer.verdict,
                "exclusions": [one.to_dict() for one in answer.suppressors],
                "error": answer.error,
            },
            context.repository.problems,
        )
    else:
        _show(answer)
    output.show_problems(context.repository.problems)
    return EXIT_ERROR if answer.verdict == "unknown" or context.repository.broken else EXIT_OK


def _show(answer: Answer) -> None:
    output.write(f"{output.visible(answer.rule.name)}: {WORDS[answer.verdict]}\n")
    if answer.error is not None:
        output.write(f"  {output.visible(answer.error)}\n")
    for one in answer.suppressors:
        for line in _lines(one):
            output.write(f"  {output.visible(line)}\n")


def _lines(one: Suppressor) -> list[str]:
    exclusion = one.loaded.exclusion
    on = exclusion.approval.on if exclusion.approval else None
    approved = "not approved"
    if exclusion.approved_by:
        approved = f"approved by {exclusion.approved_by}{f' on {on}' if on else ''}"
    lines = [
        f"{exclusion.id} {exclusion.title}".rstrip(),
        f"  since {exclusion.created or 'it was recorded'}, until {exclusion.expires or 'further notice'}; {approved}",
    ]
    if exclusion.reason:
        lines.append(f"  because {exclusion.reason}")
    if one.also:
        also = "; ".join(f"{name} {', '.join(values)}" for name, values in one.also.items())
        lines.append(f"  only where also: {also}")
    if one.clause:
        lines.append(f"  {one.clause.strip()}")
    return lines
