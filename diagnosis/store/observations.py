"""Observations: what was answered first for each incident and target, and what was right in the end.

Only the first answer counts: a later one may have seen what people decided. An incident that was resolved before it was
diagnosed is not observed, for its answer was known. What is right is what a person said last, else the value that the
incident holds once it is resolved or closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.decisions import HumanDecisions
from diagnosis.store import tables
from diagnosis.store.database import Database, chunks, insert_unknown
from diagnosis.store.feedback import decisions_on
from diagnosis.store.records import Record, Records
from diagnosis.times import as_utc, utc_now

REPORTED_ANSWERS = 50_000  # newest answers of a release that quality reports and metrics count
_NAMES = [column.name for column in tables.observations.columns]  # in the order of `Observation`
_TIMES = [_NAMES.index(name) for name in ("predicted_at", "settled_at")]
_SETTLED = "settled"  # the counter of the last change of which the truth was read off


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """What one release answered to one incident.

    Attributes
    ----------
    predictions : mapping of str to mapping
        Target to the contract's prediction.
    seconds, seconds_in_service : float or None
        Time that one diagnosis of its batch took; for a shadow, also what the release in service took.
    shadow : str
        The release, if it answered unseen beside the one in service; ``""`` for what was answered.
    """

    incident: str
    release: str
    at: datetime
    predictions: Mapping[str, Mapping[str, Any]]
    seconds: float | None = None
    seconds_in_service: float | None = None
    shadow: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """The first answer for one target of an incident, and what became of it.

    Attributes
    ----------
    value : str
        What was answered, or would have been; ``""`` for nothing.
    truth : str or None
        What was right; None while that is not known.
    taken_back : bool
        Whether a person said that ``value`` is wrong, without saying what is right.
    """

    incident: str
    target: str
    shadow: str
    release: str
    predicted_at: datetime
    decision: str
    value: str
    probability: float | None
    seconds: float | None
    seconds_in_service: float | None
    truth: str | None
    taken_back: bool
    settled_at: datetime | None


def is_resolved(record: Record | None) -> bool:
    """Tell whether a stored incident is resolved or closed."""
    return record is not None and bool(record.body.get("resolved_at") or record.body.get("closed_at"))


def observe(connection: Connection, answers: Sequence[ReleaseAnswer]) -> None:
    """Note answers to incidents that have none yet, inside a transaction that the caller has begun."""
    rows = [row for answer in answers if answer.incident for row in _rows(answer)]
    if rows:
        # In one order for all: two replicas that came the same way from both ends would wait for each other for ever.
        rows.sort(key=lambda row: (row["incident"], row["target"], row["shadow"]))
        insert_unknown(tables.observations, connection, rows)


class Observations:
    """First answers and what became of them."""

    def __init__(self, database: Database, incidents: Records) -> None:
        self.database = database
        self.incidents = incidents

    def add(self, answers: Sequence[ReleaseAnswer]) -> None:
        """Note answers to incidents that have none yet."""
        with self.database.write() as connection:
            observe(connection, answers)

    def settle(self, limit: int = 2000) -> tuple[int, bool]:
        """Read off the changes since the last time what was right.

        Several replicas may do so at once: each change is taken once, in order.

        Returns
        -------
        (int, bool)
            How many observations changed, and whether every change has been looked at.
        """
        with self.database.read() as connection:  # looking often must not keep writers waiting
            if _counter(connection, _SETTLED) >= _counter(connection, "changes"):
                return 0, True
        with self.database.write() as connection:
            settled, last = _counter(connection, _SETTLED, lock=True), _counter(connection, "changes")
            pages = [
                _changed(connection, t, column, settled, last, limit)
                for t, column in ((self.incidents.table, "number"), (tables.feedback, "incident"))
            ]
            # A page that is full may have more behind it: stop where the first such page stops.
            upto = min([last, *(page[-1][0] for page in pages if len(page) == limit)])
            numbers = sorted({number for page in pages for place, number in page if place <= upto})
            changed = self._settle(connection, numbers)
            c = tables.counters.c
            connection.execute(sa.update(tables.counters).where(c.name == _SETTLED).values(value=upto))
        return changed, upto == last

    def settled_upto(self) -> int:
        """Return the number of the last change of which the truth was read off."""
        with self.database.read() as connection:
            return _counter(connection, _SETTLED)

    def rows(self, release: str, shadow: str = "", limit: int = REPORTED_ANSWERS) -> list[Observation]:
        """Return the newest ``limit`` observations of a release, in order of the answers."""
        t = tables.observations
        statement = (
            sa.select(t)
            .where(t.c.release == release, t.c.shadow == shadow)
            .order_by(t.c.predicted_at.desc(), t.c.incident.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_observation(row) for row in connection.execute(statement)][::-1]

    def first_answers(self) -> list[Observation]:
        """Return every first answer that was given, whichever release gave it, in order of the answers."""
        t = tables.observations
        statement = sa.select(t).where(t.c.shadow == "").order_by(t.c.predicted_at, t.c.incident)
        with self.database.read() as connection:
            return [_observation(row) for row in connection.execute(statement)]

    def pairs(self, shadow: str, limit: int = 50_000) -> list[tuple[Observation, Observation]]:
        """Return the newest answers of a shadow, each behind the one that was given, in order of the answers."""
        t, u = tables.observations.alias("given"), tables.observations.alias("unseen")
        same_prediction = (t.c.incident == u.c.incident) & (t.c.target == u.c.target) & (t.c.shadow == "")
        statement = (
            sa.select(t, u)
            .select_from(u.join(t, same_prediction))
            .where(u.c.release == shadow, u.c.shadow == shadow)
            .order_by(u.c.predicted_at.desc(), u.c.incident.desc())
            .limit(limit)
        )
        width = len(t.c)
        with self.database.read() as connection:
            rows = [tuple(row) for row in connection.execute(statement)]
        return [(_of(row[:width]), _of(row[width:])) for row in rows][::-1]

    def _settle(self, connection: Connection, numbers: Sequence[str]) -> int:
        t, moment, changed = tables.observations, utc_now(), 0
        for chosen in chunks(numbers):
            rows = connection.execute(sa.select(t).where(t.c.incident.in_(chosen), t.c.shadow == "")).all()
            observed = sorted({row.incident for row in rows})
            records = self.incidents.by_number(connection, observed)
            people = dict(zip(observed, decisions_on(connection, observed, ()), strict=True))
            for row in rows:
                truth, taken_back = _truth(row, records.get(row.incident), people[row.incident])
                if (truth, taken_back) == (row.truth, row.taken_back):
                    continue
                settled_at = (row.settled_at or moment) if truth is not None or taken_back else None
                mine = (t.c.incident == row.incident, t.c.target == row.target, t.c.shadow == "")
                values = {"truth": truth, "taken_back": taken_back, "settled_at": settled_at}
                connection.execute(sa.update(t).where(*mine).values(values))
                changed += 1
        return changed


def _truth(row: sa.Row[Any], record: Record | None, people: HumanDecisions) -> tuple[str | None, bool]:
    if row.target in people.decided:
        return people.decided[row.target], False
    if row.value in people.reverted.get(row.target, ()):
        return None, True
    if record is not None and is_resolved(record) and (value := str(record.body.get(row.target) or "").strip()):
        return value, False
    return None, False


def _changed(
    connection: Connection, table: sa.Table, column: str, settled: int, last: int, limit: int
) -> list[tuple[int, str]]:
    sequence = table.c.sequence
    statement = (
        sa.select(sequence, table.c[column]).where(sequence > settled, sequence <= last).order_by(sequence).limit(limit)
    )
    return [(int(place), str(number)) for place, number in connection.execute(statement)]


def _counter(connection: Connection, name: str, *, lock: bool = False) -> int:
    statement = sa.select(tables.counters.c.value).where(tables.counters.c.name == name)
    return int(connection.execute(statement.with_for_update() if lock else statement).scalar_one())


def _rows(answer: ReleaseAnswer) -> list[dict[str, Any]]:
    about = {
        "incident": answer.incident,
        "shadow": answer.shadow,
        "release": answer.release,
        "predicted_at": answer.at,
        "seconds": answer.seconds,
        "seconds_in_service": answer.seconds_in_service,
        "taken_back": False,
    }
    return [
        {
            **about,
            "target": target,
            "decision": prediction["decision"],
            "value": prediction["value"]
            or next((alternative["value"] for alternative in prediction["alternatives"]), ""),
            "probability": prediction["probability"],
        }
        for target, prediction in answer.predictions.items()
    ]


def _observation(row: sa.Row[Any]) -> Observation:
    return _of(tuple(row))


def _of(values: Sequence[Any]) -> Observation:
    fields = list(values)
    for place in _TIMES:
        if fields[place] is not None:
            fields[place] = as_utc(fields[place])
    return Observation(*fields)
