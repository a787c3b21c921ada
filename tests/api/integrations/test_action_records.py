"""An open action becomes a record, once, in each system as its documentation says, and shows its number."""

import pytest

from api.actions.external_records import WRITE_BACK, action_call
from api.integrations.catching_up import _is_incident
from api.integrations.jira import is_own_record
from api.integrations.settings import Integrations, Jira
from api.integrations.writing.actions import action_writers
from api.settings import Settings
from diagnosis.actions import Action
from diagnosis.store import Store
from diagnosis.store.keys import SCOPES
from diagnosis.store.outbox import OutgoingCall
from tests.api.console.test_console import Person
from tests.api.integrations import test_problem_records as problem_records
from tests.api.integrations.test_writing import SETTINGS
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon

ID = "01KAP5YQ7H0T9GQ4M6W3Z2X1CV"
ORDER = {"action": ID, "title": "Train <Messaging>", "text": f"Faultwise {ID}", "group": "", "numbers": ["96001", "x"]}
PLACES = {
    "servicenow": {"action_table": "sn_cim_register"},
    "jira": {"action_project": "PM", "action_type": "Problem"},
    "zammad": {"action_group": "Improvements"},
    "glpi": {},
    "rt": {"action_queue": "Problems"},
}


class Glpi(problem_records.Glpi):
    item_type = "Change"


class ServiceNow(problem_records.ServiceNow):
    table = "sn_cim_register"


class Zammad:
    """Tickets: a new one needs title, group, customer and article."""

    def __init__(self):
        self.rows = []

    def answer(self, request):
        if request.path == "/api/v1/tickets/search":
            return 200, [row for row in self.rows if request.query["query"] in row["title"]]
        if request.path == "/api/v1/users/me":
            return 200, {"id": 3}
        assert (request.method, request.path) == ("POST", "/api/v1/tickets")
        ticket = request.json
        assert (ticket["group"], ticket["customer_id"], ticket["article"]["internal"]) == ("Improvements", 3, True)
        self.rows.append({**ticket, "number": "96010"})
        return 201, self.rows[-1]


SYSTEMS = {**problem_records.SYSTEMS, "servicenow": ServiceNow, "glpi": Glpi, "zammad": Zammad}
JIRA_ISSUE = {"key": "PM-7", "fields": {"summary": "Train", "labels": ["desk", f"faultwise-{ID}"]}}
NUMBERS = {**problem_records.NUMBERS, "zammad": "96010"}


def deliver(settings, store, system, key, made):
    store.outbox.add([OutgoingCall(f"{WRITE_BACK}{system}", system, key, ORDER)])
    problem_records.work_off(store, action_writers(settings, True, lambda *record: made.append(record)))


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_an_action_becomes_one_record_however_often_it_is_asked_for(system, tmp_path) -> None:
    model, made = SYSTEMS[system](), []
    with Remote(model.answer) as remote:
        values = {"write_back": True, "url": remote.url, **SETTINGS[system], **PLACES[system]}
        settings = Integrations.model_validate({system: values})
        store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
        remote.failures.append((503, {}))
        deliver(settings, store, system, "first", made)
        deliver(settings, store, system, "again", made)
        assert {call.state for call in store.outbox.page(5)} == {"done"}
        store.close()
    assert made == [(ID, system, NUMBERS[system])] * 2
    assert len(model.rows) == 1
    assert system != "rt" or model.links == {96001}


@pytest.mark.parametrize(
    ("system", "setting"), [("jira", "ACTION_PROJECT"), ("rt", "ACTION_QUEUE"), ("zammad", "ACTION_GROUP")]
)
def test_without_a_place_for_it_a_record_is_given_up_with_what_to_set(tmp_path, system, setting) -> None:
    with Remote(SYSTEMS[system]().answer) as remote:
        settings = Integrations.model_validate({system: {"write_back": True, "url": remote.url, **SETTINGS[system]}})
        store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
        deliver(settings, store, system, "first", [])
        (call,) = store.outbox.page(1)
        assert call.state == "dead"
        assert setting in call.error
        store.close()


def test_the_number_of_another_row_is_not_taken(tmp_path) -> None:
    """ServiceNow leaves out a condition on a field that a table lacks, and so answers any row."""

    def answer(request):
        assert request.method == "GET"
        return 200, {"result": [{"number": "TASK0000001"}]}

    made = []
    with Remote(answer) as remote:
        values = {"write_back": True, "url": remote.url, **SETTINGS["servicenow"], "action_table": "u_plans"}
        store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
        deliver(Integrations.model_validate({"servicenow": values}), store, "servicenow", "first", made)
        (call,) = store.outbox.page(1)
        assert (call.state, made) == ("dead", [])
        assert "correlation_id" in call.error
        assert "u_plans" in call.error
        store.close()


def test_a_table_whose_name_would_lead_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="action_table"):
        Integrations.model_validate({"servicenow": {"action_table": "../sys_user"}})


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["Expected effect: from 5 h to 2 h, 40 records", "Owner: Li Lei", "Evidence: Messaging"]),
        ("zh", ["预期效果：由 5 小时 变为 2 小时，涉及 40 件", "负责人：Li Lei", "依据：Messaging"]),
    ],
)
def test_the_record_says_why_who_and_what_it_rests_on(language, lines) -> None:
    evidence = [{"kind": "measure", "measure": "response", "team": "Messaging"}]
    effect = {"from": 5, "to": 2, "records": 40}
    action = Action("快一点", evidence=evidence, measure="response", expected_effect=effect, owner="Li Lei", id=ID)
    call = action_call("jira", action, "", language)
    assert set(lines) <= set(call.body["text"].splitlines())
    assert (call.body["title"], call.body["group"]) == ("快一点", "Messaging")
    for odd in ({"from": "x"}, {"preventable_hours": [1]}, {"incidents": "many"}):
        assert "effect" not in action_call("jira", Action("x", expected_effect=odd, id=ID), "", "en").body["text"]


@pytest.fixture
def jira(models, tmp_path):
    """Return a service that writes to a Jira, and the Jira."""
    model = problem_records.Jira()
    with Remote(model.answer) as remote:
        settings = {"write_back": True, "url": remote.url, **SETTINGS["jira"], **PLACES["jira"]}
        with Serving(
            Settings(
                database=f"sqlite:///{tmp_path / 'f.db'}",
                models=models,
                allow_private_addresses=True,
                integrations=Integrations.model_validate({"jira": settings}),
            )
        ) as client:
            yield client, remote, model


def record(client, action):
    return client.get(f"/v1/actions/{action}").json()["external_record"]


def test_an_action_shows_the_number_that_the_system_gave_it(jira) -> None:
    client, _, model = jira
    action = client.post("/v1/actions", json={"title": "Train the desk", "kind": "training"}).json()
    assert action["external_record"] is None
    path = f"/v1/actions/{action['id']}/record"
    assert client.post(path, json={"system": "jira"}).status_code == 422  # nobody has taken it on
    client.patch(f"/v1/actions/{action['id']}", json={"status": "open"})
    assert client.post(path, json={"system": "glpi"}).status_code == 422
    assert client.post("/v1/actions/none/record", json={"system": "jira"}).status_code == 404
    assert client.post(path, json={"system": "jira", "language": "zh"}).status_code == 201
    assert soon(lambda: record(client, action["id"])["state"] == "made")
    assert record(client, action["id"]) == {"system": "jira", "number": "PM-7", "state": "made", "error": ""}
    assert client.post(path, json={"system": "jira"}).status_code == 409
    assert [row["summary"] for row in model.rows] == ["Train the desk"]
    client.patch(f"/v1/actions/{action['id']}", json={"status": "done"})
    assert record(client, action["id"])["number"] == "PM-7"
    acts = [entry["action"] for entry in client.get("/v1/audit").json()["items"] if entry["object"] == action["id"]]
    assert acts.count("action.record") == 1


def test_on_the_console_an_action_is_edited_written_and_what_was_given_up_is_asked_for_again(jira) -> None:
    client, remote, _ = jira
    store = client.app.state.service.store
    body = {"number": "Q1", "opened_at": "2026-02-02T08:00:00Z", "short_description": "打印机卡纸"}
    store.incidents.put({"Q1": body})
    action = client.post("/v1/actions", json={"title": "Watch it", "kind": "monitoring", "status": "open"}).json()["id"]
    while client.get("/v1/knowledge/health").status_code == 503:  # judged for the first time
        pass
    person = Person(client, *SCOPES)
    address, english = "/console/review?quarter=2026Q1", {"Accept-Language": "en"}
    assert "Make a record in jira" in person.get(address, headers=english).text
    edited = {"quarter": "2026Q1", "title": "Watch <it>", "owner": "Desk", "due": "2099-01-31", "measure": "warnings"}
    page = person.post(f"/console/review/actions/{action}", edited, headers=english)
    assert "Watch &lt;it&gt;" in page.text
    stored = client.get(f"/v1/actions/{action}").json()
    assert [stored[name] for name in ("owner", "due", "measure", "status")] == [
        "Desk",
        "2099-01-31",
        "warnings",
        "open",
    ]
    wrong = person.post(f"/console/review/actions/{action}", edited | {"due": "soon"})
    assert wrong.status_code == 422
    remote.failures.append((400, {"errorMessages": ["Field 'x' is required"]}))
    form = {"quarter": "2026Q1", "system": "jira"}
    assert person.post(f"/console/review/actions/{action}/record", form).status_code == 200
    assert soon(lambda: record(client, action)["state"] == "failed")
    page = person.get(address, headers=english).text
    assert "jira: not made, given up" in page
    assert "answered 400" in page
    assert person.post(f"/console/review/actions/{action}/record", form).status_code == 200
    assert soon(lambda: record(client, action)["state"] == "made")
    page = person.get(address, headers={"Accept-Language": "zh"}).text
    assert "jira PM-7" in page
    assert "在 jira 中创建记录" not in page
    assert person.post(f"/console/review/actions/{action}/record", form).status_code == 409
    assert "jira PM-7" in client.get("/v1/reviews/2026Q1/report").text


def test_tickets_of_actions_are_no_incidents(models, tmp_path) -> None:
    values = {"zammad": {"action_group": "Improvements"}, "rt": {"action_queue": "Improvements"}}
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'f.db'}", models=models, integrations=Integrations.model_validate(values)
    )
    with Serving(settings) as client:
        ticket = {"id": 81, "number": "96001", "title": "Train", "group": {"id": 2, "name": "Improvements"}}
        assert client.post("/v1/integrations/zammad", json={"ticket": ticket}).status_code == 202
        ticket = {"id": 7, "Subject": "Train", "Queue": {"id": "1", "Name": "Improvements"}}
        assert client.post("/v1/integrations/rt", json={"event": "create", "ticket": ticket}).status_code == 202
        for event in (JIRA_ISSUE, {"webhookEvent": "jira:issue_updated", "issue": JIRA_ISSUE}):
            assert client.post("/v1/integrations/jira", json=event).status_code == 202
        assert client.app.state.service.store.incidents.page(5, None) == []


def test_issues_of_actions_are_told_from_issues_with_a_tag_of_ours() -> None:
    tags = ("faultwise-seen",)
    assert is_own_record(JIRA_ISSUE["fields"], tags)
    assert not is_own_record({"labels": ["faultwise-seen", "vpn"]}, tags)
    assert not is_own_record({"labels": None}, tags)
    assert not _is_incident(Jira(), JIRA_ISSUE)
    assert _is_incident(Jira(), {"key": "OPS-1", "fields": {"summary": "VPN"}})


@pytest.mark.parametrize(
    ("system", "values", "said"),
    [
        ("servicenow", {"action_table": "incident"}, "not read as incidents, such as task; found incident"),
        ("zammad", {"action_group": "Users"}, "action_group: expected none of intake_groups"),
        ("rt", {"action_queue": "General"}, "action_queue: expected none of intake_groups"),
        ("rt", {"problem_queue": "Desk", "intake_groups": ["Desk"]}, "problem_queue: expected none of intake_groups"),
    ],
)
def test_a_place_where_incidents_come_in_is_refused_for_our_own_records(system, values, said) -> None:
    with pytest.raises(ValueError, match=said):
        Integrations.model_validate({system: values})
    access = {"write_back": True, "url": "https://desk.example", "token": "t"}
    Integrations.model_validate({system: access | PLACES[system]})  # a place of its own is taken
