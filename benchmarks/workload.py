"""How many incidents will come, be closed and be open, beside plain forecasts, at cuts inside each history.

    python -m benchmarks.workload [--set bank-incidents] [--early] [--quick]

Each cut knows what was known that moment and forecasts the four weeks after it, week by week, for the desk and for
each group. Deviance is the mean Poisson deviance of a week's count, error the mean absolute one, and the last columns
are the shares of weeks and of days that lie in the 80 % interval (Poisson's for plain rates). `--early` has the cuts
that were looked at while the method was chosen.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import poisson
from sklearn.linear_model import PoissonRegressor

from benchmarks.service_levels import history
from diagnosis.incident import IncidentBatch
from diagnosis.surges.rhythm import holiday_kinds
from diagnosis.workload import forecast_workload

# By history: country of the holidays, cuts that were looked at while choosing, and cuts that were not.
SETS = {
    "bank-incidents": (
        "NL",
        pd.date_range("2013-10-29", "2013-11-12", freq="7D"),
        pd.date_range("2013-11-19", "2013-12-17", freq="7D"),
    ),
    "servicenow-incidents": (
        "",
        pd.date_range("2016-03-21", "2016-03-21"),
        pd.date_range("2016-03-28", "2016-04-07", freq="5D"),
    ),
    "status-page": (
        "",
        pd.date_range("2012-01-01", "2016-01-01", freq="92D"),
        pd.date_range("2016-06-01", "2019-11-15", freq="46D"),
    ),
    "sample": (
        "CN",
        pd.date_range("2025-08-05", "2026-03-01", freq="21D"),
        pd.date_range("2026-03-10", "2026-10-01", freq="14D"),
    ),
}
WEEKS = 4


@dataclass
class Forecast:
    """Means and bounds by day, shape (28,); weeks too."""

    daily: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    weekly: np.ndarray
    weekly_lower: np.ndarray
    weekly_upper: np.ndarray


def plain(daily: np.ndarray) -> Forecast:
    """Return a forecast whose interval is Poisson's."""
    daily = np.maximum(daily, 1e-3)
    weekly = daily.reshape(WEEKS, 7).sum(axis=1)
    return Forecast(daily, *poisson.ppf([[0.1], [0.9]], daily), weekly, *poisson.ppf([[0.1], [0.9]], weekly))


def last_week(past: pd.Series) -> Forecast:
    """Return the last week again (seasonal naive)."""
    return plain(np.tile(past.to_numpy()[-7:], WEEKS))


def last_four_weeks(past: pd.Series) -> Forecast:
    """Return the mean of the last four weeks' weekdays."""
    days = past.to_numpy()[-28:]
    return plain(np.tile(days[len(days) % 7 :].reshape(-1, 7).mean(axis=0), WEEKS))


def regression(past: pd.Series, kinds: Callable) -> Forecast:
    """Poisson regression over weekday, holiday and time (scikit-learn)."""

    def features(days: pd.DatetimeIndex) -> np.ndarray:
        holiday = np.array([kinds(day.date()) == "holiday" for day in days])
        weekday = np.equal.outer(np.asarray(days.dayofweek), np.arange(7))
        return np.column_stack([weekday, holiday, (days - past.index[-1]).days / 100])

    ahead = pd.date_range(past.index[-1] + pd.Timedelta(days=1), periods=7 * WEEKS)
    model = PoissonRegressor(alpha=1e-3, max_iter=300).fit(features(past.index[-180:]), past.to_numpy()[-180:])
    return plain(model.predict(features(ahead)))


def prophet(past: pd.Series, country: str) -> Forecast | None:
    """Prophet with its defaults, and the country's holidays."""
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    model = Prophet(interval_width=0.8)
    if country:
        model.add_country_holidays(country)
    model.fit(pd.DataFrame({"ds": past.index.tz_localize(None), "y": past.to_numpy()}))
    ahead = pd.DataFrame(
        {"ds": pd.date_range(past.index[-1].tz_localize(None) + pd.Timedelta(days=1), periods=7 * WEEKS)}
    )
    said = model.predict(ahead)
    drawn = model.predictive_samples(ahead)["yhat"].reshape(WEEKS, 7, -1).sum(axis=1)
    daily = np.maximum(said["yhat"].to_numpy(), 1e-3)
    bounds = np.quantile(drawn, [0.1, 0.9], axis=1)
    weekly = daily.reshape(WEEKS, 7).sum(axis=1)
    return Forecast(daily, said["yhat_lower"].to_numpy(), said["yhat_upper"].to_numpy(), weekly, *bounds)


def ours(days: list, weeks: list, name: str) -> Forecast:
    """Return one of our amounts as a forecast."""
    by_day, by_week = [getattr(day, name) for day in days[: 7 * WEEKS]], [getattr(week, name) for week in weeks[:WEEKS]]
    return Forecast(
        *(
            np.array([getattr(a, part) for a in by])
            for by in (by_day, by_week)
            for part in ("expected", "lower", "upper")
        )
    )


class Scores:
    """Errors of one method, gathered over cuts and groups."""

    def __init__(self) -> None:
        self.deviance: list[float] = []
        self.error: list[float] = []
        self.weeks: list[bool] = []
        self.days: list[bool] = []

    def add(self, said: Forecast, count: np.ndarray, n_weeks: int) -> None:
        """Take in the weeks that were judged."""
        week = count.reshape(WEEKS, 7).sum(axis=1)[:n_weeks]
        mean = np.maximum(said.weekly[:n_weeks], 0.05)
        self.deviance += (2 * (xlogy(week, np.where(week > 0, week / mean, 1)) - (week - mean))).tolist()
        self.error += np.abs(week - said.weekly[:n_weeks]).tolist()
        self.weeks += ((said.weekly_lower[:n_weeks] <= week) & (week <= said.weekly_upper[:n_weeks])).tolist()
        days = slice(0, 7 * n_weeks)
        self.days += ((said.lower[days] <= count[days]) & (count[days] <= said.upper[days])).tolist()

    def row(self) -> str:
        """Return the columns of the table."""
        return (
            f"{len(self.error):,} | {np.mean(self.deviance):.2f} | {np.mean(self.error):.2f} | "
            f"{np.mean(self.weeks):.0%} | {np.mean(self.days):.0%}"
        )


def by_day(moments: pd.Series, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    days = moments.dt.floor("D").value_counts()
    return days.reindex(pd.date_range(first, last, freq="D", tz="UTC"), fill_value=0)


def arrivals(name: str, *, early: bool, slow: bool) -> None:
    country, *cuts = SETS[name]
    frame = history(name)
    batch, end = IncidentBatch.from_frame(frame), frame["opened_at"].max().floor("D")
    scores: dict[tuple[str, str], Scores] = defaultdict(Scores)
    backlog: dict[str, Scores] = defaultdict(Scores)
    for cut in cuts[0 if early else 1].tz_localize("UTC"):
        n_weeks = min((end - cut).days // 7, WEEKS)
        if not n_weeks:
            continue
        report = forecast_workload(batch, cut, 7 * WEEKS, holidays=country)
        whole = by_day(frame["opened_at"], frame["opened_at"].min().floor("D"), cut + pd.Timedelta(days=27))
        score(scores, "desk", whole, cut, n_weeks, ours(report.desk.days, report.desk.weeks, "logged"), country, slow)
        for group in report.groups:
            if group.logged_last_28_days < 10:
                continue
            own = frame.loc[frame["assignment_group"] == group.assignment_group, "opened_at"]
            counts = by_day(own, whole.index[0], whole.index[-1])
            score(scores, "groups", counts, cut, n_weeks, ours(group.days, group.weeks, "logged"), country, slow=False)
        open_then(backlog, frame, report.desk, cut, n_weeks)
    print(f"\n## {name}\n\n| of | method | weeks | deviance | error | weeks inside 80 % | days inside 80 % |")
    print("|:--|:--|--:|--:|--:|--:|--:|")
    for (scope, method), score_of in scores.items():
        print(f"| {scope} | {method} | {score_of.row()} |")
    print("\n| backlog at a week's end | error | inside 80 % |\n|:--|--:|--:|")
    for method, score_of in backlog.items():
        inside = f"{np.mean(score_of.weeks):.0%}" if score_of.weeks else ""
        print(f"| {method} | {np.mean(score_of.error):.1f} | {inside} |")


def score(
    scores: dict,
    scope: str,
    counts: pd.Series,
    cut: pd.Timestamp,
    n_weeks: int,
    own: Forecast,
    country: str,
    slow: bool,
) -> None:
    past, later = counts[counts.index < cut], counts[counts.index >= cut].to_numpy()
    said = {
        "ours": own,
        "seasonal naive": last_week(past),
        "mean of four weeks": last_four_weeks(past),
        "Poisson regression": regression(past, holiday_kinds(country)),
    }
    if slow:
        said["Prophet"] = prophet(past, country)
    for method, forecast in said.items():
        scores[scope, method].add(forecast, later, n_weeks)


def open_then(scores: dict[str, Scores], frame: pd.DataFrame, desk: object, cut: pd.Timestamp, n_weeks: int) -> None:
    ended = frame["resolved_at"].fillna(frame["closed_at"])
    before = frame["opened_at"] < cut
    now = int((before & ~(ended < cut)).sum())
    month = cut - pd.Timedelta(days=28)
    flow = int((before & (frame["opened_at"] >= month)).sum()) - int(((ended < cut) & (ended >= month)).sum())
    for place, week in enumerate(desk.weeks[:n_weeks]):
        moment = cut + pd.Timedelta(days=7 * (place + 1))
        later = int(((frame["opened_at"] < moment) & ~(ended < moment)).sum())
        scores["ours"].error.append(abs(week.backlog.expected - later))
        scores["ours"].weeks.append(week.backlog.lower <= later <= week.backlog.upper)
        scores["as now"].error.append(abs(now - later))
        scores["goes on as in the last four weeks"].error.append(abs(now + flow * (place + 1) / 4 - later))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, help="one history alone")
    parser.add_argument("--early", action="store_true", help="the cuts that were looked at while choosing")
    parser.add_argument("--quick", action="store_true", help="without Prophet")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    slow = not args.quick
    if slow:
        try:
            import prophet as _  # noqa: F401
        except ImportError:
            sys.stderr.write("Prophet is not installed (the extra bench has it): left out\n")
            slow = False
    for name in [args.set] if args.set else SETS:
        arrivals(name, early=args.early, slow=slow)


if __name__ == "__main__":
    main()
