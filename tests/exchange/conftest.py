"""Exclusions to export, files to import, and fpctl run as its users do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from fpctl.exchange.format import ImportContext
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from records_support import RULE_ID
from repository_fixtures import fpctl, repository

__all__ = ["context", "fpctl", "loaded", "repository"]

TODAY = date(2026, 11, 24)


@pytest.fixture
def loaded() -> Callable[[str], list[LoadedExclusion]]:
    """Return a function that loads exclusions from YAML; what every one needs is added."""

    def load(text: str) -> list[LoadedExclusion]:
        parts = [part for part in text.split("---\n") if part.strip()]
        whole = "---\n".join(f'rules: ["{RULE_ID}"]\n{part}' if "rules:" not in part else part for part in parts)
        found, problems = read_exclusion_file(whole, "exclusions.yaml", ValueListCache(Path()))
        assert problems == []
        return [exclusion for exclusion, _ in found]

    return load


@pytest.fixture
def context() -> ImportContext:
    """What an import knows: the day and no more."""
    return ImportContext((), TODAY)
