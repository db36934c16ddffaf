"""What can be wrong with a store: each gives one clear error, and nothing is written."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.history.history import History
from permissions import obeyed


def test_the_folder_and_the_file_are_made(database):
    History.open(database).close()
    assert database.is_file()


def test_a_command_that_only_reads_makes_nothing(database):
    with pytest.raises(FpctlError) as caught:
        History.open(database, create=False)
    assert str(caught.value) == f"{database}: there is no history here yet\n  hint: the first `fpctl run` creates it"
    assert not database.parent.exists()


def test_a_sqlite_url_is_the_same_as_its_path(database, make_run):
    with History.open(f"sqlite:///{database}") as by_url:
        by_url.record_run(make_run())
        assert by_url.name == str(database)
    with History.open(database) as by_path:
        assert len(by_path.runs()) == 1


def test_a_file_that_is_no_database_is_refused_and_left_alone(database):
    database.parent.mkdir()
    database.write_text("id: fp-1\n" * 100)
    with pytest.raises(FpctlError, match=r"history\.db: this file is not a history"):
        History.open(database)
    assert database.read_text() == "id: fp-1\n" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(database):
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE invoices (id INTEGER)")
    with pytest.raises(FpctlError, match="database belongs to something else \\(it has a table 'invoices'\\)"):
        History.open(database)
    with closing(sqlite3.connect(database)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("invoices",)]


def test_an_empty_file_becomes_a_history(database, make_run):
    database.parent.mkdir()
    database.touch()
    with History.open(database) as history:
        assert history.record_run(make_run()) == 1


def test_a_history_of_a_newer_fpctl_is_refused(database):
    History.open(database).close()
    with closing(sqlite3.connect(database)) as raw, raw:
        raw.execute("UPDATE fpctl_schema SET version_num = '9999'")
    for create in (True, False):
        with pytest.raises(FpctlError, match="written by a newer fpctl \\(its schema is 9999") as caught:
            History.open(database, create=create)
        assert caught.value.hint == "update fpctl"


def test_a_read_only_history_can_be_read_and_says_that_it_cannot_be_written(database, make_run):
    with History.open(database) as history:
        history.record_run(make_run())
    # Not by permissions: root may write anyway.
    with History.open(f"sqlite:///file:{database}?mode=ro&uri=true") as history:
        assert len(history.runs()) == 1
        with pytest.raises(FpctlError, match="the history is read-only") as caught:
            history.record_run(make_run())
    assert "--no-record" in str(caught.value.hint)
    with History.open(database) as history:
        assert len(history.runs()) == 1


def test_a_file_without_write_permission_says_that_it_cannot_be_written(database, make_run):
    History.open(database).close()
    database.chmod(0o444)
    with obeyed(), History.open(database) as history, pytest.raises(FpctlError, match="the history is read-only"):
        history.record_run(make_run())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FpctlError, match="cannot create the history's folder: ") as caught:
        History.open(tmp_path / "file" / "history.db")
    assert caught.value.at is not None
    assert caught.value.at.path == str(tmp_path / "file")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(FpctlError, match="the history's file is a folder"):
        History.open(tmp_path)


def test_a_lock_that_is_never_released_is_an_error_and_not_a_hang(database, make_run):
    with History.open(database, lock_wait=0.4) as history, closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FpctlError, match=r"another process has kept the history locked for 0\.4 seconds"):
            history.record_run(make_run())
        other.rollback()
        assert history.record_run(make_run()) == 1


def test_a_reader_does_not_wait_for_a_writer(database, make_run):
    with History.open(database, lock_wait=0) as history, closing(sqlite3.connect(database)) as other:
        history.record_run(make_run())
        other.execute("BEGIN IMMEDIATE")
        assert len(history.runs()) == 1


def test_a_damaged_history_is_said_to_be_damaged(database, make_run, make_hit):
    with History.open(database) as history:
        history.record_run(make_run(*(make_hit(f"fp-{number}", number) for number in range(500))))
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    database.write_bytes(content)
    with pytest.raises(FpctlError, match="the history is damaged"), History.open(database) as history:
        history.hits()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://user:secret@host/name", "a history cannot be kept in mysql"),
        ("sqlite://", "a history in memory would be lost at the end"),
        ("sqlite:///:memory:", "a history in memory would be lost at the end"),
        ("post gres://user:secret@host", "the history's URL is not valid"),
    ],
)
def test_a_url_that_cannot_be_a_history_is_refused_without_its_password(url, message):
    with pytest.raises(FpctlError) as caught:
        History.open(url)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    with pytest.raises(FpctlError) as caught:
        History.open("postgresql://user:secret@127.0.0.1:1/name")
    assert str(caught.value).startswith(
        "postgresql+psycopg://user:***@127.0.0.1:1/name: the history's server cannot be reached"
    )
    assert "secret" not in str(caught.value)


def test_a_missing_driver_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(FpctlError, match=r"the driver for .* is not installed") as caught:
        History.open("postgresql://user:secret@127.0.0.1:1/name")
    assert caught.value.hint == "python -m pip install 'psycopg[binary]'"


def test_the_file_is_written_ahead_to_a_log(database):
    History.open(database).close()
    with closing(sqlite3.connect(database)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_odd_characters_in_the_path_are_no_trouble(tmp_path: Path, make_run):
    path = tmp_path / "100% sure?" / "a#b 'c'.db"
    with History.open(path) as history:
        history.record_run(make_run())
    assert path.is_file()


def test_opening_does_not_wait_for_the_lock_when_there_is_nothing_to_do(database):
    History.open(database).close()
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        History.open(database, lock_wait=0).close()


WAITS = """
import sys
from datetime import UTC, datetime
from fpctl.history.records import RuleVersion, RunRecord
from fpctl.history.history import History

now = datetime(2026, 11, 20, tzinfo=UTC)
with History.open(sys.argv[1], lock_wait=3600) as history:
    print("waiting", flush=True)
    history.record_run(RunRecord(RuleVersion("r", "R", "b", "T"), "local", "ok", now, now))
"""


def test_ctrl_c_while_waiting_for_the_lock_is_heard(database):
    History.open(database).close()
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        command = [sys.executable, "-c", WAITS, str(database)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == "waiting\n"
            time.sleep(0.3)
            waiting.send_signal(signal.SIGINT)
            _, errors = waiting.communicate(timeout=60)
        assert errors.endswith("KeyboardInterrupt\n")
        other.rollback()
    with History.open(database) as history:
        assert history.runs() == []
