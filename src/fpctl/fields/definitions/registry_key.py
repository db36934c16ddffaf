"""Keys of the Windows registry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fpctl.fields.field import (
    ON_DEVICE,
    Attack,
    BoundColumn,
    FieldTest,
    NotExpressibleError,
    ValueProblem,
    compared,
)
from fpctl.fields.kinds.path_prefix import PathPrefixField
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.term import Affix, Regex, Term, any_of, is_in

HIVES = {
    "HKEY_LOCAL_MACHINE": ("HKLM", "\\REGISTRY\\MACHINE"),
    "HKEY_USERS": ("HKU", "\\REGISTRY\\USER"),
    "HKEY_CURRENT_USER": ("HKCU",),
    "HKEY_CLASSES_ROOT": ("HKCR",),
    "HKEY_CURRENT_CONFIG": ("HKCC",),
}
"""The root keys, and their other spellings: of Sysmon and people, and of the kernel (Security events)."""

_ROOT = re.compile(
    "(" + "|".join(re.escape(one) for root, others in HIVES.items() for one in (root, *others)) + r")(?=\\|$)",
    re.IGNORECASE,
)
_IN_KEY = "[^\\\\]*"


class RegistryKeyField(PathPrefixField):
    """A key, and everything below it. The root key is matched in each of its spellings."""

    name = "registry_key"
    help = (
        "Registry key with its root (`HKLM\\SOFTWARE\\Contoso`), and everything below it. "
        "`*` matches any text in one part."
    )
    question = "Which registry keys? (with the root: HKLM\\SOFTWARE\\Contoso)"
    meaning = "the key that is created, changed or deleted; never its previous key"
    matches = (
        "that key and everything below it, at a `\\`, in every spelling of its root: `HKLM`, "
        "`HKEY_LOCAL_MACHINE`, `\\REGISTRY\\MACHINE`"
    )
    spares = "keys that only start with the same letters"
    synonyms = ("registry", "registrykey", "regkey", "key")
    roles = telling = ("registry-key",)
    assumed = (("RegistryKey", "registry-key"),)
    test_rank = 92
    tell_rank = 65
    chosen = "whatever runs on the device may write below a key"
    pattern_noun = "registry key whose name"
    ecs = ("registry.path", "registry.key")
    sigma_read = (("targetobject", "registry.path"),)
    sigma_written = (("registry.path", "TargetObject"),)
    below = "a key also matches everything below it"

    def check(self, value: str) -> ValueProblem | None:
        if "/" in value:
            return ValueProblem("the parts of a registry key are separated by `\\`", "write HKLM\\SOFTWARE\\Contoso")
        root = _ROOT.match(value)
        if not root and not value.startswith("**"):
            return ValueProblem(
                f"`{value}` has no root key", "begin with HKLM, HKU, HKCU, HKCR or HKCC, or with `**\\`"
            )
        rest = value[root.end() :] if root else value
        if not rest.strip("\\*"):
            return ValueProblem(f"`{value}` is a whole hive", "name a key")
        if root and len(rest.strip("\\").split("\\")) == 1 and rest.strip("\\*").upper() in ("SOFTWARE", "SYSTEM"):
            return ValueProblem(f"`{value}` is most of a hive", "name a key below it")
        if "\\\\" in rest or any(part in (".", "..") for part in rest.split("\\")):
            return ValueProblem(
                f"`{value}` is not a key as events show it", "write each part once, between single `\\`"
            )
        return None

    def parse(self, value: str) -> str:
        """Return the key with its root in the long spelling."""
        text = value.rstrip("\\")
        root = _ROOT.match(text)
        if root is None:
            return text
        given = root[0].upper()
        long = next(name for name, others in HIVES.items() if given == name or given in others)
        return long + text[root.end() :]

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        spelled = [text for value in values for text in _spellings(value)]
        keys, patterns = wildcard.split_by_wildcard(spelled)
        terms: list[Term] = []
        if keys:
            terms.append(is_in(operand, keys))
            terms += [Affix(operand, "startswith", f"{key}\\") for key in keys]
        terms += [Regex(operand, f"(?is)^{wildcard.pattern(p, _IN_KEY, '.*')}(?:\\\\|$)") for p in patterns]
        return any_of(terms)

    def names(self, pattern: str, value: str) -> bool:
        return super().names(self.parse(pattern).casefold(), self.parse(value).casefold())

    def attacks(self, value: str) -> Iterator[Attack]:
        stem = value.rstrip("\\")
        advice = "name the program or its hash too"
        yield Attack("a value put below the excluded key", {"registry_key": f"{stem}\\Evil"}, ON_DEVICE, advice)
        yield Attack("a key whose name begins so", {"registry_key": f"{stem}2\\Evil"})
        run = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"
        yield Attack("another key", {"registry_key": run}, advice="name the key")

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        for value in values:
            if "*" in value:
                raise NotExpressibleError(f"`*` is in the key `{value}`")
        keys = [text for value in values for text in _spellings(self.parse(value))]
        below = [f"{key}\\" for key in keys]
        (name, *_) = self.ecs
        return [*compared(name, "==", keys), *compared(name, "STARTSWITH", below)]

    def watchlist_note(self, values: Sequence[str]) -> str:
        return "a query that compares SearchKey does not match what is below a key"


def _spellings(key: str) -> list[str]:
    """Return a parsed key with its root in each spelling."""
    root = _ROOT.match(key)
    if root is None:
        return [key]
    return [key, *(other + key[root.end() :] for other in HIVES[root[0]])]


FIELD = RegistryKeyField()
