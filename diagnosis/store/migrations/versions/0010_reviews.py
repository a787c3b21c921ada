"""Reviews as they were frozen, what became of their proposals, and what callers answered when they were asked."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("quarter", sa.String(length=8), nullable=False),
        sa.Column("data_hash", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reviews_quarter", "reviews", ["quarter"])
    op.create_table(
        "review_decisions",
        sa.Column("quarter", sa.String(length=8), nullable=False),
        sa.Column("proposal", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=True),
        sa.Column("at", time, nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("quarter", "proposal"),
    )
    op.create_table(
        "survey_answers",
        sa.Column("incident", sa.String(length=255), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("answered_at", time, nullable=False),
        sa.PrimaryKeyConstraint("incident"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("survey_answers")
    op.drop_table("review_decisions")
    op.drop_index("ix_reviews_quarter", table_name="reviews")
    op.drop_table("reviews")
