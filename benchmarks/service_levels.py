"""Will it be restored in time: our model beside what people use instead, at cuts inside each history.

    python -m benchmarks.service_levels [--set bank-incidents] [--quick]
    python -m benchmarks.service_levels --response   # the response clock, on complaints

Each cut trains on what was known that moment and judges the incidents logged from then on, as they were logged. `ours`
knows no outcome after the cut, as `faultwise diagnose` does; `ours, in service` hears of each end when it comes. Cox
regression and the survival forest get coded fields, hour and weekday, and are fitted on the newest incidents.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from benchmarks.data import shared
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.service_levels import ServiceLevelModel
from training.fitting.as_of import as_known_at

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample" / "incidents.csv"
# By history: hours that are promised, and the shares of the time at which it is cut.
SETS = {
    "bank-incidents": (4.0, ("2013-11-15", "2013-12-01", "2013-12-16")),
    "servicenow-incidents": (24.0, ("2016-03-21", "2016-03-28", "2016-04-04")),
    "sample": (24.0, ("2026-04-01", "2026-06-01", "2026-08-01")),
}
JUDGED = pd.Timedelta(days=35)
FIELDS = ("type", "priority", "category", "subcategory", "service", "cmdb_ci", "symptom", "location", "contact_type")
COX_ROWS, FOREST_ROWS = 6_000, 2_000
LONGEST = 168.0  # hours: survival models need not look further


class Cut:
    """What was known at a moment, and what was logged in the weeks after it."""

    def __init__(self, frame: pd.DataFrame, moment: str, limit: float) -> None:
        self.limit, self.as_of = limit, pd.Timestamp(moment, tz="UTC")
        self.past = as_known_at(frame, self.as_of.isoformat())
        end = frame[["opened_at", "resolved_at"]].max().max()
        opened = frame["opened_at"]
        judged = (opened > self.as_of) & (opened < self.as_of + JUDGED) & (opened + pd.Timedelta(hours=limit) < end)
        self.later = frame[judged].reset_index(drop=True)
        self.truth = ~(_hours(self.later) <= limit)
        self.waited = np.where(
            np.isfinite(_hours(self.past)),
            _hours(self.past),
            (self.as_of - self.past["opened_at"]).dt.total_seconds() / 3600,
        )
        self.ended = np.isfinite(_hours(self.past))
        self.decided = (self.ended | (self.waited > limit)) & (self.waited >= 0)
        self.late = ~(self.ended & (self.waited <= limit))

    @property
    def settings(self) -> dict[str, object]:
        """The rule that promises restoration."""
        return {"rules": [{"restoration_hours": self.limit}]}

    def ours(self, past: pd.DataFrame | None = None, *, in_service: bool = False) -> np.ndarray:
        """Return our probabilities, with outcomes up to the cut, or as they come."""
        model = ServiceLevelModel(self.settings).fit(self.past if past is None else past, as_of=self.as_of)
        later = IncidentBatch.from_frame(self.later)
        if not in_service:
            risks = model.assess(later, joining=True)
            return np.array([risk.restoration.probability_missed for risk in risks])
        wait, seconds = model.waits_["restoration"], 3600
        open_before = self.later_ends()
        order, place, late = np.argsort(self.later["opened_at"].to_numpy(), kind="stable"), 0, np.zeros(len(later))
        for row in order.tolist():
            opened = self.later["opened_at"][row].timestamp()
            while place < len(open_before) and open_before[place][0] <= opened:
                wait.history_.end(open_before[place][1], open_before[place][0] / seconds)
                place += 1
            (risk,) = model.assess(later[row : row + 1], joining=True)
            late[row] = risk.restoration.probability_missed
        return late

    def later_ends(self) -> list[tuple[float, str]]:
        """Return when what was open at the cut, or was logged after it, ended."""
        ended = self.all[self.all["resolved_at"] > self.as_of]
        return sorted(
            (moment.timestamp(), number) for moment, number in zip(ended["resolved_at"], ended["number"], strict=True)
        )

    def dropped(self) -> np.ndarray:
        """Return our probabilities, the open ones left out of what is learned."""
        return self.ours(self.past[self.ended].reset_index(drop=True))

    def boosting(self) -> np.ndarray:
        """Gradient boosting over the fields of the incident."""
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return self._classifier(make_pipeline(encoder, HistGradientBoostingClassifier(random_state=0)))

    def logistic(self) -> np.ndarray:
        """One-hot logistic regression."""
        encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
        return self._classifier(make_pipeline(encoder, LogisticRegression(C=0.3, max_iter=500)))

    def _classifier(self, model: object) -> np.ndarray:
        model.fit(_fields(self.past)[self.decided], self.late[self.decided])
        return model.predict_proba(_fields(self.later))[:, 1]

    def cox(self) -> np.ndarray:
        """Cox regression over frequent values."""
        return self._survival(CoxPHSurvivalAnalysis(alpha=10.0, ties="efron"), COX_ROWS)

    def forest(self) -> np.ndarray:
        """Random survival forest over the same."""
        forest = RandomSurvivalForest(100, min_samples_leaf=20, max_features="sqrt", random_state=0, low_memory=False)
        return self._survival(forest, FOREST_ROWS)

    def _survival(self, model: object, most: int) -> np.ndarray:
        encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=60, sparse_output=False, drop="first"
        )
        rows = np.flatnonzero(self.waited >= 0)[-most:]
        place = make_pipeline(make_column_transformer((encoder, list(_fields(self.past).columns))), StandardScaler())
        x = place.fit_transform(_fields(self.past).iloc[rows])
        y = Surv.from_arrays(
            self.ended[rows] & (self.waited[rows] <= LONGEST), np.clip(self.waited[rows], 0.01, LONGEST)
        )
        functions = model.fit(x, y).predict_survival_function(place.transform(_fields(self.later)))
        return np.array([function(self.limit) for function in functions])

    def by_priority(self) -> np.ndarray:
        """Kaplan-Meier share of each priority."""
        rates = {}
        for priority in set(self.past["priority"]):
            rows = (self.past["priority"] == priority).to_numpy() & (self.waited >= 0)
            rates[priority] = 1 - kaplan_meier(self.waited[rows], self.ended[rows], [self.limit])[0]
        overall = float(np.mean(list(rates.values())))
        return np.array([rates.get(priority, overall) for priority in self.later["priority"]])


def _hours(frame: pd.DataFrame) -> np.ndarray:
    return ((frame["resolved_at"] - frame["opened_at"]).dt.total_seconds() / 3600).to_numpy()


def _fields(frame: pd.DataFrame) -> pd.DataFrame:
    opened = frame["opened_at"].dt
    columns = {name: frame[name].astype(str) for name in FIELDS}
    return pd.DataFrame({**columns, "hour": opened.hour.astype(str), "weekday": opened.day_of_week.astype(str)})


def history(name: str) -> pd.DataFrame:
    """Return a history as a canonical frame."""
    path = SAMPLE if name == "sample" else shared(name) / "incidents.csv"
    return as_frame(pd.read_csv(path, dtype=str)).sort_values("opened_at", kind="stable", ignore_index=True)


def response() -> None:
    """Print how true the response clock is on complaints: distribution and calibration, for nearly all are late."""
    frame = as_frame(pd.read_csv(shared("complaints-zh") / "incidents.csv", dtype=str))
    frame = frame.sort_values("opened_at", kind="stable", ignore_index=True).assign(type="complaint")
    print("\ncomplaints-zh: answered within a limit\n")
    print("| cut | limit | n | mean | late | Brier | by fifths (said, was) | half answered, said | was |")
    print("|---|---|---|---|---|---|---|---|---|")
    for moment in ("2018-07-01", "2019-01-01", "2019-05-01"):
        as_of = pd.Timestamp(moment, tz="UTC")
        past = as_known_at(frame, as_of.isoformat())
        opened = frame["opened_at"]
        later = frame[(opened > as_of) & (opened < as_of + pd.Timedelta(days=180))].reset_index(drop=True)
        hours = ((later["responded_at"] - later["opened_at"]).dt.total_seconds() / 3600).to_numpy()
        for limit in (24.0, 168.0, 336.0):
            model = ServiceLevelModel({"rules": [{"response_hours": limit}]}).fit(past, as_of=as_of)
            risks = [risk.response for risk in model.assess(IncidentBatch.from_frame(later), joining=True)]
            said = np.array([risk.probability_missed for risk in risks])
            late = ~(hours <= limit)
            half = np.median([risk.hours.p50 if risk.hours.p50 is not None else np.inf for risk in risks])
            scores = f"{said.mean():.3f} | {late.mean():.3f} | {brier_score_loss(late, said):.4f}"
            middles = f"{half:.0f} h | {np.median(hours):.0f} h"
            print(f"| {moment} | {limit:g} h | {len(later)} | {scores} | {calibration(said, late)} | {middles} |")


def calibration(probability: np.ndarray, late: np.ndarray) -> str:
    """Return mean probability and share that was late, by fifths of the probability."""
    order = np.array_split(np.argsort(probability, kind="stable"), 5)
    return "; ".join(f"{probability[rows].mean():.2f} {late[rows].mean():.2f}" for rows in order)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, help="one history alone")
    parser.add_argument("--quick", action="store_true", help="without Cox regression and the forest")
    parser.add_argument("--response", action="store_true", help="the response clock on complaints alone")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.response:
        response()
        return
    for name in [args.set] if args.set else SETS:
        frame = history(name)
        limit, moments = SETS[name]
        print(f"\n{name}: restored within {limit:g} h\n")
        print("| cut | n, late | method | AUC | Brier | mean - late | s |\n|---|---|---|---|---|---|---|")
        for moment in moments:
            cut = Cut(frame, moment, limit)
            cut.all = frame
            methods: dict[str, Callable[[], np.ndarray]] = {
                "ours": cut.ours,
                "ours, in service": lambda cut=cut: cut.ours(in_service=True),
                "ours, open ones dropped": cut.dropped,
                "gradient boosting": cut.boosting,
                "one-hot logistic": cut.logistic,
                "Kaplan-Meier by priority": cut.by_priority,
            }
            if not args.quick:
                methods |= {"Cox regression": cut.cox, "survival forest": cut.forest}
            for method, predict in methods.items():
                start = time.perf_counter()
                probability = predict()
                seconds = time.perf_counter() - start
                scores = roc_auc_score(cut.truth, probability), brier_score_loss(cut.truth, probability)
                off = probability.mean() - cut.truth.mean()
                of = f"{len(cut.truth):,}, {cut.truth.mean():.1%}"
                print(
                    f"| {moment} | {of} | {method} | {scores[0]:.3f} | {scores[1]:.4f} | {off:+.3f} | {seconds:.0f} |",
                    flush=True,
                )
                if method == "ours":
                    curve = calibration(probability, cut.truth)
            print(f"\ncalibration of ours, by fifths (said, was): {curve}\n", flush=True)


if __name__ == "__main__":
    main()
