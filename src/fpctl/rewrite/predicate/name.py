"""File names, paths, command lines and signers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fpctl.rewrite.predicate import glob
from fpctl.rewrite.predicate.match import FEW, BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Affix, Regex, Term, among, any_of


def sorted_ignoring_case(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values in order, of those that differ only in case the first."""
    unique: dict[str, str] = {}
    for value in sorted(values):
        unique.setdefault(value.lower(), value)
    return tuple(unique.values())


class FileNameMatcher(Matcher[str]):
    """A whole file name. In a column of full paths it is the last part."""

    def parse(self, value: str) -> str:
        return value

    def roles(self, value: str) -> frozenset[str]:
        return frozenset({"file-name", "file-path", "windows-path"})

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        names = sorted_ignoring_case([v for v in values if not glob.has_wildcard(v)])
        patterns = sorted_ignoring_case([v for v in values if glob.has_wildcard(v)])
        terms: list[Term] = []
        if column.role == "file-name":
            if names:
                terms.append(among(operand, names))
            terms += [glob.whole(operand, p) for p in patterns]
            return any_of(terms)
        separators = "\\" if column.role == "windows-path" else "\\/"
        inside = "[^" + "".join("\\\\" if s == "\\" else s for s in separators) + "]"
        if len(names) > FEW:
            terms.append(among(f"extract({glob.literal(inside + '+$')}, 0, {operand})", names))
        elif names:
            terms.append(among(operand, names))
            terms += [Affix(operand, "endswith", s + name) for name in names for s in separators]
        start = "(?:^|" + ("\\\\" if separators == "\\" else "[\\\\/]") + ")"
        terms += [Regex(operand, f"(?i){start}{glob.pattern(p, inside + '*')}$") for p in patterns]
        return any_of(terms)


class PathMatcher(Matcher[str]):
    """A file or folder by its full path, or anything below it."""

    def parse(self, value: str) -> str:
        return value.rstrip("\\/")

    def roles(self, value: str) -> frozenset[str]:
        return frozenset({"file-path", "folder-path", "windows-path"})

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        paths = sorted_ignoring_case([v for v in values if not glob.has_wildcard(v)])
        patterns = sorted_ignoring_case([v for v in values if glob.has_wildcard(v)])
        terms: list[Term] = []
        if paths:
            terms.append(among(operand, paths))
            terms += [Affix(operand, "startswith", path + _separator(path)) for path in paths]
        terms += [Regex(operand, f"(?is)^{glob.pattern(p, _IN_FOLDER, '.*')}(?:[\\\\/]|$)") for p in patterns]
        return any_of(terms)


_IN_FOLDER = "[^\\\\/]*"


def _separator(path: str) -> str:
    return "\\" if "\\" in path else "/"


class CommandLineMatcher(Matcher[str]):
    """A text that the command line contains."""

    def parse(self, value: str) -> str:
        return value

    def roles(self, value: str) -> frozenset[str]:
        return frozenset({"command-line"})

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return any_of([glob.within(column.string(), value) for value in sorted_ignoring_case(values)])


class Signer(NamedTuple):
    """The name of a signer."""

    text: str


class SignerMatcher(Matcher[Signer]):
    """The whole name of a signer; `*` is part of the name here."""

    def parse(self, value: str) -> Signer:
        return Signer(value)

    def roles(self, value: Signer) -> frozenset[str]:
        return frozenset({"signer"})

    def test(self, values: Sequence[Signer], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return among(column.string(), sorted_ignoring_case([value.text for value in values]))
