"""A match as conditions of the documented notation, for formats that compare one field with values at a time.

The way back is `fpctl.exclusions.filter_syntax.to_match`; here the alternatives of a field (a short name and its
full names, a domain and its subdomains) become comparisons that are joined with OR.
"""

from __future__ import annotations

from itertools import product

from fpctl.exclusions.filter_syntax import Comparison
from fpctl.exclusions.model import Alternative
from fpctl.fields.field import NotExpressibleError
from fpctl.fields.registry import FIELDS

MAX_GROUPS = 64
"""An alternative with more conditions is left out."""

Group = tuple[Comparison, ...]
"""Comparisons that must all hold."""


def groups_of(alternative: Alternative) -> list[Group]:
    """Return groups of comparisons of which one holds exactly when the alternative matches.

    Raises:
        NotExpressibleError: comparisons cannot say it.
    """
    if alternative.where is not None:
        raise NotExpressibleError("`where` is a KQL condition, which means nothing there")
    choices = [
        [Comparison(test.name, test.operator, test.values, 0, 0) for test in FIELDS[field].to_filter(values)]
        for field, values in alternative.fields().items()
    ]
    count = 1
    for options in choices:
        count *= len(options)
    if count > MAX_GROUPS:
        raise NotExpressibleError(f"it amounts to {count} combinations of conditions, more than {MAX_GROUPS}")
    return [tuple(group) for group in product(*choices)]
