import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import Incident, IncidentBatch, as_frame, frame_as_logged, incidents_of
from diagnosis.recurrence import HistoryState, Signature

START = pd.Timestamp("2026-01-01", tz="UTC")
SIGNATURE = Signature(("caller", "subcategory"))
FIELDS = ("caller", "category", "subcategory", "location")


def incidents(n=400, seed=0):
    draw = np.random.default_rng(seed)
    opened = START + pd.to_timedelta(np.sort(draw.uniform(0, 60, n)), unit="D")
    frame = pd.DataFrame(
        {
            "number": [f"INC{i}" for i in range(n)],
            "opened_at": opened,
            "caller": draw.choice(["陈", "Li", "Wu", ""], n),
            "category": draw.choice(["网络", "email"], n),
            "subcategory": draw.choice(["a", "b", "c", ""], n),
            "location": draw.choice(["北京", "Paris"], n),
            "resolved_at": opened + pd.to_timedelta(draw.exponential(1, n), unit="D"),
        }
    )
    return as_frame(frame)


def described(frame):
    return HistoryState(SIGNATURE, FIELDS).describe(frame, add=True)


def test_later_outcomes_do_not_reach_the_features_to_the_bit():
    frame = incidents()
    shifted = frame.assign(
        resolved_at=frame["resolved_at"] + pd.Timedelta(days=9),
        reopened_at=frame["resolved_at"] + pd.Timedelta(days=10),
        reopen_count=3,
        close_code="临时",
        assignment_group="other",
    )
    expected = described(frame)
    assert described(as_frame(shifted)).tobytes() == expected.tobytes()
    assert described(frame_as_logged(frame)).tobytes() == expected.tobytes()


def test_later_incidents_do_not_reach_earlier_features_to_the_bit():
    frame = incidents()
    later = frame["opened_at"] > START + pd.Timedelta(days=30)
    moved = frame.assign(opened_at=frame["opened_at"].where(~later, frame["opened_at"] + pd.Timedelta(days=3.3)))
    moved = moved.assign(caller=moved["caller"].where(~later, "someone else"))
    until = int((~later).sum())
    assert described(moved)[:until].tobytes() == described(frame)[:until].tobytes()
    assert described(frame[:until]).tobytes() == described(frame)[:until].tobytes()


def test_counts_and_times_equal_brute_force():
    frame = incidents()
    state = HistoryState(SIGNATURE, FIELDS)
    x = pd.DataFrame(state.describe(frame, add=True), columns=list(state.columns))
    for i in (5, 150, 399):
        row, before = frame.iloc[i], frame.iloc[:i]
        for field in FIELDS:
            own = before[before[field] == row[field]] if row[field] else before[:0]
            for days in (1, 7, 30):
                inside = own["opened_at"] >= row["opened_at"] - pd.Timedelta(days=days)
                assert np.expm1(x.loc[i, f"{field}: last {days} days"]) == np.float64(
                    inside.sum()
                ).round() or np.isclose(np.expm1(x.loc[i, f"{field}: last {days} days"]), inside.sum())
            if len(own):
                since = (row["opened_at"] - own["opened_at"].iloc[-1]) / pd.Timedelta(days=1)
                assert np.isclose(x.loc[i, f"{field}: since"], np.log(since + 0.02))


def test_shares_that_recurred_use_only_outcomes_known_by_then():
    frame = incidents()
    state = HistoryState(SIGNATURE, FIELDS)
    x = pd.DataFrame(state.describe(frame, add=True), columns=list(state.columns))
    i = 300
    now = frame["opened_at"].iloc[i - 1]  # what was settled when the last incident was added
    past = frame.iloc[:i].assign(key=SIGNATURE.keys(frame).iloc[:i])
    past = past[past["key"] != ""]
    again = past.groupby("key")["opened_at"].shift(-1) - past["opened_at"]
    old = past["opened_at"] <= now - pd.Timedelta(days=7)
    came = (again <= pd.Timedelta(days=7)) & old
    usual = (came.sum() + 1) / (old.sum() + 10)
    own = past["location"] == frame["location"].iloc[i]
    share = (came[own].sum() + 5 * usual) / (old[own].sum() + 5)
    assert np.isclose(x.loc[i, "location: recurred"], np.log(share / (1 - share)))


def test_a_fork_leaves_its_state_as_it_was_and_continues_it():
    frame = incidents()
    past, later = frame[:300], frame[300:].reset_index(drop=True)
    state = HistoryState(SIGNATURE, FIELDS)
    state.add(past)
    first = state.fork().describe(later, add=True)
    assert state.fork().describe(later, add=True).tobytes() == first.tobytes()
    assert described(frame)[300:].tobytes() == first.tobytes()
    assert len(state) == 300
    state.add(later)
    assert len(state) == 400


def test_a_state_may_grow_while_it_is_read_and_forked():
    frame = incidents()
    state, alone = HistoryState(SIGNATURE, FIELDS), HistoryState(SIGNATURE, FIELDS)
    rows = [IncidentBatch.from_incidents([incident]) for incident in incidents_of(frame)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for row in rows:
            alone.add(row)
        together = Barrier(3)
        with ThreadPoolExecutor(3) as threads:
            grown = threads.submit(_grow, state, rows, together)
            for reader in [threads.submit(_read, state, frame[:20], grown, together) for _ in range(2)]:
                reader.result()
            grown.result()
    finally:
        sys.setswitchinterval(interval)
    assert state.describe(frame).tobytes() == alone.describe(frame).tobytes()


def _grow(state, rows, together):
    together.wait()
    for row in rows:
        state.add(row)


def _read(state, frame, until, together):
    together.wait()
    while not until.done():
        state.fork().describe(frame, add=True)


def test_incidents_one_by_one_come_to_the_same_as_a_frame_of_them():
    frame = incidents()
    signature = Signature(("caller", "text"))
    frame["short_description"] = [f"printer {i % 3} jam" for i in range(len(frame))]
    whole, single = (HistoryState(signature, FIELDS) for _ in range(2))
    whole.add(frame[:300])
    for incident in [*incidents_of(frame[:300]), Incident("undated", caller="Li")]:
        single.add(IncidentBatch.from_incidents([incident]))
    assert single.describe(frame[300:]).tobytes() == whole.describe(frame[300:]).tobytes()


def test_at_a_later_moment_an_incident_sees_all_that_joined_until_then():
    frame = incidents()
    state = HistoryState(SIGNATURE, FIELDS)
    state.add(frame[:300])
    joining = frame[300:].reset_index(drop=True)
    moments = ((joining["resolved_at"] - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)).to_numpy()
    x = pd.DataFrame(state.fork().describe_at(joining, moments, joining=joining), columns=list(state.columns))
    for i in (0, 40, 99):
        if row := joining["caller"][i]:
            until = joining["resolved_at"][i]
            own = frame[(frame["caller"] == row) & (frame["opened_at"] <= until)]["opened_at"]
            expected = (own >= until - pd.Timedelta(days=7)).sum()
            assert np.isclose(np.expm1(x.loc[i, "caller: last 7 days"]), expected)
    assert len(state) == 300


def test_a_saved_state_goes_on_as_the_one_that_was_saved(tmp_path):
    frame = incidents()
    frame["short_description"] = [f"printer {i % 3} jam" for i in range(len(frame))]
    state = HistoryState(Signature(("caller", "text")), FIELDS)
    state.add(frame[:300])
    state.add(frame[:1].assign(number="late"))  # reported late
    state.save(tmp_path)
    loaded = HistoryState.load(tmp_path)
    assert len(loaded) == len(state)
    assert loaded.describe(frame[300:], add=True).tobytes() == state.describe(frame[300:], add=True).tobytes()
    for saved in (state, loaded):
        saved.save(tmp_path)
        np.testing.assert_equal(HistoryState.load(tmp_path).describe(frame[390:]), saved.describe(frame[390:]))


def test_an_empty_state_is_saved_and_a_fork_is_not(tmp_path):
    state = HistoryState(SIGNATURE, FIELDS)
    state.save(tmp_path)
    frame = incidents(20)
    assert HistoryState.load(tmp_path).describe(frame, add=True).tobytes() == described(frame).tobytes()
    with pytest.raises(ValueError, match="fork"):
        state.fork().save(tmp_path)
