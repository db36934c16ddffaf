"""An entry of the trail cannot be replaced either: SQLite's INSERT OR REPLACE runs no trigger for DELETE."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

refuse_replacing = """\
CREATE TRIGGER trail_keeps_INSERT BEFORE INSERT ON trail
WHEN EXISTS (SELECT 1 FROM trail WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(refuse_replacing)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER trail_keeps_INSERT")
