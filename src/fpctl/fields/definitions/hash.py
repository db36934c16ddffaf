"""Hashes of files and processes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fpctl.fields.field import Attack, BoundColumn, Field, FieldTest, Key, ValueProblem, compared
from fpctl.fields.matching.term import Term, is_in

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
"""Hexadecimal digits -> the algorithm of that length, which is also the role of its columns."""

_NAMES = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}
_HEX = re.compile(r"[0-9a-fA-F]+")
_EMPTY_FILE = (
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)


class Digest(NamedTuple):
    """A hash in lower case and its algorithm."""

    text: str
    algorithm: str


class HashField(Field[Digest]):
    """A hash is recognised by its length and compared with columns of that algorithm."""

    name = "hash"
    help = "MD5, SHA-1 or SHA-256 of a file or process."
    question = "Which hashes? (MD5, SHA-1 or SHA-256)"
    meaning = "the hash of the file in the event, and of the process that acts"
    matches = "MD5, SHA-1 or SHA-256, identified by length, in the columns for files and initiating processes"
    spares = "hashes of another algorithm"
    synonyms = ("md5", "sha1", "sha256", "filehash")
    # md5, sha1, sha256: a digest of that kind, in hexadecimal. hash: of a kind that differs from row to row.
    roles = ("hash", "md5", "sha1", "sha256")
    telling = ("sha256", "sha1", "md5", "hash")
    assumed = (("SHA256", "sha256"), ("SHA1", "sha1"), ("MD5", "md5"))
    test_rank = 20
    tell_rank = 10
    identifies = anchors = semicolon = True
    ecs = (
        *("file.hash", "file.hash.md5", "file.hash.sha1", "file.hash.sha256"),
        *("process.hash", "process.hash.md5", "process.hash.sha1", "process.hash.sha256"),
    )
    sigma_read = tuple((kind, f"file.hash.{kind}") for kind in ALGORITHMS.values())
    sigma_written = tuple(
        (f"{of}.hash.{kind}", "Hashes") for of in ("file", "process") for kind in ("md5", "sha1", "sha256")
    )
    watchlist = ("filehash", "file hash")
    instead = "name the whole hashes"

    def check(self, value: str) -> ValueProblem | None:
        if len(value) not in _NAMES or not _HEX.fullmatch(value):
            lengths = ", ".join(f"{length} ({name})" for length, name in _NAMES.items())
            found = f"{len(value)} characters" if _HEX.fullmatch(value) else "other characters than hex digits"
            return ValueProblem(f"a hash has {lengths} hex digits; this has {found}", None)
        if value.lower() in _EMPTY_FILE:
            return ValueProblem(
                "this is the hash of the empty file; every empty file would match", "give the hash of the program"
            )
        if not value.strip("0"):
            return ValueProblem("a hash of zeros stands for a hash that is not known", "give the hash of the program")
        return None

    def parse(self, value: str) -> Digest:
        return Digest(value.lower(), ALGORITHMS[len(value)])

    def roles_of(self, value: Digest) -> frozenset[str]:
        return frozenset({value.algorithm, "hash"})

    def test(self, values: Sequence[Digest], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return is_in(column.string(), tuple(sorted({v.text for v in values})))

    def key(self, parsed: Digest) -> Key:
        return (parsed.text,)

    def attacks(self, value: str) -> Iterator[Attack]:
        changed = "0" if value[-1].lower() != "0" else "1"
        yield Attack("the program with one byte changed", {"hash": value[:-1] + changed})

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        found: list[FieldTest] = []
        for length, kind in ALGORITHMS.items():
            same = [value for value in values if len(value) == length]
            found += compared(f"file.hash.{kind}", "==", same)
            found += compared(f"process.hash.{kind}", "==", same)
        return found


FIELD = HashField()
