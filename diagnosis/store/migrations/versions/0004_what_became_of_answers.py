"""First answers beside what was right in the end, and certificates that live data took back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; what was stored before is not gone through again."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "observations",
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("shadow", sa.String(length=255), nullable=False),
        sa.Column("release", sa.String(length=255), nullable=False),
        sa.Column("predicted_at", time, nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("seconds_in_service", sa.Float(), nullable=True),
        sa.Column("truth", sa.Text(), nullable=True),
        sa.Column("taken_back", sa.Boolean(), nullable=False),
        sa.Column("settled_at", time, nullable=True),
        sa.PrimaryKeyConstraint("incident", "target", "shadow"),
    )
    op.create_index("ix_observations_release", "observations", ["release", "shadow", "predicted_at"])
    op.create_table(
        "revocations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("release", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("release", "target", "value"),
    )
    counters = sa.table("counters", sa.column("name", sa.String), sa.column("value", sa.BigInteger))
    last = sa.select(sa.literal("settled"), counters.c.value).where(counters.c.name == "changes")
    op.execute(sa.insert(counters).from_select(["name", "value"], last))


def downgrade() -> None:
    """Drop them."""
    op.execute("DELETE FROM counters WHERE name = 'settled'")
    op.drop_table("revocations")
    op.drop_index("ix_observations_release", table_name="observations")
    op.drop_table("observations")
