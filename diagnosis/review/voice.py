"""The voice of the user: channels compared, ratings and complaints by topic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Estimate, change_of, exact_interval

TOPICS = 8  # most topics that are listed
EVIDENCE = 10  # numbers of records named as evidence


def channels(history: ReviewHistory, quarter: Quarter) -> list[dict[str, Any]]:
    """Return each channel's share of the contacts, whether it moved, and how callers fared on it.

    Parameters
    ----------
    quarter : Quarter
        Compared with the quarter before and the same quarter a year before; the intervals hold for all channels
        together.
    """
    column = history.column("contact_type")
    now, before, year_before = (column[history.rows_of(at)] for at in (quarter, quarter.previous, quarter.year_before))
    counts = pd.Series(now[now != ""]).value_counts()
    names = sorted({*counts.index, *pd.Series(before[before != ""]).unique()})
    rows: list[dict[str, Any]] = []
    for name in names:
        shares = [_share(part, name) for part in (now, before, year_before)]
        rows.append(
            {
                "channel": str(name),
                "n": int((now == name).sum()),
                "share": shares[0].value if shares[0] else None,
                "previous": _moved(shares[0], shares[1], len(names)),
                "year_before": _moved(shares[0], shares[2], len(names)),
                "response": _of_channel(history, quarter, "response", name),
                "satisfaction": _of_channel(history, quarter, "satisfaction", name),
            }
        )
    return sorted(rows, key=_largest_first)


def _largest_first(row: dict[str, Any]) -> tuple[int, str]:
    return -row["n"], row["channel"]


def topics(history: ReviewHistory, quarter: Quarter) -> list[dict[str, Any]]:
    """Return the topics that callers complained of or rated worst: service and category, with their records."""
    rows = history.rows_of(quarter)
    frame = history.frame.iloc[rows]
    rating = frame["satisfaction"].to_numpy(dtype=np.float64, na_value=np.nan)
    table = pd.DataFrame(
        {
            "service": frame["service"].astype("str").to_numpy(),
            "category": frame["category"].astype("str").to_numpy(),
            "number": frame["number"].to_numpy(),
            "complaint": (frame["type"] == "complaint").to_numpy(),
            "rated": np.isfinite(rating),
            "unhappy": np.isfinite(rating) & (rating < history.settings.satisfied),
        }
    )
    found: list[dict[str, Any]] = []
    for (service, category), part in table.groupby(["service", "category"], sort=True):
        unhappy, rated = int(part["unhappy"].sum()), int(part["rated"].sum())
        complaints = part.loc[part["complaint"], "number"].tolist()
        if not (service or category) or not (complaints or unhappy):
            continue
        found.append(
            {
                "service": str(service),
                "category": str(category),
                "complaints": len(complaints),
                "rated": rated,
                "unhappy": unhappy,
                "interval": exact_interval(unhappy, rated) if rated else None,
                "numbers": [*complaints, *part.loc[part["unhappy"], "number"]][:EVIDENCE],
            }
        )
    ordered = sorted(found, key=_worst_first)
    return ordered[:TOPICS]


def _worst_first(topic: dict[str, Any]) -> tuple[int, str, str]:
    return -topic["complaints"] - topic["unhappy"], topic["service"], topic["category"]


def _share(column: np.ndarray[Any, Any], name: str) -> Estimate | None:
    named = column != ""
    n, part = int(named.sum()), int((column == name).sum())
    return Estimate(part / n, *exact_interval(part, n), n) if n else None


def _moved(later: Estimate | None, earlier: Estimate | None, comparisons: int) -> dict[str, Any] | None:
    if later is None or earlier is None:
        return None
    change = change_of(later, earlier, comparisons)
    return {
        "share": earlier.value,
        "difference": change.difference,
        "difference_interval": [change.lower, change.upper],
        "changed": "moved" if change.changed else "no change shown",
    }


def _of_channel(history: ReviewHistory, quarter: Quarter, measure: str, name: str) -> dict[str, Any] | None:
    sample = history.sample(measure, quarter)
    if sample is None:
        return None
    part = sample.take(history.column("contact_type")[sample.rows] == name)
    estimate = part.estimate()
    return (
        {"value": estimate.value, "interval": [estimate.lower, estimate.upper], "n": estimate.n} if estimate else None
    )
