"""Sign-in with OpenID Connect against a real issuer over HTTP: who gets in, with which scopes, and who does not."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient

from api.http.security import SESSION_COOKIE
from api.settings import Settings
from tests.api.remote import Dripping
from tests.issuer import Issuer
from tests.serving import Serving


@pytest.fixture(scope="module", params=["", "a secret / with : signs"], ids=["public", "confidential"])
def issuer(request):
    with Issuer(request.param) as one:
        yield one


@pytest.fixture(scope="module")
def client(issuer, models, tmp_path_factory):
    database = tmp_path_factory.mktemp("sign-on") / "faultwise.db"
    settings = Settings(
        database=f"sqlite:///{database}",
        models=models,
        oidc_issuer=issuer.url,
        oidc_client_id="console",
        oidc_client_secret=issuer.secret,
        oidc_everyone="knowledge",
    )
    with Serving(settings) as one:
        yield one


@pytest.fixture
def browser(client, issuer):
    issuer.claims = {}
    return TestClient(client.app, raise_server_exceptions=False)


def to_issuer(browser, next_page="/console/new"):
    """Begin, sign in at the issuer as a person would, and return where it sends the browser back to."""
    away = browser.get("/console/sign-on", params={"next": next_page}, follow_redirects=False)
    assert away.status_code == 303
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    form = {name: values[0] for name, values in asked.items()}
    assert form["code_challenge_method"] == "S256"
    answer = httpx.post(away.headers["location"].partition("?")[0], data={**form, "user": "ann"})
    assert answer.status_code == 303
    return answer.headers["location"]


def test_who_the_issuer_lets_in_is_signed_in_and_comes_back_where_they_were(client, browser) -> None:
    assert "/console/sign-on?next=/console/new" in browser.get("/console/new").text
    page = browser.get(to_issuer(browser))
    assert page.status_code == 200
    assert 'content="0;url=/console/new"' in page.text
    (cookie,) = [one for one in browser.cookies.jar if one.name == SESSION_COOKIE]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    assert "console/diagnose" in browser.get("/console/new").text
    entry = client.get("/v1/audit").json()["items"][0]
    assert (entry["actor"], entry["action"]) == ("oidc:ann", "session.open")


def test_what_a_person_may_do_is_what_the_issuer_says_and_what_everyone_may(client, browser) -> None:
    said = client.post("/v1/diagnoses", json={"number": "SSO-1", "short_description": "打印机提示卡纸"}).json()
    browser.get(to_issuer(browser))
    shown = browser.get(f"/console/diagnoses/{said['id']}").text
    assert "/console/articles/new" in shown, "everyone may write articles here"
    assert 'value="suggestion_worked"' not in shown, "nobody gave them the scope feedback"


def test_a_code_is_good_once_and_only_in_the_browser_that_asked(client, browser) -> None:
    back = to_issuer(browser)
    victim = TestClient(client.app, raise_server_exceptions=False)
    assert victim.get(back).status_code == 401, "a link that signs in as somebody else"
    assert victim.cookies.get(SESSION_COOKIE) is None
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 401
    other = to_issuer(browser)
    to_issuer(browser)
    assert browser.get(other).status_code == 401, "a later attempt takes the place of the first"


_STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "others"},
        {"iss": "https://evil.example"},
        {"exp": datetime.now(UTC) - timedelta(hours=1)},
        {"key": _STRANGER},
        {"sub": None},
        {"aud": ["console", "others"]},
        {"aud": ["console", "others"], "azp": "others"},
    ],
    ids=",".join,
)
def test_a_token_that_does_not_hold_opens_nothing(browser, issuer, claims) -> None:
    issuer.claims = claims
    assert browser.get(to_issuer(browser)).status_code == 401
    assert browser.get("/console/new").url.path == "/console/sign-in"


def test_who_may_not_diagnose_or_was_refused_stays_outside(browser, issuer) -> None:
    issuer.claims = {"scope": "openid"}
    assert browser.get(to_issuer(browser)).status_code == 403
    issuer.claims = {}
    back = urlsplit(to_issuer(browser))
    state = parse_qs(back.query)["state"][0]
    for answer in ({"error": "access_denied"}, {"code": "invented"}, {"code": "x", "iss": "https://evil.example"}):
        attempt = browser.get(back.path, params={**answer, "state": state})
        assert attempt.status_code == 401
        assert "not allowed to use Faultwise" in attempt.text


@pytest.mark.parametrize(
    "cookie", ["", "not base64", "e30=", "eyJzdGF0ZSI6MSwibm9uY2UiOjEsInZlcmlmaWVyIjoxLCJuZXh0IjoxfQ=="]
)
def test_a_broken_cookie_is_no_attempt(browser, cookie) -> None:
    browser.cookies.set("faultwise_sign_on", cookie)
    assert browser.get("/console/sign-on/back?code=x&state=1").status_code == 401


def test_nobody_is_sent_to_another_site(browser) -> None:
    page = browser.get(to_issuer(browser, "https://evil.example/")).text
    assert re.search(r"content=\"0;url=/(console/[a-z]+)?\"", page)


def test_an_issuer_that_is_away_is_said_so(models, tmp_path) -> None:
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'a.db'}", models=models, oidc_issuer="http://127.0.0.1:9", oidc_client_id="x"
    )
    with Serving(settings) as client:
        page = client.get("/console/sign-on")
        assert page.status_code == 503
        assert "cannot be reached" in page.text


class ElsewhereIssuer(Issuer):
    """An issuer that gives its tokens at another address."""

    token_endpoint = ""

    def _configuration(self):
        return {**super()._configuration(), "token_endpoint": self.token_endpoint}


def test_an_issuer_that_gives_its_token_byte_by_byte_is_given_up(models, tmp_path) -> None:
    with ThreadPoolExecutor(1) as pool, ElsewhereIssuer() as slow, Dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as url:
        slow.token_endpoint = url
        settings = Settings(
            database=f"sqlite:///{tmp_path / 'a.db'}", models=models, oidc_issuer=slow.url, oidc_client_id="console"
        )
        with Serving(settings) as client:
            assert pool.submit(client.get, to_issuer(client)).result(timeout=15).status_code == 503


def test_without_a_client_id_there_is_no_such_sign_in(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as client:
        assert client.get("/console/sign-on").status_code == 404
        assert "/console/sign-on" not in client.get("/console/sign-in").text
