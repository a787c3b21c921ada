"""Diagnoses over HTTP: what is answered is stored, once; what people decide binds at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from api.diagnoses.schemas import DiagnosisOut, DiagnosisPage, DiagnosisResults
from api.feedback.schemas import FeedbackOut
from diagnosis.store.diagnoses import Claim
from tests.waiting import soon

CHINESE = {
    "short_description": "VPN 无法连接，证书过期",
    "description": "从今天早上开始，VPN 无法连接",
    "cmdb_ci": "vpn-gw-2",
}
ENGLISH = {"short_description": "printer shows paper jam", "description": "but there is no paper", "cmdb_ci": "prn-3f"}


def diagnose(client: TestClient, number: str, **fields: object) -> dict:
    answer = client.post("/v1/diagnoses", json={"number": number, **(fields or CHINESE)})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("report", "group", "article", "language"),
    [(CHINESE, "Network Operations", "KB000zh", "zh"), (ENGLISH, "Desktop Support", "KB002en", "en")],
)
def test_an_incident_is_diagnosed_in_the_contracts_shape(client, report, group, article, language) -> None:
    answer = client.post("/v1/diagnoses", json={"number": f"SHAPE-{language}", **report})
    said = DiagnosisOut.model_validate(answer.json(), strict=True)
    assert said.incident == f"SHAPE-{language}"
    assert said.language == language
    assert said.predictions["assignment_group"].alternatives[0].value == group
    assert article in [one.number for one in said.suggestions]
    assert said.similar_incidents
    assert answer.headers["location"] == f"/v1/diagnoses/{said.id}"
    assert client.get(answer.headers["location"]).json() == answer.json()
    page = DiagnosisPage.model_validate(client.get("/v1/diagnoses", params={"incident": said.incident}).json())
    assert [one.id for one in page.items] == [said.id]


def test_an_incident_without_words_gets_its_answer_with_a_warning(client) -> None:
    assert diagnose(client, "EMPTY", description="")["warnings"]


def test_diagnoses_are_paged_newest_first(client) -> None:
    ids = [diagnose(client, "PAGED")["id"] for _ in range(5)][::-1]
    seen, cursor = [], None
    while True:
        page = client.get(
            "/v1/diagnoses", params={"incident": "PAGED", "limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        seen += [one["id"] for one in page.json()["items"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
        diagnose(client, "PAGED")  # newer ones do not shift the pages
    assert seen == ids


def test_the_same_request_is_done_once_and_answered_the_same(client) -> None:
    body, headers = {"number": "IDEM-1", **CHINESE}, {"Idempotency-Key": "one"}
    first = client.post("/v1/diagnoses", json=body, headers=headers)
    again = client.post("/v1/diagnoses", json=body, headers=headers)
    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/diagnoses", json={**body, "description": "other"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:faultwise:problem:idempotency-key-reused")
    key = client.post("/v1/keys", json={"name": "another holder", "scopes": ["diagnose"]}).json()["key"]
    theirs = client.post("/v1/diagnoses", json=body, headers=headers | {"Authorization": f"Bearer {key}"})
    assert theirs.status_code == 200
    assert theirs.json()["id"] != first.json()["id"]


def test_a_request_in_flight_is_409_and_a_failed_one_may_come_again(client) -> None:
    store = client.app.state.service.store
    me = f"key:{store.keys.check(client.headers['authorization'].removeprefix('Bearer ')).id}"
    import hashlib

    request = client.build_request(
        "POST", "/v1/diagnoses", json={"number": "IDEM-2"}, headers={"Idempotency-Key": "two"}
    )
    claim = Claim(me, "two", hashlib.sha256(b"/v1/diagnoses\n" + request.read()).digest())
    assert store.responses.claim(claim) is None
    assert client.send(request).status_code == 409
    store.responses.release(claim)
    assert client.send(request).status_code == 200


def test_requests_that_race_with_one_key_make_one_diagnosis(client) -> None:
    def send(_: int) -> tuple[int, str]:
        answer = client.post("/v1/diagnoses", json={"number": "RACE", **CHINESE}, headers={"Idempotency-Key": "race"})
        return answer.status_code, answer.json().get("id", "")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(16)))
    assert {status for status, _ in answers} <= {200, 409}
    assert len({id_ for status, id_ in answers if status == 200}) == 1
    assert len(client.get("/v1/diagnoses", params={"incident": "RACE"}).json()["items"]) == 1


def test_each_row_of_a_batch_answers_for_itself(client) -> None:
    rows = [{"number": "ROW-0", **CHINESE}, {"description": "no number"}, 7, {"number": "ROW-3", "opened_at": "never"}]
    for body, prefix in (({"incidents": rows}, "/incidents"), (rows, "")):
        results = DiagnosisResults.model_validate(client.post("/v1/diagnoses/batch", json=body).json()).results
        assert [one.index for one in results] == [0, 1, 2, 3]
        assert results[0].diagnosis is not None
        assert results[0].diagnosis.incident == "ROW-0"
        assert [one.error is None for one in results] == [True, False, False, False]
        assert results[1].error is not None
        assert results[1].error.errors[0]["pointer"] == f"{prefix}/1/number"
        assert results[3].error is not None
        assert results[3].error.errors[0]["pointer"] == f"{prefix}/3/opened_at"


def test_a_batch_answers_as_one_by_one_does(client) -> None:
    rows = [{"number": f"MANY-{i}", **(CHINESE if i % 2 else ENGLISH)} for i in range(70)]
    results = client.post("/v1/diagnoses/batch", json=rows, headers={"Idempotency-Key": "many"}).json()["results"]
    assert [one["diagnosis"]["incident"] for one in results] == [row["number"] for row in rows]
    alone = diagnose(client, "MANY-1", **CHINESE)
    together = results[1]["diagnosis"]
    for target, prediction in together["predictions"].items():
        single = {a["value"]: a["probability"] for a in alone["predictions"][target]["alternatives"]}
        # Sums of single precision, in another order.
        assert {a["value"]: a["probability"] for a in prediction["alternatives"]} == pytest.approx(single, abs=1e-5)
    again = client.post("/v1/diagnoses/batch", json=rows, headers={"Idempotency-Key": "many"})
    assert again.json()["results"] == results


@pytest.mark.parametrize("body", [[], {"incidents": []}, [{"number": "X"}] * 1001, {"incident": []}, "x", 1, None])
def test_a_batch_holds_1_to_1000_rows(client, body) -> None:
    assert client.post("/v1/diagnoses/batch", json=body).status_code == 422


def test_an_overridden_value_is_never_predicted_again(client) -> None:
    first = diagnose(client, "OVERRIDE")
    predicted = first["predictions"]["assignment_group"]["alternatives"][0]["value"]
    said = client.post(
        f"/v1/diagnoses/{first['id']}/feedback",
        json={
            "kind": "overridden",
            "target": "assignment_group",
            "value": "Mail Team",
            "comment": "ask bob@example.com",
        },
    )
    feedback = FeedbackOut.model_validate(said.json())
    assert (said.status_code, feedback.predicted, feedback.value) == (201, predicted, "Mail Team")
    assert "bob@example.com" not in feedback.comment
    later = diagnose(client, "OVERRIDE")["predictions"]["assignment_group"]
    assert later["value"] in ("Mail Team", None)
    assert predicted not in [one["value"] for one in later["alternatives"]]
    other = diagnose(client, "NOT-OVERRIDDEN")["predictions"]["assignment_group"]
    assert other["alternatives"][0]["value"] == predicted, "a decision binds the incident that it was made on"
    undone = client.delete(f"/v1/diagnoses/{first['id']}/feedback/{feedback.id}")
    assert undone.json()["undone_at"] is not None
    assert diagnose(client, "OVERRIDE")["predictions"]["assignment_group"]["alternatives"][0]["value"] == predicted
    listed = client.get(f"/v1/diagnoses/{first['id']}/feedback").json()["items"]
    assert listed == [undone.json()]


def test_a_number_that_is_known_with_other_words_or_in_another_case_is_warned_about(client) -> None:
    first = diagnose(client, "INC-KNOWN-1", short_description="VPN certificate expired", description="since Monday")
    assert not [warning for warning in first["warnings"] if "INC-KNOWN-1" in warning]
    longer = {
        "short_description": "VPN certificate expired",
        "description": "since Monday, on every laptop of the team",
    }
    again = diagnose(client, "INC-KNOWN-1", **longer)
    assert not [warning for warning in again["warnings"] if "INC-KNOWN-1" in warning], "it was only extended"
    other = diagnose(client, "INC-KNOWN-1", **ENGLISH)
    (warning,) = [warning for warning in other["warnings"] if "INC-KNOWN-1" in warning]
    assert "was known with other words: “VPN certificate expired since Monday”" in warning
    [result] = client.post("/v1/diagnoses/batch", json=[{"number": "inc-known-1", **ENGLISH}]).json()["results"]
    (warning,) = [warning for warning in result["diagnosis"]["warnings"] if "inc-known-1" in warning]
    assert "INC-KNOWN-1 is known, which differs in the case of letters alone" in warning
    [phrase] = [entry for entry in result["diagnosis"]["warning_phrases"] if entry["code"] == "number_in_other_case"]
    assert phrase["values"] == {"number": "inc-known-1", "other": "INC-KNOWN-1"}
    shown = client.get("/v1/diagnoses", params={"incident": "inc-known-1"}).json()["items"][0]
    assert shown["warnings"] == result["diagnosis"]["warnings"]


def test_a_reverted_value_is_never_predicted_again_in_a_batch(client) -> None:
    first = diagnose(client, "REVERT")
    predicted = first["predictions"]["category"]["alternatives"][0]["value"]
    client.post(f"/v1/diagnoses/{first['id']}/feedback", json={"kind": "reverted", "target": "category"})
    rows = [{"number": name, **CHINESE} for name in ("REVERT", "FREE")]
    bound, free = (one["diagnosis"] for one in client.post("/v1/diagnoses/batch", json=rows).json()["results"])
    assert predicted not in [one["value"] for one in bound["predictions"]["category"]["alternatives"]]
    assert free["predictions"]["category"]["alternatives"][0]["value"] == predicted


def test_feedback_on_a_suggestion_is_kept_and_heard_by_what_ranks(client) -> None:
    first = diagnose(client, "SUGGEST", **ENGLISH)
    best = first["suggestions"][0]["id"]
    outcomes = client.app.state.service.serving.current.diagnoser.parts.suggester.outcomes_

    def failures() -> float:
        return outcomes.of([([], [best])], datetime.now(UTC))[0].failures

    before = failures()
    for _ in range(3):
        about = {"kind": "suggestion_failed", "suggestion": best}
        assert client.post(f"/v1/diagnoses/{first['id']}/feedback", json=about).status_code == 201
    assert len(client.get(f"/v1/diagnoses/{first['id']}/feedback").json()["items"]) == 3
    assert soon(lambda: failures() > before + 2.9)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "accepted"},
        {"kind": "overridden", "target": "assignment_group"},
        {"kind": "reverted", "target": "no_such_target"},
        {"kind": "suggestion_worked"},
        {"kind": "suggestion_worked", "suggestion": "no such"},
        {"kind": "praised"},
        {"kind": "accepted", "target": "category", "unknown": 1},
        {},
    ],
)
def test_feedback_that_means_nothing_is_refused(client, body) -> None:
    first = diagnose(client, "MEANINGLESS")
    assert client.post(f"/v1/diagnoses/{first['id']}/feedback", json=body).status_code == 422


def test_an_exclusion_rule_holds_from_the_moment_it_is_saved(client) -> None:
    predicted = diagnose(client, "RULED")["predictions"]["assignment_group"]["alternatives"][0]["value"]
    rule = client.post(
        "/v1/rules",
        json={
            "name": "not theirs",
            "fields": {"location": "hq*"},
            "target": "assignment_group",
            "value": predicted,
            "action": "never_predict",
        },
    ).json()
    try:
        ruled = diagnose(client, "RULED", location="HQ-2", **CHINESE)["predictions"]["assignment_group"]
        assert predicted not in [one["value"] for one in ruled["alternatives"]]
        elsewhere = diagnose(client, "RULED", location="plant", **CHINESE)["predictions"]["assignment_group"]
        assert elsewhere["alternatives"][0]["value"] == predicted
        body = {"name": "never alone", "target": "assignment_group"}
        asked = client.put(f"/v1/rules/{rule['id']}", json=body)
        assert (asked.status_code, asked.json()["type"]) == (409, "urn:faultwise:problem:confirmation-needed")
        assert client.get("/v1/rules").json()["items"] == [rule], "nothing is changed before it is confirmed"
        changed = client.put(f"/v1/rules/{rule['id']}", json={**body, "confirm": True})
        assert changed.json()["action"] == "never_automatic"
        now = diagnose(client, "RULED", location="HQ-2", **CHINESE)["predictions"]["assignment_group"]
        assert now["decision"] != "automatic"
        assert "never alone" in now["reason"]
        assert client.get("/v1/rules").json()["items"] == [changed.json()]
        assert client.get(f"/v1/rules/{rule['id']}").json() == changed.json()
    finally:
        assert client.delete(f"/v1/rules/{rule['id']}").status_code == 204
    free = diagnose(client, "RULED", location="HQ-2", **CHINESE)["predictions"]["assignment_group"]
    assert "never alone" not in (free["reason"] or "")


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, 409),
        ({"text": "  "}, 409),
        ({"fields": {"service": "*", "caller": " ** "}}, 409),
        ({"target": "category"}, 409),
        ({"target": "category", "confirm": True}, 201),
        ({"fields": {"service": ""}}, 201),
        ({"fields": {"service": "VPN*"}}, 201),
        ({"text": "zebra"}, 201),
        ({"target": "category", "value": "network"}, 201),
    ],
)
def test_a_rule_that_stops_all_automation_is_asked_about(client, limits, status) -> None:
    answer = client.post("/v1/rules", json={"name": "limits", **limits})
    assert answer.status_code == status, answer.text
    if status == 201:
        client.delete(f"/v1/rules/{answer.json()['id']}")
    else:
        assert answer.json()["errors"][0]["pointer"] == "/confirm"
        assert "stops all automation" in answer.json()["detail"]
    assert "limits" not in [rule["name"] for rule in client.get("/v1/rules").json()["items"]]


@pytest.mark.parametrize("path", ["/v1/diagnoses/none", "/v1/diagnoses/none/feedback", "/v1/rules/none"])
def test_what_is_not_there_is_404(client, path) -> None:
    assert client.get(path).status_code == 404
