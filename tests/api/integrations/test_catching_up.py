"""What no webhook brought is read over each system's API: diagnosed once, remembered, and nothing before our time."""

import json
import time
from datetime import UTC, datetime, timedelta
from threading import get_ident

import pytest
from sqlalchemy import event

from api.integrations.catching_up import CatchUp
from api.integrations.examples import REQUEST_TRACKER
from api.integrations.report import report_of_ticket
from api.settings import Settings
from diagnosis.times import utc_now
from tests.api.remote import Remote
from tests.serving import Serving
from tests.training.sources.test_pull import SYSTEMS, USERS
from tests.waiting import soon

FIELDS = {
    "servicenow": {"u_module": "subcategory"},
    "jira": {"customfield_10051": "subcategory"},
    "zammad": {"module": "subcategory"},
    "glpi": {"76": "subcategory", "itemtype": "cmdb_ci"},
    "rt": {"Module": "subcategory"},
}


def stamp(moment: datetime, form: str) -> str:
    return moment.astimezone(UTC).strftime(form)


def opened(system, name, places, moment):
    """Let incidents be opened and last changed at a moment, and be open; return their numbers."""
    numbers = []
    for place in places:
        if name == "servicenow":
            at = stamp(moment, "%Y-%m-%d %H:%M:%S")
            system.rows[place] |= {"opened_at": at, "sys_updated_on": at}
            numbers.append(system.rows[place]["number"])
        elif name == "jira":
            created = stamp(moment, "%Y-%m-%dT%H:%M:%S.000+0000")
            system.issues[place]["fields"] |= {"created": created, "updated": stamp(moment, "%Y-%m-%d %H:%M")}
            numbers.append(system.issues[place]["key"])
        elif name == "zammad":
            at = stamp(moment, "%Y-%m-%dT%H:%M:%S.000Z")
            system.tickets[place] |= {"created_at": at, "updated_at": at, "state": "open", "close_at": None}
            numbers.append(system.tickets[place]["number"])
        elif name == "glpi":
            at = stamp(moment, "%Y-%m-%d %H:%M:%S")
            system.rows[place] |= {"15": at, "19": at}
            numbers.append(str(system.rows[place]["2"]))
        else:
            at = stamp(moment, "%Y-%m-%dT%H:%M:%SZ")
            system.tickets[place] |= {"Created": at, "LastUpdated": at}
            numbers.append(system.tickets[place]["id"])
    return numbers


class Desk:
    """A system with a history of months ago, and a service that looks at it whenever it is told to."""

    def __init__(self, name, models, tmp_path):
        self.name, self.system = name, SYSTEMS[name]()
        self.remote = Remote(self.system.answer)
        self.models, self.tmp_path = models, tmp_path

    def __enter__(self):
        self.remote.__enter__()
        url = self.remote.url + ("/glpi" if self.name == "glpi" else "")
        values = {"url": url, "token": "secret", "user": USERS.get(self.name, ""), "fields": FIELDS[self.name]}
        if self.name == "glpi":
            values["app_token"] = "app"
        if self.name == "rt":
            values["problem_queue"] = "Problems"
        self.settings = Settings(
            database=f"sqlite:///{self.tmp_path / 'x.db'}",
            models=self.models,
            integrations={self.name: {**values, "sync_minutes": 1440}},
            allow_private_addresses=True,
        )
        return self

    def __exit__(self, *error):
        self.remote.__exit__(*error)

    def look(self, serving, started_at=None, *, as_another=False):
        service = serving.app.state.service
        catch_up = CatchUp(service.store, service.integrations, self.settings.integrations, True)
        if not as_another:
            catch_up._id = serving.app.state.systems.catch_up._id
        catch_up._started_at = started_at or catch_up._started_at
        catch_up._turn(self.name)


def numbers_of(client):
    return sorted(item["incident"] for item in client.get("/v1/diagnoses?limit=100").json()["items"])


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr("training.sources.caller._BACKOFF", 0.01)
    for name in SYSTEMS:
        monkeypatch.setattr(f"training.sources.{name}.PAGE", 15)


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_came_while_we_were_away_is_diagnosed_once(name, models, tmp_path) -> None:
    with Desk(name, models, tmp_path) as desk:
        missed = opened(desk.system, name, (1, 3, 5), utc_now() - timedelta(hours=2))
        serving = Serving(desk.settings)
        with serving as client:  # its start looks at once
            assert soon(lambda: numbers_of(client) == sorted(missed), 30), numbers_of(client)
            body = client.get(f"/v1/incidents/{missed[0]}").json()
            assert (body["source"], body["subcategory"]) == (name, "m1")
            assert body["record"] == (desk.system.rows[1]["sys_id"] if name == "servicenow" else body["record"])
            assert "@example.com" not in json.dumps(body)
            desk.look(serving)
            assert client.get("/v1/outbox?state=waiting").json()["items"] == []
            assert numbers_of(client) == sorted(missed)


def test_what_is_over_or_older_is_remembered_and_not_diagnosed(models, tmp_path) -> None:
    with Desk("rt", models, tmp_path) as desk:
        [old, over] = opened(desk.system, "rt", (1, 2), utc_now() - timedelta(hours=2))
        desk.system.tickets[1]["Created"] = "2026-01-01T00:00:00Z"
        desk.system.tickets[2] |= {"Status": "resolved", "Resolved": stamp(utc_now(), "%Y-%m-%dT%H:%M:%SZ")}
        serving = Serving(desk.settings)
        with serving as client:
            assert soon(lambda: client.get(f"/v1/incidents/{over}").status_code == 200, 30)
            assert client.get(f"/v1/incidents/{old}").status_code == 200
            assert "resolved_at" in client.get(f"/v1/incidents/{over}").json()
            desk.look(serving)
            time.sleep(0.3)
            assert numbers_of(client) == []


def test_a_ticket_of_the_queue_for_problems_is_no_incident_however_it_comes(models, tmp_path) -> None:
    with Desk("rt", models, tmp_path) as desk:
        [problem, incident] = opened(desk.system, "rt", (1, 2), utc_now() - timedelta(hours=2))
        desk.system.tickets[1]["Queue"] = queue = {"id": "9", "Name": "Problems"}
        with Serving(desk.settings) as client:
            assert soon(lambda: numbers_of(client) == [incident], 30)
            ticket = {**REQUEST_TRACKER["ticket"], "id": int(problem), "Queue": queue}
            answer = client.post("/v1/integrations/rt", json={**REQUEST_TRACKER, "ticket": ticket})
            assert answer.status_code == 202
            assert client.get(f"/v1/incidents/{problem}").status_code == 404
            assert numbers_of(client) == [incident]


def test_what_a_webhook_brought_while_a_page_was_read_stands(models, tmp_path) -> None:
    with Desk("rt", models, tmp_path) as desk:
        [number] = opened(desk.system, "rt", (1,), utc_now() - timedelta(hours=2))
        serving = Serving(desk.settings)
        with serving as client:
            assert soon(lambda: numbers_of(client) == [number], 30)
            opened(desk.system, "rt", (1,), utc_now() - timedelta(minutes=5))  # so that it is read again
            read, sent = desk.system.answer, []

            def answer(request):
                page = read(request)  # as it was before the webhook
                ticket = {**REQUEST_TRACKER["ticket"], "id": int(number), "Subject": "Newer than what is read"}
                if not sent:
                    sent.append(client.post("/v1/integrations/rt", json={"event": "update", "ticket": ticket}))
                return page

            desk.remote.answer = answer
            desk.look(serving)
            assert sent[0].status_code == 202
            assert client.get(f"/v1/incidents/{number}").json()["short_description"] == "Newer than what is read"
            desk.remote.answer = read


def test_what_may_be_on_its_way_is_left_to_its_webhook(models, tmp_path) -> None:
    with Desk("rt", models, tmp_path) as desk:
        serving = Serving(desk.settings)
        with serving as client:
            assert soon(lambda: serving.app.state.service.store.watch_states.load("catch-up-rt") is not None, 30)
            serving.app.state.systems.catch_up.stop()
            [number] = opened(desk.system, "rt", (1,), utc_now() - timedelta(seconds=30))
            desk.look(serving, started_at=utc_now() - timedelta(minutes=1))
            time.sleep(0.3)
            assert numbers_of(client) == []
            desk.look(serving)  # started after it: no webhook of it can have come
            assert soon(lambda: numbers_of(client) == [number], 30)


def test_a_system_that_is_away_is_read_from_the_same_place_later(models, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("training.sources.caller._TRIES", 2)
    with Desk("rt", models, tmp_path) as desk:
        [number] = opened(desk.system, "rt", (1,), utc_now() - timedelta(hours=2))
        desk.remote.failures = [(503, {})] * 20
        serving = Serving(desk.settings)
        with serving as client:
            assert soon(lambda: len(desk.remote.failures) <= 12, 30)
            states = serving.app.state.service.store.watch_states
            assert states.load("catch-up-rt") is None
            desk.remote.failures = []
            desk.look(serving)
            assert soon(lambda: numbers_of(client) == [number], 30)
            assert states.load("catch-up-rt") is not None


def test_replicas_look_one_at_a_time(models, tmp_path) -> None:
    with Desk("rt", models, tmp_path) as desk:
        serving = Serving(desk.settings)
        with serving:
            states = serving.app.state.service.store.watch_states
            assert soon(lambda: states.load("catch-up-rt") is not None, 30)
            asked = len(desk.remote.requests)
            desk.look(serving, as_another=True)  # it has been looked a moment ago
            assert len(desk.remote.requests) == asked


def test_one_record_that_cannot_be_used_ends_no_look(models, tmp_path) -> None:
    with Desk("servicenow", models, tmp_path) as desk:
        missed = opened(desk.system, "servicenow", (1, 3), utc_now() - timedelta(hours=2))
        opened(desk.system, "servicenow", (2,), utc_now() - timedelta(hours=2))
        desk.system.rows[2]["number"] = "x" * 300
        serving = Serving(desk.settings)
        with serving as client:
            assert soon(lambda: numbers_of(client) == sorted(missed), 30), numbers_of(client)
            states = serving.app.state.service.store.watch_states
            assert soon(lambda: states.load("catch-up-servicenow") is not None), "the next look goes on from here"


def test_a_page_is_remembered_together(models, tmp_path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", models=models)
    moment = utc_now() - timedelta(hours=1)
    rows = [
        {"sys_id": f"{n:032x}", "number": f"INC{n}", "short_description": "VPN", "opened_at": f"{moment:%Y-%m-%d %T}"}
        for n in range(200)
    ]
    with Serving(settings) as client:
        service = client.app.state.service
        client.app.state.systems.courier.stop()
        statements: list[str] = []
        reader = get_ident()

        def note(*arguments: object) -> None:
            if get_ident() == reader and "outbox" not in str(arguments[2]):  # calls owed are told from known ones
                statements.append(str(arguments[2]))

        def catch_up(chosen):
            reports = [report_of_ticket("servicenow", row, row["sys_id"], {}) for row in chosen]
            known_to = service.store.changes.last()
            statements.clear()
            return service.integrations.catch_up("servicenow", reports, moment - timedelta(hours=1), moment, known_to)

        event.listen(service.store.database.engine, "before_cursor_execute", note)
        assert catch_up(rows[:1]) == 1
        for_one = len(statements)
        assert catch_up(rows[1:]) == 199
        assert len(statements) <= for_one + 2, "statements do not grow with the records"
        assert catch_up(rows) == 0
        assert service.incidents.get("INC199").body["short_description"] == "VPN"


def test_looking_asks_for_an_address_and_a_token() -> None:
    with pytest.raises(ValueError, match="sync_minutes is on, expected url and token too"):
        Settings(integrations={"rt": {"sync_minutes": 10}})


def test_what_is_reported_again_as_it_is_stored_is_no_news(models, tmp_path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", models=models)
    with Serving(settings) as client:
        row = {"sys_id": "a" * 32, "number": "INC7", "short_description": "VPN drops", "caller_id": "li@example.com"}
        client.post("/v1/integrations/servicenow", json=row)
        before = client.get("/v1/incidents/INC7").json()
        client.post("/v1/integrations/servicenow", json=row)
        assert client.get("/v1/incidents/INC7").json() == before
        client.post("/v1/integrations/servicenow", json={**row, "short_description": "VPN is back"})
        after = client.get("/v1/incidents/INC7").json()
        assert after["short_description"] == "VPN is back"
        assert after["updated_at"] > before["updated_at"]
