"""Files read as they are and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
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
        hint = (
            "name a file in it" if isinstance(error, IsADirectoryError) else "check the path, and that you may read it"
        )
        raise FpctlError(f"cannot read the file: {error.strerror or error}", at, hint) from error
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
    an existing file is kept. Parent folders are made. A device or a pipe (`/dev/null`, `/dev/stdout`) is written
    to: replacing it would take it from everybody.

    Args:
        durable: wait until the disk has it. False for output that the same command can make again:
            it is as whole, and a thousand files take a second instead of ten.

    Raises:
        FpctlError: the folder or file cannot be written.
    """
    data = text.encode("utf-8")
    temporary: Path | None = None
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
            return
        temporary = target.parent / f".{target.name}.{os.urandom(6).hex()}.tmp"
        handle = _created(temporary)
        try:
            while data:
                data = data[os.write(handle, data) :]
            # Under the umask it has the mode of a new file; one that is there keeps its own.
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(target.stat().st_mode & 0o7777)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
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
                temporary.unlink()


def _created(path: Path) -> int:
    """Return the descriptor of a new file; the folders above it are made."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)
