"""What a check looks for, as a page."""

from __future__ import annotations

from fpctl.audit.check import Check


def explain(check: Check, notice: str | None = None) -> str:
    """Return the page of a check in Markdown.

    Args:
        notice: a line below the title, for the pages of docs/findings/.
    """
    parts = [
        f"# {check.code}: {check.slug}",
        *([notice] if notice else []),
        f"{check.title}. Severity by default: **{check.severity}**.",
        f"```text\n{check.example}\n```",
        f"## Why\n\n{check.why}",
        f"## What to do\n\n{check.remedy}",
        "## Settings\n\n" + _settings(check),
    ]
    return "\n\n".join(parts) + "\n"


def _settings(check: Check) -> str:
    lines = [f"- `policy.{key}`, see [policy](../policy.md)" for key in check.policy]
    return "\n".join([*lines, f'- `{check.code} = "off"` (or another severity) in `[policy.severity]`'])
