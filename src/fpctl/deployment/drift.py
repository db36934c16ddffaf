"""Where a workspace is not what the rules say, and who moved: we, or somebody in the portal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fpctl.deployment.artifacts.body import property_at, same
from fpctl.deployment.change import Change
from fpctl.deployment.target import DeployedResources, Resource
from fpctl.errors import FpctlError
from fpctl.rewrite.output.markers import MARKER, find_clauses

State = Literal[
    "in-step", "not-deployed", "changed-here", "changed-there", "changed-both", "differs", "removed-there", "refused",
    "unknown-there",
]  # fmt: skip
"""
not-deployed: the rule is not in the workspace, and was never put there.
changed-here: the files say more than was deployed; the workspace is as it was left.
changed-there: somebody changed it in the workspace; the files still say what was deployed.
changed-both: both.
differs: it is not what the files say, and no deployment recorded here shows which side changed.
removed-there: it was deployed, and is gone.
unknown-there: a rule with clauses of fpctl that no rule file is for.
"""


@dataclass(frozen=True, slots=True)
class RuleDrift:
    """The state of one rule; `change` is what would put it right, None for a rule that no file is for."""

    name: str
    guid: str
    path: str | None
    state: State
    fields: tuple[str, ...] = ()
    change: Change | None = None

    @property
    def finding(self) -> bool:
        """Whether the workspace is not what the rules say."""
        return self.state != "in-step"

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON of it."""
        return {
            "rule": self.name,
            "guid": self.guid,
            "path": self.path,
            "state": self.state,
            "fields": list(self.fields),
            "reason": self.change.reason if self.change else None,
        }


def rule_drifts(
    wanted: Iterable[Change],
    workspace: DeployedResources,
    known: Mapping[tuple[Resource, str], Mapping[str, Any]],
    *,
    whole: bool,
) -> list[RuleDrift]:
    """Return the state of each rule, then of rules with clauses of ours that no file is for.

    Args:
        wanted: the rules against the workspace.
        workspace: what is there.
        known: what was last put there, as far as it is recorded on this machine.
        whole: `wanted` holds all rules, so that what is not among them has no file.
    """
    found, seen = [], set()
    for change in wanted:
        artifact = change.artifact
        key = (artifact.resource, artifact.guid.lower())
        seen.add(key)
        rule = artifact.rule
        found.append(
            RuleDrift(artifact.title, artifact.guid, rule.path, _state(change, known.get(key)), change.fields, change)
        )
    for key, deployed in sorted(workspace.items()) if whole else ():
        if key not in seen and _has_clauses(deployed.query):
            found.append(RuleDrift(deployed.name, deployed.guid, None, "unknown-there"))
    return found


def _has_clauses(query: str) -> bool:
    """Return whether a query has clauses of fpctl; one that cannot be read has the marker of one at most."""
    if MARKER not in query:
        return False
    try:
        return bool(find_clauses(query))
    except FpctlError:
        return f"// {MARKER} " in query


def _state(change: Change, known: Mapping[str, Any] | None) -> State:
    if change.action == "refused":
        return "refused"
    if change.action == "unchanged":
        return "in-step"
    if change.current is None:
        return "not-deployed" if known is None else "removed-there"
    if known is None:
        return "differs"
    body = change.artifact.body
    assert body is not None
    # The version follows the query: it says nothing of its own.
    fields = [field for field in change.fields if field != "templateVersion"]
    moved_there = any(
        not same(property_at(known, field), property_at(change.current.properties, field)) for field in fields
    )
    moved_here = any(not same(property_at(known, field), property_at(body.stated, field)) for field in fields)
    if moved_there and moved_here:
        return "changed-both"
    return "changed-there" if moved_there else "changed-here"
