"""What became of each incident, as far as it had been seen on a given day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.times import as_utc, days_of

Origin = Literal["opened", "resolved"]
EARLIEST = pd.Timestamp("1990-01-01", tz="UTC")


@dataclass(frozen=True)
class Cohort:
    """Incidents that can be judged, in order of ``opened_at``, and how many could not be and why.

    Attributes
    ----------
    frame : DataFrame
        One row a number, opened between 1990 and ``as_of``, with nothing in it that happened after ``as_of``.
    rows : ndarray of int
        Their positions in the frame that was given.
    left_out : dict of str to int
        Reason to number of rows.
    """

    frame: pd.DataFrame
    rows: npt.NDArray[np.intp]
    left_out: dict[str, int]


@dataclass(frozen=True)
class CensoredOutcomes:
    """Right-censored times to recurrence, row by row with the cohort.

    Attributes
    ----------
    duration : ndarray, shape (n,)
        Days from the origin to the recurrence, or to the end of observation where none was seen.
    recurred : ndarray of bool, shape (n,)
    observed : ndarray, shape (n,)
        Days from the origin to the end of observation; NaN where the origin is not known.
    """

    duration: Floats
    recurred: npt.NDArray[np.bool_]
    observed: Floats

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> CensoredOutcomes:
        """Return the outcomes of some of the incidents."""
        return CensoredOutcomes(self.duration[rows], self.recurred[rows], self.observed[rows])

    def as_known(self, days_before: float) -> CensoredOutcomes:
        """Return what was known that many days earlier; a negative ``observed`` had not begun."""
        observed = self.observed - days_before
        recurred = self.recurred & (self.duration <= observed)
        return CensoredOutcomes(np.where(recurred, self.duration, observed), recurred, observed)


def definition(fields: Iterable[str], origin: Origin) -> Phrase:
    """Return what a recurrence is."""
    code = "recurs_after_opened" if origin == "opened" else "recurs_after_resolved"
    return Phrase(code, {"fields": tuple(fields)})


def cohort(frame: pd.DataFrame, as_of: pd.Timestamp) -> Cohort:
    """Return the incidents that can be judged, as they were known at ``as_of``.

    A number that occurs twice counts once (its last row), or the copy would be its recurrence. A resolution before the
    opening is a typing error, so that incident counts as not resolved.

    Raises
    ------
    InputError
        If no incident is left, with the reasons.
    """
    opened = frame["opened_at"]
    reasons = {
        "without opened_at": opened.isna(),
        "opened before 1990": opened < EARLIEST,
        "opened after as_of": opened > as_utc(as_of),
        "number repeated": frame["number"].duplicated(keep="last"),
    }
    left_out, excluded = {}, np.zeros(len(frame), dtype=bool)
    for reason, applies in reasons.items():
        left_out[reason] = int((applies.to_numpy() & ~excluded).sum())
        excluded |= applies.to_numpy()
    rows = np.flatnonzero(~excluded)
    if not len(rows):
        counts = [Phrase("left_out_count", {"n": n, "omission": reason}) for reason, n in left_out.items() if n]
        values = {"until": f"{as_utc(as_of):%Y-%m-%d}", "found": tuple(counts) or Phrase("no_incidents")}
        raise InputError(Phrase("recurrence_has_no_cohort", values))
    rows = rows[np.argsort(opened.iloc[rows].to_numpy(), kind="stable")]
    eligible = frame.iloc[rows].reset_index(drop=True)
    for name in ("resolved_at", "closed_at", "reopened_at"):
        eligible[name] = eligible[name].where(
            (eligible[name] <= as_utc(as_of)) & (eligible[name] >= eligible["opened_at"])
        )
    left_out["resolved before opened (kept as not resolved)"] = int((frame["resolved_at"] < opened).iloc[rows].sum())
    return Cohort(eligible, rows, left_out)


def censored_outcomes(frame: pd.DataFrame, keys: pd.Series, as_of: pd.Timestamp, origin: Origin) -> CensoredOutcomes:
    """Return when each incident of a cohort recurred: the same signature logged again, or the incident reopened.

    From ``opened`` the next incident of the signature counts, in order of logging; from ``resolved`` the first
    that was opened after the resolution, for those before it are reports of the same disturbance.

    Parameters
    ----------
    frame : DataFrame
        A cohort's frame, in order of ``opened_at``.
    keys : Series of str, shape (n,)
        Signatures; ``""`` cannot recur.
    """
    opened = days_of(frame["opened_at"])
    start = opened if origin == "opened" else days_of(frame["resolved_at"])
    again = _next_opened(opened, start, keys.to_numpy(dtype=object), origin)
    reopened = days_of(frame["reopened_at"])
    again = np.fmin(again, np.where(reopened > start, reopened, np.inf))
    observed = days_of(pd.Series([as_utc(as_of)]))[0] - start
    recurred = np.isfinite(again) & np.isfinite(start)
    return CensoredOutcomes(np.where(recurred, again - start, observed), recurred, observed)


def _next_opened(opened: Floats, start: Floats, keys: npt.NDArray[np.object_], origin: Origin) -> Floats:
    codes, _ = pd.factorize(keys)
    order = np.lexsort((opened, codes))
    by_key, times = codes[order], opened[order]
    if origin == "opened":
        following = np.arange(1, len(order) + 1)
    else:  # position of the first of the same key opened later than the resolution
        moments = np.where(np.isfinite(start), start, np.inf)[order]
        following = np.empty(len(order), dtype=np.intp)
        first = np.searchsorted(by_key, by_key, side="left")
        last = np.searchsorted(by_key, by_key, side="right")
        for i, (a, b) in enumerate(zip(first, last, strict=True)):
            following[i] = a + np.searchsorted(times[a:b], moments[i], side="right")
    inside = following < len(order)
    same = np.zeros(len(order), dtype=bool)
    same[inside] = by_key[following[inside]] == by_key[inside]
    following_time = np.full(len(order), np.inf)
    following_time[same] = times[following[same]]
    result = np.empty(len(order))
    result[order] = following_time
    result[keys == ""] = np.inf
    return result
