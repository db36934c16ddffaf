"""File names of programs, whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fpctl.fields.field import FEW, BoundColumn, StandIn, ValueProblem
from fpctl.fields.kinds.whole_text import WholeTextField
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.term import Affix, Regex, Term, any_of, is_in


class FileNameField(WholeTextField):
    """A whole file name; `*` is any text. In a column of full paths it is the last part."""

    # file-name: without folder. file-path: a full path with the file name, `/` or `\` between folders. windows-path:
    # the same, where it is always `\`.
    roles = ("file-name", "file-path", "windows-path")
    telling = ("file-name", "windows-path", "file-path")
    verbatim = "file-name"
    semicolon = True
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

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        if column.role == "file-name":
            return super().test(values, column, columns)
        operand = column.string()
        names, patterns = wildcard.split_by_wildcard(values)
        terms: list[Term] = []
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
        return wildcard.like(pattern, self.named(value, ""))

    def event_value(self, column: BoundColumn) -> str:
        if column.role == "file-name":
            return super().event_value(column)
        return f'extract(@"([^\\\\/]+)$", 1, tolower({column.string()}))'

    def named(self, value: str, role: str) -> str:
        return re.split(r"[\\/]", value)[-1]

    def shaped(self, role: str, value: str) -> str:
        return f"C:\\Program Files\\x\\{value}" if role in ("file-path", "windows-path") and value else value

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        if role == "file-name":
            return super().adopted(operator, role, values)
        tails = [re.fullmatch(r"\\([^\\/]+)", value) for value in values]
        if operator == "endswith" and all(tails):
            return StandIn(tuple(tail[1] for tail in tails if tail))
        return None
