"""The survey: off by default, a signed link, one answer, both languages, masked words, not too often."""

from datetime import timedelta

import jwt
import pytest
from fastapi.testclient import TestClient

from api.settings import Settings, settings_from
from api.surveys.tokens import AUDIENCE, sign
from diagnosis.errors import InputError
from diagnosis.times import utc_now
from tests.serving import Serving

SECRET = "a secret of thirty-two characters or more"


@pytest.fixture(scope="module")
def asking(models, tmp_path_factory):
    database = f"sqlite:///{tmp_path_factory.mktemp('survey') / 'faultwise.db'}"
    with Serving(Settings(database=database, models=models, survey_secret=SECRET)) as client:
        for number in ("S1", "S2", "S3", "S4"):
            body = {"number": number, "opened_at": utc_now().isoformat(), "short_description": "printer jams"}
            client.post("/v1/incidents", json=body)
        yield client


def link(client: TestClient, incident: str) -> str:
    return client.post("/v1/surveys", json={"incident": incident}).json()["path"]


def test_nobody_is_asked_unless_it_is_switched_on(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as client:
        client.post("/v1/incidents", json={"number": "S1", "short_description": "x"})
        assert client.post("/v1/surveys", json={"incident": "S1"}).status_code == 422
        token, _ = sign(SECRET, "S1", timedelta(days=1))
        assert client.get(f"/survey/{token}").status_code == 404


@pytest.mark.parametrize(("language", "words"), [("en", "Answering is voluntary"), ("zh", "由您自愿决定")])
def test_the_page_asks_one_question_and_says_what_for(asking, language, words) -> None:
    page = asking.get(link(asking, "S3"), headers={"Accept-Language": language, "Authorization": ""})
    assert page.status_code == 200
    assert words in page.text
    assert page.text.count('type="radio"') == 5


def test_a_link_of_an_incident_that_is_gone_is_over_and_the_answer_went_with_it(asking) -> None:
    path = link(asking, "S4")
    assert asking.post(path, data={"rating": "2"}).status_code == 200
    assert asking.delete("/v1/incidents/S4").status_code == 204
    assert asking.get(path).status_code == 410
    assert asking.post(path, data={"rating": "5"}).status_code == 410
    assert "S4" not in [item["incident"] for item in asking.get("/v1/surveys").json()["items"]]


def test_an_answer_is_kept_once_with_personal_data_masked(asking) -> None:
    path = link(asking, "S1")
    form = {"rating": "4", "comment": "call me: li.lei@example.com"}
    first = asking.post(path, data=form, headers={"Accept-Language": "zh", "Authorization": ""})
    assert first.status_code == 200
    assert "感谢" in first.text
    assert asking.post(path, data={"rating": "1"}).status_code == 409
    assert asking.post(link(asking, "S1"), data={"rating": "1"}).status_code == 409, "another link is no second answer"
    (answer,) = [item for item in asking.get("/v1/surveys").json()["items"] if item["incident"] == "S1"]
    assert (answer["rating"], answer["language"]) == (4, "zh")
    assert "li.lei" not in answer["comment"]
    assert "answered" in asking.get(path, headers={"Accept-Language": "en"}).text


def test_links_that_are_not_ours_or_over_are_refused(asking) -> None:
    other, _ = sign("another secret of thirty-two characters", "S2", timedelta(days=1))
    late, _ = sign(SECRET, "S2", timedelta(days=-1))
    panel = jwt.encode({"aud": "faultwise-panel", "incident": "S2", "iat": 0, "exp": 4e9}, SECRET, algorithm="HS256")
    unsigned = jwt.encode({"aud": AUDIENCE, "incident": "S2", "iat": 0, "exp": 4e9}, None, algorithm="none")
    for token in (other, late, panel, unsigned, "x"):
        assert asking.get(f"/survey/{token}").status_code == 410
        assert asking.post(f"/survey/{token}", data={"rating": "5"}).status_code == 410


@pytest.mark.parametrize("rating", ["0", "6", "4.5", "good", ""])
def test_other_ratings_are_refused(asking, rating) -> None:
    assert asking.post(link(asking, "S2"), data={"rating": rating}).status_code == 422


def test_only_who_may_write_asks_and_only_about_what_is_there(asking) -> None:
    assert asking.post("/v1/surveys", json={"incident": "none"}).status_code == 404
    assert asking.post("/v1/surveys", json={"incident": "S1"}, headers={"Authorization": ""}).status_code == 401


def test_another_site_cannot_answer(asking) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://example.org"}
    assert asking.post(link(asking, "S2"), data={"rating": "1"}, headers=headers).status_code == 403


def test_an_address_cannot_ask_without_end(asking) -> None:
    path = link(asking, "S3")
    statuses = [asking.get(path).status_code for _ in range(80)]
    assert 429 in statuses


def test_a_short_secret_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("FAULTWISE_SURVEY_SECRET", "short")
    with pytest.raises(InputError, match="32 characters"):
        settings_from()


def test_a_network_of_ipv6_is_one_address(asking) -> None:
    path = link(asking, "S3")
    statuses = [
        TestClient(asking.app, client=(f"2001:db8:0:7::{place:x}", 1)).get(path).status_code for place in range(80)
    ]
    assert 429 in statuses
    assert TestClient(asking.app, client=("2001:db8:0:8::1", 1)).get(path).status_code == 200
