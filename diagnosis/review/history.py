"""A history as a review reads it: each record once, in order of time, and the sample of every measure and quarter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.placeholders import without_placeholders
from diagnosis.recurrence import Signature, default_signature
from diagnosis.recurrence.outcomes import censored_outcomes, cohort
from diagnosis.review.clocks import CLOCK_COLUMNS, RecordClocks, record_clocks, review_rules
from diagnosis.review.definitions import BY_NAME, Definition
from diagnosis.review.facts import MeasuredEvents, ReviewFacts
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Sample
from diagnosis.review.settings import ReviewSettings
from diagnosis.service_levels import ServiceLevelRules, with_first_responses
from diagnosis.service_levels.clocks import EndName
from diagnosis.service_levels.rules import ClockName
from diagnosis.times import as_utc, days_of

# What a review reads of a record: nothing else takes memory.
COLUMNS = (
    *CLOCK_COLUMNS,
    "type",
    "caller",
    "opened_by",
    "contact_type",
    "service",
    "cmdb_ci",
    "symptom",
    "category",
    "subcategory",
    "priority",
    "assignment_group",
    "assigned_to",
    "reassignment_count",
    "close_code",
    "satisfaction",
    "knowledge",
    "problem",
    "short_description",
)
_REPEATED = (
    "type",
    "state",
    "contact_type",
    "service",
    "category",
    "subcategory",
    "priority",
    "assignment_group",
    "symptom",
    "opened_by",
    "assigned_to",
)
_UNSEEN = "ended at a time that nobody wrote down (without clocks)"
_CLOCK_OF: Mapping[str, ClockName] = {
    "response": "response",
    "response_in_time": "response",
    "requests": "response",
    "complaints": "response",
    "restoration": "restoration",
}


@dataclass(frozen=True)
class ReviewHistory:
    """The records of a review as they were known at a moment.

    Attributes
    ----------
    frame : DataFrame
        `COLUMNS`, one row a number, in order of ``opened_at``, with nothing in it that happened after ``as_of``.
    left_out : mapping of str to int
        Reason to number of rows.
    rules : ServiceLevelRules
        What is promised to the records.
    clocks : mapping of EndName to RecordClocks
        Row by row with ``frame``.
    values : mapping of str to ndarray, shape (n,)
        What is not in the records, one value a record, NaN where it has none: the measures ``coverage``, ``automatic``
        and ``automatic_right``, and whether a suggested article failed: ``fix_failed``.
    facts : ReviewFacts
        What is known besides the records.
    """

    frame: pd.DataFrame
    as_of: pd.Timestamp
    settings: ReviewSettings
    signature: Signature | None
    left_out: Mapping[str, int]
    rules: ServiceLevelRules
    clocks: Mapping[EndName, RecordClocks]
    values: Mapping[str, Floats] = field(default_factory=dict)
    facts: ReviewFacts = field(default_factory=ReviewFacts)

    @classmethod
    def read(
        cls,
        incidents: pd.DataFrame,
        settings: ReviewSettings,
        *,
        as_of: pd.Timestamp,
        signature: Signature | None = None,
        rules: ServiceLevelRules | Mapping[str, Any] | None = None,
        facts: ReviewFacts | None = None,
    ) -> ReviewHistory:
        """Return a history of a canonical incident frame.

        Parameters
        ----------
        signature : Signature, optional
            What "the same fault" is; by default what the incidents support.
        rules : ServiceLevelRules or mapping, optional
            The service levels' rules, or their table of the settings; by default the programme's.
        facts : ReviewFacts, optional
            What is known besides the records.

        Raises
        ------
        InputError
            If no record can be judged.
        """
        besides = facts or ReviewFacts()
        answered = with_first_responses(besides.with_ratings(incidents))
        judged = cohort(answered, as_of)
        promised = review_rules(settings, answered["priority"].unique(), rules)
        clocks = record_clocks(answered.iloc[judged.rows], promised, as_utc(as_of))
        frame = judged.frame[[name for name in COLUMNS if name in judged.frame]].copy()
        for name in _REPEATED:  # each value once in memory
            frame[name] = frame[name].astype("category")
        arrays = {
            name: frame["number"].map(column).to_numpy(dtype=np.float64, na_value=np.nan)
            for name, column in besides.by_number.items()
        }
        left_out = {**judged.left_out, _UNSEEN: int((~clocks["restoration"].has_times).sum())}
        return cls(
            frame=frame,
            as_of=pd.Timestamp(as_of),
            settings=settings,
            signature=signature,
            left_out=left_out,
            rules=promised,
            clocks=clocks,
            values=arrays,
            facts=besides,
        )

    @cached_property
    def events(self) -> Mapping[str, MeasuredEvents]:
        """Measures of what is no record: ``deflection`` of questions, ``warnings`` of outages."""
        return self.facts.events

    @cached_property
    def opened(self) -> Floats:
        """Days since 1970 at which each record was opened, shape (n,)."""
        return days_of(self.frame["opened_at"])

    @cached_property
    def end(self) -> float:
        """Days since 1970 at which the history was known."""
        return float(days_of(pd.Series([self.as_of]))[0])

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 of the records: the same for the same records in any order, any number of files and at any time."""
        ordered = self.frame.sort_values("number", kind="stable").astype(dict.fromkeys(_REPEATED, "str"))
        digest = hashlib.sha256(f"{list(ordered.columns)}".encode())
        digest.update(pd.util.hash_pandas_object(ordered, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def months(self) -> npt.NDArray[np.object_]:
        """The month of opening in the organisation's zone, such as 2026-07, shape (n,)."""
        local = self.frame["opened_at"].dt.tz_convert(self.settings.zone)
        months: npt.NDArray[np.object_] = local.dt.strftime("%Y-%m").to_numpy(dtype=object)
        return months

    @cached_property
    def persons(self) -> frozenset[str]:
        """Groups that are persons: most of their records are assigned to somebody of that very name.

        Where that is so of most groups, the column is taken for a copy of the group's, unless the name is a caller's.
        """
        groups, assigned = (
            self.frame[name].astype("str").str.casefold() for name in ("assignment_group", "assigned_to")
        )
        inside = ((groups != "") & (assigned != "")).to_numpy()
        shares = (groups == assigned)[inside].groupby(groups[inside], observed=True).mean()
        named = frozenset(map(str, shares.index[shares >= 0.5]))
        if len(named) <= len(shares) / 2:
            return named
        return named & frozenset(self.frame["caller"].astype("str").str.casefold().unique().tolist())

    @cached_property
    def teams(self) -> npt.NDArray[np.object_]:
        """The group of each record, ``""`` for none and for a group that is a person, shape (n,)."""
        groups = self.frame["assignment_group"].astype("str")
        teams: npt.NDArray[np.object_] = groups.where(~groups.str.casefold().isin(self.persons), "").to_numpy(
            dtype=object
        )
        return teams

    def rows_of(self, quarter: Quarter) -> npt.NDArray[np.intp]:
        """Return the positions of the records that were opened in a quarter."""
        return self._rows_between(*quarter.bounds(self.settings.zone))

    def _rows_between(self, start: pd.Timestamp, stop: pd.Timestamp) -> npt.NDArray[np.intp]:
        first, last = np.searchsorted(self.opened, days_of(pd.Series([start, stop])), side="left")
        return np.arange(first, last, dtype=np.intp)

    def column(self, name: str) -> npt.NDArray[np.object_]:
        """Return a coded column as text, ``""`` for a value that means "nothing", shape (n,)."""
        if name == "month":
            return self.months
        codes, values = pd.factorize(self.frame[name].astype("str"))
        return np.array([*without_placeholders(values), ""], dtype=object)[codes]

    def is_recorded(self, measure: str) -> bool:
        """Return whether the records, of any time, hold what a measure needs."""
        definition = BY_NAME[measure]
        if measure in self.events:
            return True
        if definition.source != "records":
            return measure in self.values and bool(np.isfinite(self.values[measure]).any())
        if measure == "recurrence":
            return self.recurrences is not None
        inside = self._of_type(definition)
        return bool(self.frame.loc[inside, list(definition.columns)].notna().any(axis=None)) if inside.any() else False

    def sample(self, measure: str, quarter: Quarter) -> Sample | None:
        """Return the records of a quarter that a measure is of, as `sample_between` does."""
        return self.sample_between(measure, *quarter.bounds(self.settings.zone))

    def sample_between(self, measure: str, start: pd.Timestamp, stop: pd.Timestamp) -> Sample | None:
        """Return the records opened from one moment to before another that a measure is of; None: it is not recorded.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        if measure not in BY_NAME:
            raise InputError(Phrase("measure_unknown", {"names": tuple(BY_NAME), "value": measure}))
        if not self.is_recorded(measure):
            return None
        if measure in self.events:
            return self._of_events(self.events[measure], start, stop)
        rows = self._rows_between(start, stop)
        rows = rows[self._of_type(BY_NAME[measure])[rows]]
        if measure in self.values:
            return _plain(rows, self.values[measure])
        if measure == "satisfaction":
            rating = self.frame["satisfaction"].to_numpy(dtype=np.float64, na_value=np.nan)
            satisfied = np.where(np.isfinite(rating), rating >= self.settings.satisfied, np.nan)
            return _plain(rows, satisfied)
        if measure == "recurrence":
            return self._recurrence(rows)
        return self._wait(measure, rows) if self._is_kept(BY_NAME[measure].columns, rows, stop) else None

    def _is_kept(self, columns: tuple[str, ...], rows: npt.NDArray[np.intp], stop: pd.Timestamp) -> bool:
        """Return whether a time was written down of what was opened before a moment.

        Where not one of many records has any, over the whole of a quarter, nobody wrote it down then: they did not all
        wait to the end.
        """
        if self.as_of < stop or len(rows) < self.settings.fewest:
            return True
        return bool(self.frame[list(columns)].iloc[rows].notna().any(axis=None))

    def event_months(self, measure: str, quarter: Quarter) -> npt.NDArray[np.object_]:
        """Return the month of each event of a quarter's sample in the organisation's zone, such as 2026-07."""
        events = self.events[measure]
        inside = self._happened_between(events, *quarter.bounds(self.settings.zone))
        times = pd.to_datetime(events.times[inside], unit="D", utc=True)
        return np.asarray(times.tz_convert(self.settings.zone).strftime("%Y-%m"), dtype=object)

    def event_services(self, measure: str, start: pd.Timestamp, stop: pd.Timestamp) -> npt.NDArray[np.object_]:
        """Return the service of each event that happened from one moment to before another, as `sample_between`."""
        events = self.events[measure]
        services: npt.NDArray[np.object_] = events.services[self._happened_between(events, start, stop)]
        return services

    def _of_events(self, events: MeasuredEvents, start: pd.Timestamp, stop: pd.Timestamp) -> Sample:
        inside = self._happened_between(events, start, stop)
        none = np.full(int(inside.sum()), -1, dtype=np.intp)
        return Sample("plain", none, events.met[inside], np.ones(len(none), dtype=bool))

    def _happened_between(
        self, events: MeasuredEvents, start: pd.Timestamp, stop: pd.Timestamp
    ) -> npt.NDArray[np.bool_]:
        first, last = days_of(pd.Series([start, stop]))
        inside: npt.NDArray[np.bool_] = (events.times >= first) & (events.times < min(last, self.end))
        return inside

    @cached_property
    def faults(self) -> npt.NDArray[np.object_]:
        """The fault of each record by the signature, ``""`` for none and for what is no incident, shape (n,)."""
        keys = np.full(len(self.frame), "", dtype=object)
        rows = np.flatnonzero(self._of_type(BY_NAME["recurrence"]))
        if self.fault_signature is not None and len(rows):
            narrow = self._fault_frame(rows)
            keys[rows] = self.fault_signature.keys(narrow).to_numpy(dtype=object)
        return keys

    @cached_property
    def fault_signature(self) -> Signature | None:
        """What "the same fault" is; None where the records hold nothing to tell it by."""
        if self.signature is not None:
            return self.signature
        rows = np.flatnonzero(self._of_type(BY_NAME["recurrence"]))
        try:
            return default_signature(self._fault_frame(rows))
        except InputError:
            return None

    @cached_property
    def recurrences(self) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
        """Days to recurrence of each record, or of observation, and whether it recurred; None where none can."""
        known = self.faults != ""
        if not known.any():
            return None
        rows = np.flatnonzero(self._of_type(BY_NAME["recurrence"]))
        duration, recurred = np.full(len(self.frame), np.nan), np.zeros(len(self.frame), dtype=bool)
        keys = pd.Series(self.faults[rows])
        times = self.frame.loc[rows, ["opened_at", "resolved_at", "reopened_at"]].reset_index(drop=True)
        outcomes = censored_outcomes(times, keys, self.as_of, "opened")
        duration[rows], recurred[rows] = outcomes.duration, outcomes.recurred
        return duration, recurred

    def _fault_frame(self, rows: npt.NDArray[np.intp]) -> pd.DataFrame:
        names = ["number", "opened_at", "service", "cmdb_ci", "symptom", "category", "subcategory", "caller"]
        if self.signature is not None:
            names += [name for name in ("short_description", *self.signature.fields) if name in self.frame]
        narrow = self.frame.loc[rows, list(dict.fromkeys(names))].reset_index(drop=True)
        repeated = {name: "str" for name in _REPEATED if name in narrow}
        return narrow.astype(repeated)

    def _of_type(self, definition: Definition) -> npt.NDArray[np.bool_]:
        if not definition.type:
            return np.ones(len(self.frame), dtype=bool)
        return (self.frame["type"] == definition.type).to_numpy(dtype=bool)

    def _recurrence(self, rows: npt.NDArray[np.intp]) -> Sample | None:
        if self.recurrences is None:
            return None
        rows = rows[self.faults[rows] != ""]
        duration, recurred = self.recurrences
        cluster = pd.factorize(self.faults[rows])[0].astype(np.intp)
        return Sample("recurs", rows, duration[rows], recurred[rows], self.settings.recurrence_days, cluster)

    def _wait(self, measure: str, rows: npt.NDArray[np.intp]) -> Sample:
        if measure == "closure":
            closure = self.clocks["closure"]
            rows = rows[closure.has_times[rows]]
            return Sample("in_time", rows, closure.days[rows], closure.ended[rows], self.settings.closure_days)
        clock = self.clocks[_CLOCK_OF[measure]]
        if measure == "response":
            rows = rows[clock.has_times[rows]]
            return Sample("mean_hours", rows, clock.days[rows], clock.ended[rows])
        rows = rows[clock.has_clock[rows]]
        return Sample("in_time", rows, clock.part[rows], clock.ended[rows], 1.0)


def _plain(rows: npt.NDArray[np.intp], values: Floats) -> Sample:
    inside = rows[np.isfinite(values[rows])]
    return Sample("plain", inside, values[inside], np.ones(len(inside), dtype=bool))
