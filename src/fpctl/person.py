"""Who is at the keyboard, as far as the machine knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE = 5.0


def git_email(folder: Path | None = None) -> str | None:
    """Return `user.email` of git's configuration in a folder (the working folder if None); None where there is none."""
    try:
        done = subprocess.run(
            ["git", "config", "user.email"], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
