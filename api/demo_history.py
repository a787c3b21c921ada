"""The sample history as if it ended now: times moved, the last month diagnosed, the last day's queue still open.

Everything is moved by the same time, so that the rhythm of day and week stays as it was: a queue that comes faster than
a day of the desk would be a surge, and rightly announced as one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from ulid import ULID

from api.records.schemas import IncidentIn, body_of
from diagnosis.diagnoser import Diagnoser
from diagnosis.findings import Diagnosis
from diagnosis.incident import LOGGED_FIELDS, IncidentBatch
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_incident
from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback, Kind
from diagnosis.text import repair_column

DIAGNOSED_DAYS = 30  # the release learns from what was before, so that its live figures are honest
QUEUE_PERIOD = timedelta(hours=24)  # what was logged since then is open
BUSY_SHARE = 0.7  # of the days have no more incidents than the one that the history ends with
NEWEST_AGE = timedelta(minutes=5)
DIAGNOSIS_DELAY = timedelta(seconds=20)
JUDGED_EVERY = 4  # one of so many incidents of the queue is judged already
TARGET = "assignment_group"
PEOPLE = ("panel:m.chen", "panel:j.smith")
_TIME_IN_TEXT = re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?(?!\d)")
_RESOLUTION_FIELDS = ("close_code", "close_notes", "knowledge", "problem", "satisfaction", "on_hold_minutes")


def time_to_today(incidents: pd.DataFrame, today: datetime) -> pd.Timedelta:
    """Return by how much `move_to_today` moves a history: the end of its last busy day becomes now."""
    opened = pd.to_datetime(incidents["opened_at"], utc=True, errors="coerce", format="ISO8601").dropna()
    days = opened.dt.normalize()
    counts = days.map(days.value_counts())
    last_busy = opened[counts >= days.value_counts().quantile(BUSY_SHARE)].max()
    return pd.Timestamp(today) - NEWEST_AGE - last_busy


def move_records(records: pd.DataFrame, time: pd.Timedelta, today: datetime) -> pd.DataFrame:
    """Return alerts or changes moved by a time, those that began by now; what would end later has not ended."""
    moved, times = _with_times(records)
    for name in times:
        moved[name] += time
    moved = moved[moved["started_at"] <= pd.Timestamp(today)]
    return moved.assign(**{name: moved[name].where(moved[name] <= pd.Timestamp(today)) for name in times})


def move_articles(articles: pd.DataFrame, time: pd.Timedelta) -> pd.DataFrame:
    """Return articles whose dates, all in the form 2026-12-31, are moved by whole days."""
    moved, times = _with_times(articles)
    for name in times:
        moved[name] = (moved[name] + time).dt.strftime("%Y-%m-%d").fillna("")
    return moved


def _with_times(records: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return records with their times read, and the names of those columns."""
    read = records.copy()
    times = [str(name) for name in read if str(name).endswith("_at") or name == "valid_to"]
    for name in times:
        read[name] = pd.to_datetime(read[name], utc=True, errors="coerce", format="ISO8601")
    return read, times


def move_to_today(incidents: pd.DataFrame, today: datetime) -> pd.DataFrame:
    """Return a history that ends now: the incidents of the last day are open.

    Parameters
    ----------
    incidents : DataFrame
        Columns of the import format as strings, ``""`` for no value.
    today : datetime
        Now, in UTC. What would have happened later has not happened.
    """
    moved, times = _with_times(incidents)
    time = time_to_today(incidents, today)
    for name in times:
        moved[name] += time
    moved = moved[~(moved["opened_at"] > pd.Timestamp(today))]
    moved = moved.sort_values("opened_at", kind="stable", ignore_index=True)
    for name in moved.columns.intersection(["short_description", "description"]):
        moved[name] = [_TIME_IN_TEXT.sub(lambda match: _moved_text(match, time), text) for text in moved[name]]
    queue = moved.index[queue_of(moved, today)]
    moved.loc[queue, [name for name in times if name not in ("opened_at", "responded_at")]] = pd.NaT
    if "sla_response_minutes" in moved:
        minutes = pd.to_numeric(moved["sla_response_minutes"], errors="coerce")
        waiting = moved["opened_at"] + pd.to_timedelta(minutes, unit="min") > pd.Timestamp(today)
        moved.loc[waiting, "sla_response_minutes"] = ""  # not answered yet
    for name in times:
        moved[name] = moved[name].where(moved[name] <= pd.Timestamp(today))
    unresolved = moved["resolved_at"].isna() & (
        moved["opened_at"] > pd.Timestamp(today) - timedelta(days=DIAGNOSED_DAYS)
    )
    moved.loc[unresolved, [name for name in _RESOLUTION_FIELDS if name in moved]] = ""
    if "state" in moved:
        moved.loc[unresolved, "state"] = "In Progress"
        moved.loc[queue[moved.loc[queue, "responded_at"].isna()], "state"] = "New"
    for name in times:
        moved[name] = moved[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ").fillna("")
    return moved


def queue_of(incidents: pd.DataFrame, today: datetime) -> pd.Series:
    """Return which incidents of a moved history are the queue: those of the last day."""
    return pd.to_datetime(incidents["opened_at"], utc=True) > pd.Timestamp(today) - QUEUE_PERIOD


def _moved_text(match: re.Match[str], time: pd.Timedelta) -> str:
    return f"{pd.Timestamp(match[0]) + time:{'%Y-%m-%d %H:%M:%S' if match[1] else '%Y-%m-%d %H:%M'}}"


def split_history(incidents: pd.DataFrame, today: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the release learns from, and the later incidents that it diagnoses."""
    later = pd.to_datetime(incidents["opened_at"], utc=True) >= pd.Timestamp(today) - timedelta(days=DIAGNOSED_DAYS)
    return incidents[~later], incidents[later]


def diagnose_history(store: Store, diagnoser: Diagnoser, incidents: pd.DataFrame, today: datetime) -> None:
    """Store a diagnosis of each incident as it was logged, dated then, and the incident as it stands by now."""
    redactor = Redactor()
    incidents = incidents.apply(repair_column)  # as the import reads them
    rows = [
        body_of(IncidentIn.model_validate({str(name): value for name, value in row.items() if value != ""}))
        for row in incidents.to_dict("records")
    ]
    batch = IncidentBatch.from_frame(incidents)
    entered = [batch.incident(row) for row in range(len(batch))]
    diagnoses = [
        _dated(diagnosis, incident.opened_at or diagnosis.created_at)
        for incident, diagnosis in zip(entered, diagnoser.diagnose_batch(entered, joining=True), strict=True)
    ]
    bodies = [mask_incident(row, redactor) for row in rows]
    store.diagnoses.add([_entry(diagnosis, body) for diagnosis, body in zip(diagnoses, bodies, strict=True)])
    store.incidents.put({str(body["number"]): body for body in bodies})
    judged = [*zip(diagnoses, rows, strict=True)]
    length = int(queue_of(incidents, today).sum())
    for position, (diagnosis, row) in enumerate(judged[-length:]):
        if position % JUDGED_EVERY == 0:
            _judge(store, diagnosis, row, PEOPLE[position // JUDGED_EVERY % len(PEOPLE)])
    for position, (diagnosis, row) in enumerate(judged[:-length]):
        if _predicted(diagnosis) not in (None, row.get(TARGET)):
            _judge(store, diagnosis, row, PEOPLE[position % len(PEOPLE)])  # wrong groups were corrected


def automatic_example(store: Store) -> dict[str, str]:
    """Return the text of a stored incident that was decided automatically, for the welcome; empty where none was."""
    for diagnosis in store.diagnoses.page(300):
        decisions = {prediction["decision"] for prediction in diagnosis["predictions"].values()}
        record = store.incidents.find([diagnosis["incident"]]).get(diagnosis["incident"])
        if record and "automatic" in decisions:
            names = [name for name in LOGGED_FIELDS if record.body.get(name) and name not in ("number", "opened_at")]
            return {name: str(record.body[name]) for name in names}
    return {}


def _dated(diagnosis: Diagnosis, opened_at: datetime) -> Diagnosis:
    moment = opened_at + DIAGNOSIS_DELAY
    return replace(diagnosis, id=str(ULID.from_datetime(moment)), created_at=moment)


def _entry(diagnosis: Diagnosis, body: dict[str, Any]) -> DiagnosisEntry:
    logged = {name: value for name, value in body.items() if name in LOGGED_FIELDS}
    return DiagnosisEntry(diagnosis.to_dict(), diagnosis.created_at, logged)


def _judge(store: Store, diagnosis: Diagnosis, row: dict[str, Any], person: str) -> None:
    if TARGET not in diagnosis.predictions or not row.get(TARGET):
        return
    predicted, truth = _predicted(diagnosis), row[TARGET]
    kind: Kind = "accepted" if predicted == truth else "overridden"
    store.feedback.add(Feedback(diagnosis.id, diagnosis.incident, kind, TARGET, predicted, truth, actor=person))


def _predicted(diagnosis: Diagnosis) -> str | None:
    prediction = diagnosis.predictions.get(TARGET)
    if prediction is None:
        return None
    return prediction.value or (prediction.alternatives[0].value if prediction.alternatives else None)
