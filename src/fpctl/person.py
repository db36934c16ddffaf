"""Who is at the keyboard, as far as the machine knows."""

from __future__ import annotations

import getpass
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


def who(folder: Path | None = None) -> str:
    """Return who is at work: `Name <email>` as git's configuration says it, else the system's user."""
    try:
        done = subprocess.run(
            ["git", "config", "--get-regexp", r"^user\.(name|email)$"],
            cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
        said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    except (OSError, subprocess.SubprocessError):
        said = {}
    name, email = said.get("user.name", "").strip(), said.get("user.email", "").strip()
    if name or email:
        return f"{name} <{email}>" if name and email else name or email
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
