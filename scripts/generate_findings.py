"""Write docs/findings.md: a section for each check of `fpctl audit`, from the texts beside the checks.

    python scripts/generate_findings.py [--check]

With --check nothing is written; exit code 1 says that the page is not what it should be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fpctl.audit.explanation import section
from fpctl.audit.registry import FAMILIES, checks

PAGE = Path(__file__).resolve().parent.parent / "docs" / "findings.md"
NOTICE = "<!-- Written by scripts/generate_findings.py from src/fpctl/audit/checks/. -->"


def page() -> str:
    """Return the page."""
    parts = [
        "# Findings",
        NOTICE,
        "What [`fpctl audit`](audit.md) looks for. Codes and names are stable; severities are those of the shipped "
        "[policy](policy.md). `fpctl audit --explain CODE` shows the same text offline.",
    ]
    rows = [f"| [{one.code}](#{one.code.lower()}) | `{one.slug}` | {one.severity} | {one.title} |" for one in checks()]
    parts.append("\n".join(["| code | name | severity | |", "|---|---|---|---|", *rows]))
    for digit, family in FAMILIES.items():
        parts += [f"## {family}", *(section(check) for check in checks() if check.code[2] == digit)]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write or compare the page and return the exit code."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print("docs/findings.md is not up to date: python scripts/generate_findings.py")
        return 1
    PAGE.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
