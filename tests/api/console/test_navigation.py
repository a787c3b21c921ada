"""Agents, managers and administrators find their pages in the bar, and begin with the one they work with."""

import re

import pytest
from fastapi.testclient import TestClient

from api.console.messages import MESSAGES
from api.console.navigation import ENTRIES, Entry, is_current
from api.console.pages import local_path

AGENT = ("/", "/console/new", "/console/search")
WHOSE = {role: tuple(entry.path for entry in ENTRIES if entry.role == role) for role in ("manager", "administrator")}


def signed_in(client, *scopes):
    browser = TestClient(client.app)
    key = client.post("/v1/keys", json={"name": "person", "scopes": list(scopes)}).json()["key"]
    return browser.post("/console/sign-in", data={"key": key})


def bar(page) -> tuple[str, ...]:
    nav = re.search(r'<nav class="pages".*?</nav>', page.text, re.DOTALL)[0]
    return tuple(re.findall(r'href="([^"]+)"', nav))


@pytest.mark.parametrize(
    ("scopes", "roles", "first"),
    [
        (("diagnose",), (), "/"),
        (("diagnose", "feedback"), (), "/"),
        (("diagnose", "knowledge"), ("manager",), "/console/report"),
        (("diagnose", "feedback", "knowledge"), ("manager",), "/"),
        (("diagnose", "feedback", "admin"), ("manager", "administrator"), "/"),
    ],
)
def test_the_bar_holds_the_pages_of_a_persons_roles(client, scopes, roles, first) -> None:
    page = signed_in(client, *scopes)
    assert page.url.path == first
    expected = set(AGENT).union(*(WHOSE[role] for role in roles))
    assert set(AGENT) <= expected
    assert set(bar(page)) == {entry.path for entry in ENTRIES if entry.role == "agent"} | expected


def test_every_page_of_the_bar_has_a_name_and_opens_for_an_administrator(client) -> None:
    browser = TestClient(client.app)
    key = client.post("/v1/keys", json={"name": "all", "scopes": ["diagnose", "feedback", "knowledge", "admin"]})
    browser.post("/console/sign-in", data={"key": key.json()["key"]})
    for entry in ENTRIES:
        assert all(entry.message in messages for messages in MESSAGES.values())
        page = browser.get(entry.path)
        assert page.status_code == 200, entry.path
        assert re.findall(r'<a href="([^"]+)" aria-current="page"', page.text) == [entry.path]


def test_pages_below_a_page_mark_it_and_the_queue_marks_itself_alone() -> None:
    problems = Entry("/console/problems", "nav_queue")
    assert is_current(problems, "/console/problems/P1?tab=fix")
    assert not is_current(problems, "/console/problems-else")
    assert not is_current(Entry("/", "nav_queue"), "/console/search")


@pytest.mark.parametrize("address", ["/", "/console/report?days=30", "/console/search?q=打印机"])
def test_a_path_of_this_site_is_gone_to_after_sign_in(address):
    assert local_path(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "/\r\n/evil.test",
        "/\x00",
        "/a\\..\\b",
        "\t//x",
    ],
)
def test_no_other_site_is_gone_to_after_sign_in_however_the_address_is_written(address):
    assert local_path(address) == "/"
