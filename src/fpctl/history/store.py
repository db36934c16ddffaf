"""The database behind a history: where it is, how it is opened, and what its errors mean.

SQLite is one file, written ahead to a log (WAL), so that readers never wait for a writer. A writer
takes the file's only write lock at the start of its transaction and waits for it, which leaves no
way for two transactions to fail each other. PostgreSQL is reached by URL, where a team shares one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from fpctl.errors import FpctlError, Location
from fpctl.history import migrate

LOCK_WAIT = 30.0
"""Seconds that a writer waits for its turn before it gives up."""

_BUSY_MILLISECONDS = 250
"""How long SQLite itself waits at a time: the rest of the wait is ours, so that Ctrl-C is heard."""

_MIGRATION_LOCK = 0x66706374
"""Key of PostgreSQL's advisory lock under which one fpctl at a time migrates ("fpct")."""

T = TypeVar("T")


class Store:
    """An open database with a schema that this fpctl knows.

    Args:
        location: a file path, or a SQLAlchemy URL of SQLite or PostgreSQL.
        create: make the file, its folder and the tables where they are missing.
        lock_wait: seconds to wait for another writer.

    Raises:
        FpctlError: it is missing, is not a history, is newer than this fpctl, or cannot be opened.
    """

    def __init__(self, location: str | Path, *, create: bool, lock_wait: float = LOCK_WAIT) -> None:
        self._url = _url(location)
        self._lock_wait = lock_wait
        self.name = self._url.render_as_string(hide_password=True)
        file = sqlite_file(self._url)
        if file is not None:
            self.name = str(file)
            _prepare_file(file, create)
        self._engine = self._connect()
        self._writer = self._engine.execution_options(fpctl_write=True)
        try:
            self._migrate(create)
        except BaseException:
            self.close()
            raise

    @property
    def is_server(self) -> bool:
        """Whether it is a database server, which people share, and not a file."""
        return self._url.get_backend_name() != "sqlite"

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` reads, all of it from one state of the store."""
        return self._transact(self._engine, work)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all that it writes is kept, or nothing is.

        `work` is run again when another writer was in the way, so it must not do anything else.
        """
        return self._transact(self._writer, work)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _transact(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        give_up = time.monotonic() + self._lock_wait
        with self._explained():
            while True:
                try:
                    with engine.begin() as connection:
                        return work(connection)
                except DBAPIError as error:
                    if not _is_busy(error) or time.monotonic() >= give_up:
                        raise

    def _connect(self) -> Engine:
        try:
            if self._url.get_backend_name() == "sqlite":
                engine = create_engine(self._url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})
                event.listen(engine, "connect", _prepare_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
                return engine
            # Days are UTC days, whatever the server's own zone is.
            return create_engine(self._url, connect_args={"options": "-c timezone=utc"}, pool_pre_ping=True)
        except NoSuchModuleError as error:
            raise FpctlError(f"there is no database driver for {self.name}", None, _URL_HINT) from error
        except ImportError as error:
            raise FpctlError(
                f"the driver for {self.name} is not installed ({error.name})",
                None,
                "python -m pip install 'psycopg[binary]'",
            ) from error

    def _migrate(self, create: bool) -> None:
        version = self.read(migrate.current)
        if version == migrate.HEAD:
            return
        if version is None and not create:
            raise _missing(self.name)
        self.write(self._upgrade)

    def _upgrade(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        # Asked again, now that nobody else can write: another fpctl may have been first.
        version = migrate.current(connection)
        if version == migrate.HEAD:
            return
        if version is None and connection.dialect.name == "sqlite" and (tables := migrate.foreign_tables(connection)):
            raise FpctlError(
                f"this database belongs to something else (it has a table {tables[0]!r})",
                Location(self.name),
                "choose another file for the history",
            )
        if version is not None and not migrate.is_known(version):
            raise FpctlError(
                f"the history was written by a newer fpctl (its schema is {version}, this one knows {migrate.HEAD})",
                Location(self.name),
                "update fpctl",
            )
        migrate.upgrade(connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a database error into one that says what to do."""
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
        except UnicodeDecodeError as error:  # the driver cannot even read the database's own message
            raise FpctlError("the history is damaged", Location(self.name), _DAMAGED_HINT) from error
        except SQLAlchemyError as error:
            raise FpctlError(f"the history cannot be used: {error}", Location(self.name), _DAMAGED_HINT) from error

    def _explain(self, error: DBAPIError) -> FpctlError:
        reason = str(error.orig).strip().split("\n")[0]
        for pattern, message, hint in _EXPLANATIONS:
            if re.search(pattern, reason):
                return FpctlError(message.format(wait=self._lock_wait), Location(self.name), hint)
        return FpctlError(f"the history cannot be used: {reason}", Location(self.name))


_DAMAGED_HINT = (
    "`fpctl log verify` names the damaged entries of the trail; restore a backup, or save what is left: "
    "`sqlite3 FILE .recover`"
)

_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    (
        r"readonly database|read-only",
        "the history is read-only",
        "check the permissions of the file and of its folder, or run without recording (--no-record)",
    ),
    (
        r"database (table )?is locked",
        "another process has kept the history locked for {wait:g} seconds",
        "try again when it has finished",
    ),
    (r"not a database|file is encrypted", "this file is not a history", "choose another file for the history"),
    (r"disk image is malformed|malformed database|Could not decode to UTF-8", "the history is damaged", _DAMAGED_HINT),
    (
        r"disk is full|No space left",
        "the disk is full: nothing was recorded",
        "free some space and run the command again",
    ),
    (r"unable to open database file", "the history cannot be opened", "check the permissions of the file and folder"),
    (r"connection to server|connection failed|Connection refused|could not translate host name",
     "the history's server cannot be reached", "check history.url, the network and the server"),
)  # fmt: skip

_URL_HINT = "use a file path, sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME"


def _url(location: str | Path) -> URL:
    if isinstance(location, Path) or "://" not in location:
        return URL.create("sqlite", database=str(location))
    try:
        url = make_url(location)
    except ArgumentError as error:
        # The text may hold a password, so it is not repeated.
        raise FpctlError("the history's URL is not valid", None, _URL_HINT) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise FpctlError(f"a history cannot be kept in {url.get_backend_name()}", None, _URL_HINT)
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and sqlite_file(url) is None:
        raise FpctlError("a history in memory would be lost at the end", None, _URL_HINT)
    return url


def is_there(location: str | Path) -> bool:
    """Return whether there may be a history to read: False where its file is missing, True for a server.

    Raises:
        FpctlError: the location is a URL of nothing that can be a history.
    """
    file = sqlite_file(_url(location))
    return file is None or file.exists()


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite URL, or None for another database or one in memory."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    if url.database.startswith("file:"):
        return Path(url.database.removeprefix("file:").partition("?")[0])
    return Path(url.database)


def _prepare_file(file: Path, create: bool) -> None:
    if file.is_dir():
        raise FpctlError("the history's file is a folder", Location(str(file)), "name a file in it")
    if file.exists():
        return
    if not create:
        raise _missing(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FpctlError(
            f"cannot create the history's folder: {error.strerror or error}",
            Location(str(file.parent)),
            "choose another place for the history, or run without recording (--no-record)",
        ) from error


def _missing(name: str) -> FpctlError:
    return FpctlError("there is no history here yet", Location(name), "the first `fpctl run` creates it")


def _is_busy(error: DBAPIError) -> bool:
    return "is locked" in str(error.orig)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would otherwise begin transactions by itself, and too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        _keep_log(cursor)
    finally:
        cursor.close()


def _keep_log(cursor: Any) -> None:
    """Switch the file to write-ahead logging, which it then remembers.

    The switch needs the file for itself for a moment and does not wait for it; where it is refused,
    the file works all the same and the next fpctl tries again.
    """
    import sqlite3

    try:
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "readonly" not in str(error):
            raise


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("fpctl_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
