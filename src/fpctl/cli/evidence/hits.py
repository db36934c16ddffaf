"""`fpctl hits`: what each exclusion has suppressed so far."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_OK, FpctlError
from fpctl.exclusions.completeness import state_in_effect
from fpctl.history.history import History
from fpctl.history.records import HitTotals, StoredDrift
from fpctl.history.store import is_there
from fpctl.spelling import did_you_mean

TREND_DAYS = 30
"""The most days that the trend of the table shows; JSON has all of them."""

HEADERS = ("exclusion", "rule", "hits", "unique", "runs", "first event", "last event", "trend")


@dataclass(frozen=True, slots=True)
class HitOptions:
    """Which hits are shown."""

    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Only these exclusions.", autocompletion=completion.exclusion_ids),
    ] = None
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="Only runs of this rule (id or name).",
            autocompletion=completion.rule_names,
        ),
    ] = None
    exclusion: Annotated[list[str] | None, typer.Option("--exclusion", metavar="ID", hidden=True)] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only runs since this time: 30d (whole days), 12h, 2026-11-01, or a timestamp.",
        ),
    ] = None
    by_rule: Annotated[bool, typer.Option("--by-rule", help="Show one line per exclusion and rule.")] = False

    @property
    def wanted(self) -> tuple[str, ...]:
        """The exclusions that are asked for, each once; none for all."""
        return tuple(dict.fromkeys((*(self.ids or ()), *(self.exclusion or ()))))


def command(
    files: options.ExclusionHistoryFiles,
    wanted: HitOptions,
    format: options.ListFormat = "table",
) -> int:
    """Show how much each exclusion has suppressed: hits, unique hits, event times and the trend.

    Hits are added up over runs, so an event read by two runs counts twice. Unique hits are those that no other
    exclusion would have suppressed. Exclusions that have not been part of a run are listed with 0 runs, unless
    --rule is given. Hits of shadow exclusions are counted but not suppressed. Drift found by the last run of each
    rule is reported on stderr.
    """
    context = AppContext(files, "optional")
    start = None if wanted.since is None else _start(wanted.since, context.now)
    known = context.exclusions
    context.audit_log.glance()
    start, totals, drift = _recorded(context.history_place, wanted, start)
    states = {
        loaded.id: state_in_effect(loaded.exclusion, context.settings.enforced, context.today)
        for loaded in known.exclusions
    }
    titles = {loaded.id: loaded.exclusion.title for loaded in known.exclusions}
    if wanted.rule is None:
        totals = _with_unrun(totals, titles, wanted.wanted)
    recorded = {total.exclusion for total in totals}
    for id in wanted.wanted:
        if id not in recorded and id not in titles:
            raise FpctlError(f"no exclusion {id!r} is known", None, did_you_mean(id, titles, what="exclusion"))
    errors = [problem for problem in known.problems if problem.severity == "error"]
    if format == "json":
        rows = [_document(total, titles, states, drift) for total in totals]
        output.show_json({"since": start, "hits": rows}, errors)
    elif format == "csv":
        _show_csv(totals)
    else:
        _show_table(totals, context.today, wanted.by_rule, states)
        for one in drift:
            output.say(output.visible_lines(f"warning: in the run of {one.started.date()} {one.message}"))
    output.show_problems(errors)
    return EXIT_ERROR if errors else EXIT_OK


def _start(since: str, now: datetime) -> datetime:
    """Return the moment that `--since` names; days and weeks are whole days, as the trend shows them."""
    moment = options.parse_moment(since, now, "--since")
    days = since.strip()[-1:] in ("d", "w")
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) if days else moment


def _recorded(
    place: str, wanted: HitOptions, since: datetime | None
) -> tuple[datetime | None, list[HitTotals], list[StoredDrift]]:
    """Return from when on hits are counted, the totals, and what the last run of each rule found to have drifted."""
    rule, chosen = wanted.rule, wanted.wanted
    if not is_there(place):
        output.say(f"No run has been recorded yet: there is no {place}. `fpctl run` creates it.")
        return since, [], []
    with History.open(place, create=False) as history:
        if rule is not None and not history.runs(rule=rule, limit=1):
            names = {name for pair in history.rules() for name in pair}
            raise FpctlError(f"no run of a rule {rule!r} is recorded", None, did_you_mean(rule, names, what="rule"))
        if since is not None and (counted := history.counted_from(since)) != since:
            output.say(f"Hits of {counted.date()} are stored by day only and counted from the start of the day (UTC).")
            since = counted
        drift = [
            one
            for one in history.drift(since=since, latest=True)
            if (not chosen or one.exclusion in chosen) and rule in (None, one.rule, one.rule_name)
        ]
        hits = partial(history.hits, rule=rule, since=since, by_rule=wanted.by_rule)
        totals = [total for id in sorted(chosen) for total in hits(exclusion=id)] if chosen else hits()
        return since, totals, drift


def _with_unrun(totals: list[HitTotals], known: dict[str, str], chosen: Collection[str]) -> list[HitTotals]:
    """Add the exclusions of the folder that no run has had in its plan."""
    recorded = {total.exclusion for total in totals}
    unrun = [HitTotals(id) for id in known if id not in recorded and (not chosen or id in chosen)]
    return sorted([*totals, *unrun], key=lambda total: (total.exclusion, total.rule or ""))


def _show_table(totals: Sequence[HitTotals], today: date, by_rule: bool, states: Mapping[str, str]) -> None:
    if not totals:
        output.say("No hits.")
        return
    days = _days(totals, today)
    headers = [header for header in HEADERS if by_rule or header != "rule"]
    rows = [
        [cell for header, cell in zip(HEADERS, _cells(total, days, states), strict=True) if header in headers]
        for total in totals
    ]
    output.show_table(headers, rows, right=["hits", "unique", "runs"])
    if output.is_terminal(sys.stderr):
        output.say(
            "Times and days are in UTC.\nTrend: one character per day; ▁ none, ▂ to █ some, ? unknown, · no run."
        )


def _cells(total: HitTotals, days: Sequence[date], states: Mapping[str, str]) -> tuple[Any, ...]:
    """Return the cells of one line, in the order of HEADERS."""
    return (
        f"{total.exclusion} (shadow)" if states.get(total.exclusion) == "shadow" else total.exclusion,
        total.rule_name,
        "unknown" if total.rows is None and total.runs else total.rows,
        total.unique,
        f"{total.runs:,} ({total.unknown_runs:,} unknown)" if total.unknown_runs else total.runs,
        total.first,
        total.last,
        _trend(total, days),
    )


def _days(totals: Sequence[HitTotals], today: date) -> list[date]:
    """Return the days of the trend: up to today, from the first day with a run, but not too many."""
    first = min((total.first_day for total in totals if total.first_day is not None), default=today)
    count = min(max((today - first).days + 1, 1), TREND_DAYS)
    return [today - timedelta(days=back) for back in reversed(range(count))]


def _trend(total: HitTotals, days: Sequence[date]) -> str:
    by_day = {point.day: point.rows for point in total.trend}
    ran = [day for day in days if day in by_day]
    bars = dict(zip(ran, output.sparkline([by_day[day] for day in ran]), strict=True))
    return "".join(bars.get(day, "·") for day in days)


def _show_csv(totals: Sequence[HitTotals]) -> None:
    names = ("exclusion", "rule", "rows", "unique", "runs", "unknown_runs", "first", "last", "last_hit", "last_run")
    output.show_csv(names, [[getattr(total, name) for name in names] for total in totals])


def _document(
    total: HitTotals, titles: Mapping[str, str], states: Mapping[str, str], drift: Sequence[StoredDrift]
) -> dict[str, Any]:
    from fpctl.execution.drift import CODES

    return {
        "exclusion": total.exclusion,
        "title": titles.get(total.exclusion),
        "status": states.get(total.exclusion),
        "rule": total.rule,
        "rule_name": total.rule_name,
        "rows": total.rows,
        "unique": total.unique,
        "runs": total.runs,
        "unknown_runs": total.unknown_runs,
        "first": total.first,
        "last": total.last,
        "last_hit": total.last_hit,
        "last_run": total.last_run,
        "trend": [{"day": point.day, "runs": point.runs, "rows": point.rows} for point in total.trend],
        "drift": [
            {"rule": one.rule, "kind": one.kind, "code": CODES.get(one.kind), "message": one.message}
            for one in drift
            if one.exclusion == total.exclusion and total.rule in (None, one.rule)
        ],
    }
