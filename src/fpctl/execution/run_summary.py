"""What a run of many rules has come to, so far and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fpctl.execution.run import RunResult


@dataclass(slots=True)
class RunSummary:
    """Rules counted by what became of them.

    Attributes:
        rules: how many there are in all.
        unplanned: rules that could not be planned, and so did not run.
        before: rules that the interrupted run, which this one continues, had done.
        ok, failed, partial: rules by the status of their run.
        hits: rows that exclusions suppressed, in the runs that know it.
    """

    rules: int
    unplanned: int = 0
    before: int = 0
    ok: int = 0
    failed: int = 0
    partial: int = 0
    hits: int = 0

    def add(self, result: RunResult) -> None:
        """Count a run."""
        setattr(self, result.status, getattr(self, result.status) + 1)
        self.hits += result.rows_suppressed or 0

    @property
    def done(self) -> int:
        """How many rules there is nothing left to do for."""
        return self.unplanned + self.before + self.ok + self.failed + self.partial

    @property
    def finished(self) -> bool:
        """Whether every rule that could be planned has run well, so that there is nothing to come back to."""
        return self.before + self.ok + self.unplanned == self.rules

    def note(self) -> str:
        """Return what progress shows next to the number of rules: `3 failed, 12,345 hits`."""
        bad = self.failed + self.partial + self.unplanned
        return ", ".join(part for part in (f"{bad:,} failed" if bad else "", f"{self.hits:,} hits") if part)

    def summary(self) -> str:
        """Return the last line: what became of the rules."""
        counts = (
            (self.ok, "ok"),
            (self.partial, "partial"),
            (self.failed, "failed"),
            (self.unplanned, "could not be planned"),
            (self.before, "done before"),
        )
        told = ", ".join(f"{count:,} {word}" for count, word in counts if count)
        return f"{self.rules:,} rules: {told or 'none ran'}; {self.hits:,} hit{'' if self.hits == 1 else 's'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON of the summary."""
        return {
            "rules": self.rules,
            "ok": self.ok,
            "partial": self.partial,
            "failed": self.failed,
            "unplanned": self.unplanned,
            "done_before": self.before,
            "hits": self.hits,
        }
