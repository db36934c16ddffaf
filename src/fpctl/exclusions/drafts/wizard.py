"""The guided form of `fpctl add`: rule, scenario, the fields that the rule has, what it would do, and then why.

What an option gave is not asked. At every question `?` explains, `<` goes back, and `-` leaves out what is proposed; an
answer that was given stays as the proposal when its question comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Protocol

from fpctl.errors import FpctlError
from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.scenarios.model import Scenario, scenarios
from fpctl.fields.registry import FIELDS, check_value
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.loader import RuleSet
from fpctl.schema.families import Family, identifying, is_narrow

DEFAULT_LIFE = "90d"
"""How long an exclusion holds if nobody says: fails towards the alert."""

SHOWN_RULES = 15
"""How many rules are listed to choose from; in a larger folder they are typed."""

EXPLAIN, BACK, NONE = "?", "<", "-"


class Conversation(Protocol):
    """Who answers."""

    def ask(self, question: str, default: str | None = None) -> str:
        """Return the answer to a question; empty for none."""
        ...

    def say(self, text: str) -> None:
        """Show a text."""
        ...


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """What an exclusion for some rules can name.

    Attributes:
        ask: the fields to ask for, in order.
        columns: by field, the columns that hold it; a field without any is absent.
        families: of the tables that the rules read.
    """

    ask: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    families: tuple[Family, ...]


@dataclass(frozen=True, slots=True)
class FormSetting:
    """What the form works with.

    Attributes:
        rules: to choose from.
        today: spans such as `90d` count from here.
        base: what options gave.
        owner: proposed as the owner.
        columns: returns what an exclusion for some rules (selectors) can name.
        preview: shows what a draft would do, and returns why it cannot be recorded, or None.
        expires_given: an option says until when.
    """

    rules: RuleSet
    today: date
    base: DraftExclusion
    owner: str | None
    columns: Callable[[tuple[str, ...]], RuleColumns]
    preview: Callable[[DraftExclusion], str | None]
    expires_given: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    """A question: its key, its words, what it proposes, what it means, and what takes the answer."""

    key: str
    words: str
    default: str
    help: str
    take: Callable[[str], None]


def run_wizard(talk: Conversation, setting: FormSetting) -> DraftExclusion:
    """Ask for what options did not give, and return the exclusion as a draft."""
    return _Form(talk, setting).run()


@dataclass(slots=True)
class _Form:
    talk: Conversation
    setting: FormSetting
    draft: DraftExclusion = field(init=False)
    scenario: Scenario | None = None
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    reviewed: bool = False

    def __post_init__(self) -> None:
        self.draft = self.setting.base
        known = {one.id: one for one in scenarios()}
        self.scenario = known.get(self.draft.scenario or "")
        self.fields = {name: tuple(values) for name, values in (*self.draft.match, {})[0].items()}

    def run(self) -> DraftExclusion:
        self.talk.say(f"At every question: {EXPLAIN} explains, {BACK} goes back, {NONE} leaves out what is proposed.")
        passed: list[str] = []
        told: set[str] = set()
        while (question := next((one for one in self._questions() if one.key not in passed), None)) is not None:
            if question.key not in told:
                told.add(question.key)
                self._introduce(question.key)
            answer = self.talk.ask(question.words, self.answers.get(question.key, question.default)).strip()
            if answer == EXPLAIN:
                self.talk.say(question.help)
            elif answer == BACK:
                if passed:
                    passed.pop()
                    self.reviewed = False
                else:
                    self.talk.say("this is the first question")
            else:
                try:
                    question.take("" if answer == NONE else answer)
                except FpctlError as error:
                    self.talk.say(str(error))
                    continue
                self.answers[question.key] = answer
                passed.append(question.key)
                if not self.reviewed and not self._fields_left(passed):
                    self.reviewed = self._review(passed)
        return self.draft

    # ------------------------------------------------------------------ what is asked

    def _questions(self) -> list[_Question]:
        """Return all questions, as far as the answers up to now tell."""
        base = self.setting.base
        found = []
        if not base.rules:
            words = "For which rule? (number, id, name, path or glob)" if self._listed() else "For which rule?"
            found.append(_Question("rule", words, "", "the rule whose alerts are benign; * is all rules", self._rule))
        if not self.draft.rules:
            return found
        if base.scenario is None:
            help = "a documented benign situation: it knows what to name, and what is wrong with the usual filter"
            found.append(_Question("scenario", "Which scenario?", "0", help, self._scenario))
        found += [self._field(name) for name in self._asked()]
        if base.reason is None:
            help = "what a reviewer looks at first: what happens here, and why it is not an attack"
            found.append(_Question("reason", "Why is this benign?", "", help, partial(self._text, "reason")))
        if base.owner is None:
            words, help = "Who owns the exclusion?", "who is asked when it is about to expire"
            found.append(_Question("owner", words, self.setting.owner or "", help, partial(self._text, "owner")))
        if base.ticket is None:
            words, help = "Ticket or change number (empty for none)", "the change or incident that it goes back to"
            found.append(_Question("ticket", words, "", help, self._ticket))
        if not self.setting.expires_given:
            words = "Until when? (a date, or 90d, 6m, 1y; `never`)"
            default = self.scenario.expiry if self.scenario is not None else DEFAULT_LIFE
            help = "on this day it stops by itself, unless it is renewed"
            found.append(_Question("expires", words, default, help, self._expires))
        return found

    def _asked(self) -> list[str]:
        """Return the fields to ask for: of the scenario or rule, where its tables hold them and no option gave them."""
        known = self.setting.columns(self.draft.rules)
        given = self.setting.base.match[0] if self.setting.base.match else {}
        wanted = self.scenario.fields() if self.scenario is not None else known.ask
        held = [name for name in wanted if name in known.columns]
        if self.scenario is not None and not is_narrow([*held, *given], known.families):
            held += [name for name in known.ask if name not in held]
        return [name for name in held if name not in given]

    def _field(self, name: str) -> _Question:
        known = FIELDS[name]
        chosen = self.scenario
        words = (chosen.ask.get(name) if chosen is not None else None) or known.question
        default = ", ".join(chosen.defaults.get(name, ())) if chosen is not None else ""
        columns = ", ".join(self.setting.columns(self.draft.rules).columns.get(name, ())) or "no column that is known"
        spared = f"\nIt does not match {known.spares}." if known.spares else ""
        help = (
            f"{name}: {known.meaning}.\nIt matches {known.matches}.{spared}\n"
            f"In this rule: {columns}. Several values are separated by {known.separator}"
        )
        return _Question(f"field {name}", f"{name}: {words}", default, help, partial(self._values, name))

    def _introduce(self, key: str) -> None:
        """Show what there is to choose from, the first time a question comes."""
        if key == "rule":
            for number, loaded in enumerate(self._listed(), 1):
                self.talk.say(f"  {number:>2}  {loaded.rule.name}  ({loaded.rule.path})")
        elif key == "scenario":
            self.talk.say("   0  none of these")
            for number, one in enumerate(scenarios(), 1):
                self.talk.say(f"  {number:>2}  {one.title}  ({one.id})")

    def _listed(self) -> Sequence[LoadedRule]:
        rules = self.setting.rules.rules
        return rules if len(rules) <= SHOWN_RULES else ()

    def _fields_left(self, passed: Sequence[str]) -> bool:
        if not self.draft.rules or (self.setting.base.scenario is None and "scenario" not in passed):
            return True
        return any(f"field {name}" not in passed for name in self._asked())

    # ------------------------------------------------------------------ what becomes of the answers

    def _rule(self, text: str) -> None:
        shown = self._listed()
        if text.isdigit() and 1 <= int(text) <= len(shown):
            self.draft = replace(self.draft, rules=(self.setting.rules.rules[int(text) - 1].rule.id,))
            return
        if not text:
            raise FpctlError("an exclusion needs a rule", None, "give its id, name or path, or * for all rules")
        found = self.setting.rules.select([text])
        self.draft = replace(self.draft, rules=(found[0].rule.id if len(found) == 1 else text,))

    def _scenario(self, text: str) -> None:
        known = scenarios()
        given = text.lower()
        if given in ("", "0", "none"):
            chosen = None
        elif given.isdigit() and int(given) <= len(known):
            chosen = known[int(given) - 1]
        else:
            chosen = next((one for one in known if one.id == given), None)
            if chosen is None:
                hint = f"a number from 0 to {len(known)}, or an id"
                raise FpctlError(f"`{text}` is not one of the scenarios", None, hint)
        self.scenario = chosen
        self.draft = replace(self.draft, scenario=chosen.id if chosen is not None else None)
        if chosen is not None:
            if chosen.origin:
                self.talk.say(f"Documented as: {chosen.origin}")
            self.talk.say(chosen.advice)

    def _values(self, name: str, text: str) -> None:
        values = tuple(value.strip() for value in text.split(FIELDS[name].separator) if value.strip())
        if not values and self.scenario is not None and name in self.scenario.needs:
            hint = "without it the exclusion is wider than the scenario"
            raise FpctlError(f"this scenario needs `{name}`", None, hint)
        for value in values:
            if not value.startswith("@") and (problem := check_value(name, value)):
                raise FpctlError(problem.message, None, problem.hint)
        self.fields.pop(name, None)
        if values:
            self.fields[name] = values

    def _text(self, key: str, text: str) -> None:
        if not text:
            raise FpctlError("required: a reviewer looks at this first")
        self.draft = replace(self.draft, reason=text) if key == "reason" else replace(self.draft, owner=text)

    def _ticket(self, text: str) -> None:
        self.draft = replace(self.draft, ticket=text or None)

    def _expires(self, text: str) -> None:
        if text.lower() == "never":
            self.draft = replace(self.draft, expires=None)
            return
        day = parse_until(text, self.setting.today)
        if day <= self.setting.today:
            raise FpctlError(f"{day} is not after today, {self.setting.today}")
        self.draft = replace(self.draft, expires=day)

    def _review(self, passed: list[str]) -> bool:
        """Show what the match does; where it is refused, say why and ask for the fields again, answers kept."""
        asked = [name for name in (*self.setting.base.match, {})[0] if name in self.fields]
        kept = {name: values for name, values in self.fields.items() if name in asked or name in self._asked()}
        families = self.setting.columns(self.draft.rules).families
        refused: str | None
        if not kept or not (is_narrow(kept, families) or self.draft.broad):
            refused = f"Without {identifying(families)} it would match too much."
        else:
            self.draft = replace(self.draft, match=(kept,))
            refused = self.setting.preview(self.draft)
        if refused is None:
            return True
        if not any(key.startswith("field ") for key in passed):
            raise FpctlError(refused)
        self.talk.say(refused)
        passed[:] = [key for key in passed if not key.startswith("field ")]
        return False
