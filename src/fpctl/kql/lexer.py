"""Text to tokens.

One compiled expression does the work: each match is the trivia before a token and the token, and
`findall` runs over the whole text without coming back to Python. Offsets are then the running sum
of the lengths, which only works because the matches tile the text: whatever is not KQL is caught,
a character at a time, by the last alternative.

The lexical rules are those of Microsoft's language service (facts: kusto docs,
scalar-data-types/string; verified token by token in `tests/kql/test_literals_node.py`).
"""

from __future__ import annotations

import re
from itertools import accumulate, chain

from fpctl.errors import KqlSyntaxError
from fpctl.kql.tokens import (
    BAD,
    DIRECTIVE,
    ENDS,
    FIXED_KINDS,
    LONG,
    NAME,
    RAW_GUID,
    REAL,
    STRING,
    TIMESPAN,
    TYPED_LITERALS,
    Tokens,
)
from fpctl.text.source import SourceText

_BREAK = r"\r\n\u2028\u2029"
_SPACE = r" \t\r\n\f\xa0\u1680\u180e\u2000-\u200b\u202f\u205f\u3000\ufeff"
_HEX = "[0-9a-fA-F]"
_GUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_ESCAPE = rf"\\(?:[\\'\"abfnrtv]|u{_HEX}{{4}}|U{_HEX}{{8}}|x{_HEX}{{2}}|[0-3][0-7][0-7]|[0-7][0-7]?)"
_END_OF_WORD = "(?![A-Za-z0-9_])"

# Dashed keywords are listed, because elsewhere a dash is a minus: `project-away` but `a-b`. A word that runs on
# from one (`project-awayX`) is taken whole, and then taken apart by `_without_run_ons`.
_DASHED = (
    r"(?:(?:project-(?:away|by-names|keep|rename|reorder|smart)|mv-(?:expand|apply)|make-(?:series|graph)"
    r"|parse-(?:where|kv)|top-(?:nested|hitters)|sample-distinct|assert-schema|macro-expand|partitioned-by"
    r"|graph-(?:match|shortest-paths|to-table|mark-components|where-nodes|where-edges)|granny-(?:asc|desc)"
    r"|materialized-view-combine|materialized-views|commands-and-queries|set-or-(?:append|replace)"
    r")[A-Za-z0-9_]*+"
    r"|(?:hint\.(?:concurrency|distribution|materialized|num_partitions|progressive_top|remote|shufflekey|spread|strategy)"
    rf"|in~){_END_OF_WORD})"
)
_TIME_UNIT = (
    r"(?:milliseconds|millisecond|millisec|millis|milli|microseconds|microsecond|microsec|micros|micro"
    r"|nanoseconds|nanosecond|nanosec|nanos|nano|minutes|minute|min|ms|m|seconds|second|sec|s|ticks|tick"
    r"|days|day|d|hours|hour|hrs|hr|h)"
)
_NUMBER = (
    rf"(?:[0-9]++(?:\.(?!\.(?!\.))[0-9]*+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+){_END_OF_WORD}"  # real: 1.5 1. 1e5
    rf"|[0-9]++(?:\.[0-9]++)?{_TIME_UNIT}{_END_OF_WORD}"
    rf"|0[xX]{_HEX}++{_END_OF_WORD}"
    r"|[0-9]++[A-Za-z0-9_]*+)"  # long, or a name that begins with digits: 3rd_party
)
_TOKEN = (
    rf"matches\ regex{_END_OF_WORD}"
    # A word, unless what follows could make more of it; nine words in ten stop here.
    r"|[A-Za-z_$][A-Za-z0-9_]*+(?![-.~('\"`@])"
    r"|[(),|]"
    rf"|\"(?:[^\"\\\r\n]++|{_ESCAPE})*+\""
    rf"|'(?:[^'\\\r\n]++|{_ESCAPE})*+'"
    r"|==|=[~>]?|\.\.?"
    rf"|{_DASHED}"
    rf"|(?:{'|'.join(sorted(TYPED_LITERALS, reverse=True))})\([^){_BREAK}]*+\)?"
    rf"|{_GUID}"
    rf"|[hH]\"(?:[^\"\\\r\n]++|{_ESCAPE})*+\"|[hH]'(?:[^'\\\r\n]++|{_ESCAPE})*+'"
    r"|[hH]?@\"(?:[^\"\r\n]++|\"\")*+\"|[hH]?@'(?:[^'\r\n]++|'')*+'"
    r"|[hH]?@?```(?s:.*?)```|[hH]?@?~~~(?s:.*?)~~~"
    r"|[A-Za-z_$][A-Za-z0-9_]*+"
    rf"|{_NUMBER}"
    r"|!=|!~|![A-Za-z0-9_]++~?"
    r"|<[=|>]?|>=?"
    rf"|\#[^{_BREAK}]*+"
    r"|(?s:.)"  # punctuation of one character, and whatever is not KQL
)
_MATCHES = re.compile(rf"((?:[{_SPACE}]++|//[^{_BREAK}]*+[\u2028\u2029]?)*+)({_TOKEN}|\Z)")
_RUN_ON = "RUN_ON"
"""Kind of a word that runs on from a dashed keyword, until it is taken apart."""
_SHORT = 32
"""Characters of a token whose kind is remembered from text to text: names come again, long strings do not."""
_MOST_KINDS = 20_000
_IS_GUID = re.compile(_GUID)
_IS_HEX = re.compile(rf"0[xX]{_HEX}+")
_IS_REAL = re.compile(r"[0-9]+(?:\.[0-9]*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
_IS_TIMESPAN = re.compile(rf"[0-9]+(?:\.[0-9]+)?{_TIME_UNIT}")


class _Kinds(dict[str, str]):
    """Kind by token text. Fixed texts are in it from the start; others by their form, short ones only once."""

    def __missing__(self, text: str) -> str:
        kind = _kind(text)
        if len(text) <= _SHORT and len(self) < _MOST_KINDS:
            self[text] = kind
        return kind


_KINDS = _Kinds(FIXED_KINDS)


def _kind(text: str) -> str:
    first = text[0]
    if first in "'\"@`~":
        return STRING if len(text) > 1 else BAD
    if not first.isascii():
        return BAD
    if first.isdigit():
        if text.isdigit() or _IS_HEX.fullmatch(text):
            return LONG
        if "-" in text and _IS_GUID.fullmatch(text):
            return RAW_GUID
        if _IS_TIMESPAN.fullmatch(text):
            return TIMESPAN
        return REAL if _IS_REAL.fullmatch(text) else NAME
    if first.isalpha() or first in "_$":
        last = text[-1]
        if last == ")":
            return TYPED_LITERALS[text[: text.index("(")]]
        if last in "'\"`~":
            return STRING
        if "(" in text:
            return BAD
        if "-" in text:
            return RAW_GUID if _IS_GUID.fullmatch(text) else _RUN_ON
        return NAME
    return DIRECTIVE if first == "#" else BAD


def scan(text: str, path: str | None = None) -> Tokens:
    """Return the tokens of a text, `BAD` ones included. Never raises; `tokenize` does."""
    matches = _MATCHES.findall(text)
    if len(matches) > 1 and matches[-2][1] == "":
        matches.pop()  # trailing trivia: findall finds the end twice
    trivia, texts = map(list, zip(*matches, strict=True))
    offsets = list(accumulate(map(len, chain.from_iterable(matches))))
    starts, ends = offsets[0::2], offsets[1::2]
    trivia += [""] * (ENDS - 1)
    texts += [""] * (ENDS - 1)
    starts += [len(text)] * (ENDS - 1)
    ends += [len(text)] * (ENDS - 1)
    kinds = list(map(_KINDS.__getitem__, texts))
    tokens = Tokens(SourceText(text, path), kinds, texts, starts, ends, trivia)
    return _without_run_ons(tokens) if _RUN_ON in kinds else tokens


def _without_run_ons(tokens: Tokens) -> Tokens:
    """Return the tokens with words such as `project-awayX` taken apart: a name `project`, a minus, and the rest."""
    split = Tokens(tokens.source, [], [], [], [], [])
    for kind, text, start, end, trivia in zip(
        tokens.kinds, tokens.texts, tokens.starts, tokens.ends, tokens.trivia, strict=True
    ):
        if kind != _RUN_ON:
            split.append(kind, text, start, end, trivia)
            continue
        stem = text.partition("-")[0]
        middle = start + len(stem)
        split.append(NAME, stem, start, middle, trivia)
        rest = scan(text[len(stem) :])
        for at in range(len(rest.kinds) - ENDS):
            split.append(rest.kinds[at], rest.texts[at], middle + rest.starts[at], middle + rest.ends[at], "")
    return split


def tokenize(text: str, path: str | None = None) -> Tokens:
    """Return the tokens of a text.

    Raises:
        KqlSyntaxError: a character that is not KQL, or a string or literal without its end.
    """
    tokens = scan(text, path)
    if BAD in tokens.kinds:
        raise bad_token(tokens, tokens.kinds.index(BAD))
    return tokens


def bad_token(tokens: Tokens, index: int) -> KqlSyntaxError:
    """Return the error that says what is wrong with a `BAD` token."""
    text, start = tokens.texts[index], tokens.starts[index]
    source = tokens.source
    hint: str | None = None
    if text[0] in "'\"":
        message = f"a string that begins with {text[0]} does not end"
        hint = _string_hint(source.text, start, text[0])
    elif text[0] in "`~" and source.text.startswith(text[0] * 3, start):
        message = f"a multi-line string that begins with {text[0] * 3} does not end"
    elif "(" in text:
        message = f"the literal `{text}` has no `)` on its line"
    elif text[0] == "!":
        message = f"`{text}` is not an operator"
        hint = "to negate a condition write not(...)"
    else:
        message = f"the character {_shown(text)} is not part of KQL"
        hint = _character_hint(text)
    return KqlSyntaxError(message, start, source.location(start), source.caret(start), hint)


def _string_hint(text: str, start: int, quote: str) -> str | None:
    verbatim = start > 0 and text[start - 1] == "@"
    body = re.compile(r"[^\r\n]*").match(text, start + 1)
    rest = body.group() if body else ""
    if not verbatim:
        good = re.compile(rf"(?:[^{quote}\\\r\n]|{_ESCAPE})*").match(rest)
        stop = good.end() if good else 0
        if rest[stop : stop + 1] == "\\":
            return f"`{rest[stop : stop + 2]}` is not an escape: write `\\\\` for a backslash, or @{quote}...{quote}"
    return "a string must end on its line; for several lines write ```...```"


def _shown(character: str) -> str:
    return repr(character) if character.isprintable() else f"U+{ord(character):04X}"


def _character_hint(character: str) -> str | None:
    if character in "\u2018\u2019\u201c\u201d":
        return "a typographic quote, as word processors write them: use ' or \""
    if character == "\\":
        return "a backslash is only allowed inside a string"
    return None
