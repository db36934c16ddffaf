"""Tables of the console. Only `fpctl.history` sees them; others get the values of `console`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text, UniqueConstraint
from sqlalchemy.types import TypeEngine
from sqlmodel import Field

from fpctl.history.tables import HistoryTable, UtcDateTime


def _time(**more: Any) -> Any:
    kind: type[TypeEngine[datetime]] = UtcDateTime
    return Field(sa_type=kind, **more)


class SessionRow(HistoryTable, table=True):
    """A person who is signed in. The key itself is only in that person's browser."""

    __tablename__ = "console_session"

    key_hash: str = Field(primary_key=True, sa_type=Text)
    person: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    csrf: str = Field(sa_type=Text)
    created: datetime = _time()
    expires: datetime = _time()


class TokenRow(HistoryTable, table=True):
    """A bearer token of the API, by its hash."""

    __tablename__ = "console_token"
    __table_args__ = (UniqueConstraint("key_hash", name="uq_console_token_key_hash"),)

    id: str = Field(primary_key=True, sa_type=Text)
    key_hash: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    scopes: str = Field(sa_type=Text)
    created: datetime = _time()
    expires: datetime = _time()
    revoked: datetime | None = _time(default=None, nullable=True)


class ConsoleRunRow(HistoryTable, table=True):
    """A run that somebody asked for on a page."""

    __tablename__ = "console_run"

    id: str = Field(primary_key=True, sa_type=Text)
    rule: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    asked: datetime = _time()
    finished: datetime | None = _time(default=None, nullable=True)
    status: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)


class NoticeRow(HistoryTable, table=True):
    """Something that somebody was notified of, so that it is sent once."""

    __tablename__ = "sent_notice"

    key: str = Field(primary_key=True, sa_type=Text)
    sent: datetime = _time()
