"""Who signed the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fpctl.fields.field import BoundColumn, Field, Key, ValueProblem, no_wildcard
from fpctl.fields.matching.containment import folded
from fpctl.fields.matching.term import Term, is_in
from fpctl.fields.matching.wildcard import sorted_ignoring_case


class Signer(NamedTuple):
    """The name of a signer."""

    text: str


class SignerField(Field[Signer]):
    """The whole name of a signer."""

    name = "signer"
    help = "Signer name in the code-signing certificate."
    question = "Who signed the file? (the name in the certificate)"
    meaning = "the signer's name in the code-signing certificate"
    matches = "the complete name of the signer"
    synonyms = ("publisher",)
    roles = telling = ("signer",)
    assumed = (("Signer", "signer"),)
    verbatim = "signer"
    test_rank = 70
    tell_rank = 100
    anchors = True
    ecs = ("process.code_signature.subject_name", "file.code_signature.subject_name")
    sigma_read = (("signature", "process.code_signature.subject_name"),)
    sigma_written = (
        ("process.code_signature.subject_name", "Signature"),
        ("file.code_signature.subject_name", "Signature"),
    )

    def check(self, value: str) -> ValueProblem | None:
        return no_wildcard(value)

    def parse(self, value: str) -> Signer:
        return Signer(value)

    def test(self, values: Sequence[Signer], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return is_in(column.string(), sorted_ignoring_case([value.text for value in values]))

    def key(self, parsed: Signer) -> Key:
        return (folded(parsed.text),)


FIELD = SignerField()
