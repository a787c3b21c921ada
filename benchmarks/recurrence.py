"""Recurrence risk beside what people use instead, at three cuts inside `servicenow-incidents`.

    python -m benchmarks.recurrence

Each cut trains on what was known that day (later outcomes unseen), and scores the incidents logged from then on, each
seeing only what was logged before it. Horizon 7 days; signature caller and subcategory. Cox regression and the random
survival forest get the very features of our model; the forest is fitted on the newest incidents it can hold in time.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv

from benchmarks.data import shared
from diagnosis.incident import CODED_FIELDS, as_frame
from diagnosis.recurrence import HistoryState, RecurrenceModel, Signature
from diagnosis.recurrence.hazard import fit_hazard, grid, trials
from diagnosis.recurrence.outcomes import CensoredOutcomes, censored_outcomes
from diagnosis.recurrence.rates import kaplan_meier
from diagnosis.recurrence.scores import HorizonScores, score_horizon
from diagnosis.times import days_of

SIGNATURE = Signature(("caller", "subcategory"))
FOREST_ROWS = 2500


class Cut:
    """One cut: what was known that day, and what came after."""

    def __init__(self, frame: pd.DataFrame, day: int, horizon: int) -> None:
        self.horizon = horizon
        start = frame["opened_at"].min().floor("D")
        self.as_of = start + pd.Timedelta(days=day)
        past = (frame["opened_at"] < self.as_of).to_numpy()
        self.past, self.later = frame[past].reset_index(drop=True), frame[~past].reset_index(drop=True)
        keys, end = SIGNATURE.keys(frame), pd.Timestamp(frame["opened_at"].max()).ceil("D")
        self.truth = censored_outcomes(frame, keys, end, "opened").take(np.flatnonzero(~past))
        self.outcomes = censored_outcomes(self.past, keys[past], self.as_of, "opened")
        self.keys, self.later_keys = keys[past].to_numpy(), keys[~past].to_numpy()
        self.model = RecurrenceModel(SIGNATURE, (horizon,))
        self.usable = self.keys != ""

    def ours(self) -> np.ndarray:
        """Fit our model; keep its features for the others."""
        self.model.fit(self.past, as_of=self.as_of)
        state = HistoryState(SIGNATURE, self.model.fields_)
        x, x_later = state.describe(self.past, add=True), state.describe(self.later, add=True)
        self.fitted = self.model.logging_.regression
        self.z, self.z_later = (self.fitted._z(x, self.fitted.mean, self.fitted.scale) for x in (x, x_later))
        return self.model.probabilities(self.later, self.past)[:, 0]

    def as_negatives(self) -> np.ndarray:
        """Count what has not recurred as never recurring."""
        outcomes = self.outcomes.take(self.usable)
        forever = CensoredOutcomes(
            np.where(outcomes.recurred, outcomes.duration, 1e3), outcomes.recurred, np.full(len(outcomes.duration), 1e3)
        )
        return self._same_learner(self.usable, forever)

    def dropped(self) -> np.ndarray:
        """Keep only the incidents watched for the whole horizon; same learner."""
        rows = self.usable & (self.outcomes.observed >= self.horizon)
        return self._same_learner(rows, self.outcomes.take(rows))

    def _same_learner(self, rows: np.ndarray, outcomes: CensoredOutcomes) -> np.ndarray:
        edges, rhythm = grid((self.horizon,)), self.model.rhythm_
        widths, later = (rhythm.log_widths(days_of(f["opened_at"]), edges) for f in (self.past[rows], self.later))
        hazard = fit_hazard(self.z[rows], *trials(outcomes, edges), edges, self.fitted.ridge, widths)
        return hazard.risk(self.z_later, [self.horizon], later)[:, 0]

    def cox(self) -> np.ndarray:
        """Cox regression on the same features."""
        columns = np.ptp(self.z, axis=0) > 0
        cox = CoxPHSurvivalAnalysis(alpha=self.fitted.ridge, ties="breslow")
        outcomes = self.outcomes.take(self.usable)
        cox.fit(
            self.z[self.usable][:, columns], Surv.from_arrays(outcomes.recurred, np.maximum(outcomes.duration, 1e-3))
        )
        return 1 - np.array([f(self.horizon) for f in cox.predict_survival_function(self.z_later[:, columns])])

    def forest(self) -> np.ndarray:
        """Random survival forest on the same features."""
        rows = np.flatnonzero(self.usable)[-FOREST_ROWS:]
        steps = np.minimum(
            np.ceil(self.outcomes.duration[rows] * 4) / 4, self.horizon + 1
        )  # quarters of a day: fewer times
        recurred = self.outcomes.recurred[rows] & (self.outcomes.duration[rows] <= self.horizon)
        forest = RandomSurvivalForest(50, min_samples_leaf=20, max_features="sqrt", random_state=0, n_jobs=1)
        forest.fit(self.z[rows], Surv.from_arrays(recurred, np.maximum(steps, 0.01)))
        at = int(np.searchsorted(forest.unique_times_, self.horizon, side="right")) - 1
        return 1 - forest.predict_survival_function(self.z_later, return_array=True)[:, at]

    def per_signature(self) -> np.ndarray:
        """Kaplan-Meier share of each signature seen twice, of everyone for the rest."""
        outcomes = self.outcomes.take(self.usable)
        everyone = float(kaplan_meier(outcomes.duration, outcomes.recurred, [self.horizon])[0])
        rows = pd.Series(np.arange(len(outcomes.duration))).groupby(self.keys[self.usable]).indices
        shares = {
            key: kaplan_meier(outcomes.duration[rows_of_key], outcomes.recurred[rows_of_key], [self.horizon])[0]
            for key, rows_of_key in rows.items()
            if len(rows_of_key) > 1
        }
        return np.array([shares.get(key, everyone) for key in self.later_keys])

    def complete_cases(self) -> np.ndarray:
        """Logistic regression over the one-hot fields of those watched for the whole horizon."""
        fields = [name for name in CODED_FIELDS if len(self.past[name].unique()) > 1]
        rows = self.usable & (self.outcomes.observed >= self.horizon)
        came = self.outcomes.recurred[rows] & (self.outcomes.duration[rows] <= self.horizon)
        encoder = OneHotEncoder(handle_unknown="ignore")
        one_hot = make_pipeline(encoder, LogisticRegression(C=0.3, max_iter=2000))
        one_hot.fit(self.past.loc[rows, fields].astype(object), came)
        return one_hot.predict_proba(self.later[fields].astype(object))[:, 1]


METHODS = {
    "discrete-time hazard (ours)": Cut.ours,
    "ours, censored as negatives": Cut.as_negatives,
    "ours, censored dropped": Cut.dropped,
    "Cox regression, same features": Cut.cox,
    "random survival forest, same features": Cut.forest,
    "Kaplan-Meier per signature": Cut.per_signature,
    "one-hot logistic, complete cases": Cut.complete_cases,
}


def row(day: int, name: str, scores: HorizonScores, seconds: float) -> str:
    return (
        f"| {day} | {name} | {scores.auc:.3f} | {scores.average_precision:.3f} | {scores.brier:.4f} | "
        f"{scores.mean_predicted:.3f} / {scores.observed:.3f} | {scores.time_dependent_auc:.3f} | "
        f"{scores.ipcw_brier:.4f} | {seconds:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, nargs="+", default=[21, 28, 35])
    parser.add_argument("--horizon", type=int, default=7, help="days")
    parser.add_argument("--curves", action="store_true", help="print our calibration curves too")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    file = shared("servicenow-incidents") / "incidents.csv"
    frame = as_frame(pd.read_csv(file, dtype=str, keep_default_na=False)).sort_values("opened_at", kind="stable")
    print("| cut | method | AUC | AP | Brier | predicted / observed | time-dependent AUC | IPCW Brier | seconds |")
    print("|--:|:--|--:|--:|--:|--:|--:|--:|--:|")
    curves = {}
    for day in args.days:
        cut = Cut(frame.reset_index(drop=True), day, args.horizon)
        for name, method in METHODS.items():
            started = time.perf_counter()
            risk = method(cut)
            scores = score_horizon(risk, cut.truth, args.horizon)
            print(row(day, name, scores, time.perf_counter() - started), flush=True)
            if name.endswith("(ours)"):
                curves[day] = scores.calibration
    if args.curves:
        for day, curve in curves.items():
            print(f"\ncut {day}: " + ", ".join(f"{mean:.2f} → {share:.2f}" for mean, share, _ in curve))


if __name__ == "__main__":
    main()
