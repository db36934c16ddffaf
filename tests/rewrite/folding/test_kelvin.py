"""`tolower` makes a k of the Kelvin sign, which no exact value of an exclusion matches: nor does a list of them."""

from __future__ import annotations

import pytest

from fields.engine import Engine
from fpctl.rewrite.folding import fold
from fpctl.rewrite.predicate import BoundColumn, Dialect, build
from fpctl.rewrite.predicate.render import rendered

URL = {"url": [BoundColumn("Url", "string", "url")]}


@pytest.mark.parametrize(
    ("listed", "seen", "other"),
    [
        ("work.contoso.com", "http://Work.contoso.com/", "http://wor\u212a.contoso.com/"),
        ("https://work.contoso.com", "https://WORK.contoso.com/", "https://wor\u212a.contoso.com/"),
        ("contoso.com/book", "https://contoso.com/Book/1", "https://contoso.com/boo\u212a/1"),
    ],
)
def test_a_list_of_urls_folds_the_case_of_ascii_letters_only(
    engine: Engine, listed: str, seen: str, other: str
) -> None:
    engine.load({"Url": "string"}, [{"Url": seen}, {"Url": other}])
    terms = [
        (f"fp-{number}", build([{"url": [value]}], URL).term) for number, value in enumerate([listed, "b.example"])
    ]
    (clause,) = [one for one in fold(terms, None) if "fp-0" in one.exclusions]
    assert clause.keys
    answers = engine.values([rendered(clause.term, Dialect.STANDARD), rendered(terms[0][1], Dialect.STANDARD)])
    assert [row[1:] for row in answers] == [(True, True), (False, False)]
