"""Nothing that happened after the moment is known at it."""

from __future__ import annotations

import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from training.fitting.as_of import as_known_at, last_moment, moment

FRAME = as_frame(
    pd.DataFrame(
        {
            "number": ["before", "open then", "after"],
            "opened_at": ["2026-04-01", "2026-04-10", "2026-04-20"],
            "resolved_at": ["2026-04-02", "2026-04-18", "2026-04-21"],
            "close_notes": ["重启", "replaced", "x"],
            "assignment_group": ["a", "b", "c"],
        }
    )
)


def test_later_incidents_are_gone_and_later_outcomes_unknown() -> None:
    known = as_known_at(FRAME, "2026-04-15")
    assert known["number"].tolist() == ["before", "open then"]
    assert known["resolved_at"].isna().tolist() == [False, True]
    assert known["close_notes"].tolist() == ["重启", ""]
    assert known["assignment_group"].tolist() == ["a", "b"]


def test_without_a_moment_the_latest_time_counts() -> None:
    assert as_known_at(FRAME, "") is FRAME
    assert last_moment(FRAME) == pd.Timestamp("2026-04-21", tz="UTC")
    assert last_moment(as_frame([])) is pd.NaT


def test_a_date_is_its_first_moment() -> None:
    assert moment("2026-04-15") == pd.Timestamp("2026-04-15T00:00:00Z")
    assert moment("2026-04-15T08:00+08:00") == pd.Timestamp("2026-04-15T00:00:00Z")


@pytest.mark.parametrize("wrong", ["yesterday", "31/04/2026x", ""])
def test_what_is_no_date_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="ISO 8601 date such as 2026-04-15 was expected"):
        moment(wrong)
