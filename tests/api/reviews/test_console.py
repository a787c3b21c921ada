"""The console's page of the review: shown, decided on, finished and opened again, in both languages."""

import re

import pytest
from fastapi.testclient import TestClient

from api.errors import ComputingError
from diagnosis.review import Quarter
from diagnosis.times import utc_now


@pytest.fixture
def browser(client: TestClient):
    """A client that has signed in to the console; the key stays with the client of the API."""
    key = client.headers.pop("Authorization")
    client.post("/console/sign-in", data={"key": key.removeprefix("Bearer ")})
    yield client
    client.cookies.clear()
    client.headers["Authorization"] = key


def csrf(page: str) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1]


@pytest.mark.parametrize(("language", "word"), [("en", "Proposed actions"), ("zh", "建议措施")])
def test_the_page_is_shown_in_both_languages(browser, quarter, language, word) -> None:
    page = browser.get("/console/review", headers={"Accept-Language": language}).text
    assert word in page
    assert quarter in page
    assert "Messaging" in page
    assert f"/console/review/{quarter}/report" in page


def test_a_key_figure_is_chosen_only_where_the_action_is_judged_by_one(browser) -> None:
    page = browser.get("/console/review").text
    waiting = [entry for entry in browser.app.state.service.reviews.draft()["proposals"] if not entry["decision"]]
    assert any(entry["source"] for entry in waiting), "a fault to prevent"
    assert page.count('<select id="measure-') == sum(not entry["source"] for entry in waiting)


def test_a_proposal_is_taken_and_done_by_forms(browser, quarter) -> None:
    page = browser.get("/console/review").text
    path = re.findall(r'action="(/console/review/[^"]+/proposals/[^"]+)"', page)[-1]
    form = {"csrf": csrf(page), "decision": "take", "title": "Do <this>", "owner": "Desk", "due": "2099-01-31"}
    assert browser.post(path, data={**form, "measure": "mood"}).status_code == 422
    form["measure"] = "closure"
    after = browser.post(path, data=form).text
    assert "Do &lt;this&gt;" in after
    again = browser.post(path, data=form)
    assert again.status_code == 409
    [taken] = [entry for entry in browser.app.state.service.actions.all() if entry.title == "Do <this>"]
    assert (taken.measure, taken.owner) == ("closure", "Desk")
    action = re.search(r"/console/review/actions/([^\"]+)\"(?=[^§]*?Do &lt;this&gt;)", after)[1]
    assert (
        browser.post(f"/console/review/actions/{action}", data={"csrf": csrf(after), "status": "done"}).status_code
        == 200
    )


def test_a_review_is_finished_and_opened_again(browser, quarter) -> None:
    page = browser.get("/console/review").text
    finished = browser.post(f"/console/review/{quarter}/finish", data={"csrf": csrf(page), "note": "for the board"})
    assert "for the board" in finished.text
    assert "/proposals/" not in finished.text
    address = str(finished.url.path)
    assert browser.get(f"{address}/report").headers["content-type"].startswith("text/html")
    assert browser.get(f"{address}/report?kind=docx").content[:2] == b"PK"
    assert browser.get(f"{address}/report?kind=exe").status_code == 404


def test_a_running_quarter_is_refused_with_the_reason(browser) -> None:
    now = str(Quarter.of(utc_now(), "UTC"))
    body = {"number": "NOW2", "opened_at": utc_now().isoformat(), "short_description": "just now"}
    browser.app.state.service.store.incidents.put({"NOW2": body})
    token = csrf(browser.get("/console/review").text)
    headers = {"Accept-Language": "en"}
    refused = browser.post(f"/console/review/{now}/finish", data={"csrf": token}, headers=headers)
    assert refused.status_code == 422
    assert "The quarter is not over." in refused.text


def test_while_the_knowledge_base_is_judged_the_page_says_so_and_loads_again(browser, quarter, monkeypatch) -> None:
    def judge_first():
        raise ComputingError

    reviews = browser.app.state.service.reviews
    monkeypatch.setattr(reviews, "find_gaps", judge_first)
    monkeypatch.setattr(reviews, "_drafts", {})
    for path in (f"/console/review?quarter={quarter}", f"/console/review/{quarter}/report"):
        waiting = browser.get(path)
        assert waiting.status_code == 503
        assert waiting.headers["refresh"].startswith("5")
        assert "loads again by itself" in waiting.text


def test_what_is_not_there_says_so(browser) -> None:
    form = {"csrf": csrf(browser.get("/console/review").text), "status": "garbage"}
    assert browser.post("/console/review/actions/none", data=form).status_code == 422
    assert browser.post("/console/review/actions/none", data={**form, "status": "done"}).status_code == 404
    assert browser.get("/console/review/none").status_code == 404
    assert browser.get("/console/review?quarter=1999Q1").status_code == 404
    assert browser.post("/console/review/2026Q3/finish", data={"csrf": "0", "note": ""}).status_code in (401, 403)
