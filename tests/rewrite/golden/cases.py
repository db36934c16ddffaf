"""Golden cases: a folder with a rule, its exclusions and, in words, what becomes of them.

    tests/rewrite/golden/<construct>/<case>/
        query.kql         the rule (or rule.yaml, where metadata matter)
        exclusions.yaml   one or several documents
        schema/*.yaml     tables of the case's own, if it has any; functions/*.kql likewise
        expected.txt      the outcome; `python scripts/regenerate_golden.py` writes it

`expected.txt` shows a carriage return as `␍`, and says where the tuned query has no newline at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from fpctl.errors import KqlSyntaxError
from fpctl.repository.apply import applicable
from fpctl.repository.model import Repository, open_repository
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.model import Insertion, PlanWarning, Skip
from fpctl.rewrite.plan.tuned_rule import TunedRule

ROOT = Path(__file__).resolve().parent
TODAY = date(2026, 11, 24)
"""The day on which every case is planned."""


@dataclass(frozen=True)
class Case:
    """One golden case."""

    folder: Path

    @property
    def name(self) -> str:
        """`<construct>/<case>`."""
        return self.folder.relative_to(ROOT).as_posix()

    @property
    def expected(self) -> Path:
        """The file with the outcome."""
        return self.folder / "expected.txt"

    @cached_property
    def repository(self) -> Repository:
        """The case as a rule repository of its own; nothing in it may be unreadable."""
        rule = self.folder / "rule.yaml"
        rules = rule if rule.exists() else self.folder / "query.kql"
        repository = open_repository(rules, self.folder / "exclusions.yaml", root=self.folder)
        assert not repository.broken, [problem.message for problem in repository.problems]
        return repository

    @property
    def base(self) -> str:
        """The text of the base query."""
        return strip(self.repository.rules.rules[0].rule.query)

    def tuned(self) -> TunedRule:
        """Plan the case.

        Raises:
            KqlSyntaxError: its query is not KQL.
        """
        (loaded,) = self.repository.rules.rules
        planner = self.repository.planner(TODAY)
        return planner.plan(loaded.rule, applicable(loaded.rule, self.repository.active()), newline=loaded.text.newline)

    def outcome(self) -> str:
        """Return the text of `expected.txt`."""
        try:
            tuned = self.tuned()
        except KqlSyntaxError as error:
            return f"not KQL: line {error.at.line if error.at else '?'}: {error.message}\n{error.caret}\n"
        return "".join(
            [
                _shown(tuned.tuned) if tuned.edits else "(the query is left as it is)\n",
                *_section("insertions", map(_insertion, tuned.plan.insertions)),
                *_section("skips", map(_skip, tuned.plan.skips)),
                *_section("warnings", map(_warning, tuned.plan.warnings)),
            ]
        )


def cases() -> list[Case]:
    """Return every case, in order of its name."""
    return [Case(path.parent) for path in sorted(ROOT.glob("*/*/exclusions.yaml"))]


def _shown(text: str) -> str:
    text = text.replace("\r", "␍")
    return text if text.endswith("\n") else f"{text}\n(no newline at the end)\n"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"\n-- {title}\n"
        yield from (f"{line}\n" for line in found)


def _insertion(insertion: Insertion) -> str:
    return f"{', '.join(insertion.exclusions)}: {insertion.position}"


def _skip(skip: Skip) -> str:
    line = f", line {skip.line}" if skip.line is not None else ""
    finding = ", finding" if skip.finding else ""
    hint = f"\n  hint: {skip.hint}" if skip.hint else ""
    return f"{skip.exclusion}: {skip.reason}{line}{finding}: {skip.message}{hint}"


def _warning(warning: PlanWarning) -> str:
    line = f", line {warning.line}" if warning.line is not None else ""
    exclusion = f"{warning.exclusion}: " if warning.exclusion else ""
    return f"{exclusion}{warning.code}{line}: {warning.message}"
