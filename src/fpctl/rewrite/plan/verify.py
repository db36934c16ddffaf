"""The checks that every tuned query passes before it is written or run.

1. Stripping it gives the base text back, byte for byte.
2. fpctl's own parser reads it, and the column analysis finds no problem that the base has not.
3. Independent readers, if any are asked for, read it as long as they read the base.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.kql import tree
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.text.edits import Edit, apply_edits


class VerificationError(FpctlError):
    """A tuned query that must not be written or run. It is a fault of fpctl, not of the user's files."""


Reader = Callable[[TunedRule], str | None]
"""Reads a tuned query independently of fpctl's parser; returns what is wrong, None where nothing is.

A base query that is beyond the reader's grammar already says nothing about the tuned one.
"""


def verify(tuned: TunedRule, readers: Sequence[Reader] | None = None) -> None:
    """Check a tuned query.

    Args:
        readers: independent readers; `INDEPENDENT_READERS` if None.

    Raises:
        VerificationError: a check failed; nothing may be written or run.
    """
    if tuned.tuned == tuned.base:
        return
    if strip(tuned.tuned) != tuned.base:
        raise _fault("stripping the tuned query does not give the base query back")
    try:
        problems = tuned.tuned_analysis.problems
    except KqlSyntaxError as error:
        raise _fault(f"the tuned query does not parse: {error.message}\n{error.caret}") from error
    before = {(p.code, p.message) for p in tuned.analysis.problems}
    for problem in problems:
        if (problem.code, problem.message) not in before:
            raise _fault(f"a clause refers to something that is not there: {problem.message}")
    for reader in INDEPENDENT_READERS if readers is None else readers:
        complaint = reader(tuned)
        if complaint is not None:
            raise _fault(complaint)


_SAMPLE = 20
"""Values of a list that the second parser reads: it takes 0.1 ms for each, and plain texts are all alike."""
_PLAIN = re.compile(r'"[A-Za-z0-9 ._@:/|-]*"')


def read_by_duckdb_kql(tuned: TunedRule) -> str | None:
    """Read a tuned query with duckdb-kql's parser, which is generated from Microsoft's published grammar."""
    from duckdb_kql.parser import validate

    found = validate(_sampled(tuned.tuned_query))
    if not found or validate(tuned.base):
        return None
    return f"the second parser does not read the tuned query: {found[0].span}: {found[0].message}"


INDEPENDENT_READERS: tuple[Reader, ...] = (read_by_duckdb_kql,)
"""The readers of every tuned query that is written or run."""


def _sampled(query: tree.Query) -> str:
    """Return a query with its long lists cut down; a value that is not plain text stays."""
    text, edits, at = query.text, list[Edit](), 0
    lists = (node for node in tree.walk(query) if isinstance(node, tree.Membership) and len(node.items) > _SAMPLE)
    for node in sorted(lists, key=lambda node: node.start):
        if node.start < at:
            continue
        first, *others = node.items
        kept = [
            text[item.start : item.end]
            for number, item in enumerate(others)
            if number < _SAMPLE or not _PLAIN.fullmatch(text[item.start : item.end])
        ]
        at = node.items[-1].end
        edits.append(Edit(first.end, at, "".join(f", {value}" for value in kept)))
    return apply_edits(text, edits)


def _fault(message: str) -> VerificationError:
    return VerificationError(
        message, None, "nothing was written or run; please report this with the rule and the exclusion"
    )
