"""The estate as pages look things up in it, each worked out when it is first asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from fpctl.audit.finding import Finding
from fpctl.audit.run_history import TREND
from fpctl.report.charts import daily_chart, noise_chart, sparkline
from fpctl.report.estate import Estate, RuleNoise
from fpctl.report.overview import OverviewEntry
from fpctl.web.work.memo import Memo
from fpctl.web.work.rule_key import rule_key

CHARTED_RULES = 10


class EstateView:
    """One estate. Safe to share between threads.

    Attributes:
        estate: its values.
        memo: what pages made of it.
    """

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.memo = Memo(10_000)

    @cached_property
    def entries(self) -> Mapping[str, OverviewEntry]:
        """The exclusions that are neither retired nor expired, by id."""
        return {entry.loaded.id: entry for entry in self.estate.overview.entries}

    @cached_property
    def findings(self) -> Mapping[str, Sequence[Finding]]:
        """The findings about each exclusion, by id."""
        found: dict[str, list[Finding]] = {}
        for one in self.estate.findings:
            if one.exclusion is not None:
                found.setdefault(one.exclusion, []).append(one)
        return found

    @cached_property
    def codes(self) -> Sequence[tuple[str, str, int]]:
        """The codes of the findings with their names and how many there are, in order."""
        counts = Counter((one.code, one.slug) for one in self.estate.findings)
        return sorted((*key, count) for key, count in counts.items())

    @cached_property
    def severities(self) -> Mapping[str, int]:
        """How many findings each severity has."""
        return Counter(one.severity for one in self.estate.findings)

    @cached_property
    def noise(self) -> Mapping[str, RuleNoise]:
        """The noise of each rule, by id."""
        return {one.rule: one for one in self.estate.rules}

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The key of each rule, by id."""
        return {outcome.rule.id: rule_key(outcome.loaded) for outcome in self.estate.outcomes}

    @cached_property
    def noise_chart(self) -> str | None:
        """The chart of the noisiest rules."""
        return noise_chart(self.estate.rules[:CHARTED_RULES])

    @cached_property
    def daily_chart(self) -> str | None:
        """The chart of suppressed events by day."""
        return daily_chart(self.estate.days, self.estate.series)

    def sparkline(self, id: str) -> str | None:
        """Return the hits of an exclusion in the last 30 days as a small line; None where no run says."""
        return self.memo.get(("sparkline", id), lambda: self._sparkline(id))

    def _sparkline(self, id: str) -> str | None:
        entry = self.entries.get(id)
        if entry is None or entry.hits is None:
            return None
        found = entry.hits.between(self.estate.on - TREND, self.estate.on)
        return sparkline([day.rows for day in found], f"hits of {id} by day") if found else None
