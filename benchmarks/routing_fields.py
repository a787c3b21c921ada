"""Routing from coded fields alone, without text, on the latest incidents: ``python -m benchmarks.routing_fields``.

The final assignment group from what was known at opening. Every method learns from the earlier incidents and is judged
by the latest fifth; the router calibrates on the latest quarter of the earlier ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from benchmarks.data import shared
from benchmarks.routing import OURS, class_rows, figures, in_columns, noted, print_rows
from diagnosis.incident import frame_as_logged
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router, RoutingScores
from diagnosis.routing.fields import fields_for
from diagnosis.routing.scores import score_routing
from training.fitting.splits import split_latest
from training.records import load_incidents

TARGET = "assignment_group"


def prepared_fields(frame: pd.DataFrame) -> PreparedIncidents:
    return PreparedIncidents(frame_as_logged(frame), [""] * len(frame), np.zeros((len(frame), 0), dtype=np.float32))


def router_row(earlier: pd.DataFrame, latest: pd.DataFrame, seed: int) -> tuple[dict, RoutingScores]:
    learn, calibrate = split_latest(earlier, 0.25, seed)
    started = time.process_time()
    router = Router(TARGET, seed=seed).fit_and_calibrate(
        prepared_fields(earlier), earlier[TARGET].tolist(), learn, calibrate
    )
    seconds = time.process_time() - started
    scores = router.evaluate(prepared_fields(latest), latest[TARGET].tolist())
    certified = {"certified coverage": scores.certified_coverage, "certified precision": scores.certified_precision}
    return {"method": OURS} | figures(scores) | certified | {"seconds": seconds}, scores


def logistic_row(earlier: pd.DataFrame, latest: pd.DataFrame, seed: int) -> tuple[dict, RoutingScores]:
    names = list(fields_for(TARGET))
    model = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", min_frequency=2),
        LogisticRegression(C=1, max_iter=200, random_state=seed),
    )
    started = time.process_time()
    model.fit(earlier[names].astype(object), earlier[TARGET])
    seconds = time.process_time() - started
    shown = model.predict_proba(latest[names].astype(object))
    return peer_row("one-hot logistic", latest, model.classes_, shown, seconds)


def majority_row(earlier: pd.DataFrame, latest: pd.DataFrame) -> tuple[dict, RoutingScores]:
    shares = earlier[TARGET].value_counts(normalize=True).sort_index()
    shown = np.tile(shares.to_numpy(), (len(latest), 1))
    return peer_row("majority", latest, shares.index.to_numpy(), shown, 0.0)


def peer_row(
    name: str, latest: pd.DataFrame, known: np.ndarray, shown: np.ndarray, seconds: float
) -> tuple[dict, RoutingScores]:
    truth = latest[TARGET].to_numpy(dtype=object)
    classes = np.unique(np.concatenate([truth, known]).astype(str)).astype(object)
    nothing = np.zeros(len(truth), dtype=bool)
    scores = score_routing(truth, classes, in_columns(classes, known, shown), nothing, nothing, 0.95)
    blank = {"certified coverage": float("nan"), "certified precision": float("nan")}
    return {"method": name} | figures(scores) | blank | {"seconds": seconds}, scores


def results(earlier: pd.DataFrame, latest: pd.DataFrame, seed: int) -> Iterator[tuple[dict, RoutingScores]]:
    yield majority_row(earlier, latest)
    yield logistic_row(earlier, latest, seed)
    yield router_row(earlier, latest, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.2, help="latest share of the incidents that is answered")
    parser.add_argument("--classes", action="store_true", help="also print the router's figures by group")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    frame = load_incidents([shared("servicenow-incidents") / "incidents.csv"]).frame
    frame = frame[frame[TARGET] != ""].reset_index(drop=True)
    rows, later = split_latest(frame, asked.share, asked.seed)
    earlier, latest = (frame.iloc[part].reset_index(drop=True) for part in (rows, later))
    print(f"{len(earlier)} earlier incidents, {len(latest)} latest; {frame[TARGET].nunique()} groups\n", flush=True)
    of_method: dict[str, RoutingScores] = {}
    print_rows(noted(results(earlier, latest, asked.seed), of_method))
    if asked.classes:
        print(f"\n{OURS}, by class\n")
        print_rows(class_rows(of_method[OURS]))


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
