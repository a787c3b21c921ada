"""One person's mail address and telephone number, through each door: neither stands in the store in clear."""

import json
import sqlite3
from pathlib import Path

import pytest

from api.cli import main
from api.integrations.examples import GLPI, SERVICENOW
from api.settings import Settings
from tests.api.integrations.test_routes import SECRET, send_glpi
from tests.api.remote import Remote
from tests.serving import Serving
from tests.training.sources.systems import ServiceNow

MAIL, PHONE = "li.lei@example.com", "13812345678"
CONTACT = f"{MAIL} {PHONE}"
RECORD = {"number": "P1", "short_description": "VPN drops", "contact_info": CONTACT, "host": "vpn-gw-2"}
ARTICLE = {"number": "KB1", "title": "VPN drops", "contact_info": CONTACT, "host": "vpn-gw-2"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "faultwise.db"


def everything(database: Path) -> str:
    with sqlite3.connect(database) as store:
        return "\n".join(store.iterdump())


def written(path: Path, row: dict[str, str]) -> str:
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
    return str(path)


def assert_masked(database: Path, kept: str = "<EMAIL> <PHONE>") -> None:
    stored = everything(database)
    assert kept in stored
    assert MAIL not in stored
    assert PHONE not in stored


@pytest.mark.parametrize(("option", "row"), [("--incidents", RECORD), ("--knowledge", ARTICLE)])
def test_a_file(database, tmp_path, option, row) -> None:
    url = f"sqlite:///{database}"
    assert main(["import", option, written(tmp_path / "rows.csv", row), "--database", url, "--quiet"]) == 0
    assert_masked(database)
    assert '"vpn-gw-2"' in everything(database), "a code stays"


def test_a_system_that_is_read(database, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FAULTWISE_INTEGRATIONS__SERVICENOW__USER", "faultwise")
    monkeypatch.setenv("FAULTWISE_INTEGRATIONS__SERVICENOW__TOKEN", "secret")
    system = ServiceNow()
    system.rows[0]["u_module"] = CONTACT
    with Remote(system.answer) as remote:
        words = ["import", "--source", "servicenow", "--url", remote.url, "--keep", "u_module", "--quiet"]
        state = ["--state", str(tmp_path / "state.json")]
        assert main([*words, "--database", f"sqlite:///{database}", *state]) == 0
    assert_masked(database)


def test_the_api(database, models) -> None:
    with Serving(Settings(database=f"sqlite:///{database}", models=models)) as client:
        assert client.post("/v1/incidents", json=RECORD).json()["stored"] == 1
        assert client.post("/v1/knowledge", json=ARTICLE).json()["stored"] == 1
        assert client.post("/v1/diagnoses", json={**RECORD, "number": "P2"}).status_code == 200
        assert client.get("/v1/incidents/P1").json()["contact_info"] == "<EMAIL> <PHONE>"
        assert_masked(database)


def test_a_webhook(database, models) -> None:
    with Serving(Settings(database=f"sqlite:///{database}", models=models)) as client:
        row = {**SERVICENOW, "description": f"call {CONTACT}", "caller_id": MAIL, "u_contact": CONTACT}
        assert client.post("/v1/integrations/servicenow", json=row).status_code == 200
        assert_masked(database, "call <EMAIL> <PHONE>")


def test_a_webhook_whose_diagnosis_is_owed(database, models) -> None:
    glpi = {"secret": SECRET, "answer_seconds": 0.001}
    settings = Settings(database=f"sqlite:///{database}", models=models, integrations={"glpi": glpi})
    with Serving(settings) as client:
        item = {**GLPI["item"], "content": f"call {CONTACT}"}
        assert send_glpi(client, {"event": "new", "item": item}).status_code == 202
        outbox = [row for row in everything(database).splitlines() if row.startswith('INSERT INTO "outbox"')]
        assert len(outbox) == 1, json.dumps(outbox)
        assert_masked(database, "call <EMAIL> <PHONE>")
