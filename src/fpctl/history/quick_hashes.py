"""A look into a history in a file, without what makes and changes one: that takes long to load."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_PREFIX = "sqlite:///"
_PATIENCE = 0.25
"""Seconds to wait for a writer."""


def last_hashes(place: str) -> dict[str, str] | None:
    """Return the content hash of each exclusion at its last entry in the audit trail.

    Args:
        place: the history's path or URL.

    Returns:
        None where no history is there, where it is on a server, and where it cannot be read just now.
    """
    path = Path(place.removeprefix(_PREFIX))
    if "://" in str(path) or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_PATIENCE)) as connection:
            return dict(connection.execute("SELECT exclusion_id, content_hash FROM definition"))
    except sqlite3.Error:
        return None
