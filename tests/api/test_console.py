"""The console's page: sign in, type an incident, read its diagnosis, in Chinese or English, without scripts."""

import re

import pytest
from fastapi.testclient import TestClient

from api.console.words import WORDS
from api.security import SESSION_COOKIE


@pytest.fixture
def browser(client):
    """Return a client without a key, in the same app."""
    return TestClient(client.app, raise_server_exceptions=False)


def sign_in(browser: TestClient, client: TestClient, *scopes: str) -> str:
    key = client.post("/v1/keys", json={"name": "person", "scopes": list(scopes)}).json()["key"]
    page = browser.post("/console/sign-in", data={"key": key})
    found = re.search('name="csrf" value="([0-9a-f]{64})"', page.text)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("accepted", "word"), [("zh-CN,zh;q=0.9", "登录"), ("en-GB", "Sign in"), ("fr", "Sign in"), ("", "Sign in")]
)
def test_the_page_speaks_the_browsers_language(browser, accepted, word) -> None:
    page = browser.get("/", headers={"Accept-Language": accepted})
    assert word in page.text
    assert f'<html lang="{"zh" if word == "登录" else "en"}">' in page.text


def test_a_person_may_choose_the_language(browser) -> None:
    page = browser.post("/console/language", data={"to": "zh"}, headers={"Accept-Language": "en"})
    assert "登录" in page.text
    assert "Sign in" in browser.post("/console/language", data={"to": "en"}).text


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_an_incident_is_typed_and_its_diagnosis_read(browser, client) -> None:
    csrf = sign_in(browser, client, "diagnose")
    typed = {"csrf": csrf, "short_description": "打印机提示卡纸 <script>alert(1)</script>", "cmdb_ci": "prn-3f"}
    page = browser.post("/console/diagnose", data=typed)
    assert page.status_code == 200
    assert "清洁了进纸滚轮" in page.text
    assert "Desktop Support" in page.text
    assert "<script" not in page.text
    assert "CONSOLE-" not in client.get("/v1/incidents", params={"limit": 500}).text, "it does not join the history"


def test_the_session_is_safe_from_scripts_and_other_sites(browser, client) -> None:
    csrf = sign_in(browser, client, "diagnose")
    (cookie,) = [one for one in browser.cookies.jar if one.name == SESSION_COOKIE]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    typed = {"short_description": "x"}
    assert browser.post("/console/diagnose", data={**typed, "csrf": "0" * 64}).status_code == 401
    assert browser.post("/console/diagnose", data=typed).status_code == 422
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.post("/console/sign-in", data={"key": "x"}, headers=headers).status_code == 403
    assert browser.post("/console/sign-out", data={"csrf": csrf}).status_code == 200
    browser.cookies.set(SESSION_COOKIE, cookie.value)
    assert 'name="key"' in browser.get("/").text, "the session is over on the server too"


@pytest.mark.parametrize("scopes", [(), ("feedback", "knowledge", "admin")])
def test_a_key_that_may_not_diagnose_opens_nothing(browser, client, scopes) -> None:
    if scopes:
        assert sign_in(browser, client, *scopes) == ""
    else:
        assert browser.post("/console/sign-in", data={"key": "wrong"}).status_code == 401
    assert 'name="key"' in browser.get("/").text


def test_nothing_typed_is_said_so(browser, client) -> None:
    csrf = sign_in(browser, client, "diagnose")
    page = browser.post("/console/diagnose", data={"csrf": csrf}, headers={"Accept-Language": "zh"})
    assert page.status_code == 422
    assert WORDS["zh"]["too_little"] in page.text


def test_pages_ask_nothing_of_the_internet(browser) -> None:
    page, style = browser.get("/").text, browser.get("/console/style.css")
    assert "://" not in page
    assert style.headers["content-type"].startswith("text/css")
    assert "://" not in style.text
    assert "style=" not in page
