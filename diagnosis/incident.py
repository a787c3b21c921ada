"""Incident: what is known of one disturbance, and which of it was known when it was logged.

Batch is the primary form. Many incidents are a ``pandas.DataFrame`` with one column a field (`as_frame`), strings for
words with ``""`` for unknown, UTC timestamps with ``NaT``, nullable integers for counts; one incident is an `Incident`
or a frame of one row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from diagnosis.errors import InputError

TEXT_FIELDS = ("short_description", "description")
TIME_FIELDS = ("opened_at", "resolved_at", "closed_at", "reopened_at")
COUNT_FIELDS = ("reassignment_count", "reopen_count")

# What may reach a model that judges a new incident, and what belongs to later moments (ITIL: after logging).
LOGGED_FIELDS = (
    "number", "opened_at", "short_description", "description", "caller", "opened_by", "location", "contact_type",
    "service", "cmdb_ci", "symptom", "category", "subcategory", "impact", "urgency", "priority",
)  # fmt: skip
LATER_FIELDS = (
    "assignment_group", "assigned_to", "reassignment_count", "resolved_at", "closed_at", "reopened_at", "reopen_count",
    "close_code", "close_notes", "knowledge", "problem",
)  # fmt: skip
FIELDS = LOGGED_FIELDS + LATER_FIELDS

_TEXT = pd.StringDtype(na_value=np.nan)
_TIME = pd.DatetimeTZDtype("us", "UTC")
_DTYPES: Mapping[str, Any] = dict.fromkeys(TIME_FIELDS, _TIME) | dict.fromkeys(COUNT_FIELDS, pd.Int64Dtype())

# Fields that describe the incident in the organisation's own words or codes: candidates for a classifier's features.
CODED_FIELDS = (
    "caller", "opened_by", "location", "contact_type", "service", "cmdb_ci", "symptom", "category", "subcategory",
    "impact", "urgency", "priority",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident in ITIL's words; ``""`` or ``None`` is "not known".

    ``extra`` holds the columns of an import that the format does not name, as they came.
    """

    number: str
    opened_at: datetime | None = None
    short_description: str = ""
    description: str = ""
    caller: str = ""
    opened_by: str = ""
    location: str = ""
    contact_type: str = ""
    service: str = ""
    cmdb_ci: str = ""
    symptom: str = ""
    category: str = ""
    subcategory: str = ""
    impact: str = ""
    urgency: str = ""
    priority: str = ""
    assignment_group: str = ""
    assigned_to: str = ""
    reassignment_count: int | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopened_at: datetime | None = None
    reopen_count: int | None = None
    close_code: str = ""
    close_notes: str = ""
    knowledge: str = ""
    problem: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_logged(self) -> Incident:
        """Return the incident as it stood when it was logged: every later field is unknown again."""
        blank = {f.name: f.default for f in fields(self) if f.name in LATER_FIELDS}
        return replace(self, **blank, extra={})  # type: ignore[arg-type]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the incident whose fields are given by name; None and "" are unknown, other names passed over.

        Raises
        ------
        InputError
            If a time is neither a datetime nor written as ISO 8601, or a count no whole number.
        """
        known = {name: value for name in FIELDS if (value := values.get(name)) not in (None, "")}
        times = {name: _moment(value, name) for name, value in known.items() if name in TIME_FIELDS}
        counts = {name: _count(value, name) for name, value in known.items() if name in COUNT_FIELDS}
        return cls(**(known | times | counts))

    def values(self) -> dict[str, Any]:
        """Return the fields by name as a row of a canonical frame has them: times in UTC, None for unknown ones."""
        known = {name: getattr(self, name) for name in FIELDS}
        return known | {name: _moment(known[name], name) for name in TIME_FIELDS if known[name] is not None}


def as_frame(incidents: Iterable[Incident] | pd.DataFrame) -> pd.DataFrame:
    """Return incidents as a frame with every column of `FIELDS` in canonical types, extra columns kept behind.

    Parameters
    ----------
    incidents : iterable of Incident, or DataFrame
        A frame may lack any column but ``number``; it is copied, never changed.

    Returns
    -------
    DataFrame, shape (n_incidents, >= len(FIELDS))
        With a fresh ``RangeIndex``.

    Raises
    ------
    InputError
        If a frame has no ``number`` column.
    """
    if isinstance(incidents, pd.DataFrame):
        if "number" not in incidents:
            found = ", ".join(map(str, incidents.columns)) or "none"
            raise InputError(f"incidents need a column 'number'; found {found}")
        columns = {name: _canonical(incidents.get(name), name, len(incidents)) for name in FIELDS}
        extra = {name: incidents[name].array for name in incidents.columns if name not in FIELDS}
        return pd.DataFrame({**columns, **extra}, copy=True)
    rows = list(incidents)
    columns = {name: _array([getattr(row, name) for row in rows], name) for name in FIELDS}
    names = dict.fromkeys(name for row in rows for name in row.extra if name not in FIELDS)
    return pd.DataFrame({**columns, **{name: [row.extra.get(name) for row in rows] for name in names}}, copy=False)


def frame_as_logged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of an incident frame in which every later field is unknown and every extra column is gone."""
    known = {name: _canonical(frame.get(name), name, len(frame)) for name in LOGGED_FIELDS}
    return pd.DataFrame({**known, **{name: _unknown(name, len(frame)) for name in LATER_FIELDS}}, copy=True)


def incidents_of(frame: pd.DataFrame) -> list[Incident]:
    """Return the rows of a canonical frame as `Incident` objects, in order."""
    extra = [name for name in frame.columns if name not in FIELDS]
    return [
        Incident(
            **{name: _value(row[name]) for name in FIELDS},
            extra={name: row[name] for name in extra},
        )
        for row in frame.to_dict("records")
    ]


# Arrays rather than Series: one incident is a frame of one row, and must not cost milliseconds to make.
def _canonical(column: pd.Series | None, name: str, length: int) -> ExtensionArray:
    if column is None or (column.dtype == object and column.isna().all()):  # most columns of new incidents
        return _unknown(name, length)
    if column.dtype != _DTYPES.get(name, _TEXT) or (name not in _DTYPES and column.hasnans):
        if name in TIME_FIELDS:
            column = _parsed(column, name, "ISO 8601 times", _times).astype(_TIME)
        elif name in COUNT_FIELDS:
            column = _parsed(column, name, "whole numbers", _whole)
        else:
            column = column.astype(_TEXT).fillna("")
    array: ExtensionArray = column.array
    return array


def _times(column: pd.Series, errors: Literal["raise", "coerce"] = "raise") -> pd.Series:
    # Said to be ISO 8601: pandas would take the first time's precision for that of all of them.
    return pd.to_datetime(column, utc=True, format="ISO8601", errors=errors)


def _whole(column: pd.Series, errors: Literal["raise", "coerce"] = "raise") -> pd.Series:
    numbers = pd.to_numeric(column, errors=errors)
    return (numbers if errors == "raise" else numbers.where(numbers % 1 == 0)).astype("Int64")


def _parsed(column: pd.Series, name: str, expected: str, parse: Callable[..., pd.Series]) -> pd.Series:
    try:
        return parse(column)
    except (ValueError, TypeError) as error:
        wrong = column[parse(column, errors="coerce").isna() & column.notna()].iloc[0]
        raise InputError(f"column {name!r}: {expected} were expected, {wrong!r} found") from error


def _array(values: list[Any], name: str) -> ExtensionArray:
    # Most fields of a new incident: copying what is empty costs a tenth of making it.
    if name not in COUNT_FIELDS and not any(values):
        return _unknown(name, len(values))
    array: ExtensionArray = pd.array(values, dtype=_DTYPES.get(name, _TEXT))
    return array


def _unknown(name: str, length: int) -> ExtensionArray:
    return _empty(_DTYPES.get(name, _TEXT), length).copy()


@lru_cache(maxsize=16)
def _empty(dtype: Any, length: int) -> ExtensionArray:  # noqa: ANN401 - as pandas has it
    array: ExtensionArray = pd.array(["" if dtype == _TEXT else None] * length, dtype=dtype)
    return array


def _count(value: Any, name: str) -> int:  # noqa: ANN401 - as it came
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = math.nan
    if not number.is_integer():
        raise InputError(f"column {name!r}: whole numbers were expected, {value!r} found")
    return int(number)


def _moment(value: Any, name: str) -> datetime:  # noqa: ANN401 - as it came
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"column {name!r}: ISO 8601 times were expected, {value!r} found") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _value(value: Any) -> Any:  # noqa: ANN401 - a cell of a frame
    if value is pd.NaT or value is pd.NA:
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
