"""The sample history as if it ended today: times moved, the last month diagnosed, today's queue still open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from ulid import ULID

from api.records.masking import mask_incident
from api.records.schemas import IncidentIn, body_of
from diagnosis.diagnoser import Diagnoser
from diagnosis.findings import Diagnosis
from diagnosis.incident import LOGGED_FIELDS, IncidentBatch
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback, Kind

DIAGNOSED_DAYS = 30  # the release learns from what was before, so that its live figures are honest
QUEUE_LENGTH = 20  # incidents of today
QUEUE_HOURS = 9.0
DIAGNOSIS_DELAY = timedelta(seconds=20)
JUDGED_EVERY = 4  # one of so many incidents of today's queue is judged already
TARGET = "assignment_group"
PEOPLE = ("panel:m.chen", "panel:j.smith")
_RESOLUTION_FIELDS = ("close_code", "close_notes", "knowledge", "problem", "satisfaction", "on_hold_minutes")


def days_to_today(incidents: pd.DataFrame, today: datetime) -> pd.Timedelta:
    """Return by how many days `move_to_today` moves a history."""
    opened = pd.to_datetime(incidents["opened_at"], utc=True, errors="coerce", format="ISO8601").sort_values()
    last = opened.iloc[-QUEUE_LENGTH - 1]
    return pd.Timedelta(days=(pd.Timestamp(today).normalize() - last.normalize()).days - 1)


def move_records(records: pd.DataFrame, days: pd.Timedelta, today: datetime) -> pd.DataFrame:
    """Return alerts or changes moved by so many days, those that began by now; what would end later has not ended."""
    moved, times = _with_times(records)
    for name in times:
        moved[name] += days
    moved = moved[moved["started_at"] <= pd.Timestamp(today)]
    return moved.assign(**{name: moved[name].where(moved[name] <= pd.Timestamp(today)) for name in times})


def _with_times(records: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return records with their times read, and the names of those columns."""
    read = records.copy()
    times = [str(name) for name in read if str(name).endswith("_at")]
    for name in times:
        read[name] = pd.to_datetime(read[name], utc=True, errors="coerce", format="ISO8601")
    return read, times


def move_to_today(incidents: pd.DataFrame, today: datetime) -> pd.DataFrame:
    """Return a history of which the newest incidents are today's queue, and everything before ended yesterday.

    Parameters
    ----------
    incidents : DataFrame
        Columns of the import format as strings, ``""`` for no value.
    today : datetime
        Now, in UTC. What would have happened later has not happened.
    """
    moved, times = _with_times(incidents)
    moved = moved.sort_values("opened_at", kind="stable", ignore_index=True)
    queue = moved.index[-QUEUE_LENGTH:]
    days = days_to_today(incidents, today)
    for name in times:
        moved[name] += days
    gap = timedelta(hours=QUEUE_HOURS / len(queue))
    arrivals = [pd.Timestamp(today) - gap * (len(queue) - position) for position in range(len(queue))]
    moved.loc[queue, times] = pd.NaT
    moved.loc[queue, "opened_at"] = arrivals
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
        moved.loc[queue, "state"] = "New"
    for name in times:
        moved[name] = moved[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ").fillna("")
    return moved


def split_history(incidents: pd.DataFrame, today: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the release learns from, and the later incidents that it diagnoses."""
    later = pd.to_datetime(incidents["opened_at"], utc=True) >= pd.Timestamp(today) - timedelta(days=DIAGNOSED_DAYS)
    return incidents[~later], incidents[later]


def diagnose_history(store: Store, diagnoser: Diagnoser, incidents: pd.DataFrame) -> None:
    """Store a diagnosis of each incident as it was logged, dated then, and the incident as it stands by now."""
    redactor = Redactor()
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
    for position, (diagnosis, row) in enumerate(judged[-QUEUE_LENGTH:]):
        if position % JUDGED_EVERY == 0:
            _judge(store, diagnosis, row, PEOPLE[position // JUDGED_EVERY % len(PEOPLE)])
    for position, (diagnosis, row) in enumerate(judged[:-QUEUE_LENGTH]):
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
