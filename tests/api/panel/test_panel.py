"""The panel's token: what opens an incident, and what does not."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from fastapi.testclient import TestClient

from api.settings import Settings
from tests.serving import Serving

SECRET = "a secret of thirty-two characters or more" * 2
SITES = "https://acme.service-now.com, https://*.atlassian.net"


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("panel") / "faultwise.db"
    settings = Settings(database=f"sqlite:///{database}", models=models, panel_secret=SECRET, panel_ancestors=SITES)
    with Serving(settings) as one:
        one.post("/v1/diagnoses", json={"number": "P-1", "short_description": "打印机提示卡纸"})
        yield one


@pytest.fixture
def frame(client):
    return TestClient(client.app, raise_server_exceptions=False)


def token(secret=SECRET, algorithm="HS256", **claims):
    now = datetime.now(UTC)
    given = {
        "aud": "faultwise-panel",
        "sub": "e.chan",
        "incident": "P-1",
        "scope": "diagnose feedback",
        "iat": timedelta(0),
        "exp": timedelta(minutes=5),
        **claims,
    }
    dated = {name: now + value if isinstance(value, timedelta) else value for name, value in given.items()}
    return jwt.encode({name: value for name, value in dated.items() if value is not None}, secret, algorithm)


def test_a_token_signed_elsewhere_with_the_secret_opens_its_incident(frame) -> None:
    page = frame.get("/panel", params={"token": token()})
    assert page.status_code == 200
    assert "清洁了进纸滚轮" in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://acme.service-now.com https://*.atlassian.net" in policy
    assert "x-frame-options" not in page.headers
    assert frame.get("/console/sign-in").headers["x-frame-options"] == "DENY"


def test_in_the_panel_the_fix_stands_before_the_routing(frame) -> None:
    page = frame.get("/panel", params={"token": token()}).text
    assert 0 < page.index('class="fixes"') < page.index('class="routing"')


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another secret of thirty-two characters"},
        {"algorithm": "HS512"},
        {"algorithm": "none", "secret": None},
        {"exp": timedelta(hours=1)},
        {"exp": timedelta(hours=-1), "iat": timedelta(hours=-1)},
        {"aud": "other"},
        {"incident": None},
        {"iat": None},
        {"exp": None},
    ],
    ids=str,
)
def test_no_other_token_opens_anything(frame, wrong) -> None:
    page = frame.get("/panel", params={"token": token(**wrong)})
    assert page.status_code == 401
    assert "清洁" not in page.text


def test_a_token_speaks_of_its_own_incident_and_within_its_scope(frame, client) -> None:
    mine = client.get("/v1/diagnoses", params={"incident": "P-1"}).json()["items"][0]
    other = client.post("/v1/diagnoses", json={"number": "P-2", "short_description": "打印机提示卡纸"}).json()
    said = {"kind": "suggestion_worked", "suggestion": mine["suggestions"][0]["id"]}

    def give(diagnosis, **more):
        return frame.post(f"/panel/diagnoses/{diagnosis['id']}/feedback", data={**said, "csrf": token(**more)})

    assert give(other).status_code == 403
    assert give(mine, scope="diagnose").status_code == 403
    assert give(mine).status_code == 200
    assert client.get("/v1/audit").json()["items"][0]["actor"] == "panel:e.chan"


def test_without_a_secret_there_is_no_panel(tmp_path, models) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as client:
        assert client.post("/v1/panel/tokens", json={"incident": "P-1"}).status_code == 422
        assert client.get("/panel", params={"token": token(secret="x" * 32)}).status_code == 401


@pytest.mark.parametrize("wrong", [{"panel_secret": "short"}, {"panel_ancestors": "https://a.example; script-src *"}])
def test_settings_that_would_open_a_hole_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="expected"):
        Settings(**wrong)
