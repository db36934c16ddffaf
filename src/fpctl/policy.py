"""The policy: what a team asks of its exclusions. `[policy]` of `fpctl.toml`; the defaults are those shipped.

Only the settings are here, as plain data. The checks that hold exclusions against it are in
`fpctl.audit`; docs/policy.md says why each default is what it is.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from fpctl.fields.registry import NAMES, having

Level = Literal["error", "warning", "note"]
"""How grave a finding is. `note` is for what a person should know and nobody need act on."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""From the gravest on."""

RequiredKey = Literal["title", "scenario", "reason", "ticket", "owner", "created", "expires", "notes", "tags"]
MATCHED = (*NAMES, "where")
"""What a match can name."""

_Days = Annotated[int, Field(ge=1, le=36_600)]
_Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    """A table of the file: no key that we do not know, and no value of another type than its key's."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError("pattern", "{message}", {"message": f"not a regular expression: {error}"}) from error
    return text


def _field(name: str) -> str:
    if name not in MATCHED:
        message = f"there is no field `{name}`; the fields are {', '.join(MATCHED)}"
        raise PydanticCustomError("field", "{message}", {"message": message})
    return name


class Lifetime(_Table):
    """`[policy.lifetime]`: the most days from the last approval (or from `created`) to `expires`.

    Attributes:
        narrow: where the exclusion names its rules and a device, URL or hash.
        sweeping: where a pattern, a tag, a technique, a table or `*` chooses the rules.
        broad: where an alternative of the match names no device, URL or hash.
        scenarios: by scenario, instead of `narrow`; the other two still limit it.
        warn: days before the end from which it is reported.
    """

    narrow: _Days = 184
    sweeping: _Days = 184
    broad: _Days = 92
    scenarios: dict[str, _Days] = {}
    warn: _Days = 30


class ApprovalPolicy(_Table):
    """`[policy.approval]`: who must have seen an exclusion.

    Attributes:
        needed: `always`; `fields`, only for exclusions that are broad or use one of `fields`; `never`.
        approvers: who may approve, as `--by` names them, or patterns such as `*@soc.contoso.com`; anybody if empty.
        fields: what an attacker can choose freely, and raw conditions.
        differs: whether the approver may not be the owner.
    """

    needed: Literal["always", "fields", "never"] = "always"
    approvers: list[str] = []
    fields: list[Annotated[str, AfterValidator(_field)]] = [*having(lambda field: field.chosen), "where"]
    differs: bool = True


class Forbidden(_Table):
    """`[policy.forbidden]`: values too broad to be meant, besides the lists that are shipped with the checks.

    Attributes:
        domains: domains under which others can put what they like.
        processes: programs that run any command they are given, not to be excluded without a device.
        hashes: hashes of such programs.
        folders: folders that every user may write to; `*` is any text.
        allowed: values of any of these kinds that are not to be reported, as the exclusion writes them.
        prefix_v4: the shortest prefix of an IPv4 network that is narrow enough.
        prefix_v6: the same for IPv6.
    """

    domains: list[str] = []
    processes: list[str] = []
    hashes: list[str] = []
    folders: list[str] = []
    allowed: list[str] = []
    prefix_v4: Annotated[int, Field(ge=1, le=32)] = 16
    prefix_v6: Annotated[int, Field(ge=1, le=128)] = 48


class Usage(_Table):
    """`[policy.usage]`: what the recorded runs must show.

    Attributes:
        never: days for which an exclusion may be active without ever having a hit.
        idle: days without a hit after which one that had hits is reported.
        factor: how many times more hits a run may have than at the time of the approval.
        floor: hits a run below which growth is not reported.
        days: how many days are compared: up to today, and around the approval.
        repeated: in how many exclusions a value may be before a list is better.
    """

    never: _Days = 30
    idle: _Days = 90
    factor: Annotated[float, Field(gt=1)] = 10.0
    floor: _Count = 100
    days: _Days = 14
    repeated: Annotated[int, Field(ge=2)] = 3


class Policy(_Table):
    """`[policy]`.

    Attributes:
        require: keys that every exclusion must have.
        ticket: a regular expression that the whole of `ticket` must match.
        approvers: the same as in `[policy.approval]`; both lists count.
        enforce: whether an exclusion without a reason, an owner or an approval that is asked for counts as a draft;
            `auto`: where there is a settings file.
        severity: by code (`FP101`) or name (`expired`) of a check, how grave its findings are; `off` turns it off.
    """

    require: list[RequiredKey] = ["title", "reason", "ticket", "owner", "created", "expires"]
    ticket: Annotated[str, AfterValidator(_expression)] = "([A-Z][A-Z0-9_]*-?|#)[0-9]+"
    approvers: list[str] = []
    enforce: Literal["auto", "always", "never"] = "auto"
    lifetime: Lifetime = Lifetime()
    approval: ApprovalPolicy = ApprovalPolicy()
    forbidden: Forbidden = Forbidden()
    usage: Usage = Usage()
    severity: dict[str, Literal["error", "warning", "note", "off"]] = {}

    def may_approve(self, approver: str) -> bool:
        """Return whether somebody may approve, whatever the case; of `Name <email>` either part may be listed."""
        said = approver.strip().casefold()
        name, _, email = said.rpartition("<")
        parts = {said, name.strip(), email.removesuffix(">").strip()} - {""}
        listed = [one.strip().casefold() for one in (*self.approvers, *self.approval.approvers)]
        return not listed or any(fnmatchcase(part, one) for part in parts for one in listed)
