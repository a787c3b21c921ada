"""Every dialect through the real service with a real release: proof, payload, diagnosis, answer, and the way back."""

import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

import pytest

from api.integrations.examples import ALERTMANAGER, GLPI, JIRA, REQUEST_TRACKER, SERVICENOW, ZAMMAD
from api.settings import Settings
from tests.api.integrations import systems
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon

SECRET = "s3cret"  # not a password of anything
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def zammad():
    model = systems.Zammad()
    with Remote(model.answer) as remote:
        model.url, model.remote = remote.url, remote
        yield model


@pytest.fixture(scope="module")
def client(models, tmp_path_factory, zammad):
    database = tmp_path_factory.mktemp("dialects") / "faultwise.db"
    settings = Settings(
        database=f"sqlite:///{database}",
        models=models,
        allow_private_addresses=True,
        integrations={
            "zammad": {"secret": SECRET, "write_back": True, "url": zammad.url, "token": "secret"},
            "glpi": {"secret": SECRET},
            "servicenow": {"solutions": {"our_own_name": "assignment_group"}, "fields": {"u_site": "location"}},
        },
    )
    with Serving(settings) as one:
        yield one


def send_zammad(client, payload, *, secret=SECRET, algorithm="sha1", delivery=None, body=None, trace=""):
    body = json.dumps(payload).encode() if body is None else body
    signature = f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}"
    headers = {"X-Hub-Signature": signature, "X-Zammad-Delivery": delivery or str(uuid4()), "Authorization": ""}
    headers |= {"traceparent": trace} if trace else {}
    return client.post("/v1/integrations/zammad", content=body, headers=headers)


def send_glpi(client, payload, *, secret=SECRET, at=None):
    body, timestamp = json.dumps(payload).encode(), str(int(at if at is not None else time.time()))
    signature = hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
    headers = {"X-GLPI-signature": signature, "X-GLPI-timestamp": timestamp, "Authorization": ""}
    return client.post("/v1/integrations/glpi", content=body, headers=headers)


def ticket(**changes):
    number = str(uuid4().int % 10**9)
    return {**ZAMMAD, "ticket": {**ZAMMAD["ticket"], "number": number, **changes}}


def stored(client, number):
    return client.get(f"/v1/incidents/{number}").json()


def is_problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    return response.json()


class TestServiceNow:
    def test_a_row_is_diagnosed_and_remembered(self, client):
        answer = client.post("/v1/integrations/servicenow", json={**SERVICENOW, "number": "SN1", "u_site": "Köln"})
        result = answer.json()["result"]
        assert answer.status_code == 200, answer.text
        assert (result["number"], result["sys_id"], result["diagnosis"]["incident"]) == (
            "SN1",
            SERVICENOW["sys_id"],
            "SN1",
        )
        assert result["diagnosis"]["id"] in result["work_notes"]
        assert result["diagnosis"]["language"] == "zh"
        assert "Faultwise 诊断" in result["work_notes"]
        assert set(result["certified"]) == {
            name for name, one in result["diagnosis"]["predictions"].items() if one["decision"] == "automatic"
        }
        known = stored(client, "SN1")
        assert (known["cmdb_ci"], known["location"], known["source"]) == ("vpn-gw-2", "Köln", "servicenow")
        assert client.get(f"/v1/diagnoses/{result['diagnosis']['id']}").json() == result["diagnosis"]

    def test_several_rows(self, client):
        rows = [{**SERVICENOW, "number": f"SNM{i}"} for i in range(3)]
        assert [
            one["number"] for one in client.post("/v1/integrations/servicenow", json={"result": rows}).json()["result"]
        ] == ["SNM0", "SNM1", "SNM2"]

    def test_a_row_that_cannot_be_used_costs_the_others_nothing(self, client):
        rows = [
            {**SERVICENOW, "number": "SNB0"},
            {"short_description": "no number"},
            ["no row"],
            {**SERVICENOW, "number": "SNB3", "opened_at": "1960-01-01 00:00:00"},
            {**SERVICENOW, "number": "SNB4"},
        ]
        answer = client.post("/v1/integrations/servicenow", json={"result": rows})
        assert answer.status_code == 200, answer.text
        numbers = [one["number"] for one in answer.json()["result"]]
        assert [number for number in numbers if number != "SNB3"] == ["SNB0", "SNB4"]
        assert {one["index"] for one in answer.json()["refused"]} >= {1, 2}
        is_problem(client.post("/v1/integrations/servicenow", json={"result": [{"a": 1}, {"b": 2}]}), 422)

    def test_rows_of_one_incident_build_on_each_other(self, client):
        rows = [
            {"number": "SNW", "short_description": "VPN down", "description": "long words"},
            {"number": "SNV", "short_description": "another"},
            {"number": "SNW", "short_description": "VPN is down"},
        ]
        answer = client.post("/v1/integrations/servicenow", json={"result": rows}).json()
        assert [one["number"] for one in answer["result"]] == ["SNW", "SNV", "SNW"]
        known = stored(client, "SNW")
        assert (known["short_description"], known["description"]) == ("VPN is down", "long words")

    def test_an_update_keeps_what_it_does_not_speak_of_and_a_reopening_is_one(self, client):
        client.post("/v1/integrations/servicenow", json={**SERVICENOW, "number": "SN2", "description": "long words"})
        client.post(
            "/v1/integrations/servicenow",
            json={"number": "SN2", "resolved_at": "2026-02-01 10:00:00", "close_notes": "ok"},
        )
        known = stored(client, "SN2")
        assert (known["description"], known["resolved_at"][:10], known["close_notes"]) == (
            "long words",
            "2026-02-01",
            "ok",
        )
        client.post("/v1/integrations/servicenow", json={"number": "SN2", "state": "2"})
        assert stored(client, "SN2").get("resolved_at") is None

    def test_a_request_that_is_moved_to_an_incident_is_one(self, client):
        def type_of(**row):
            client.post("/v1/integrations/servicenow", json={"number": "SN4", "short_description": "a", **row})
            return stored(client, "SN4").get("type", "incident")

        assert type_of(sys_class_name="sc_request") == "request"
        assert type_of(short_description="b") == "request", "a payload that names no type leaves it"
        assert type_of(sys_class_name="") == "request"
        assert type_of(sys_class_name="incident") == "incident"
        assert type_of() == "incident"

    def test_basic_with_the_key_as_password(self, client):
        key = client.headers["Authorization"].removeprefix("Bearer ")
        basic = base64.b64encode(f"anybody:{key}".encode()).decode()
        row = {**SERVICENOW, "number": "SN3"}
        sent = client.post("/v1/integrations/servicenow", json=row, headers={"Authorization": f"Basic {basic}"})
        assert sent.status_code == 200
        wrong = base64.b64encode(b"anybody:wrong").decode()
        is_problem(
            client.post("/v1/integrations/servicenow", json=row, headers={"Authorization": f"Basic {wrong}"}), 401
        )
        is_problem(client.post("/v1/integrations/servicenow", json=row, headers={"Authorization": "Basic %%%"}), 401)

    def test_wrong_rows(self, client):
        said = is_problem(client.post("/v1/integrations/servicenow", json={"short_description": "no number"}), 422)
        assert said["errors"][0]["pointer"] == "/number"
        is_problem(client.post("/v1/integrations/servicenow", content=b"{"), 400)
        is_problem(client.post("/v1/integrations/servicenow", content=b"\xff"), 400)

    def test_a_key_without_the_scope(self, client):
        key = client.post("/v1/keys", json={"name": "f", "scopes": ["feedback"]}).json()["key"]
        sent = client.post("/v1/integrations/servicenow", json=SERVICENOW, headers={"Authorization": f"Bearer {key}"})
        is_problem(sent, 403)


class TestPredictiveIntelligence:
    PATH = "/api/now/agent_intelligence/solution/prediction"
    MAPS = ({"sys_id": "a" * 32, "short_description": "VPN 无法连接"}, {"short_description": "printer is out of toner"})

    def ask(self, client, maps=MAPS, names="ml_incident_assignment", **options):
        given = {"input_maps": json.dumps(maps), "solution_names": names}
        return client.get(self.PATH, params=given | ({"options": json.dumps(options)} if options else {}))

    def test_the_documented_shape(self, client):
        answer = self.ask(client, top_n=3, apply_threshold=False)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert set(result) == {"ml_incident_assignment"}
        assert set(result["ml_incident_assignment"]) == {"a" * 32, "1"}
        for found in result["ml_incident_assignment"].values():
            assert 1 <= len(found) <= 3
            assert all(set(one) == {"confidence", "threshold", "predictedValue", "predictedSysId"} for one in found)
            confidences = [one["confidence"] for one in found]
            assert confidences == sorted(confidences, reverse=True)
            assert all(0 <= one <= 100 for one in confidences)
            assert all(one["threshold"] == -1 or 0 <= one["threshold"] <= 100 for one in found)

    def test_confidence_is_the_probability_that_the_service_says(self, client):
        said = client.post("/v1/diagnoses", json={"number": "PI1", **self.MAPS[1]}).json()["predictions"]
        targets = list(said)
        result = self.ask(client, self.MAPS[1:], ",".join(targets), top_n=100, apply_threshold=False).json()["result"]
        for target in targets:
            expected = [
                (one["value"], pytest.approx(100 * one["probability"], abs=1e-4))
                for one in said[target]["alternatives"]
            ]
            assert [(one["predictedValue"], one["confidence"]) for one in result[target]["0"]] == expected

    def test_top_n_is_honoured_and_one_by_default(self, client):
        for n in (1, 2):
            assert (
                len(
                    self.ask(client, self.MAPS[:1], top_n=n, apply_threshold=False).json()["result"][
                        "ml_incident_assignment"
                    ]["a" * 32]
                )
                == n
            )
        assert (
            len(
                self.ask(client, self.MAPS[:1], apply_threshold=False).json()["result"]["ml_incident_assignment"][
                    "a" * 32
                ]
            )
            == 1
        )

    def test_the_threshold_leaves_only_what_is_automatic(self, client):
        maps = [
            {"sys_id": f"{i:032x}", "short_description": text}
            for i, text in enumerate(("VPN 无法连接", "printer", "????", ""))
        ]
        answer = self.ask(client, maps, "ml_incident_assignment,category", top_n=5)
        said = [
            client.post(
                "/v1/diagnoses", json={"number": f"PIT{i}", "short_description": one["short_description"]}
            ).json()["predictions"]
            for i, one in enumerate(maps)
        ]
        for solution, target in (("ml_incident_assignment", "assignment_group"), ("category", "category")):
            for one, predictions in zip(maps, said, strict=True):
                found = [p["predictedValue"] for p in answer.json()["result"][solution][one["sys_id"]]]
                automatic = predictions[target]["decision"] == "automatic"
                assert found == ([predictions[target]["value"]] if automatic else [])

    def test_names_by_setting_and_unknown_ones(self, client):
        assert "our_own_name" in self.ask(client, names="our_own_name").json()["result"]
        said = is_problem(self.ask(client, names="ml_unheard_of"), 404)
        assert "answers for" in said["detail"]

    def test_nothing_is_stored(self, client):
        before = client.get("/v1/diagnoses", params={"limit": 1}).json()["items"][0]["id"]
        self.ask(client, apply_threshold=False)
        assert client.get("/v1/diagnoses", params={"limit": 1}).json()["items"][0]["id"] == before
        is_problem(client.get(f"/v1/incidents/{'a' * 32}"), 404)

    @pytest.mark.parametrize(
        ("given", "pointer"),
        [
            ({"input_maps": "nonsense"}, "/query/input_maps"),
            ({"input_maps": "[]"}, "/query/input_maps"),
            ({"input_maps": "[7]"}, "/query/input_maps/0"),
            ({"options": '{"top_n":0}'}, "/query/options/top_n"),
            ({"options": '{"top_n":"5"}'}, "/query/options/top_n"),
            ({"options": '{"topn":5}'}, "/query/options/topn"),
            ({"solution_names": " , "}, "/query/solution_names"),
        ],
    )
    def test_wrong_arguments(self, client, given, pointer):
        right = {"input_maps": json.dumps(self.MAPS), "solution_names": "ml_incident_assignment"}
        said = is_problem(client.get(self.PATH, params=right | given), 422)
        assert pointer in [one["pointer"] for one in said["errors"]]

    @pytest.mark.parametrize("version", ["", "/v1", "/v2"])
    def test_every_version_and_a_body(self, client, version):
        path = self.PATH.replace("/now", f"/now{version}")
        expected = self.ask(client, apply_threshold=False).json()
        text = {"input_maps": json.dumps(self.MAPS), "solution_names": "ml_incident_assignment"}
        options = {"apply_threshold": False}
        values = {"input_maps": self.MAPS, "solution_names": ["ml_incident_assignment"], "options": options}
        for body in (values, {**text, "options": json.dumps(options)}):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json()) == (200, expected), answer.text
        assert client.get(path, params={**text, "options": json.dumps(options)}).json() == expected

    @pytest.mark.parametrize(
        "name",
        [
            "ml_sn_global_global_incident_assignment",
            "ml_x_snc_global_global_incident_assignment",
            "ml_x_acme_it_app_global_incident_assignment_group",
            "ml_incident_assignment",
        ],
    )
    def test_names_as_servicenow_makes_them(self, client, name):
        answer = self.ask(client, self.MAPS[:1], name, apply_threshold=False)
        assert list(answer.json()["result"]) == [name], answer.text

    def test_a_solution_of_another_table_is_not_taken_for_one_of_incidents(self, client):
        is_problem(self.ask(client, names="ml_x_snc_change_assignment_group"), 404)

    def test_one_solution_for_one_record(self, client):
        fields = {"short_description": "printer is out of toner", "sys_id": "c" * 32}
        for version in ("", "/v1", "/v2"):
            path = f"/api/now{version}/agent_intelligence/solution/ml_incident_assignment/prediction"
            said = [client.get(path, params=fields), client.post(path, json=fields)]
            assert [answer.status_code for answer in said] == [200, 200], said[0].text
            result = said[0].json()["result"]
            assert result == said[1].json()["result"]
            assert result["input"] == fields
            many = self.ask(client, [fields]).json()["result"]["ml_incident_assignment"]["c" * 32]
            wanted = many[0]["predictedValue"] if many else ""
            assert (result["output"]["outcome"], set(result["output"])) == (
                wanted,
                {"outcome", "confidence", "threshold"},
            )
        is_problem(client.get("/api/now/agent_intelligence/solution/ml_unknown/prediction", params=fields), 404)

    def test_a_thousand_records_and_not_one_more(self, client):
        maps = [{"sys_id": f"{n:032x}", "short_description": f"printer {n} is out of toner"} for n in range(1000)]
        body = {"input_maps": maps, "solution_names": "category", "options": {"apply_threshold": False}}
        answer = client.post(self.PATH, json=body)
        assert answer.status_code == 200, answer.text
        assert all(answer.json()["result"]["category"][one["sys_id"]] for one in maps)
        is_problem(client.post(self.PATH, json={**body, "input_maps": [*maps, {"sys_id": "x"}]}), 422)
        is_problem(client.post(self.PATH, json={**body, "input_table": "incident"}), 422)

    def test_records_that_share_an_id_answer_each_for_itself(self, client):
        maps = [{**one, "sys_id": "d" * 32} for one in self.MAPS]
        alone = [self.ask(client, [one], apply_threshold=False).json()["result"] for one in maps]
        both = self.ask(client, maps, apply_threshold=False).json()["result"]["ml_incident_assignment"]
        assert list(both) == ["d" * 32, "1"]
        for [shared], one in zip(both.values(), alone, strict=True):
            [single] = one["ml_incident_assignment"]["d" * 32]
            assert shared["predictedValue"] == single["predictedValue"]
            assert shared["confidence"] == pytest.approx(single["confidence"], abs=1e-3)

    def test_it_needs_a_key(self, client):
        is_problem(
            client.get(self.PATH, params={"input_maps": "[]", "solution_names": "x"}, headers={"Authorization": ""}),
            401,
        )


@pytest.mark.parametrize(
    ("system", "payload"),
    [
        ("jira", lambda type_: {"issue": {"key": "TY-1", "fields": {"summary": "a", "issuetype": {"name": type_}}}}),
        ("servicenow", lambda type_: {"number": "TY-2", "short_description": "a", "sys_class_name": type_}),
    ],
)
def test_a_type_that_changes_is_noticed_from_each_system(client, system, payload):
    number = "TY-1" if system == "jira" else "TY-2"
    for name, type_ in (("Service request", "request"), ("Incident", "incident"), ("投诉", "complaint")):
        answer = client.post(f"/v1/integrations/{system}", json=payload(name))
        assert answer.status_code == 200, answer.text
        assert stored(client, number)["type"] == type_


def test_a_type_of_glpi_that_changes_is_noticed(client):
    for code, type_ in ((2, "request"), (1, "incident")):
        send_glpi(client, {"event": "update", "item": {"id": 881, "name": "a", "type": code}})
        assert stored(client, "881")["type"] == type_


class TestJira:
    def test_automation_and_platform(self, client):
        for payload in (JIRA, {"issue": JIRA}, {"timestamp": 1, "webhookEvent": "jira:issue_updated", "issue": JIRA}):
            answer = client.post("/v1/integrations/jira", json=payload)
            assert answer.status_code == 200, answer.text
            assert answer.json()["key"] == "SP-53"
            assert answer.json()["body"]["type"] == "doc"

    def test_events(self, client):
        ignored = client.post("/v1/integrations/jira", json={"webhookEvent": "comment_created", "issue": JIRA})
        assert (ignored.status_code, ignored.json()["status"]) == (202, "ignored")
        said = is_problem(
            client.post("/v1/integrations/jira", json={"webhookEvent": "sprint_started", "issue": JIRA}), 422
        )
        assert "found 'sprint_started'" in said["detail"]


class TestZammad:
    def test_signed_diagnosed_and_written_back(self, client, zammad):
        answer = send_zammad(client, payload := ticket())
        assert answer.status_code == 200, answer.text
        said = answer.json()["diagnosis"]
        assert said["incident"] == payload["ticket"]["number"]
        assert stored(client, said["incident"])["description"] == "Since this morning."
        end = time.monotonic() + 10
        while not any(said["id"] in one["body"] for one in zammad.articles) or not zammad.tags:
            assert time.monotonic() < end, client.get("/v1/outbox").text
            time.sleep(0.05)
        assert zammad.tags == ["faultwise"]
        (note,) = [one["body"] for one in zammad.articles if said["id"] in one["body"]]
        assert ", missed" in note, "its clocks stand there as they do now, months after it was opened"

    def test_what_is_written_back_carries_the_trace_of_the_call_that_led_to_it(self, client, zammad):
        trace = uuid4().hex
        another = ticket(id=82)  # a note that says the same of the same ticket would not be written again
        send_zammad(client, another, trace=f"00-{trace}-b7ad6b7169203331-01")
        sent = zammad.remote.requests
        assert soon(lambda: any(trace in request.headers.get("traceparent", "") for request in sent)), client.get(
            "/v1/outbox"
        ).text

    def test_the_note_that_comes_back_is_no_new_diagnosis(self, client):
        payload = ticket()
        send_zammad(client, payload)
        again = {**payload, "article": {"body": "Faultwise diagnosis", "internal": True}}
        assert send_zammad(client, again).json() == {"status": "ignored", "reason": "internal article"}
        number = payload["ticket"]["number"]
        assert stored(client, number)["description"] == "Since this morning."
        assert len(client.get("/v1/diagnoses", params={"incident": number}).json()["items"]) == 1

    def test_unsigned_and_wrongly_signed(self, client):
        is_problem(client.post("/v1/integrations/zammad", json=ticket(), headers={"Authorization": ""}), 401)
        is_problem(
            client.post("/v1/integrations/zammad", json=ticket()), 401
        )  # a key does not stand in for the signature
        is_problem(send_zammad(client, ticket(), secret="other"), 401)
        is_problem(send_zammad(client, ticket(), algorithm="sha256"), 401)
        bad = {"X-Hub-Signature": "sha1=nonsense-é".encode("latin-1")}
        is_problem(client.post("/v1/integrations/zammad", json=ticket(), headers=bad), 401)

    def test_the_signature_is_checked_before_parsing(self, client):
        said = is_problem(
            client.post("/v1/integrations/zammad", content=b"{ no json", headers={"Authorization": ""}), 401
        )
        assert "JSON" not in said["detail"]
        is_problem(send_zammad(client, None, body=b"{ no json"), 400)

    def test_replays_are_refused_under_any_id(self, client):
        payload, delivery = ticket(), str(uuid4())
        assert send_zammad(client, payload, delivery=delivery).status_code == 200
        is_problem(send_zammad(client, payload, delivery=delivery), 409)
        is_problem(send_zammad(client, payload), 409)  # the same signed body under another, unsigned id
        is_problem(send_zammad(client, ticket(), delivery=delivery), 409)

    def test_what_failed_may_be_sent_again(self, client):
        delivery = str(uuid4())
        deep: dict = {}
        for _ in range(40):
            deep = {"x": deep}
        is_problem(send_zammad(client, {"ticket": {"id": 1, "number": "x", "own": deep}}, delivery=delivery), 422)
        assert send_zammad(client, ticket(), delivery=delivery).status_code == 200

    def test_a_megabyte(self, client):
        payload = ticket()
        payload["article"] = {**payload["article"], "body": "<p>" + "VPN 断线 " * 150_000 + "</p>"}
        assert send_zammad(client, payload).status_code == 200  # cut, not refused
        payload["article"]["attachments"] = [{"filename": "x" * 1_000_000}]
        payload["article"]["body"] = "short"
        assert send_zammad(client, payload).status_code == 200


def test_a_delivery_of_jira_is_taken_once(client):
    headers = {"X-Atlassian-Webhook-Identifier": str(uuid4())}
    assert client.post("/v1/integrations/jira", json=JIRA, headers=headers).status_code == 200
    is_problem(client.post("/v1/integrations/jira", json=JIRA, headers=headers), 409)
    assert client.post("/v1/integrations/jira", json=JIRA).status_code == 200


class TestGlpi:
    def item(self, **changes):
        return {**GLPI["item"], "id": uuid4().int % 10**9, **changes}

    def test_signed_and_diagnosed(self, client):
        answer = send_glpi(client, {"event": "new", "item": self.item()})
        assert answer.status_code == 200, answer.text
        assert answer.json()["diagnosis"]["id"] in answer.json()["followup"]

    def test_stale_future_replayed_and_forged(self, client):
        payload = {"event": "new", "item": self.item()}
        assert "found one 4" in is_problem(send_glpi(client, payload, at=time.time() - 400), 401)["detail"]
        is_problem(send_glpi(client, payload, at=time.time() + 400), 401)
        is_problem(send_glpi(client, payload, secret="other"), 401)
        now = time.time()
        assert send_glpi(client, payload, at=now).status_code == 200
        is_problem(send_glpi(client, payload, at=now), 409)
        headers = {"X-GLPI-signature": "0" * 64, "X-GLPI-timestamp": "yesterday"}
        is_problem(client.post("/v1/integrations/glpi", json=payload, headers=headers), 401)
        is_problem(client.post("/v1/integrations/glpi", json=payload), 401)

    def test_events(self, client):
        assert send_glpi(client, {"event": "delete", "item": self.item()}).status_code == 202
        assert (
            is_problem(send_glpi(client, {"event": "purge", "item": self.item()}), 422)["errors"][0]["pointer"]
            == "/event"
        )

    def test_it_is_answered_in_time_and_the_diagnosis_follows(self, models, tmp_path):
        model = systems.Glpi()
        with Remote(model.answer) as remote:
            glpi = {
                "secret": SECRET,
                "answer_seconds": 0.001,
                "write_back": True,
                "url": remote.url,
                "token": "secret",
                "app_token": "app",
            }
            settings = Settings(
                database=f"sqlite:///{tmp_path / 'x.db'}",
                models=models,
                allow_private_addresses=True,
                integrations={"glpi": glpi},
            )
            with Serving(settings) as client:
                answer = send_glpi(client, {"event": "new", "item": GLPI["item"]})
                assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "tickets_id": "7"})
                end = time.monotonic() + 15
                while not model.followups:
                    assert time.monotonic() < end, client.get("/v1/outbox").text
                    time.sleep(0.05)
                [said] = client.get("/v1/diagnoses", params={"incident": "7"}).json()["items"][:1]
                assert said["id"] in model.followups[-1]["content"]


def test_a_diagnosis_that_was_owed_is_of_what_was_reported_since(models, tmp_path):
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'x.db'}", models=models, integrations={"rt": {"answer_seconds": 0.001}}
    )
    ticket = REQUEST_TRACKER["ticket"]
    with Serving(settings) as client:
        client.app.state.systems.courier.stop()
        assert client.post("/v1/integrations/rt", json=REQUEST_TRACKER).json() == {"status": "accepted", "id": "7"}
        newer = {**ticket, "Subject": "Printer is jammed", "Content": "No VPN at all", "Status": "open"}
        assert client.post("/v1/integrations/rt", json={"event": "update", "ticket": newer}).status_code == 202
        assert client.get("/v1/outbox").json()["items"][0]["state"] == "waiting"
    with Serving(settings) as client:
        assert soon(lambda: client.get("/v1/outbox").json()["items"][0]["state"] == "done", 20)
        assert client.get("/v1/incidents/7").json()["short_description"] == "Printer is jammed"
        assert len(client.get("/v1/diagnoses", params={"incident": "7"}).json()["items"]) == 1


def test_what_is_deleted_before_its_owed_diagnosis_is_made_stays_deleted(models, tmp_path):
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'x.db'}", models=models, integrations={"glpi": {"answer_seconds": 0.001}}
    )
    with Serving(settings) as client:
        client.app.state.systems.courier.stop()
        taken = client.post("/v1/integrations/glpi", json=GLPI)
        assert taken.status_code == 202
        number = str(taken.json()["tickets_id"])
        assert client.delete(f"/v1/incidents/{number}").status_code == 204
    with Serving(settings) as client:
        assert soon(lambda: client.get("/v1/outbox").json()["items"][0]["state"] == "dead", 20)
        assert client.get(f"/v1/incidents/{number}").status_code == 404


class TestAlertmanager:
    def alert(self, fingerprint, **changes):
        return {**ALERTMANAGER["alerts"][0], "fingerprint": fingerprint, **changes}

    def send(self, client, *alerts, **changes):
        return client.post("/v1/integrations/alertmanager", json={**ALERTMANAGER, "alerts": list(alerts), **changes})

    def test_from_firing_to_resolved(self, client):
        name = uuid4().hex[:16]
        first = self.send(client, self.alert(name), groupKey="{}", receiver="faultwise", novel=[1]).json()["incidents"][
            0
        ]
        assert (first["fingerprint"], first["incident"], first["status"]) == (name, name, "firing")
        known = stored(client, name)
        assert (known["contact_type"], known["cmdb_ci"]) == ("monitoring", "vpn-gw-2")
        assert known.get("resolved_at") is None
        again = self.send(client, self.alert(name)).json()["incidents"][0]
        assert again["diagnosis"] == first["diagnosis"]  # nothing new was said
        notes = {"summary": "VPN gateway vpn-gw-2 loses packets"}
        changed = self.send(client, self.alert(name, annotations=notes)).json()["incidents"][0]
        assert changed["incident"] == name
        assert changed["diagnosis"]["id"] != first["diagnosis"]["id"]
        assert stored(client, name)["short_description"] == notes["summary"]
        end = self.send(client, self.alert(name, status="resolved", endsAt="2026-01-31T09:00:00Z")).json()["incidents"][
            0
        ]
        assert (end["status"], end["diagnosis"]) == ("resolved", None)
        assert stored(client, name)["resolved_at"].startswith("2026-01-31T09:00:00")

    def test_flapping_reopens_and_a_return_is_a_new_incident(self, client):
        name = uuid4().hex[:16]
        self.send(client, self.alert(name))
        self.send(client, self.alert(name, status="resolved", endsAt="2026-01-31T09:00:00Z"))
        flapped = self.send(client, self.alert(name, startsAt="2026-01-31T09:30:00Z")).json()["incidents"][0]
        known = stored(client, name)
        assert flapped["incident"] == name
        assert known.get("resolved_at") is None
        assert (known["opened_at"][:16], known["reopened_at"][:16]) == ("2026-01-31T08:15", "2026-01-31T09:30")
        self.send(
            client, self.alert(name, startsAt="2026-01-31T09:30:00Z", status="resolved", endsAt="2026-01-31T09:40:00Z")
        )
        assert stored(client, name)["opened_at"][:16] == "2026-01-31T08:15"
        back = self.send(client, self.alert(name, startsAt="2026-02-03T00:00:00Z")).json()["incidents"][0]
        assert back["incident"] == f"{name}-20260203T000000"
        assert stored(client, name)["resolved_at"].startswith("2026-01-31T09:40")

    def test_many_fingerprints_and_truncation(self, client):
        names = [uuid4().hex[:16] for _ in range(5)]
        answer = self.send(client, *[self.alert(name) for name in names], truncatedAlerts=2).json()
        assert [one["incident"] for one in answer["incidents"]] == names
        assert "left 2 alerts out" in answer["warnings"][0]

    def test_resolved_without_firing_is_an_incident_that_was_missed(self, client):
        name = uuid4().hex[:16]
        self.send(client, self.alert(name, status="resolved", endsAt="2026-01-31T09:00:00Z"))
        assert stored(client, name)["resolved_at"].startswith("2026-01-31T09")

    def test_an_alert_of_an_impossible_time_costs_the_others_nothing(self, client):
        names = [uuid4().hex[:16] for _ in range(4)]
        times = ({"startsAt": "1960-01-01T00:00:00Z"}, {}, {"startsAt": "2300-01-01T00:00:00Z"}, {"endsAt": ""})
        alerts = [self.alert(name, **time) for name, time in zip(names, times, strict=True)]
        answer = self.send(client, *alerts)
        assert answer.status_code == 200, answer.text
        assert [one["incident"] for one in answer.json()["incidents"]] == [names[1], names[3]]
        assert [one["fingerprint"] for one in answer.json()["refused"]] == [names[0], names[2]]

    def test_wrong_notifications(self, client):
        assert is_problem(self.send(client, version="3"), 422)["errors"][0]["pointer"] == "/version"
        assert is_problem(self.send(client, self.alert("")), 422)["errors"][0]["pointer"] == "/alerts/0/fingerprint"
        is_problem(self.send(client, self.alert("x"), truncatedAlerts=-1), 422)


@pytest.fixture
def slow(models, tmp_path):
    """A service that answers lists at once, whatever is diagnosed by then."""
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'f.db'}",
        models=models,
        max_waiting=30,
        integrations={"servicenow": {"answer_seconds": 0.001}, "alertmanager": {"answer_seconds": 0.001}},
    )
    with Serving(settings) as client:
        yield client


class TestLists:
    """Lists go behind single incidents, and what takes longer than the system waits follows."""

    COUNT = 100

    def send(self, client, system, prefix):
        names = [f"{prefix}{place}" for place in range(self.COUNT)]
        if system == "servicenow":
            body = {"result": [{**SERVICENOW, "number": name} for name in names]}
        else:
            body = {**ALERTMANAGER, "alerts": [{**ALERTMANAGER["alerts"][0], "fingerprint": name} for name in names]}
        return names, client.post(f"/v1/integrations/{system}", json=body)

    @pytest.mark.parametrize("system", ["servicenow", "alertmanager"])
    def test_a_list_longer_than_single_incidents_may_wait_is_taken(self, slow, system):
        names, answer = self.send(slow, system, "L")
        assert answer.status_code == 202, answer.text
        assert len(answer.json()["accepted"]) > 0
        assert {item["number"] for item in slow.get("/v1/incidents?limit=200").json()["items"]} == set(names)
        assert soon(lambda: not slow.get("/v1/outbox?state=waiting&limit=200").json()["items"], 60)
        assert all(slow.get("/v1/diagnoses", params={"incident": name}).json()["items"] for name in names)
        assert slow.get("/v1/outbox?state=dead").json()["items"] == []

    def test_an_owed_diagnosis_does_not_undo_what_was_reported_since(self, slow):
        names, _ = self.send(slow, "alertmanager", "M")
        alerts = [
            {**ALERTMANAGER["alerts"][0], "fingerprint": name, "status": "resolved", "endsAt": "2026-01-31T09:00:00Z"}
            for name in names
        ]
        assert slow.post("/v1/integrations/alertmanager", json={**ALERTMANAGER, "alerts": alerts}).status_code == 200
        assert soon(lambda: not slow.get("/v1/outbox?state=waiting&limit=200").json()["items"], 60)
        assert all(stored(slow, name).get("resolved_at") for name in names)


def test_a_body_beyond_the_limit(client):
    is_problem(client.post("/v1/integrations/jira", content=b"x" * (8 * 2**20 + 1)), 413)
