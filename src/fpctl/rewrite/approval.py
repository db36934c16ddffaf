"""What an approver saw: the base query of every rule that an exclusion reaches, by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fpctl.catalog.exclusion import Exclusion
from fpctl.catalog.rule import Rule
from fpctl.errors import KqlSyntaxError
from fpctl.rewrite.splice import strip


def base_hash(query: str) -> str:
    """Return the SHA-256 of a rule's base query: its text without fpctl's clauses, as hexadecimal digits.

    A text that cannot be read as KQL tokens is hashed as it is.
    """
    try:
        base = strip(query)
    except KqlSyntaxError:
        base = query
    return hashlib.sha256(base.encode("utf-8")).hexdigest()


def rules_seen(exclusion: Exclusion, rules: Iterable[Rule]) -> dict[str, str]:
    """Return the base hash of each rule that the exclusion reaches, by rule id."""
    return {rule.id: base_hash(rule.query) for rule in rules if exclusion.selects(rule) is not None}
