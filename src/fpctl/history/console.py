"""What the console keeps: who is signed in, bearer tokens, runs asked for on a page, notices that were sent.

Keys and tokens are stored as SHA-256 of 32 random bytes: such a hash cannot be turned back, and needs no salt.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from fpctl.history.console_tables import ConsoleRunRow, NoticeRow, SessionRow, TokenRow
from fpctl.history.store import Store

RUNNING = ("queued", "running")


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A person who is signed in, with the secret that forms of theirs must bring along."""

    person: str
    role: str
    csrf: str
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A bearer token without its secret. `scopes` are the roles whose actions it may do."""

    id: str
    name: str
    person: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime
    revoked: datetime | None


@dataclass(frozen=True, slots=True)
class ConsoleRun:
    """A run that was asked for on a page. `status`: queued, running, ok, failed, partial, cancelled, interrupted."""

    id: str
    rule: str
    person: str
    asked: datetime
    finished: datetime | None
    status: str
    message: str


def hash_of(key: str) -> str:
    """Return what is stored of a session's key or a token."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class ConsoleStore:
    """The console's part of a store. Every method raises FpctlError where the store cannot be used."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # ------------------------------------------------------------------ sessions

    def begin_session(self, person: str, role: str, now: datetime, expires: datetime) -> tuple[str, ConsoleSession]:
        """Begin a session, and return its key and what is known of it; sessions that have ended are removed."""
        key = secrets.token_urlsafe(32)
        session = ConsoleSession(person, role, secrets.token_urlsafe(32), now, expires)

        def work(connection: Connection) -> None:
            connection.execute(delete(SessionRow).where(col(SessionRow.expires) <= now))
            values = {
                "key_hash": hash_of(key), "person": person, "role": role, "csrf": session.csrf, "created": now,
                "expires": expires,
            }  # fmt: skip
            connection.execute(insert(SessionRow), values)

        self._store.write(work)
        return key, session

    def session(self, key: str, now: datetime) -> ConsoleSession | None:
        """Return the session with this key; None where there is none, or it has ended."""
        query: Any = select(
            col(SessionRow.person),
            col(SessionRow.role),
            col(SessionRow.csrf),
            col(SessionRow.created),
            col(SessionRow.expires),
        ).where(col(SessionRow.key_hash) == hash_of(key), col(SessionRow.expires) > now)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else ConsoleSession(*row)

    def end_session(self, key: str) -> None:
        """End the session with this key, if there is one."""
        self._store.write(
            lambda connection: connection.execute(delete(SessionRow).where(col(SessionRow.key_hash) == hash_of(key)))
        )

    def end_sessions_of(self, person: str) -> None:
        """End all sessions of a person."""
        self._store.write(
            lambda connection: connection.execute(delete(SessionRow).where(col(SessionRow.person) == person))
        )

    # ------------------------------------------------------------------ tokens

    def make_token(
        self, name: str, person: str, scopes: Sequence[str], now: datetime, expires: datetime
    ) -> tuple[str, ApiToken]:
        """Make a bearer token, and return its secret, which is shown once, and what is kept of it."""
        secret = f"fpctl_{secrets.token_urlsafe(32)}"
        token = ApiToken(secrets.token_hex(6), name, person, tuple(scopes), now, expires, None)
        values = {
            "id": token.id, "key_hash": hash_of(secret), "name": name, "person": person, "scopes": " ".join(scopes),
            "created": now, "expires": expires, "revoked": None,
        }  # fmt: skip
        self._store.write(lambda connection: connection.execute(insert(TokenRow), values))
        return secret, token

    def token(self, secret: str, now: datetime) -> ApiToken | None:
        """Return the token with this secret; None where there is none, it has expired or was revoked."""
        query = _tokens().where(
            col(TokenRow.key_hash) == hash_of(secret), col(TokenRow.expires) > now, col(TokenRow.revoked).is_(None)
        )
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _token_of(row)

    def tokens(self) -> list[ApiToken]:
        """Return every token, the newest first."""
        query = _tokens().order_by(col(TokenRow.created).desc(), col(TokenRow.id))
        return self._store.read(lambda connection: [_token_of(row) for row in connection.execute(query)])

    def revoke_token(self, id: str, now: datetime) -> bool:
        """Revoke a token, and return whether there was one that held."""
        change = update(TokenRow).where(col(TokenRow.id) == id, col(TokenRow.revoked).is_(None)).values(revoked=now)
        return self._store.write(lambda connection: connection.execute(change).rowcount > 0)

    # ------------------------------------------------------------------ runs

    def ask_run(self, rule: str, person: str, now: datetime) -> ConsoleRun:
        """Note that somebody asked for a run of a rule."""
        run = ConsoleRun(secrets.token_hex(8), rule, person, now, None, "queued", "")
        values = {
            "id": run.id, "rule": rule, "person": person, "asked": now, "finished": None, "status": run.status,
            "message": "",
        }  # fmt: skip
        self._store.write(lambda connection: connection.execute(insert(ConsoleRunRow), values))
        return run

    def mark_run(self, id: str, status: str, message: str = "", finished: datetime | None = None) -> None:
        """Note how far a run has come."""
        change = (
            update(ConsoleRunRow)
            .where(col(ConsoleRunRow.id) == id)
            .values(status=status, message=message, finished=finished)
        )
        self._store.write(lambda connection: connection.execute(change))

    def run(self, id: str) -> ConsoleRun | None:
        """Return a run that was asked for; None where there is none."""
        query = _runs().where(col(ConsoleRunRow.id) == id)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else ConsoleRun(*row)

    def runs(self, limit: int = 100) -> list[ConsoleRun]:
        """Return the runs that were asked for last, the newest first."""
        query = _runs().order_by(col(ConsoleRunRow.asked).desc(), col(ConsoleRunRow.id)).limit(limit)
        return self._store.read(lambda connection: [ConsoleRun(*row) for row in connection.execute(query)])

    def interrupt_unfinished(self, now: datetime) -> int:
        """Mark the runs that a server left unfinished when it stopped, and return how many there were."""
        change = (
            update(ConsoleRunRow)
            .where(col(ConsoleRunRow.status).in_(RUNNING))
            .values(status="interrupted", message="the server stopped while it was under way", finished=now)
        )
        return self._store.write(lambda connection: connection.execute(change).rowcount)

    # ------------------------------------------------------------------ notices

    def unsent(self, keys: Iterable[str]) -> list[str]:
        """Return those of the keys for which no notice was sent, in their order."""
        wanted = list(dict.fromkeys(keys))
        sent: set[str] = set()

        def work(connection: Connection) -> None:
            for at in range(0, len(wanted), 500):
                chunk = wanted[at : at + 500]
                sent.update(
                    connection.execute(select(col(NoticeRow.key)).where(col(NoticeRow.key).in_(chunk))).scalars()
                )

        self._store.read(work)
        return [key for key in wanted if key not in sent]

    def mark_sent(self, keys: Iterable[str], now: datetime) -> None:
        """Note that notices were sent; one that is noted already stays."""
        wanted = self.unsent(keys)
        if wanted:
            rows = [{"key": key, "sent": now} for key in wanted]
            self._store.write(lambda connection: connection.execute(insert(NoticeRow), rows))


def _tokens() -> Any:
    columns = (
        TokenRow.id, TokenRow.name, TokenRow.person, TokenRow.scopes, TokenRow.created, TokenRow.expires,
        TokenRow.revoked,
    )  # fmt: skip
    return select(*(col(column) for column in columns))


def _token_of(row: Any) -> ApiToken:
    id, name, person, scopes, created, expires, revoked = tuple(row)
    return ApiToken(id, name, person, tuple(scopes.split()), created, expires, revoked)


def _runs() -> Any:
    columns = (
        ConsoleRunRow.id, ConsoleRunRow.rule, ConsoleRunRow.person, ConsoleRunRow.asked, ConsoleRunRow.finished,
        ConsoleRunRow.status, ConsoleRunRow.message,
    )  # fmt: skip
    return select(*(col(column) for column in columns))
