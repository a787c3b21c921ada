"""Page: some records as a system answers them, and where the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]
Cursor = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Page:
    """Some records.

    Attributes
    ----------
    records : list of mapping
        Under names that the system's preset knows; a value may be nested, as in a JSON export.
    cursor : mapping of str to str or int
        Where to go on after these records.
    total : int or None
        Records in all, if the system says so.
    """

    records: list[dict[str, Any]]
    cursor: Cursor
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which records are read.

    Attributes
    ----------
    filter : str
        A filter in the system's own language; ``""`` asks for everything.
    since : str
        Only records changed at or after this moment (ISO 8601, UTC); ``""`` for all. More may come.
    fields : tuple of str
        Fields of theirs beside those that the preset knows.
    """

    filter: str = ""
    since: str = ""
    fields: tuple[str, ...] = field(default=())


def in_order_of_id(
    fetch: Callable[[int], list[dict[str, Any]]], key: str, size: int, cursor: Cursor
) -> Iterator[tuple[list[dict[str, Any]], Cursor]]:
    """Yield the records of numbered pages that are sorted by an id, each record once.

    Numbered pages shift when records before them are deleted. So a page is asked for until it brings nothing new, and
    one that begins behind the last id seen (after a long break) is left for the page before it.

    Parameters
    ----------
    fetch : callable
        Returns the page of a number, first page 0.
    key : str
        Name of the id.
    size : int
        Records of a full page.
    cursor : mapping
        ``page`` and ``id`` as yielded before, or empty.
    """
    number, last = int(cursor.get("page", 0)), int(cursor.get("id", 0))
    records = fetch(number)
    while number and (not records or int(records[0][key]) > last):
        number -= 1
        records = fetch(number)
    while True:
        new = [record for record in records if int(record[key]) > last]
        if new:
            last = int(new[-1][key])
            yield new, {"page": number, "id": last}
        elif len(records) < size:
            return
        else:
            number += 1
        records = fetch(number)
