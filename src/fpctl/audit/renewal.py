"""What the policy says of expiry dates before exclusions get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from fpctl.audit.context import AuditContext
from fpctl.audit.finding import Finding
from fpctl.audit.registry import check_named, severities
from fpctl.audit.run import audit
from fpctl.exclusions.loader import ExclusionSet
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.repository.model import open_repository
from fpctl.rules.loader import RuleSet
from fpctl.settings import Settings


def beyond_policy(
    chosen: Sequence[LoadedExclusion], until: date, settings: Settings, today: date, root: Path
) -> list[Finding]:
    """Return what the policy finds in the lifetime of exclusions if they expire on a day.

    Args:
        root: the folder of the settings file.
    """
    if not chosen:
        return []
    # How long one may hold does not depend on the rules, which need not be there.
    renewed = [replace(one, exclusion=one.exclusion.model_copy(update={"expires": until})) for one in chosen]
    repository = open_repository(RuleSet((), ()), ExclusionSet(tuple(renewed), ()), root=root)
    judged = AuditContext(repository, settings.policy, today)
    return audit(judged, [check_named("over-long")], severities(settings))


def refuses(findings: Sequence[Finding], settings: Settings) -> bool:
    """Tell whether the policy is enforced and one of the findings is an error."""
    return settings.enforced is not None and any(finding.severity == "error" for finding in findings)
