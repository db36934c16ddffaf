"""The baseline: findings that are known and accepted, so that only new ones count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpctl.audit.finding import Finding
from fpctl.errors import FpctlError, Location
from fpctl.files import read_text, write_text

VERSION = 1


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """Findings compared with a baseline: the new ones, how many it accepts, and how many of it no longer occur."""

    new: tuple[Finding, ...]
    baseline: int
    removed: int


def write(path: Path, findings: Iterable[Finding]) -> int:
    """Write the findings as the baseline and return how many there are.

    The file is sorted and has a line for each finding's words, so that its changes can be reviewed.

    Raises:
        FpctlError: the file cannot be written.
    """
    entries = {
        finding.fingerprint: {
            "fingerprint": finding.fingerprint,
            "code": finding.code,
            "exclusion": finding.exclusion,
            "rule": finding.rule,
            "message": finding.message,
        }
        for finding in findings
    }
    ordered = sorted(
        entries.values(), key=lambda e: (e["code"], e["exclusion"] or "", e["rule"] or "", e["fingerprint"])
    )
    write_text(path, json.dumps({"version": VERSION, "findings": ordered}, indent=2, ensure_ascii=False) + "\n")
    return len(ordered)


def read(path: Path) -> frozenset[str]:
    """Return the fingerprints in a baseline.

    Raises:
        FpctlError: the file is missing or no baseline.
    """
    text = read_text(path)
    at = Location(str(path))
    hint = "write it with fpctl audit --write-baseline"
    try:
        document = json.loads(text)
    except ValueError as error:
        raise FpctlError(f"not a baseline: {error}", at, hint) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise FpctlError("not a baseline of this version of fpctl", at, hint)
    entries = document.get("findings")
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("fingerprint"), str) for entry in entries
    ):
        raise FpctlError("not a baseline: `findings` is a list of objects with a `fingerprint`", at, hint)
    return frozenset(entry["fingerprint"] for entry in entries)


def compare(findings: Sequence[Finding], baseline: frozenset[str]) -> BaselineComparison:
    """Return which findings a baseline does not have."""
    new = tuple(finding for finding in findings if finding.fingerprint not in baseline)
    here = {finding.fingerprint for finding in findings}
    return BaselineComparison(new, len(findings) - len(new), len(baseline - here))
