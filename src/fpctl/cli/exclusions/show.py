"""`fpctl show`: exclusions, and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from datetime import date

    from fpctl.errors import Problem
    from fpctl.exclusions.completeness import Lacking
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.exclusions.risk.score import Risk
    from fpctl.history.records import HitTotals
    from fpctl.repository.apply import RuleOutcome


def command(
    ids: options.Exclusions,
    files: options.AllFiles,
    on: options.On = None,
    format: options.TextFormat = "text",
) -> int:
    """Show exclusions: fields, state, file, the clause in each rule, and hits.

    Drafts and expired or retired exclusions are shown with the clauses they would have if they were active. With
    several ids, JSON has them in `exclusions`. Exit code 1: one cannot be placed in a rule that it names, or that rule
    does not exist.
    """
    context = AppContext(files, "optional")
    chosen = context.pick(ids)
    context.audit_log.glance()
    shown = [_shown(context, loaded, options.parse_day(on)) for loaded in chosen]
    problems = [one for one in context.repository.problems if _is_about(one, chosen)]
    if format == "json":
        documents = [_document(one) for one in shown]
        output.show_json(documents[0] if len(documents) == 1 else {"exclusions": documents}, problems)
    for number, one in enumerate(shown if format == "text" else ()):
        output.write("\n" if number else "")
        _show(one)
    output.show_problems(problems)
    missing = any(problem.severity == "error" for problem in problems)
    return EXIT_FINDINGS if missing or any(outcome.findings for one in shown for outcome in one.outcomes) else EXIT_OK


def _is_about(problem: Problem, chosen: Sequence[LoadedExclusion]) -> bool:
    return any(problem.at.path == loaded.path and loaded.id in problem.message for loaded in chosen)


def _shown(context: AppContext, loaded: LoadedExclusion, today: date) -> Shown:
    from fpctl.cli.shared.risk import risk_of
    from fpctl.exclusions.completeness import lacking
    from fpctl.repository.single_exclusion import active_on, trial

    outcomes = trial(active_on(loaded.exclusion, today), context.repository.rules.rules, context.planner(today))
    with context.history() as history:
        known = history is not None
        totals = next(iter(history.hits(exclusion=loaded.id)), None) if history is not None else None
    return Shown(
        loaded,
        context.repository.state(loaded.exclusion, today),
        outcomes,
        totals,
        known,
        risk_of(context, loaded.exclusion, [outcome.loaded for outcome in outcomes]),
        lacking(loaded.exclusion, context.settings.enforced),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of an exclusion. `totals` are its hits, `known` whether there is a history at all."""

    loaded: LoadedExclusion
    state: str
    outcomes: Sequence[RuleOutcome]
    totals: HitTotals | None
    known: bool
    risk: Risk
    lacking: tuple[Lacking, ...] = ()


def _show(one: Shown) -> None:
    from fpctl.cli.shared.risk import risk_lines
    from fpctl.exclusions.completeness import words_for
    from fpctl.exclusions.window_text import describe

    loaded = one.loaded
    exclusion = loaded.exclusion
    lines: list[tuple[str, Any]] = [
        ("id", exclusion.id),
        ("title", exclusion.title or None),
        ("state", f"{one.state} ({words_for(one.lacking)})" if one.state == "draft" and one.lacking else one.state),
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
        ("hits", _hits_text(one.totals, one.known)),
        ("risk", "\n".join(risk_lines(one.risk))),
    ]
    for name, value in lines:
        if value is not None:
            text = ("\n" + " " * 16).join(output.visible(line) for line in str(value).splitlines())
            output.write(f"{name:<14}  {text}\n")
    for outcome in one.outcomes:
        output.write(f"\n{output.visible(outcome.rule.name)} ({output.visible(outcome.rule.path)})\n")
        for line in _placed(outcome):
            output.write(f"  {output.visible(line)}\n")
    if not one.outcomes:
        output.write("\nit matches no rule\n")


def _approval(loaded: LoadedExclusion) -> str | None:
    exclusion = loaded.exclusion
    if exclusion.approved_by is None:
        return None
    on = exclusion.approval.on if exclusion.approval else None
    return f"{exclusion.approved_by} on {on}" if on else exclusion.approved_by


def _hits_text(totals: HitTotals | None, known: bool) -> str:
    if not known:
        return "no run has been recorded yet"
    if totals is None:
        return "not part of any run yet"
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


def _document(one: Shown) -> dict[str, Any]:
    from fpctl.report.explanation import apply_to_dict

    hits = None
    totals = one.totals
    if one.known:
        hits = {
            "rows": totals.rows if totals else None,
            "unique": totals.unique if totals else None,
            "runs": totals.runs if totals else 0,
            "unknown_runs": totals.unknown_runs if totals else 0,
            "first": totals.first if totals else None,
            "last": totals.last if totals else None,
        }
    return {
        "exclusion": one.loaded.exclusion.model_dump(mode="json", exclude_defaults=True),
        "state": one.state,
        "file": one.loaded.path,
        "line": one.loaded.line,
        "content_hash": one.loaded.content_hash,
        "rules": [apply_to_dict(outcome) for outcome in one.outcomes],
        "hits": hits,
        "risk": one.risk.to_dict(),
    }
