"""Files read as they are and written whole or not at all."""

from __future__ import annotations

import codecs
import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO

from fpctl.errors import FpctlError, Location

_AS_UTF8 = "save the file as UTF-8"
_LOOKED_AT = 1024

_MAY_WRITE = "check that the folder exists and that you may write there"

MAX_AUTHORED_BYTES = 32 * 1024 * 1024
"""No rule or exclusion file a person wrote is larger; reading stops there instead of filling memory."""


def read_text(path: Path, *, limit: int = MAX_AUTHORED_BYTES, utf16: bool = False) -> str:
    """Return a file's text with every character kept: no newline conversion, a BOM stays a BOM.

    Args:
        utf16: UTF-16 is read too, where a BOM says so, as `>` of Windows PowerShell writes another program's output.

    Raises:
        FpctlError: the file is missing, unreadable, over `limit` bytes, or not UTF-8.
    """
    at = Location(str(path))
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            parts: list[bytes] = []
            # By what is read, not only by what the file system says: a device has no size and no end.
            while size <= limit and (part := file.read(1 << 20)):
                parts.append(part)
                size = max(size, sum(map(len, parts)))
    except OSError as error:
        hint = (
            "name a file in it" if isinstance(error, IsADirectoryError) else "check the path, and that you may read it"
        )
        raise FpctlError(f"cannot read the file: {error.strerror or error}", at, hint) from error
    if size > limit:
        hint = "split the file, or keep values in a list file"
        raise FpctlError(f"the file has {size:,} bytes or more; at most {limit:,} are read", at, hint)
    return decoded(b"".join(parts), str(path), utf16=utf16)


def decoded(data: bytes, name: str, *, utf16: bool = False) -> str:
    """Return the text of bytes in UTF-8; `utf16` as in `read_text`.

    Raises:
        FpctlError: they are not UTF-8; the error names the encoding that they seem to have.
    """
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if utf16 and marked:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise FpctlError("the text begins as UTF-16 and is not", Location(name), _AS_UTF8) from error
    if marked or _is_utf16(data[:_LOOKED_AT]):
        raise FpctlError("this is UTF-16, not UTF-8", Location(name, 1, 1), _AS_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start : error.start + 1]
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        meant = byte.decode("cp1252", "replace")
        hint = f"it is `{meant}` in Windows-1252 (Latin-1): {_AS_UTF8}" if meant.isalpha() else _AS_UTF8
        raise FpctlError(f"byte 0x{byte.hex()} is not UTF-8", Location(name, line, column), hint) from error


def _is_utf16(data: bytes) -> bool:
    """Return whether bytes look like letters of two bytes each: nearly every other byte is zero."""
    halves = data[::2], data[1::2]
    return len(data) > 3 and any(half.count(0) * 10 >= len(half) * 8 for half in halves)


def read_inside(folder: Path, path: Path, *, limit: int = MAX_AUTHORED_BYTES) -> str:
    """Return the text of a regular file in a folder; see `read_text`.

    Raises:
        FpctlError: as `read_regular` does; or a link leads out of the folder.
    """
    check_inside(folder, path)
    return read_regular(path, limit=limit)


def read_regular(path: Path, *, limit: int = MAX_AUTHORED_BYTES) -> str:
    """Return the text of a regular file; see `read_text`.

    Raises:
        FpctlError: as `read_text` does; or it is a pipe, a device or a folder.
    """
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        regular = True  # it is missing: reading it says so
    if not regular:
        raise FpctlError("it is not a regular file", Location(str(path)), "pipes, devices and folders are not read")
    return read_text(path, limit=limit)


def check_inside(folder: Path, path: Path) -> None:
    """Refuse a path that leads out of a folder, through a link or `..`.

    What a folder holds may come from anybody who can open a pull request: a link there must not read or overwrite
    files elsewhere. The folder itself may be a link, since whoever runs the command named it.

    Raises:
        FpctlError: it does.
    """
    if _plainly_inside(folder, path):
        return
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        inside = False
    if not inside:
        hint = "put the file itself into the folder"
        raise FpctlError(f"it is a link that leads out of {folder}", Location(str(path)), hint)


def _plainly_inside(folder: Path, path: Path) -> bool:
    """Return whether no part of a path below a folder is a link or `..`: then nothing has to be resolved."""
    parts = path.parts
    if parts[: len(folder.parts)] != folder.parts:
        return False
    for part in parts[len(folder.parts) :]:
        folder = folder / part
        if part == os.pardir or folder.is_symlink():
            return False
    return True


def write_inside(folder: Path, relative: str | PurePath, text: str, *, durable: bool = True) -> None:
    """Write a file below a folder; see `write_text`.

    Raises:
        FpctlError: as `write_text` does; or a link in the folder leads out of it.
    """
    check_inside(folder, folder / relative)
    write_text(folder / relative, text, durable=durable)


@contextlib.contextmanager
def replacing_inside(folder: Path, relative: str | PurePath) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes take the place of a file below a folder at the end; after an error it is as it was.

    Raises:
        FpctlError: the file cannot be written, or a link in the folder leads out of it.
    """
    path = folder / relative
    check_inside(folder, path)
    temporary = path.parent / f".{path.name}.{os.urandom(6).hex()}.tmp"
    try:
        with os.fdopen(_created(temporary), "wb") as stream:
            yield stream
        os.replace(temporary, path)
    except OSError as error:
        raise FpctlError(
            f"cannot write the file: {error.strerror or error}", Location(str(path)), _MAY_WRITE
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def exclusive(folder: Path, *, wait: float = 30.0) -> Iterator[None]:
    """Let one process at a time change the files of a folder.

    The lock is the folder's, or that of the nearest folder above that exists, and goes with the process. On a system
    or file system without such locks nothing is locked.

    Raises:
        FpctlError: another process keeps it for longer than `wait` seconds.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    place = next(one for one in (folder, *folder.resolve().parents) if one.is_dir())
    try:
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        give_up = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= give_up:
                    message = f"another process has kept the folder locked for {wait:g} seconds"
                    raise FpctlError(message, Location(str(place)), "try again when it has finished") from error
                time.sleep(0.02)
            except OSError:  # a file system that has no such locks
                break
        yield
    finally:
        os.close(handle)


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
        target, mode = path, _mode(path)
        if mode is not None and stat.S_ISLNK(mode):
            target = path.resolve()
            mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            target.write_bytes(data)
            return
        temporary = target.parent / f".{target.name}.{os.urandom(6).hex()}.tmp"
        handle = _created(temporary)
        try:
            while data:
                data = data[os.write(handle, data) :]
            # Under the umask it has the mode of a new file; one that is there keeps its own.
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
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
            _MAY_WRITE,
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _mode(path: Path) -> int | None:
    """Return the mode of what is at a path, itself a link perhaps; None where there is nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _created(path: Path) -> int:
    """Return the descriptor of a new file; the folders above it are made."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)
