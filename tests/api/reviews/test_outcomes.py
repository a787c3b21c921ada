"""What an action achieved, through the API: one that worked holds, one that did not does not."""

from datetime import timedelta

import numpy as np
import pytest

from api.settings import Settings
from diagnosis.review import Quarter
from diagnosis.store import Store
from diagnosis.times import format_utc, utc_now
from tests.serving import Serving

LAST = Quarter.of(utc_now(), "UTC").previous
DONE = LAST.previous.bounds("UTC")[0].to_pydatetime() + timedelta(days=30)


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    """A service with three quarters of records: Mail answers faster once an action was done, Network slower."""
    database = f"sqlite:///{tmp_path_factory.mktemp('outcomes') / 'faultwise.db'}"
    rng = np.random.default_rng(5)
    begin = LAST.previous.previous.bounds("UTC")[0].to_pydatetime()
    rows = {}
    for place in range(1200):
        opened = begin + timedelta(days=float(rng.uniform(0, 270)))
        team, hours = ("Mail", (8, 2)) if place % 2 else ("Network", (3, 9))
        answered = opened + timedelta(hours=float(rng.exponential(hours[opened >= DONE])))
        times = {name: format_utc(moment) for name, moment in (("opened_at", opened), ("responded_at", answered))}
        rows[f"O{place:05d}"] = {**times, "assignment_group": team, "category": "x", "cmdb_ci": f"pc-{place}"}
    store = Store.open(database)
    store.incidents.put(rows)
    store.close()
    with Serving(Settings(database=database, models=models)) as client:
        yield client


def test_an_effective_and_an_ineffective_action_are_told_apart(client) -> None:
    while (
        client.get("/v1/reviews/draft", params={"quarter": str(LAST)}).status_code == 503
    ):  # judged for the first time
        pass
    before = client.get("/v1/reviews/draft", params={"quarter": str(LAST)}).json()
    assert before["outcomes"] == []
    for team in ("Mail", "Network"):
        body = {
            "title": f"{team}: answer faster",
            "kind": "process",
            "source_kind": "review",
            "source": str(LAST.previous.previous),
            "measure": "response",
            "evidence": [{"kind": "measure", "measure": "response", "team": team}],
            "status": "open",
        }
        action = client.post("/v1/actions", json=body).json()
        done = client.patch(f"/v1/actions/{action['id']}", json={"status": "done", "done_at": format_utc(DONE)})
        assert done.status_code == 200
    draft = client.get("/v1/reviews/draft", params={"quarter": str(LAST)}).json()
    told = {entry["title"]: entry for entry in draft["outcomes"]}
    assert told["Mail: answer faster"]["verdict"] == "held"
    assert told["Network: answer faster"]["verdict"] == "did not hold"
    page = client.get(f"/v1/reviews/{LAST}/report", params={"language": "zh"}).text
    assert "有效" in page
    assert "无效" in page
    assert any("1 held, 1 did not" in sentence for sentence in draft["summary"])
