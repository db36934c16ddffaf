"""All checks: by code, by name, and how grave a policy takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from fpctl.audit.check import Check
from fpctl.errors import FpctlError
from fpctl.exclusions.scenarios.model import SCENARIO_IDS
from fpctl.policy import Level
from fpctl.settings import Settings
from fpctl.spelling import did_you_mean

FAMILIES = {
    "1": "How long it holds", "2": "What the record says", "3": "Rules and clauses", "4": "More than needed",
    "5": "What the runs say", "6": "How much it takes in", "9": "What cannot be read",
}  # fmt: skip
"""What the first digit of a code stands for."""


@cache
def checks() -> tuple[Check, ...]:
    """Return every check in the order of the codes."""
    from fpctl.audit.checks import breadth, life, placement, reading, record, redundancy, risk, usage, values

    families = (life, record, placement, redundancy, usage, breadth, values, risk, reading)
    return tuple(sorted((check for family in families for check in family.CHECKS), key=lambda check: check.code))


def check_named(name: str) -> Check:
    """Return the check with a code or name, in any case.

    Raises:
        FpctlError: there is none.
    """
    wanted = name.strip().casefold()
    for check in checks():
        if wanted in (check.code.casefold(), check.slug):
            return check
    code = re.fullmatch(r"fp\d*", wanted)
    hint = "docs/findings.md lists them" if code else did_you_mean(name, [c.slug for c in checks()], what="check")
    raise FpctlError(f"there is no check `{name}`", None, hint)


def chosen(names: Iterable[str]) -> tuple[Check, ...]:
    """Return the checks that codes or names ask for, each may hold several with commas; all if none is given.

    Raises:
        FpctlError: a name is not that of a check.
    """
    given = list(names)
    if not given:
        return checks()
    words = [word for name in given for word in name.split(",") if word.strip()] or given
    wanted = {check_named(word).code for word in words}
    return tuple(check for check in checks() if check.code in wanted)


def severities(settings: Settings) -> dict[str, Level | None]:
    """Return how grave each check is by its code, None where the policy turns it off.

    Raises:
        FpctlError: the policy names a check or scenario that is not there, or a check twice; located in
            the settings file.
    """
    _check_scenarios(settings)
    found: dict[str, Level | None] = {check.code: check.severity for check in checks()}
    given: dict[str, str] = {}
    for name, level in settings.policy.severity.items():
        at = settings.at_key("policy", "severity", name)
        try:
            check = check_named(name)
        except FpctlError as error:
            raise FpctlError(error.message, at, error.hint) from error
        if check.code in given:
            raise FpctlError(f"`{given[check.code]}` and `{name}` are the same check", at, "keep one of them")
        given[check.code] = name
        found[check.code] = None if level == "off" else level
    return found


def _check_scenarios(settings: Settings) -> None:
    for name in settings.policy.lifetime.scenarios:
        if name not in SCENARIO_IDS:
            at = settings.at_key("policy", "lifetime", "scenarios")
            raise FpctlError(f"unknown scenario `{name}`", at, did_you_mean(name, SCENARIO_IDS))
