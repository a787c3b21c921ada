"""The table of vectors, and the extension that compares them."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it. The vectors' length is that of a release, so that the column leaves it open."""
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "vectors",
        sa.Column("index", sa.String(length=255), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("vector", Vector(), nullable=False),
        sa.PrimaryKeyConstraint("index", "id"),
    )


def downgrade() -> None:
    """Drop it; the extension may serve others."""
    op.drop_table("vectors")
