"""What is older than the settings want to keep is forgotten by a running service."""

from datetime import timedelta

import sqlalchemy as sa

from api.settings import Settings
from diagnosis.store import Store, tables
from diagnosis.store.monitoring import StoredAlert, StoredChange
from diagnosis.store.surges import StoredSurge
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon


def test_old_incidents_and_diagnoses_are_forgotten_and_open_ones_stay(models, database_url):
    store = Store.open(database_url)
    long_ago, lately = (utc_now() - timedelta(days=days) for days in (400, 3))
    store.incidents.put(
        {
            "OLD": {"number": "OLD", "short_description": "secret words", "closed_at": long_ago.isoformat()},
            "NEW": {"number": "NEW", "short_description": "x", "closed_at": lately.isoformat()},
            "AGAIN": {
                "number": "AGAIN",
                "short_description": "x",
                "closed_at": long_ago.isoformat(),
                "reopened_at": (long_ago + timedelta(days=1)).isoformat(),
            },
            "LATER": {
                "number": "LATER",
                "short_description": "x",
                "closed_at": long_ago.isoformat(),
                "resolved_at": lately.isoformat(),
            },
            "OPEN": {"number": "OPEN", "short_description": "x", "opened_at": long_ago.isoformat()},
        }
    )
    for number in ("OLD", "NEW"):
        store.survey_answers.add(number, 4, "the words of a caller", "en")
        store.alert_verdicts.say("A1", number, True, "key:1")
        store.alerts.put(
            [StoredAlert(f"A-{number}", long_ago, name=number, incident=number, body={"description": "secret words"})]
        )
    with Serving(Settings(database=database_url, models=models)) as client:
        said = [
            client.post("/v1/diagnoses", json={"number": n, "short_description": "VPN"}).json() for n in ("D1", "D2")
        ]
        target = next(iter(said[0]["predictions"]))
        body = {"kind": "overridden", "target": target, "value": "Network", "confirm": True}
        assert client.post(f"/v1/diagnoses/{said[0]['id']}/feedback", json=body).status_code == 201
    with store.database.write() as connection:
        old = sa.update(tables.diagnoses).where(tables.diagnoses.c.id == said[0]["id"])
        connection.execute(old.values(created_at=long_ago))
    settings = Settings(database=database_url, models=models, retention_incident_days=365, retention_diagnosis_days=90)
    with Serving(settings) as client:
        assert soon(lambda: client.get("/v1/incidents/OLD").status_code == 404)
        assert soon(lambda: client.get(f"/v1/diagnoses/{said[0]['id']}").status_code == 404)
        assert client.get(f"/v1/diagnoses/{said[1]['id']}").status_code == 200
        assert client.get("/v1/incidents/NEW").status_code == 200
        for number in ("OPEN", "AGAIN", "LATER"):
            assert client.get(f"/v1/incidents/{number}").status_code == 200
        [entry] = [e for e in client.get("/v1/audit").json()["items"] if e["action"] == "records.forget"]
    assert entry["detail"] == {"diagnoses": 1, "incidents": 1}
    assert [answer.incident for answer in store.survey_answers.all()] == ["NEW"]
    assert [verdict.incident for verdict in store.alert_verdicts.page(10)] == ["NEW"]
    assert [alert.incident for alert in store.alerts.page(10)] == ["NEW"]
    store.close()


def test_old_alerts_changes_and_surges_are_forgotten_and_what_lasts_stays(models, database_url):
    store = Store.open(database_url)
    now = utc_now()
    long_ago, lately = (now - timedelta(days=days) for days in (400, 3))
    alerts = {"OLD": (long_ago, None), "ENDED": (long_ago, long_ago), "NEW": (lately, None), "LONG": (long_ago, lately)}
    store.alerts.put([StoredAlert(name, at, end, name, body={"contact": "x"}) for name, (at, end) in alerts.items()])
    store.alert_verdicts.say("OLD", "P1", True, "key:1")
    store.change_records.put([StoredChange(f"C-{at:%Y}", at, "", "CRM", now, {}) for at in (long_ago, lately)])
    times = {"at": long_ago, "since": long_ago, "latest": long_ago}
    counts = {"count": 9, "expected": 0.2, "window": 1200.0}
    store.surges.write(
        [
            StoredSurge("OVER", "surge", "service", "CRM", **times, **counts, over_at=long_ago),
            StoredSurge("LASTS", "surge", "service", "CRM", **times, **counts, over_at=None),
        ]
    )
    store.surges.join("OVER", [("P1", False)])
    with Serving(Settings(database=database_url, models=models, retention_monitoring_days=365)) as client:
        assert soon(lambda: [e.id for e in store.surges.page(10)] == ["LASTS"])
        [entry] = [e for e in client.get("/v1/audit").json()["items"] if e["action"] == "records.forget"]
    assert entry["detail"] == {"monitoring": 4}
    assert {alert.id for alert in store.alerts.page(10)} == {"NEW", "LONG"}
    assert store.alert_verdicts.page(10) == []
    assert store.surges.members("OVER") == ([], [])
    assert [change.at for change in store.change_records.page(10)] == [lately]
    store.close()
