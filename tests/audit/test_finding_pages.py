"""The pages of docs/findings/ are what their generator makes, and say what a check really says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from fpctl.audit.check import Check
from fpctl.audit.registry import FAMILIES, checks
from fpctl.policy import Policy

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "scripts" / "generate_findings.py"))["pages"]()
    folder = ROOT / "docs" / "findings"
    assert {path.name: path.read_text("utf-8") for path in folder.glob("*.md")} == pages


def test_codes_and_names_are_unique_and_in_order() -> None:
    codes = [check.code for check in checks()]
    assert codes == sorted(set(codes))
    assert len({check.slug for check in checks()}) == len(codes)
    assert {code[2] for code in codes} == set(FAMILIES)


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.code)
def test_a_check_names_settings_that_are_there(check: Check) -> None:
    for key in check.policy:
        part: object = Policy()
        for step in key.split("."):
            part = getattr(part, step)


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.code)
def test_a_check_is_explained(check: Check) -> None:
    assert check.example
    assert check.why.endswith(".")
    assert check.remedy.rstrip("`.)").strip()
    assert not check.title.endswith(".")
