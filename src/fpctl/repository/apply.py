"""A folder of rules and the exclusions, to tuned rule files. One bad rule never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from fpctl.errors import FpctlError, KqlSyntaxError, Location, Problem, UnexpectedError
from fpctl.exclusions.model import Exclusion
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.output.markers import MARKER, NAMED, find_clauses, lookalikes
from fpctl.rewrite.plan.external_lists import contents
from fpctl.rewrite.plan.model import Skip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.formats.registry import LoadedRule, edited, read_rule_file, stripped
from fpctl.rules.model import Rule

Status = Literal["rewritten", "unchanged", "refused", "error"]


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule.

    `rewritten`: clauses went in. `unchanged`: no active exclusion selects it, or none of those that match
    it only by pattern applies. `refused`: an exclusion names it and cannot be placed, and nothing else
    could. `error`: the query cannot be read, or a check of the tuned text failed; `error` says it.
    `places` is `approval_snapshot.standing` of it where another process planned the rule.
    """

    loaded: LoadedRule
    status: Status
    tuned: TunedRule | None = None
    error: FpctlError | None = None
    places: Mapping[str, str] | None = None

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.loaded.rule

    @property
    def findings(self) -> tuple[Skip, ...]:
        """Refused exclusions that name this rule."""
        return tuple(skip for skip in self.tuned.plan.skips if skip.finding) if self.tuned else ()


@dataclass(frozen=True, slots=True)
class TunedFile:
    """A rule file with its clauses, to be written under `relative`.

    `exclusions` are those that its clauses name; None where that is not known without reading the text.
    """

    relative: str
    text: str
    exclusions: frozenset[str] | None = None


def applicable(rule: Rule, exclusions: Iterable[Exclusion]) -> list[tuple[Exclusion, bool]]:
    """Return the exclusions that select one rule; for many rules make an `ExclusionIndex` once."""
    return ExclusionIndex(exclusions).of(rule)


def tune(
    rules: Sequence[LoadedRule],
    exclusions: Sequence[Exclusion],
    planner: Planner,
    *,
    verified: bool = True,
    style: ClauseStyle = ANY_LENGTH,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[RuleOutcome]:
    """Yield the outcome of each rule, in the given order.

    Args:
        rules: as loaded; clauses that fpctl inserted earlier are removed first.
        verified: whether each tuned text is read again and checked; False only where the caller has done so.
        style: how the clauses are written.
        progress: called with (done, total) after each rule.
    """
    index = ExclusionIndex(exclusions)
    for done, prepared in enumerate(without_clauses(rules), 1):
        yield outcome_of(prepared, index, planner, verified, style)
        if progress is not None:
            progress(done, len(rules))


def outcome_of(
    prepared: LoadedRule | RuleOutcome,
    index: ExclusionIndex,
    planner: Planner,
    verified: bool,
    style: ClauseStyle,
) -> RuleOutcome:
    """Return the outcome of one rule as `without_clauses` gives it; the arguments are those of `tune`.

    Whatever goes wrong is this rule's error, even if it is a fault of fpctl: the other rules are planned all the same.
    """
    if isinstance(prepared, RuleOutcome):
        return prepared
    loaded, rule = prepared, prepared.rule
    try:
        tuned = planner.plan(rule, index.of(rule), newline=loaded.text.newline, style=style)
        if verified:
            verify(tuned)
        if tuned.edits:
            loaded.text.file_edits(tuned.edits)
    except KqlSyntaxError as error:
        return RuleOutcome(loaded, "error", None, _in_file(error, loaded))
    except FpctlError as error:
        return RuleOutcome(loaded, "error", None, error)
    except Exception as error:
        return _unexpected(error, "planning this rule", loaded)
    if tuned.plan.insertions:
        return RuleOutcome(loaded, "rewritten", tuned)
    refused = any(skip.finding for skip in tuned.plan.skips)
    return RuleOutcome(loaded, "refused" if refused else "unchanged", tuned)


def _unexpected(error: Exception, doing: str, loaded: LoadedRule) -> RuleOutcome:
    """Return the outcome of a rule for which fpctl failed unexpectedly."""
    return RuleOutcome(loaded, "error", None, UnexpectedError.of(error, doing, Location(loaded.path, loaded.line)))


def _in_file(error: KqlSyntaxError, loaded: LoadedRule) -> KqlSyntaxError:
    """Return the error with its place in the rule file instead of in the query."""
    return KqlSyntaxError(
        error.message, error.offset, loaded.text.file_location(error.offset), error.caret or "", error.hint
    )


def without_clauses(rules: Sequence[LoadedRule]) -> list[LoadedRule | RuleOutcome]:
    """Return the rules as they are without fpctl's clauses; files that have none are returned as they are.

    A rule whose file cannot be read without them is replaced by its outcome, an error.
    """
    found: list[LoadedRule | RuleOutcome] = []
    for _, group in groupby(rules, key=lambda loaded: loaded.text.path):
        members = list(group)
        if not any(MARKER in loaded.rule.query for loaded in members):
            found.extend(members)
            continue
        try:
            found.extend(_stripped_rules(members))
        except KqlSyntaxError:
            # Planning meets the same fault and says it for the one rule that has it.
            found.extend(members)
        except FpctlError as error:
            found.extend(RuleOutcome(loaded, "error", None, error) for loaded in members)
        except Exception as error:
            found.extend(_unexpected(error, "removing the clauses from this rule", loaded) for loaded in members)
    return found


def _stripped_rules(members: Sequence[LoadedRule]) -> list[LoadedRule]:
    """Return rules of one file, read again from its text without the clauses.

    Raises:
        FpctlError: the file is taken for KQL only because of its clauses.
    """
    base = base_file(members)
    again = read_rule_file(base, members[0].text.path, members[0].rule.path)
    # A part of the file's rules may have been asked for: match them by their place in it.
    whole = read_rule_file(members[0].text.file_text, members[0].text.path, members[0].rule.path)
    if len(again.rules) != len(whole.rules):
        raise FpctlError(
            "without the clauses of fpctl no KQL query is found in the file",
            Location(members[0].text.path),
            "give it the ending .kql if it is one",
        )
    places = {loaded.line: index for index, loaded in enumerate(whole.rules)}
    return [again.rules[places[loaded.line]] for loaded in members]


def base_file(rules: Sequence[LoadedRule]) -> str:
    """Return a rule file's text with every clause of fpctl removed from the given rules (all of one file)."""
    spans = []
    for loaded in rules:
        try:
            clauses = [span for clause in find_clauses(loaded.rule.query) for span in clause.spans()]
        except KqlSyntaxError as error:
            raise _in_file(error, loaded) from error
        spans.append((loaded.text, clauses))
    return stripped(rules[0].text.file_text, spans)


def kept_clauses(loaded: LoadedRule) -> list[Problem]:
    """Return a warning for each line of a rule that looks like a clause of fpctl and stays in it.

    Raises:
        KqlSyntaxError: the query cannot be read as KQL tokens.
    """
    hint = "remove the line if it is a clause of fpctl, or its comment if it is your own"
    return [
        Problem("edited-clause", one.message, loaded.text.file_location(one.offset), hint, "warning")
        for one in lookalikes(loaded.rule.query)
    ]


def base_files(rules: Sequence[LoadedRule]) -> tuple[list[TunedFile], list[Problem], list[FpctlError]]:
    """Return the rule files without any clause, sorted by path.

    With them comes a warning for each line that looks like a clause and stays, and an error for each file that
    cannot be read as KQL.
    """
    files: list[TunedFile] = []
    kept: list[Problem] = []
    errors: list[FpctlError] = []
    by_file: dict[str, list[LoadedRule]] = {}
    for loaded in rules:
        by_file.setdefault(loaded.rule.path, []).append(loaded)
    for relative, members in sorted(by_file.items()):
        try:
            files.append(TunedFile(relative, base_file(members)))
            kept += [problem for loaded in members for problem in kept_clauses(loaded)]
        except FpctlError as error:
            errors.append(error)
        except Exception as error:
            errors.append(UnexpectedError.of(error, "removing the clauses from this file", Location(members[0].path)))
    return files, kept, errors


def tuned_files(outcomes: Iterable[RuleOutcome]) -> tuple[list[TunedFile], list[FpctlError]]:
    """Return the rule files of the outcomes with their clauses in, sorted by path, and an error for each that fails.

    A file with a rule in error is left out: nothing half right is written.
    """
    by_file: dict[str, list[RuleOutcome]] = {}
    for outcome in outcomes:
        by_file.setdefault(outcome.rule.path, []).append(outcome)
    files: list[TunedFile] = []
    errors: list[FpctlError] = []
    for relative, members in sorted(by_file.items()):
        if any(outcome.status == "error" for outcome in members):
            continue
        edits = [(o.loaded.text, o.tuned.edits) for o in members if o.tuned is not None and o.tuned.edits]
        base = members[0].loaded.text.file_text
        try:
            files.append(TunedFile(relative, edited(base, edits), None if MARKER in base else _named(members)))
        except Exception as error:
            at = Location(members[0].loaded.path)
            errors.append(UnexpectedError.of(error, "inserting the clauses into this file", at))
    return files, errors


def _named(outcomes: Iterable[RuleOutcome]) -> frozenset[str]:
    """Return the exclusions that the clauses of rules name in their markers."""
    insertions = (insertion for one in outcomes if one.tuned is not None for insertion in one.tuned.plan.insertions)
    return frozenset(id for one in insertions if len(one.exclusions) <= NAMED for id in one.exclusions)


def external_list_files(outcomes: Iterable[RuleOutcome]) -> list[TunedFile]:
    """Return the files of the lists for which the rules have no room, sorted by path."""
    tuned = [outcome.tuned for outcome in outcomes if outcome.status != "error" and outcome.tuned is not None]
    externals = [one.external for one in tuned if one.external is not None]
    return [TunedFile(path, text) for path, text in contents(externals)]


def differences(files: Iterable[TunedFile], folder: Path) -> list[str]:
    """Return the paths of files that in `folder` are missing or differ, sorted."""
    found: list[str] = []
    for file in files:
        target = folder / file.relative
        try:
            same = target.read_bytes() == file.text.encode("utf-8")
        except OSError:
            same = False
        if not same:
            found.append(file.relative)
    return found
