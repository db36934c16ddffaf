"""The chain of the audit trail: whatever is edited, removed or put in is found and named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from fpctl.errors import FpctlError
from fpctl.exclusions.loader import load_exclusions
from fpctl.history.chain import ChainFinding, EntryRow, Head, examine
from fpctl.history.entry import GENESIS, AuditEvent, body_of, entry_of, hash_of
from fpctl.history.history import History
from fpctl.history.trail import WorkingCopy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row_of(number: int, previous: str, exclusion: str, who: str = "me") -> EntryRow:
    body = body_of(AuditEvent(exclusion, "added", who, None, None, None), number, NOW, previous)
    entry = entry_of(body, hash_of(body))
    return EntryRow(number, exclusion, entry.at, entry.after, entry.hash, body)


def chain_of(length: int) -> tuple[list[EntryRow], Head]:
    rows: list[EntryRow] = []
    previous = GENESIS
    for number in range(1, length + 1):
        rows.append(row_of(number, previous, f"fp-{number}"))
        previous = rows[-1].hash
    return rows, Head(length, previous)


def named(findings: list[ChainFinding]) -> list[tuple[str, int | None]]:
    return [(finding.kind, finding.number) for finding in findings]


@pytest.mark.parametrize("length", [0, 1, 2, 9])
def test_a_chain_that_nobody_touched_has_no_finding(length):
    assert examine(*chain_of(length)) == []


@pytest.mark.parametrize("number", [1, 2, 5])
def test_an_edited_text_is_found(number):
    rows, head = chain_of(5)
    rows[number - 1] = rows[number - 1]._replace(body=rows[number - 1].body.replace('"who":"me"', '"who":"you"'))
    (finding,) = examine(rows, head)
    assert finding.message == f"entry {number} (fp-{number}) was edited: its text does not match its hash"


@pytest.mark.parametrize("number", [1, 2, 5])
def test_an_edited_text_with_a_new_hash_of_its_own_is_found(number):
    rows, head = chain_of(5)
    body = rows[number - 1].body.replace('"who":"me"', '"who":"you"')
    rows[number - 1] = rows[number - 1]._replace(body=body, hash=hash_of(body))
    (finding,) = examine(rows, head)
    why = "its hash differs from the one in the next entry"
    assert finding.message == f"entry {number} (fp-{number}) was edited: {why}"


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_entry_is_found_the_last_one_too(number):
    rows, head = chain_of(5)
    del rows[number - 1]
    (finding,) = examine(rows, head)
    assert finding.message == f"entry {number} was removed: the next entry has its hash, but it is missing"


def test_a_tail_that_was_cut_off_is_named_entry_by_entry():
    rows, head = chain_of(5)
    assert named(examine(rows[:2], head)) == [("removed", 3), ("removed", 4), ("removed", 5)]


def test_a_trail_that_was_emptied_is_named_entry_by_entry():
    _, head = chain_of(2)
    assert named(examine([], head)) == [("removed", 1), ("removed", 2)]


def test_an_entry_that_was_put_in_at_the_end_is_found():
    rows, head = chain_of(3)
    rows.append(row_of(4, rows[-1].hash, "fp-x"))
    (finding,) = examine(rows, head)
    assert finding.message == "entry 4 (fp-x) was inserted: the head does not count it"


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("counted", [False, True])
def test_an_entry_that_was_put_in_between_is_found_though_the_others_were_renumbered(at, counted):
    rows, head = chain_of(3)
    previous = rows[at - 2].hash if at > 1 else GENESIS
    moved = [
        *rows[: at - 1],
        row_of(at, previous, "fp-x"),
        *(row._replace(number=row.number + 1) for row in rows[at - 1 :]),
    ]
    findings = examine(moved, head._replace(count=4) if counted else head)
    assert ("inserted", at) in named(findings)
    assert {finding.kind for finding in findings} <= {"inserted", "head"}


def test_a_copy_of_an_entry_is_told_from_the_original():
    rows, head = chain_of(3)
    copied = [*rows, rows[0]._replace(number=4)]
    assert named(examine(copied, head)) == [("inserted", 4)]
    assert named(examine(list(reversed(copied)), head)) == [("inserted", 4)]


def test_swapped_entries_are_found():
    rows, head = chain_of(4)
    rows[1], rows[2] = rows[2]._replace(number=2), rows[1]._replace(number=3)
    assert named(examine(rows, head)) == [("edited", 2), ("edited", 3)]


@pytest.mark.parametrize("change", [{"exclusion": "fp-x"}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}, {"after": "x"}])
def test_a_column_beside_the_text_that_says_something_else_is_found(change):
    rows, head = chain_of(3)
    rows[1] = rows[1]._replace(**change)
    (finding,) = examine(rows, head)
    assert finding.kind == "edited"
    assert finding.message.endswith("was edited: its columns differ from its text")


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"number":"x"}', "\x00"])
def test_a_text_that_is_no_entry_is_found(body):
    rows, head = chain_of(3)
    rows[1] = rows[1]._replace(body=body)
    assert named(examine(rows, head)) == [("edited", 2)]


def test_a_head_that_counts_too_many_is_found():
    rows, head = chain_of(2)
    (finding,) = examine(rows, head._replace(count=3))
    assert finding.message == "the head counts 3 entries, but the chain has 2"


@given(length=st.integers(1, 7), data=st.data())
def test_any_one_of_these_changes_is_found_and_the_right_entry_named(length, data):
    rows, head = chain_of(length)
    at = data.draw(st.integers(1, length))
    what = data.draw(st.sampled_from(["remove", "text", "text and hash", "hash", "previous"]))
    row = rows[at - 1]
    if what == "remove":
        del rows[at - 1]
    elif what == "hash":
        rows[at - 1] = row._replace(hash="f" * 64)
    else:
        old, new = ('"who":"me"', '"who":"X"') if what != "previous" else (entry_of(row.body, "").previous, "e" * 64)
        body = row.body.replace(old, new)
        rows[at - 1] = row._replace(body=body, hash=row.hash if what == "text" else hash_of(body))
    assert named(examine(rows, head)) == [("removed" if what == "remove" else "edited", at)]


@pytest.fixture
def tampered(history, location, tmp_path):
    """Return a function that records three exclusions, runs SQL on the store as its owner may, and verifies."""
    folder = tmp_path / "exclusions"
    folder.mkdir()
    for id in ("fp-1", "fp-2", "fp-3"):
        (folder / f"{id}.yaml").write_text(f'id: {id}\nrules: ["*"]\nmatch: {{device: a1}}\n', encoding="utf-8")
    history.trail.record_changes(WorkingCopy(load_exclusions(folder).exclusions, folder, True), NOW)
    url = location if isinstance(location, str) else f"sqlite:///{location}"
    engine = create_engine(url)

    def run(*statements: str, guarded: bool = False):
        drop = [f"DROP TRIGGER trail_keeps_{verb}" for verb in ("UPDATE", "DELETE", "INSERT")]
        if isinstance(location, str):
            drop = ["DROP TRIGGER trail_keeps ON trail"]
        with engine.begin() as connection:
            for statement in [*([] if guarded else drop), *statements]:
                connection.execute(text(statement))
        return [finding for finding in history.trail.verify().findings if finding.kind != "trigger"]

    yield run
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE trail SET body = replace(body, 'unknown', 'nobody') WHERE number = 2", [("edited", 2)]),
        ("UPDATE trail SET hash = 'x' WHERE number = 2", [("edited", 2)]),
        ("UPDATE trail SET exclusion_id = 'fp-9' WHERE number = 1", [("edited", 1)]),
        ("DELETE FROM trail WHERE number = 2", [("removed", 2)]),
        ("DELETE FROM trail WHERE number = 4", [("removed", 4)]),
        ("DELETE FROM trail_head", [("head", None)]),
        ("UPDATE definition SET content = '{}' WHERE exclusion_id = 'fp-2'", [("definition", 3)]),
        ("DELETE FROM definition WHERE exclusion_id = 'fp-2'", [("definition", 3)]),
    ],
)
def test_what_is_done_to_the_stored_trail_is_found(tampered, statement, found):
    assert [(finding.kind, finding.number) for finding in tampered(statement)] == found


@pytest.mark.parametrize(
    "statement", ["UPDATE trail SET hash = 'x' WHERE number = 2", "DELETE FROM trail WHERE number = 3"]
)
def test_the_store_itself_refuses_to_change_the_trail(tampered, statement):
    with pytest.raises(Exception, match="the audit trail only grows"):
        tampered(statement, guarded=True)


@pytest.mark.parametrize("location", ["sqlite"], indirect=True)
def test_an_entry_is_not_replaced_by_the_way_that_deletes_without_deleting(tampered):
    with pytest.raises(Exception, match="the audit trail only grows"):
        tampered("INSERT OR REPLACE INTO trail SELECT number, exclusion_id, at, after_hash, 'x', body FROM trail",
                 guarded=True)  # fmt: skip


def test_a_guard_that_is_missing_and_a_trigger_of_somebody_else_are_found(tampered, history, location):
    if isinstance(location, str):
        body = "CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        tampered(body, "CREATE TRIGGER spy BEFORE INSERT ON trail FOR EACH ROW EXECUTE FUNCTION theirs()")
        missing = 1
    else:
        tampered("CREATE TRIGGER spy AFTER INSERT ON trail BEGIN DELETE FROM definition; END")
        missing = 3
    messages = [finding.message for finding in history.trail.verify().findings if finding.kind == "trigger"]
    assert sum(message.endswith("is missing") for message in messages) == missing
    assert messages[-1] == "a trigger 'spy' on trail is not fpctl's: it may change what is written there"


def test_a_trigger_that_stands_there_under_its_name_and_does_nothing_is_found(tampered, history, location):
    if isinstance(location, str):
        tampered("ALTER TABLE trail DISABLE TRIGGER ALL", guarded=True)
    else:
        empty = "CREATE TRIGGER trail_keeps_DELETE BEFORE DELETE ON trail BEGIN SELECT 1; END"
        tampered("DROP TRIGGER trail_keeps_DELETE", empty, guarded=True)
    (finding,) = history.trail.verify().findings
    assert (finding.kind, finding.message.rpartition(", ")[2]) == ("trigger", "was changed or disabled")


def test_a_new_history_begins_with_a_note(history, tampered):
    first = history.trail.entries()[-1]
    assert (first.number, first.action, first.exclusion) == (1, "history begun", "")
    assert first.reason == "a new history: whatever happened before is not in it"


def test_a_damaged_byte_ends_no_check_and_its_entry_is_named(database, tmp_path):
    """Every byte of a body, hash or column that is flipped, whatever it becomes."""
    folder = tmp_path / "exclusions"
    folder.mkdir()
    for id in ("fp-1", "fp-2", "fp-3"):
        (folder / f"{id}.yaml").write_text(f'id: {id}\nrules: ["*"]\nmatch: {{device: a1}}\n', encoding="utf-8")
    with History.open(database) as history:
        history.trail.record_changes(WorkingCopy(load_exclusions(folder).exclusions, folder, True), NOW)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
        ((body,),) = connection.execute("SELECT CAST(body AS BLOB) FROM trail WHERE number = 3")
    data = database.read_bytes()
    start = data.index(body)
    for at in range(start - 140, start + len(body), 9):
        database.write_bytes(data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :])
        with History.open(database, create=False) as history:
            try:
                numbers = {finding.number for finding in history.trail.verify().findings}
            except FpctlError as error:
                numbers = {error.message}
        assert numbers & {3, "the history is damaged"}, f"byte {at - start} of entry 3 was flipped: {numbers}"


def test_a_chain_made_anew_is_found_by_a_hash_that_was_noted_elsewhere(tampered, history):
    noted = history.trail.head()
    assert history.trail.verify(noted._replace(hash=noted.hash[:12])).findings == ()
    tampered(
        "DELETE FROM trail", "UPDATE trail_head SET entries = 0, hash = '" + GENESIS + "'", "DELETE FROM definition"
    )
    assert {finding.kind for finding in history.trail.verify().findings} == {"trigger"}
    finding = history.trail.verify(noted).findings[-1]
    assert finding.message == (
        f"entry 4 was noted from a different history ({noted.trail}, here no entry): the history was "
        "replaced, or this is another one"
    )
    assert history.trail.check(noted) == finding
    assert history.trail.check(noted._replace(trail="")).message == "entry 4, whose hash was noted, is missing"
