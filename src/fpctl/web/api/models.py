"""What the API takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=10_000)]
Id = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Model(BaseModel):
    """A body: no key that the documentation does not name."""

    model_config = ConfigDict(extra="forbid")


class RuleOut(Model):
    """A rule. `key` stands for it in addresses."""

    key: str
    id: str
    name: str
    path: str


class PlannedRuleOut(RuleOut):
    """A rule with its plan: the documented JSON of `fpctl apply`."""

    query: str
    tuned: str | None
    plan: dict[str, Any]


class ExclusionOut(Model):
    """An exclusion as its file has it, and its state today."""

    id: str
    state: str
    content_hash: str
    document: dict[str, Any]


class NewExclusion(Model):
    """A new exclusion. It suppresses nothing until it is approved (draft), or at all (shadow)."""

    rules: Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(min_length=1, max_length=100)]
    match: Annotated[dict[str, Annotated[list[Text], Field(max_length=5_000)]], Field(min_length=1)]
    title: Annotated[str, Field(max_length=200)] = ""
    reason: Text
    owner: Annotated[str, Field(max_length=200)] = ""
    ticket: Annotated[str, Field(max_length=200)] = ""
    scenario: Annotated[str, Field(max_length=80)] = ""
    expires: Annotated[str, Field(max_length=20, description="A date, or a span from today such as 90d.")] = "180d"
    broad: bool = False
    status: Literal["draft", "shadow"] = "draft"


class Created(Model):
    """The id of what was recorded."""

    id: str


class Until(Model):
    """A later expiry date, or a span from today such as 90d."""

    until: Annotated[str, Field(max_length=20)]


class Seen(Model):
    """What was looked at: the `content_hash` of an exclusion."""

    content_hash: Annotated[str, Field(max_length=64)]


class Reason(Model):
    """Why."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000)]


class NewRun(Model):
    """A run of a rule, by key, id or path; `days` is how far back to look, by default as far as the rule does."""

    rule: Annotated[str, Field(min_length=1, max_length=500)]
    days: Annotated[int | None, Field(ge=1, le=365)] = None


class RunOut(Model):
    """A run that was asked for."""

    id: str
    rule: str
    person: str
    asked: datetime
    finished: datetime | None
    status: str
    message: str


class HitsOut(Model):
    """What an exclusion has suppressed in all recorded runs; null where that is not known."""

    exclusion: str
    rows: int | None
    unique: int | None
    runs: int
    unknown_runs: int
    first: datetime | None
    last: datetime | None


class FindingOut(Model):
    """A finding of the audit."""

    model_config = ConfigDict(extra="allow")

    code: str
    severity: str
    message: str


class Decisions(Model):
    """What needs a decision."""

    on: date
    decisions: list[dict[str, str | None]]


class Errors(BaseModel):
    """Why something was not done, a sentence each."""

    errors: list[str]
