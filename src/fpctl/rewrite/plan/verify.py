"""The checks that every tuned query passes before it is written or run.

1. Stripping it gives the base text back, byte for byte.
2. fpctl's own parser reads it, and the column analysis finds no problem that the base has not.
3. A second, independent parser (duckdb-kql, generated from Microsoft's published grammar) reads it
   if it reads the base; where the base already is beyond that grammar the check says so instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.analysis import analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.planner import TunedQuery


class VerificationError(FpctlError):
    """A tuned query that must not be written or run. It is a fault of fpctl, not of the user's files."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked. `second_parser` is False where the base query is beyond the second parser's grammar."""

    second_parser: bool


def verify(tuned: TunedQuery, *, second_parser: bool = True) -> Verified:
    """Check a tuned query.

    Raises:
        VerificationError: a check failed; nothing may be written or run.
    """
    if tuned.tuned == tuned.base:
        return Verified(False)
    if strip(tuned.tuned) != tuned.base:
        raise _fault("stripping the tuned query does not give the base query back")
    try:
        query = parse(tuned.tuned)
    except KqlSyntaxError as error:
        raise _fault(f"the tuned query does not parse: {error.message}\n{error.caret}") from error
    before = {(p.code, p.message) for p in tuned.analysis.problems}
    for problem in analyse(query, tuned.tables).problems:
        if (problem.code, problem.message) not in before:
            raise _fault(f"a clause refers to something that is not there: {problem.message}")
    if not second_parser:
        return Verified(False)
    return Verified(_second_parser(tuned, query))


_SAMPLE = 20
"""Values of a list that the second parser reads: it takes 0.1 ms for each, and plain texts are all alike."""
_PLAIN = re.compile(r'"[A-Za-z0-9 ._@:/|-]*"')


def _second_parser(tuned: TunedQuery, query: tree.Query) -> bool:
    from duckdb_kql.parser import validate

    found = validate(_sampled(query))
    if not found:
        return True
    if validate(tuned.base):
        return False
    raise _fault(f"the second parser does not read the tuned query: {found[0].span}: {found[0].message}")


def _sampled(query: tree.Query) -> str:
    """Return a query with its long lists cut down; a value that is not plain text stays."""
    text, pieces, at = query.text, list[str](), 0
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
        pieces += [text[at : first.end], *(f", {value}" for value in kept)]
        at = node.items[-1].end
    return "".join([*pieces, text[at:]])


def _fault(message: str) -> VerificationError:
    return VerificationError(
        message, None, "nothing was written or run; please report this with the rule and the exclusion"
    )
