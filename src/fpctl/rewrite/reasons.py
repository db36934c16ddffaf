"""Why an exclusion is not in a rule, and what a reader of a tuned query should know: stable words.

`scripts/generate_reasons.py` writes the tables of docs/reasons.md from the explanations here.
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
    "picked-event",
    "unknown-column", "unknown-table", "unknown-function", "unknown-plugin", "stored-function", "recursion", "too-deep",
]  # fmt: skip
"""Stable words of what a reader should know; the last line is what the column analysis says of the rule itself."""


class ExplainedReason(NamedTuple):
    """What a reason means, and what to do about it."""

    meaning: str
    remedy: str


REASONS: Mapping[SkipReason, ExplainedReason] = {
    "draft": ExplainedReason(
        "the exclusion's status is `draft`",
        "approve it",
    ),
    "retired": ExplainedReason(
        "its status is `retired`",
        "nothing, or write a new one",
    ),
    "shadow": ExplainedReason(
        "it is counted only (`status: shadow`)",
        "activate it when its hits look right",
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
        "leave the rule out: it has no events that an exclusion could name",
    ),
    "field-not-in-table": ExplainedReason(
        "no column of the rule's tables holds a field of the exclusion",
        "use a field the table has; see [fields](fields.md)",
    ),
    "unknown-column": ExplainedReason(
        "the table is not known and nothing tells which column holds the field; or a condition in `where` "
        "names a column that no table of the rule has",
        "correct the name; describe the table in `schema/*.yaml`, or map the field in `fpctl.toml`",
    ),
    "columns-dropped": ExplainedReason(
        "the column was there, and no insertion point is left at which it is visible with all the others",
        "keep the column in the rule, or use another field",
    ),
    "column-redefined": ExplainedReason(
        "the column's name now holds another value (`extend Url = parse_url(Url)`)",
        "rename the computed column in the rule",
    ),
    "column-ambiguous": ExplainedReason(
        "tables that meet in a union, or for which a function is called, hold the field in different columns,"
        " and nothing tells of which table a row is",
        "name the tables, give the union's legs pipelines of their own, or let the union say it: "
        "`withsource=SourceTable`",
    ),
    "after-aggregation": ExplainedReason(
        "the rows here are groups, not events",
        "put the condition before the aggregation, or use `placement: result`",
    ),
    "inverting-position": ExplainedReason(
        "removing rows there would let other rows through, or nothing proves that it would not: the right "
        "side of an anti-join, `!in (sub-query)`, `has_all (sub-query)`, a baseline in `toscalar()`, be it "
        "behind several `let`s or functions, the other side of an outer join",
        "keep the column in the detecting part of the rule",
    ),
    "both-polarities": ExplainedReason(
        "rows are used both to detect and in a way that fewer of them invert: an allow-list, a baseline, a "
        "use that fpctl does not follow",
        "write the two uses as separate `let`s",
    ),
    "inverting-rule": ExplainedReason(
        "the rule itself fires on few results, so that every row removed can raise an alert",
        "use another rule, or a threshold that is not inverted",
    ),
    "unsupported-position": ExplainedReason(
        "the only place is one where no `where` may stand, or the rows of a parameter of a function",
        "give the rows a pipeline of their own",
    ),
    "placement-unavailable": ExplainedReason(
        "`placement: result` was asked for and the columns do not reach the end of the query",
        "remove it, or keep the columns in the output",
    ),
    "suppresses-test": ExplainedReason(
        "it takes out an event that a test of the rule says must fire (`fpctl test`)",
        "narrow it, or accept it with `--force REASON`, which is recorded",
    ),
    "invalid-value": ExplainedReason(
        "a value of the exclusion cannot be compared (the loader reports the same)",
        "correct the value",
    ),
    "invalid-where": ExplainedReason(
        "the condition in `where` is not one KQL condition",
        "correct it: a condition only, without `|`, `;` or comment",
    ),
    "outside-window": ExplainedReason(
        "the window has no time in the range of the run",
        "nothing",
    ),
    "required-output": ExplainedReason(
        "the clause would take a column out of the result that the rule's platform requires",
        "keep the column in the output",
    ),
    "dialect": ExplainedReason(
        "the rule's target does not allow an operator that the exclusion needs (continuous custom detections)",
        "use another field or an exact value",
    ),
    "budget": ExplainedReason(
        "the clause does not fit into the target's limits, even with its values out of line",
        "split the exclusion, or raise the limit",
    ),
}
"""Every reason, in the order of the documentation."""

WARNINGS: Mapping[WarningCode, str] = {
    "effect": (
        "behind the clause something can fire *more* with fewer rows (`where n < 5` on an aggregate, "
        "`arg_max`, `top`, `take`, `make-series` ...); operator and line are named"
    ),
    "trigger-operator": ("the rule itself fires on few results (`triggerOperator: lt`, `eq`, `ne`)"),
    "assumed-columns": (
        "the table is not known; the usual column name is assumed, through `column_ifexists` where the rule "
        "itself does not use it"
    ),
    "no-expiry-guard": (
        "no time column is certain to be there: none is visible at the insertion point, or only "
        "`TimeGenerated` of a table that Defender XDR has without it. The clause does not stop by itself when"
        " the exclusion expires; that depends on applying the rule again. Nor does it know events that are older than "
        "the exclusion"
    ),
    "mixed-sources": ("the fields come from different events of a joined row"),
    "partial-fields": (
        "some columns that hold the field are no longer visible at the insertion point; matches in them are "
        "not taken out"
    ),
    "partial-match": ("an alternative of the match names a field that no table of the rule has; the others are placed"),
    "partial-union": (
        "a part of the query could not take the clause: a leg of a union, a table of a pattern, the other "
        "side of an outer join; its events still fire"
    ),
    "untested-values": ("some values of the exclusion cannot stand in any visible column; they match nothing here"),
    "picked-event": (
        "`placement: result` behind `arg_max`, `take_any` and the like: the row stands for every event of its"
        " group, and the field is that of one of them; the clause suppresses the others with it"
    ),
    "edited-clause": (
        "a line looks like a clause of fpctl and is not what fpctl wrote: it was edited by hand, or has no "
        "check value. It is kept as part of the rule ([markers](exclusions.md#clauses-and-their-markers))"
    ),
    "query-length": ("the tuned query is longer than the rule's target allows"),
    "out-of-line": (
        "the values stand outside the query: in a watchlist or a saved function that has to be loaded first"
    ),
    "unknown-column": ("the rule itself refers to a column that its tables do not have"),
    "unknown-table": ("the rule itself reads a table that is not known; its columns are assumed"),
    "unknown-function": ("the rule itself calls a function that is not known"),
    "unknown-plugin": ("the rule itself evaluates a plugin that is not known"),
    "stored-function": ("a stored function that the rule calls does not parse"),
    "recursion": ("a function of the rule calls itself"),
    "too-deep": ("the rule nests too deeply to follow its columns"),
}
"""Every warning, in the order of the documentation."""
