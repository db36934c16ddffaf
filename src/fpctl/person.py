"""Who is at the keyboard, as far as the machine knows."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

from fpctl.errors import FpctlError, Location

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


_GOOD_SIGNATURES = ("G", "U")
"""What git says of a signature that is good; `U`, of one whose key it does not know how far to trust."""


def approver_in_git(path: Path) -> str:
    """Return who approved the current content of a file, by git: a signed commit, or a trailer that a review left.

    The last commit that changed the file is looked at. A good signature names its signer; else `Reviewed-by` or
    `Approved-by` names the reviewer. A trailer is as trustworthy as the branch: only where reviewed commits alone
    reach it, does it say anything.

    Raises:
        FpctlError: the file is not as it was committed, or nobody signed or reviewed the commit.
    """
    folder = path.resolve().parent
    changed = _git(folder, "status", "--porcelain", "--", path.name)
    if changed is None:
        raise FpctlError(f"{path} is not in a git repository", Location(str(path)), "name the approver with --by")
    if changed:
        raise FpctlError(
            "the file is not as it was committed", Location(str(path)), "commit it, and have that reviewed"
        )
    trailers = ",".join(("key=Reviewed-by", "key=Approved-by", "valueonly", "separator=%x00"))
    said = _git(folder, "log", "-1", f"--format=%G?%x1f%GS%x1f%(trailers:{trailers})", "--", path.name)
    signature, signer, reviewers = (*(said or "").split("\x1f"), "", "", "")[:3]
    if signature in _GOOD_SIGNATURES and signer.strip():
        return signer.strip()
    named = [one.strip() for one in reviewers.split("\0") if one.strip()]
    if not named:
        hint = "sign the commit, or leave a Reviewed-by trailer when it is merged; or name the approver with --by"
        raise FpctlError("nobody signed or reviewed the last commit of the file", Location(str(path)), hint)
    return named[-1]


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None
