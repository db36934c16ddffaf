"""A proposal of `tune`, as it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fpctl.cli.shared import output

if TYPE_CHECKING:
    from fpctl.tuning.suggestion import Suggestion, TuningResult


def show_heading(number: int, one: Suggestion, found: TuningResult) -> None:
    """Print a proposal's number and how much it suppresses."""
    share = f"{one.rows_removed / found.rows:.1%}"
    events, rows = output.counted(one.rows_removed, "event"), output.counted(one.result_rows_removed, "result row")
    head = f"{number}. {events} ({share}), {rows}"
    output.write("\n" + output.coloured(head, "bold") + "\n")


def show_proposal(number: int, one: Suggestion, found: TuningResult, clause: str | None) -> None:
    """Print what a proposal matches and suppresses, its rhythm and its risk.

    Args:
        clause: as it would be in the rule, printed with the command that records the proposal; None where both
            are shown later.
    """
    from fpctl.tuning.drafts import add_command

    show_heading(number, one, found)
    for field, values in one.exclusion.match[0].fields().items():
        more = f" and {len(values) - 8} more" if len(values) > 8 else ""
        output.write(output.visible(f"   {field:<15} {', '.join(map(short, values[:8]))}{more}") + "\n")
    seen = f"{output.counted(one.devices, 'device')}, " if one.devices is not None else ""
    output.write(f"   {'seen':<15} {seen}{one.when.words}\n")
    if one.when.weekly:
        output.write(f"   {'window':<15} {'; '.join(one.when.weekly)} UTC\n")
    if one.like.scenario:
        output.write(output.visible(f"   {'looks like':<15} {one.like.scenario}: {'; '.join(one.like.reasons)}") + "\n")
    points = "; ".join(f"{point.points:+} {point.message}" for point in one.risk.factors)
    output.write(output.visible(f"   {'risk':<15} {one.risk.score} of 100, {one.risk.level}: {points}") + "\n")
    output.write(f"   {'expires':<15} {one.exclusion.expires}\n")
    for event in one.sample[:2]:
        shown = ", ".join(f"{name}={short(value, 40)}" for name, value in event.items() if value not in (None, ""))
        output.write(output.visible(f"   {'for example':<15} {shown}") + "\n")
    if clause is not None:
        output.write(output.visible(f"   {'clause':<15} {clause}") + "\n")
        output.write(output.visible(f"   {'record it':<15} {add_command(one)}") + "\n")


def short(value: Any, most: int = 80) -> str:
    """Return a value in one line, shortened to a number of characters."""
    if isinstance(value, datetime):
        return output.moment(value)
    text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."
