"""An exclusion: one reviewed allowlist entry."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    create_model,
    field_validator,
    model_validator,
)

from fpctl.documents.validation_error import validation_error
from fpctl.exclusions.raw_condition import check_condition
from fpctl.exclusions.window import Window
from fpctl.fields.registry import NAMES, check_value
from fpctl.rules.selector import Selection, selection
from fpctl.schema.families import identifying, is_narrow

Status = Literal["draft", "active", "shadow", "retired"]
"""`draft` is not yet reviewed, `active` suppresses, `shadow` is counted but suppresses nothing, `retired` is over."""
Placement = Literal["auto", "source", "result"]
State = Literal["active", "expired", "not-yet-valid", "draft", "retired", "shadow"]

_T = TypeVar("_T")
_M = TypeVar("_M", bound=BaseModel)


def _listed(value: object) -> object:
    """Accept a single value where a list is expected."""
    return [value] if isinstance(value, (str, int)) or value is None else value


def _textual(value: object) -> object:
    if value is None:
        raise validation_error(
            "empty-value", "the value is empty; it would match everything", "give a value, or remove the field"
        )
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checker(field: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        problem = check_value(field, value)
        if problem is not None:
            code = (
                "placeholder"
                if "is a placeholder" in problem.message
                else "empty-value"
                if not value.strip()
                else "invalid-value"
            )
            raise validation_error(code, problem.message, problem.hint)
        return value

    return check


_Text = Annotated[str, BeforeValidator(_textual)]
_Many = Annotated[tuple[_T, ...], BeforeValidator(_listed)]


def _with_fields(model: type[_M]) -> type[_M]:
    """Return a model that has every field of the registry as a key."""
    keys: dict[str, Any] = {
        name: (_Many[Annotated[_Text, AfterValidator(_checker(name))]] | None, None) for name in NAMES
    }
    return create_model(model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **keys)


@_with_fields
class Alternative(BaseModel):
    """One map of `match`: every field given must match; several values of a field are "any of"."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    where: str | None = None

    @field_validator(*NAMES, mode="before", check_fields=False)
    @classmethod
    def _given(cls, value: object) -> object:
        # A field that is there must say something: `device:` with nothing after it is a slip, not "any device".
        if isinstance(value, (list, tuple)) and not value:
            raise validation_error("empty-value", "the list of values is empty", "give a value, or remove the field")
        return _textual(value)

    @field_validator("where", mode="before")
    @classmethod
    def _condition(cls, value: object) -> object:
        if not isinstance(value, str) and value is not None:
            return value
        problem = check_condition(value or "")
        if problem is not None:
            code = "invalid-where" if value and value.strip() else "empty-value"
            raise validation_error(code, problem.message, problem.hint)
        return value

    def fields(self) -> dict[str, tuple[str, ...]]:
        """Return the fields given with their values, in the documented order; `where` is not among them."""
        given = (
            self.__dict__
        )  # asked for a hundred thousand times in a large estate: attributes take five times as long
        return {name: values for name in NAMES if (values := given[name])}

    def values(self, field: str) -> tuple[str, ...]:
        """Return the values of a field; none where it is not given."""
        given: tuple[str, ...] | None = getattr(self, field)
        return given or ()

    @property
    def narrow(self) -> bool:
        """Whether it names what is narrow enough: see `fpctl.schema.families.is_narrow`."""
        return is_narrow(self.fields())


_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _date(value: object) -> object:
    if isinstance(value, str):
        try:
            if _ISO_DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError as error:
            raise validation_error(
                "invalid-date", f"`{value}` is not a date: {error}", "write year-month-day: 2027-05-24"
            ) from error
        raise validation_error("invalid-date", f"`{value}` is not a date", "write year-month-day: 2027-05-24")
    return value


def _boolean(value: object) -> object:
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise validation_error("invalid-value", f"`{value}` is neither true nor false", "write `true` or `false`")
    return value


_Date = Annotated[date, BeforeValidator(_date)]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Approval(BaseModel):
    """What the approver saw: the day, and of each rule the content hash and where the clause was in it."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    on: _Date | None = None
    rules: dict[str, str] = {}
    places: dict[str, str] = {}


class Exclusion(BaseModel):
    """The exclusion file's document; see docs/exclusions.md for every key."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    id: str
    title: str = ""
    scenario: str | None = None
    rules: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    match: tuple[Alternative, ...]
    window: Window | None = None
    reason: str | None = None
    ticket: str | None = None
    owner: str | None = None
    created: _Date | None = None
    expires: _Date | None = None
    approved_by: str | None = None
    approval: Approval | None = None
    status: Status = "active"
    broad: Annotated[bool, BeforeValidator(_boolean)] = False
    placement: Placement = "auto"
    notes: str | None = None
    tags: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()

    @field_validator("id")
    @classmethod
    def _markable(cls, value: str) -> str:
        # The id is in a comment of the tuned query and names a file.
        if not _ID.fullmatch(value):
            hint = "use letters, digits, `.`, `_` and `-`, at most 80, such as fp-2026-0007"
            raise validation_error("invalid-id", f"`{value}` cannot be an id", hint)
        return value

    @field_validator("rules")
    @classmethod
    def _some_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for index, selector in enumerate(value):
            if not selector.strip():
                raise validation_error(
                    "empty-value", "the rule selector is empty", "name a rule, or write `*` for all", (index,)
                )
        if not value:
            raise validation_error("empty-value", "`rules` names no rule", "name rules by id, or write `*` for all")
        return value

    @field_validator("match", mode="before")
    @classmethod
    def _alternatives(cls, value: object) -> object:
        if isinstance(value, (Mapping, Alternative)):
            value = [value]
        if not isinstance(value, (list, tuple)):
            raise validation_error(
                "invalid-value",
                "`match` is a map of fields, or a list of such maps",
                "write `match: {device: [build01]}`",
            )
        if not value:
            raise validation_error(
                "empty-value", "`match` is empty; it would match everything", "name a device, url or hash"
            )
        for index, alternative in enumerate(value):
            if isinstance(alternative, Mapping) and not alternative:
                raise validation_error(
                    "empty-value",
                    "the match is empty; it would match everything",
                    "name a device, url or hash",
                    (index,),
                )
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Exclusion:
        if self.created and self.expires and self.expires <= self.created:
            message = f"the exclusion expires on {self.expires}, not after {self.created}, the day it is created"
            raise validation_error("expires-before-created", message, "give a later `expires`", ("expires",))
        for index, alternative in enumerate(self.match):
            if alternative.narrow:
                continue
            if not self.broad:
                hint = f"name {identifying()}, or set `broad: true` and have it approved"
                raise validation_error("too-broad", "the match names no device, url or hash", hint, ("match", index))
            # A draft waits for its approval, and what is retired suppresses nothing.
            if not (self.approved_by or "").strip() and self.status not in ("draft", "retired"):
                hint = "set `approved_by` to who accepts the risk, or name a device, url or hash"
                raise validation_error("not-approved", "a broad exclusion needs `approved_by`", hint, ("broad",))
        return self

    def state(self, today: date) -> State:
        """Return what the exclusion is on a day. `expires` is the first day on which it no longer holds."""
        if self.status == "draft" or self.status == "retired":
            return self.status
        if self.created is not None and today < self.created:
            return "not-yet-valid"
        if self.expires is not None and today >= self.expires:
            return "expired"
        return self.status

    def selects(self, rule: Any, tables: Any = None) -> Selection | None:
        """Return how `rules` reaches a rule; see `fpctl.rules.selector.selection`."""
        return selection(self.rules, rule, tables)

    def content_hash(self) -> str:
        """Return the SHA-256 of what the exclusion says, whatever its layout, comments and key order."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
