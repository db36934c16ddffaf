"""What a deployment would do to each rule: pure comparison of what is ready with what is there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from fpctl.deployment.artifacts import alert_rule, detection_rule
from fpctl.deployment.artifacts.body import property_at
from fpctl.deployment.artifacts.identity import detection_id, rule_guid
from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, companion_artifact
from fpctl.deployment.target import DeployedResource, DeployedResources, Resource
from fpctl.rules.model import Rule

ChangeAction = Literal["create", "update", "unchanged", "refused"]


READ_ONLY: Mapping[Resource, tuple[str, ...]] = {
    "alertRules": alert_rule.READ_ONLY,
    "savedSearches": (),
    "watchlists": (),
    "detectionRules": detection_rule.READ_ONLY,
}
"""Properties that only the service writes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a rule.

    Attributes:
        artifact: the rule as it is to be.
        current: as it is there; None where it is not.
        fields: names of the properties that change, sorted.
        reason: why it is refused.
    """

    artifact: RuleArtifact
    current: DeployedResource | None
    action: ChangeAction
    fields: tuple[str, ...] = ()
    reason: str | None = None

    def properties(self) -> dict[str, Any]:
        """Return the properties that the rule will have."""
        body = self.artifact.body
        assert body is not None, "a rule that is refused has no body"
        if self.current is None:
            return body.fresh()
        return body.over(self.current.properties, READ_ONLY[self.artifact.resource])

    def diff(self) -> list[str]:
        """Return the change as lines of a unified diff: the query, and other properties as JSON."""
        before = _shown(self.current.properties if self.current else {}, self.fields)
        after = _shown(self.properties(), self.fields)
        name = self.artifact.rule.path
        lines = difflib.unified_diff(before, after, f"deployed/{name}", f"new/{name}", lineterm="")
        return list(lines)


def counterpart(resource: Resource, rule: Rule, workspace: DeployedResources) -> DeployedResource | None:
    """Return what the workspace has of a rule: under its GUID, or made from the template that has its id.

    A rule that somebody made in the portal from a template of the content hub has a GUID of its own; the
    template's id, which is that of the rule file, is in `alertRuleTemplateName`.
    """
    guid = detection_id(rule) if resource == "detectionRules" else rule_guid(rule)
    found = workspace.get((resource, guid.lower()))
    if found is not None or resource != "alertRules":
        return found
    made = [one for (kind, _), one in sorted(workspace.items()) if kind == resource and _template(one) == guid.lower()]
    return made[0] if len(made) == 1 else None


def _template(deployed: DeployedResource) -> str:
    return str(deployed.properties.get("alertRuleTemplateName") or "").lower()


def _namesake(artifact: RuleArtifact, workspace: DeployedResources) -> DeployedResource | None:
    """Return another rule of the same name: with both in the workspace, everything would be reported twice."""
    name = artifact.title.casefold()
    same = (one for (kind, _), one in sorted(workspace.items()) if kind == artifact.resource)
    return next((one for one in same if one.name.casefold() == name), None)


def changes(made: Iterable[RuleArtifact], workspace: DeployedResources) -> list[Change]:
    """Return what becomes of each artifact, in the order given; a function that one reads comes before it."""
    found: list[Change] = []
    for artifact in made:
        own = companion_artifact(artifact)
        if own is not None:
            found.append(_change(own, workspace.get((own.resource, own.guid.lower())), workspace))
        found.append(_change(artifact, counterpart(artifact.resource, artifact.rule, workspace), workspace))
    return found


def _change(artifact: RuleArtifact, current: DeployedResource | None, workspace: DeployedResources) -> Change:
    if current is not None:
        artifact = replace(artifact, guid=current.guid)
    if not artifact.ready or artifact.body is None:
        reason = "; ".join(problem.message for problem in artifact.problems if problem.severity == "error")
        return Change(artifact, current, "refused", reason=reason)
    if current is None and (other := _namesake(artifact, workspace)) is not None:
        reason = (
            f"a rule with this name already exists under another id, {other.guid}: use that id in the file, or "
            "rename one of them"
        )
        return Change(artifact, None, "refused", reason=reason)
    if current is None:
        return Change(artifact, None, "create", tuple(sorted(artifact.body.fresh())))
    if current.kind is not None and current.kind != artifact.body.kind:
        reason = f"there is a rule of kind {current.kind} under this id; a rule cannot become {artifact.body.kind}"
        return Change(artifact, current, "refused", reason=reason)
    fields = artifact.body.differences(current.properties)
    return Change(artifact, current, "update" if fields else "unchanged", tuple(fields))


def _shown(properties: Mapping[str, Any], fields: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for field in fields:
        value = property_at(properties, field)
        if value is None:
            continue
        if isinstance(value, str) and "\n" in value:
            lines += [f"{field}:", *(f"  {line}" for line in value.splitlines())]
        else:
            lines.append(f"{field}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    return lines
