"""What is known of hosts, programs and folders that others share or choose: the shipped lists and the policy's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from fpctl.policy import Forbidden


@dataclass(frozen=True, slots=True)
class SharedNames:
    """The lists, in lower case.

    Attributes:
        by_subdomain: domains below which each customer has a name.
        by_path: hosts on which each customer has a path.
        programs: programs that run the commands they are given, each with what it is in words.
        hashes: hashes of such programs, each with whose it is.
        folders: folders that every user may write to, as patterns of the beginning of a path.
        commonplace: texts found in nearly every command line.
        allowed: values that are not to be reported.
    """

    by_subdomain: frozenset[str]
    by_path: frozenset[str]
    programs: Mapping[str, str]
    hashes: Mapping[str, str]
    folders: Sequence[re.Pattern[str]]
    commonplace: frozenset[str]
    allowed: frozenset[str]

    def is_allowed(self, value: str) -> bool:
        """Return whether the policy allows a value as it is written."""
        return value.strip().lower() in self.allowed


def shared_names(policy: Forbidden) -> SharedNames:
    """Return the shipped lists with what a policy adds and allows."""
    data = _shipped()
    programs = {name.lower(): "a script host" for name in data["script_hosts"]}
    programs |= {name.lower(): "an administration tool" for name in data["admin_tools"]}
    programs |= {name.lower(): "a program that the policy forbids" for name in policy.processes}
    hashes = {digest.lower(): name for name, digests in data["hashes"].items() for digest in digests}
    hashes |= {digest.strip().lower(): "a program that the policy forbids" for digest in policy.hashes}
    return SharedNames(
        frozenset(data["shared_hosts"]["subdomain"]),
        frozenset((*data["shared_hosts"]["path"], *(domain.strip().lower() for domain in policy.domains))),
        programs,
        hashes,
        tuple(_folder(text) for text in (*data["writable_folders"], *policy.folders)),
        frozenset(text.lower() for text in data["commonplace"]),
        frozenset(value.strip().lower() for value in policy.allowed),
    )


def _folder(text: str) -> re.Pattern[str]:
    """Return a folder as a pattern of the beginning of a path; `*` is any text within one part."""
    parts = (re.escape(part) for part in text.rstrip("\\/").split("*"))
    return re.compile(r"[^\\/]*".join(parts) + r"(?:[\\/]|$)", re.IGNORECASE)


@cache
def _shipped() -> Mapping[str, Any]:
    import yaml

    text = (resources.files("fpctl.exclusions.risk") / "data" / "shared_names.yaml").read_text("utf-8")
    found: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found
