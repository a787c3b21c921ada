"""A decision stays with its proposal while records change a draft, and what it no longer proposes is refused."""

from datetime import timedelta

import pytest

from api.settings import Settings
from diagnosis.review import Quarter
from diagnosis.store import Store
from diagnosis.times import format_utc, utc_now
from tests.serving import Serving

LAST = Quarter.of(utc_now(), "UTC").previous
DAY = timedelta(days=1)


def rows(team, quarter, count, hours, name=""):
    begin = quarter.bounds("UTC")[0].to_pydatetime()
    return {
        f"{team[:2]}{quarter}{name}{place}": {
            "opened_at": format_utc(begin + DAY * (place % 80)),
            "responded_at": format_utc(begin + DAY * (place % 80) + timedelta(hours=hours * (0.5 + place % 11 / 10))),
            "assignment_group": team,
            "cmdb_ci": f"pc-{team}{place}{quarter}{name}",
        }
        for place in range(count)
    }


def draft(client):
    while (answer := client.get("/v1/reviews/draft", params={"quarter": str(LAST)})).status_code == 503:
        pass  # judged for the first time
    return answer.json()


def by_team(client):
    return {entry["values"]["team"]: entry for entry in draft(client)["proposals"] if entry["code"] == "clock_worse"}


@pytest.fixture
def client(models, tmp_path):
    """A service with two quarters: three teams got slower, most records of Mail."""
    database = f"sqlite:///{tmp_path / 'faultwise.db'}"
    store = Store.open(database)
    for team, count in (("Mail", 160), ("Network", 120), ("Desk", 80)):
        store.incidents.put(rows(team, LAST.previous, 120, 3) | rows(team, LAST, count, 8))
    store.close()
    with Serving(Settings(database=database, models=models)) as client:
        yield client


def test_a_decision_stays_with_its_proposal_and_a_stale_one_is_refused(client) -> None:
    before = by_team(client)
    assert list(before) == ["Mail", "Network", "Desk"]
    address = f"/v1/reviews/{LAST}/proposals"
    assert client.delete(f"{address}/{before['Mail']['id']}").status_code == 204
    assert client.post(f"{address}/{before['Network']['id']}", json={}).status_code == 201
    store = client.app.state.service.store
    store.incidents.put(rows("Network", LAST, 200, 9, "x") | rows("Desk", LAST, 80, 1))
    after = by_team(client)
    assert list(after) == ["Network", "Mail"]
    assert {team: entry["decision"] for team, entry in after.items()} == {"Mail": "dropped", "Network": "taken"}
    assert client.post(f"{address}/{after['Network']['id']}", json={}).status_code == 409
    stale = client.post(f"{address}/{before['Desk']['id']}", json={"title": "Desk: answer faster"})
    assert stale.status_code == 404, stale.text
    assert "records have changed" in stale.text
    assert [action["title"][:7] for action in client.get("/v1/actions").json()["items"]] == ["Network"]
