"""What somebody types into the form of a new exclusion, as a draft of the library, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, checked, title_of, with_caret
from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.identifier import new_id
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.window_text import weekly_text
from fpctl.fields.registry import NAMES
from fpctl.schema.families import is_narrow
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.reserved import RECORDED, reserved

DEFAULT_LIFE = "180d"

_IN_THE_FORM = frozenset({
    "id", "title", "scenario", "rules", "match", "window", "reason", "ticket", "owner", "created", "expires", "broad",
    "status",
})  # fmt: skip
_COMMENT = re.compile(r"^\s*#(?! yaml-language-server:)|\s#", re.MULTILINE)
"""What may be a comment. A `#` in a text in quotes looks the same, and then one stays in the file."""


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
            given: the fields of the form by name; values of a match field are one per line.
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
        """Whether a field is given that is sufficient alone."""
        return is_narrow(self.fields)

    def draft(self, today: date) -> DraftExclusion:
        """Return the draft.

        Raises:
            FpctlError: the end is not a date, or the status is not one that a page may record.
        """
        if self.status not in RECORDED:
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
        loaded, warnings = checked(text, config.exclusions)
    except DraftError as error:
        return Checked(None, text, error.problems)
    return Checked(loaded.exclusion, text, warnings)


def text_of(form: DraftForm, config: ConsoleConfig, taken: Iterable[str], today: date) -> str:
    """Return the file that a form would become, with an id that is free, to be gone on with by hand.

    Raises:
        FpctlError: the end is not a date.
    """
    draft = form.draft(today)
    title = draft.title or title_of(draft.match, draft.scenario or "")
    return replace(draft, id=new_id(today, set(taken)), title=title).text(config.exclusions)


def check_text(text: str, config: ConsoleConfig) -> Checked:
    """Return what a typed file would be, and everything that is wrong with it, each with its line."""
    try:
        loaded, warnings = checked(text, config.exclusions)
    except DraftError as error:
        return Checked(None, text, error.problems)
    decided = reserved({}, [loaded], loaded.path, approver=False)
    if decided:
        return Checked(None, text, tuple(with_caret(one, text, loaded.path) for one in decided))
    return Checked(loaded.exclusion, text, warnings)


def form_of(text: str, config: ConsoleConfig) -> DraftForm:
    """Return the form that says the same as a typed file, so that one can go on in its fields.

    Raises:
        DraftError: the loader would refuse the file.
        FpctlError: the form has no field for a part of it; the message names the parts.
    """
    loaded, _ = checked(text, config.exclusions)
    exclusion = loaded.exclusion
    (first, *others), window = exclusion.match, exclusion.window
    lacking = sorted(exclusion.model_fields_set - _IN_THE_FORM)
    lacking += ["a second alternative of match"] if others else []
    lacking += ["single intervals of the window"] if window is not None and window.intervals else []
    lacking += ["values from list files"] if loaded.lists else []
    lacking += ["comments"] if _COMMENT.search(text) else []
    if lacking:
        raise FpctlError(f"the form has no field for {', '.join(lacking)}", None, "go on in the file")
    return DraftForm(
        rules=exclusion.rules,
        fields=first.fields(),
        title=exclusion.title,
        scenario=exclusion.scenario or "",
        where=first.where or "",
        weekly="\n".join(weekly_text(hours) for hours in window.weekly) if window is not None else "",
        timezone=window.timezone if window is not None else "",
        reason=exclusion.reason or "",
        ticket=exclusion.ticket or "",
        owner=exclusion.owner or "",
        expires=exclusion.expires.isoformat() if exclusion.expires is not None else "",
        broad=exclusion.broad,
        status=exclusion.status,
    )


def _match(text: str) -> dict[str, tuple[str, ...]]:
    """Return the fields of an alternative. Raises FpctlError where the text is none."""
    try:
        read = json.loads(text)
        found = {str(name): tuple(str(value) for value in values) for name, values in read.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise FpctlError("that is not an alternative of this page", None, "reload the page") from error
    return {name: values for name, values in found.items() if name in NAMES}


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
