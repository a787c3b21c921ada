"""What was announced of clocks, so that each is announced once."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "clock_announcements",
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("clock", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("incident", "clock", "standing"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("clock_announcements")
