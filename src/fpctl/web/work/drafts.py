"""What somebody types into the form of a new exclusion, as a draft of the library, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, checked, title_of
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.model import Exclusion
from fpctl.fields.registry import NAMES
from fpctl.schema.families import is_narrow
from fpctl.web.config import ConsoleConfig

DEFAULT_LIFE = "180d"
STATUSES = ("draft", "shadow")
"""What a page may record: a draft waits for an approval, a shadow exclusion only counts. Neither suppresses."""


@dataclass(frozen=True, slots=True)
class DraftForm:
    """The form as it was filled in: texts, as they were typed."""

    rules: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    title: str = ""
    scenario: str = ""
    where: str = ""
    weekly: str = ""
    timezone: str = ""
    reason: str = ""
    ticket: str = ""
    owner: str = ""
    expires: str = DEFAULT_LIFE
    broad: bool = False
    status: str = "draft"

    @classmethod
    def of(cls, given: Mapping[str, str], picked: Sequence[str] = ()) -> DraftForm:
        """Return the form from a request.

        Args:
            given: the fields of the form by name; values of a match field stand one a line.
            picked: cells that were ticked in a result, each `field=value`.

        `add.FIELD` is one more value of a field; `match` replaces all fields, as JSON: an alternative that was chosen.
        """
        fields = {name: tuple(_lines(f"{given.get(name, '')}\n{given.get(f'add.{name}', '')}")) for name in NAMES}
        if given.get("match"):
            fields = _match(given["match"])
        for cell in picked:
            name, _, value = cell.partition("=")
            if name in fields and value.strip():
                fields[name] = tuple(dict.fromkeys((*fields[name], value.strip())))
        text = {
            name: given.get(name, "").strip()
            for name in ("title", "scenario", "where", "weekly", "timezone", "reason", "ticket", "owner")
        }
        return cls(
            rules=tuple(_lines(given.get("rules", ""))),
            fields={name: values for name, values in fields.items() if values},
            expires=given.get("expires", DEFAULT_LIFE).strip(),
            broad=given.get("broad", "") == "on",
            status=given.get("status", "draft"),
            **text,
        )

    @staticmethod
    def known_fields() -> tuple[str, ...]:
        """Return the names of the match fields."""
        return NAMES

    @property
    def empty(self) -> bool:
        """Whether nothing is matched yet."""
        return not self.fields and not self.where

    @property
    def narrow(self) -> bool:
        """Whether a field is given that may stand alone."""
        return is_narrow(self.fields)

    def draft(self, today: date) -> DraftExclusion:
        """Return the draft.

        Raises:
            FpctlError: the end is no date, or the status is not one that a page may record.
        """
        if self.status not in STATUSES:
            raise FpctlError(f"a page records drafts and shadow exclusions, not `{self.status}`")
        match: dict[str, tuple[str, ...]] = dict(self.fields)
        if self.where:
            match["where"] = (self.where,)
        window = None
        if self.weekly:
            window = {"weekly": list(_lines(self.weekly)), "timezone": self.timezone or "UTC"}
        return DraftExclusion(
            rules=self.rules,
            match=(match,),
            title=self.title,
            scenario=self.scenario or None,
            window=window,
            reason=self.reason or None,
            ticket=self.ticket or None,
            owner=self.owner or None,
            created=today,
            expires=parse_until(self.expires, today) if self.expires else None,
            status=self.status,
            broad=self.broad,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """A form put to the test: the exclusion it would be, its YAML, and what is wrong."""

    exclusion: Exclusion | None
    text: str
    problems: tuple[Problem, ...]


def check_form(form: DraftForm, config: ConsoleConfig, today: date) -> Checked:
    """Return what a form would be, and everything that is wrong with it."""
    try:
        draft = form.draft(today)
        draft = replace(draft, id="new", title=draft.title or title_of(draft.match, draft.scenario or ""))
    except FpctlError as error:
        problem = Problem("invalid-value", error.message, error.at or Location("form"), error.hint)
        return Checked(None, "", (problem,))
    text = draft.text()
    try:
        exclusion, warnings = checked(text, config.exclusions)
    except DraftError as error:
        return Checked(None, text, error.problems)
    return Checked(exclusion, text, warnings)


def _match(text: str) -> dict[str, tuple[str, ...]]:
    """Return the fields of an alternative. Raises FpctlError where the text is none."""
    try:
        read = json.loads(text)
        found = {str(name): tuple(str(value) for value in values) for name, values in read.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise FpctlError("that is no alternative of this page", None, "reload the page") from error
    return {name: values for name, values in found.items() if name in NAMES}


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
