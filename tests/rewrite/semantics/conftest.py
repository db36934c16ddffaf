"""What the tests of semantics share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rewrite.semantics.estate import close_estates


@pytest.fixture(scope="session", autouse=True)
def closed_in_the_end() -> Iterator[None]:
    yield
    close_estates()
