"""The baseline: what it holds, and what is told of it."""

# Messages are kept whole.
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest

from fpctl.audit import baseline
from fpctl.audit.finding import Finding
from fpctl.errors import FpctlError, Location


def finding(id: str, code: str = "FP201") -> Finding:
    return Finding(code, "no-owner", "error", Location("a.yaml", 1), f"{id} has no `owner`", id)


def test_what_is_written_is_known_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    assert baseline.write(file, [finding("fp-2"), finding("fp-1"), finding("fp-1")]) == 2
    compared = baseline.compare([finding("fp-1"), finding("fp-3")], baseline.read(file))
    assert ([f.exclusion for f in compared.new], compared.baseline, compared.removed) == (["fp-3"], 1, 1)


def test_the_file_does_not_depend_on_the_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    baseline.write(one, [finding("fp-1"), finding("fp-2"), finding("fp-1", "FP101")])
    baseline.write(other, [finding("fp-1", "FP101"), finding("fp-2"), finding("fp-1")])
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a baseline: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "not a baseline of this version of fpctl"),
        ('{"version": 9, "findings": []}', "not a baseline of this version of fpctl"),
        ('{"version": 1, "findings": [{"code": "FP101"}]}', "not a baseline: `findings` is a list of objects with a `fingerprint`"),
        ('{"version": 1}', "not a baseline: `findings` is a list of objects with a `fingerprint`"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_baseline_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises(FpctlError) as caught:
        baseline.read(file)
    assert str(caught.value) == f"{file}: {message}\n  hint: write it with fpctl audit --write-baseline"
