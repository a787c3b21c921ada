"""Database: one SQLAlchemy engine over SQLite or PostgreSQL, its transactions, migrations, health and backup."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from diagnosis.errors import FaultwiseError, InputError, StoreError
from diagnosis.phrases import Phrase
from diagnosis.store import tables

T = TypeVar("T")

BUSY_SECONDS = 10  # how long a write waits for another one
STATEMENT_SECONDS = 60  # how long PostgreSQL may work on one statement
# How long it may say nothing: it ends a statement by itself, unless it hangs.
SILENT_SECONDS = STATEMENT_SECONDS + BUSY_SECONDS
POOL_SIZE = 8
# Any number will do, so long as every replica takes the same one while it migrates.
_MIGRATION_LOCK = 0x0FA17715E
_CHUNK = 500  # values of one statement; SQLite binds at most 32,766
_WRITES = "faultwise_writes"
_MIGRATIONS = Path(__file__).parent / "migrations"


class RecordNotFoundError(FaultwiseError, LookupError):
    """What was asked for is not in the store."""


class ConflictError(FaultwiseError):
    """The change collides with one that was made before it."""


class Database:
    """A database that commits before it returns, and says `StoreError` when it cannot.

    Parameters
    ----------
    url : str
        ``sqlite:///var/faultwise.db`` or ``postgresql://user@host/name``.
    busy_seconds : float
        How long to wait for a lock that another writer holds, and for a free connection.
    silent_seconds : float
        How long PostgreSQL may say nothing in the middle of an operation.

    Raises
    ------
    InputError
        If the URL is neither.
    """

    def __init__(self, url: str, busy_seconds: float = BUSY_SECONDS, silent_seconds: float = SILENT_SECONDS) -> None:
        self.url = _checked(url)
        self.engine = _engine(self.url, busy_seconds, silent_seconds)
        self._transaction: ContextVar[Connection | None] = ContextVar("transaction", default=None)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is one file on this machine."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state (SQLite) or committed rows (PostgreSQL)."""
        if (joined := self._transaction.get()) is not None:
            yield joined
            return
        with _as_store_error(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose changes are on disk when the block ends, all or none.

        Inside a `transaction` they are on disk when that ends.
        """
        if (joined := self._transaction.get()) is not None:
            yield joined
            return
        with _as_store_error(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let every read and write of this thread inside the block be one transaction: all or none."""
        with self.write() as connection:
            token = self._transaction.set(connection)
            try:
                yield
            finally:
                self._transaction.reset(token)

    def ping(self) -> None:
        """Raise `StoreError` unless the database answers."""
        with self.read() as connection:
            connection.execute(sa.text("SELECT 1"))

    def migrate(self, line: str = "migrations") -> None:
        """Bring the tables of one line of migrations up to date; safe when several replicas start at once."""
        with self.write() as connection, self._without_limits(connection):
            if line != _MIGRATIONS.name or _version(connection) != _newest():
                _upgrade(connection, line)

    @contextmanager
    def _without_limits(self, connection: Connection) -> Iterator[None]:
        """Let a migration, or waiting for another replica's, take as long as it takes."""
        if self.is_sqlite:  # the write transaction itself keeps the others out
            yield
            return
        driver: Any = connection.connection.driver_connection
        seconds, driver.silent_seconds = driver.silent_seconds, math.inf
        try:
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            yield
        finally:
            driver.silent_seconds = seconds

    def check(self) -> None:
        """Make sure, changing nothing, that a store of this program's version is there.

        Raises
        ------
        InputError
            If there is no such file, or no tables of ours, or those of another version.
        StoreError
            If it cannot be read.
        """
        address = self.url.render_as_string(hide_password=True)
        if self.is_sqlite and not Path(self.url.database or "").is_file():
            raise InputError(Phrase("store_missing", {"address": address}))
        with self.read() as connection:
            version = _version(connection)
        expected = _newest()
        if version != expected:
            values = {"expected": expected, "address": address, "version": version}
            raise InputError(Phrase("store_without_tables" if version is None else "store_of_other_version", values))

    def backup(self, target: Path) -> None:
        """Write a consistent copy of a SQLite database while it is in use.

        Raises
        ------
        InputError
            If the database is PostgreSQL (``pg_dump`` is its tool) or `target` exists.
        StoreError
            If it cannot be written.
        """
        if not self.is_sqlite:
            raise InputError(Phrase("sqlite_expected"))
        if target.exists():
            raise InputError(Phrase("backup_file_present", {"path": str(target)}))
        connection = self.engine.raw_connection()  # past SQLAlchemy, whose BEGIN a VACUUM would refuse
        try:
            connection.cursor().execute("VACUUM INTO ?", (str(target),))
        except sqlite3.Error as error:
            raise StoreError(Phrase("backup_not_written", {"fault": str(error)})) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _version(connection: Connection) -> str | None:
    """Return the version of the tables, None where there are none of ours."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return version


def _newest() -> str:
    """Return the version that the migrations lead to: their files are named by it."""
    return max(path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: Connection, line: str) -> None:
    from alembic import command  # noqa: PLC0415 - a quarter of a second, which the usual start does without
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS.parent / line))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


_TAKE_SEQUENCES = (
    sa.update(tables.counters)
    .where(tables.counters.c.name == "changes")
    .values(value=tables.counters.c.value + sa.bindparam("count"))
    .returning(tables.counters.c.value)
)


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield values in parts that one statement may name; a database takes some thousands."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def take_sequences(connection: Connection, count: int) -> int:
    """Take `count` numbers from the change counter and return the first; later writers wait for this commit."""
    return int(connection.execute(_TAKE_SEQUENCES, {"count": count}).scalar_one()) - count + 1


def upsert(table: sa.Table, connection: Connection, rows: Sequence[dict[str, Any]], keep: Sequence[str] = ()) -> None:
    """Insert rows, replacing all but the key and the columns in `keep` of those that are there."""
    if rows:
        connection.execute(_replacing(table, connection.dialect.name, tuple(keep)), rows)


def insert_unknown(table: sa.Table, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert those rows whose key, or another unique value, is not there yet."""
    if rows:
        connection.execute(_passing_over(table, connection.dialect.name), rows)


def insert_new(table: sa.Table, connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Do as `insert_unknown`, and return how many rows were inserted."""
    if not rows:
        return 0
    statement = _passing_over(table, connection.dialect.name).returning(*table.primary_key)
    return sum(connection.execute(statement, row).first() is not None for row in rows)


# To put such a statement together takes longer than to execute it.
@cache
def _replacing(table: sa.Table, dialect: str, keep: tuple[str, ...]) -> Any:  # noqa: ANN401
    statement = _insert(table, dialect)
    keys = [column.name for column in table.primary_key]
    changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in (*keys, *keep)}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


@cache
def _passing_over(table: sa.Table, dialect: str) -> Any:  # noqa: ANN401
    return _insert(table, dialect).on_conflict_do_nothing()


def _insert(table: sa.Table, dialect: str) -> Any:  # noqa: ANN401 - the dialects' inserts share no type
    """Return the dialect's own INSERT, which knows what to do on a conflict."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as for_postgresql  # noqa: PLC0415

        return for_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as for_sqlite  # noqa: PLC0415

    return for_sqlite(table)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise InputError(Phrase("database_url_wrong", {"value": url})) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise InputError(Phrase("database_of_other_kind", {"value": backend}))
    return parsed


def _engine(url: URL, busy_seconds: float, silent_seconds: float) -> Engine:
    if url.get_backend_name() == "postgresql":
        from diagnosis.store.postgresql import connect, connect_arguments  # noqa: PLC0415 - psycopg is an extra

        engine = sa.create_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=busy_seconds,
            pool_pre_ping=True,
            connect_args=connect_arguments(busy_seconds),
        )
        sa.event.listen(engine, "do_connect", lambda _d, _r, args, options: connect(silent_seconds, *args, **options))
        sa.event.listen(engine, "connect", partial(_prepare_postgresql, busy_seconds))
        return engine
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_timeout=busy_seconds,
        poolclass=sa.QueuePool,
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgresql(busy_seconds: float, connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    # Without them a write waits for a held lock without end, and whoever asked waits with it.
    autocommit, connection.autocommit = connection.autocommit, True  # else a rollback would undo the setting
    connection.execute(f"SET lock_timeout = {int(busy_seconds * 1000)}")
    connection.execute(f"SET statement_timeout = {STATEMENT_SECONDS * 1000}")
    connection.autocommit = autocommit


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    connection.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE waits for the write lock now; an upgrade in mid-transaction would fail at once instead of waiting.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(Phrase("change_refused", {"fault": _first_line(error)})) from error
    except DataError as error:  # such as a NUL, which PostgreSQL refuses: to try again would not help
        raise InputError(Phrase("value_not_storable", {"fault": _first_line(error)})) from error
    except DBAPIError as error:
        raise StoreError(Phrase("database_failed", {"fault": _first_line(error)})) from error
    except PoolTimeoutError as error:
        raise StoreError(Phrase("no_connection_free")) from error


def _first_line(error: DBAPIError) -> str:
    # The statement and its parameters may hold what a person wrote; the driver's own first line does not.
    return str(error.orig).partition("\n")[0]
