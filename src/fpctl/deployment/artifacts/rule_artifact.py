"""A tuned rule ready for a target, or why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from fpctl.deployment.artifacts.alert_rule import alert_rule
from fpctl.deployment.artifacts.body import Body
from fpctl.deployment.artifacts.detection_rule import detection_rule
from fpctl.deployment.artifacts.identity import rule_guid
from fpctl.deployment.artifacts.requirements import defender_problems, output_scope, sentinel_problems
from fpctl.deployment.artifacts.saved_search import saved_search
from fpctl.deployment.artifacts.version import Published, next_version
from fpctl.errors import Location, Problem
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule

Target = Literal["sentinel", "defender"]
Resource = Literal["alertRules", "savedSearches", "detectionRules"]

COMPANION_CATEGORY = "fpctl"
"""Of saved functions that hold lists for rules."""


@dataclass(frozen=True, slots=True)
class RuleArtifact:
    """A rule for a target.

    Attributes:
        outcome: the rule as planned.
        resource: what it becomes there.
        guid: its name there.
        query: what goes out.
        version: under which version; None where none is known.
        body: for the Sentinel API; None for Defender, or where a problem is in the way.
        detection: for Microsoft Graph; None for Sentinel, or where a problem is in the way.
        problems: errors keep the rule back; warnings do not.
        external: lists that the query reads from elsewhere, None where it has all in it.
    """

    outcome: RuleOutcome
    resource: Resource
    guid: str
    query: str
    version: str | None
    body: Body | None
    detection: dict[str, Any] | None
    problems: tuple[Problem, ...]
    external: ExternalLists | None = None

    @property
    def title(self) -> str:
        """Its name there."""
        return str(self.body.stated["displayName"]) if self.body is not None else self.rule.name

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.outcome.rule

    @property
    def ready(self) -> bool:
        """Whether it can go out."""
        return not any(problem.severity == "error" for problem in self.problems)


def rule_artifacts(
    outcomes: Iterable[RuleOutcome], target: Target, published: Callable[[Rule], Published | None] = lambda _: None
) -> Iterator[RuleArtifact]:
    """Yield each planned rule as the target wants it, in the order given; a rule in error is passed over.

    Of rules that would have one name there, none goes out: nobody can say which is meant.

    Args:
        published: what was given out last for a rule, so that its version goes up when its query changes.
    """
    made = [
        _release(outcome, outcome.tuned, target, published(outcome.rule))
        for outcome in outcomes
        if outcome.tuned is not None
    ]
    same: dict[tuple[Resource, str], list[RuleArtifact]] = {}
    for artifact in made:
        same.setdefault((artifact.resource, artifact.guid), []).append(artifact)
    for artifact in made:
        others = [other for other in same[artifact.resource, artifact.guid] if other is not artifact]
        yield replace(artifact, problems=(*artifact.problems, _twice(artifact, others))) if others else artifact


def _twice(artifact: RuleArtifact, others: Sequence[RuleArtifact]) -> Problem:
    places = ", ".join(other.rule.path for other in others)
    message = f"the rule has the same id as that of {places}: {artifact.rule.id}"
    return Problem("duplicate-id", message, Location(artifact.rule.path), "give each rule an id of its own")


def _release(outcome: RuleOutcome, tuned: TunedRule, target: Target, published: Published | None) -> RuleArtifact:
    rule = outcome.rule
    version = next_version(rule.version, tuned.base, tuned.tuned, published)
    scope = output_scope(tuned)
    if target == "defender":
        problems = defender_problems(rule, scope)
        detection = detection_rule(rule, tuned.tuned, scope.columns)
        return RuleArtifact(
            outcome, "detectionRules", rule_guid(rule), tuned.tuned, version, None, detection, tuple(problems)
        )
    if rule.kind == "defender-custom-detection":
        refused = Problem(
            "other-target", "the rule is a Defender custom detection, which Sentinel does not have",
            Location(rule.path), "export it with --target defender",
        )  # fmt: skip
        return RuleArtifact(outcome, "detectionRules", rule_guid(rule), tuned.tuned, version, None, None, (refused,))
    problems = sentinel_problems(rule, tuned, scope)
    if rule.kind in ("scheduled", "nrt"):
        body = alert_rule(rule, tuned.tuned, version)
        return RuleArtifact(
            outcome, "alertRules", rule_guid(rule), tuned.tuned, version, body, None, tuple(problems), tuned.external
        )
    body = saved_search(rule, tuned.tuned)
    return RuleArtifact(
        outcome, "savedSearches", rule_guid(rule), tuned.tuned, version, body, None, tuple(problems), tuned.external
    )


def companion_artifact(artifact: RuleArtifact) -> RuleArtifact | None:
    """Return the saved function that an artifact's query reads its lists from; None if it reads none."""
    external = artifact.external
    if external is None or external.store != "function":
        return None
    query = external.body()
    body = Body(
        None,
        {
            "category": COMPANION_CATEGORY,
            "displayName": external.alias,
            "functionAlias": external.alias,
            "query": query,
        },
        {"version": 2},
    )
    return replace(
        artifact, resource="savedSearches", guid=external.alias, query=query, version=None, body=body, external=None
    )
