"""What runs noticed to have changed, and the kinds of devices whose events exclusions suppressed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("run_id", sa.BigInteger, nullable=False),
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "exclusion_id", "kind", name="pk_drift"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_drift_run_id"), ondelete="CASCADE"),
    )
    op.create_table(
        "device_kind",
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("exclusion_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_seen", time, nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "exclusion_id", "name", name="pk_device_kind"),
    )


def downgrade() -> None:
    op.drop_table("device_kind")
    op.drop_table("drift")
