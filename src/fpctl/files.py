"""Files read as they are and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from fpctl.errors import FpctlError, Location

MAX_AUTHORED_BYTES = 32 * 1024 * 1024
"""No rule or exclusion file a person wrote is larger; reading stops there instead of filling memory."""


def read_text(path: Path, *, limit: int = MAX_AUTHORED_BYTES) -> str:
    """Return a file's text with every character kept: no newline conversion, a BOM stays a BOM.

    Raises:
        FpctlError: the file is missing, unreadable, over `limit` bytes, or not UTF-8.
    """
    at = Location(str(path))
    try:
        size = path.stat().st_size
        if size > limit:
            raise FpctlError(
                f"the file has {size:,} bytes; at most {limit:,} are read",
                at,
                "split the file, or keep values in a list file",
            )
        data = path.read_bytes()
    except OSError as error:
        raise FpctlError(f"cannot read the file: {error.strerror or error}", at) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise FpctlError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            Location(str(path), line, column),
            "save the file as UTF-8",
        ) from error


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace a file's content atomically: temporary file beside it, fsync, rename.

    After a crash or a full disk the file holds the old text or the new, never a part. The mode of
    an existing file is kept. Parent folders are made.

    Args:
        durable: wait until the disk has it. False for output that the same command can make again:
            it is as whole, and a thousand files take a second instead of ten.

    Raises:
        FpctlError: the folder or file cannot be written.
    """
    target = path.resolve() if path.is_symlink() else path
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            if durable:
                os.fsync(file.fileno())
        try:
            mode = target.stat().st_mode & 0o7777
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            mode = 0o666 & ~umask
        os.chmod(temporary, mode)
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise FpctlError(
            f"cannot write the file: {error.strerror or error}",
            Location(str(path)),
            "check that the folder exists and that you may write there",
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
