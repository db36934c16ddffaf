"""Stable codes for why an exclusion is not in a rule, and for warnings about a tuned query.

`scripts/generate_reasons.py` writes the tables in docs/reasons.md from the explanations in this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

SkipReason = Literal[
    "draft", "retired", "not-yet-valid", "expired",
    "field-not-in-table", "columns-dropped", "column-redefined", "column-ambiguous", "no-table",
    "inverting-position", "both-polarities", "inverting-rule", "after-aggregation",
    "unknown-column", "invalid-value", "invalid-where", "outside-window", "unsupported-position", "required-output",
    "dialect", "budget", "placement-unavailable", "shadow", "suppresses-test",
]  # fmt: skip
"""Stable words of why an exclusion is not in a rule's plan; documented in docs/reasons.md."""

WarningCode = Literal[
    "effect", "assumed-columns", "no-expiry-guard", "mixed-sources", "partial-fields", "partial-match",
    "untested-values", "partial-union", "trigger-operator", "query-length", "out-of-line", "edited-clause",
    "picked-event", "partial-groups", "joined-event",
    "unknown-column", "unknown-table", "unknown-function", "unknown-plugin", "stored-function", "recursion", "too-deep",
]  # fmt: skip
"""Stable words of what a reader should know; the last line is what the column analysis says of the rule itself."""


class ExplainedReason(NamedTuple):
    """What a reason means, and what to do about it."""

    meaning: str
    remedy: str


REASONS: Mapping[SkipReason, ExplainedReason] = {
    "draft": ExplainedReason(
        "the exclusion's status is `draft`, or it lacks a reason, an owner or an approval that the policy requires",
        "add what `fpctl show ID` says is missing, and approve it",
    ),
    "retired": ExplainedReason(
        "its status is `retired`",
        "nothing, or record a new one",
    ),
    "shadow": ExplainedReason(
        "it is only counted (`status: shadow`)",
        "activate it when its hits are as expected",
    ),
    "not-yet-valid": ExplainedReason(
        "the day is before `created`",
        "wait, or plan with `--on DATE`",
    ),
    "expired": ExplainedReason(
        "the day is on or after `expires`",
        "renew or retire it",
    ),
    "no-table": ExplainedReason(
        "the rule's rows do not come from a table (`print`, `datatable`, `range`, `externaldata`)",
        "remove the rule from the exclusion: it has no events that an exclusion could match",
    ),
    "field-not-in-table": ExplainedReason(
        "no column of the rule's tables holds a field of the exclusion",
        "use a field that the table has; see [fields](fields.md)",
    ),
    "unknown-column": ExplainedReason(
        "the table is unknown and it is not clear which column holds the field, or a condition in `where` uses a "
        "column that no table of the rule has",
        "correct the name, describe the table in `schema/*.yaml`, or map the field in `fpctl.toml`",
    ),
    "columns-dropped": ExplainedReason(
        "the column existed, but there is no insertion point at which it is visible together with all the others",
        "keep the column in the rule, or use another field",
    ),
    "column-redefined": ExplainedReason(
        "the column has been redefined and holds another value (`extend Url = parse_url(Url)`)",
        "rename the computed column in the rule",
    ),
    "column-ambiguous": ExplainedReason(
        "the tables in a union, or those that a function is called for, hold the field in different columns, and "
        "a row's table cannot be determined",
        "name the tables, give each leg of the union its own pipeline, or add `withsource=SourceTable` to the union",
    ),
    "after-aggregation": ExplainedReason(
        "the rows are groups at this point, not events",
        "put the condition before the aggregation, or use `placement: result`",
    ),
    "inverting-position": ExplainedReason(
        "removing rows there would let other rows through, or it cannot be proved that it would not: the right "
        "side of an anti-join, `!in (subquery)`, `has_all (subquery)`, a baseline in `toscalar()` (even through "
        "several `let`s or functions), the other side of an outer join",
        "keep the column in the detecting part of the rule",
    ),
    "both-polarities": ExplainedReason(
        "the rows are used both for detection and in a way in which fewer rows let others through: an allowlist, "
        "a baseline, or a use that fpctl cannot follow",
        "write a separate `let` for each use",
    ),
    "inverting-rule": ExplainedReason(
        "the rule fires on few results, so removing any row can raise an alert",
        "use another rule, or a threshold that is not inverted",
    ),
    "unsupported-position": ExplainedReason(
        "the only possible place does not allow a `where`, or its rows come from a parameter of a function",
        "give the rows their own pipeline",
    ),
    "placement-unavailable": ExplainedReason(
        "the exclusion has `placement: result`, but the columns do not reach the end of the query",
        "remove it, or keep the columns in the output",
    ),
    "suppresses-test": ExplainedReason(
        "it suppresses an event that must fire according to a test of the rule (`fpctl test`)",
        "narrow it, or accept it with `--force REASON`, which is recorded",
    ),
    "invalid-value": ExplainedReason(
        "a value of the exclusion cannot be compared (the loader reports the same)",
        "correct the value",
    ),
    "invalid-where": ExplainedReason(
        "the condition in `where` is not one KQL condition",
        "use a single condition without `|`, `;` or comments",
    ),
    "outside-window": ExplainedReason(
        "the window does not overlap the time range of the run",
        "nothing",
    ),
    "required-output": ExplainedReason(
        "the clause would remove a column from the result that the rule's platform requires",
        "keep the column in the output",
    ),
    "dialect": ExplainedReason(
        "the rule's target does not allow an operator that the exclusion needs (continuous custom detections)",
        "use another field or an exact value",
    ),
    "budget": ExplainedReason(
        "the clause exceeds the target's limits, even with its values moved out of the query",
        "split the exclusion, or raise the limit",
    ),
}
"""Every reason, in the order of the documentation."""

WARNINGS: Mapping[WarningCode, str] = {
    "effect": (
        "after the clause, something can fire *more* on fewer rows (`where n < 5` on an aggregate, `arg_max`, "
        "`top`, `take`, `make-series` ...); the warning gives the operator and line"
    ),
    "partial-groups": (
        "the rule groups by the excluded column, so that a group loses all of its events or none; but around the day "
        "on which the clause stops or starts it loses some, and then something can fire *more* (as for `effect`)"
    ),
    "trigger-operator": ("the rule fires on few results (`triggerOperator: lt`, `eq`, `ne`)"),
    "assumed-columns": (
        "the table is unknown; the usual column name is assumed, with `column_ifexists` if the rule itself does "
        "not use the column"
    ),
    "no-expiry-guard": (
        "no time column is certain to exist: none is visible at the insertion point, or only `TimeGenerated` of "
        "a table that does not have it in Defender XDR. The clause does not stop by itself when the exclusion "
        "expires; the rule has to be applied again. It also suppresses events that are older than the exclusion"
    ),
    "mixed-sources": ("the fields come from different events of a joined row"),
    "partial-fields": (
        "some columns that hold the field are no longer visible at the insertion point; matches in them are not "
        "suppressed"
    ),
    "partial-match": (
        "an alternative of the match uses a field that no table of the rule has; the other alternatives are placed"
    ),
    "partial-union": (
        "the clause could not be placed in part of the query: a leg of a union, a table of a pattern, the other "
        "side of an outer join; events from there still fire"
    ),
    "joined-event": (
        "each row combines events of several tables (`join`), and the clause tests those of one: a row whose other "
        "event is named by the exclusion still fires"
    ),
    "untested-values": ("no visible column can hold some of the exclusion's values; they match nothing in this rule"),
    "picked-event": (
        "`placement: result` after `arg_max`, `take_any` and similar: the row represents every event of its "
        "group, but the field comes from one of them; the clause suppresses the others with it"
    ),
    "edited-clause": (
        "a line looks like a clause of fpctl but was edited by hand or has no check value. It is kept as part of "
        "the rule ([markers](exclusions.md#clauses-and-their-markers))"
    ),
    "query-length": ("the tuned query is longer than the rule's target allows"),
    "out-of-line": (
        "the values are outside the query, in a watchlist or a saved function that has to be deployed first"
    ),
    "unknown-column": ("the rule uses a column that its tables do not have"),
    "unknown-table": ("the rule reads an unknown table; its columns are assumed"),
    "unknown-function": ("the rule calls an unknown function"),
    "unknown-plugin": ("the rule evaluates an unknown plugin"),
    "stored-function": ("a stored function that the rule calls cannot be parsed"),
    "recursion": ("a function of the rule calls itself"),
    "too-deep": ("the rule is nested too deeply to analyse its columns"),
}
"""Every warning, in the order of the documentation."""
