"""A tuned rule ready for a target, or why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fpctl.deployment.artifacts.alert_rule import alert_rule
from fpctl.deployment.artifacts.body import Body
from fpctl.deployment.artifacts.comments import without_comments
from fpctl.deployment.artifacts.detection_rule import CONTINUOUS, detection_rule, frequency_of
from fpctl.deployment.artifacts.identity import detection_id, rule_guid
from fpctl.deployment.artifacts.requirements import defender_problems, output_scope, sentinel_problems, xdr_tables
from fpctl.deployment.artifacts.saved_search import saved_search
from fpctl.deployment.artifacts.version import Published, next_version
from fpctl.deployment.target import Resource, sorted_rows
from fpctl.errors import Location, Problem
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.model import Rule

Target = Literal["sentinel", "defender"]

ALERT_RULES: Resource = "alertRules"
SAVED_SEARCHES: Resource = "savedSearches"

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
        body: what is sent to the service; None where a problem is in the way.
        problems: errors keep the rule back; warnings do not.
        external: lists that the query reads from elsewhere, None where it has all in it.
    """

    outcome: RuleOutcome
    resource: Resource
    guid: str
    query: str
    version: str | None
    body: Body | None
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
        _artifact(outcome, outcome.tuned, target, published(outcome.rule))
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
    return Problem("duplicate-id", message, Location(artifact.rule.path), "give each rule a unique id")


def _artifact(outcome: RuleOutcome, tuned: TunedRule, target: Target, published: Published | None) -> RuleArtifact:
    rule = outcome.rule
    version = next_version(rule.version, tuned.base, tuned.tuned, published)
    if target == "defender":
        return _detection(outcome, tuned, version)
    if rule.kind == "defender-custom-detection":
        refused = Problem(
            "other-target", "the rule is a Defender custom detection, which Sentinel does not have",
            Location(rule.path), "use --target defender",
        )  # fmt: skip
        return RuleArtifact(outcome, "detectionRules", detection_id(rule), tuned.tuned, version, None, (refused,))
    problems = tuple(sentinel_problems(rule, tuned, output_scope(tuned)))
    if rule.kind in ("scheduled", "nrt"):
        body, resource = alert_rule(rule, tuned.tuned), ALERT_RULES
    else:
        body, resource = saved_search(rule, tuned.tuned), SAVED_SEARCHES
    return RuleArtifact(outcome, resource, rule_guid(rule), tuned.tuned, version, body, problems, tuned.external)


def _detection(outcome: RuleOutcome, tuned: TunedRule, version: str | None) -> RuleArtifact:
    rule, query = outcome.rule, tuned.tuned
    notes: list[Problem] = []
    if rule.continuous:
        query, comments = without_comments(query)
        shown = "; ".join(f"line {comment.line}: {comment.text}" for comment in comments)
        if comments:
            message = f"a continuous detection may have no comments; left out: {shown}"
            notes.append(Problem("comments", message, Location(rule.path), None, "warning"))
    scope = output_scope(tuned)
    custom = _reads_sentinel_only(tuned)
    made = detection_rule(rule, query, scope.columns, custom=custom)
    notes += (Problem("schema", change, Location(rule.path), None, "warning") for change in made.changed)
    problems = (*defender_problems(rule, tuned, scope, custom=custom), *notes)
    return RuleArtifact(outcome, "detectionRules", detection_id(rule), query, version, made.body, problems)


def _reads_sentinel_only(tuned: TunedRule) -> bool:
    """Return whether a query reads tables of Sentinel and nothing else; unknown names may be anything."""
    tables = tables_read(tuned)
    known = all(table.endswith("_CL") or tuned.tables.table(table) is not None for table in tables)
    return bool(tables) and known and not set(tables) & xdr_tables()


def for_defender(loaded: LoadedRule) -> LoadedRule:
    """Return a rule as it is to be planned for Defender XDR.

    A near-real-time rule, and one of any format that runs every 0 seconds, is a continuous detection there: its
    clauses carry no comment.
    """
    rule = loaded.rule
    if frequency_of(rule) != CONTINUOUS or rule.continuous:
        return loaded
    return replace(loaded, rule=replace(loaded.rule, kind="defender-custom-detection", query_frequency="0"))


def companion_artifact(artifact: RuleArtifact) -> RuleArtifact | None:
    """Return the saved function or watchlist that an artifact's query reads its lists from; None if it reads none."""
    external = artifact.external
    if external is None:
        return None
    if external.store == "watchlist":
        rows = [{"SearchKey": value, "List": number, "Exclusions": owners} for number, value, owners in external.rows()]
        stated = {
            "displayName": external.alias, "provider": "fpctl", "source": f"{external.alias}.csv",
            "itemsSearchKey": "SearchKey", "items": sorted_rows(rows),
        }  # fmt: skip
        return replace(
            artifact, resource="watchlists", guid=external.alias, query="", version=None,
            body=Body(None, stated, {}), external=None,
        )  # fmt: skip
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
