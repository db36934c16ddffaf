"""docs/findings.md is what its generator makes, and says what a check really says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from fpctl.audit.check import Check
from fpctl.audit.registry import FAMILIES, checks
from fpctl.policy import Policy

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    generator = runpy.run_path(str(ROOT / "scripts" / "generate_findings.py"))
    assert generator["PAGE"].read_text("utf-8") == generator["page"]()


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
