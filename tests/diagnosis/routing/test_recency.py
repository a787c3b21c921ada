"""Duties change: what happened lately says more of what comes next."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import Incident, as_frame
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router
from diagnosis.routing.labels import retired_classes
from diagnosis.routing.selection import ages, fading

START = datetime(2026, 1, 1, tzinfo=UTC)


def prepared(days: list[float | None], text: str = "打印机卡纸 printer jam") -> PreparedIncidents:
    opened = [None if day is None else START + timedelta(days=day) for day in days]
    frame = as_frame([Incident(f"INC{row}", opened_at=at, short_description=text) for row, at in enumerate(opened)])
    return PreparedIncidents(frame, [text] * len(days), np.zeros((len(days), 0), dtype=np.float32))


def test_an_incident_counts_half_after_half_of_the_history() -> None:
    weights = fading(ages(prepared([0, 50, 100, None])), 0.5)
    assert weights is not None
    assert weights / weights[2] == pytest.approx([0.25, 0.5, 1, 0.5])
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize("days", [[None, None, 3.0], [5.0, 5.0], []])
def test_without_times_all_count_the_same(days) -> None:
    assert ages(prepared(days)) is None


@pytest.mark.parametrize(("dated", "heir"), [(True, "New Desk"), (False, "Old Desk")])
def test_what_moved_to_another_group_is_routed_to_it_though_the_old_one_had_more(dated, heir) -> None:
    days = [float(day) if dated else None for day in range(100)]
    groups = ["Old Desk" if row < 60 else "New Desk" for row in range(100)]
    router = Router("assignment_group").fit(prepared(days), groups)
    assert router.predict(prepared([101.0]))[0].value == heir


def test_a_class_that_was_given_steadily_and_no_more_is_retired_and_one_of_bursts_is_not() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=400, tz="UTC"))
    labels = np.array(["Old Desk" if row % 3 == 0 and row < 250 else "VPN" for row in range(400)], dtype=object)
    labels[60:90] = "Outage"
    assert retired_classes(labels, days) == {"Old Desk"}
    assert retired_classes(labels, days.where(days.index < 0)) == frozenset()
    assert retired_classes(labels[:270], days[:270]) == frozenset()  # too soon to tell


def test_a_retired_class_is_neither_suggested_nor_automatic() -> None:
    days = [float(day) for day in range(400)]
    texts = ["打印机卡纸 printer jam" if row % 2 else "vpn tunnel down" for row in range(400)]
    groups = [("Old Desk" if row < 280 else "New Desk") if row % 2 else "NOC" for row in range(400)]
    opened = [START + timedelta(days=day) for day in days]
    rows = [Incident(f"INC{row}", opened_at=opened[row], short_description=text) for row, text in enumerate(texts)]
    batch = PreparedIncidents(as_frame(rows), texts, np.zeros((400, 0), dtype=np.float32))
    router = Router("assignment_group").fit_and_calibrate(batch, groups, np.arange(260), np.arange(260, 400))
    assert router.retired_ == {"Old Desk"}
    prediction = router.predict(prepared([401.0]))[0]
    assert (prediction.decision, prediction.value) == ("suggested", "New Desk")
    assert prediction.reason_code == "value_retired"
