"""Records out of the service's own store: incidents as they ended, with what people corrected, articles and feedback.

What a person said of an incident wins over what its record holds: an overridden or accepted value is the label, and a
value that was taken back is never one. Times, reopening and resolution are those of the record's latest update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from diagnosis.decisions import HumanDecisions
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.routing.labels import label_key
from diagnosis.store import Store
from diagnosis.store.changes import ChangeCursor
from diagnosis.store.feedback import Feedback
from diagnosis.store.records import Record, Records

_PAGE = 2_000


@dataclass(frozen=True)
class Stored:
    """What a store knows.

    Attributes
    ----------
    incidents, articles : DataFrame
        Canonical frames, in order of number.
    feedback : tuple of Feedback
        What people said of suggestions and did not take back, oldest first.
    corrected : int
        Values of incidents that a person's word replaced or took out.
    cursor : ChangeCursor, optional
        How far the store had come when it was read.
    """

    incidents: pd.DataFrame
    articles: pd.DataFrame
    feedback: tuple[Feedback, ...] = field(default=())
    corrected: int = 0
    cursor: ChangeCursor | None = None


def load_stored(url: str) -> Stored:
    """Read what a store knows.

    Raises
    ------
    InputError
        If there is no database of ours at `url`.
    StoreError
        If it cannot be read.
    """
    store = Store(url)
    try:
        store.database.check()
        return read_stored(store)
    finally:
        store.close()


def read_stored(store: Store) -> Stored:
    """Read what an open store knows."""
    cursor = store.changes.cursor()  # first: what comes while the records are read is heard again, which does no harm
    decisions = store.feedback.decisions()
    rows, corrected = [], 0
    for record in _all(store.incidents):
        body, changes = _corrected(record.body, decisions.get(record.number))
        corrected += changes
        rows.append({**body, "number": record.number})
    _date(rows, store)
    articles = [{**record.body, "number": record.number} for record in _all(store.articles)]
    return Stored(
        as_frame(_frame(rows)),
        as_knowledge_frame(_frame(articles)),
        tuple(entry for entry in store.feedback.all() if entry.suggestion is not None),
        corrected,
        cursor,
    )


def _all(records: Records) -> Iterator[Record]:
    last_number = None
    while page := records.page(_PAGE, last_number):
        yield from page
        last_number = page[-1].number


def _corrected(body: Mapping[str, Any], people: HumanDecisions | None) -> tuple[dict[str, Any], int]:
    """Return the fields of an incident as people left them, and how many that changed."""
    ours = dict(body)
    if people is None:
        return ours, 0
    for target, reverted in people.reverted.items():
        if label_key(str(ours.get(target) or "")) in {label_key(value) for value in reverted}:
            ours[target] = ""
    ours |= people.decided
    return ours, sum((ours.get(name) or "") != (body.get(name) or "") for name in ours)


def _date(rows: list[dict[str, Any]], store: Store) -> None:
    """Date incidents that came without a time of opening by their first diagnosis, made when they were logged."""
    undated = [row for row in rows if not row.get("opened_at")]
    if undated:
        logged_at: Mapping[str, datetime] = store.diagnoses.first_diagnosed_at()
        for row in undated:
            row["opened_at"] = logged_at.get(row["number"])


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame({"number": pd.Series(dtype="str")})
