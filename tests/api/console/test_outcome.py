"""The manager's page: each figure against a count by hand."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from api.console.outcome import outcome_of
from api.settings import Settings
from diagnosis.store.database import now
from diagnosis.store.diagnoses import Given
from tests.serving import Serving


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("outcome") / "faultwise.db"
    with Serving(Settings(database=f"sqlite:///{database}", models=models)) as one:
        yield one


def measured(client):
    outcome = outcome_of(client.app.state.service, now())
    return outcome, {one.key: one for one in outcome.measures}


def test_an_empty_store_says_that_it_holds_nothing(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as empty:
        outcome, found = measured(empty)
        assert all(one.found is None and not one.verdict for one in found.values())
        assert not any(decided for _, decided in outcome.days)


def test_figures_are_those_counted_by_hand(client) -> None:
    start = datetime.now(UTC) - timedelta(days=10)

    def later(hours):
        return (start + timedelta(hours=hours)).isoformat()

    rows = [
        {"number": f"O{i}", "opened_at": later(0), "cmdb_ci": f"ci-{i}", "category": "network",
         "short_description": "wireless drops", "resolved_at": later(1 if i < 6 else 9),
         **({"closed_at": later(30)} if i < 7 else {}),
         **({"responded_at": later(1)} if i < 2 else {"sla_response_minutes": 61} if i == 2 else {}),
         "satisfaction": 5 if i else 2}
        for i in range(8)
    ]  # fmt: skip
    # One fault comes back.
    rows.append({**rows[0], "number": "O8", "opened_at": later(48), "resolved_at": later(49), "closed_at": later(60),
                 "responded_at": later(51)})  # fmt: skip
    # Long ago twenty faults came back after five days: all forty are watched for thirty days.
    long_ago = [
        {"number": f"L{i}-{again}", "opened_at": later(-24 * (70 - 5 * again)), "cmdb_ci": f"old-{i}",
         "category": "network", "short_description": "mail is slow"} for i in range(20) for again in (0, 1)
    ]  # fmt: skip
    assert client.post("/v1/incidents", json=rows + long_ago).json()["stored"] == 49
    _, found = measured(client)
    assert found["restoration"].found == pytest.approx(7 / 9)
    assert found["restoration"].verdict == "missed"
    assert found["closure"].found == pytest.approx(8 / 9)
    assert (found["response"].found, found["response"].n) == (pytest.approx(3 / 4), 4)
    assert found["satisfaction"].found == pytest.approx(7 / 9)
    assert found["recurrence"].n == 49
    assert 20 / 49 < found["recurrence"].found < 23 / 49
    assert found["recurrence"].verdict == "missed"


def prediction(decision, value):
    return {"decision": decision, "value": value, "probability": 0.9, "alternatives": []}


def test_precision_is_of_what_people_judged(client) -> None:
    store = client.app.state.service.store
    decisions = ["automatic", "automatic", "automatic", "automatic", "suggested", "abstained"]
    for i, decision in enumerate(decisions):
        predictions = {"category": prediction(decision, "mail")}
        said = {"id": f"01D{i}", "incident": f"D{i}", "release": "r", "predictions": predictions}
        store.diagnoses.add([Given({**said, "suggestions": []}, now())])
    for i, kind in enumerate(["accepted", "accepted", "overridden", None, "overridden"]):
        value = {"value": "network"} if kind == "overridden" else {}
        if kind:
            answer = client.post(f"/v1/diagnoses/01D{i}/feedback", json={"kind": kind, "target": "category", **value})
            assert answer.status_code == 201
    undone = client.post("/v1/diagnoses/01D3/feedback", json={"kind": "reverted", "target": "category"}).json()
    client.delete(f"/v1/diagnoses/01D3/feedback/{undone['id']}")
    outcome, found = measured(client)
    assert (found["precision"].found, found["precision"].n) == (pytest.approx(2 / 3), 3)
    assert found["automatic"].found == pytest.approx(4 / 6)
    assert found["coverage"].found == pytest.approx(5 / 6)
    assert [dict(counted) for _, counted in outcome.days if counted] == [
        {"automatic": 4, "suggested": 1, "abstained": 1}
    ]
    assert outcome.overrides == [("category", "mail", 2)]


def test_the_page_shows_them_in_both_languages(client) -> None:
    key = client.post("/v1/keys", json={"name": "manager", "scopes": ["diagnose"]}).json()["key"]
    client.post("/console/sign-in", data={"key": key})
    for language, words in (("en", "missed"), ("zh", "未达标")):
        page = client.get("/console/outcome", headers={"Accept-Language": language})
        assert words in page.text
        assert re.search(r"77\.8%", page.text)
