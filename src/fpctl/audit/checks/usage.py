"""FP5xx: what the recorded runs say. Without a history none of these is looked for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import date, timedelta

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, days
from fpctl.audit.finding import Finding
from fpctl.audit.run_history import per_run
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.history.records import HitTotals


def _counted(context: AuditContext) -> Iterator[tuple[LoadedExclusion, HitTotals]]:
    """Yield the active exclusions that runs had in their plans, with their hits."""
    if context.recorded is None:
        return
    for loaded in context.reviewed:
        found = context.recorded.hits.get(loaded.id)
        if found is not None and found.runs > found.unknown_runs:
            yield loaded, found


def _never_hit(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded, hits in _counted(context):
        since = _in_force_since(loaded.exclusion, hits) if hits.rows == 0 and not hits.unknown_runs else None
        if since is not None:
            held = (context.today - since).days
            if held >= context.policy.usage.never:
                runs = f"{hits.runs:,} run{'' if hits.runs == 1 else 's'}"
                yield check.finding(
                    loaded.at,
                    f"{loaded.id} has never had a hit, in {runs} and {days(held)}",
                    exclusion=loaded.id,
                    fix=f'fpctl retire {loaded.id} --reason "never hit"',
                )


def _in_force_since(exclusion: Exclusion, hits: HitTotals) -> date | None:
    """Return the day since when runs could have shown a hit: that of the first run in whose plan it was."""
    first_run = hits.first_day
    return max((day for day in (first_run, exclusion.created) if day is not None), default=None) if first_run else None


def _idle(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded, hits in _counted(context):
        if hits.last_hit is None or hits.last_run is None:
            continue
        quiet = (hits.last_run.date() - hits.last_hit.date()).days
        # If nothing ran lately, nobody knows.
        if quiet >= context.policy.usage.idle:
            yield check.finding(
                loaded.at,
                f"{loaded.id} has had no hit for {days(quiet)}: the last was in the run of {hits.last_hit.date()}",
                exclusion=loaded.id,
                fix=f'fpctl retire {loaded.id} --reason "no hit since {hits.last_hit.date()}"',
            )


def _surge(context: AuditContext, check: Check) -> Iterator[Finding]:
    policy = context.policy.usage
    span = timedelta(days=policy.days)
    for loaded, hits in _counted(context):
        exclusion = loaded.exclusion
        approved = (
            exclusion.approval.on if exclusion.approval is not None and exclusion.approval.on else exclusion.created
        )
        if approved is None or approved > context.today - 2 * span:
            continue
        now = per_run(hits, context.today - span + timedelta(days=1), context.today)
        if now is None or now < policy.floor:
            continue
        # What the approver could know: hits before the approval where there were runs, else those right after it.
        then = per_run(hits, approved - span, approved) or per_run(hits, approved, approved + span)
        if then is not None and now > policy.factor * max(then, 1.0):
            yield check.finding(
                loaded.at,
                f"{loaded.id} suppresses {now:,.0f} events a run in the last {days(policy.days)}; "
                f"around its approval on {approved} it was {then:,.0f}",
                exclusion=loaded.id,
                fix=f"fpctl hits --exclusion {loaded.id}",
            )


def _silenced(context: AuditContext, check: Check) -> Iterator[Finding]:
    seen: set[str] = set()
    by_id = {loaded.rule.id: loaded for loaded in context.rules}
    for run in sorted(context.recorded.runs, key=lambda run: run.started, reverse=True) if context.recorded else ():
        if run.rule in seen or run.status != "ok" or run.rule not in by_id:
            continue
        seen.add(run.rule)
        if (
            run.rows_before is not None
            and run.rows_before >= context.policy.usage.floor
            and run.rows_suppressed == run.rows_before
        ):
            loaded = by_id[run.rule]
            yield check.finding(
                loaded.text.file_location(0),
                f"in the run of {run.started.date()} exclusions suppressed all {run.rows_before:,} events of "
                f"`{loaded.rule.name}`",
                rule=run.rule,
                fix=f"fpctl hits --rule {shlex.quote(run.rule)}",
            )


def _never_alone(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded, hits in _counted(context):
        if hits.rows and hits.unique == 0 and hits.rows >= context.policy.usage.floor:
            yield check.finding(
                loaded.at,
                f"other exclusions suppress all {hits.rows:,} events that {loaded.id} suppresses",
                exclusion=loaded.id,
                fix=f'fpctl retire {loaded.id} --reason "others suppress the same"',
            )


def _noticed(context: AuditContext, check: Check) -> Iterator[Finding]:
    """Yield what runs noticed since the exclusion was approved, once for each rule: the newest run's words."""
    seen: set[tuple[str, str]] = set()
    by_id = {loaded.id: loaded for loaded in context.reviewed}
    for one in context.recorded.drift if context.recorded is not None else ():
        loaded = by_id.get(one.exclusion)
        if loaded is None or one.kind != check.slug or (one.exclusion, one.rule) in seen:
            continue
        seen.add((one.exclusion, one.rule))
        approval = loaded.exclusion.approval
        # Who approved later could see it.
        if approval is not None and approval.on is not None and approval.on > one.started.date():
            continue
        yield check.finding(
            loaded.at,
            f"in the run of {one.started.date()} {one.message}",
            exclusion=loaded.id,
            rule=one.rule,
            fix=f"fpctl preview {loaded.id}",
        )


CHECKS = (
    Check(
        "FP501", "never-hit", "warning", "The exclusion has never had a hit",
        "The exclusion was part of runs for as many days as the policy says, all runs know how much it "
        "suppressed, and that was nothing. Its values may have a typo, the work may have ended, or it may be "
        "waiting for something rare. Until then it is an unnecessary hole.",
        "Compare its values with an event that it is meant for. If there is none, retire it.",
        _never_hit, ("usage.never",), "fp-2026-0007 has never had a hit, in 60 runs and 45 days",
    ),
    Check(
        "FP502", "idle", "warning", "The exclusion has had no hits for a long time",
        "It had hits, and then none for as many days as the policy says, up to the last run that it was part of. "
        "The activity it was meant for has probably ended.",
        "Ask its owner, or retire it.",
        _idle, ("usage.idle",), "fp-2026-0007 has had no hit for 120 days: the last was in the run of 2026-07-27",
    ),
    Check(
        "FP503", "surge", "warning", "The exclusion suppresses far more than when it was approved",
        "The average hits per run in the last days are compared with those in the same number of days before the "
        "approval (`approval.on`, otherwise `created`), or after it if there were no runs before. They exceed "
        "the policy's factor and its floor. Either the benign activity has grown, or something else has learned "
        "to look like it.",
        "Look at the events first (`fpctl hits --exclusion ID`, and the rule without the exclusion).",
        _surge, ("usage.factor", "usage.floor", "usage.days"),
        "fp-2026-0007 suppresses 4,200 events a run in the last 14 days; around its approval on 2026-06-01 it was 35",
    ),
    Check(
        "FP504", "silenced", "warning", "Exclusions suppress every event of a rule",
        "In the rule's last complete run, all rows that reached the clauses were suppressed, and there were "
        "many. The rule cannot fire any more.",
        "If all of it is benign, fix the rule; otherwise an exclusion is too broad.",
        _silenced, ("usage.floor",),
        "in the run of 2026-11-24 exclusions suppressed all 12,406 events of `RMM connection`",
    ),
    Check(
        "FP505", "never-alone", "note", "Other exclusions suppress everything that this one suppresses",
        "It had hits, but no unique ones. Unlike FP402 this is an observation, not a proof: another day may "
        "bring an event that only this exclusion matches.",
        "Retire it, or narrow the other exclusions.",
        _never_alone, ("usage.floor",), "other exclusions suppress all 1,208 events that fp-2026-0007 suppresses",
    ),
    Check(
        "FP506", "unusual-hits", "warning", "A run suppressed far more than earlier runs",
        "`fpctl run` compares the hits of each exclusion in each rule with the median of the last 30 complete "
        "runs over a similar time range (half to twice as long), if there are at least three. Ten times as many, "
        "and at least 100, are reported after the run and recorded. The finding stays for 14 days, or until the "
        "exclusion is approved again on a later day. FP503 compares with the time of the approval instead.",
        "Look at what is suppressed (`fpctl preview ID`): is it more of the benign activity, or something that "
        "resembles it?",
        _noticed, (),
        "in the run of 2026-11-24 fp-2026-0007 suppressed 4,200 events of `RMM connection`, more than 10 times as many "
        "as usual: the median of the 12 runs before is 35",
    ),
    Check(
        "FP507", "new-devices", "warning", "An exclusion suppresses events on a kind of device that is new to it",
        "An exclusion without devices, or with patterns of them, applies wherever its URL, hash or other fields "
        "occur. Runs record the kinds of devices whose events it suppresses: the name without domain and number, "
        "for example `fin-ws` for `fin-ws-017.contoso.com`. A kind that no earlier run had is reported after the "
        "run and recorded. The finding stays for 14 days, or until the exclusion is approved again on a later "
        "day.",
        "Find out whether these devices should do this. If not, name the devices in the exclusion.",
        _noticed, (),
        "in the run of 2026-11-24 fp-2026-0007 suppresses events of `RMM connection` on a kind of device that it never "
        "did before: fin-ws",
    ),
)  # fmt: skip
