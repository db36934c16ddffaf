"""What an exclusion does to a rule on real events, as `preview` and the guided `tune` show it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fpctl.cli.shared import output

if TYPE_CHECKING:
    from fpctl.execution.result_changes import RowChanges
    from fpctl.tuning.impact import Impact

BAR = 30
SHOWN_ROWS = 10
SHOWN_ENTITIES = 8


def unproved(one: Impact) -> bool:
    """Return whether rows may appear only after, and there are too many to have looked."""
    may_add = any(warning.code in ("effect", "partial-groups", "trigger-operator") for warning in one.warnings)
    return one.rows is not None and not one.rows.compared and may_add


def show_impact(one: Impact, *, brief: bool = False) -> None:
    """Print what an exclusion does to one rule: clause, events and result rows before and after, days, entities.

    Args:
        brief: leave out the clause, the days and the sample, which are shown elsewhere.
    """
    when = f"{one.span.start:%Y-%m-%d %H:%M} to {one.span.end:%Y-%m-%d %H:%M} UTC"
    output.write(f"\n{output.visible(one.rule.name)} ({output.visible(one.rule.path)}), {when}\n")
    if not one.whole:
        output.write("  the rule has a shorter lookback: only events within it are counted\n")
    for clause in one.clauses if not brief else ():
        output.write(f"  {output.visible(clause.strip())}\n")
    for skip in one.skips:
        output.write(f"  not applied [{skip.reason}]: {output.visible(skip.message)}\n")
    for warning in one.warnings:
        output.write(f"  warning [{warning.code}]: {output.visible(warning.message)}\n")
    if one.error is not None:
        output.write(f"  unknown: {output.visible(one.error)}\n")
    if one.events is not None and one.removed is not None:
        left = one.events - one.removed
        output.write(f"\n  Events at the clause: {one.events:,} before, {left:,} after, {one.removed:,} suppressed\n")
    if one.fields is not None:
        output.write(f"  {output.visible_lines(one.fields.text())}\n")
    if one.rows is not None:
        _show_changes(one.rows, unproved(one))
    if not brief:
        _show_days(one)
    _show_entities(one)
    if one.sample and not brief:
        of = f" (a sample, {len(one.sample)} of {one.removed:,})" if (one.removed or 0) > len(one.sample) else ""
        output.write(f"\n  What is suppressed, the latest first{of}:\n")
        names = list(one.sample[0])
        output.show_table(names, [[_short(row.get(name)) for name in names] for row in one.sample], identifiers=True)


def _show_changes(rows: RowChanges, unproved: bool) -> None:
    if not rows.compared:
        output.write(f"  Result rows: {rows.before:,} before, {rows.after:,} after; too many to compare one by one\n")
        if unproved:
            text = "rows may appear only after (see the warning): narrow the time with --since to see which"
            output.write(output.coloured(f"    {text}", "error") + "\n")
        return
    output.write(
        f"  Result rows: {rows.before:,} before, {rows.after:,} after; {len(rows.vanished):,} removed, "
        f"{rows.changed:,} with other numbers, {len(rows.appeared):,} only after\n"
    )
    for row in rows.appeared[:SHOWN_ROWS]:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in row.items())
        output.write(output.coloured(f"    only after: {output.visible(shown)}", "error") + "\n")
    if len(rows.appeared) > SHOWN_ROWS:
        output.write(f"    and {len(rows.appeared) - SHOWN_ROWS:,} more only after: --format json shows all\n")


def _show_days(one: Impact) -> None:
    if not one.days:
        return
    top = max(day.events for day in one.days)
    output.write("\n")
    output.show_table(
        ["day", "events left # and suppressed .", "events", "suppressed", "alerts", "after"],
        [
            [
                f"{day.day} {day.day:%a}",
                bar(day.events, day.removed, top),
                day.events,
                day.removed,
                day.alerts_before,
                day.alerts_after,
            ]
            for day in one.days
        ],
        right=("events", "suppressed", "alerts", "after"),
    )


def bar(events: int, removed: int, top: int, width: int = BAR) -> str:
    """Return a bar: `#` for what is left of the events, `.` for what is suppressed; something is never nothing."""
    if not top or not events:
        return ""
    whole = max(1, round(width * events / top))
    out = 0 if not removed else min(whole, max(1, round(whole * removed / events)))
    if out == whole and removed < events and whole > 1:
        out -= 1
    return "#" * (whole - out) + "." * out


def _show_entities(one: Impact) -> None:
    names = {"device": "devices", "url": "hosts", "hash": "hashes"}
    for field, found in one.entities.items():
        line = f"  {names[field]}: {found.total:,} seen, {found.touched:,} lose events, {found.vanished:,} disappear"
        shown = ", ".join(f"{value} ({count:,})" for value, count in found.shown[:SHOWN_ENTITIES])
        if shown and found.vanished > SHOWN_ENTITIES:
            shown += f" and {found.vanished - SHOWN_ENTITIES:,} more"
        output.write(output.visible(f"{line}{': ' + shown if shown else ''}") + "\n")


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return output.moment(value)
    text = str(value) if value is not None else ""
    return text if len(text) <= 60 else text[:57] + "..."
