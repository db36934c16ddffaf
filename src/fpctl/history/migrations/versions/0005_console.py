"""The console: sessions, bearer tokens, runs that were asked for, and notices that were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "console_session",
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created", time, nullable=False),
        sa.Column("expires", time, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_console_session"),
    )
    op.create_table(
        "console_token",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created", time, nullable=False),
        sa.Column("expires", time, nullable=False),
        sa.Column("revoked", time),
        sa.PrimaryKeyConstraint("id", name="pk_console_token"),
        sa.UniqueConstraint("key_hash", name="uq_console_token_key_hash"),
    )
    op.create_table(
        "console_run",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("asked", time, nullable=False),
        sa.Column("finished", time),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_console_run"),
    )
    op.create_table(
        "sent_notice",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("sent", time, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sent_notice"),
    )


def downgrade() -> None:
    for table in ("sent_notice", "console_run", "console_token", "console_session"):
        op.drop_table(table)
