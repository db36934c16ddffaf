"""Moments as people give them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from fpctl.cli.shared.options import parse_moment

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", datetime(2026, 10, 21, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 6, 12, tzinfo=UTC)),
        ("1.5h", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("90m", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00:00Z", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T08:00:00+01:00", datetime(2026, 11, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(text, moment):
    assert parse_moment(text, NOW, "--since") == moment


@pytest.mark.parametrize("text", ["", "yesterday", "-3d", "30", "3y", "2026-13-01", "999999w", "٣d"])
def test_what_names_no_moment_is_a_usage_error(text):
    with pytest.raises(typer.BadParameter, match="is not a valid time"):
        parse_moment(text, NOW, "--since")
