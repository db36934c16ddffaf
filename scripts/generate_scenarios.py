"""Write docs/scenarios.md from the scenarios that are shipped.

    python scripts/generate_scenarios.py [--check]

With --check nothing is written; exit code 1 says that the page is not what it should be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fpctl.exclusions.scenarios.model import Scenario, scenarios

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scenarios.md"
NOTICE = "<!-- Written by scripts/generate_scenarios.py from src/fpctl/exclusions/scenarios/data/scenarios.yaml. -->"
INTRODUCTION = """\
A scenario is a benign situation that many teams have. It knows which fields an exclusion for it should name, what is
wrong with the filter that people usually write, and how long such an exclusion typically holds. Use one with
`fpctl add RULE --scenario ID`, or choose it when `fpctl add` asks."""


def page() -> str:
    """Return the page."""
    rows = [f"| [{one.id}](#{one.id}) | {one.title} | {', '.join(one.needs)} | {one.expiry} |" for one in scenarios()]
    table = "\n".join(["| scenario | | always names | typical expiry |", "|---|---|---|---|", *rows])
    sections = ["\n\n".join(_section(one)) for one in scenarios()]
    return "\n\n".join(["# Scenarios", NOTICE, INTRODUCTION, table, *sections]) + "\n"


def _section(one: Scenario) -> Iterator[str]:
    yield f"## {one.id}"
    yield f"{one.title}. {one.description}"
    if one.origin:
        note = f" {one.origin_note}" if one.origin_note else ""
        yield f"Documented as:{note}\n\n```\n{one.origin}\n```"
    yield one.advice
    lines = [f"| `{field}` | {'yes' if field in one.needs else ''} | {one.ask[field]} |" for field in one.fields()]
    yield "\n".join(["| field | needed | |", "|---|---|---|", *lines])
    if one.defaults:
        given = "; ".join(f"`{field}`: {', '.join(values)}" for field, values in one.defaults.items())
        yield f"If you do not give them: {given}."
    yield f"Typical expiry: {one.expiry}."
    if one.example is not None:
        example = one.example
        match = "\n".join(f"  {field}: [{', '.join(map(_yaml, values))}]" for field, values in example.match.items())
        yield f"A worked example. The rule:\n\n```kusto\n{example.rule.strip()}\n```"
        yield f"The exclusion:\n\n```yaml\nscenario: {one.id}\nmatch:\n{match}\n```"
        yield f"It suppresses {_event(example.benign)}. It does not suppress {_event(example.attack)}."


def _yaml(value: str) -> str:
    return f'"{value}"' if value.isdigit() else value


def _event(row: dict[str, Any]) -> str:
    shown: Sequence[str] = [f"{name} `{value}`" for name, value in row.items()]
    return f"{', '.join(shown)}"


def main() -> int:
    """Write the page, or tell whether it is what it should be."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != wanted:
            print("docs/scenarios.md is not what scripts/generate_scenarios.py writes")
            return 1
        return 0
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
