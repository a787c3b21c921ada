"""Vectors in PostgreSQL, compared there by pgvector: one copy for every replica, instead of one in each process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects.postgresql import ARRAY, insert

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.database import Database

Rows = npt.NDArray[np.float32]

# Not among `tables`: PostgreSQL alone has it, and only where vectors are kept.
_vectors = sa.Table(
    "vectors",
    sa.MetaData(),
    sa.Column("index", sa.String(255), primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("place", sa.BigInteger, sa.Identity(), nullable=False),
    sa.Column("vector", Vector(), nullable=False),
)
# As pgvector sends it to whoever asks for bytes: two counts, then numbers. As text it takes ten times as long to read.
_packed = sa.func.vector_send(_vectors.c.vector, type_=sa.LargeBinary()).label("packed")
_HEAD = 4  # bytes
_CHUNK = 1000
_LOCK = 0x0FA177EC


class VectorRows:
    """Unit vectors by the name of an index and an id, in order of insertion.

    Parameters
    ----------
    database : Database

    Raises
    ------
    InputError
        If it is not PostgreSQL.
    StoreError
        If the server has no pgvector, or it may not be switched on.
    """

    def __init__(self, database: Database) -> None:
        if database.is_sqlite:
            raise InputError(Phrase("pgvector_needs_postgresql"))
        self.database = database
        database.migrate("pgvector")

    def fill(self, index: str, ids: Sequence[str], vectors: Rows) -> None:
        """Store the first rows of an index, unless it has some: of several replicas, the first does it for all."""
        with self.database.write() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if connection.execute(sa.select(_vectors.c.id).where(_vectors.c.index == index).limit(1)).first() is None:
                self._put(connection, index, ids, vectors)

    def put(self, index: str, ids: Sequence[str], vectors: Rows) -> None:
        """Store rows; one that is there already with another vector counts as inserted anew."""
        with self.database.write() as connection:
            self._put(connection, index, ids, vectors)

    def remove(self, index: str, ids: Sequence[str]) -> None:
        """Remove rows; an unknown id is passed over."""
        with self.database.write() as connection:
            connection.execute(sa.delete(_vectors).where(_vectors.c.index == index, _one_of(ids)))

    def nearest(self, index: str, query: Rows, k: int) -> tuple[list[str], Rows]:
        """Return ids and vectors of the ``k`` rows nearest to a unit vector by cosine, every row compared."""
        v = _vectors.c
        statement = sa.select(v.id, _packed).where(v.index == index)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(v.vector.max_inner_product(query), v.place).limit(k)).all()
        return _unpacked(rows)

    def get(self, index: str, ids: Sequence[str]) -> tuple[list[str], Rows]:
        """Return ids and vectors of those of some rows that there are."""
        v = _vectors.c
        statement = sa.select(v.id, _packed).where(v.index == index, _one_of(ids))
        with self.database.read() as connection:
            return _unpacked(connection.execute(statement).all())

    def keep(self, prefixes: Iterable[str]) -> None:
        """Remove every index whose name begins with none of these."""
        unlisted = [sa.not_(_vectors.c.index.startswith(prefix, autoescape=True)) for prefix in prefixes]
        with self.database.write() as connection:
            connection.execute(sa.delete(_vectors).where(*unlisted))

    def _put(self, connection: sa.Connection, index: str, ids: Sequence[str], vectors: Rows) -> None:
        statement = insert(_vectors)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["index", "id"],
            set_={"vector": new.vector, "place": sa.text("nextval(pg_get_serial_sequence('vectors', 'place'))")},
            where=_vectors.c.vector != new.vector,
        )
        for start in range(0, len(ids), _CHUNK):
            stop = start + _CHUNK
            rows = [
                {"index": index, "id": name, "vector": vector}
                for name, vector in zip(ids[start:stop], vectors[start:stop], strict=True)
            ]
            connection.execute(statement, rows)


def _one_of(ids: Sequence[str]) -> sa.ColumnElement[bool]:
    return _vectors.c.id == sa.func.any(sa.literal(list(ids), ARRAY(sa.Text)))


def _unpacked(rows: Sequence[Any]) -> tuple[list[str], Rows]:
    numbers = np.frombuffer(b"".join(row.packed[_HEAD:] for row in rows), dtype=">f4").astype(np.float32)
    return [row.id for row in rows], numbers.reshape(len(rows), -1 if rows else 0)
