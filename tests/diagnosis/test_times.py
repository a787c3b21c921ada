"""Times are written in UTC with Z, whatever zone they came with."""

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd

from diagnosis.times import as_utc, format_utc, now_text


def test_a_time_of_any_zone_is_written_in_utc() -> None:
    east = datetime(2026, 3, 2, 16, 15, tzinfo=timezone(timedelta(hours=8)))
    assert format_utc(east) == "2026-03-02T08:15:00Z"
    assert format_utc(datetime(2026, 3, 2, 8, 15)) == "2026-03-02T08:15:00Z"  # noqa: DTZ001 - without a zone it is UTC
    assert format_utc(pd.Timestamp("2026-03-02T08:15", tz="Asia/Shanghai")) == "2026-03-02T00:15:00Z"
    assert format_utc(east.replace(microsecond=250)) == "2026-03-02T08:15:00.000250Z"
    assert format_utc(east.replace(microsecond=250), timespec="seconds") == "2026-03-02T08:15:00Z"
    assert as_utc(east) == east
    assert datetime.fromisoformat(now_text()).tzinfo == UTC
