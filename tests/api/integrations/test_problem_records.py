"""A proposed problem becomes a record, once, in each system as its documentation says."""

import time
from datetime import timedelta

import pytest

from api.integrations.settings import Integrations
from api.integrations.writing.problems import problem_writers
from api.outgoing.courier import Courier
from api.problems.service import WRITE_BACK
from diagnosis.store import Store
from diagnosis.store.outbox import OutgoingCall
from tests.api.integrations.test_writing import SETTINGS
from tests.api.remote import Remote

ORDER = {
    "problem": "P62490386118b",
    "title": "VPN 809 after renewal",
    "text": "41 incidents <b>\nFaultwise P62490386118b",
    "group": "Network Operations",
    "numbers": ["96001", "96002", "gone"],
}


class ServiceNow:
    def __init__(self):
        self.rows = []

    table = "problem"

    def answer(self, request):
        assert request.path == f"/api/now/table/{self.table}"
        if request.method == "GET":
            wanted = request.query["sysparm_query"].removeprefix("correlation_id=")
            return 200, {"result": [row for row in self.rows if row["correlation_id"] == wanted]}
        assert request.query["sysparm_input_display_value"] == "true"
        self.rows.append({**request.json, "number": "PRB0040012"})
        return 201, {"result": {"number": "PRB0040012"}}


class Jira:
    def __init__(self):
        self.rows = []

    def answer(self, request):
        if request.path == "/rest/api/3/search/jql":
            label = request.json["jql"].split('"')[1]
            return 200, {"issues": [{"key": "PM-7"} for row in self.rows if label in row["labels"]]}
        assert request.path == "/rest/api/3/issue"
        fields = request.json["fields"]
        assert (fields["project"], fields["issuetype"]) == ({"key": "PM"}, {"name": "Problem"})
        assert fields["description"]["type"] == "doc"
        self.rows.append(fields)
        return 201, {"id": "10000", "key": "PM-7"}


class Glpi:
    item_type = "Problem"

    def __init__(self):
        self.rows = []

    def answer(self, request):
        path = request.path.removeprefix("/apirest.php/")
        if path == "initSession":
            return 200, {"session_token": "s"}
        assert request.headers["session-token"] == "s"
        if path == "killSession":
            return 200, None
        assert path == self.item_type
        if request.method == "GET":
            return 200, [row for row in self.rows if request.query["searchText[name]"] in row["name"]]
        self.rows.append({**request.json["input"], "id": 12})
        return 201, {"id": 12, "message": ""}


class Zammad:
    def __init__(self):
        self.rows = []

    def answer(self, request):
        if request.path == "/api/v1/tickets/search":
            number = request.query["query"].removeprefix("number:")
            return 200, [{"id": int(number) - 95920, "number": number}] if number.isdigit() else []
        assert request.path == "/api/v1/tags/add"
        entry = (request.json["o_id"], request.json["item"])
        self.rows += [entry] if entry not in self.rows else []
        return 201, True


class RequestTracker:
    def __init__(self):
        self.rows, self.links = [], set()

    def answer(self, request):
        path = request.path.removeprefix("/REST/2.0/")
        assert request.headers["authorization"] == "token secret"
        if path == "tickets":
            wanted = request.query["query"].removeprefix("Subject LIKE '").removesuffix("'")
            return 200, {"items": [row for row in self.rows if wanted in row["Subject"]], "total": len(self.rows)}
        if path == "ticket" and request.method == "POST":
            assert (request.json["Queue"], request.json["ContentType"]) == ("Problems", "text/plain")
            self.rows.append({"id": "41", **request.json})
            return 201, {"id": "41", "type": "ticket"}
        assert (path, request.method) == ("ticket/41", "PUT")
        self.links |= set(request.json["AddRefersTo"])
        return 200, ["linked"]


SYSTEMS = {"servicenow": ServiceNow, "jira": Jira, "glpi": Glpi, "zammad": Zammad, "rt": RequestTracker}
NUMBERS = {"servicenow": "PRB0040012", "jira": "PM-7", "glpi": "12", "zammad": "problem-P62490386118b", "rt": "41"}


def deliver(settings, store, system, key, made):
    store.outbox.add([OutgoingCall(f"{WRITE_BACK}{system}", system, key, ORDER)])
    work_off(store, problem_writers(settings, True, lambda *record: made.append(record)))


def work_off(store, makers):
    """Make every call that is owed, with short delays."""
    courier = Courier(store.outbox, makers, 0.02, (timedelta(0),) * 4)
    courier.start()
    try:
        end = time.monotonic() + 10
        while store.outbox.page(1, state="waiting"):
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        courier.stop()


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_problem_becomes_one_record_however_often_it_is_asked_for(system, tmp_path) -> None:
    model, made = SYSTEMS[system](), []
    with Remote(model.answer) as remote:
        more = {"jira": {"problem_project": "PM"}, "rt": {"problem_queue": "Problems"}}.get(system, {})
        values = {"write_back": True, "url": remote.url, **SETTINGS[system], **more}
        settings = Integrations.model_validate({system: values})
        store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
        remote.failures.append((503, {}))
        deliver(settings, store, system, "first", made)
        deliver(settings, store, system, "again", made)
        assert {call.state for call in store.outbox.page(5)} == {"done"}
        store.close()
    assert made == [("P62490386118b", system, NUMBERS[system])] * 2
    assert len(model.rows) == (2 if system == "zammad" else 1)
    assert system != "rt" or model.links == {96001, 96002}


@pytest.mark.parametrize(("system", "setting"), [("jira", "PROBLEM_PROJECT"), ("rt", "PROBLEM_QUEUE")])
def test_without_a_place_for_it_a_record_is_given_up_with_what_to_set(tmp_path, system, setting) -> None:
    with Remote(SYSTEMS[system]().answer) as remote:
        settings = Integrations.model_validate({system: {"write_back": True, "url": remote.url, **SETTINGS[system]}})
        store = Store.open(f"sqlite:///{tmp_path / 'x.db'}")
        deliver(settings, store, system, "first", [])
        (call,) = store.outbox.page(1)
        assert call.state == "dead"
        assert setting in call.error
        store.close()
