"""Why an exclusion is not in a rule, and what a reader of a tuned query should know: stable words.

Each is explained in docs/reasons.md.
"""

from __future__ import annotations

from typing import Literal

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
