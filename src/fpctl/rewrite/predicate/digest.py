"""Hashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fpctl.rewrite.predicate.match import BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Term, among

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
"""Hexadecimal digits -> the algorithm of that length, which is also the role of its columns."""


class Digest(NamedTuple):
    """A hash in lower case and its algorithm."""

    text: str
    algorithm: str


class HashMatcher(Matcher[Digest]):
    """A hash is told by its length and compared with columns of that algorithm."""

    def parse(self, value: str) -> Digest:
        return Digest(value.lower(), ALGORITHMS[len(value)])

    def roles(self, value: Digest) -> frozenset[str]:
        return frozenset({value.algorithm, "hash"})

    def test(self, values: Sequence[Digest], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return among(column.string(), tuple(sorted({v.text for v in values})))
