"""File names of programs, whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fpctl.fields.field import (
    FEW,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    Operator,
    Reading,
    ValueProblem,
    affix,
    compared,
    pattern_of,
)
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.containment import folded, holds, literal, plain, shown
from fpctl.fields.matching.term import Affix, Regex, Term, any_of, is_in


class FileNameField(Field[str]):
    """A whole file name; `*` is any text. In a column of full paths it is the last part."""

    # file-name: without folder. file-path: a full path with the file name, `/` or `\\` between folders. windows-path:
    # the same, where it is always `\\`.
    roles = ("file-name", "file-path", "windows-path")
    telling = ("file-name", "windows-path", "file-path")
    verbatim = "file-name"
    wildcard = semicolon = True
    chosen = "any file can be called so"
    pattern_noun = "program whose name"

    def check(self, value: str) -> ValueProblem | None:
        separator = re.search(r"[\\/]", value)
        if separator:
            name = re.split(r"[\\/]", value)[-1]
            return ValueProblem(
                "a process is a file name without its folder", f"write `{name or 'name.exe'}`, and the folder as `path`"
            )
        bad = re.search(r"[\"<>|:]", value)
        if bad:
            return ValueProblem(f"`{bad.group()}` cannot be part of a file name", None)
        stem, dot, _ = value.rpartition(".")
        if dot and not stem.strip("*"):
            return ValueProblem(f"`{value}` names no program, only an extension", "name the program")
        return None

    def parse(self, value: str) -> str:
        return value

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        names, patterns = wildcard.split_by_wildcard(values)
        terms: list[Term] = []
        if column.role == "file-name":
            if names:
                terms.append(is_in(operand, names))
            terms += [wildcard.whole(operand, p) for p in patterns]
            return any_of(terms)
        separators = "\\" if column.role == "windows-path" else "\\/"
        inside = "[^" + "".join("\\\\" if s == "\\" else s for s in separators) + "]"
        if len(names) > FEW:
            terms.append(is_in(f"extract({wildcard.literal(inside + '+$')}, 0, {operand})", names))
        elif names:
            terms.append(is_in(operand, names))
            terms += [Affix(operand, "endswith", s + name) for name in names for s in separators]
        start = "(?:^|" + ("\\\\" if separators == "\\" else "[\\\\/]") + ")"
        terms += [Regex(operand, f"(?i){start}{wildcard.pattern(p, inside + '*')}$") for p in patterns]
        return any_of(terms)

    def names(self, pattern: str, value: str) -> bool:
        return wildcard.like(pattern, re.split(r"[\\/]", value)[-1])

    def key(self, parsed: str) -> Key:
        return (plain(folded(parsed)),)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[0]

    def covers(self, wide: Key, narrow: Key) -> bool:
        return holds(wide[0], narrow[0])

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0])

    def event_value(self, column: BoundColumn) -> str:
        if column.role == "file-name":
            return f"tolower({column.string()})"
        return f'extract(@"([^\\\\/]+)$", 1, tolower({column.string()}))'

    def named(self, value: str, role: str) -> str:
        return re.split(r"[\\/]", value)[-1]

    def shaped(self, role: str, value: str) -> str:
        return f"C:\\Program Files\\x\\{value}" if role in ("file-path", "windows-path") and value else value

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        (name, *_) = self.ecs
        found = compared(name, "==", [value for value in values if "*" not in value])
        by_operator: dict[Operator, list[str]] = {}
        for value in values:
            if "*" in value:
                operator, text = affix(value)
                by_operator.setdefault(operator, []).append(text)
        for operator, texts in by_operator.items():
            found += compared(name, operator, texts)
        return found

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> Reading | None:
        if role == "file-name":
            affixes: dict[str, Operator] = {
                "==": "==", "startswith": "STARTSWITH", "endswith": "ENDSWITH", "contains": "CONTAINS",
            }  # fmt: skip
            found = affixes.get(operator)
            return Reading(tuple(pattern_of(found, value) for value in values)) if found is not None else None
        tails = [re.fullmatch(r"\\([^\\/]+)", value) for value in values]
        if operator == "endswith" and all(tails):
            return Reading(tuple(tail[1] for tail in tails if tail))
        return None
