"""What recurrence costs: features and both fits on a synthetic year, one incident assessed, and the rates.

    python -m benchmarks.recurrence_speed [--incidents 100000]

Processor time is what counts on a busy machine; the fit runs on one thread. Memory is the peak of the whole process.
The peer is the same learner from scikit-learn (L-BFGS) on the person-period rows written out, features given, on a
tenth of the incidents: rows times features is what it would need for all of them.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from diagnosis.incident import IncidentBatch, as_frame, incidents_of
from diagnosis.recurrence import RecurrenceModel, Signature, recurrence_rate
from diagnosis.recurrence.hazard import fit_hazard, grid, trials
from diagnosis.recurrence.outcomes import censored_outcomes

START = pd.Timestamp("2025-01-06", tz="UTC")
SIGNATURE = Signature(("caller", "subcategory"))
FEATURES = 130
ASSESSED = 500


def synthetic_year(n: int, seed: int = 0) -> pd.DataFrame:
    """Return a year of incidents in office hours, callers and kinds as uneven as they are in life."""
    draw = np.random.default_rng(seed)
    day = draw.choice(np.flatnonzero(np.arange(365) % 7 < 5), n)
    opened = START + pd.to_timedelta(np.sort(day + draw.normal(0.5, 0.12, n)), unit="D")
    kind = draw.zipf(1.3, n) % 200
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i:07}" for i in range(n)],
                "opened_at": opened,
                "caller": [f"u{i}" for i in draw.zipf(1.2, n) % 5000],
                "location": [f"l{i}" for i in draw.integers(0, 180, n)],
                "service": [f"s{i}" for i in kind % 30],
                "cmdb_ci": [f"c{i}" for i in draw.zipf(1.3, n) % 1000],
                "symptom": [f"y{i}" for i in draw.integers(0, 400, n)],
                "category": [f"k{i}" for i in kind // 5],
                "subcategory": [f"b{i}" for i in kind],
                "assignment_group": [f"g{i}" for i in kind // 3],
                "resolved_at": opened + pd.to_timedelta(draw.exponential(1.0, n), unit="D"),
                "close_notes": draw.choice(["restarted the client", "replaced the cable", "重启后恢复"], n),
            }
        )
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what the work returns, its processor seconds and its seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def peer(frame: pd.DataFrame) -> tuple[float, float]:
    """Return processor seconds of our fit and of scikit-learn's on the same rows and features."""
    edges, end = grid((7, 30)), START + pd.Timedelta(days=366)
    outcomes = censored_outcomes(frame, SIGNATURE.keys(frame), end, "opened")
    at_risk, event = trials(outcomes, edges)
    z = np.random.default_rng(1).normal(size=(len(frame), FEATURES))
    _, ours, _ = timed(lambda: fit_hazard(z, at_risk, event, edges, 100.0))
    i, k = np.nonzero(at_risk)
    rows = np.hstack([z[i], z[i] * np.log(edges[1:])[k][:, None], np.eye(len(edges) - 1)[k]])
    written_out = LogisticRegression(C=0.01, max_iter=500)
    _, theirs, _ = timed(lambda: written_out.fit(rows, event[i, k]))
    return ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=100_000)
    n = parser.parse_args().incidents
    frame = synthetic_year(n)
    end = pd.Timestamp(frame["opened_at"].max())
    model, fit_cpu, fit_wall = timed(lambda: RecurrenceModel(SIGNATURE).fit(frame, as_of=end))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    state, state_cpu, state_wall = timed(lambda: model.state(frame))
    last = IncidentBatch.from_incidents(
        replace(incident, opened_at=end) for incident in incidents_of(frame[-ASSESSED:])
    )
    singles = [last[row : row + 1].as_logged() for row in range(len(last))]
    costs = sorted(timed(lambda single=single: model.assess(single, state))[1] * 1000 for single in singles)
    _, rate_cpu, rate_wall = timed(lambda: recurrence_rate(frame, SIGNATURE, as_of=end, by="month"))
    ours, theirs = peer(frame[: n // 10])
    print("| what | processor | wall |\n|:--|--:|--:|")
    print(f"| features and both fits, {n:,} incidents | {fit_cpu:.0f} s | {fit_wall:.0f} s |")
    print(f"| history read at start, {n:,} incidents | {state_cpu:.1f} s | {state_wall:.1f} s |")
    print(f"| one incident assessed, median of {ASSESSED} | {costs[ASSESSED // 2]:.2f} ms | |")
    print(f"| one incident assessed, 95th percentile | {costs[int(0.95 * ASSESSED)]:.2f} ms | |")
    print(f"| rates by month, three horizons | {rate_cpu:.1f} s | {rate_wall:.1f} s |")
    print(f"\nPeak memory after the fits: {memory:.2f} GiB. One fit of {n // 10:,} incidents, {FEATURES} features:")
    print(f"ours takes 1/{theirs / ours:.1f} of scikit-learn's processor time on the rows written out.")


if __name__ == "__main__":
    main()
