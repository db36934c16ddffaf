"""Why an event did or did not fire: which exclusions suppress it, since when, and who approved them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from fpctl.errors import FpctlError, Location
from fpctl.exclusions.exclusion_query import matching_fields
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.rules.test_cases import RuleCase
from fpctl.schema.tables import TIME_COLUMNS
from fpctl.tuning.guard import evaluate
from fpctl.tuning.redteam import tables_of

Verdict = Literal["suppressed", "fires", "no-match", "may-be-suppressed", "unknown"]
"""`no-match`: the base rule does not fire on the event. `may-be-suppressed`: only some values of it are known."""

AFTER = timedelta(minutes=1)
"""How long after the event "now" is, that the rule looks back over it."""


@dataclass(frozen=True, slots=True)
class Suppressor:
    """An exclusion that suppresses the event, or would with the other values in `also`.

    Attributes:
        clause: its clause in the rule; None where only values were given.
        also: the other fields of the alternative that must match too, with their values.
    """

    loaded: LoadedExclusion
    clause: str | None = None
    also: Mapping[str, tuple[str, ...]] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON."""
        exclusion = self.loaded.exclusion
        return {
            "id": exclusion.id,
            "title": exclusion.title,
            "reason": exclusion.reason,
            "since": exclusion.created,
            "expires": exclusion.expires,
            "approved_by": exclusion.approved_by,
            "approved_on": exclusion.approval.on if exclusion.approval else None,
            "file": self.loaded.path,
            "clause": self.clause,
            "also": {name: list(values) for name, values in (self.also or {}).items()},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Why an event did or did not fire. `error` says what is not known."""

    rule: Rule
    verdict: Verdict
    suppressors: tuple[Suppressor, ...] = ()
    error: str | None = None


def parse_event(text: str) -> dict[str, Any]:
    """Return an event from JSON text. Raises FpctlError where it is not one object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FpctlError(f"the event is not valid JSON: {error}", None, 'such as {"DeviceName": "build01"}') from error
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise FpctlError("the event is not a JSON object", None, 'give one row: {"DeviceName": "build01"}')
    return value


def why_event(
    rule: Rule,
    row: Mapping[str, Any],
    selected: Sequence[tuple[LoadedExclusion, bool]],
    planner: Planner,
    now: datetime,
    table: str | None = None,
) -> Answer:
    """Return why a rule did or did not fire on one event, by running base and tuned rule on it.

    Args:
        row: the event's columns; a time column says when it happened, and the rule looks back from then.
        selected: the exclusions that the rule has, each with whether it names the rule.
        table: which of the rule's tables the event is of; needed where it reads several.

    Raises:
        FpctlError: the table is not known.
    """
    place = table or _only_table(rule, planner)
    moment = _moment(row, now)
    case = RuleCase("event", "must-fire", {place: (dict(row),)}, {}, moment, Location(rule.path))
    outcome = evaluate(rule, case, [(one.exclusion, named) for one, named in selected], planner)
    by_id = {one.id: one for one, _ in selected}
    found = tuple(Suppressor(by_id[one.exclusion], one.clause) for one in outcome.suppressed if one.exclusion in by_id)
    verdicts: dict[str, Verdict] = {"suppressed": "suppressed", "passed": "fires", "wrong-test": "no-match"}
    return Answer(rule, verdicts.get(outcome.status, "unknown"), found, outcome.error)


def why_values(
    rule: Rule, values: Mapping[str, Sequence[str]], selected: Iterable[tuple[LoadedExclusion, bool]], today: date
) -> Answer:
    """Return which exclusions suppress events with these values of fields, and what else each of them asks for."""
    found: list[Suppressor] = []
    for loaded, _ in selected:
        exclusion = loaded.exclusion
        if exclusion.state(today) != "active":
            continue
        for alternative in exclusion.match:
            fields = alternative.fields()
            alone = exclusion.model_copy(update={"match": (alternative,)})
            if all(name in fields and _named(alone, name, given) for name, given in values.items()):
                also = {name: tuple(own) for name, own in fields.items() if name not in values}
                if alternative.where is not None:
                    also["where"] = (alternative.where,)
                found.append(Suppressor(loaded, None, also))
                break
    sure = any(not one.also for one in found)
    return Answer(rule, "suppressed" if sure else "may-be-suppressed" if found else "fires", tuple(found))


def _named(exclusion: Exclusion, field: str, values: Sequence[str]) -> bool:
    return any(field in matching_fields(exclusion, value) for value in values)


def _only_table(rule: Rule, planner: Planner) -> str:
    names = sorted(tables_of(rule, planner))
    if len(names) == 1:
        return names[0]
    known = ", ".join(names) or "none that is known"
    raise FpctlError(f"the rule reads several tables: {known}", None, "give the event's table: --table NAME")


def _moment(row: Mapping[str, Any], now: datetime) -> datetime:
    """Return the time just after the event; the present where it has no time."""
    for name in TIME_COLUMNS:
        value = row.get(name)
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                continue
            return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)) + AFTER
    return now
