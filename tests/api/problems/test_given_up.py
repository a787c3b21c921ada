"""A record that a system did not make: what failed is seen, and the problem may be proposed anew."""

import pytest

from api.integrations.settings import Integrations
from api.settings import Settings
from diagnosis.store.keys import SCOPES
from tests.api.console.test_console import Person
from tests.api.integrations.test_problem_records import Jira
from tests.api.integrations.test_writing import SETTINGS
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon

PATH = "/console/problems"


@pytest.fixture
def service(models, tmp_path):
    """Return a service that writes to a Jira whose settings lack the project of problems."""
    with Remote(Jira().answer) as remote:
        jira = {"write_back": True, "url": remote.url, **SETTINGS["jira"]}
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'f.db'}",
            models=models,
            problem_seconds=3600,
            allow_private_addresses=True,
            integrations=Integrations.model_validate({"jira": jira}),
        )
        with Serving(settings) as client:
            yield client


def record(client, problem):
    return client.get(f"/v1/problems/{problem}").json()["external_record"]


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_record_that_was_given_up_says_why_and_may_be_asked_for_again(service, is_forgotten) -> None:
    problem = service.get("/v1/problems", params={"top": 1}).json()["problems"][0]["id"]
    proposal = {"system": "jira", "owner": "Ops"}
    assert service.post(f"/v1/problems/{problem}/proposal", json=proposal).status_code == 201
    assert soon(lambda: record(service, problem)["state"] == "failed")
    if is_forgotten:  # two weeks later
        outbox = service.app.state.service.store.outbox
        with outbox.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")
    failed = record(service, problem)
    assert (failed["system"], failed["number"]) == ("jira", None)
    assert ("PROBLEM_PROJECT" in failed["error"]) == (not is_forgotten)
    page = Person(service, *SCOPES).get(f"{PATH}/{problem}").text
    assert "jira: not made, given up" in page
    assert ("PROBLEM_PROJECT" in page) == (not is_forgotten)
    assert '<option value="jira">' in page
    systems = service.app.state.systems
    systems.courier.stop()  # so that the next call waits
    assert service.post(f"/v1/problems/{problem}/proposal", json=proposal).status_code == 201
    assert record(service, problem) == {"system": "jira", "number": None, "state": "waiting", "error": ""}
    assert service.post(f"/v1/problems/{problem}/proposal", json=proposal).status_code == 409
    service.app.state.service.problems.record_made(problem, "jira", "PM-7")
    assert record(service, problem) == {"system": "jira", "number": "PM-7", "state": "made", "error": ""}
    assert service.post(f"/v1/problems/{problem}/proposal", json=proposal).status_code == 409
