"""Every stable word is explained."""

from __future__ import annotations

from typing import get_args

from fpctl.rewrite.reasons import REASONS, WARNINGS, SkipReason, WarningCode


def test_every_reason_and_every_warning_is_explained() -> None:
    assert set(REASONS) == set(get_args(SkipReason))
    assert set(WARNINGS) == set(get_args(WarningCode))
