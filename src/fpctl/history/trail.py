"""The audit trail: an entry for every change of an exclusion and every deployment of a rule, each chained to the last.

Entries are only ever added, one writer at a time: the head's row is locked before anything is read, so
that the chain has no fork on any store. What exclusions said last is kept next to the chain, for the
comparison by which changes outside fpctl (an editor, a git merge) are noticed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlmodel import col

from fpctl.errors import FpctlError
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from fpctl.files import read_text
from fpctl.history import definitions
from fpctl.history.anchor import TRAIL_DIGITS, Anchor
from fpctl.history.authorship import LastCommit, last_commits
from fpctl.history.chain import ChainFinding, Head, examine
from fpctl.history.entry import UNKNOWN, AuditEvent, Definition, RuleAuditEvent, TrailEntry, body_of, entry_of, hash_of
from fpctl.history.store import Store
from fpctl.history.stored_trail import read_definitions, read_head, read_rows, trigger_findings
from fpctl.history.tables import TrailHeadRow, TrailRow

BEGUN = "history begun"
"""The action of a trail's first entry, so that a history that took the place of a deleted one shows as new."""

_BEGUN_REASON = "a new history: whatever happened before is not in it"


@dataclass(frozen=True, slots=True)
class Action:
    """What a command did, the same for each of its exclusions: see `AuditEvent`."""

    name: str
    who: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of putting the trail to the test. No findings: every entry is what it was."""

    entries: int
    head: str
    findings: tuple[ChainFinding, ...]


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """The exclusions as they are on disk.

    Args:
        exclusions: those that could be read.
        root: their folder.
        complete: they are all there are, so that one that is missing is gone. False where a file could not
            be read, or where they are not those of the usual folder.
    """

    exclusions: Sequence[LoadedExclusion]
    root: Path
    complete: bool


class Trail:
    """The trail of one store. Every method raises FpctlError where the store cannot be used.

    Args:
        store: the open store.
        shared: several working copies write to it. A copy that is behind then looks like a change back to
            what was; only what git knows to be newer than the last entry counts as one.
    """

    def __init__(self, store: Store, *, shared: bool) -> None:
        self._store = store
        self._shared = shared

    def record_changes(self, present: WorkingCopy, now: datetime) -> list[TrailEntry]:
        """Record what has changed outside fpctl since the last entry, and return the new entries.

        Files are read again under the lock before a difference counts: another fpctl may have written
        and recorded it meanwhile.
        """
        if not self._store.read(lambda connection: self._differing(connection, present)):
            return []
        return self._store.write(lambda connection: self._notice(connection, present, now))

    def record(
        self, action: Action, ids: Iterable[str], write: Callable[[], None], present: WorkingCopy, now: datetime
    ) -> list[TrailEntry]:
        """Change exclusion files and record it, both under the trail's lock; return the action's entries.

        What had changed outside fpctl before is recorded first.

        Args:
            ids: the exclusions that `write` changes or makes.
            write: changes the files. If it raises, nothing is recorded.
            present: the exclusions as they were loaded, before the change.
        """
        wanted = tuple(dict.fromkeys(ids))

        def work(connection: Connection) -> list[TrailEntry]:
            self._notice(connection, present, now)
            before = definitions.contents(connection, wanted)
            write()
            after = {d.id: d for d in _read_again(present, wanted, {d.id: d.paths for d in before.values()})}
            acts = [
                AuditEvent(id, action.name, action.who, before.get(id), after.get(id), action.reason)
                for id in wanted
                if id in before or id in after
            ]
            return _append(connection, [act for act in acts if _differs(act)], now)

        return self._store.write(work)

    def note(self, action: Action, ids: Iterable[str], present: WorkingCopy, now: datetime) -> list[TrailEntry]:
        """Record what was done about exclusions without changing them, and return the entries.

        What had changed outside fpctl before is recorded first.
        """
        wanted = tuple(dict.fromkeys(ids))

        def work(connection: Connection) -> list[TrailEntry]:
            self._notice(connection, present, now)
            known = definitions.contents(connection, wanted)
            acts = [
                AuditEvent(id, action.name, action.who, known[id], known[id], action.reason)
                for id in wanted
                if id in known
            ]
            return _append(connection, acts, now)

        return self._store.write(work)

    def note_rules(self, acts: Sequence[RuleAuditEvent], now: datetime) -> list[TrailEntry]:
        """Record what was done to rules in a workspace, and return the entries."""
        return self._store.write(lambda connection: _append(connection, acts, now)) if acts else []

    def entries(
        self, *, exclusion: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[TrailEntry]:
        """Return entries, the newest first.

        Args:
            exclusion: only those of this exclusion; of rules, if it is empty.
            since: only those of then or later.
            limit: at most this many.

        Raises:
            FpctlError: an entry cannot be read; `verify` says what is wrong with it.
        """
        query = select(col(TrailRow.body), col(TrailRow.hash)).order_by(col(TrailRow.number).desc())
        if exclusion is not None:
            query = query.where(col(TrailRow.exclusion_id) == exclusion)
        if since is not None:
            query = query.where(col(TrailRow.at) >= since)
        if limit is not None:
            query = query.limit(limit)
        rows = self._store.read(lambda connection: list(connection.execute(query)))
        try:
            return [entry_of(body, own_hash) for body, own_hash in rows]
        except ValueError as error:
            raise FpctlError(
                "an entry of the audit trail cannot be read", None, "fpctl log verify shows which one"
            ) from error

    def exclusions(self) -> list[str]:
        """Return the ids of all exclusions with an entry, sorted."""
        query = select(col(TrailRow.exclusion_id)).where(col(TrailRow.exclusion_id) != "").distinct()
        return self._store.read(lambda connection: sorted(row[0] for row in connection.execute(query)))

    def head(self) -> Anchor | None:
        """Return the number and hash of the last entry; None where there is none."""

        def work(connection: Connection) -> Anchor | None:
            head = _head(connection)
            return Anchor(head.count, head.hash, _identity(connection)) if head.count else None

        return self._store.read(work)

    def check(self, anchor: Anchor) -> ChainFinding | None:
        """Return how the trail differs from an entry that was noted elsewhere; None if the entry is still in it."""
        query = select(col(TrailRow.body)).where(col(TrailRow.number) == anchor.number)

        def work(connection: Connection) -> ChainFinding | None:
            body = connection.execute(query).scalar_one_or_none()
            return _unlike(anchor, body, _identity(connection))

        return self._store.read(work)

    def verify(self, expected: Anchor | None = None) -> Verification:
        """Check the whole chain, and what guards it.

        Args:
            expected: the number and hash of an entry as noted earlier in another place. It shows a chain that was
                rewritten as a whole.
        """

        def work(connection: Connection) -> Verification:
            rows, findings = read_rows(connection)
            head, broken = read_head(connection, rows)
            chain = examine(rows, head)
            lost = {finding.number for finding in findings if finding.number is not None}
            findings += [*broken, *(finding for finding in chain if finding.number not in lost)]
            if not findings:
                findings += definitions.findings_of(rows, read_definitions(connection))
            findings += trigger_findings(connection)
            if expected is not None:
                noted = next((row.body for row in rows if row.number == expected.number), None)
                first = next((hash_of(row.body)[:TRAIL_DIGITS] for row in rows if row.number == 1), "")
                findings += [finding] if (finding := _unlike(expected, noted, first)) is not None else []
            return Verification(len(rows), head.hash, tuple(findings))

        return self._store.read(work)

    def _differing(self, connection: Connection, present: WorkingCopy) -> bool:
        known = definitions.known(connection)
        current = {loaded.id: loaded.content_hash for loaded in present.exclusions}
        if any(known.get(id) != content_hash for id, content_hash in current.items()):
            return True
        return present.complete and any(id not in current for id in known)

    def _notice(self, connection: Connection, present: WorkingCopy, now: datetime) -> list[TrailEntry]:
        """Append an entry for each exclusion that is not what the trail last knew it to be."""
        _locked_head(connection)
        known = definitions.known(connection)
        current = {loaded.id: loaded for loaded in present.exclusions}
        suspects = [id for id, loaded in current.items() if known.get(id) != loaded.content_hash]
        if present.complete:
            suspects += [id for id in known if id not in current]
        if not suspects:
            return []
        before = definitions.contents(connection, suspects)
        places = {id: definition.paths for id, definition in before.items()}
        now_there = {definition.id: definition for definition in _read_again(present, suspects, places)}
        acts: list[AuditEvent] = []
        for id in sorted(suspects):
            was, found = before.get(id), now_there.get(id)
            if found is None and (was is None or not present.complete):
                continue
            act = AuditEvent(
                id, "found" if was is None else "changed" if found else "removed", UNKNOWN, was, found, None, True
            )
            if _differs(act):
                acts.append(act)
        touches = last_commits(present.root, {path for act in acts for path in _paths(act)})
        last = _last_times(connection, [act.exclusion for act in acts])
        seen = _seen(connection, [act.exclusion for act in acts])
        kept: list[AuditEvent] = []
        for act in acts:
            touch = _touch(act, touches or {})
            # Without git there are no working copies that could be behind.
            if touches is not None and self._is_behind(act, touch, last.get(act.exclusion), seen):
                continue
            kept.append(_attributed(act, touch))
        return _append(connection, kept, now)

    def _is_behind(
        self, act: AuditEvent, touch: LastCommit | None, last: datetime | None, seen: Mapping[str, set[str]]
    ) -> bool:
        """Return whether a difference means no more than that this working copy is behind others."""
        if not self._shared or act.before is None or last is None:
            return False
        if act.after is not None and act.after.content_hash not in seen.get(act.exclusion, ()):
            return False
        return touch is None or touch.when <= last


def _differs(act: AuditEvent) -> bool:
    before, after = act.before, act.after
    return (before.content_hash if before else None) != (after.content_hash if after else None)


def _paths(act: AuditEvent) -> tuple[str, ...]:
    definition = act.after or act.before
    return definition.paths if definition is not None else ()


def _touch(act: AuditEvent, touches: Mapping[str, LastCommit]) -> LastCommit | None:
    """Return the commit that made the change; None where git knows none, or the change is in no commit yet."""
    found = [touches[path] for path in _paths(act) if path in touches]
    return None if any(touch.dirty for touch in found) else max(found, default=None, key=lambda touch: touch.when)


def _attributed(act: AuditEvent, touch: LastCommit | None) -> AuditEvent:
    """Return the act with its author, where git knows one."""
    if touch is None:
        return act
    reason = f"git commit {touch.commit[:12]} of {touch.when:%Y-%m-%d %H:%M}Z"
    return AuditEvent(act.exclusion, act.action, touch.author, act.before, act.after, reason, True)


def _read_again(present: WorkingCopy, ids: Iterable[str], places: Mapping[str, Sequence[str]]) -> Iterator[Definition]:
    """Read the files of exclusions as they are now; one that is not there any more, or is broken, is left out."""
    wanted = set(ids)
    files = {Path(loaded.path) for loaded in present.exclusions if loaded.id in wanted}
    files |= {present.root / paths[0] for id, paths in places.items() if paths and id in wanted}
    files |= {present.root / f"{id}.yaml" for id in wanted}
    shelf = ValueListCache(present.root)
    seen: set[str] = set()
    for file in sorted(files):
        try:
            found, _ = read_exclusion_file(read_text(file), str(file), shelf)
        except FpctlError:
            continue
        for loaded, _ in found:
            if loaded.id in wanted and loaded.id not in seen:
                seen.add(loaded.id)
                yield Definition.of(loaded, str(present.root))


def _locked_head(connection: Connection) -> Head:
    """Return the head, and keep every other writer out until the transaction ends."""
    # SQLite has its one write lock since the transaction began; there FOR UPDATE is not said at all.
    row = connection.execute(select(col(TrailHeadRow.entries), col(TrailHeadRow.hash)).with_for_update()).one()
    return Head(row[0], row[1])


def _head(connection: Connection) -> Head:
    row = connection.execute(select(col(TrailHeadRow.entries), col(TrailHeadRow.hash))).one()
    return Head(row[0], row[1])


def _append(connection: Connection, acts: Sequence[AuditEvent | RuleAuditEvent], now: datetime) -> list[TrailEntry]:
    """Append entries and return them; the first entry of all says that the history begins."""
    if not acts:
        return []
    head = _locked_head(connection)
    if not head.count:
        _append_entries(connection, head, [AuditEvent("", BEGUN, acts[0].who, None, None, _BEGUN_REASON)], now)
        head = _locked_head(connection)
    return _append_entries(connection, head, acts, now)


def _append_entries(
    connection: Connection, head: Head, acts: Sequence[AuditEvent | RuleAuditEvent], now: datetime
) -> list[TrailEntry]:
    number, previous = head
    entries: list[TrailEntry] = []
    rows: list[dict[str, Any]] = []
    for act in acts:
        number += 1
        body = body_of(act, number, now, previous)
        previous = hash_of(body)
        entry = entry_of(body, previous)
        entries.append(entry)
        rows.append(
            {
                "number": number,
                "exclusion_id": entry.exclusion,
                "at": entry.at,
                "after_hash": entry.after,
                "hash": previous,
                "body": body,
            }
        )
    connection.execute(insert(TrailRow), rows)
    connection.execute(update(TrailHeadRow).values(entries=number, hash=previous))
    definitions.keep(connection, [act for act in acts if isinstance(act, AuditEvent)])
    return entries


def _last_times(connection: Connection, ids: Iterable[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for chunk in definitions.chunks(list(ids)):
        rows = connection.execute(
            select(col(TrailRow.exclusion_id), col(TrailRow.at))
            .where(col(TrailRow.exclusion_id).in_(chunk))
            .order_by(col(TrailRow.number))
        )
        found.update((row[0], row[1]) for row in rows)
    return found


def _seen(connection: Connection, ids: Iterable[str]) -> dict[str, set[str]]:
    """Return the content hashes that each exclusion has had."""
    found: dict[str, set[str]] = {}
    for chunk in definitions.chunks(list(ids)):
        rows = connection.execute(
            select(col(TrailRow.exclusion_id), col(TrailRow.after_hash)).where(col(TrailRow.exclusion_id).in_(chunk))
        )
        for id, content_hash in rows:
            if content_hash is not None:
                found.setdefault(id, set()).add(content_hash)
    return found


def _identity(connection: Connection) -> str:
    """Return what identifies this history: how the hash of its first entry begins; empty for no entry."""
    body = connection.execute(select(col(TrailRow.body)).where(col(TrailRow.number) == 1)).scalar_one_or_none()
    return hash_of(body)[:TRAIL_DIGITS] if body is not None else ""


def _unlike(expected: Anchor, body: str | None, identity: str) -> ChainFinding | None:
    """Return what is wrong with the entry whose hash was noted, given its text; None where there is nothing."""
    if expected.trail and expected.trail != identity:
        message = (
            f"entry {expected.number} was noted from a different history ({expected.trail}, here "
            f"{identity or 'no entry'}): the history was replaced, or this is another one"
        )
        return ChainFinding("replaced", message, None)
    if body is None:
        return ChainFinding("removed", f"entry {expected.number}, whose hash was noted, is missing", expected.number)
    if hash_of(body).startswith(expected.hash):
        return None
    exclusion: str | None = None
    with contextlib.suppress(ValueError):
        exclusion = entry_of(body, "").exclusion or exclusion
    about = f" ({exclusion})" if exclusion else ""
    message = f"entry {expected.number}{about} does not match the noted hash: the chain was rewritten"
    return ChainFinding("edited", message, expected.number, exclusion)
