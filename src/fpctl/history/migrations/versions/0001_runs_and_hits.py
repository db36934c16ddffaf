"""Runs and hits, and the versions of rules and exclusions that they saw."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up only a column of exactly the type INTEGER.
identity = sa.BigInteger().with_variant(sa.Integer, "sqlite")
time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rule_version",
        sa.Column("id", identity, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("first_seen", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_version"),
        sa.UniqueConstraint("rule_id", "content_hash", name="uq_rule_version_rule_id_content_hash"),
    )
    op.create_table(
        "exclusion_version",
        sa.Column("id", identity, nullable=False),
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("first_seen", time, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exclusion_version"),
        sa.UniqueConstraint("exclusion_id", "content_hash", name="uq_exclusion_version_exclusion_id_content_hash"),
    )
    op.create_table(
        "run",
        sa.Column("id", identity, nullable=False),
        sa.Column("rule_version_id", sa.BigInteger, nullable=False),
        sa.Column("rule_name", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started", time, nullable=False),
        sa.Column("finished", time, nullable=False),
        sa.Column("range_start", time),
        sa.Column("range_end", time),
        sa.Column("tuned_hash", sa.Text),
        sa.Column("rows_before", sa.BigInteger),
        sa.Column("rows_suppressed", sa.BigInteger),
        sa.Column("result_rows", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.ForeignKeyConstraint(["rule_version_id"], ["rule_version.id"], name="fk_run_rule_version_id"),
        sa.CheckConstraint("status IN ('ok', 'failed', 'partial', 'cancelled')", name=op.f("ck_run_status")),
        sa.CheckConstraint("(status = 'ok') = (error IS NULL)", name=op.f("ck_run_error")),
        sa.CheckConstraint(
            "rows_before >= 0 AND rows_suppressed >= 0 AND result_rows >= 0", name=op.f("ck_run_counts")
        ),
    )
    op.create_index("ix_run_rule_version_id_started", "run", ["rule_version_id", "started"])
    op.create_index("ix_run_started", "run", ["started"])
    op.create_table(
        "hit",
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("exclusion_version_id", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("unique_rows", sa.BigInteger),
        sa.Column("first_event", time),
        sa.Column("last_event", time),
        sa.PrimaryKeyConstraint("run_id", "exclusion_version_id", name="pk_hit"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_hit_run_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["exclusion_version_id"], ["exclusion_version.id"], name="fk_hit_exclusion_version_id"),
        sa.CheckConstraint("rows >= 0 AND unique_rows >= 0 AND unique_rows <= rows", name=op.f("ck_hit_counts")),
        sa.CheckConstraint(
            "rows IS NOT NULL OR (unique_rows IS NULL AND first_event IS NULL AND last_event IS NULL)",
            name=op.f("ck_hit_unknown"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_hit_exclusion_version_id", "hit", ["exclusion_version_id"])


def downgrade() -> None:
    for table in ("hit", "run", "exclusion_version", "rule_version"):
        op.drop_table(table)
