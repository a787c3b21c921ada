"""The chronic faults over HTTP."""

import pandas as pd

from diagnosis.problems import find_problems
from diagnosis.recurrence import Signature


def test_problems_are_those_of_the_history_worth_most_first(client) -> None:
    frame = client.app.state.service.serving.current.diagnoser.parts.history.frame()
    query = {"signature": "cmdb_ci,category", "horizon": 30, "top": 3}
    body = client.get("/v1/problems", params=query).json()
    assert (body["horizon_days"], body["signature"]) == (30, ["cmdb_ci", "category"])
    signature = Signature(("cmdb_ci", "category"))
    report = find_problems(frame, signature, as_of=pd.Timestamp(body["as_of"]), horizon=30)
    assert [problem["id"] for problem in body["problems"]] == [problem.id for problem in report.problems[:3]]
    first, expected = body["problems"][0], report.problems[0]
    assert first["expected_incidents"] == expected.expected_incidents
    assert first["interval"] == list(expected.interval)
    assert set(first["numbers"]) <= set(frame["number"])


def test_without_a_signature_the_release_s_is_taken(client) -> None:
    model = client.app.state.service.serving.current.diagnoser.parts.recurrence
    assert client.get("/v1/problems").json()["signature"] == list(model.signature_.fields)


def test_what_cannot_be_asked_is_refused(client) -> None:
    assert client.get("/v1/problems", params={"signature": "colour"}).status_code == 422
    assert client.get("/v1/problems", params={"horizon": 0}).status_code == 422
    assert client.get("/v1/problems", params={"as_of": "1990-01-01T00:00:00Z"}).status_code == 422
