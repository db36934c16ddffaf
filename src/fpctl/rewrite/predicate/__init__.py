"""Predicates: what an exclusion matches, as a KQL expression that is never null.

One `Predicate` gives the text inside `not(...)` of a clause and the text inside `countif(...)` of
the counting query, so that what is counted is what is suppressed.

What a value of a field matches is the field's to say (`fpctl.fields`); here the fields of an alternative, raw
conditions, windows and dates are put together. In a raw condition a null counts as false. A time guard
(`expires`, `starts`) on a row whose time is null is false: the row is not suppressed.
"""

from __future__ import annotations

from fpctl.fields.field import BoundColumn
from fpctl.rewrite.predicate.build import Predicate, PredicateError, TimeLimits, Untested, build
from fpctl.rewrite.predicate.render import Dialect, DialectError
from fpctl.rewrite.predicate.window import UtcRange, utc_intervals

__all__ = [
    "BoundColumn",
    "Dialect",
    "DialectError",
    "Predicate",
    "PredicateError",
    "TimeLimits",
    "Untested",
    "UtcRange",
    "build",
    "utc_intervals",
]
