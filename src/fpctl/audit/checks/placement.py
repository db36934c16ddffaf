"""FP3xx: the rules that an exclusion is for, and its clauses in them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext, selector_at
from fpctl.audit.finding import Finding
from fpctl.execution.drift import moved
from fpctl.rules.selector import parse_selector
from fpctl.spelling import nearest


def _unknown_rule(context: AuditContext, check: Check) -> Iterator[Finding]:
    names: set[str] | None = None
    hints: dict[str, str] = {}
    for loaded in context.kept:
        for index, text in enumerate(loaded.exclusion.rules):
            selector = parse_selector(text)
            if not selector.names_one or context.index.selected(text):
                continue
            if names is None:
                names = {name for one in context.rules for name in (one.rule.id, one.rule.name, one.rule.path)}
            if text not in hints:
                close = nearest(selector.pattern, names)
                hints[text] = f" (did you mean `{close}`?)" if close is not None else ""
            yield check.finding(
                loaded.at_key(f"rules.{index}"),
                f"{loaded.id} names the rule `{text}`, which does not exist{hints[text]}",
                exclusion=loaded.id,
                fix=f"fpctl edit {loaded.id}",
                subject=text,
            )


def _no_rule(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        for index, text in enumerate(loaded.exclusion.rules):
            if not parse_selector(text).names_one and not context.index.selected(text):
                yield check.finding(
                    loaded.at_key(f"rules.{index}"),
                    f"`{text}` of {loaded.id} matches no rule",
                    exclusion=loaded.id,
                    fix=f"fpctl edit {loaded.id}",
                    subject=text,
                )


def _not_placeable(context: AuditContext, check: Check) -> Iterator[Finding]:
    for index, planned in context.plans.items():
        for id, skip in sorted(planned.skips.items()):
            if skip.finding:
                named = f"{id} names `{planned.loaded.rule.name}` but suppresses nothing in it"
                message = f"{named}: {skip.message} [{skip.reason}]"
                yield _about(context, check, id, index, skip.line, message, skip.reason)


def _applies_nowhere(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        if context.repository.state(loaded.exclusion, context.today) != "active":
            continue
        reached = [context.plans[index] for index in context.index.rules_of(loaded.exclusion) if index in context.plans]
        skips = [planned.skips.get(loaded.id) for planned in reached]
        # Where a rule is named, FP303 says it of that rule.
        if skips and all(skip is not None and not skip.finding for skip in skips):
            reasons = sorted({skip.reason for skip in skips if skip is not None})
            count = f"{len(skips):,} rules" if len(skips) > 1 else "1 rule"
            yield check.finding(
                loaded.at_key("rules"),
                f"{loaded.id} applies to {count} but suppresses nothing in any of them [{', '.join(reasons)}]",
                exclusion=loaded.id,
                fix=f"fpctl edit {loaded.id}",
            )


def _broken_rule(context: AuditContext, check: Check) -> Iterator[Finding]:
    for planned in context.plans.values():
        if planned.error is not None:
            rule = planned.loaded.rule
            at = planned.error.at or planned.at_line(None)
            yield check.finding(
                at,
                f"the rule `{rule.name}` cannot be planned, so its exclusions suppress nothing in it: "
                f"{planned.error.message}",
                rule=rule.id,
                fix=f"fpctl rules lint {shlex.quote(rule.id)}",
            )


def _about(
    context: AuditContext, check: Check, id: str, index: int, line: int | None, message: str, subject: str
) -> Finding:
    """Return a finding about an exclusion's clause in the rule with this index."""
    planned = context.plans[index]
    rule = planned.loaded.rule
    return check.finding(
        selector_at(context.by_id[id], context.index, index),
        message,
        exclusion=id,
        rule=rule.id,
        fix=f"fpctl explain {shlex.quote(rule.id)}",
        subject=subject,
        related=planned.at_line(line),
    )


def _warned(context: AuditContext, check: Check, *codes: str) -> Iterator[Finding]:
    for index, planned in context.plans.items():
        for id, warnings in sorted(planned.warnings.items()):
            for warning in warnings:
                if warning.code in codes:
                    line = f" (line {warning.line})" if warning.line else ""
                    message = f"{id} in `{planned.loaded.rule.name}`{line}: {warning.message}"
                    yield _about(context, check, id, index, warning.line, message, f"{warning.code} {warning.message}")


def _effect(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _warned(context, check, "effect")


def _trigger(context: AuditContext, check: Check) -> Iterator[Finding]:
    for planned in context.plans.values():
        rule = planned.loaded.rule
        for warning in planned.plan.warnings if planned.plan is not None else ():
            if warning.code == "trigger-operator":
                yield check.finding(
                    planned.at_line(None),
                    f"`{rule.name}` has exclusions: {warning.message}",
                    rule=rule.id,
                    fix=f"fpctl explain {shlex.quote(rule.id)}",
                )


def _unguarded(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _warned(context, check, "no-expiry-guard")


def _assumed(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _warned(context, check, "assumed-columns")


def _partly(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _warned(
        context, check, "partial-fields", "partial-match", "partial-union", "untested-values", "joined-event"
    )


def _mixed(context: AuditContext, check: Check) -> Iterator[Finding]:
    return _warned(context, check, "mixed-sources")


def _drifted(context: AuditContext, check: Check) -> Iterator[Finding]:
    """Yield the clauses that are no longer where the approver saw them, in the way that the check is about."""
    for index, planned in context.plans.items():
        rule = planned.loaded.rule
        for id in sorted({*planned.stands, *planned.skips}):
            loaded = context.by_id.get(id)
            if loaded is None:
                continue
            for one in moved(loaded.exclusion, rule.id, rule.name, planned.stands.get(id), planned.skips.get(id)):
                if one.kind == check.slug:
                    yield check.finding(
                        loaded.at_key("approval"),
                        one.message,
                        exclusion=id,
                        rule=rule.id,
                        fix=f"fpctl approve {id}",
                        related=context.rules[index].text.file_location(0),
                    )


CHECKS = (
    Check(
        "FP301", "unknown-rule", "error", "The exclusion names a rule that does not exist",
        "An id, a name or a path without wildcards names one rule. If no rule matches, the exclusion suppresses "
        "nothing: the rule was renamed or removed, or the selector has a typo.",
        "Correct the selector, or retire the exclusion if the rule is gone permanently.",
        _unknown_rule, (),
        "fp-2026-0007 names the rule `RMM conection`, which does not exist (did you mean `RMM connection`?)",
    ),
    Check(
        "FP302", "no-rule", "warning", "A selector matches no rule",
        "No rule in the repository has this glob, tag, technique, tactic or table. Other selectors of the "
        "exclusion may match rules.",
        "Remove or correct the selector. `fpctl rules list` shows ids, names and techniques.",
        _no_rule, (), "`tag:rmm-old` of fp-2026-0007 matches no rule",
    ),
    Check(
        "FP303", "not-placeable", "error", "The exclusion cannot be placed in a rule that it names",
        "No insertion point of the query has all the columns that the exclusion needs, or the only possible "
        "place would make the rule fire more. The alerts for which the exclusion was written continue. Each "
        "[reason](reasons.md) says what would help.",
        "`fpctl explain RULE` shows every insertion point and the columns visible there.",
        _not_placeable, (),
        "fp-2026-0007 names `Logons by country` but suppresses nothing in it: no column here holds the field url "
        "[field-not-in-table]",
    ),
    Check(
        "FP304", "applies-nowhere", "warning", "The exclusion applies in none of its rules",
        "If a rule that is matched by pattern does not have the columns, that is not a problem. If none of the "
        "rules has them, the exclusion suppresses nothing at all.",
        "Choose other fields, or other rules.",
        _applies_nowhere, (),
        "fp-2026-0007 applies to 12 rules but suppresses nothing in any of them [field-not-in-table]",
    ),
    Check(
        "FP305", "broken-rule", "error", "A rule with exclusions cannot be planned",
        "Its query is not valid KQL, or a clause could not be inserted safely. Until that is fixed, none of its "
        "exclusions is active in it.",
        "`fpctl rules lint RULE` shows the position.",
        _broken_rule, (),
        "the rule `RMM connection` cannot be planned, so its exclusions suppress nothing in it: expected an expression",
    ),
    Check(
        "FP311", "effect", "warning", "Suppressing rows can make the rule fire more",
        "After the clause, the query asks for few rows, for the first or last ones, or for an average. With "
        "fewer rows it may return something that it did not return before. `where count_ < 5`, `arg_max`, `top` "
        "and `take` are of this kind. The clause is still inserted; see [effect](reasons.md).",
        "If the result still has the columns, `placement: result` moves the clause to the end, where it can only "
        "remove rows.",
        _effect, (), "fp-2026-0007 in `Rare logons` (line 6): where: fewer rows can satisfy `count_ < 5`",
    ),
    Check(
        "FP312", "few-results-trigger", "warning", "The rule fires on few results and has exclusions",
        "`triggerOperator` is `lt`, `eq` or `ne`, so every removed row brings the rule closer to firing.",
        "Invert the rule, or do not use exclusions on it.",
        _trigger, (),
        "`Sensor silent` has exclusions: the rule fires on a result count that is less than 5: fewer rows can "
        "make it fire",
    ),
    Check(
        "FP313", "no-expiry-guard", "note", "The clause does not expire by itself",
        "No time column is visible at the clause, so it cannot contain the expiry date. It is removed only when "
        "the rule is next applied after that day.",
        "Keep the rule's time column visible up to that place, or apply rules every day.",
        _unguarded, (),
        "fp-2026-0007 in `RMM connection` (line 4): no time column is visible here, so fp-2026-0007 keeps suppressing "
        "after 2027-05-24 until the rule is applied again",
    ),
    Check(
        "FP314", "assumed-columns", "note", "Columns of an unknown table are assumed",
        "The rule reads a table that is neither documented nor described in `schema/`. The usual column names "
        "are assumed; if the table does not have them, the exclusion suppresses nothing.",
        "Describe the table in `schema/*.yaml`, or map the field in `fpctl.toml` (`[fields.TABLE]`).",
        _assumed, (),
        "fp-2026-0007 in `Proxy` (line 2): the columns of this table are not known; DeviceName is assumed to be there",
    ),
    Check(
        "FP315", "partly-applied", "note", "Part of the exclusion does not apply in a rule",
        "The clause cannot test some values, columns, alternatives, legs of a union or events that a join adds; "
        "events that they would have suppressed still raise alerts.",
        "Nothing, if that part is meant for other rules. Otherwise `fpctl explain RULE` shows which columns are "
        "visible where.",
        _partly, (),
        "fp-2026-0007 in `Files` (line 3): no column here can hold hash 0f343b0931126a20f133d67c2b018a3b: these "
        "match nothing",
    ),
    Check(
        "FP316", "mixed-sources", "note", "The fields come from different events of a joined row",
        "After a join, a row combines two events. The clause suppresses a row if its fields match, although the "
        "device may be from one event and the process from the other.",
        "Check the rule. A condition in `where` on the columns of one side determines which event is meant.",
        _mixed, (),
        "fp-2026-0007 in `Logon then process` (line 9): the fields come from different events of a joined row: "
        "the clause "
        "suppresses a row when they hold together",
    ),
    Check(
        "FP317", "lost-place", "warning", "The exclusion can no longer be placed in a rule",
        "`fpctl approve` records where the clause is in each rule. If a column has disappeared from the rule or "
        "the table, or an aggregation was added before it, there is no place for the clause, and what it "
        "suppressed raises alerts again. FP303 reports the same for a rule that the exclusion names; this "
        "finding also covers rules that it matches by pattern.",
        "Check the rule with `fpctl explain RULE`. Restore the column, change the exclusion, or approve it again "
        "as it is.",
        _drifted, (),
        "fp-2026-0007 suppresses nothing in `RMM connection` any more, where its clause was on DeviceNetworkEvents: "
        "after where: DeviceName is no longer visible [columns-dropped]",
    ),
    Check(
        "FP318", "table-changed", "warning", "The clause is on other tables than when it was approved",
        "The table was renamed, or the rule reads another one. There the same field may be another column with "
        "other values, so the exclusion can suppress more than the approver saw, or nothing.",
        "Check the rule and what is suppressed (`fpctl preview ID`), then approve again.",
        _drifted, (),
        "the clause of fp-2026-0007 in `RMM connection` was on DeviceNetworkEvents: after where when it was "
        "approved and is now on NetworkEvents_CL: after where",
    ),
    Check(
        "FP319", "moved-clause", "warning", "The clause is at another place in the rule than when it was approved",
        "The clause is after another operator or in another part of the query (a `let`, a leg of a union) than "
        "the approver saw, because the rule, a schema or `placement` changed. There it can suppress other rows.",
        "Check the rule with `fpctl explain RULE`, then approve again.",
        _drifted, (),
        "the clause of fp-2026-0007 in `RMM connection` was on DeviceNetworkEvents: after where when it was "
        "approved and is now on DeviceNetworkEvents: after where in let Recent",
    ),
)  # fmt: skip
