"""Make `oracle.bridge` importable from tests, whatever folder pytest is run from, and share one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle.bridge import Oracle, reason_missing  # noqa: E402


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """Microsoft's parser and binder; skips where node or the npm package is missing."""
    reason = reason_missing()
    if reason:
        pytest.skip(reason)
    with Oracle() as running:
        yield running
