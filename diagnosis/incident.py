"""Incident and IncidentBatch: the fields of incidents, and which of them are known when an incident is logged.

The batch is the primary form, and one incident is a batch of one: an `IncidentBatch` holds one list per field and makes
a ``pandas.DataFrame`` of canonical types only where a caller needs one (`IncidentBatch.frame`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.times import as_utc

TEXT_FIELDS = ("short_description", "description")
TIME_FIELDS = ("opened_at", "responded_at", "resolved_at", "closed_at", "reopened_at")
COUNT_FIELDS = ("on_hold_minutes", "reassignment_count", "reopen_count", "satisfaction")
TYPES = ("incident", "request", "complaint")

# What may reach a model that judges a new incident, and what belongs to later moments (ITIL: after logging).
# Coded fields describe the incident in the organisation's own words or codes: candidates for a classifier's features.
CODED_FIELDS = (
    "caller",
    "opened_by",
    "location",
    "contact_type",
    "service",
    "cmdb_ci",
    "symptom",
    "category",
    "subcategory",
    "impact",
    "urgency",
    "priority",
)
PEOPLE_FIELDS = ("caller", "opened_by", "assigned_to")
LOGGED_FIELDS = ("number", "type", "opened_at", *TEXT_FIELDS, *CODED_FIELDS)
LATER_FIELDS = (
    "state",
    "responded_at",
    "on_hold_minutes",
    "assignment_group",
    "assigned_to",
    "reassignment_count",
    "resolved_at",
    "closed_at",
    "reopened_at",
    "reopen_count",
    "close_code",
    "close_notes",
    "knowledge",
    "problem",
    "satisfaction",
)
FIELDS = LOGGED_FIELDS + LATER_FIELDS

Record = Mapping[str, Any]  # as an API or a notebook has it, by name of the field
_TEXT = pd.StringDtype(na_value=np.nan)
_TIME = pd.DatetimeTZDtype("us", "UTC")
_DTYPES: Mapping[str, Any] = dict.fromkeys(TIME_FIELDS, _TIME) | dict.fromkeys(COUNT_FIELDS, pd.Int64Dtype())


@dataclass(frozen=True, slots=True, repr=False)
class Incident:
    """One incident, service request or complaint (`TYPES`) in ITIL's words; ``""`` or ``None`` is "not known".

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
    type: str = TYPES[0]
    state: str = ""
    responded_at: datetime | None = None
    on_hold_minutes: int | None = None
    satisfaction: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        blank = {f.name: f.default for f in fields(self)} | {"extra": {}}
        words = [f"{name}={_shortened(value)}" for name, value in values.items() if value != blank[name]]
        return f"Incident({', '.join(words)})"

    def as_logged(self) -> Incident:
        """Return the incident as it stood when it was logged: every later field is unknown again."""
        blank = {f.name: f.default for f in fields(self) if f.name in LATER_FIELDS}
        return replace(self, **blank, extra={})  # type: ignore[arg-type]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the incident whose fields are given by name; None and "" are unknown, other names passed over.

        A number where text is expected, as many systems send their ids, is its text.

        Raises
        ------
        InputError
            If a time is neither a datetime nor written as ISO 8601, or a count no whole number.
        """
        present = {name: value for name in FIELDS if (value := values.get(name)) not in (None, "")}
        times = {name: _moment(value, name) for name, value in present.items() if name in TIME_FIELDS}
        counts = {name: _count(value, name) for name, value in present.items() if name in COUNT_FIELDS}
        texts = {name: str(value) for name, value in present.items() if isinstance(value, int | float)}
        return cls(**({"number": ""} | present | texts | times | counts))

    def values(self) -> dict[str, Any]:
        """Return the fields by name as a row of a canonical frame has them: times in UTC, None for unknown ones."""
        row = {name: getattr(self, name) for name in FIELDS}
        return row | {name: _moment(row[name], name) for name in TIME_FIELDS if row[name] is not None}


class IncidentBatch:
    """Incidents in order, one list per field: str with ``""`` for unknown, aware datetime in UTC or None, int or None.

    The lists and the frame are shared by all who ask: do not change them.

    Parameters
    ----------
    columns : mapping of str to sequence
        By field, all of one length, ``number`` among them; a field that is missing is unknown throughout. Names that
        are not in `FIELDS` are extra columns, kept as they came.

    Raises
    ------
    InputError
        If ``number`` is missing, columns differ in length, or a time or count cannot be read as one.
    """

    __slots__ = ("_base", "_columns", "_frame", "_length", "_replaced")

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        if "number" not in columns:
            found = tuple(map(str, columns)) or Phrase("none_found")
            raise InputError(Phrase("incidents_without_number", {"columns": found}))
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"columns of incidents must be of one length; found {lengths}")
        self._set({name: _plain(column, name) for name, column in columns.items()}, lengths["number"])

    def _set(self, columns: dict[str, list[Any]], length: int, base: pd.DataFrame | None = None) -> None:
        # A batch made from a frame keeps it: a column becomes a list when it is first read, and columns that were
        # replaced lie over the frame. Copying a whole frame for one masked column would cost more than the mask.
        self._base = base
        self._columns = columns
        self._replaced = tuple(columns) if base is not None else ()
        self._length = length
        self._frame = base if not columns else None

    @classmethod
    def from_incidents(cls, incidents: Iterable[Incident]) -> Self:
        """Return the incidents as columns; their extra values become extra columns, None where one has none."""
        rows = list(incidents)
        columns = {name: [getattr(incident, name) for incident in rows] for name in FIELDS}
        extra = dict.fromkeys(name for incident in rows for name in incident.extra if name not in FIELDS)
        return cls(columns | {name: [incident.extra.get(name) for incident in rows] for name in extra})

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Self:
        """Return incidents given as fields by name, such as stored bodies; names that are no field are passed over."""
        return cls({name: [row.get(name) for row in rows] for name in FIELDS})

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> IncidentBatch:
        """Return the rows of an incident frame of any make; its columns become lists when they are first read."""
        return cls._from_columns({}, len(frame), as_frame(frame))

    @classmethod
    def of(
        cls, incidents: Incident | Record | Iterable[Incident | Record] | pd.DataFrame | IncidentBatch
    ) -> IncidentBatch:
        """Return incidents in any form as a batch; a batch is returned as it is.

        Parameters
        ----------
        incidents : Incident, mapping, iterable of these, DataFrame or IncidentBatch
            Names of a mapping, and of a frame without a ``number``, may be written as headers are ("Short
            description"); a value may be a reference of an ITSM system's API, whose display value counts.

        Raises
        ------
        InputError
            If no name is one of `FIELDS`, with those that were found.
        """
        if isinstance(incidents, IncidentBatch):
            return incidents
        if isinstance(incidents, pd.DataFrame):
            return cls.from_frame(_with_field_names(incidents))
        rows = [incidents] if isinstance(incidents, Incident | Mapping) else incidents
        return cls.from_incidents(row if isinstance(row, Incident) else incident_from(row) for row in rows)

    @classmethod
    def concatenate(cls, batches: Sequence[IncidentBatch]) -> IncidentBatch:
        """Return batches one after another as one; an extra column that a batch lacks is None in its rows."""
        names = dict.fromkeys(name for batch in batches for name in batch.names)
        columns = {
            name: [
                value
                for batch in batches
                for value in (batch.column(name) if name in batch.names else [None] * len(batch))
            ]
            for name in names
        }
        return cls._from_columns(columns, sum(map(len, batches)))

    @staticmethod
    def _from_columns(columns: dict[str, list[Any]], length: int, base: pd.DataFrame | None = None) -> IncidentBatch:
        batch = IncidentBatch.__new__(IncidentBatch)
        batch._set(columns, length, base)
        return batch

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice) -> IncidentBatch:
        return self.take(range(*rows.indices(len(self))))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IncidentBatch):
            return NotImplemented
        return self.names == other.names and all(self.column(name) == other.column(name) for name in self.names)

    __hash__ = None  # type: ignore[assignment]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns: `FIELDS`, then the extra ones."""
        of_base = () if self._base is None else self._base.columns
        return tuple(dict.fromkeys((*FIELDS, *of_base, *self._columns)))

    @property
    def frame(self) -> pd.DataFrame:
        """The batch as a canonical frame, made once (`as_frame` says which types); it costs milliseconds to make."""
        if self._frame is None:
            changed = self.names if self._base is None else self._replaced
            arrays = {n: _array(self.column(n), n) if n in FIELDS else self.column(n) for n in changed}
            self._frame = pd.DataFrame(arrays, copy=False) if self._base is None else self._base.assign(**arrays)
        return self._frame

    def column(self, name: str) -> list[Any]:
        """Return one column.

        Raises
        ------
        KeyError
            If it is neither a field nor an extra column.
        """
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._read(name)
        return column

    def _read(self, name: str) -> list[Any]:
        if self._base is not None:
            return _list_of(self._base[name], name)
        if name not in FIELDS:
            raise KeyError(name)
        return [_blank(name)] * len(self)

    def row(self, row: int) -> dict[str, Any]:
        """Return the fields of one incident by name, without the extra columns."""
        return {name: self.column(name)[row] for name in FIELDS}

    def incident(self, row: int) -> Incident:
        """Return one incident with its extra values."""
        extra = {name: self.column(name)[row] for name in self.names[len(FIELDS) :]}
        return Incident(**self.row(row), extra=extra)

    def take(self, rows: Sequence[int] | np.ndarray[Any, Any]) -> IncidentBatch:
        """Return the given rows, in the given order, as a batch of their own."""
        places = np.asarray(rows, dtype=np.intp)
        order = places.tolist()
        base = None if self._base is None else self._base.iloc[places].reset_index(drop=True)
        columns = self._columns if base is None else {name: self._columns[name] for name in self._replaced}
        selected = {name: [column[i] for i in order] for name, column in columns.items()}
        return self._from_columns(selected, len(order), base)

    def as_logged(self) -> IncidentBatch:
        """Return the incidents as they stood when they were logged: later fields unknown, no extra columns."""
        if self._base is None:
            return self._from_columns({name: self.column(name) for name in LOGGED_FIELDS}, len(self))
        replaced = {name: self._columns[name] for name in self._replaced if name in LOGGED_FIELDS}
        return self._from_columns(replaced, len(self), frame_as_logged(self._base))

    def with_columns(self, columns: Mapping[str, list[Any]]) -> IncidentBatch:
        """Return the batch with some columns replaced, or added as extra ones; values must be of the column's type."""
        unchanged = self._columns if self._base is None else {name: self._columns[name] for name in self._replaced}
        return self._from_columns({**unchanged, **columns}, len(self), self._base)


def _shortened(value: object, longest: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def incident_from(record: Record) -> Incident:
    """Return the incident that a record of an ITSM system or a plain dict holds; without a number it is ``""``.

    Raises
    ------
    InputError
        If none of its names is one of `FIELDS`, or a value cannot be read.

    Examples
    --------
    >>> incident_from({"Short description": "VPN drops", "category": {"display_value": "Network", "value": "7"}})
    Incident(number='', short_description='VPN drops', category='Network')
    """
    values = {_field_name(name): _display_value(value) for name, value in record.items()}
    _must_name_fields(values)
    return Incident.from_values(values)


def _field_name(header: Any) -> str:  # noqa: ANN401 - any label of a column
    return re.sub(r"\W+", "_", str(header).strip()).lower()


def _display_value(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return next((value[name] for name in ("display_value", "name", "value") if value.get(name)), None)
    return value


def _with_field_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns are named as fields are; one that has a ``number`` already is as it should be."""
    if "number" in frame:
        return frame
    named = frame.rename(columns=_field_name)
    _must_name_fields(named.columns)
    return named if "number" in named else named.assign(number="")


def _must_name_fields(names: Iterable[str]) -> None:
    present = list(names)
    if not any(name in FIELDS for name in present):
        found = tuple(map(str, present)) or Phrase("none_found")
        raise InputError(Phrase("incidents_without_fields", {"columns": found}))


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
            present = tuple(map(str, incidents.columns)) or Phrase("none_found")
            raise InputError(Phrase("incidents_without_number", {"columns": present}))
        columns = {name: _canonical(incidents.get(name), name, len(incidents)) for name in FIELDS}
        extra = {name: incidents[name].array for name in incidents.columns if name not in FIELDS}
        return pd.DataFrame({**columns, **extra}, copy=True)
    return IncidentBatch.from_incidents(incidents).frame


def frame_as_logged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of an incident frame in which every later field is unknown and every extra column is gone."""
    logged = {name: _canonical(frame.get(name), name, len(frame)) for name in LOGGED_FIELDS}
    return pd.DataFrame({**logged, **{name: _unknown(name, len(frame)) for name in LATER_FIELDS}}, copy=True)


def incidents_of(frame: pd.DataFrame) -> list[Incident]:
    """Return the rows of a canonical frame as `Incident` objects, in order."""
    batch = IncidentBatch.from_frame(frame)
    return [batch.incident(row) for row in range(len(batch))]


# Arrays rather than Series: one incident is a frame of one row, and must not cost milliseconds to make.
def _canonical(column: pd.Series | None, name: str, length: int) -> ExtensionArray:
    if column is None or (column.dtype == object and column.isna().all()):  # most columns of new incidents
        return _unknown(name, length)
    if column.dtype != _DTYPES.get(name, _TEXT) or (name not in _DTYPES and column.hasnans):
        if name in TIME_FIELDS:
            column = _parsed(column, name, "column_of_times", _times).astype(_TIME)
        elif name in COUNT_FIELDS:
            column = _parsed(column, name, "column_of_whole_numbers", _integers)
        else:
            column = column.astype(_TEXT).fillna("")
    if name == "type":
        column = column.mask(column == "", TYPES[0])
    array: ExtensionArray = column.array
    return array


def _times(column: pd.Series, errors: Literal["raise", "coerce"] = "raise") -> pd.Series:
    # Said to be ISO 8601: pandas would take the first time's precision for that of all of them.
    return pd.to_datetime(column, utc=True, format="ISO8601", errors=errors)


def _integers(column: pd.Series, errors: Literal["raise", "coerce"] = "raise") -> pd.Series:
    numbers = pd.to_numeric(column, errors=errors)
    return (numbers if errors == "raise" else numbers.where(numbers % 1 == 0)).astype("Int64")


def _parsed(column: pd.Series, name: str, code: str, parse: Callable[..., pd.Series]) -> pd.Series:
    try:
        return parse(column)
    except (ValueError, TypeError) as error:
        wrong = column[parse(column, errors="coerce").isna() & column.notna()].iloc[0]
        raise InputError(Phrase(code, {"name": name, "value": wrong})) from error


def _array(values: list[Any], name: str) -> ExtensionArray:
    # Most fields of a new incident: copying what is empty costs a tenth of making it.
    if name not in COUNT_FIELDS and not any(values):
        return _unknown(name, len(values))
    array: ExtensionArray = pd.array(values, dtype=_DTYPES.get(name, _TEXT))
    return array


def _unknown(name: str, length: int) -> ExtensionArray:
    return _constant(_blank(name), _DTYPES.get(name, _TEXT), length).copy()


@lru_cache(maxsize=16)
def _constant(value: str | None, dtype: Any, length: int) -> ExtensionArray:  # noqa: ANN401 - as pandas has it
    array: ExtensionArray = pd.array([value] * length, dtype=dtype)
    return array


def _count(value: Any, name: str) -> int:  # noqa: ANN401 - as it came
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = math.nan
    if not number.is_integer():
        raise InputError(Phrase("column_of_whole_numbers", {"name": name, "value": value}))
    return int(number)


def _moment(value: Any, name: str) -> datetime:  # noqa: ANN401 - as it came
    try:
        return as_utc(value if isinstance(value, datetime) else datetime.fromisoformat(value))
    except (ValueError, TypeError) as error:
        raise InputError(Phrase("column_of_times", {"name": name, "value": value})) from error


def _blank(name: str) -> str | None:
    """Return what stands for a field that is not known: nothing, but for the type, which is an incident's."""
    if name == "type":
        return TYPES[0]
    return None if name in _DTYPES else ""


def _plain(column: Sequence[Any], name: str) -> list[Any]:
    """Return a column with values of its type; None and "" are unknown."""
    if name in TIME_FIELDS:
        return [None if value in (None, "") or value is pd.NaT else _moment(value, name) for value in column]
    if name in COUNT_FIELDS:
        return [None if value in (None, "") else _count(value, name) for value in column]
    return [value or _blank(name) for value in column] if name in FIELDS else list(column)


def _list_of(column: pd.Series, name: str) -> list[Any]:
    values: list[Any] = column.tolist()
    if name in TIME_FIELDS:
        return [None if value is pd.NaT else value.to_pydatetime().astimezone(UTC) for value in values]
    if name in COUNT_FIELDS:
        return [None if value is pd.NA else value for value in values]
    return values if name in FIELDS else [None if value is pd.NA else value for value in values]
