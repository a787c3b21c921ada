"""The demo's history: it ends today, nothing of it lies in the future, and today's queue can be worked on."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from api.demo_history import (
    DIAGNOSED_DAYS,
    diagnose_history,
    move_articles,
    move_records,
    move_to_today,
    queue_of,
    split_history,
    time_to_today,
)
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import Incident
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.surges import SurgeDetector
from diagnosis.surges.replay import arrivals_of

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "incidents.csv"
TODAY = datetime(2027, 3, 9, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample():
    return pd.read_csv(SAMPLE, dtype=str, keep_default_na=False)


def test_the_history_ends_today_and_keeps_its_intervals(sample) -> None:
    moved = move_to_today(sample, TODAY)
    opened = pd.to_datetime(moved["opened_at"], utc=True)
    assert opened.is_monotonic_increasing
    assert 10 <= (opened > TODAY - timedelta(days=1)).sum() <= 20, "a working day's queue"
    assert TODAY - timedelta(minutes=10) < opened.iloc[-1] < TODAY
    for name in ("resolved_at", "closed_at", "reopened_at"):
        assert pd.to_datetime(moved[name].replace("", None), utc=True).max() <= TODAY
    queue = moved[queue_of(moved, TODAY)]
    assert (queue[["resolved_at", "closed_at", "close_notes", "close_code"]] == "").all(axis=None)
    before = sample.sort_values("opened_at").head(2000)
    durations = [pd.to_datetime(f["resolved_at"]) - pd.to_datetime(f["opened_at"]) for f in (before, moved.head(2000))]
    assert sorted(durations[0].dropna()) == sorted(durations[1].dropna())


@pytest.mark.parametrize("hour", [3, 14, 23])
def test_the_queue_is_no_surge_at_whatever_hour_the_demo_starts(sample, hour) -> None:
    now = datetime(2027, 3, 9, hour, tzinfo=UTC)
    history = move_to_today(sample, now).assign(opened_at=lambda frame: pd.to_datetime(frame["opened_at"], utc=True))
    detector, found = SurgeDetector(), []
    for arrival in arrivals_of(history[history["opened_at"] > now - timedelta(days=112)]):
        found += detector.add(arrival)
    found += detector.advance(now.timestamp())
    assert found, "older surges of the sample are found all the same"
    assert [surge for surge in found if surge.at > (now - timedelta(days=3)).timestamp()] == []


def test_times_in_texts_and_dates_of_articles_move_along(sample) -> None:
    history = move_to_today(sample, TODAY)
    alerts = history[history["description"].str.contains("Triggered: 20")].tail(20)
    opened = pd.to_datetime(alerts["opened_at"], utc=True)
    written = pd.to_datetime(alerts["description"].str.extract(r"Triggered: (\S+ \S+)")[0], utc=True)
    assert ((written - opened).abs() < timedelta(minutes=5)).all()
    articles = pd.read_csv(SAMPLE.parent / "knowledge.csv", dtype=str, keep_default_na=False)
    moved = move_articles(articles, time_to_today(sample, TODAY))
    for name in ("review_at", "valid_to"):
        assert ((moved[name] == "") == (articles[name] == "")).all()
    expired = [(articles["valid_to"] != "") & (articles["valid_to"] < "2026-10-29")]
    expired.append((moved["valid_to"] != "") & (moved["valid_to"] < f"{TODAY:%Y-%m-%d}"))
    assert expired[0].equals(expired[1])


def test_what_the_release_learns_from_is_before_what_it_diagnoses(sample) -> None:
    learned, diagnosed = split_history(move_to_today(sample, TODAY), TODAY)
    assert len(sample) - 20 < len(learned) + len(diagnosed) <= len(sample)
    assert learned["opened_at"].max() < diagnosed["opened_at"].min()
    assert learned["opened_at"].max() < f"{TODAY - timedelta(days=DIAGNOSED_DAYS):%Y-%m-%dT%H:%M:%SZ}"


def test_the_last_month_is_diagnosed_and_some_of_todays_queue_is_judged(sample, models, tmp_path) -> None:
    _, diagnosed = split_history(move_to_today(sample, TODAY), TODAY)
    diagnosed = diagnosed.tail(60)
    releases = Releases(models)
    store = Store.open(f"sqlite:///{tmp_path / 'demo.db'}")
    diagnose_history(store, Diagnoser.load(releases.path(releases.published())), diagnosed, TODAY)
    page = store.diagnoses.page(100)
    assert [diagnosis["incident"] for diagnosis in page] == list(diagnosed["number"])[::-1]
    assert page[0]["created_at"][:10] == "2027-03-09"
    bodies = [record.body for record in store.incidents.find(list(diagnosed["number"])).values()]
    assert {Incident.from_values(body).number for body in bodies} == set(diagnosed["number"]), (
        "as the history takes them"
    )
    open_ = [
        number
        for number, record in store.incidents.find(list(diagnosed["number"])).items()
        if not record.body.get("resolved_at")
    ]
    queue = set(diagnosed["number"][queue_of(diagnosed, TODAY)])
    assert queue <= set(open_)
    assert len(open_) < len(diagnosed)
    judged = store.feedback.all()
    of_today = Counter(entry.actor for entry in judged if entry.incident in queue)
    assert of_today == {"panel:m.chen": 2, "panel:j.smith": 2}
    assert all(entry.kind == "overridden" for entry in judged if entry.incident not in queue)
    truth = dict(zip(diagnosed["number"], diagnosed["assignment_group"], strict=True))
    assert all(entry.value == truth[entry.incident] for entry in judged)
    store.close()


def test_alerts_and_changes_keep_their_distance_to_the_incidents(sample) -> None:
    alerts = pd.read_csv(SAMPLE.parent / "alerts.csv", dtype=str, keep_default_na=False)
    moved = move_records(alerts, time_to_today(sample, TODAY), TODAY)
    began = pd.to_datetime(alerts["started_at"], utc=True)
    shifts = (moved["started_at"] - began.loc[moved.index]).unique()
    assert len(shifts) == 1
    history = move_to_today(sample, TODAY)
    number = sample["number"].iloc[100]
    opened = [pd.to_datetime(frame.set_index("number")["opened_at"][number], utc=True) for frame in (sample, history)]
    assert opened[1] - opened[0] == shifts[0]
    assert moved["started_at"].max() <= TODAY
    assert not (moved["ended_at"] > TODAY).any()
