"""The guided form of `fpctl add`: rule, scenario, the fields that the scenario wants, reason, owner, ticket, expiry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Protocol, TypeVar

from fpctl.errors import FpctlError
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.scenarios.model import Scenario, scenarios
from fpctl.fields.registry import FIELDS, NARROW, check_value
from fpctl.rules.loader import RuleSet
from fpctl.schema.families import is_narrow

T = TypeVar("T")

DEFAULT_LIFE = "90d"
"""How long an exclusion holds if nobody says: fails towards the alert."""

SHOWN_RULES = 15
"""So many rules are listed to choose from; in a larger folder they are named."""

_PLAIN_FIELDS = ("device", "url", "hash", "process", "parent_process", "command_line")


class Conversation(Protocol):
    """Who answers."""

    def ask(self, question: str, default: str | None = None) -> str:
        """Return the answer to a question; empty for none."""
        ...

    def say(self, text: str) -> None:
        """Show a text."""
        ...


def run_wizard(talk: Conversation, rules: RuleSet, today: date, owner: str | None) -> DraftExclusion:
    """Ask for an exclusion and return it as a draft without an id.

    Args:
        talk: asks and shows.
        rules: to choose from.
        today: spans such as `90d` count from here.
        owner: proposed as the owner.
    """
    rule = _rule(talk, rules)
    scenario = _scenario(talk)
    fields = _fields(talk, scenario)
    return DraftExclusion(
        rules=(rule,),
        match=(fields,),
        scenario=scenario.id if scenario else None,
        reason=_required(talk, "Why is this benign?"),
        owner=_required(talk, "Who owns the exclusion?", owner),
        ticket=talk.ask("Ticket or change number (empty for none)", "").strip() or None,
        created=today,
        expires=_checked(
            talk,
            "Until when? (a date, or 90d, 6m, 1y; `never`)",
            DEFAULT_LIFE,
            lambda text: None if text.strip().lower() == "never" else _after(parse_until(text, today), today),
        ),
    )


def _after(day: date, today: date) -> date:
    if day <= today:
        raise FpctlError(f"{day} is not after today, {today}")
    return day


def _rule(talk: Conversation, rules: RuleSet) -> str:
    shown = rules.rules if len(rules.rules) <= SHOWN_RULES else ()
    for number, loaded in enumerate(shown, 1):
        talk.say(f"  {number:>2}  {loaded.rule.name}  ({loaded.rule.path})")

    def read(text: str) -> str:
        given = text.strip()
        if given.isdigit() and 1 <= int(given) <= len(shown):
            return shown[int(given) - 1].rule.id
        if not given:
            raise FpctlError("an exclusion is for a rule", None, "name it by id, name or path, or write * for all")
        found = rules.select([given])
        return found[0].rule.id if len(found) == 1 else given

    return _checked(
        talk, "For which rule? (number, id, name, path or glob)" if shown else "For which rule?", None, read
    )


def _scenario(talk: Conversation) -> Scenario | None:
    known = scenarios()
    talk.say("   0  none of these")
    for number, one in enumerate(known, 1):
        talk.say(f"  {number:>2}  {one.title}  ({one.id})")

    def read(text: str) -> Scenario | None:
        given = text.strip().lower()
        if given in ("", "0", "none"):
            return None
        if given.isdigit() and int(given) <= len(known):
            return known[int(given) - 1]
        for one in known:
            if one.id == given:
                return one
        raise FpctlError(f"`{text}` is none of them", None, f"a number from 0 to {len(known)}, or an id")

    chosen = _checked(talk, "Which scenario?", "0", read)
    if chosen is not None:
        talk.say(f"Documented as: {chosen.origin}")
        talk.say(chosen.advice)
    return chosen


def _fields(talk: Conversation, scenario: Scenario | None) -> dict[str, tuple[str, ...]]:
    wanted = scenario.fields() if scenario else _PLAIN_FIELDS
    needs = scenario.needs if scenario else ()
    talk.say(
        "Several values are separated by commas (texts of a command line by ||); an empty answer leaves a field out."
    )
    found: dict[str, tuple[str, ...]] = {}
    while True:
        for field in wanted:
            question = (scenario.ask.get(field) if scenario else None) or FIELDS[field].question
            default = ", ".join(scenario.defaults.get(field, ())) if scenario else ""
            values = _checked(talk, f"{field}: {question}", default, partial(_values, field, field in needs))
            if values:
                found[field] = values
        if is_narrow(found):
            return found
        talk.say("An exclusion names at least one device, URL or hash; without one it would match too much.")
        wanted, needs = NARROW, ()


def _values(field: str, needed: bool, text: str) -> tuple[str, ...]:
    values = tuple(value.strip() for value in text.split(FIELDS[field].separator) if value.strip())
    if not values and needed:
        raise FpctlError(f"this scenario needs `{field}`", None, "without it the exclusion is wider than the scenario")
    for value in values:
        if not value.startswith("@") and (problem := check_value(field, value)):
            raise FpctlError(problem.message, None, problem.hint)
    return values


def _required(talk: Conversation, question: str, default: str | None = None) -> str:
    def read(text: str) -> str:
        if not text.strip():
            raise FpctlError("this is needed: it is what a reviewer looks at first")
        return text.strip()

    return _checked(talk, question, default, read)


def _checked(talk: Conversation, question: str, default: str | None, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read."""
    while True:
        try:
            return read(talk.ask(question, default))
        except FpctlError as error:
            talk.say(str(error))
