"""What the tests of folding share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fields.engine import Engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    running = Engine()
    yield running
    running.connection.close()
