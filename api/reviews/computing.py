"""compute_review: a quarter reviewed, of plain values that can go to a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from diagnosis.review import Quarter, ReviewFacts, ReviewHistory, ReviewSettings, extras_of, review_quarter
from diagnosis.service_levels import ServiceLevelRules


def compute_review(
    records: pd.DataFrame,
    facts: ReviewFacts,
    quarter: Quarter,
    moment: datetime,
    settings: ReviewSettings,
    rules: ServiceLevelRules | Mapping[str, Any] | None,
    gaps: Sequence[Mapping[str, Any]] | None,
    minutes_saved: float,
) -> dict[str, Any]:
    """Return the review of a quarter as it stands at a moment.

    Raises
    ------
    InputError
        If the quarter has not begun, or no record was opened in it.
    """
    history = ReviewHistory.read(records, settings, as_of=pd.Timestamp(moment), rules=rules, facts=facts)
    return review_quarter(history, quarter, extras_of(history, quarter, facts, gaps, minutes_saved))
