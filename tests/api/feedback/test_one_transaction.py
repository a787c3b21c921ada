"""Feedback, its event and its audit entry are stored together or not at all."""

import sqlalchemy as sa

from tests.api.diagnoses.test_diagnoses import ENGLISH, diagnose

REFUSE_AUDIT = """
CREATE TRIGGER refuse_audit BEFORE INSERT ON audit WHEN NEW.action LIKE 'feedback.%'
BEGIN SELECT RAISE(ABORT, 'refused'); END
"""


def test_feedback_whose_audit_entry_cannot_be_written_is_not_stored(client) -> None:
    diagnosis = diagnose(client, "ATOMIC", **ENGLISH)
    accepted = {"kind": "accepted", "target": "category"}
    database = client.app.state.service.store.database
    with database.write() as connection:
        connection.execute(sa.text(REFUSE_AUDIT))
    try:
        refused = client.post(f"/v1/diagnoses/{diagnosis['id']}/feedback", json=accepted)
    finally:
        with database.write() as connection:
            connection.execute(sa.text("DROP TRIGGER refuse_audit"))
    assert refused.status_code >= 400
    assert client.get(f"/v1/diagnoses/{diagnosis['id']}/feedback").json()["items"] == []
    stored = client.post(f"/v1/diagnoses/{diagnosis['id']}/feedback", json=accepted)
    assert stored.status_code == 201
    newest = client.get("/v1/audit", params={"limit": 1}).json()["items"][0]
    assert newest["action"] == "feedback.accepted"
    assert newest["detail"] == {"feedback": stored.json()["id"]}
