"""Deployments in the audit trail: an entry for each rule that was sent to a workspace or taken back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fpctl.deployment.record import Deployment, Status, Step
from fpctl.deployment.target import query_of
from fpctl.errors import FpctlError
from fpctl.history.entry import UNKNOWN, DeployedRule, FieldChange, RuleAuditEvent, TrailEntry
from fpctl.rewrite.output.markers import find_clauses

_SUMMARY = re.compile(r"[\d,]+ exclusions: [^\r\n]*?sha256:[0-9a-f]+")
_SENT: Mapping[Status, str] = {"sent": "deployment unanswered", "done": "deployed", "failed": "deployment failed"}


def sent(step: Step, deployment: Deployment, who: str, reason: str | None = None) -> RuleAuditEvent:
    """Return what the trail says of a step that was sent (`sent`, `done`, `failed`).

    Args:
        who: did it.
        reason: what else is to be known.
    """
    return _act(_SENT[step.status], step, deployment, who, step.before, {**step.wanted, "etag": step.etag}, reason)


def taken_back(step: Step, deployment: Deployment, who: str, reason: str | None = None) -> RuleAuditEvent:
    """Return what the trail says of a step after an attempt to roll it back; see `sent`."""
    action = "rolled back" if step.status == "rolled-back" else "rollback failed"
    # What is put back gets a new etag from the service, which the record does not keep.
    after = {**step.before, "etag": None} if step.before is not None else None
    return _act(action, step, deployment, who, {**step.wanted, "etag": step.etag}, after, reason)


def unrecorded(
    deployments: Iterable[Deployment], entries: Iterable[TrailEntry]
) -> list[tuple[Deployment, Step, RuleAuditEvent | None]]:
    """Return the steps that are missing in the trail, the oldest first, and what to record.

    fpctl was stopped between a step and its entry, or the history could not be written. Looked at are the newest
    deployments, back to the first that is recorded as a whole.

    Args:
        deployments: the newest first.
        entries: of rules in the trail.

    Returns:
        The act is None where the trail knows it, and only the record does not know that.
    """
    known = {(entry.rule.deployment, entry.rule.guid, entry.action) for entry in entries if entry.rule is not None}
    found: list[tuple[Deployment, Step, RuleAuditEvent | None]] = []
    for deployment in deployments:
        late = [step for step in deployment.steps if step.status != "planned" and not step.recorded]
        if not late:
            break
        reason = f"recorded later, of the deployment that began at {deployment.started:%Y-%m-%d %H:%M:%S}Z"
        for step in reversed(late):
            make = taken_back if step.status == "rolled-back" else sent
            act = make(step, deployment, deployment.who or UNKNOWN, reason)
            found.append((deployment, step, None if (deployment.id, step.guid, act.action) in known else act))
    return found[::-1]


def _act(
    action: str,
    step: Step,
    deployment: Deployment,
    who: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    reason: str | None,
) -> RuleAuditEvent:
    rule = DeployedRule(step.path, step.rule, step.guid, deployment.workspace, deployment.id)
    was, now = _facts(before), _facts(after)
    changes = tuple(FieldChange(name, was[name], now[name]) for name in was if was[name] != now[name])
    why = "; ".join(part for part in (step.error, reason) if part)
    return RuleAuditEvent(rule, action, who, _query_hash(before), _query_hash(after), changes, why or None)


def _facts(state: Mapping[str, Any] | None) -> dict[str, Any]:
    properties = state["properties"] if state is not None else {}
    return {
        "etag": state["etag"] if state is not None else None,
        "exclusions": _exclusions(query_of(properties)),
        "version": properties.get("templateVersion"),
    }


def _exclusions(query: str) -> list[str] | None:
    """Return the ids of the exclusions in a query, sorted; None where there is none, or it is no KQL.

    For a clause of too many exclusions to name, it has what its marker says: how many, and a hash of their ids.
    """
    try:
        clauses = find_clauses(query)
    except FpctlError:
        return None
    named = {id for clause in clauses for id in clause.exclusions}
    for clause in clauses:
        if not clause.exclusions:
            named.update(_SUMMARY.findall(query, clause.start, clause.end))
    return sorted(named) or None


def _query_hash(state: Mapping[str, Any] | None) -> str | None:
    if state is None:
        return None
    query = query_of(state["properties"])
    return hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()
