"""An estate as the comment of a pull request: what needs a decision, noise, findings, tuned queries as diffs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpctl.report.diff import clause_diff
from fpctl.report.estate import DECISION_TITLES, Estate
from fpctl.report.markdown import cell, fenced, said
from fpctl.report.page.render import by_kind
from fpctl.repository.apply import RuleOutcome
from fpctl.text.visible import visible_lines

MOST_CHARACTERS = 60_000
"""GitHub takes comments of 65,536 characters."""
MOST_OF_A_KIND, MOST_RULES, MOST_FINDINGS, LONGEST_LINE = 15, 20, 30, 500


def to_comment(estate: Estate) -> str:
    """Return the comment. Where it would be too long the last diffs are left out, and it says how many."""
    lines = [*_totals(estate), *_decisions(estate), *_noise(estate), *_findings(estate)]
    changed = [outcome for outcome in estate.outcomes if outcome.tuned is not None and outcome.tuned.plan.insertions]
    if changed:
        lines += ["", "### Tuned queries", ""]
    room = MOST_CHARACTERS - sum(len(line) + 1 for line in lines)
    for number, outcome in enumerate(changed):
        shown = list(_diff(outcome))
        room -= sum(len(line) + 1 for line in shown)
        if room < 0:
            lines.append(f"{len(changed) - number:,} more are left out: `fpctl apply --diff` shows all of them.")
            break
        lines += shown
    return "\n".join(lines) + "\n"


def _totals(estate: Estate) -> Iterator[str]:
    totals = estate.totals()
    events, suppressed = totals["events"], totals["suppressed"]
    share = f" ({100 * suppressed / events:.1f}%)" if events and suppressed is not None else ""
    yield f"## False-positive exclusions on {estate.on}"
    yield ""
    yield "| rules | active exclusions | events at the clauses | suppressed | decisions due | findings |"
    yield "|--:|--:|--:|--:|--:|--:|"
    yield (
        f"| {_number(totals['rules'])} | {_number(totals['active'])} | {_number(events)} | "
        f"{_number(suppressed)}{share} | {_number(totals['decisions'])} | {_number(totals['findings'])} |"
    )
    if not estate.recorded:
        yield from ("", "No run has been recorded: hits are unknown.")
    if estate.problems:
        yield from ("", f"**{estate.problems:,} authored files could not be read and are left out.**")


def _decisions(estate: Estate) -> Iterator[str]:
    for kind, found in by_kind(estate.decisions):
        yield from ("", f"### {DECISION_TITLES[kind]} ({len(found):,})", "")  # type: ignore[index]
        yield from ("| exclusion | why | fix |", "|---|---|---|")
        for one in found[:MOST_OF_A_KIND]:
            named = f"{one.exclusion} {one.title}" if one.title else one.exclusion
            yield f"| {cell(named)} | {cell(one.message)} | {_command(one.command)} |"
        yield from _more(len(found), MOST_OF_A_KIND, "fpctl report --csv DIR")


def _noise(estate: Estate) -> Iterator[str]:
    run = [one for one in estate.rules if one.last is not None]
    if not run:
        return
    yield from ("", "### Noise by rule, in its last complete run", "")
    yield from ("| rule | exclusions | events before | suppressed | left over |", "|---|--:|--:|--:|--:|")
    for one in run[:MOST_RULES]:
        numbers = " | ".join(_number(value) for value in (one.events, one.suppressed, one.remaining))
        yield f"| {cell(one.name)} | {one.exclusions:,} | {numbers} |"
    yield from _more(len(run), MOST_RULES, "fpctl report --csv DIR")


def _findings(estate: Estate) -> Iterator[str]:
    if not estate.findings:
        return
    yield from ("", "### Audit findings", "", "| severity | code | finding | fix |", "|---|---|---|---|")
    for one in estate.findings[:MOST_FINDINGS]:
        yield f"| {one.severity} | {one.code} | {cell(one.message)} | {_command(one.fix)} |"
    yield from _more(len(estate.findings), MOST_FINDINGS, "fpctl audit")


def _diff(outcome: RuleOutcome) -> Iterator[str]:
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …" for line in clause_diff(outcome)]
    yield from (f"#### {said(outcome.rule.name)}", "", *fenced(lines, "diff"), "")


def _more(count: int, most: int, command: str) -> Sequence[str]:
    return ("", f"and {count - most:,} more: `{command}`") if count > most else ()


def _command(text: str | None) -> str:
    if text is None:
        return "by hand"
    return cell(text) if "`" in text else f"`{' '.join(visible_lines(text).split())}`".replace("|", "\\|")


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
