"""Erasure: where a person's data stand in the store, and a mask in their place.

Incidents, articles, diagnoses that quote them, comments, names of who did what, calls to other systems, and what else
has a table: every text of every table is looked at, so that a table that is added later is not forgotten. Records go
through the sequence of changes, so that every replica's history and index learn of it.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database
from diagnosis.store.records import Records
from diagnosis.times import utc_now

MASK = "<PERSON>"
ERASED = "person.erase"  # what the audit log calls it
# Sign-ins are no records, and the audit log is refused every change by the database itself: what stands there stays.
_NOT_ERASED = frozenset({"counters", "api_keys", "sessions", "key_use", "subscriptions", "audit"})
KEPT = ("audit", "subscriptions", "api_keys")  # of those, what is looked at, so that it can be named
_UNWATCHED = timedelta(seconds=60)  # longer than who watches believes to hold the watch without looking
_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_SHORTEST = 2  # characters of a name
_CHINESE = re.compile("(?<=[\u3400-\u9fff])(?=[\u3400-\u9fff])")  # where a form may fill up with spaces
# Scripts without spaces between words, and Korean, whose particles follow a name: Thai and its like, kana, Han, Hangul.
_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u318f\u31f0-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_WITHOUT_SPACES}]")
# Letters and digits of any other alphabet, and the marks that may follow a letter in place of an accented one.
_MARKS = "".join(chr(code) for code in range(0x300, 0x2100) if unicodedata.category(chr(code)).startswith("M"))
_BEGIN, _END = (rf"({look}[^\W_{_WITHOUT_SPACES}])({look}[{_MARKS}])" for look in ("?<!", "?!"))
_CHUNK = 500  # rows


class Person:
    """The names by which a person is known: as they stand, in any case and width, however they are spaced.

    Parameters
    ----------
    names : sequence of str
        Such as a mail address, a sign-in and a name. A name is found as a whole word, but one in Chinese, Japanese,
        Korean or another script without spaces anywhere. A line may end between two words of a name, and spaces or a
        line end may stand between two of its Chinese characters. The same words in another order are another name,
        and so is an inflected form.

    Raises
    ------
    InputError
        If there is none, or one is shorter than two characters.

    Examples
    --------
    >>> Person(["Li Lei", "王小明"]).erased({"text": "LI LEI asked, 转王小明处理", "n": 1})
    {'text': '<PERSON> asked, 转<PERSON>处理', 'n': 1}
    """

    def __init__(self, names: Sequence[str]) -> None:
        folded = sorted({_folded(name.strip()) for name in names}, key=len, reverse=True)
        if not folded or len(folded[-1]) < _SHORTEST:
            raise InputError(Phrase("erased_name_too_short", {"least": _SHORTEST, "value": repr(list(names))}))
        # A mask stays as it is, whatever the person is called.
        self._pattern = re.compile("|".join([f"(?-i:{MASK})", *map(_whole, folded)]), re.IGNORECASE)

    def erased(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value with a mask wherever the person is named; the same object if that is nowhere."""
        if isinstance(value, str):
            return self._erased_text(value)
        if isinstance(value, Mapping):
            masked = {self._erased_key(name): self.erased(item) for name, item in value.items()}
            return masked if masked != value else value
        if isinstance(value, list | tuple):
            items = [self.erased(item) for item in value]
            return items if items != list(value) else value
        return value

    def _erased_key(self, name: str) -> str:
        # Such as the item of a count; what the program itself calls its fields is no person.
        return name if _FIELD.fullmatch(name) else self._erased_text(name)

    def _erased_text(self, text: str) -> str:
        masked = self._pattern.sub(MASK, text)
        folded = _folded(masked)  # full-width letters, and letters written as base and accent
        folded_masked = self._pattern.sub(MASK, folded)
        masked = folded_masked if folded_masked != folded else masked
        return masked if masked != text else text


def erase_person(
    database: Database, person: Person, *, dry_run: bool = False, on_rows: Callable[[int], object] = lambda _rows: None
) -> dict[str, list[str]]:
    """Put a mask wherever the store names a person.

    Parameters
    ----------
    database : Database
    person : Person
    dry_run : bool
        Whether only to look.
    on_rows : callable
        Called with how many rows were looked at since the last call.

    Returns
    -------
    dict of str to list of str
        Table to the keys of the rows that name the person; of those in `KEPT`, which are never changed, the rows that
        still do.
    """
    touched: dict[str, list[str]] = {}
    for table in tables.metadata.sorted_tables:
        if table.name in _NOT_ERASED - set(KEPT):
            continue
        changes_nothing = dry_run or table.name in _NOT_ERASED
        if keys := list(_erase_table(database, table, person, changes_nothing, on_rows)):
            touched[table.name] = keys
    if watches := _end_watches(database, person, dry_run):
        touched["watch_states"] = watches
    return touched


def count_rows(database: Database) -> int:
    """Return how many rows `erase_person` looks at."""
    with database.read() as connection:
        return sum(
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables.metadata.sorted_tables
            if table.name not in _NOT_ERASED - set(KEPT)
        )


def _erase_table(
    database: Database, table: sa.Table, person: Person, changes_nothing: bool, on_rows: Callable[[int], object]
) -> Iterator[str]:
    columns = [column for column in table.columns if _holds_text(column)]
    key = list(table.primary_key.columns)
    for rows in _chunks(database, table, key, columns):
        keys = [tuple(row._mapping[c] for c in key) for row in rows if _changes(row, columns, person)]
        if keys and not changes_nothing:
            _write(database, table, keys, columns, person)
        yield from ("/".join(map(str, values)) for values in keys)
        on_rows(len(rows))


def _changes(row: sa.Row[Any], columns: Sequence[sa.Column[Any]], person: Person) -> dict[str, Any]:
    values = {column.name: row._mapping[column] for column in columns}
    masked = {name: person.erased(value) for name, value in values.items()}
    return {name: value for name, value in masked.items() if value is not values[name]}


def _end_watches(database: Database, person: Person, dry_run: bool) -> list[str]:
    """Take what a watch remembers away where it names the person, so that it learns anew from what is stored then.

    The process that watches loses its hold too: it would write down again what it has in memory.
    """
    t = tables.watch_states
    with database.read() as connection:
        rows = connection.execute(sa.select(t.c.name, t.c.state).where(t.c.state.is_not(None))).all()
    names = [row.name for row in rows if _remembers(row.state, person)]
    if names and not dry_run:
        with database.write() as connection:
            values = {"state": None, "saved_at": None, "holder": "", "until": utc_now() + _UNWATCHED}
            connection.execute(sa.update(t).where(t.c.name.in_(names)).values(values))
    return names


def _remembers(state: bytes, person: Person) -> bool:
    try:
        content = json.loads(zlib.decompress(state))
    except (ValueError, zlib.error):  # nobody can go on from it, and whoever watches writes another
        return False
    return bool(person.erased(content) != content)


def _rehashed(changed: Mapping[str, Any]) -> dict[str, str]:
    return {"content_hash": sha256(changed["content"].encode()).hexdigest()} if "content" in changed else {}


def _write(
    database: Database,
    table: sa.Table,
    keys: Sequence[tuple[Any, ...]],
    columns: Sequence[sa.Column[Any]],
    person: Person,
) -> None:
    """Mask rows as they are now: what others wrote since they were looked at stays, and what they deleted is gone."""
    if table in (tables.incidents, tables.articles):
        Records(database, table).change([values[0] for values in keys], person.erased)
        return
    with database.write() as connection:
        for values in keys:
            matches = [column == value for column, value in zip(table.primary_key.columns, values, strict=True)]
            row = connection.execute(sa.select(*columns).where(*matches).with_for_update()).one_or_none()
            if changed := _changes(row, columns, person) if row is not None else {}:
                if table is tables.reviews:  # a review stays what was finished, but for the mask
                    changed |= _rehashed(changed)
                connection.execute(sa.update(table).where(*matches).values(changed))


def _chunks(
    database: Database, table: sa.Table, key: Sequence[sa.Column[Any]], columns: Sequence[sa.Column[Any]]
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Return every row in order of its key, some at a time: a reader that stays open would hold SQLite's log."""
    chosen = dict.fromkeys([*key, *columns])
    statement = sa.select(*chosen).order_by(*key).limit(_CHUNK)
    if table in (tables.incidents, tables.articles):
        statement = statement.where(table.c.deleted.is_(False))
    after: tuple[Any, ...] | None = None
    while True:
        page = statement if after is None else statement.where(sa.tuple_(*key) > sa.tuple_(*after))
        with database.read() as connection:
            rows = connection.execute(page).all()
        if rows:
            yield rows
        if len(rows) < _CHUNK:
            return
        after = tuple(rows[-1]._mapping[column] for column in key)


def _holds_text(column: sa.Column[Any]) -> bool:
    is_text = isinstance(column.type, sa.String | sa.JSON)
    return is_text and not column.primary_key and not column.foreign_keys and not column.unique


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _whole(name: str) -> str:
    # What is written without spaces stands beside a Latin word without one, too, and is no part of it.
    begin, end = ("" if _UNSPACED.match(edge) else bound for edge, bound in ((name[0], _BEGIN), (name[-1], _END)))
    spaced = r"\s+".join(_CHINESE.sub(r"\\s*", re.escape(word)) for word in name.split())
    return f"{begin}{spaced}{end}"
