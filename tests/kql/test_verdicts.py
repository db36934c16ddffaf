"""Microsoft's parser as judge: it accepts what we accept, and refuses what we refuse."""

from __future__ import annotations

import random

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import scan
from fpctl.kql.parser import parse
from fpctl.kql.tokens import DIRECTIVE, END, FIXED_KINDS
from kql.outline import golden
from oracle.bridge import Oracle, OracleError

pytestmark = pytest.mark.node

MUTANTS_OF_EACH = 12
_TOKENS = [*sorted(FIXED_KINDS.keys() - {""}), "x", "'s'", "1", "1d", "['a b']", "datetime(2026-01-01)", "=", ",", "|"]
_CHARACTERS = "()[]{}|,;=.<>!~\"'`@#$%*+-/\\ \nah01_:?&é"


def accepts(query: str) -> bool:
    try:
        parse(query)
    except KqlSyntaxError:
        return False
    return True


@pytest.mark.parametrize("query", golden("accepted"))
def test_microsofts_parser_accepts_the_accepted(oracle: Oracle, query: str) -> None:
    assert oracle.parse(query) == []


@pytest.mark.parametrize("query", golden("rejected"))
def test_microsofts_parser_refuses_the_rejected(oracle: Oracle, query: str) -> None:
    assert oracle.parse(query) != []


def pieces(query: str) -> list[str]:
    """Return the tokens and the trivia between them."""
    tokens = scan(query)
    return [piece for pair in zip(tokens.trivia, tokens.texts, strict=True) for piece in pair if piece]


def mutant(query: str, dice: random.Random) -> str:
    """Return a query with one token or one character removed, added, doubled, swapped or replaced."""
    parts = pieces(query) if dice.random() < 0.7 else list(query)
    strange = [f" {dice.choice(_TOKENS)} "] if len(parts) < len(query) else [dice.choice(_CHARACTERS)]
    at, other = dice.randrange(len(parts)), dice.randrange(len(parts))
    change = dice.choice(("remove", "add", "double", "swap", "replace"))
    if change == "swap":
        parts[at], parts[other] = parts[other], parts[at]
    else:
        kept = {"remove": [], "add": [*strange, parts[at]], "double": [parts[at]] * 2, "replace": strange}[change]
        parts[at : at + 1] = kept
    return "".join(parts)


def is_decided(query: str) -> bool:
    """Return whether the two parsers mean to agree: not on empty texts and management commands (below)."""
    kinds = scan(query).kinds
    first = next((kind for kind in kinds if kind != DIRECTIVE), END)
    return first not in (END, ".")


@pytest.mark.parametrize("query", [*golden("accepted"), *golden("rejected")])
def test_both_parsers_agree_on_mutants(oracle: Oracle, query: str) -> None:
    dice = random.Random(query)
    for _ in range(MUTANTS_OF_EACH):
        changed = mutant(query, dice)
        if not is_decided(changed):
            continue
        try:
            verdict = oracle.parse(changed) == []
        except OracleError:
            continue  # Microsoft's parser throws on some broken `inline_external_table`
        assert accepts(changed) is verdict, changed


@pytest.mark.parametrize("text", ["", "  \n", "// only a comment", "#directive", ".show tables"])
def test_texts_without_a_query_are_refused_though_microsofts_parser_takes_them(oracle: Oracle, text: str) -> None:
    assert oracle.parse(text) == []
    assert not accepts(text)
