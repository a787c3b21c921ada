"""What was known at logging, and frames that hold the same words as objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, LATER_FIELDS, Incident, IncidentBatch, as_frame, frame_as_logged, incidents_of

FULL = Incident(
    number="INC1",
    opened_at=datetime(2026, 1, 31, 16, 15, tzinfo=timezone(timedelta(hours=8))),
    short_description="VPN 连不上",
    caller="li.wei",
    assignment_group="网络组",
    reopen_count=1,
    resolved_at=datetime(2026, 2, 1, tzinfo=UTC),
    close_notes="重启网关",
    extra={"mood": "4"},
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


def test_what_nobody_typed_is_an_incident() -> None:
    assert [incident.type for incident in incidents_of(pd.DataFrame({"number": ["1"]}))] == ["incident"]
    frame = as_frame(pd.DataFrame({"number": ["1", "2"], "type": ["", "complaint"], "satisfaction": ["5", None]}))
    assert frame["type"].tolist() == ["incident", "complaint"]
    assert frame["satisfaction"].tolist() == [5, pd.NA]
    assert IncidentBatch({"number": ["1"], "type": [""]}).column("type") == ["incident"]
    assert FULL.as_logged().type == "incident"


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
    assert Incident.from_values({"number": 5, "caller": 17}) == Incident("5", caller="17")
    assert Incident.from_values({"number": "A", "reopen_count": "2", "reassignment_count": 3.0}) == Incident(
        "A", reopen_count=2, reassignment_count=3
    )
    with pytest.raises(InputError, match="whole numbers were expected, 'often' found"):
        Incident.from_values({"number": "A", "reopen_count": "often"})


OTHER = Incident("INC2", description="打印机卡纸", category="printer", extra={"floor": 3})


def test_a_batch_of_incidents_and_of_their_frame_hold_the_same_columns() -> None:
    batch = IncidentBatch.from_incidents([FULL, OTHER])
    by_frame = IncidentBatch.from_frame(as_frame([FULL, OTHER]))
    assert batch.names == by_frame.names == (*FIELDS, "mood", "floor")
    for name in FIELDS:
        assert batch.column(name) == by_frame.column(name)
    assert batch.column("opened_at") == [datetime(2026, 1, 31, 8, 15, tzinfo=UTC), None]
    assert batch.column("reopen_count") == [1, None]
    assert batch.column("category") == ["", "printer"]
    assert batch.column("mood") == ["4", None]
    pd.testing.assert_frame_equal(batch.frame, by_frame.frame)
    assert batch.frame is batch.frame


def test_stored_fields_become_the_batch_of_their_incidents() -> None:
    rows = [
        {"number": "a", "opened_at": "2026-01-01T08:00:00+08:00", "reopen_count": "2", "colour": "red", "caller": None},
        {"number": "b", "type": "request"},
    ]
    assert IncidentBatch.from_rows(rows) == IncidentBatch.from_incidents([Incident.from_values(row) for row in rows])
    with pytest.raises(InputError, match="'opened_at': ISO 8601 times were expected, 'soon' found"):
        IncidentBatch.from_rows([{"number": "a", "opened_at": "soon"}])


def test_a_row_of_a_batch_is_the_incident_that_went_in() -> None:
    batch = IncidentBatch.from_incidents([FULL, OTHER])
    assert batch.row(0) == FULL.values()
    assert batch.incident(1) == replace(OTHER, extra={"mood": None, "floor": 3})
    assert len(IncidentBatch.from_incidents([])) == 0


@pytest.mark.parametrize("make", [IncidentBatch.from_incidents, lambda rows: IncidentBatch.from_frame(as_frame(rows))])
def test_a_batch_is_sliced_taken_from_and_reduced_to_what_was_logged(make: Callable[..., IncidentBatch]) -> None:
    batch = make([FULL, OTHER, Incident("INC3")])
    assert batch.take([2, 0]).column("number") == ["INC3", "INC1"]
    assert batch[1:].column("number") == ["INC2", "INC3"]
    assert batch[:0].column("number") == []
    assert batch.take([0]).column("mood") == ["4"]
    logged = batch.as_logged()
    assert logged == IncidentBatch.from_incidents([one.as_logged() for one in (FULL, OTHER, Incident("INC3"))])
    assert logged.names == FIELDS
    masked = logged.with_columns({"caller": ["a", "b", "c"]})
    assert masked.column("caller") == masked.frame["caller"].tolist() == ["a", "b", "c"]
    assert logged.column("caller") == ["li.wei", "", ""]


def test_a_batch_takes_incidents_in_every_form() -> None:
    batch = IncidentBatch.of([FULL])
    assert IncidentBatch.of(batch) is batch
    assert (
        IncidentBatch.of(pd.DataFrame({"number": ["7"], "opened_at": ["2026-01-01"]})).row(0)
        == Incident("7", opened_at=datetime(2026, 1, 1, tzinfo=UTC)).values()
    )


def test_columns_that_make_no_batch_are_refused() -> None:
    with pytest.raises(InputError, match="need a column 'number'; found caller"):
        IncidentBatch({"caller": ["a"]})
    with pytest.raises(InputError, match="of one length; found"):
        IncidentBatch({"number": ["1", "2"], "caller": ["a"]})
    with pytest.raises(InputError, match="'opened_at': ISO 8601 times were expected, 'soon' found"):
        IncidentBatch({"number": ["1"], "opened_at": ["soon"]})
    with pytest.raises(KeyError, match="colour"):
        IncidentBatch({"number": ["1"]}).column("colour")


@pytest.mark.parametrize("make", [IncidentBatch.from_incidents, lambda rows: IncidentBatch.from_frame(as_frame(rows))])
def test_replaced_columns_lie_over_a_batch_of_either_making(make: Callable[..., IncidentBatch]) -> None:
    batch = make([FULL, OTHER]).with_columns({"caller": ["x", "y"], "close_notes": ["a", "b"], "room": ["1", "2"]})
    assert batch.names[-1] == "room"
    assert batch[1:].column("caller") == ["y"]
    assert batch.as_logged().column("close_notes") == ["", ""]
    assert batch.as_logged().column("caller") == ["x", "y"]
    assert batch.frame["caller"].tolist() == ["x", "y"]
    assert batch.frame["reopen_count"].tolist()[0] == 1
    pd.testing.assert_frame_equal(IncidentBatch.from_frame(batch.frame).frame, batch.frame)


def test_batches_are_put_one_after_another() -> None:
    whole = IncidentBatch.concatenate([IncidentBatch.of([FULL]), IncidentBatch.from_frame(as_frame([OTHER]))])
    assert whole == IncidentBatch.from_incidents([FULL, OTHER])
