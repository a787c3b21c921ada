"""A store that an older version wrote opens in this one with everything in it, whichever version it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from diagnosis.store import Store, tables
from diagnosis.store.database import Database
from diagnosis.store.surges import StoredSurge

MIGRATIONS = str(Path(tables.__file__).parent / "migrations")
MOMENT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
VERSIONS = [script.revision for script in ScriptDirectory(MIGRATIONS).walk_revisions()][::-1]

# What each version could hold, as it wrote it: table and row by the version that made the table.
SURGE = {
    "id": "G1",
    "kind": "surge",
    "scope_kind": "service",
    "scope_value": "Remote Access",
    "at": MOMENT,
    "since": MOMENT,
    "latest": MOMENT,
    "count": 5,
    "expected": 0.5,
    "window": 3600.0,
    "members": {"service": {"Remote Access": 5}},
    "course": [],
    "declared_by": "",
    "dismissed_by": "",
    "ended_by": "",
    "note": "",
    "answer": "",
    "answered_by": "",
}
LATER_SURGE = {**SURGE, "id": "G2", "at": MOMENT + timedelta(hours=1)}
ROWS = {
    "0001": [
        ("counters", {"name": "changes", "value": 1}),
        ("incidents", {"number": "OLD1", "sequence": 1, "deleted": False, "body": {"short_description": "VPN 断线"}}),
        ("diagnoses", {"id": "D1", "incident": "OLD1", "release": "r", "body": {"id": "D1", "incident": "OLD1"}}),
        ("audit", {"at": MOMENT, "actor": "key:1", "action": "x", "object": "o", "request": "", "detail": {}}),
    ],
    "0002": [
        (
            "subscriptions",
            {
                "id": "S1",
                "url": "https://example.com/hook",
                "events": ["diagnosis.created"],
                "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "enabled": True,
                "reason": "",
                "created_by": "key:1",
            },
        ),
        (
            "outbox",
            {
                "id": "O1",
                "kind": "webhook",
                "destination": "S1",
                "key": "k",
                "body": {"type": "incident.updated"},
                "state": "waiting",
                "attempts": 0,
                "error": "",
                "due_at": MOMENT,
            },
        ),
    ],
    "0004": [
        (
            "observations",
            {
                "incident": "OLD1",
                "target": "category",
                "shadow": "",
                "release": "r",
                "predicted_at": MOMENT,
                "decision": "automatic",
                "value": "网络",
                "taken_back": False,
            },
        ),
    ],
    "0006": [
        (
            "actions",
            {
                "id": "A1",
                "title": "换证书",
                "kind": "fix",
                "source_kind": "problem",
                "source": "P1",
                "evidence": [{"kind": "incident", "number": "OLD1"}],
                "owner": "Network",
                "due": MOMENT.date(),
                "measure": "",
                "expected_effect": {},
                "status": "open",
                "created_by": "key:1",
            },
        ),
    ],
    "0008": [
        (
            "surges",
            SURGE,
        ),
        ("surges", LATER_SURGE),
        ("surge_incidents", {"surge": "G1", "number": "OLD1", "is_alert": False}),
        (
            "alerts",
            {
                "id": "L1",
                "sequence": 1,
                "started_at": MOMENT,
                "latest_at": MOMENT,
                "repeats": 1,
                "name": "Down",
                "cmdb_ci": "vpn-gw-2",
                "service": "",
                "incident": "",
                "body": {"description": "掉线"},
            },
        ),
        (
            "change_records",
            {"number": "C1", "at": MOMENT, "cmdb_ci": "vpn-gw-2", "service": "", "body": {"risk": "low"}},
        ),
    ],
    "0009": [
        ("problems", {"id": "P1", "members": ["OLD1"]}),
        (
            "problem_decisions",
            {"id": "E1", "kind": "rename", "problem": "P1", "value": "证书", "numbers": [], "actor": "key:1"},
        ),
    ],
    "0010": [
        (
            "survey_answers",
            {"incident": "OLD1", "rating": 4, "comment": "好", "language": "zh", "answered_at": MOMENT},
        ),
    ],
    "0011": [("clock_announcements", {"incident": "OLD1", "clock": "response", "standing": "missed", "at": MOMENT})],
}


def written_by(url: str, version: str) -> None:
    """Write a store as a version did: its tables, and a row in each that people would miss."""
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    with database.write() as connection:
        reflected = sa.MetaData()
        reflected.reflect(connection)
        for made_by, rows in ROWS.items():
            for name, row in rows if made_by <= version else ():
                _insert(connection, reflected.tables[name], row)
    database.close()


def _insert(connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> None:
    times = {c.name: MOMENT for c in table.columns if c.name in ("created_at", "updated_at")}
    values = {**times, **row}
    if table.name == "counters":
        connection.execute(sa.delete(table))
    connection.execute(sa.insert(table).values(values))


def check_later_tables(store: Store, version: str) -> None:
    """Look for what each version after the second could hold, where the store was written by that version or later."""
    if version >= "0004":
        with store.database.read() as connection:
            assert connection.execute(sa.select(tables.observations.c.value)).scalars().all() == ["网络"]
    if version >= "0006":
        [action] = store.actions.all()
        assert (action.title, action.due, action.created_at) == ("换证书", MOMENT.date(), MOMENT)
    if version >= "0008":
        assert store.surges.get("G1").members == {"service": {"Remote Access": 5}}
        assert store.surges.members("G1") == (["OLD1"], [])
        announced = StoredSurge("G3", "surge", "all", "", *[MOMENT - timedelta(days=1)] * 3, None, 5, 0.5, 3600.0)
        store.surges.write([announced])
        assert [surge.id for surge in store.surges.page(9)] == ["G3", "G2", "G1"], "in the order in which they came"
        assert store.alerts.get("L1").started_at == MOMENT
        assert store.change_records.get("C1").body == {"risk": "low"}
    if version >= "0009":
        assert store.problems.members() == {"P1": ("OLD1",)}
        assert [decision.value for decision in store.problems.decisions()] == ["证书"]
    if version >= "0010":
        assert store.survey_answers.of("OLD1").comment == "好"
    if version >= "0011":
        assert store.clocks.announce([("OLD1", "response", "missed")]) == []
    store.alert_verdicts.say("L1", "OLD1", True, "key:1")  # the newest table works where there was none before
    assert [verdict.belongs for verdict in store.alert_verdicts.page(10)] == [True]


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_everything_that_an_older_version_wrote_is_there(database_url: str, version: str) -> None:
    written_by(database_url, version)
    store = Store.open(database_url)
    try:
        assert store.incidents.get("OLD1").body == {"short_description": "VPN 断线"}
        assert store.diagnoses.get("D1")["incident"] == "OLD1"
        assert [entry.actor for entry in store.audit.page(10)] == ["key:1"]
        if version >= "0002":
            [subscription] = store.subscriptions.all()
            assert (subscription.url, subscription.format) == ("https://example.com/hook", "webhook")
            assert [call.id for call in store.outbox.page(10)] == ["O1"]
        check_later_tables(store, version)
        store.incidents.put({"NEW1": {"short_description": "x"}})
        assert store.incidents.get("NEW1").sequence > store.incidents.get("OLD1").sequence
        store.database.check()
    finally:
        store.close()


def test_a_store_of_a_newer_version_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    Store.open(url).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(Exception, match="9999"):
        Store.open(url)
