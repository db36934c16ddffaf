"""`fpctl show`: one exclusion, and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.exclusions.risk.score import Risk
    from fpctl.history.records import HitTotals
    from fpctl.repository.apply import RuleOutcome


def command(
    id: Annotated[str, typer.Argument(metavar="ID", help="The exclusion.", autocompletion=completion.exclusion_ids)],
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="As of a day.", show_default="today")] = None,
    exclusions: options.ExclusionsFolder = None,
    rules: options.RulesFolder = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Show one exclusion: every field, its state, its file, the clause in each rule, and its hits.

    The clauses are those it has when it is in force, also while it is a draft or has ended. Exit code 1:
    it cannot be placed in a rule that it names, or that rule is not there.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.exclusion_commands import open_book, picked
    from fpctl.cli.shared.risk import risk_of
    from fpctl.repository.single_exclusion import trial

    book = open_book(config, rules, exclusions)
    (loaded,) = picked(book.repository.exclusions, [id])
    glanced(book.repository.exclusions, book.folder, book.settings, book.now)
    today = options.parse_day(on)
    lasting = loaded.exclusion.model_copy(update={"expires": None} if _over(loaded, today) else {})
    outcomes = trial(lasting, book.repository.rules.rules, book.repository.planner(today))
    totals, known = _hits(history or book.settings.history.url, id)
    risk = risk_of(book, loaded.exclusion, [outcome.loaded for outcome in outcomes])
    state = loaded.exclusion.state(today)
    if format == "json":
        output.show_json(_document(loaded, state, outcomes, totals, known, risk))
    else:
        _show(loaded, state, outcomes, totals, known, risk)
    own = [problem for problem in book.repository.problems if problem.at.path == loaded.path and id in problem.message]
    output.show_problems(own)
    missing = any(problem.severity == "error" for problem in own)
    return EXIT_FINDINGS if missing or any(outcome.findings for outcome in outcomes) else EXIT_OK


def _over(loaded: LoadedExclusion, today: Any) -> bool:
    expires = loaded.exclusion.expires
    return bool(expires is not None and expires <= today)


def _hits(place: str, id: str) -> tuple[HitTotals | None, bool]:
    """Return what the history has of the exclusion, and whether there is a history."""
    from fpctl.history.store import is_there

    if not is_there(place):
        return None, False
    from fpctl.history.history import History

    with History.open(place, create=False) as history:
        return next(iter(history.hits(exclusion=id)), None), True


def _show(
    loaded: LoadedExclusion,
    state: str,
    outcomes: Sequence[RuleOutcome],
    totals: HitTotals | None,
    known: bool,
    risk: Risk,
) -> None:
    from fpctl.cli.shared.risk import risk_lines
    from fpctl.exclusions.window_text import describe

    exclusion = loaded.exclusion
    lines: list[tuple[str, Any]] = [
        ("id", exclusion.id),
        ("title", exclusion.title or None),
        ("state", state),
        ("file", str(loaded.at)),
        ("scenario", exclusion.scenario),
        ("rules", ", ".join(exclusion.rules)),
    ]
    for number, alternative in enumerate(exclusion.match):
        if number:
            lines.append(("", "or"))
        lines += [(field, ", ".join(values)) for field, values in alternative.fields().items()]
        if alternative.where is not None:
            lines.append(("where", alternative.where))
    lines += [
        ("window", describe(exclusion.window) if exclusion.window else None),
        ("reason", exclusion.reason),
        ("ticket", exclusion.ticket),
        ("owner", exclusion.owner),
        ("created", exclusion.created),
        ("expires", exclusion.expires or "never"),
        ("approved by", _approval(loaded)),
        ("broad", "yes" if exclusion.broad else None),
        ("placement", exclusion.placement if exclusion.placement != "auto" else None),
        ("notes", exclusion.notes),
        ("tags", ", ".join(exclusion.tags) or None),
        ("lists", ", ".join(loaded.lists) or None),
        ("hits", _told(totals, known)),
        ("risk", "\n".join(risk_lines(risk))),
    ]
    for name, value in lines:
        if value is not None:
            text = ("\n" + " " * 16).join(output.visible(line) for line in str(value).splitlines())
            output.write(f"{name:<14}  {text}\n")
    for outcome in outcomes:
        output.write(f"\n{output.visible(outcome.rule.name)} ({output.visible(outcome.rule.path)})\n")
        for line in _placed(outcome):
            output.write(f"  {output.visible(line)}\n")
    if not outcomes:
        output.write("\nno rule is reached\n")


def _approval(loaded: LoadedExclusion) -> str | None:
    exclusion = loaded.exclusion
    if exclusion.approved_by is None:
        return None
    on = exclusion.approval.on if exclusion.approval else None
    return f"{exclusion.approved_by} on {on}" if on else exclusion.approved_by


def _told(totals: HitTotals | None, known: bool) -> str:
    if not known:
        return "no run has been recorded yet"
    if totals is None:
        return "no run has had it yet"
    if totals.rows is None:
        return f"unknown in all of {output.counted(totals.runs, 'run')}"
    last = f", the last event at {output.moment(totals.last)}" if totals.last else ""
    unique = f" ({totals.unique:,} unique)" if totals.unique is not None else ""
    return f"{totals.rows:,}{unique} in {output.counted(totals.runs, 'run')}{last}"


def _placed(outcome: RuleOutcome) -> list[str]:
    if outcome.tuned is None:
        return [f"not read: {outcome.error}"]
    lines = [f"{one.position}: {one.clause}" for one in outcome.tuned.plan.insertions]
    for skip in outcome.tuned.plan.skips:
        lines.append(f"{'refused' if skip.finding else 'not applied'} [{skip.reason}]: {skip.message}")
        if skip.hint:
            lines.append(f"  hint: {skip.hint}")
    lines += [
        f"warning [{one.code}]: {one.message}" for one in outcome.tuned.plan.warnings if one.exclusion is not None
    ]
    return lines


def _document(
    loaded: LoadedExclusion,
    state: str,
    outcomes: Sequence[RuleOutcome],
    totals: HitTotals | None,
    known: bool,
    risk: Risk,
) -> dict[str, Any]:
    from fpctl.report.explanation import apply_to_dict

    hits = None
    if known:
        hits = {
            "rows": totals.rows if totals else None,
            "unique": totals.unique if totals else None,
            "runs": totals.runs if totals else 0,
            "unknown_runs": totals.unknown_runs if totals else 0,
            "first": totals.first if totals else None,
            "last": totals.last if totals else None,
        }
    return {
        "exclusion": loaded.exclusion.model_dump(mode="json", exclude_defaults=True),
        "state": state,
        "file": loaded.path,
        "line": loaded.line,
        "content_hash": loaded.content_hash,
        "rules": [apply_to_dict(outcome) for outcome in outcomes],
        "hits": hits,
        "risk": risk.to_dict(),
    }
