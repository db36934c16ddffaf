"""The documented benign scenarios: templates that an analyst fills to make an exclusion."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from fpctl.documents.yaml_node import plain_data, read_documents
from fpctl.errors import FpctlError
from fpctl.spelling import did_you_mean

SCENARIO_IDS = (
    *("scheduled-patching", "remote-reboot", "software-deployment", "monitoring-script", "database-backup"),
    *(
        "service-account",
        "break-glass",
        "vulnerability-scanner",
        "vpn-egress",
        "mail-gateway",
        "backup-sync",
        "ci-runner",
    ),
)
"""In the documented order; the first five are documented by others as filters."""


class WorkedExample(BaseModel):
    """A rule, the match that suppresses the benign event of it, and an event that resembles it and must fire.

    Attributes:
        rule: KQL.
        match: fields and values.
        benign, attack: values by column, of the first table of the rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    match: dict[str, tuple[str, ...]]
    benign: dict[str, Any]
    attack: dict[str, Any]


class Scenario(BaseModel):
    """A scenario.

    Attributes:
        id: what an exclusion's `scenario` says.
        origin: the filter as its authors documented it, word for word, where there is one; `origin_note` what to know
            about it.
        advice: what is wrong with that filter, and what to name instead.
        placeholders: texts of the origin that stand for something to fill in.
        needs: fields that an analyst must fill, beyond the rule that a device, url or hash is named.
        offers: fields that narrow further.
        defaults: values to begin with, joined with "and".
        ask: the question for each field.
        expiry: how long such an exclusion typically holds, as `--expires` takes it.
        example: a worked one; of the first five there is a worked exclusion among those that are shipped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    description: str
    origin: str = ""
    origin_note: str | None = None
    advice: str
    placeholders: tuple[str, ...] = ()
    needs: tuple[str, ...]
    offers: tuple[str, ...]
    defaults: dict[str, tuple[str, ...]]
    ask: dict[str, str]
    expiry: str = "90d"
    example: WorkedExample | None = None

    def fields(self) -> tuple[str, ...]:
        """Return the fields to ask for, in order: needed ones first."""
        return (*self.needs, *self.offers)


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return the packaged scenarios in the documented order."""
    file = resources.files("fpctl.exclusions.scenarios") / "data" / "scenarios.yaml"
    (root,) = read_documents(file.read_text("utf-8"), "scenarios.yaml")
    return tuple(Scenario.model_validate(item) for item in plain_data(root))


def scenario(id: str) -> Scenario:
    """Return a scenario by id.

    Raises:
        FpctlError: there is none of that id.
    """
    for found in scenarios():
        if found.id == id:
            return found
    raise FpctlError(f"unknown scenario `{id}`", None, did_you_mean(id, SCENARIO_IDS))
