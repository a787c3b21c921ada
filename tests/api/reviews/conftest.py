"""A service that stores every second incident of half a year of the sample, whose last quarter is over."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from ulid import ULID

from api.settings import Settings
from diagnosis.review import Quarter
from diagnosis.store import Store
from diagnosis.times import utc_now
from tests.serving import Serving

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample" / "incidents.csv"
TIMES = ("opened_at", "responded_at", "resolved_at", "closed_at", "reopened_at")
SURVEY_SECRET = "a secret of thirty-two characters or more"


@pytest.fixture(scope="session")
def quarter() -> str:
    return str(Quarter.of(utc_now(), "UTC").previous)


@pytest.fixture(scope="session")
def client(models, tmp_path_factory, quarter) -> Iterator[TestClient]:
    """A service whose store holds a part of the sample, moved so that its last quarter is the last that is over."""
    database = f"sqlite:///{tmp_path_factory.mktemp('reviews') / 'faultwise.db'}"
    frame = pd.read_csv(SAMPLE, dtype=str, keep_default_na=False)
    for name in TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    moved = Quarter.parse(quarter).bounds("UTC")[0] - Quarter.parse("2026Q3").bounds("UTC")[0]
    frame = frame[(frame["opened_at"] >= "2026-04-01") & (frame["opened_at"] < "2026-10-01")].iloc[::2]
    for name in TIMES:
        frame[name] = (frame[name] + moved).dt.strftime("%Y-%m-%dT%H:%M:%SZ").fillna("")
    rows = frame.drop(columns=["sla_response_minutes"]).to_dict("records")
    store = Store.open(database)
    store.incidents.put({row["number"]: {k: v for k, v in row.items() if v != ""} for row in rows})
    for place in range(40):
        question = _question(quarter, place)
        store.audit.add("self-service", "help.asked", question, "", {})
        if place % 2:
            store.audit.add("self-service", "help.solved", question, "", {})
    store.close()
    with Serving(Settings(database=database, models=models, allow_private_addresses=True)) as client:
        while client.get("/v1/knowledge/health").status_code == 503:  # judged for the first time
            pass
        yield client


def _question(quarter, place):
    start = Quarter.parse(quarter).bounds("UTC")[0].to_pydatetime()
    return str(ULID.from_datetime(start + timedelta(days=1, minutes=place)))
