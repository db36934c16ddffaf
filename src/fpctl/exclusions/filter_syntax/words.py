"""A filter's text cut into words: names, quoted values, operators, brackets."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from fpctl.errors import FpctlError
from fpctl.text.source import SourceText

Kind = Literal["name", "text", "number", "sign", "end"]

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"\d+(?![\w.:/*-])")
_NAME = re.compile(r"[\w*@./\\:$%+-]+")
_SIGN = re.compile(r"==|!=|=~|!~|<=|>=|<>|&&|\|\||[=<>!~(),\[\]{}|&;]")
_ESCAPE = re.compile(r"\\([\\\"])")


class FilterSyntaxError(FpctlError):
    """A filter that is ill-formed, or says what a match cannot say."""


class Word(NamedTuple):
    """One word: `text` as written, `value` of a quoted one, and its span in the filter."""

    kind: Kind
    text: str
    start: int
    end: int
    value: str = ""

    def is_keyword(self, *words: str) -> bool:
        """Return whether this is one of these words, in any case."""
        return self.kind == "name" and self.text.upper() in words


class FilterText:
    """A filter and the places in it."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self._source = SourceText(text, name)

    def error(self, message: str, offset: int, hint: str | None = None) -> FilterSyntaxError:
        """Return an error at a place of the filter, with a caret under it."""
        return FilterSyntaxError(message, self._source.location(offset), hint, self._source.caret(offset))


def words_of(source: FilterText) -> list[Word]:
    """Return the words of a filter, the last of them its end.

    In double quotes `\\"` is a quote and `\\\\` a backslash; any other backslash stands for itself,
    so `"C:\\Tools"` means what it looks like. In single quotes every character stands for itself.

    Raises:
        NotationError: a quote is not closed, or a character has no meaning.
    """
    text, at, found = source.text, 0, list[Word]()
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at >= len(text):
            # What is missing at the end is missing after the last word, not after the blanks that follow.
            end = found[-1].end if found else 0
            return [*found, Word("end", "", end, end)]
        if text[at] in "\"'":
            found.append(_quoted(source, at))
        elif number := _NUMBER.match(text, at):
            found.append(Word("number", number.group(), at, number.end(), number.group()))
        elif sign := _SIGN.match(text, at):
            found.append(Word("sign", sign.group(), at, sign.end()))
        elif name := _NAME.match(text, at):
            end = name.end()
            # `process.name: "x"`: a colon at the end is a sign that somebody takes for an operator.
            if text[end - 1] == ":" and end - at > 1:
                end -= 1
            found.append(Word("name" if text[at] != ":" else "sign", text[at:end], at, end))
        else:
            hint = 'write values in plain quotes: "..."' if text[at] in "“”„‘’«»`" else None
            raise source.error(f"the character `{text[at]}` has no meaning here", at, hint)
        at = found[-1].end


def _quoted(source: FilterText, at: int) -> Word:
    quote = source.text[at]
    end = at + 1
    while end < len(source.text) and source.text[end] != quote:
        end += 2 if quote == '"' and source.text[end] == "\\" and source.text[end + 1 : end + 2] in ("\\", '"') else 1
    if end >= len(source.text):
        hint = f"put a {quote} after the value"
        if source.text.rstrip().endswith('\\"'):
            hint = 'in double quotes \\" is a quote: write a backslash at the end twice, as in "C:\\Tools\\\\"'
        raise source.error("the quote is not closed", at, hint)
    inner = source.text[at + 1 : end]
    value = _ESCAPE.sub(r"\1", inner) if quote == '"' else inner
    return Word("text", source.text[at : end + 1], at, end + 1, value)
