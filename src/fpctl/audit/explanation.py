"""What a check looks for, as a page."""

from __future__ import annotations

from fpctl.audit.check import Check


def explain(check: Check) -> str:
    """Return what a check looks for, as a page in Markdown."""
    parts = [
        f"# {check.code}: {check.slug}",
        f"{check.title}. Severity by default: **{check.severity}**.",
        f"```text\n{check.example}\n```",
        f"## Why\n\n{check.why}",
        f"## What to do\n\n{check.remedy}",
        "## Settings\n\n" + _settings(check),
    ]
    return "\n\n".join(parts) + "\n"


def section(check: Check) -> str:
    """Return the same as a section of docs/findings.md, where the code is the anchor."""
    parts = [
        f"### {check.code}",
        f"`{check.slug}`: {check.title}. Severity by default: **{check.severity}**.",
        f"```text\n{check.example}\n```",
        f"**Why.** {check.why}",
        f"**What to do.** {check.remedy}",
        "**Settings**\n\n" + _settings(check),
    ]
    return "\n\n".join(parts)


def _settings(check: Check) -> str:
    lines = [f"- `policy.{key}`, see [policy](policy.md)" for key in check.policy]
    return "\n".join([*lines, f'- `{check.code} = "off"` (or another severity) in `[policy.severity]`'])
