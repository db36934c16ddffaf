"""What the verbs that record and change exclusions share: the book of exclusions, questions, and what is shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.exclusions.loader import ExclusionSet
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.reader import LoadedExclusion
    from fpctl.execution.preview import Coverage
    from fpctl.repository.apply import RuleOutcome
    from fpctl.repository.model import Repository
    from fpctl.settings import Settings

SHOWN_RULES = 3
"""So many rules' diffs are shown."""

COUNTED_RULES = 20
"""So many rules are counted on the data at most."""


@dataclass(frozen=True, slots=True)
class Book:
    """The exclusions and the rules they are for, on a day. `folder` is where exclusions are written."""

    settings: Settings
    repository: Repository
    folder: Path
    now: datetime

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.date()


def open_book(config: Path | None, rules: Path | None, exclusions: Path | None) -> Book:
    """Read settings, rules and exclusions; the usual exclusions folder may be missing yet.

    Raises:
        FpctlError: a folder that was asked for, the rules, or the settings file is missing or broken.
    """
    from fpctl.repository.model import open_repository
    from fpctl.settings import load_settings

    settings = load_settings(config)
    folder = exclusions or settings.paths.exclusions
    repository = open_repository(
        rules or settings.paths.rules,
        folder if exclusions is not None or folder.exists() else None,
        root=settings.paths.root,
        environment=settings.tables.environment,
        overrides=settings.fields,
    )
    return Book(settings, repository, folder if not folder.is_file() else folder.parent, options.now())


def open_exclusions(config: Path | None, exclusions: Path | None) -> tuple[ExclusionSet, Path]:
    """Read the exclusions for a verb that needs no rules; return them and their folder."""
    from fpctl.exclusions.loader import load_exclusions
    from fpctl.settings import load_settings

    folder = exclusions or load_settings(config).paths.exclusions
    return load_exclusions(folder), folder if folder.is_dir() else folder.parent


def show_errors(exclusions: ExclusionSet) -> bool:
    """Show the errors of the exclusions, which are left out, and return whether there are any."""
    errors = [problem for problem in exclusions.problems if problem.severity == "error"]
    output.show_problems(errors)
    return bool(errors)


def picked(exclusions: ExclusionSet, ids: Sequence[str]) -> list[LoadedExclusion]:
    """Return the exclusions of these ids, each once.

    Raises:
        FpctlError: one is not there; what is broken is shown first, since it may be in there.
    """
    try:
        return [exclusions.get(id) for id in dict.fromkeys(ids)]
    except FpctlError:
        show_errors(exclusions)
        raise


def may_ask() -> bool:
    """Tell whether a person is there to answer."""
    return output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)


class Terminal:
    """A conversation with the person at the terminal, on stderr: stdout is for data."""

    def ask(self, question: str, default: str | None = None) -> str:
        """Return the answer; the default for an empty one."""
        answer = typer.prompt(question, default=default or "", show_default=bool(default), err=True)
        return str(answer)

    def say(self, text: str) -> None:
        """Show a text."""
        output.say(output.visible_lines(text))


def agreed(yes: bool, what: str, question: str) -> bool:
    """Return whether to go ahead: `--yes`, or the person says so; without either it is said what would be done.

    Args:
        yes: `--yes`.
        what: what would be done, as words after "would".
        question: asked on a terminal.
    """
    if yes:
        return True
    if may_ask():
        return bool(typer.confirm(question, default=False, err=True))
    output.say(f"fpctl would {what}; nothing was done\n  hint: add --yes to do it without a question")
    return False


def coverage_of(
    book: Book, exclusion: Exclusion, outcomes: Sequence[RuleOutcome], data: Path | None, engine: str | None
) -> Coverage | None:
    """Count what the exclusion would have taken out, if an engine is at hand: a data folder, or one named."""
    place = data or book.settings.paths.data
    name = engine or ("local" if place is not None else None)
    if name is None:
        return None
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import open_engine
    from fpctl.execution.preview import Coverage, coverage
    from fpctl.repository.single_exclusion import in_force

    alone = in_force(exclusion, book.today)
    rules = [(o.rule, alone.selects(o.rule) == "named") for o in _countable(outcomes)]
    try:
        opened = open_engine(
            name, book.settings, EngineOptions(data=place, now=book.now, tables=book.repository.tables)
        )
    except FpctlError as error:
        return Coverage(None, {}, frozenset(), None, len(rules), error.message)
    try:
        with output.progress("Counting what it would have taken out"):
            return coverage(alone, rules, book.repository.planner(book.today), opened, book.now)
    finally:
        opened.close()


def _countable(outcomes: Sequence[RuleOutcome]) -> list[RuleOutcome]:
    return [outcome for outcome in outcomes if outcome.status == "rewritten"][:COUNTED_RULES]


def show_effect(outcomes: Sequence[RuleOutcome], covered: Coverage | None) -> None:
    """Show the clauses as a diff of the rules' text, what cannot be placed, and what would have been taken out."""
    from fpctl.cli.shared.outcomes import show_diff

    changed = [outcome for outcome in outcomes if outcome.status == "rewritten"]
    for outcome in changed[:SHOWN_RULES]:
        show_diff(outcome)
    if len(changed) > SHOWN_RULES:
        output.say(f"and the same in {output.counted(len(changed) - SHOWN_RULES, 'more rule')}")
    for outcome in outcomes:
        _say_left_out(outcome)
    if not outcomes:
        output.say("no rule is reached yet")
    if covered is not None:
        output.say(told(covered))
    elif changed:
        output.say("what it would have taken out was not counted: give --data, or the --engine to ask")


def _say_left_out(outcome: RuleOutcome) -> None:
    where = outcome.rule.path
    if outcome.error is not None:
        output.say(output.visible_lines(str(outcome.error)))
    for skip in outcome.tuned.plan.skips if outcome.tuned else ():
        line = f":{skip.line}" if skip.line else ""
        word = output.coloured("refused", "error", sys.stderr) if skip.finding else "not applied"
        output.say(output.visible_lines(f"{where}{line}: {word}: [{skip.reason}] {skip.message}"))
        if skip.hint:
            output.say(f"  hint: {skip.hint}")
    for warning in outcome.tuned.plan.warnings if outcome.tuned else ():
        if warning.exclusion is not None:
            line = f":{warning.line}" if warning.line else ""
            word = output.coloured("warning", "warning", sys.stderr)
            output.say(output.visible_lines(f"{where}{line}: {word}: [{warning.code}] {warning.message}"))


def told(covered: Coverage) -> str:
    """Return what an exclusion would have taken out, in words."""
    if covered.rows is None:
        return f"what it would have taken out is not known: {covered.error}"
    days = covered.since.days if covered.since is not None else None
    when = f"in the last {days} days" if days else "in the time that the rule looks at"
    if not covered.rows:
        return f"{when} it would have taken out no event"
    names = {"device": "device", "url": "URL", "hash": "hash"}
    parts = []
    for entity, count in covered.distinct.items():
        if not count:
            continue
        noun = names[entity] if count == 1 else {"hash": "hashes"}.get(entity, f"{names[entity]}s")
        parts.append(f"{'more than ' if entity in covered.many else ''}{count:,} {noun}")
    of = f" of {', '.join(parts)}" if parts else ""
    return f"{when} it would have taken out {output.counted(covered.rows, 'event')}{of}"


def coverage_to_dict(covered: Coverage | None) -> dict[str, Any] | None:
    """Return the documented JSON of a coverage; `rows` is null where it is not known."""
    if covered is None:
        return None
    return {
        "rows": covered.rows,
        "days": covered.since.days if covered.since is not None else None,
        "devices": covered.distinct.get("device"),
        "urls": covered.distinct.get("url"),
        "hashes": covered.distinct.get("hash"),
        "error": covered.error,
    }


def git_owner(folder: Path | None = None) -> str | None:
    """Return who git says is at work here."""
    from fpctl.person import git_email

    return git_email(folder if folder is not None and folder.is_dir() else None)
