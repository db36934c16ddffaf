"""Write docs/findings/: a page for each check of `fpctl audit`, from the texts beside the checks.

    python scripts/generate_findings.py [--check]

With --check nothing is written; exit code 1 says that a page is not what it should be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fpctl.audit.explanation import explain
from fpctl.audit.registry import FAMILIES, checks

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "findings"
NOTICE = "<!-- Written by scripts/generate_findings.py from src/fpctl/audit/checks/. -->"


def index() -> str:
    """Return the list of all checks."""
    parts = [
        "# Findings",
        NOTICE,
        "What [`fpctl audit`](../audit.md) looks for. Codes and names are stable; severities are those of the shipped "
        "[policy](../policy.md).",
    ]
    for digit, family in FAMILIES.items():
        rows = [
            f"| [{check.code}]({check.code}.md) | `{check.slug}` | {check.severity} | {check.title} |"
            for check in checks()
            if check.code[2] == digit
        ]
        parts.append("\n".join([f"## {family}\n", "| code | name | severity | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    return {"README.md": index()} | {f"{check.code}.md": explain(check, NOTICE) for check in checks()}


def main() -> int:
    """Write or compare the pages and return the exit code."""
    from page_folder import write_or_compare

    return write_or_compare(FOLDER, pages(), "scripts/generate_findings.py")


if __name__ == "__main__":
    sys.exit(main())
