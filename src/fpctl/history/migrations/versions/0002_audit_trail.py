"""The audit trail: its entries, its head, and what exclusions said last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

time = sa.DateTime(timezone=True)
genesis = "0" * 64

# The trail only grows. That keeps slips out, not somebody who may drop triggers: for them there is the chain.
refuse_sqlite = """\
CREATE TRIGGER trail_keeps_{verb} BEFORE {verb} ON trail
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END"""
refuse_postgresql = """\
CREATE FUNCTION fpctl_trail_only_grows() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit trail only grows'; END $$"""
trigger_postgresql = """\
CREATE TRIGGER trail_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON trail
FOR EACH STATEMENT EXECUTE FUNCTION fpctl_trail_only_grows()"""


def upgrade() -> None:
    op.create_table(
        "trail",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("after_hash", sa.Text),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_trail"),
        sa.CheckConstraint("number >= 1", name=op.f("ck_trail_number")),
    )
    op.create_index("ix_trail_exclusion_id_number", "trail", ["exclusion_id", "number"])
    op.create_index("ix_trail_at", "trail", ["at"])
    head = op.create_table(
        "trail_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trail_head"),
        sa.CheckConstraint("id = 1", name=op.f("ck_trail_head_single")),
    )
    op.bulk_insert(head, [{"id": 1, "entries": 0, "hash": genesis}])
    op.create_table(
        "definition",
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("paths", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("exclusion_id", name="pk_definition"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(refuse_sqlite.format(verb=verb))
    else:
        op.execute(refuse_postgresql)
        op.execute(trigger_postgresql)


def downgrade() -> None:
    for table in ("definition", "trail_head", "trail"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION fpctl_trail_only_grows()")
