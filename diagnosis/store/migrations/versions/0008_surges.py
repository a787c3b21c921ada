"""Surges with what they join, the state of who watches, alerts, changes, the service map and maintenance windows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "surges",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scope_kind", sa.String(length=16), nullable=False),
        sa.Column("scope_value", sa.Text(), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("latest", time, nullable=False),
        sa.Column("over_at", time, nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("window", sa.Float(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("course", sa.JSON(), nullable=False),
        sa.Column("declared_at", time, nullable=True),
        sa.Column("declared_by", sa.String(length=255), nullable=False),
        sa.Column("dismissed_at", time, nullable=True),
        sa.Column("dismissed_by", sa.String(length=255), nullable=False),
        sa.Column("ended_by", sa.String(length=255), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", time, nullable=True),
        sa.Column("answered_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_surges_at", "surges", ["at"])
    op.create_index("ix_surges_over_at", "surges", ["over_at"])
    op.create_table(
        "surge_incidents",
        sa.Column("surge", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("is_alert", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("surge", "number"),
    )
    op.create_index("ix_surge_incidents_number", "surge_incidents", ["number"])
    op.create_table(
        "watch_states",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("until", time, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("saved_at", time, nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("started_at", time, nullable=False),
        sa.Column("latest_at", time, nullable=False),
        sa.Column("ended_at", time, nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("cmdb_ci", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("ix_alerts_fault", "alerts", ["name", "cmdb_ci", "service", "latest_at"])
    op.create_index("ix_alerts_started_at", "alerts", ["started_at"])
    op.create_table(
        "change_records",
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("at", time, nullable=True),
        sa.Column("cmdb_ci", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_change_records_item", "change_records", ["cmdb_ci", "at"])
    op.create_index("ix_change_records_service", "change_records", ["service", "at"])
    op.create_table(
        "service_map",
        sa.Column("item", sa.String(length=255), nullable=False),
        sa.Column("needs", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("item", "needs"),
    )
    op.create_table(
        "maintenance_windows",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("starts_at", time, nullable=False),
        sa.Column("ends_at", time, nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_maintenance_windows_ends_at", "maintenance_windows", ["ends_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_maintenance_windows_ends_at", table_name="maintenance_windows")
    op.drop_index("ix_change_records_service", table_name="change_records")
    op.drop_index("ix_change_records_item", table_name="change_records")
    op.drop_index("ix_alerts_started_at", table_name="alerts")
    op.drop_index("ix_alerts_fault", table_name="alerts")
    op.drop_index("ix_surge_incidents_number", table_name="surge_incidents")
    op.drop_index("ix_surges_over_at", table_name="surges")
    op.drop_index("ix_surges_at", table_name="surges")
    op.drop_table("maintenance_windows")
    op.drop_table("service_map")
    op.drop_table("change_records")
    op.drop_table("alerts")
    op.drop_table("watch_states")
    op.drop_table("surge_incidents")
    op.drop_table("surges")
