"""What the tests of folding share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fields.engine import Engine, running_engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with running_engine() as running:
        yield running
