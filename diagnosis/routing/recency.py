"""What an incident counts for its age: groups, their names and their duties change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.prepared import PreparedIncidents

HALF_LIFE = 0.5  # in spans of the history: the oldest incident counts a quarter of the newest
_MIDDLE = 0.5


def recency(prepared: PreparedIncidents) -> npt.NDArray[np.float32] | None:
    """Return what each incident counts in a fit, shape (n,), one on average; None if most have no time.

    An incident without a time counts as one from the middle of the history.
    """
    opened = pd.to_datetime(prepared.frame["opened_at"], utc=True)
    known = opened.notna().to_numpy()
    if 2 * known.sum() < len(opened) or opened.nunique() < 2:
        return None
    age = np.where(known, (opened.max() - opened) / (opened.max() - opened.min()), _MIDDLE).astype(np.float64)
    weights = 0.5 ** (age / HALF_LIFE)
    return np.asarray(weights / weights.mean(), dtype=np.float32)
