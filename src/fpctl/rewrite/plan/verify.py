"""The checks that every tuned query passes before it is written or run.

1. Stripping it gives the base text back, byte for byte.
2. fpctl's own parser reads it, and the column analysis finds no problem that the base has not.
"""

from __future__ import annotations

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.tuned_rule import TunedRule


class VerificationError(FpctlError):
    """A tuned query that must not be written or run. It is a fault of fpctl, not of the user's files."""


def verify(tuned: TunedRule) -> None:
    """Check a tuned query.

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


def _fault(message: str) -> VerificationError:
    return VerificationError(
        message, None, "nothing was written or run; please report this with the rule and the exclusion"
    )
