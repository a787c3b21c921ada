"""Times in every way that exports write them."""

import pandas as pd
import pytest

from training.records import load_incidents
from training.records.times import day_comes_first, parse_times


def parsed(*values, day_first=None, latest=None):
    return parse_times(pd.Series(list(values), dtype="str"), day_first, latest)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-31T08:15:00Z", "2026-01-31 08:15:00", "2026-01-31 08:15", "2026-01-31T16:15:00+08:00",
        "2026-01-31T03:15:00.000-0500", "2026-01-31 08:15:00 UTC", "2026/1/31 8:15", "2026年1月31日 08:15",
        "2026年1月31日 上午8:15", "31/Jan/26 08:15", "31/Jan/26 8:15 AM", "31/一月/26 8:15 上午", "31.01.2026 08:15",
        "Jan 31, 2026 8:15 AM", "31 January 2026, 08:15", "1769847300", "1769847300000", "46053.34375",
        "20260131081500",
    ],
)  # fmt: skip
def test_one_moment_in_many_spellings(written):
    result = parsed(written)
    assert result.faults == {}
    assert result.times[0] == pd.Timestamp("2026-01-31 08:15", tz="UTC")


@pytest.mark.parametrize(
    ("written", "hour"), [("31/Jan/26 12:05 AM", 0), ("31/Jan/26 12:05 PM", 12), ("31/Jan/26 5:05 PM", 17)]
)
def test_twelve_o_clock(written, hour):
    assert parsed(written).times[0].hour == hour


@pytest.mark.parametrize("written", ["soon", "2026-13-40", "31/Foo/26", "12:30", "0", "99", "2026-02-30 10:00"])
def test_what_is_no_time_is_a_fault(written):
    result = parsed("2026-01-01", "", written)
    assert set(result.faults) == {2}
    assert result.times.isna().tolist() == [False, True, True]


def test_times_that_cannot_be_are_faults():
    now = pd.Timestamp("2026-06-01", tz="UTC")
    result = parsed("1970-01-01 00:00:00", "2027-01-01", "2026-05-31", latest=now)
    assert set(result.faults) == {0, 1}
    assert result.times.notna().tolist() == [False, False, True]


def test_the_column_decides_which_number_is_the_day():
    assert day_comes_first(pd.Series(["03/04/2026", "13/04/2026"], dtype="str")) is True
    assert day_comes_first(pd.Series(["03/04/2026", "04/13/2026"], dtype="str")) is False
    assert day_comes_first(pd.Series(["03/04/2026", ""], dtype="str")) is None
    assert parsed("03/04/2026 5:00 PM", day_first=True).times[0] == pd.Timestamp("2026-04-03 17:00", tz="UTC")
    assert parsed("03-04-26", day_first=False).times[0] == pd.Timestamp("2026-03-04", tz="UTC")
    assert set(parsed("03/04/2026").faults) == {0}


def test_a_later_chunk_decides_for_the_first(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{i},x,0{i}/04/2025 10:00" for i in range(1, 6)] + ["6,x,25/12/2025 10:00"]
    path.write_text("number,description,opened_at\n" + "\n".join(rows), encoding="utf-8")
    frame = load_incidents(path, chunk_rows=2).frame
    assert frame["opened_at"].dt.month.tolist() == [4, 4, 4, 4, 4, 12]
    path.write_text("number,description,opened_at\n" + "\n".join(rows[:-1]), encoding="utf-8")
    loaded = load_incidents(path, chunk_rows=2)
    assert loaded.frame["opened_at"].isna().all()
    assert loaded.counts.imported == loaded.counts.blanked == 5
