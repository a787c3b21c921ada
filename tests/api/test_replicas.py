"""Several replicas over one PostgreSQL: what one stores or decides holds on the others within seconds."""

from pathlib import Path

import pytest

from api.settings import Settings
from tests.api.diagnoses.test_diagnoses import CHINESE, diagnose
from tests.api.records.test_records import found
from tests.serving import Serving
from tests.waiting import soon


@pytest.fixture
def replicas(postgres_url: str, models: Path):
    settings = Settings(database=postgres_url, models=models)
    with Serving(settings) as one, Serving(settings) as other:
        yield one, other


def test_what_one_replica_stores_the_other_finds(replicas) -> None:
    one, other = replicas
    text = "zebra-4711 scanner beeps twice"
    one.post("/v1/incidents", json={"number": "SHARED", "short_description": text, "description": text})
    assert soon(lambda: found(other, text, "incidents")[:1] == ["SHARED"])
    one.delete("/v1/incidents/SHARED")
    assert soon(lambda: "SHARED" not in found(other, text, "incidents"))


def test_what_people_decide_on_one_replica_binds_the_other_at_once(replicas) -> None:
    one, other = replicas
    first = diagnose(one, "BOUND")
    predicted = first["predictions"]["assignment_group"]["alternatives"][0]["value"]
    assert other.get(f"/v1/diagnoses/{first['id']}").json() == first
    body = {"kind": "reverted", "target": "assignment_group"}
    one.post(f"/v1/diagnoses/{first['id']}/feedback", json=body)
    later = diagnose(other, "BOUND")["predictions"]["assignment_group"]
    assert predicted not in [alternative["value"] for alternative in later["alternatives"]]
    rule = {"name": "nobody's", "action": "never_predict", "target": "category", "confirm": True}
    assert one.post("/v1/rules", json=rule).status_code == 201
    assert diagnose(other, "RULED")["predictions"]["category"]["decision"] == "abstained"


def test_keys_and_idempotency_are_shared(replicas) -> None:
    one, other = replicas
    made = one.post("/v1/keys", json={"name": "k", "scopes": ["diagnose"]}).json()
    headers = {"Authorization": f"Bearer {made['key']}", "Idempotency-Key": "once"}
    body = {"number": "ONCE", **CHINESE}
    first = one.post("/v1/diagnoses", json=body, headers=headers)
    assert other.post("/v1/diagnoses", json=body, headers=headers).json() == first.json()
    one.delete(f"/v1/keys/{made['id']}")
    assert other.post("/v1/diagnoses", json=body, headers=headers).status_code == 401
