"""Who may open what: every address and form of the console is tried as each role."""

import re

import pytest
from fastapi.testclient import TestClient

from api.console.access import ACCESS, is_allowed
from api.console.messages import MESSAGES
from api.console.views import PAGES
from api.http.security import SESSION_COOKIE
from diagnosis.store.keys import SCOPES
from tests.api.console.test_console import Person

ROUTES = sorted(
    {f"{method} {route.path}" for module in PAGES for route in module.router.routes for method in route.methods}
)
ROLES = {
    "reader": ("diagnose",),
    "agent": ("diagnose", "feedback"),
    "manager": ("diagnose", "knowledge"),
    "administrator without further scopes": ("diagnose", "admin"),
    "everything": tuple(SCOPES),
}
# What opens nobody's page: a stream without an end, and what leaves the session.
NOT_OPENED = {"GET /console/events", "POST /console/sign-out"}
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def people(client):
    return {role: Person(client, *scopes) for role, scopes in ROLES.items()}


def address(path: str) -> str:
    """Return a path with something in each of its places: what is not there is not found, but only by who may look."""
    return re.sub(r"{kind}", "incidents", re.sub(r"{(?!kind)[^}]*}", "none", path))


def test_every_route_says_whose_it_is_and_nothing_else_is_listed() -> None:
    assert sorted(ACCESS) == ROUTES


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in NOT_OPENED])
def test_each_role_opens_what_is_its_own_and_nothing_else(people, client, route) -> None:
    method, path = route.split(" ", 1)
    access = ACCESS[route]
    for role, person in people.items():
        ask = person.post if method == "POST" else person.get
        status = ask(address(path), headers=PAGE, follow_redirects=False).status_code
        may = access == "visitor" or is_allowed(access, frozenset(ROLES[role]))
        assert (status != 403) == may, (role, status)
    visitor = TestClient(client.app, raise_server_exceptions=False)
    answer = visitor.request(
        method, address(path), headers=PAGE, data={"csrf": "0"} if method == "POST" else None, follow_redirects=False
    )
    is_sent_to_sign_in = answer.headers.get("location", "").startswith("/console/sign-in")
    assert is_sent_to_sign_in == (access != "visitor")


@pytest.mark.parametrize(
    ("path", "who", "opened"),
    [
        ("/console/report", "agent", False),
        ("/console/problems", "agent", False),
        ("/console/knowledge", "reader", False),
        ("/console/review", "agent", False),
        ("/console/rules", "manager", False),
        ("/console/report", "manager", True),
        ("/console/rules", "everything", True),
        ("/console/surges", "reader", True),
    ],
)
def test_a_page_typed_into_the_address_opens_for_its_role_alone(people, path, who, opened) -> None:
    assert (people[who].get(path, headers=PAGE).status_code == 200) == opened


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_has_no_access_reads_why_and_whom_to_ask(people, language) -> None:
    words = MESSAGES[language]
    headers = PAGE | {"Accept-Language": language}
    agent = people["agent"]
    page = agent.get("/console/report", headers=headers)
    assert page.status_code == 403
    assert words["access_manager"] in page.text
    assert words["access_ask"].format(name="person", scope="knowledge") in page.text
    assert f"<h1>{words['no_access']}</h1>" in page.text
    assert 'href="/console/search"' in page.text, "the bar leads to what is theirs"
    assert words["access_judge"] in people["reader"].post("/console/surges/none", headers=headers).text
    assert words["access_administrator"] in agent.get("/console/rules", headers=headers).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_person_never_gets_a_page_for_programs(people, language) -> None:
    words, everyone = MESSAGES[language], people["everything"]
    headers = PAGE | {"Accept-Language": language}
    wrong = everyone.get("/", params={"state": "nonsense"}, headers=headers)
    assert (wrong.status_code, words["form_wrong"] in wrong.text) == (422, True)
    gone = everyone.post("/console/diagnoses/none/again", headers=headers)
    assert (gone.status_code, words["not_found"] in gone.text) == (404, True)
    other = {"csrf": "0" * 64, "short_description": "typed before the session ended"}
    referer = f"{everyone.browser.base_url}/console/new"
    outdated = everyone.browser.post("/console/diagnose", data=other, headers=headers | {"Referer": referer})
    assert (outdated.status_code, words["form_outdated"] in outdated.text) == (401, True)
    assert 'href="/console/new"' in outdated.text
    program = everyone.get("/", params={"state": "nonsense"}, headers={"Accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"
    assert everyone.browser.cookies[SESSION_COOKIE]
