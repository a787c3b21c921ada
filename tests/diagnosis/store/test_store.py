"""What was stored is what is read, on both databases."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from diagnosis.decisions import ExclusionRule
from diagnosis.errors import FaultwiseError, InputError, StoreError
from diagnosis.store import Store, tables
from diagnosis.store.changes import ChangeCursor
from diagnosis.store.database import Database, RecordNotFoundError
from diagnosis.store.diagnoses import Claim, DiagnosisEntry
from diagnosis.store.feedback import Feedback
from diagnosis.store.inbox import Inbox
from diagnosis.store.keys import KeyRefusedError
from diagnosis.store.sessions import Visitor
from tests.waiting import soon

AT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


def given(id_: str, number: str = "INC1", **more) -> DiagnosisEntry:
    return DiagnosisEntry({"id": id_, "incident": number, "release": "r", "text": "证书过期"}, AT, **more)


def test_a_record_comes_back_as_it_was_stored(store: Store) -> None:
    body = {
        "number": "INC1",
        "short_description": "打印机 卡纸 'quoted' \\ \N{GRINNING FACE}",
        "extra": [1, {"a": None}],
    }
    (stored,) = store.incidents.put({"INC1": body})
    assert store.incidents.get("INC1").body == body
    (again,) = store.incidents.put({"INC1": {"number": "INC1"}})
    assert again.created_at == stored.created_at
    assert again.sequence > stored.sequence
    assert store.incidents.get("INC1").body == {"number": "INC1"}


def test_pages_are_stable_while_records_are_inserted(store: Store) -> None:
    store.incidents.put({f"B{i:03}": {"i": i} for i in range(0, 100, 2)})
    seen = [one.number for one in store.incidents.page(20)]
    store.incidents.put({f"B{i:03}": {"i": i} for i in range(1, 100, 2)})
    while page := store.incidents.page(20, beyond=seen[-1]):
        seen += [one.number for one in page]
    assert len(seen) == len(set(seen))
    assert {f"B{i:03}" for i in range(0, 100, 2)} <= set(seen)


def test_a_deleted_record_is_erased_and_its_number_is_told(store: Store) -> None:
    store.articles.put({"KB1": {"title": "secret"}, "KB2": {"title": "kept"}})
    store.articles.delete("KB1")
    with pytest.raises(RecordNotFoundError, match="KB1"):
        store.articles.get("KB1")
    with pytest.raises(RecordNotFoundError):
        store.articles.delete("KB1")
    assert [one.number for one in store.articles.page(10)] == ["KB2"]
    (tombstone,) = [one for one in store.changes.since(0).articles if one.deleted]
    assert (tombstone.number, tombstone.body) == ("KB1", {})


def test_changes_come_page_by_page_without_gap_or_repeat(store: Store) -> None:
    for i in range(10):
        store.incidents.put({f"I{i}{j}": {} for j in range(7)})
        store.articles.put({f"K{i}": {}})
    seen, after = [], 0
    while True:
        changes = store.changes.since(after, limit=9)
        seen += [one.sequence for one in (*changes.incidents, *changes.articles)]
        after = changes.upto
        if changes.complete:
            break
    assert sorted(seen) == list(range(1, 81))
    assert len(seen) == 80


def test_a_diagnosis_its_incident_and_its_answer_are_one_commit(store: Store) -> None:
    claim = Claim("key:1", "abc", bytes(32))
    assert store.responses.claim(claim) is None
    assert store.responses.claim(claim) == (bytes(32), None, None)
    store.diagnoses.add([given("D1", "INC9"), given("D2", "INC8", incident={"n": 8}, claim=claim)])
    assert store.responses.claim(claim) == (bytes(32), 200, store.diagnoses.get("D2"))
    assert store.responses.claim(Claim("key:2", "abc", bytes(32))) is None, "another holder's key is another key"
    assert store.incidents.get("INC8").body == {"n": 8}
    with pytest.raises(FaultwiseError):
        store.diagnoses.add([given("D3"), given("D1")])
    with pytest.raises(RecordNotFoundError):
        store.diagnoses.get("D3")


def test_a_known_incident_is_left_as_it_is_when_it_is_diagnosed(store: Store) -> None:
    store.incidents.put({"INC1": {"close_notes": "restarted"}})
    store.diagnoses.add([given("D1", incident={"short_description": "x"})])
    assert store.incidents.get("INC1").body == {"close_notes": "restarted"}


def test_a_claim_that_was_given_up_can_be_made_again(store: Store) -> None:
    claim = Claim("h", "k", bytes(32))
    store.responses.claim(claim)
    store.responses.release(claim)
    assert store.responses.claim(claim) is None


def test_a_claim_whose_process_died_lapses(store: Store) -> None:
    claim = Claim("h", "k", bytes(32))
    store.responses.claim(claim)
    with store.database.write() as connection:
        connection.execute(sa.update(tables.idempotency).values(claimed_at=datetime.now(UTC) - timedelta(minutes=2)))
    assert store.responses.claim(claim) is None


def test_diagnoses_are_listed_newest_first(store: Store) -> None:
    store.diagnoses.add([given(f"D{i}", "A" if i % 2 else "B") for i in range(6)])
    assert [one["id"] for one in store.diagnoses.page(2, "A")] == ["D5", "D3"]
    assert [one["id"] for one in store.diagnoses.page(2, "A", older_than="D3")] == ["D1"]
    assert len(store.diagnoses.page(10)) == 6


def said(kind: str, value: str | None = None, predicted: str | None = "Bad", target: str = "group") -> Feedback:
    return Feedback("D1", "INC1", kind, target, predicted, value, actor="key:1")


def test_what_people_decide_holds_until_it_is_undone(store: Store) -> None:
    store.diagnoses.add([given("D1")])
    first = store.feedback.add(said("reverted"))
    second = store.feedback.add(said("overridden", "Good", "Worse"))
    (now,) = store.decisions(["INC1"])
    assert now.reverted == {"group": frozenset({"Bad", "Worse"})}
    assert now.decided == {"group": "Good"}
    store.feedback.undo(second.id, "D1")
    (now,) = store.decisions(["INC1"])
    assert (now.reverted, now.decided) == ({"group": frozenset({"Bad"})}, {})
    store.feedback.undo(first.id, "D1")
    assert store.decisions(["INC1", "INC2"]) == [store.decisions(["INC2"])[0]] * 2
    assert [one.undone_at is not None for one in store.feedback.of("D1")] == [True, True]
    with pytest.raises(RecordNotFoundError):
        store.feedback.undo(first.id, "D2")


def test_a_later_decision_wins_over_an_earlier_one(store: Store) -> None:
    store.diagnoses.add([given("D1")])
    store.feedback.add(said("accepted", "Bad"))
    store.feedback.add(said("reverted"))
    assert store.decisions(["INC1"])[0].decided == {}
    store.feedback.add(said("overridden", "Bad", "Other"))
    (now,) = store.decisions(["INC1"])
    assert (now.decided, now.reverted) == ({"group": "Bad"}, {"group": frozenset({"Other"})})


def test_rules_are_in_force_from_the_moment_they_are_saved(store: Store) -> None:
    rule = store.rules.add(ExclusionRule("", "triaged by people", {"contact_type": "monitoring*"}), "key:1")
    assert store.decisions(["X"])[0].rules == (rule,)
    changed = store.rules.replace(ExclusionRule(rule.id, "new name"))
    assert store.rules.get(rule.id) == changed
    store.rules.delete(rule.id)
    assert store.decisions(["X"])[0].rules == ()
    for act in (lambda: store.rules.delete(rule.id), lambda: store.rules.replace(rule), lambda: store.rules.get("x")):
        with pytest.raises(RecordNotFoundError):
            act()


def test_keys_are_kept_as_hashes_and_refused_when_expired_or_revoked(store: Store) -> None:
    first = store.keys.create_first()
    assert first is not None
    assert store.keys.create_first() is None
    assert store.keys.check(first).scopes == {"diagnose", "feedback", "knowledge", "admin"}
    key, secret = store.keys.create("x", ["diagnose"])
    _, expired = store.keys.create("old", ["diagnose"], datetime.now(UTC) - timedelta(seconds=1))
    assert store.keys.check(secret) == key
    with store.database.read() as connection:
        rows = connection.execute(sa.select(tables.api_keys)).all()
    assert not any(secret.split("_", 2)[2] in str(row) for row in rows)
    store.keys.revoke(key.id)
    for wrong in (secret, expired, first[:-1], first + "x", "", "fw__", "fw_\ud800_x", "钥匙", "x" * 10_000):
        with pytest.raises(KeyRefusedError):
            store.keys.check(wrong)


def test_a_session_ends_with_its_key(store: Store) -> None:
    key, _ = store.keys.create("x", ["diagnose"])
    token, other = (store.sessions.open_with_key(key, timedelta(hours=1)) for _ in range(2))
    assert store.sessions.check(token) == Visitor(f"key:{key.id}", "x", frozenset({"diagnose"}))
    store.sessions.close(other)
    with pytest.raises(KeyRefusedError):
        store.sessions.check(other)
    store.keys.revoke(key.id)
    with pytest.raises(KeyRefusedError):
        store.sessions.check(token)


def test_a_session_of_a_person_without_a_key_ends_in_time(store: Store) -> None:
    ann = Visitor("oidc:ann", "Ann 安", frozenset({"diagnose", "feedback"}))
    token, over = (store.sessions.open_for(ann, timedelta(hours=hours)) for hours in (1, -1))
    assert store.sessions.check(token) == ann
    for wrong in (over, token[:-1], ""):
        with pytest.raises(KeyRefusedError):
            store.sessions.check(wrong)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_audit_log_only_grows(store: Store, statement: str) -> None:
    store.audit.add("key:1", "release.publish", "r1", "req", {"a": 1})
    with pytest.raises(FaultwiseError, match="only grows"), store.database.write() as connection:
        connection.execute(sa.text(statement))
    (entry,) = store.audit.page(10)
    assert (entry.actor, entry.action, entry.object, entry.detail) == ("key:1", "release.publish", "r1", {"a": 1})


def test_a_database_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    folder = tmp_path / "a-folder"
    folder.mkdir()
    with pytest.raises(StoreError):
        Database(f"sqlite:///{folder}").ping()
    with pytest.raises(StoreError):
        Database("postgresql://nobody@127.0.0.1:1/none").ping()
    for wrong in ("mysql://x/y", "not a url"):
        with pytest.raises(InputError, match="expected"):
            Database(wrong)


def test_a_value_that_a_database_cannot_hold_is_the_fault_of_who_sent_it(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    with pytest.raises(InputError, match="found one that it refuses"):
        store.survey_answers.add("INC1", 1, "a\x00b", "en")
    with pytest.raises(InputError, match="found one that it refuses"):
        store.incidents.get("a\x00b")
    store.survey_answers.add("INC1", 1, "ab", "en")
    store.close()


def test_who_has_heard_a_store_out_goes_on_where_it_was(store: Store) -> None:
    assert store.changes.cursor() is None, "of an empty store there is nothing to have heard"
    store.incidents.put({"A": {"caller": "u1"}, "B": {}})
    heard = store.changes.cursor()
    assert heard is not None
    assert ChangeCursor.from_dict(json.loads(json.dumps(heard.to_dict()))) == heard
    store.incidents.put({"C": {}})
    assert [one.number for one in store.changes.since(store.changes.resume(heard)).incidents] == ["C"]
    store.incidents.put({"A": {"caller": "u2"}})
    changed = store.changes.since(store.changes.resume(heard)).incidents
    assert [(one.number, one.body) for one in changed] == [("C", {}), ("A", {"caller": "u2"})]


def test_a_store_that_was_set_back_is_heard_from_the_start(store: Store) -> None:
    store.incidents.put({"A": {}, "B": {}})
    heard = store.changes.cursor()
    assert heard is not None
    assert store.changes.resume(replace(heard, upto=heard.upto + 1)) == 0, "so far it has never come"
    assert store.changes.resume(replace(heard, store=heard.store + 1)) == 0, "it is another store"
    earlier = replace(heard, at=heard.at - timedelta(seconds=1))
    assert store.changes.resume(earlier) == 0, "what lies up to there was made after it was heard"
    assert store.changes.resume(heard) == heard.upto


def test_a_store_keeps_its_number(database_url: str) -> None:
    heard = []
    for _ in range(2):
        opened = Store.open(database_url)
        opened.incidents.put({"A": {}})
        heard.append(opened.changes.cursor())
        opened.close()
    assert heard[0].store == heard[1].store


def test_the_tables_are_those_that_the_migrations_lead_to(store: Store) -> None:
    from alembic.script import ScriptDirectory

    with store.database.read() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert version == ScriptDirectory(str(Path(tables.__file__).parent / "migrations")).get_current_head()
    store.database.check()


def test_a_delivery_in_hand_when_its_process_died_may_come_again_and_a_kept_one_not(store: Store) -> None:
    inbox = Inbox(store.inbox.database, in_hand=timedelta(seconds=0.3))
    assert inbox.take("glpi", ["id:1", "content:1"])
    inbox.keep("glpi", ["id:1", "content:1"])
    assert store.inbox.take("glpi", ["id:2"])
    assert not inbox.take("glpi", ["id:2"])
    assert inbox.take("glpi", ["id:3"])  # its process dies
    assert soon(lambda: inbox.take("glpi", ["id:3"]))
    assert not inbox.take("glpi", ["id:1"])
    assert not inbox.take("glpi", ["content:1"])
