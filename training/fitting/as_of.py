"""The data as they were known at a moment: later incidents are gone, later outcomes have not happened yet."""

from __future__ import annotations

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import LATER_FIELDS, TIME_FIELDS
from diagnosis.phrases import Phrase
from diagnosis.times import as_utc

_RESOLUTION = ("state", "close_code", "close_notes", "knowledge")


def moment(as_of: str) -> pd.Timestamp:
    """Return a date or time given by a person; a date is its first moment, and without a zone it is UTC.

    Raises
    ------
    InputError
        If it is not ISO 8601.
    """
    try:
        parsed = pd.Timestamp(as_of)
    except ValueError as error:
        raise InputError(Phrase("as_of_wrong", {"value": as_of})) from error
    if pd.isna(parsed):
        raise InputError(Phrase("as_of_wrong", {"value": as_of}))
    return as_utc(parsed)


def last_moment(frame: pd.DataFrame, as_of: str = "") -> pd.Timestamp:
    """Return the moment at which a frame was known: as given, or the latest time in it (NaT if it has none).

    One mistyped year must not let every fault look as if it had been watched for decades, so times that have not come
    yet are passed over where there are others.
    """
    if as_of:
        return moment(as_of)
    times = pd.concat([frame[name] for name in TIME_FIELDS])
    past = times[times <= pd.Timestamp.now("UTC")]
    latest = (past if len(past) else times).max()
    return latest if isinstance(latest, pd.Timestamp) else pd.Timestamp("NaT")


def as_known_at(frame: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """Return a canonical incident frame as it was known at ``as_of``; ``""`` changes nothing.

    Incidents opened later are dropped. Times after it are unknown, and with a resolution that had not happened go its
    state, close code, notes, article and what the caller thought of it. What an export does not date, such as the
    assignment group, stays as it is.
    """
    if not as_of:
        return frame
    end = moment(as_of)
    known_rows = frame[~(frame["opened_at"] > end)].reset_index(drop=True)
    resolved_at, closed_at = known_rows["resolved_at"], known_rows["closed_at"]
    unresolved = (resolved_at > end) | (resolved_at.isna() & (closed_at > end))
    blank = {name: known_rows[name].mask(unresolved, "") for name in _RESOLUTION}
    times = {name: known_rows[name].where(~(known_rows[name] > end)) for name in TIME_FIELDS if name in LATER_FIELDS}
    satisfaction = known_rows["satisfaction"].mask(unresolved)
    return known_rows.assign(**blank, **times, satisfaction=satisfaction)
