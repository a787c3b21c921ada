"""The workload forecast over HTTP and on the manager's page."""

from datetime import datetime, timedelta

import pytest

from api.settings import Settings
from api.workload import service as workload_service
from diagnosis.times import format_utc, utc_now
from tests.serving import Serving


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("workload") / "faultwise.db"
    settings = Settings(
        database=f"sqlite:///{database}", models=models, holidays="CN", review={"zone": "Asia/Shanghai"}
    )
    with Serving(settings) as client:
        rows = []
        for day in range(1, 57):
            for place in range(6):
                opened = utc_now() - timedelta(days=day, hours=place)
                end = {} if place == 0 and day < 30 else {"resolved_at": format_utc(opened + timedelta(hours=5))}
                row = {"number": f"W{day}-{place}", "short_description": "VPN drops", "opened_at": format_utc(opened)}
                rows.append(row | end | {"assignment_group": "Left" if place == 0 else "Quick"})
        assert client.post("/v1/incidents", json=rows).status_code == 200
        yield client


def test_each_group_has_its_days_weeks_and_backlog(client) -> None:
    body = client.get("/v1/workload", params={"horizon": 14}).json()
    assert (body["zone"], body["horizon_days"], len(body["desk"]["weeks"])) == ("Asia/Shanghai", 14, 2)
    groups = {group["assignment_group"]: group for group in body["groups"]}
    assert (groups["Left"]["open_now"], groups["Left"]["trend"]) == (29, "growing")
    assert groups["Quick"]["open_now"] < 5
    assert body["groups"][0]["assignment_group"] == "Left"
    today = datetime.fromisoformat(body["desk"]["days"][0]["day"]).date()
    assert abs((today - utc_now().date()).days) <= 1


def test_a_group_can_be_asked_for_alone(client) -> None:
    body = client.get("/v1/workload", params={"assignment_group": "Quick"}).json()
    assert [group["assignment_group"] for group in body["groups"]] == ["Quick"]


def test_what_only_the_release_knows_as_open_is_not_open(client) -> None:
    body = client.get("/v1/workload").json()
    assert body["desk"]["open_now"] == 29 + next(
        g["open_now"] for g in body["groups"] if g["assignment_group"] == "Quick"
    )
    assert body["incidents"] > 56 * 6, "the release's history tells the rhythm"


def test_a_large_history_is_computed_beside_the_service(client, monkeypatch) -> None:
    service = client.app.state.service.workload
    in_thread = service.forecast(7)
    monkeypatch.setattr(workload_service, "LARGE", 1)
    service._made = {}
    beside = service.forecast(7)
    assert beside.desk.open_now == in_thread.desk.open_now
    assert [g.assignment_group for g in beside.groups] == [g.assignment_group for g in in_thread.groups]


@pytest.mark.parametrize("horizon", [0, 121, "many"])
def test_a_horizon_out_of_range_is_refused(client, horizon) -> None:
    assert client.get("/v1/workload", params={"horizon": horizon}).status_code == 422


def test_a_service_without_any_date_says_so(models, tmp_path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=tmp_path)
    with Serving(settings) as client:
        assert client.post("/v1/incidents", json=[{"number": "A", "short_description": "x"}]).status_code in (200, 503)
        answer = client.get("/v1/workload")
        assert answer.status_code == 422
        assert "opened_at" in answer.json()["detail"]


@pytest.mark.parametrize(("language", "words"), [("en", " open now; in 28 days about "), ("zh", " 起；28 天后约 ")])
def test_the_manager_s_page_shows_it(client, language, words) -> None:
    _, key = client.app.state.service.store.keys.create("manager", ("diagnose", "knowledge"))
    client.post("/console/sign-in", data={"key": key})
    html = client.get("/console/report", headers={"Accept-Language": language}).text
    assert 'id="workload"' in html
    assert html.count('data-chart="band"') == 2
    assert words in html
