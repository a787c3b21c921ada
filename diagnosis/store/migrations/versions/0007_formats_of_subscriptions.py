"""Subscriptions of people: mail and group chats beside webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; what was subscribed before is a webhook."""
    with op.batch_alter_table("subscriptions") as table:
        table.add_column(sa.Column("format", sa.String(length=16), nullable=False, server_default="webhook"))
        table.add_column(sa.Column("language", sa.String(length=8), nullable=False, server_default="en"))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("subscriptions") as table:
        table.drop_column("language")
        table.drop_column("format")
