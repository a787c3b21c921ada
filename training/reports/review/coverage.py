"""How probably an article answers the incidents of a review's quarters, as a release judges a sample of them."""

from __future__ import annotations

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.review import Quarter

MOST = 400  # incidents of each quarter, drawn by seed


def coverage_of(diagnoser: Diagnoser, frame: pd.DataFrame, quarter: Quarter, zone: str) -> pd.Series:
    """Return by number how probably an article answers an incident: of the quarter, the one before, a year before."""
    parts = []
    for at in (quarter, quarter.previous, quarter.year_before):
        start, stop = at.bounds(zone)
        inside = (frame["opened_at"] >= start) & (frame["opened_at"] < stop) & (frame["type"] == "incident")
        rows = frame[inside].drop_duplicates("number", keep="last")
        parts.append(rows.sample(min(len(rows), MOST), random_state=0))
    chosen = pd.concat(parts, ignore_index=True)
    if not len(chosen):
        return pd.Series(dtype="float64")
    answers = diagnoser.answers_for(chosen, "knowledge")
    return pd.Series([answer.covered for answer in answers], index=chosen["number"], dtype="float64")
