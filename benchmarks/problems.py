"""The forecast of problems beside plain rates, at cuts inside `bank-incidents`.

    python -m benchmarks.problems [--horizon 30]

Each cut learns from what was logged before it and forecasts every fault (configuration item and subcategory) known by
then. Deviance is the mean Poisson deviance, error the mean absolute one; the interval's share is of faults with five or
more incidents before the cut. After the later cuts comes Christmas.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.special import xlogy

from benchmarks.data import shared
from diagnosis.problems import FaultForecast

CUTS = ("2013-11-16", "2013-12-01", "2013-12-16")


def deviance(y: np.ndarray, mean: np.ndarray) -> float:
    return float(np.mean(2 * (xlogy(y, np.where(y > 0, y / mean, 1)) - (y - mean))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=30, help="days")
    horizon = parser.parse_args().horizon
    frame = pd.read_csv(shared("bank-incidents") / "incidents.csv", dtype=str, keep_default_na=False)
    keys = (frame["cmdb_ci"] + " " + frame["subcategory"]).to_numpy()
    print("| cut | faults | forecast | deviance | error | 80 % interval holds |\n|:--|--:|:--|--:|--:|--:|")
    for cut in CUTS:
        ages = (pd.Timestamp(cut) - pd.to_datetime(frame["opened_at"])).to_numpy() / np.timedelta64(1, "D")
        past, later = ages > 0, (ages <= 0) & (ages > -horizon)
        codes, names = pd.factorize(keys[past])
        counts = np.bincount(codes)
        place = pd.Index(names).get_indexer(keys[later])
        y = np.bincount(place[place >= 0], minlength=len(names))
        ours = FaultForecast.fit(ages[past], codes, horizon)
        recent = np.bincount(codes[ages[past] <= 30], minlength=len(names)) * horizon / 30
        often = counts >= 5
        held = ((ours.lower <= y) & (y <= ours.upper))[often].mean()
        rows = {
            "ours": (ours.expected, f"{held:.0%}"),
            "rate of the whole history": (counts / ages.max() * horizon, ""),
            "rate of the last 30 days": (recent + 0.05, ""),
        }
        for name, (mean, share) in rows.items():
            error = np.abs(y - mean).mean()
            print(f"| {cut} | {len(names):,} | {name} | {deviance(y, mean):.2f} | {error:.2f} | {share} |")


if __name__ == "__main__":
    main()
