"""One thing that was looked at, and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Area = Literal[
    "settings",
    "service",
    "clock",
    "credential",
    "permission",
    "tables",
    "connectors",
    "limits",
    "history",
    "deployment",
]
Status = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found.

    Attributes:
        area: what it is about.
        status: `warning`: it works, but perhaps not as meant; `error`: it will not work; `skipped`: it could not
            be looked at, because of an error above it.
        subject: the table, file or address.
        message: what is there, or is not.
        hint: how to put it right; every warning and error has one.
        rules: paths of the rules that it concerns.
    """

    area: Area
    status: Status
    subject: str
    message: str
    hint: str | None = None
    rules: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON of it."""
        return {
            "area": self.area,
            "status": self.status,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
            "rules": list(self.rules),
        }


def needs_action(findings: Iterable[CheckResult]) -> bool:
    """Return whether something is to be put right."""
    return any(finding.status in ("warning", "error") for finding in findings)


def counted(number: int, noun: str, more: str = "") -> str:
    """Return `1 row` or `12,000 rows`; `more` is a plural of its own."""
    return f"{number:,} {noun if number == 1 else more or f'{noun}s'}"
