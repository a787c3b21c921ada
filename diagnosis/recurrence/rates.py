"""The recurrence rate that an organisation may report: Kaplan-Meier corrected, with the naive figure beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri, stdtrit

from diagnosis.arrays import Floats
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.recurrence.features import reads_like_workaround
from diagnosis.recurrence.outcomes import CensoredOutcomes, Origin, censored_outcomes, cohort
from diagnosis.recurrence.signature import Signature
from diagnosis.times import as_utc

TARGET = 0.05
LEVEL = 0.95
FEWEST_FREEDOM = 2  # with one degree of freedom Student's quantile says nothing at all
RATE_COLUMNS = ("group", "days", "incidents", "rate", "lower", "upper", "naive", "followed", "target", "verdict")


def recurrence_rate(
    frame: pd.DataFrame,
    signature: Signature,
    horizons: Sequence[int] = (7, 30, 90),
    *,
    as_of: pd.Timestamp,
    by: str | None = None,
    origin: Origin = "opened",
    target: float = TARGET,
    since: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return how often incidents recurred within each horizon, corrected for those not yet watched that long.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame.
    by : str, optional
        ``"month"`` (of opening), ``"workaround"`` (whether the resolution reads like one) or a column of the frame.
    since : Timestamp, optional
        Only what happened after it counts: an incident logged before enters at the age that it then had (period
        analysis; Brenner and Gefeller 1996), so that the rate is of the last days and not of the whole history.

    Returns
    -------
    DataFrame
        With `RATE_COLUMNS`, a row for each group and horizon, by size or month: ``rate`` with its 95 % band, NaN where
        nobody was watched that long; ``naive`` is the share of all incidents seen to recur so far, which always looks
        too good; ``followed`` is the share watched for the whole horizon; ``incidents`` are those that were under
        observation within the longest horizon after ``since``; ``verdict`` compares the band with
        ``target``: ``"met"``, ``"missed"`` or ``"not proven"``.

    Raises
    ------
    InputError
        If no incident can be judged, the column does not exist, or a horizon is no day or there is none.
    """
    if not horizons or min(horizons) < 1:
        raise InputError(Phrase("horizons_too_short", {"value": str(list(horizons))}))
    eligible = cohort(frame, as_of).frame
    keys = signature.keys(eligible)
    outcomes = censored_outcomes(eligible, keys, as_of, origin)
    usable = (keys != "").to_numpy() & np.isfinite(outcomes.observed)
    if not usable.any():
        values = {"fields": signature.fields, "n": len(eligible)}
        raise InputError(Phrase("no_rate_after_resolution" if origin == "resolved" else "no_rate", values))
    # A start before every incident leaves all of them in, from age 0 on.
    entry = (
        np.full(len(eligible), -1.0)
        if since is None
        else outcomes.observed - (as_utc(as_of) - as_utc(since)) / pd.Timedelta(days=1)
    )
    usable &= (outcomes.duration > entry) & (entry < max(horizons))
    groups = _groups(eligible, by)[usable]
    outcomes, entry, cluster = outcomes.take(usable), entry[usable], pd.factorize(keys[usable])[0]
    rows: list[dict[str, object]] = []
    for group in _ordered(groups, by):
        inside = (groups == group).to_numpy()
        rows += _rates(str(group), outcomes.take(inside), entry[inside], cluster[inside], horizons, target)
    return pd.DataFrame(rows, columns=list(RATE_COLUMNS))


def kaplan_meier(
    duration: Floats, recurred: npt.NDArray[np.bool_], days: Sequence[float], entry: Floats | None = None
) -> Floats:
    """Return the share recurred within each number of days, 1 - S(t) (Kaplan and Meier 1958), shape (n_days,).

    Beyond the longest time anyone was watched, the share reached by then. ``entry`` holds the age in days at which each
    incident came under observation; without it all of them did when they were opened.
    """
    times, events, at_risk = life_table(duration, recurred, entry)
    survival = np.cumprod(1.0 - events / at_risk)
    position = np.searchsorted(times, np.asarray(days, dtype=float), side="right")
    share: Floats = 1.0 - np.concatenate([[1.0], survival])[position]
    return share


def band(
    duration: Floats,
    recurred: npt.NDArray[np.bool_],
    cluster: npt.NDArray[np.intp],
    days: float,
    entry: Floats | None = None,
) -> tuple[float, float]:
    """Return the 95 % band of the Kaplan-Meier share within ``days``.

    Incidents of one signature come in bursts and are not independent, so the variance sums their influence by
    signature (infinitesimal jackknife; Williams 1995); it is never less than Greenwood's, which takes incidents one by
    one, for few signatures may agree by chance. Few signatures also know their variance badly: Student's quantile
    stands in for the normal one (Bell and McCaffrey 2002). The band is taken on the log-log scale, which keeps it
    inside 0 and 1. Where none recurred, or all, the exact binomial bound stands in.
    """
    times, events, at_risk = life_table(duration, recurred, entry)
    share, n_clusters = float(kaplan_meier(duration, recurred, [days], entry)[0]), len(np.unique(cluster))
    tail = (1 - LEVEL) / 2
    if share == 1.0 and not recurred.all():  # the few at risk at some age all recurred: they say nothing of the others
        return 0.0, 1.0
    if share in (0.0, 1.0):
        exact = 1.0 - tail ** (1.0 / n_clusters)
        return (0.0, exact) if share == 0.0 else (1.0 - exact, 1.0)
    until = np.minimum(duration, days)
    cumulated = np.concatenate([[0.0], np.cumsum(events / at_risk**2)])
    weight = cumulated[np.searchsorted(times, until, side="right")]
    if entry is not None:
        weight = weight - cumulated[np.searchsorted(times, np.minimum(entry, until), side="right")]
    event_influence = np.where(recurred & (duration <= days), 1.0 / at_risk[np.searchsorted(times, duration)], 0.0)
    influence = np.bincount(cluster, weights=event_influence - weight)
    early = times <= days
    greenwood = np.sum(events[early] / (at_risk[early] * (at_risk[early] - events[early])))
    if n_clusters > 1:
        variance = max((influence**2).sum() * n_clusters / (n_clusters - 1), greenwood)
        quantile = -stdtrit(max(n_clusters - 1, FEWEST_FREEDOM), tail)
    else:  # no second signature that could differ from the first
        variance, quantile = greenwood, -ndtri(tail)
    log_survival = np.log1p(-share)
    half = quantile * np.sqrt(variance) / abs(log_survival)
    return float(-np.expm1(log_survival * np.exp(-half))), float(-np.expm1(log_survival * np.exp(half)))


def life_table(
    duration: Floats, recurred: npt.NDArray[np.bool_], entry: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return distinct times, recurrences at each and how many were at risk just before it."""
    times, position = np.unique(duration, return_inverse=True)
    events = np.bincount(position, weights=recurred, minlength=len(times))
    leaving = np.bincount(position, minlength=len(times))
    entered = len(duration) if entry is None else np.searchsorted(np.sort(entry), times, side="left")
    at_risk = entered - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    return times, events.astype(np.float64), at_risk.astype(np.float64)


def _rates(
    group: str,
    outcomes: CensoredOutcomes,
    entry: Floats,
    cluster: npt.NDArray[np.intp],
    horizons: Sequence[int],
    target: float,
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for days in horizons:
        watched = bool((outcomes.observed >= days).any())
        duration, recurred = outcomes.duration, outcomes.recurred
        rate = float(kaplan_meier(duration, recurred, [days], entry)[0]) if watched else np.nan
        lower, upper = band(duration, recurred, cluster, days, entry) if watched else (np.nan, np.nan)
        verdict = "met" if upper <= target else "missed" if lower > target else "not proven"
        naive, followed = (outcomes.recurred & (outcomes.duration <= days)).mean(), (outcomes.observed >= days).mean()
        values = (group, days, len(cluster), rate, lower, upper, float(naive), float(followed), target, verdict)
        rows.append(dict(zip(RATE_COLUMNS, values, strict=True)))
    return rows


def _groups(frame: pd.DataFrame, by: str | None) -> pd.Series:
    if by is None:
        return pd.Series("all", index=frame.index)
    if by == "month":
        months: pd.Series = frame["opened_at"].dt.strftime("%Y-%m")
        return months
    if by == "workaround":
        reads = reads_like_workaround(IncidentBatch.from_frame(frame))
        words = pd.Series(np.where(reads, "workaround", "not a workaround"), index=frame.index)
        return words.where(frame["resolved_at"].notna(), "not resolved")
    if by not in frame:
        raise InputError(Phrase("grouped_by_no_column", {"value": by, "columns": tuple(frame.columns)}))
    return frame[by].astype("str")


def _ordered(groups: pd.Series, by: str | None) -> list[object]:
    sizes = groups.value_counts(sort=False)
    ordered = sizes.sort_index() if by == "month" else sizes.sort_index().sort_values(ascending=False, kind="stable")
    return list(ordered.index)
