"""What people said of alerts and incidents: whether an alert belongs to an incident."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alert_verdicts",
        sa.Column("alert", sa.String(length=255), nullable=False),
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("belongs", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("alert", "incident"),
    )
    op.create_index("ix_alert_verdicts_incident", "alert_verdicts", ["incident"])
    op.create_index("ix_alert_verdicts_at", "alert_verdicts", ["at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("alert_verdicts")
