"""The string operators: equality, parts, terms (`has`), prefixes, regular expressions.

A term is a maximal run of letters and digits (datatypes-string-operators). Case is folded for ASCII only.
"""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.library import macro
from fpctl.compiler.patterns import escaped
from fpctl.compiler.sql import TRUE, Among, Func, Infix, Sql, Text, conjunction, disjunction, func
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql.tokens import STRING_OPERATORS

_LETTER = r"[\pL\pN]"
_EDGE_BEFORE = r"(?:^|[^\pL\pN])"
_EDGE_AFTER = r"(?:$|[^\pL\pN])"

macro("kql_edge_before", "w", rf"CASE WHEN regexp_matches(w, '^{_LETTER}') THEN '{_EDGE_BEFORE}' ELSE '' END")
macro("kql_edge_after", "w", rf"CASE WHEN regexp_matches(w, '{_LETTER}$') THEN '{_EDGE_AFTER}' ELSE '' END")
macro("kql_has", "s, w", "contains(s, w) AND regexp_matches(s, kql_edge_before(w) || regexp_escape(w) "
      "|| kql_edge_after(w), 's')")  # fmt: skip
macro("kql_has_prefix", "s, w", "contains(s, w) AND regexp_matches(s, kql_edge_before(w) || regexp_escape(w), 's')")
macro("kql_has_suffix", "s, w", "contains(s, w) AND regexp_matches(s, regexp_escape(w) || kql_edge_after(w), 's')")

_PLAIN = {
    "contains": "contains",
    "startswith": "starts_with",
    "endswith": "ends_with",
    "has": "kql_has",
    "hasprefix": "kql_has_prefix",
    "hassuffix": "kql_has_suffix",
}
OPERATORS = STRING_OPERATORS - {"=~", "!~", ":", "matches regex", "like", "notlike", "likecs", "notlikecs"}
"""The operators that test for a part of a string."""


def folded(value: Value) -> Value:
    """Return a string with its ASCII letters in lower case."""
    if isinstance(value.constant, str):
        return constant(ascii_lower(value.constant), "string")
    return value if _is_folded(value.sql) else Value(func("kql_fold", value.sql), "string")


_PARTS = frozenset({"regexp_extract", "substring", "split_part", "kql_substring", "kql_rest"})
"""Functions that give a part of their first argument, or nothing."""


def _is_folded(sql: Sql) -> bool:
    """Return whether an expression has no ASCII letter in upper case: folding it would cost, and change nothing."""
    if isinstance(sql, Text):
        return sql.value == ascii_lower(sql.value)
    if not isinstance(sql, Func):
        return False
    if sql.name in ("lower", "kql_fold"):
        return True
    if sql.name == "concat":
        return all(map(_is_folded, sql.args))
    if sql.name == "regexp_replace":
        return _is_folded(sql.args[0]) and _is_folded(sql.args[2])
    return sql.name in _PARTS and _is_folded(sql.args[0])


def ascii_lower(text: str) -> str:
    """Return a text with its ASCII letters in lower case."""
    if text.isascii():
        return text.lower()
    return "".join(character.lower() if character.isascii() else character for character in text)


def lower_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return texts with their ASCII letters in lower case."""
    whole = "\0".join(texts)
    if whole.isascii() and whole.count("\0") == len(texts) - 1:
        return whole.lower().split("\0")
    return [ascii_lower(text) for text in texts]


def parsed_operator(op: str) -> tuple[str, bool, bool]:
    """Return what a string operator tests, whether it is negated, and whether case counts."""
    negated = op.startswith(("!", "not"))
    name = op.removeprefix("!").removeprefix("not")
    sensitive = name.endswith("cs")
    return name.removesuffix("cs").removesuffix("_"), negated, sensitive


def string_test(name: str, text: Value, word: Value, *, sensitive: bool) -> Sql:
    """Return the test of a string operator, never null."""
    if not sensitive:
        text, word = folded(text), folded(word)
    if isinstance(word.constant, str) and name.startswith("has"):
        return _known_term(name, text.sql, word.constant)
    return func(_PLAIN[name], text.sql, word.sql)


def _known_term(name: str, text: Sql, word: str) -> Sql:
    if not word:
        return TRUE
    before = name != "hassuffix" and word[0].isalnum()
    after = name != "hasprefix" and word[-1].isalnum()
    tests: list[Sql] = [func("contains", text, Text(word))]
    if before or after:
        pattern = f"{_EDGE_BEFORE if before else ''}{escaped(word)}{_EDGE_AFTER if after else ''}"
        tests.append(func("regexp_matches", text, Text(pattern), Text("s")))
    return conjunction(tests)


_MOST_IN_ONE_PATTERN = 500


def has_any_of(text: Value, words: Sequence[str]) -> Sql:
    """Return the test that a string has any of known words as terms, ignoring case."""
    source = folded(text).sql
    known = sorted({ascii_lower(word) for word in words})
    if "" in known:
        return TRUE
    if len(known) == 1:
        return _known_term("has", source, known[0])
    tests = []
    for at in range(0, len(known), _MOST_IN_ONE_PATTERN):
        parts = [
            f"{_EDGE_BEFORE if word[0].isalnum() else ''}{escaped(word)}{_EDGE_AFTER if word[-1].isalnum() else ''}"
            for word in known[at : at + _MOST_IN_ONE_PATTERN]
        ]
        tests.append(func("regexp_matches", source, Text("|".join(parts)), Text("s")))
    return disjunction(tests)


def equal_text(left: Value, right: Value, *, sensitive: bool) -> Sql:
    """Return whether two strings are equal."""
    if not sensitive:
        left, right = folded(left), folded(right)
    return Infix("=", (left.sql, right.sql))


def among_text(operand: Value, words: Sequence[str], *, sensitive: bool) -> Sql:
    """Return whether a string is one of known ones."""
    source = operand if sensitive else folded(operand)
    known = dict.fromkeys(words if sensitive else map(ascii_lower, words))
    return Among(source.sql, tuple(map(Text, known))) if known else Infix("!=", (source.sql, source.sql))
