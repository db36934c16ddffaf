"""Terms as KQL text, in the dialect of the rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from fpctl.errors import FpctlError
from fpctl.fields.matching.term import (
    Affix,
    AllOf,
    AnyOf,
    BeforeDate,
    In,
    InSubquery,
    Lacks,
    NullSafe,
    Numbers,
    Period,
    Regex,
    Term,
    Test,
)
from fpctl.kql.lexer import scan
from fpctl.kql.literals import datetime_literal, string_literal

WIDE = 32
"""A longer `or` chain is split into groups: engines and parsers go one level deeper per operand."""


class Dialect(Enum):
    """What a rule may say.

    STANDARD: all of KQL. NRT: what a continuous custom detection of Defender XDR may use, which is
    the operators and functions of Azure Monitor transformations and no comments
    (https://learn.microsoft.com/defender-xdr/custom-detection-rules,
    https://learn.microsoft.com/azure/azure-monitor/data-collection/data-collection-transformations-kql):
    no `not()`, `in~`, `between`, `coalesce` or `parse_ipv4`.
    """

    STANDARD = "standard"
    NRT = "nrt"


class DialectError(FpctlError):
    """A predicate that the rule's dialect has no words for."""


NRT_FUNCTIONS = frozenset(
    (
        *("abs", "ago", "array_concat", "array_length", "base64_decodestring", "base64_encodestring", "bin"),
        *("binary_and", "binary_not", "binary_or", "binary_shift_left", "binary_shift_right", "binary_xor", "case"),
        *("ceiling", "columnifexists", "countof", "datetime_add", "datetime_diff", "datetime_part", "dayofmonth"),
        *("dayofweek", "dayofyear", "endofday", "endofmonth", "endofweek", "endofyear", "exp", "exp10", "exp2"),
        *("extract", "extract_all", "floor", "getmonth", "gettype", "getyear", "hash_sha256", "hourofday", "iif"),
        *("indexof", "isempty", "isfinite", "isinf", "isnan", "isnotempty", "isnotnull", "isnull", "log", "log10"),
        *("log2", "make_datetime", "make_timespan", "max_of", "min_of", "now", "pack", "pack_array", "parse_json"),
        *("parse_xml", "pow", "round", "sign", "split", "startofday", "startofmonth", "startofweek", "startofyear"),
        *("strcat", "strcat_delim", "strlen", "substring", "tobool", "todatetime", "todouble", "toguid", "toint"),
        *("tolong", "tolower", "toreal", "tostring", "totimespan", "toupper", "weekofyear", "zip"),
    )
)
"""The scalar functions of the page named at `Dialect`."""

_NOT_NRT = frozenset(
    (
        *("in~", "!in~", "has_any", "has_all", "between", "!between", "hasprefix", "hassuffix", "!hasprefix"),
        *("!hassuffix", "hasprefix_cs", "hassuffix_cs", "!hasprefix_cs", "!hassuffix_cs", "containscs"),
    )
)


def rendered(term: Term, dialect: Dialect) -> str:
    """Return the KQL of a term, without parentheses around the whole.

    Raises:
        DialectError: the dialect has no words for it.
    """
    return _joined(term, dialect, False)


def rendered_negation(term: Term, dialect: Dialect) -> str:
    """Return the KQL of a term's negation: `not(...)`, or by De Morgan's rules where there is no `not`.

    Raises:
        DialectError: the dialect has no words for it.
    """
    return f"not({rendered(term, dialect)})" if dialect is Dialect.STANDARD else _joined(term, dialect, True)


def _joined(term: Term, dialect: Dialect, negated: bool) -> str:
    if not isinstance(term, (AllOf, AnyOf)):
        return _standard(term) if dialect is Dialect.STANDARD else _nrt(term, negated)
    parts = [_joined(part, dialect, negated) for part in term.terms]
    parts = [
        f"({text})" if isinstance(part, (AllOf, AnyOf)) else text for part, text in zip(term.terms, parts, strict=True)
    ]
    return _chain(parts, "and" if isinstance(term, AllOf) != negated else "or")


def _chain(parts: Sequence[str], word: str) -> str:
    if len(parts) > WIDE:
        size = max(WIDE, -(-len(parts) // WIDE))
        groups = [parts[at : at + size] for at in range(0, len(parts), size)]
        parts = [f"({_chain(group, word)})" if len(group) > 1 else group[0] for group in groups]
    return f" {word} ".join(parts)


# --------------------------------------------------------------------------- one test, all of KQL


def _standard(term: Test) -> str:
    if isinstance(term, In):
        if term.values[0].isascii():
            return f"{term.operand} in~ ({_literals(term.values)})"
        return f"tolower({term.operand}) in ({_lowered(term.values)})"
    if isinstance(term, Numbers):
        return f"{term.operand} in ({', '.join(map(str, term.values))})"
    if isinstance(term, Affix):
        return _affix(term.operand, term.kind, term.value)
    if isinstance(term, Lacks):
        return f"{term.operand} !{term.operator} {string_literal(term.value)}"
    if isinstance(term, Regex):
        return f"{term.operand} matches regex {string_literal(term.pattern)}"
    if isinstance(term, NullSafe):
        return f"coalesce({term.expression}, false)"
    if isinstance(term, Period):
        return f"coalesce({_period(term)}, false)"
    if isinstance(term, InSubquery):
        # Two pairs of parentheses: a query of one column in place of a list.
        return f"{term.operand} in~ (({term.query}))"
    if isinstance(term, BeforeDate):
        # iff takes its last branch where the time is null, as it should: what has no end holds there, too.
        later = _joined(term.later, Dialect.STANDARD, False)
        return f"iff({term.column} < {datetime_literal(term.first)}, true, {later})"
    assert_never(term)


def _affix(operand: str, kind: str, value: str) -> str:
    if value.isascii():
        return f"{operand} {kind} {string_literal(value)}"
    return f"tolower({operand}) {kind}_cs tolower({string_literal(value)})"


def _period(term: Period) -> str:
    parts = []
    if term.since is not None:
        parts.append(f"{term.column} >= {datetime_literal(term.since)}")
    if term.until is not None:
        parts.append(f"{term.column} < {datetime_literal(term.until)}")
    return " and ".join(parts)


def _literals(values: Sequence[str]) -> str:
    return ", ".join(map(string_literal, values))


def _lowered(values: Sequence[str]) -> str:
    return ", ".join(f"tolower({string_literal(value)})" for value in values)


# --------------------------------------------------------------------------- one test, NRT


def _nrt(term: Test, negated: bool) -> str:
    bang = "!" if negated else ""
    if isinstance(term, (NullSafe, Period)):
        expression = term.expression if isinstance(term, NullSafe) else _period(term)
        _require_nrt(expression)
        # iif takes its last branch where the condition is null.
        return f"iif({expression}, {'false, true' if negated else 'true, false'})"
    if isinstance(term, BeforeDate):
        later = _joined(term.later, Dialect.NRT, negated)
        return f"iif({term.column} < {datetime_literal(term.first)}, {'false' if negated else 'true'}, {later})"
    if isinstance(term, InSubquery):
        raise DialectError("a continuous custom detection reads one table, so no list next to it", None, _NRT_HINT)
    _require_nrt(term.operand)
    if isinstance(term, In):
        if len(term.values) == 1 and term.values[0].isascii():
            return f"{term.operand} {'!~' if negated else '=~'} {string_literal(term.values[0])}"
        plain = term.values[0].isascii()
        values = _literals([value.lower() for value in term.values]) if plain else _lowered(term.values)
        return f"tolower({term.operand}) {bang}in ({values})"
    if isinstance(term, Numbers):
        return f"{term.operand} {bang}in ({', '.join(map(str, term.values))})"
    if isinstance(term, Affix):
        return _affix(term.operand, bang + term.kind, term.value)
    if isinstance(term, Lacks):
        return f"{term.operand} {'' if negated else '!'}{term.operator} {string_literal(term.value)}"
    if isinstance(term, Regex):
        # There is no `!matches regex`.
        return f"({term.operand} matches regex {string_literal(term.pattern)}) == {'false' if negated else 'true'}"
    assert_never(term)


def _require_nrt(expression: str) -> None:
    """Raise DialectError if an expression uses what a continuous detection may not."""
    tokens = scan(expression)
    for at, text in enumerate(tokens.texts):
        if text in _NOT_NRT:
            raise DialectError(f"a continuous custom detection cannot use the operator {text}", None, _NRT_HINT)
        is_call = tokens.texts[at + 1 : at + 2] == ["("] and re.fullmatch(r"[a-z_]\w*", text)
        if is_call and text not in NRT_FUNCTIONS | {"in", "and", "or", "by", "regex"}:
            raise DialectError(f"a continuous custom detection cannot use {text}()", None, _NRT_HINT)


_NRT_HINT = "run the detection on a schedule, or leave this exclusion out of it"
