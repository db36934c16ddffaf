"""After a run: what has drifted since the approval and since earlier runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from fpctl.engine.interface import Engine, Table, Timespan
from fpctl.exclusions.model import Exclusion
from fpctl.execution.drift import LOOK_BACK, Drift, kind_expression, new_devices, since_approval, told, unusual_hits
from fpctl.execution.run import ExclusionHits, RunResult
from fpctl.history.history import History
from fpctl.history.records import PastHits
from fpctl.repository.approval_snapshot import base_hash, place_of
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.output.counting import PREFIX, query_at
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.field_columns import field_columns
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule

_AT_ONCE = 40
"""How many exclusions are asked about in one query."""

_MOST = 120
"""How many exclusions of one insertion point are asked about, those with the most hits first."""

_KIND = f"{PREFIX}kind"


@dataclass(frozen=True, slots=True)
class DriftWatch:
    """Compares a run with what the approvers saw and with the runs before it.

    Args:
        exclusions: those that are loaded.
        planner: planned the rules.
        history: earlier runs; None compares with the approvals only.
    """

    exclusions: Sequence[Exclusion]
    planner: Planner
    history: History | None
    _targets: ExclusionIndex = field(init=False, repr=False)
    _undecided: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        approved = [one for one in self.exclusions if one.approval is not None and one.approval.rules]
        object.__setattr__(self, "_targets", ExclusionIndex(approved))
        object.__setattr__(self, "_undecided", frozenset(one.id for one in self.exclusions if _leaves_open(one)))

    def look(self, result: RunResult, engine: Engine, timespan: Timespan | None) -> RunResult:
        """Return the run with what it shows to have drifted, and the kinds of devices that it found.

        Raises:
            FpctlError: the history cannot be read.
        """
        rule, tuned = result.rule, result.tuned
        found = self._since_approval(rule, tuned)
        kinds: dict[str, frozenset[str]] = {}
        notes = result.notes
        if self.history is not None and result.status == "ok":
            hits = {hit.exclusion: hit for hit in (*result.hits, *result.shadow)}
            found += self._unusual(rule, hits, timespan)
            devices = device_kinds(tuned, self._undecided, hits, self.planner, engine, timespan)
            if isinstance(devices, str):
                notes = (*notes, f"the kinds of devices whose events were suppressed are not known: {devices}")
            elif devices:
                kinds = devices
                known = self.history.device_kinds(rule.id)
                for exclusion, latest in sorted(kinds.items()):
                    one = new_devices(exclusion, rule.id, rule.name, known.get(exclusion, set()), latest)
                    found += [one] if one is not None else []
        return replace(result, drift=tuple(told(found)), device_kinds=kinds, notes=notes)

    def _since_approval(self, rule: Rule, tuned: TunedRule) -> list[Drift]:
        reaching = self._targets.of(rule)
        if not reaching:
            return []
        clauses: dict[str, list[Clause]] = {}
        for clause in (*tuned.clauses, *tuned.shadows):
            clauses.setdefault(clause.exclusion, []).append(clause)
        skips = {skip.exclusion: skip for skip in tuned.plan.skips}
        base = base_hash(tuned.base)
        found: list[Drift] = []
        for exclusion, _ in reaching:
            if exclusion.state(self.planner.today) not in ("active", "shadow"):
                continue
            own = clauses.get(exclusion.id)
            place = place_of(own) if own else None
            found += since_approval(exclusion, rule.id, rule.name, base, place, skips.get(exclusion.id))
        return found

    def _unusual(self, rule: Rule, hits: Mapping[str, ExclusionHits], timespan: Timespan | None) -> list[Drift]:
        if self.history is None or not hits:
            return []
        earlier: dict[str, list[PastHits]] = {}
        for past in self.history.past_hits(rule.id, LOOK_BACK):
            earlier.setdefault(past.exclusion, []).append(past)
        span: timedelta | None = timespan.end - timespan.start if timespan is not None else None
        found: list[Drift] = []
        for id, hit in sorted(hits.items()):
            if hit.rows is not None:
                one = unusual_hits(id, rule.id, rule.name, earlier.get(id, ()), hit.rows, span)
                found += [one] if one is not None else []
        return found


def _leaves_open(exclusion: Exclusion) -> bool:
    """Return whether it may match devices that nobody named; of the others the approver has read the names."""
    return any(not one.values("device") or any("*" in name for name in one.values("device")) for one in exclusion.match)


def device_kinds(
    tuned: TunedRule,
    undecided: Collection[str],
    hits: Mapping[str, ExclusionHits],
    planner: Planner,
    engine: Engine,
    timespan: Timespan | None,
) -> dict[str, frozenset[str]] | str:
    """Return, by exclusion, the kinds of devices whose events were suppressed, or why that is not known.

    The engine groups; no event is fetched.

    Args:
        undecided: the exclusions that are asked about.
        hits: what the run counted; exclusions without hits are not asked about.
    """
    asked: list[list[Clause]] = []
    texts: list[str] = []
    for clauses in _clauses_asked(tuned, undecided, hits):
        device = field_columns(planner, clauses[0].placement).get("device")
        if device is None or device.role != "host-name":
            continue
        for start in range(0, len(clauses), _AT_ONCE):
            few = clauses[start : start + _AT_ONCE]
            text = query_at(tuned.query, few[0].placement, _grouping(few, device.string()), tuned.edits)
            if text is not None:
                asked.append(few)
                texts.append(text)
    found: dict[str, set[str]] = {}
    for few, answer in zip(asked, engine.query_many(texts, timespan) if texts else (), strict=True):
        if not isinstance(answer, Table):
            return answer.message
        if answer.partial is not None:
            return f"the service returned a partial answer: {answer.partial}"
        for row in answer.dicts():
            for number, clause in enumerate(few):
                if row[f"{PREFIX}hits_{number}"]:
                    found.setdefault(clause.exclusion, set()).add(str(row[_KIND]))
    return {exclusion: frozenset(kinds) for exclusion, kinds in found.items()}


def _clauses_asked(
    tuned: TunedRule, undecided: Collection[str], hits: Mapping[str, ExclusionHits]
) -> Iterator[list[Clause]]:
    """Yield, by insertion point, the clauses to ask about: those with the most hits, the first `_MOST`."""
    by_point: dict[tuple[str, int, int], list[tuple[int, str, Clause]]] = {}
    for clause in (*tuned.clauses, *tuned.shadows):
        hit = hits.get(clause.exclusion)
        if hit is not None and hit.rows and clause.exclusion in undecided:
            point = clause.placement.point
            place = clause.placement.path, point.offset, point.index
            by_point.setdefault(place, []).append((-hit.rows, clause.exclusion, clause))
    for _, found in sorted(by_point.items(), key=lambda entry: entry[0]):
        yield [clause for _, _, clause in sorted(found, key=lambda entry: entry[:2])[:_MOST]]


def _grouping(clauses: Sequence[Clause], device: str) -> str:
    counts = ", ".join(f"{PREFIX}hits_{i} = countif({clause.condition})" for i, clause in enumerate(clauses))
    some = " + ".join(f"{PREFIX}hits_{i}" for i in range(len(clauses)))
    return f"| summarize {counts} by {_KIND} = {kind_expression(device)}\n| where {_KIND} != '' and {some} > 0"
