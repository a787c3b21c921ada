"""The order in which surges were announced and verdicts on alerts given, whatever the clock said."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEYS = {"surges": ("id",), "alert_verdicts": ("alert", "incident")}


def upgrade() -> None:
    """Add the columns; what is stored keeps the order of its times, below all that comes."""
    for name, key in _KEYS.items():
        op.add_column(name, sa.Column("sequence", sa.BigInteger(), nullable=True))
        _number(name, key)
        with op.batch_alter_table(name) as table:
            table.alter_column("sequence", existing_type=sa.BigInteger(), nullable=False)
            table.drop_index(f"ix_{name}_at")
            table.create_index(f"ix_{name}_sequence", ["sequence"])


def downgrade() -> None:
    """Drop them."""
    for name in _KEYS:
        with op.batch_alter_table(name) as table:
            table.drop_index(f"ix_{name}_sequence")
            table.create_index(f"ix_{name}_at", ["at"])
            table.drop_column("sequence")


def _number(name: str, key: tuple[str, ...]) -> None:
    connection = op.get_bind()
    table = sa.table(name, sa.column("at"), sa.column("sequence"), *map(sa.column, key))
    columns = [table.c[column] for column in key]
    rows = connection.execute(sa.select(*columns).order_by(table.c.at, *columns)).all()
    if not rows:
        return
    matches = [table.c[column] == sa.bindparam(f"key_{column}") for column in key]
    statement = sa.update(table).where(*matches).values(sequence=sa.bindparam("place"))
    keys = [{f"key_{column}": value for column, value in zip(key, row, strict=True)} for row in rows]
    connection.execute(statement, [{**values, "place": place - len(rows)} for place, values in enumerate(keys)])
