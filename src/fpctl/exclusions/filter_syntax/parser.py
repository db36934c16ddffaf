"""A filter's text to its tree, every slip located."""

from __future__ import annotations

from collections.abc import Callable

from fpctl.exclusions.filter_syntax.expression import And, Comparison, Condition, Not, Operator, Or
from fpctl.exclusions.filter_syntax.vocabulary import known_names, meaning_of
from fpctl.exclusions.filter_syntax.words import FilterSyntaxError, FilterText, Word, words_of
from fpctl.spelling import did_you_mean

OPERATORS = ("==", "!=", "IN", "CONTAINS", "STARTSWITH", "ENDSWITH")

_SIGNS = {
    "=": "==", ":": "==", "=~": "==", "~": "CONTAINS", "<>": "!=", "!~": "!=", "LIKE": "CONTAINS", "HAS": "CONTAINS",
    "IS": "==", "EQ": "==", "EQUALS": "==", "NE": "!=", "MATCHES": "CONTAINS", "WILDCARD": "==",
    "STARTS_WITH": "STARTSWITH", "ENDS_WITH": "ENDSWITH", "INCLUDES": "CONTAINS",
}  # fmt: skip
"""Operators of other languages, and what is meant by them."""

_MAX_DEPTH = 50
_MAX_LENGTH = 100_000


def parse_filter(text: str, name: str = "filter") -> Condition:
    """Return what a filter says.

    Args:
        text: `field == "value"`, `!=`, `IN ("a", "b")`, `CONTAINS`, `STARTSWITH`, `ENDSWITH` (these
            take a list too), joined by AND, OR, NOT and brackets; words in any case.
        name: what the text is called in messages.

    Raises:
        NotationError: it is ill-formed; the error has the place, a caret and what to write.
    """
    source = FilterText(text, name)
    if len(text) > _MAX_LENGTH:
        raise source.error(f"the filter has {len(text):,} characters; at most {_MAX_LENGTH:,} are read", 0)
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: FilterText) -> None:
        self.source = source
        self.words = words_of(source)
        self.at = 0
        self.depth = 0

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def take(self) -> Word:
        word = self.word
        self.at += word.kind != "end"
        return word

    def whole(self) -> Condition:
        if self.word.kind == "end":
            raise self.source.error("the filter is empty", 0, 'write a condition: host.name == "build01"')
        found = self.any_of()
        word = self.word
        if word.kind == "end":
            return found
        if word.text in (")", "]", "}"):
            raise self.source.error(f"this `{word.text}` closes nothing", word.start, "remove it")
        raise self.source.error(
            "AND or OR is missing before this", word.start, "join conditions with AND (both must hold) or OR (either)"
        )

    def any_of(self) -> Condition:
        items = [self.all_of()]
        while self.word.is_keyword("OR") or self.word.text in ("||", "|"):
            joined = self.take()
            items.append(self.operand(joined, items[-1], self.all_of))
        return items[0] if len(items) == 1 else Or(tuple(items))

    def all_of(self) -> Condition:
        items = [self.term()]
        while self.word.is_keyword("AND") or self.word.text in ("&&", "&"):
            joined = self.take()
            items.append(self.operand(joined, items[-1], self.term))
        return items[0] if len(items) == 1 else And(tuple(items))

    def operand(self, joined: Word, before: Condition, read: Callable[[], Condition]) -> Condition:
        """Return the condition after AND or OR; say so if there is none, or only a value."""
        word = self.word
        said = joined.text.upper()
        if word.kind == "end" or word.text in (")", "]", "}") or word.is_keyword("AND", "OR"):
            raise self.source.error(
                f"a condition is missing after {said}", joined.start, f"finish the filter, or remove {said}"
            )
        if word.kind in ("text", "number"):
            raise self.lone_value(word, joined, before)
        return read()

    def lone_value(self, word: Word, joined: Word, before: Condition) -> FilterSyntaxError:
        """Return the error for `CONTAINS "a" OR "b"`, with the form that says what is meant."""
        last = before
        while isinstance(last, And | Or):
            last = last.items[-1]
        hint = 'write the field and the operator again: process.name == "a" OR process.name == "b"'
        if isinstance(last, Comparison):
            operator = "IN" if last.operator == "==" else last.operator
            if joined.is_keyword("OR") or joined.text in ("||", "|"):
                values = [*last.values, *self.lone_values()]
                listed = ", ".join(_quote(value) for value in values)
                hint = f"write the values as a list: {last.name} {operator} ({listed})"
            else:
                hint = f"write the field again: {joined.text.upper()} {last.name} {last.operator} {word.text}"
        return self.source.error(f"{word.text} alone is not a condition", word.start, hint)

    def lone_values(self) -> list[str]:
        """Return the values from here on that are alone between ORs."""
        values: list[str] = []
        at = self.at
        while self.words[at].kind in ("text", "number"):
            values.append(self.words[at].value)
            joined = self.words[at + 1]
            if not (joined.is_keyword("OR") or joined.text in ("||", "|")):
                break
            at += 2
        return values

    def term(self) -> Condition:
        word = self.word
        if word.is_keyword("NOT") or word.text == "!":
            self.take()
            self.deeper(word)
            item = self.term()
            self.depth -= 1
            return Not(item, word.start)
        if word.text == "(":
            self.take()
            self.deeper(word)
            inner = self.any_of()
            self.depth -= 1
            if self.word.text != ")":
                raise self.unclosed(word)
            self.take()
            return inner
        return self.comparison()

    def deeper(self, word: Word) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.source.error(f"nested deeper than {_MAX_DEPTH} levels", word.start)

    def unclosed(self, opened: Word) -> FilterSyntaxError:
        if self.word.kind != "end" and self.word.text not in ("]", "}"):
            return self.source.error("AND, OR or `)` is missing before this", self.word.start)
        return self.source.error(f"the `{opened.text}` is not closed", opened.start, "put a `)` where it ends")

    def comparison(self) -> Condition:
        field = self.take()
        if field.kind == "end":
            raise self.source.error("a condition is missing here", field.start, 'such as host.name == "build01"')
        if field.is_keyword("AND", "OR"):
            said = field.text.upper()
            raise self.source.error(f"a condition is missing before {said}", field.start, f"remove {said}")
        if field.kind in ("text", "number"):
            hint = f"say what it is compared with: process.name == {field.text}"
            raise self.source.error(f"{field.text} alone is not a condition", field.start, hint)
        if field.kind != "name":
            raise self.source.error(f"a field is expected here, not `{field.text}`", field.start)
        if field.is_keyword(*OPERATORS):
            raise self.source.error(
                f"a field is missing before {field.text.upper()}", field.start, f"such as process.name {field.text} ..."
            )
        if meaning_of(field.text) is None:
            hint = did_you_mean(field.text, known_names(), what="field")
            raise self.source.error(f"unknown field `{field.text}`", field.start, hint)
        negated = self.word.is_keyword("NOT")
        if negated:
            self.take()
        operator = self.operator(field)
        values, end = self.values(operator)
        meant: Operator = "=="
        if operator.text.upper() in ("CONTAINS", "STARTSWITH", "ENDSWITH"):
            meant = operator.text.upper()  # type: ignore[assignment]
        found = Comparison(field.text.lower(), meant, values, field.start, end)
        return Not(found, field.start) if negated != (operator.text == "!=") else found

    def operator(self, field: Word) -> Word:
        word = self.take()
        if word.text.upper() in OPERATORS:
            return word
        known = ", ".join(OPERATORS)
        if word.kind == "end" or word.text == ")" or word.is_keyword("AND", "OR"):
            raise self.source.error(f"an operator is missing after {field.text}", field.end, f"operators: {known}")
        meant = _SIGNS.get(word.text.upper())
        if word.kind in ("text", "number"):
            raise self.source.error(f"an operator is missing before {word.text}", word.start, f"operators: {known}")
        hint = f"write {meant}" if meant else f"operators: {known}"
        raise self.source.error(f"`{word.text}` is not an operator of this notation", word.start, hint)

    def values(self, operator: Word) -> tuple[tuple[str, ...], int]:
        said = operator.text.upper()
        word = self.take()
        if word.text in ("(", "["):
            if said in ("==", "!="):
                instead = "IN" if said == "==" else "NOT IN"
                raise self.source.error(f"{said} takes one value", word.start, f'for a list write {instead} ("a", "b")')
            return self.listed(word)
        value = self.one(word, operator)
        if said == "IN":
            raise self.source.error("IN takes a list", word.start, f"write IN ({word.text})")
        return (value,), word.end

    def listed(self, opened: Word) -> tuple[tuple[str, ...], int]:
        closing = {"(": ")", "[": "]"}[opened.text]
        values: list[str] = []
        while True:
            word = self.take()
            if word.text == closing and word.kind == "sign":
                if not values:
                    raise self.source.error("the list is empty", opened.start, 'write IN ("a", "b")')
                raise self.source.error("a value is missing after the comma", word.start, "remove the comma")
            if word.kind == "end":
                raise self.source.error(f"the `{opened.text}` is not closed", opened.start, f"add a `{closing}`")
            values.append(self.one(word, opened))
            word = self.take()
            if word.text == closing:
                return tuple(values), word.end
            if word.kind == "end":
                raise self.source.error(f"the `{opened.text}` is not closed", opened.start, f"add a `{closing}`")
            if word.text != ",":
                raise self.source.error("a comma is missing before this", word.start, "separate values by commas")

    def one(self, word: Word, before: Word) -> str:
        if word.kind in ("text", "number"):
            return word.value
        if word.kind == "end" or word.is_keyword("AND", "OR") or word.text == ")":
            at = before.end if word.kind == "end" else word.start
            raise self.source.error(f"a value is missing after {before.text}", at, 'write values in quotes: "build01"')
        if word.kind == "name":
            raise self.source.error(f"`{word.text}` is not in quotes", word.start, f"write {_quote(word.text)}")
        raise self.source.error(f"a value is expected here, not `{word.text}`", word.start)


def _quote(value: str) -> str:
    if "\\" not in value and '"' not in value:
        return f'"{value}"'
    return f"'{value}'" if "'" not in value else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
