"""Small repositories for the tests of checks: exclusions as YAML with defaults, and what one check finds in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fpctl.audit.context import AuditContext, RunHistory
from fpctl.audit.registry import check_named, severities
from fpctl.audit.run import audit
from fpctl.history.records import HitTotals, StoredDrift, StoredRun
from fpctl.repository.model import open_repository
from fpctl.risk_weights import RiskWeights
from fpctl.settings import load_settings

TODAY = date(2026, 11, 24)

QUERY = """DeviceNetworkEvents
| where ActionType == "ConnectionSuccess"
| summarize Count = count() by DeviceName, RemoteUrl
"""
DEFAULTS: dict[str, Any] = {
    "id": "fp-1", "title": "Patching", "rules": ["rmm"], "match": {"device": ["build01"]}, "reason": "patching",
    "ticket": "CHG0012345", "owner": "a.rossi@contoso.com", "created": "2026-11-01", "expires": "2027-04-01",
    "approved_by": "m.weber@contoso.com",
}  # fmt: skip


def exclusion(**keys: Any) -> str:
    """Return an exclusion file: one key a line, in the order of the defaults; a key that is None is left out."""
    values = {key: value for key, value in (DEFAULTS | keys).items() if value is not None}
    return "".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value)}\n" for key, value in values.items()
    )


def rule(id: str = "rmm", name: str = "RMM connection", query: str = QUERY, **keys: Any) -> str:
    """Return a rule file; its query begins on the line behind its other keys."""
    values = {"id": id, "name": name, **keys}
    lines = "".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value)}\n" for key, value in values.items()
    )
    return f"{lines}query: |\n" + "".join(f"  {line}\n" for line in query.splitlines())


def write(folder: Path, exclusions: Iterable[str], rules: Iterable[str], policy: str, lists: Mapping[str, str]) -> None:
    """Write a repository: exclusions `1.yaml`, `2.yaml` ..., rules the same, a policy, lists by name."""
    for name, texts in (("exclusions", exclusions), ("rules", rules)):
        (folder / name).mkdir()
        for number, text in enumerate(texts, 1):
            (folder / name / f"{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "exclusions" / "lists").mkdir()
    for name, text in lists.items():
        (folder / "exclusions" / "lists" / name).write_text(text, encoding="utf-8")
    (folder / "fpctl.toml").write_text(policy, encoding="utf-8")


def found(
    folder: Path,
    code: str,
    *exclusions: str,
    rules: Sequence[str] | None = None,
    policy: str = "",
    lists: Mapping[str, str] | None = None,
    hits: Iterable[HitTotals] | None = None,
    runs: Sequence[StoredRun] = (),
    drift: Sequence[StoredDrift] = (),
    today: date = TODAY,
    weights: Mapping[str, int] | None = None,
) -> list[str]:
    """Return what one check finds, as `severity place: message | fix`, paths relative to the repository."""
    write(folder, exclusions, [rule()] if rules is None else rules, policy, lists or {})
    settings = load_settings(folder=folder, environ={})
    recorded = None if hits is None else RunHistory({total.exclusion: total for total in hits}, runs, drift)
    context = AuditContext(
        open_repository(folder / "rules", folder / "exclusions"),
        settings.policy,
        today,
        recorded,
        folder / "exclusions",
        weights=RiskWeights.model_validate(weights or {}),
    )
    return [
        f"{f.severity} {f.at}: {f.message} | {f.fix}".replace(f"{folder}/", "")
        for f in audit(context, [check_named(code)], severities(settings))
    ]
