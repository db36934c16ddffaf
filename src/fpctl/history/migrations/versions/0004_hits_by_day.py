"""Hits by day, kept in addition to the hits of each run, and from which day on the latter are all there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

time = sa.DateTime(timezone=True)

# Everything of one day, from the hits that are there; the repository keeps it up from now on.
counted = """\
date(run.started), count(*), count(hit.rows), sum(hit.rows), sum(hit.unique_rows),
  min(hit.first_event), max(hit.last_event), max(CASE WHEN hit.rows > 0 THEN run.started END), max(run.started)
FROM hit JOIN run ON run.id = hit.run_id"""
columns = "day, runs, known_runs, rows, unique_rows, first_event, last_event, last_hit, last_run"
fill_rules = f"""\
INSERT INTO hit_day (exclusion_version_id, rule_version_id, rule_name, {columns})
SELECT hit.exclusion_version_id, run.rule_version_id, run.rule_name, {counted} GROUP BY 1, 2, 3, 4"""
fill_exclusions = f"""\
INSERT INTO exclusion_day (exclusion_id, {columns})
SELECT exclusion_version.exclusion_id, {counted}
JOIN exclusion_version ON exclusion_version.id = hit.exclusion_version_id GROUP BY 1, 2"""


def counts() -> list[sa.Column[Any]]:
    return [
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("known_runs", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("unique_rows", sa.BigInteger),
        sa.Column("first_event", time),
        sa.Column("last_event", time),
        sa.Column("last_hit", time),
        sa.Column("last_run", time, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "hit_day",
        sa.Column("exclusion_version_id", sa.BigInteger, nullable=False),
        sa.Column("rule_version_id", sa.BigInteger, nullable=False),
        sa.Column("rule_name", sa.Text, nullable=False),
        *counts(),
        sa.PrimaryKeyConstraint("exclusion_version_id", "rule_version_id", "rule_name", "day", name="pk_hit_day"),
        sa.ForeignKeyConstraint(
            ["exclusion_version_id"], ["exclusion_version.id"], name="fk_hit_day_exclusion_version_id"
        ),
        sa.ForeignKeyConstraint(["rule_version_id"], ["rule_version.id"], name="fk_hit_day_rule_version_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_hit_day_rule_version_id", "hit_day", ["rule_version_id"])
    op.create_table(
        "exclusion_day",
        sa.Column("exclusion_id", sa.Text, nullable=False),
        *counts(),
        sa.PrimaryKeyConstraint("exclusion_id", "day", name="pk_exclusion_day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hit_horizon",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hit_horizon"),
        sa.CheckConstraint("id = 1", name=op.f("ck_hit_horizon_single")),
    )
    op.execute(fill_rules)
    op.execute(fill_exclusions)


def downgrade() -> None:
    # Hits of runs that were rolled up and pruned are in these tables only, and go with them.
    for table in ("hit_horizon", "exclusion_day", "hit_day"):
        op.drop_table(table)
