"""From what an analyst gives to exclusions that may be written: a filter's match, a result's proposals, entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.completeness import lacking
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, title_of
from fpctl.exclusions.drafts.proposal import Proposals, entity_columns, propose
from fpctl.exclusions.drafts.wizard import RuleColumns
from fpctl.exclusions.exclusion_writer import NewExclusion, exclusion_of_text, new_exclusion, twins
from fpctl.exclusions.filter_syntax import ParsedFilter, parse_filter, to_match
from fpctl.exclusions.identifier import new_id
from fpctl.exclusions.lifecycle import approver_of
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.scenarios.model import scenario
from fpctl.fields.registry import NAMES
from fpctl.repository.approval_snapshot import places_seen, rules_seen
from fpctl.repository.model import Repository
from fpctl.repository.narrowness import broad_alternatives, families_of_rules
from fpctl.repository.raw_columns import raw_columns, result_origins
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.result_rows import read_rows
from fpctl.rules.selector import selection
from fpctl.schema.families import families_of, identifying


def match_of_filter(text: str, name: str, draft: DraftExclusion, repository: Repository, today: date) -> ParsedFilter:
    """Return what a filter in the documented notation says, for the rules of a draft.

    Raises:
        NotationError: it is ill-formed, or says what a match cannot say; `name` is what the text is called.
    """
    columns = raw_columns(_reached(draft, repository), repository.planner(today))
    return to_match(parse_filter(text, name), text, columns=columns, name=name)


def proposals_of_result(text: str, name: str, draft: DraftExclusion, repository: Repository, today: date) -> Proposals:
    """Return the exclusions that rows of the output of a draft's rules suggest.

    Raises:
        FpctlError: the text holds no rows, or none of them identifies an event; `name` is what the text is called.
    """
    rows = read_rows(text, name)
    names = list(dict.fromkeys(column for row in rows for column in row))
    planner = repository.planner(today)
    reached = _reached(draft, repository)
    among = families_of_rules([loaded.rule for loaded in reached], planner)
    found = propose(rows, entity_columns(names, result_origins(reached, planner), repository.fields), among)
    if not found.proposals:
        hint = f"its columns are {', '.join(names[:12])}; what identifies here is {identifying(among)}"
        raise FpctlError("the columns of the result do not identify an event", None, hint)
    return found


def columns_for_rules(selectors: Sequence[str], repository: Repository, today: date) -> RuleColumns:
    """Return what an exclusion for some rules can name: the fields that their tables hold, with the columns."""
    planner = repository.planner(today)
    rules = [loaded.rule for loaded in repository.rules.rules if selection(selectors, loaded.rule) is not None]
    tables = sorted({table for rule in rules for table in planner.tables_read(rule)})
    among = families_of(tables)
    columns = {
        field: tuple(dict.fromkeys(str(one) for table in tables for one in planner.fields.columns(table, field)))
        for field in NAMES
    }
    held = {field: found for field, found in columns.items() if found}
    if not held:
        # Nothing is known of undescribed tables; the form asks all the same, and says what is missing.
        held = {field: () for family in among for field in family.ask}
    ask = dict.fromkeys(field for family in among for field in family.ask if field in held)
    return RuleColumns(tuple(ask), held, among)


def _reached(draft: DraftExclusion, repository: Repository) -> list[LoadedRule]:
    return [loaded for loaded in repository.rules.rules if draft.selects(loaded.rule)]


def entries_of(
    drafts: Sequence[DraftExclusion], repository: Repository, folder: Path, today: date
) -> list[NewExclusion]:
    """Return drafts as entries that may be written: with an id and a title, checked, an approval with what was seen.

    Args:
        folder: where exclusions are written.

    Raises:
        DraftError: the loader would refuse one of them.
        FpctlError: an id is in use, the last day is past, or the approver is the owner.
    """
    known = repository.exclusions
    taken = {loaded.id for loaded in known.exclusions}
    entries: list[NewExclusion] = []
    for draft in drafts:
        id = draft.id or new_id(today, taken)
        complete = replace(draft, id=id, title=draft.title or title_of(draft.match, draft.scenario or ""))
        _refuse_past(complete.expires, today)
        taken.add(id)
        entry = _checked(complete, folder, repository)
        complete = replace(complete, status=entry.exclusion.status)
        if complete.approved_by is not None:
            approver_of(entry.exclusion, complete.approved_by)
            rules = [loaded.rule for loaded in repository.rules.rules]
            complete = replace(
                complete,
                approval=rules_seen(entry.exclusion, rules),
                approval_places=places_seen(entry.exclusion, rules, repository.planner(today)),
                approved_on=today,
            )
            entry = new_exclusion(complete, folder, repository.rules, known)
        _refuse_broad(entry.exclusion, repository, today)
        entries.append(entry)
    return entries


def _checked(draft: DraftExclusion, folder: Path, repository: Repository) -> NewExclusion:
    """Return a draft as an entry, with the status `draft` where it lacks what the policy asks of an active one."""
    if draft.status == "active" and repository.enforced is not None:
        waiting = new_exclusion(replace(draft, status="draft"), folder, repository.rules, repository.exclusions)
        if lacking(waiting.exclusion, repository.enforced):
            return waiting
    return new_exclusion(draft, folder, repository.rules, repository.exclusions)


def entry_of_text(text: str, repository: Repository, folder: Path, today: date) -> NewExclusion:
    """Return the text of a file that holds one new exclusion as an entry that may be written.

    Raises:
        DraftError: the loader would refuse it, or its id is in use.
        FpctlError: its file is there, or the last day is past.
    """
    entry = exclusion_of_text(text, folder, repository.rules, repository.exclusions)
    _refuse_past(entry.exclusion.expires, today)
    _refuse_broad(entry.exclusion, repository, today)
    return entry


def _refuse_past(expires: date | None, today: date) -> None:
    if expires is not None and expires <= today:
        raise FpctlError(f"it would expire on {expires}, which is not after today, {today}")


def _refuse_broad(exclusion: Exclusion, repository: Repository, today: date) -> None:
    """Refuse a match that is broad in the tables of a rule and does not say so.

    Raises:
        DraftError: it is.
    """
    if exclusion.broad:
        return
    rules = [loaded.rule for loaded in repository.rules.rules if exclusion.selects(loaded.rule)]
    problems = []
    for number, found in broad_alternatives(exclusion, rules, repository.planner(today)).items():
        fields = " and ".join(exclusion.match[number].fields())
        titles = ", ".join(family.title for family in found.families)
        problems.append(
            Problem(
                "too-broad",
                f"{fields} together do not identify an event of {found.rule.name} ({titles})",
                Location("new exclusion"),
                f"name {identifying(found.families)}; or set `broad: true` and have it approved",
            )
        )
    if problems:
        raise DraftError(problems)


def remarks(exclusion: Exclusion, known: Iterable[LoadedExclusion]) -> list[str]:
    """Return what a reviewer would ask of a new exclusion: its twin, its scenario's fields, reason, end, approval."""
    said: list[str] = []
    if same := twins(exclusion, known):
        said.append(f"{', '.join(same)} already matches the same")
    if exclusion.scenario is not None:
        template = scenario(exclusion.scenario)
        lacking = [field for field in template.needs if any(getattr(one, field) is None for one in exclusion.match)]
        said += [f"{template.id} usually names {field}: {template.ask[field]}" for field in lacking]
    if exclusion.expires is None:
        said.append("it never expires; set an expiry date with --expires 90d")
    if exclusion.reason is None:
        said.append("it has no reason; add one with --reason")
    if exclusion.approved_by is None:
        said.append(f"not approved yet: fpctl approve {exclusion.id}")
    return said
