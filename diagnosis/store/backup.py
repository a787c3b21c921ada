"""Copies of a store: written while it is in use, and put back into a new place."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from diagnosis.errors import InputError, StoreError
from diagnosis.phrases import Phrase
from diagnosis.store.database import Database

SQLITE_FILE, POSTGRESQL_FILE = "store.db", "store.dump"


def back_up_store(url: str, folder: Path) -> Path:
    """Write one moment of a store, whole transactions only, into a folder and return the file.

    Raises
    ------
    InputError
        If there is no store, or PostgreSQL's ``pg_dump`` is not installed.
    StoreError
        If the copy could not be written.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            if not Path(database.url.database or "").is_file():
                raise InputError(Phrase("store_missing", {"address": url}))
            database.backup(folder / SQLITE_FILE)
            return folder / SQLITE_FILE
        target = folder / POSTGRESQL_FILE
        _run("pg_dump", database.url, "--format=custom", f"--file={target}")
        return target
    finally:
        database.close()


def restore_store(file: Path, url: str) -> None:
    """Put a copy that `back_up_store` wrote into a place where there is no store yet.

    Raises
    ------
    InputError
        If the copy is of another kind of database than the URL, or a store is there.
    StoreError
        If the copy is damaged or could not be put back.
    """
    database = Database(url)
    expected = SQLITE_FILE if database.is_sqlite else POSTGRESQL_FILE
    if file.name != expected:
        raise InputError(Phrase("copy_of_other_database", {"expected": expected, "file": file.name}))
    try:
        if database.is_sqlite:
            _restore_file(file, Path(database.url.database or ""))
        else:
            with database.read() as connection:
                if sa.inspect(connection).has_table("alembic_version"):
                    raise InputError(Phrase("database_not_empty"))
            _run("pg_restore", database.url, "--single-transaction", "--exit-on-error", "--no-owner", file=file)
    finally:
        database.close()


def _restore_file(file: Path, target: Path) -> None:
    if target.exists():
        raise InputError(Phrase("store_present", {"path": str(target)}))
    # Left over from another store of that name, they would be taken for the newest commits of this one.
    for log in ("-wal", "-shm"):
        target.with_name(target.name + log).unlink(missing_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(file, partial)
    with sqlite3.connect(partial) as connection:
        verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
    connection.close()
    if verdict != "ok":
        partial.unlink()
        raise StoreError(Phrase("copy_damaged", {"path": str(file), "fault": verdict}))
    partial.replace(target)


def _run(program: str, url: URL, *options: str, file: Path | None = None) -> None:
    # The password goes through the environment: arguments can be read by everyone on the machine. libpq takes it from
    # the query of an address, too.
    password = url.password or url.query.get("password")
    query = {name: value for name, value in url.query.items() if name != "password"}
    plain = URL.create("postgresql", url.username, host=url.host, port=url.port, database=url.database, query=query)
    address = plain.render_as_string(hide_password=False)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    arguments = [program, *options, f"--dbname={address}", *([str(file)] if file else [])]
    try:
        subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment)  # noqa: S603 - our own
    except FileNotFoundError as error:
        raise InputError(Phrase("postgresql_program_missing", {"program": program})) from error
    except subprocess.CalledProcessError as error:
        fault = error.stderr.strip().splitlines()[-1] if error.stderr else ""
        raise StoreError(Phrase("postgresql_program_failed", {"program": program, "fault": fault})) from error
