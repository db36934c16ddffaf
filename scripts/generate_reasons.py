"""Write the tables of docs/reasons.md from the explanations in fpctl.rewrite.reasons.

    python scripts/generate_reasons.py [--check]

With --check nothing is written; exit code 1 says that the page is not what it should be.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fpctl.rewrite.reasons import REASONS, WARNINGS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reasons.md"


def page() -> str:
    """Return the page as it should be: what stands outside the tables is kept."""
    reasons = ["| reason | meaning | what to do |", "|---|---|---|"]
    reasons += [f"| `{code}` | {_cell(found.meaning)} | {_cell(found.remedy)} |" for code, found in REASONS.items()]
    warnings = ["| code | meaning |", "|---|---|"]
    warnings += [f"| `{code}` | {_cell(meaning)} |" for code, meaning in WARNINGS.items()]
    text = PAGE.read_text(encoding="utf-8")
    return _between(_between(text, "reasons", reasons), "warnings", warnings)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _between(text: str, name: str, lines: list[str]) -> str:
    """Return the text with the lines put between its two marks of a name."""
    marks = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    table = "\n" + "\n".join(lines) + "\n\n"
    return marks.sub(lambda found: found[1] + table + found[2], text)


def main() -> int:
    """Write the page, or tell whether it is what it should be."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != wanted:
            print("docs/reasons.md is not what scripts/generate_reasons.py writes")
            return 1
        return 0
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
