"""What was known at logging, and frames that hold the same words as objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, LATER_FIELDS, Incident, as_frame, frame_as_logged, incidents_of

FULL = Incident(
    number="INC1",
    opened_at=datetime(2026, 1, 31, 16, 15, tzinfo=timezone(timedelta(hours=8))),
    short_description="VPN 连不上",
    caller="li.wei",
    assignment_group="网络组",
    reopen_count=1,
    resolved_at=datetime(2026, 2, 1, tzinfo=UTC),
    close_notes="重启网关",
    extra={"satisfaction": "4"},
)


def test_a_frame_and_its_incidents_say_the_same() -> None:
    (back,) = incidents_of(as_frame([FULL]))
    assert back == FULL
    assert as_frame([FULL])["opened_at"][0] == pd.Timestamp("2026-01-31 08:15", tz="UTC")


def test_as_logged_knows_nothing_later() -> None:
    logged = FULL.as_logged()
    assert {name: getattr(logged, name) for name in LATER_FIELDS} == {
        name: getattr(Incident("x"), name) for name in LATER_FIELDS
    }
    assert (logged.short_description, logged.opened_at, logged.extra) == ("VPN 连不上", FULL.opened_at, {})
    pd.testing.assert_frame_equal(frame_as_logged(as_frame([FULL])), as_frame([logged]))


def test_a_frame_of_any_make_becomes_canonical_and_stays_unchanged() -> None:
    raw = pd.DataFrame({"number": ["7", "8"], "caller": [None, "a"], "opened_at": ["2026-01-01", None], "mine": [1, 2]})
    before = raw.copy(deep=True)
    frame = as_frame(raw.iloc[::-1])
    pd.testing.assert_frame_equal(raw, before)
    assert list(frame.columns) == [*FIELDS, "mine"]
    assert frame["caller"].tolist() == ["a", ""]
    assert frame["opened_at"].isna().tolist() == [True, False]
    pd.testing.assert_frame_equal(as_frame(frame), frame)
    assert as_frame([]).dtypes.equals(frame.dtypes[list(FIELDS)])


def test_times_without_a_zone_are_utc() -> None:
    naive = as_frame([Incident("a", opened_at=datetime(2026, 1, 1))])  # noqa: DTZ001 - the very case
    assert naive["opened_at"][0] == pd.Timestamp("2026-01-01", tz="UTC")


def test_incidents_without_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="need a column 'number'; found title"):
        as_frame(pd.DataFrame({"title": ["x"]}))


def test_times_of_mixed_precision_and_zone_are_one_moment_each() -> None:
    texts = ["2026-01-01", "2026-01-01T08:00:00+08:00", "2026-01-01 00:00:00.000", None]
    frame = as_frame(pd.DataFrame({"number": list("abcd"), "opened_at": texts}))
    assert frame["opened_at"].tolist()[:3] == [pd.Timestamp("2026-01-01", tz="UTC")] * 3
    assert frame["opened_at"].isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("opened_at", "去年", "column 'opened_at': ISO 8601 times were expected, '去年' found"),
        ("resolved_at", "31/01/2026", "column 'resolved_at': ISO 8601 times were expected, '31/01/2026' found"),
        ("reopen_count", "1.5", "column 'reopen_count': whole numbers were expected, '1.5' found"),
        ("reopen_count", "many", "column 'reopen_count': whole numbers were expected, 'many' found"),
    ],
)
def test_a_value_that_no_column_can_hold_is_quoted(column: str, value: str, expected: str) -> None:
    good = "2026-01-01" if column.endswith("_at") else "1"
    with pytest.raises(InputError, match=expected):
        as_frame(pd.DataFrame({"number": ["a", "b"], column: [good, value]}))


def test_an_incident_and_its_values_say_the_same_as_a_frame() -> None:
    east = timezone(timedelta(hours=8))
    one = Incident("数", opened_at=datetime(2026, 1, 2, 3, tzinfo=east), description="无法登录", reopen_count=0)
    two = Incident("b", resolved_at=datetime(2026, 1, 2))  # noqa: DTZ001 - without a zone it is UTC
    frame = as_frame([one, two])
    for row, incident in enumerate((one, two)):
        values = incident.values()
        assert list(values) == list(FIELDS)
        assert Incident(**values) == incidents_of(frame)[row]
        written = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
        assert Incident.from_values(written | {"other": 1, "closed_at": "", "caller": None}) == Incident(**values)


def test_a_time_that_is_none_is_quoted() -> None:
    with pytest.raises(InputError, match="'opened_at': ISO 8601 times were expected, 'soon' found"):
        Incident.from_values({"number": "a", "opened_at": "soon"})


def test_counts_come_as_whole_numbers_however_they_were_written() -> None:
    assert Incident.from_values({"number": "A", "reopen_count": "2", "reassignment_count": 3.0}) == Incident(
        "A", reopen_count=2, reassignment_count=3
    )
    with pytest.raises(InputError, match="whole numbers were expected, 'often' found"):
        Incident.from_values({"number": "A", "reopen_count": "often"})
