"""A batch says the same whether it was given as a frame or as incidents."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import Incident, as_frame
from diagnosis.prepared import PreparedIncidents

INCIDENTS = [
    Incident("A", datetime(2026, 3, 1, 8, 30, tzinfo=timezone(timedelta(hours=8))), "打印机卡纸", caller="u1"),
    Incident("B", datetime(2026, 3, 2, 9), category="network"),  # noqa: DTZ001 - what has no zone is the point
    Incident("C"),
]
NONE = np.zeros((3, 0), dtype=np.float32)


def test_incidents_and_their_frame_are_the_same_batch() -> None:
    as_given = PreparedIncidents(INCIDENTS, ["", "", ""], NONE)
    as_columns = PreparedIncidents(as_frame(INCIDENTS), ["", "", ""], NONE)
    for row in range(3):
        assert as_given.incident(row) == as_columns.incident(row)
        assert as_given.opened_at(row) == as_columns.opened_at(row)
    assert as_given.incidents == as_columns.incidents
    assert as_given.frame.equals(as_columns.frame)
    assert as_given.opened_at(0) == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert as_given.opened_at(1) == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert as_given.opened_at(2) is None


def test_rows_are_taken_in_the_order_asked_for() -> None:
    taken = PreparedIncidents(INCIDENTS, ["a", "b", "c"], NONE).take(np.array([2, 0]))
    assert [taken.incident(row)["number"] for row in range(2)] == ["C", "A"]
    assert taken.text == ["c", "a"]


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match="found 3 rows, 2 texts, 3 vectors"):
        PreparedIncidents(INCIDENTS, ["", ""], NONE)
