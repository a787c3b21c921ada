"""The manager's page: each figure against a count by hand."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from api.console.release_quality import verdict
from api.console.service_report import service_report
from api.console.views.service_report import report_marker
from api.settings import Settings
from diagnosis.findings import answer_kind
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.times import format_utc, utc_now
from tests.serving import Serving


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("outcome") / "faultwise.db"
    # Nothing is revoked but by the test itself.
    with Serving(Settings(database=f"sqlite:///{database}", models=models, watch_seconds=3600)) as one:
        yield one


def measured(client):
    outcome = service_report(client.app.state.service, utc_now())
    return outcome, {one.key: one for one in outcome.key_figures}


def test_an_empty_store_says_that_it_holds_nothing(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as empty:
        outcome, found = measured(empty)
        assert all(one.value is None and not one.verdict for one in found.values())
        assert "deflection" not in found, "nobody has asked for help"
        assert not any(decided for _, decided in outcome.days)


def test_targets_are_those_of_the_review(models, tmp_path) -> None:
    review = {"targets": {"closure": 0.5, "recurrence": 0.2}}
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models, review=review)) as empty:
        _, found = measured(empty)
    assert (found["closure"].target, found["recurrence"].target) == (0.5, 0.2)
    assert found["satisfaction"].target == 0.9, "the programme's own where none was set"


def test_figures_are_those_counted_by_hand(client) -> None:
    start = datetime.now(UTC) - timedelta(days=10)

    def later(hours):
        return (start + timedelta(hours=hours)).isoformat()

    rows = [
        {
            "number": f"O{i}",
            "opened_at": later(0),
            "cmdb_ci": f"ci-{i}",
            "category": "network",
            "short_description": "wireless drops",
            "resolved_at": later(1 if i < 6 else 9),
            **({"closed_at": later(30)} if i < 7 else {}),
            **({"responded_at": later(1)} if i < 2 else {"sla_response_minutes": 61} if i == 2 else {}),
            "satisfaction": 5 if i else 2,
        }
        for i in range(8)
    ]
    # One fault comes back.
    rows.append(
        {
            **rows[0],
            "number": "O8",
            "opened_at": later(48),
            "resolved_at": later(49),
            "closed_at": later(60),
            "responded_at": later(51),
        }
    )
    # Sixty days ago twenty faults came back after five days; ten others, logged 33 days ago, did not.
    long_ago = [
        {
            "number": f"L{i}-{again}",
            "opened_at": later(-24 * ((50 if i < 20 else 23) - 5 * again)),
            "cmdb_ci": f"old-{i}",
            "category": "network",
            "short_description": "mail is slow",
        }
        for i in range(30)
        for again in ((0, 1) if i < 20 else (0,))
    ]
    assert client.post("/v1/incidents", json=rows + long_ago).json()["stored"] == 59
    _, found = measured(client)
    # A resolution answers too, and what has waited for a month or more is a miss of this month too.
    assert found["response_in_time"].value == pytest.approx(7 / 59), "one was resolved before it was answered"
    assert found["restoration_all"].value == pytest.approx(7 / 59)
    assert (found["restoration_all"].n, found["restoration_all"].n_open) == (59, 50)
    assert found["restoration_all"].verdict == "missed"
    assert found["closure"].value == pytest.approx(8 / 59)
    assert found["satisfaction"].value == pytest.approx(7 / 9)
    assert found["satisfaction"].verdict == "not_proven", "nine answers prove neither side of 90 %"
    for figure in found.values():
        if figure.value is not None:
            assert figure.lower <= figure.value <= figure.upper
    # Of the last thirty days alone: one of the nine that were watched at the age of two days came back.
    assert found["recurrence"].n == 9 + 10 + 20
    assert found["recurrence"].value == pytest.approx(1 / 9)
    assert found["recurrence"].verdict == "not_proven"


def prediction(decision, value):
    return {"decision": decision, "value": value, "probability": 0.9, "alternatives": []}


def test_live_quality_is_that_of_the_api_worst_first_and_shows_what_was_revoked(client) -> None:
    service = client.app.state.service
    store, release = service.store, service.serving.current.diagnoser.release
    # Mail: 18 of 20 right. Network: 4 of 10 right, and its certificate goes. Printing: one answer, wrong; not known: 5.
    told = [("mail", i < 18) for i in range(20)] + [("network", i < 4) for i in range(10)] + [("print", False)]
    for i, (value, right) in enumerate([*told, *[("mail", None)] * 5]):
        one = {"id": f"01D{i:03}", "incident": f"D{i}", "release": release, "suggestions": []}
        store.diagnoses.add(
            [DiagnosisEntry({**one, "predictions": {"category": prediction("automatic", value)}}, utc_now())]
        )
        said = {"kind": "accepted"} if right else {"kind": "overridden", "value": "other", "confirm": True}
        if right is not None:
            answer = client.post(f"/v1/diagnoses/01D{i:03}/feedback", json={"target": "category", **said})
            assert answer.status_code == 201
    store.diagnoses.add(
        [
            DiagnosisEntry(
                {
                    "id": "01S",
                    "incident": "S",
                    "release": release,
                    "suggestions": [],
                    "predictions": {"category": prediction("suggested", "mail")},
                },
                utc_now(),
            )
        ]
    )
    detail = {"promised": 0.95, "of_all": False, "answered": 10, "wrong": 6, "evidence": 99.0}
    assert store.revocations.add(release, "category", "network", detail) is not None
    while not store.observations.settle()[1]:
        pass
    outcome, _ = measured(client)
    [shown] = outcome.live.targets
    assert [one.value for one in shown.classes] == ["network", "print", "mail"], "one of one says less than six of ten"
    assert shown.all.precision.share == pytest.approx(22 / 31)
    assert (shown.all.automatic.share, shown.all.automatic.n) == (pytest.approx(36 / 37), 37)
    # Clopper and Pearson of 4 in 10.
    assert shown.classes[0].precision.lower == pytest.approx(0.1216, abs=1e-4)
    assert shown.classes[0].precision.upper == pytest.approx(0.7376, abs=1e-4)
    assert verdict(shown) == "missed"
    [api] = [one for one in client.get("/v1/quality").json()["targets"] if one["target"] == "category"]
    assert api["all"]["precision"] == asdict(shown.all.precision)
    assert api["all"]["automatic"] == asdict(shown.all.automatic)
    assert [(one.value, one.detail["wrong"]) for one in outcome.live.revocations] == [("network", 6)]
    assert [dict(counted) for _, counted in outcome.days if counted] == [{"automatic": 36, "suggested": 1}]
    assert outcome.overrides == [("category", "network", 6), ("category", "mail", 2), ("category", "print", 1)]


def test_the_page_shows_them_in_both_languages(client) -> None:
    key = client.post("/v1/keys", json={"name": "manager", "scopes": ["diagnose", "knowledge"]}).json()["key"]
    client.post("/console/sign-in", data={"key": key})
    for language, words in (("en", "missed"), ("zh", "未达标")):
        page = client.get("/console/report", headers={"Accept-Language": language})
        assert words in page.text
        assert re.search(r"77\.8%", page.text)
        for shown in LIVE[language]:
            assert shown in page.text


LIVE = {
    "en": (
        "71.0%",
        "52% to 86%",
        "n = 31 known",
        "certificate revoked",
        "6 of 10 automatic decisions were wrong; at least 95% right were promised",
    ),
    "zh": ("71.0%", "52% 至 86%", "已知 31 项", "自动认证已撤销", "10 项自动判定中有 6 项错误；承诺至少 95% 正确"),
}


def test_a_release_that_has_answered_nothing_says_so(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as empty:
        outcome, _ = measured(empty)
        assert outcome.live.release == empty.app.state.service.serving.current.diagnoser.release
        assert not outcome.live.targets
        assert not outcome.live.revocations


def test_a_revocation_shows_although_nothing_came_in_since(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as one:
        service = one.app.state.service
        before = report_marker(service, "2026-11-22")
        assert report_marker(service, "2026-11-22") == before
        detail = {"promised": 0.95, "of_all": True, "answered": 10, "wrong": 6, "evidence": 99.0}
        service.store.revocations.add(service.serving.current.diagnoser.release, "category", "network", detail)
        assert report_marker(service, "2026-11-22") != before


def test_decisions_are_counted_as_the_queue_calls_them(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'c.db'}", models=models)) as client:
        for number, text in (("NS-1", "qzxv jkwp"), ("NS-2", "printer shows paper jam but there is none")):
            client.post("/v1/diagnoses", json={"number": number, "short_description": text})
        diagnoses = client.get("/v1/diagnoses").json()["items"]
        predictions = [prediction for item in diagnoses for prediction in item["predictions"].values()]
        kinds = [answer_kind(prediction) for prediction in predictions]
        assert 0 < kinds.count("not_sure") < len(kinds)
        assert ("suggested", "not_sure") in zip([p["decision"] for p in predictions], kinds, strict=True)
        assert measured(client)[0].totals["not_sure"] == kinds.count("not_sure")
        accepted = {"kind": "accepted", "target": "assignment_group"}
        assert client.post(f"/v1/diagnoses/{diagnoses[0]['id']}/feedback", json=accepted).status_code == 201
        client.post("/v1/diagnoses", json={"number": diagnoses[0]["incident"], "short_description": "printer"})
        assert measured(client)[0].totals["decided"] == 1


def test_a_diagnosis_made_anew_is_no_second_decision(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'd.db'}", models=models)) as client:
        for _ in range(3):
            answer = client.post("/v1/diagnoses", json={"number": "AGAIN", "short_description": "printer paper jam"})
        assert measured(client)[0].n_decisions == len(answer.json()["predictions"])


def test_more_than_twenty_thousand_are_all_counted(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'm.db'}", models=models)) as client:
        store, moment = client.app.state.service.store, utc_now()

        def times(**days):
            return {name: format_utc(moment - timedelta(days=ago)) for name, ago in days.items()}

        store.incidents.put({f"OLD{i}": times(opened_at=35) for i in range(500)})
        store.incidents.put({f"DONE{i}": times(opened_at=400, resolved_at=399, closed_at=399) for i in range(100)})
        quick = times(opened_at=5, resolved_at=4.9, closed_at=4.9)
        store.incidents.put({f"NEW{i}": quick for i in range(20_000)})
        diagnosed = {"release": "r", "suggestions": [], "predictions": {"category": prediction("suggested", "mail")}}
        numbers = [f"{i:06}" for i in range(20_500)]
        store.diagnoses.add([DiagnosisEntry({**diagnosed, "id": f"01{i}", "incident": i}, moment) for i in numbers])
        outcome, found = measured(client)
        assert outcome.totals["suggested"] == 20_500
        assert (found["closure"].n, found["closure"].n_open) == (20_500, 500)


def test_a_recurrence_that_nobody_was_watched_for_is_too_few_to_tell_and_not_without_data(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'r.db'}", models=models)) as client:
        opened = format_utc(utc_now() - timedelta(hours=1))
        rows = {f"R{i}": {"opened_at": opened, "cmdb_ci": f"ci-{i // 2}", "category": "network"} for i in range(20)}
        client.app.state.service.store.incidents.put(rows)
        recurrence = measured(client)[1]["recurrence"]
        assert (recurrence.n, recurrence.value, recurrence.verdict) == (20, None, "not_proven")
