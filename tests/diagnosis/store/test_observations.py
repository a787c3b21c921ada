"""What was answered first, and what was right in the end; certificates taken back hold for their release alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread

import pytest

from diagnosis.store import Store, tables
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback
from diagnosis.store.observations import ReleaseAnswer

AT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


def prediction(value: str | None, decision: str = "automatic", first: str = "") -> dict:
    alternatives = [{"value": first or value, "probability": 0.9}] if first or value else []
    return {"decision": decision, "value": value, "probability": 0.9, "alternatives": alternatives}


def diagnosed(store: Store, number: str, value: str = "Mail", release: str = "r1", **more) -> str:
    id_ = f"D{number}{release}{value}"
    said = {"id": id_, "incident": number, "release": release, "predictions": {"group": prediction(value)}}
    store.diagnoses.add([DiagnosisEntry(said, AT, **more)])
    return id_


def truths(store: Store, release: str = "r1") -> dict[str, tuple[str | None, bool]]:
    while not store.observations.settle()[1]:
        pass
    return {one.incident: (one.truth, one.taken_back) for one in store.observations.rows(release)}


def test_only_the_first_answer_counts_and_none_to_what_was_resolved(store: Store) -> None:
    store.incidents.put({"OLD": {"number": "OLD", "resolved_at": "2026-03-01T00:00:00Z", "group": "Mail"}})
    diagnosed(store, "OLD")
    diagnosed(store, "INC1", seconds=0.25)
    diagnosed(store, "INC1", "Network")
    diagnosed(store, "INC1", "Desktop", "r2")
    abstained = {"group": prediction(None, "abstained", first="Mail"), "other": prediction(None, "abstained")}
    said = {"id": "D2", "incident": "INC2", "release": "r1", "predictions": abstained}
    store.diagnoses.add([DiagnosisEntry(said, AT)])
    seen = store.observations.rows("r1")
    assert [(o.incident, o.target, o.value, o.decision) for o in seen if o.incident == "INC1"] == [
        ("INC1", "group", "Mail", "automatic")
    ]
    assert {(o.target, o.value) for o in seen if o.incident == "INC2"} == {("group", "Mail"), ("other", "")}
    assert {o.incident for o in seen} == {"INC1", "INC2"}
    assert [o.seconds for o in seen if o.incident == "INC1"] == [0.25]
    assert [o.predicted_at for o in seen] == [AT] * 3
    assert store.observations.rows("r2") == []


def test_replicas_that_answer_the_same_incidents_in_another_order_wait_for_one_another(store: Store) -> None:
    both = Barrier(2)

    def answer(replica: int) -> None:
        for turn in range(6):
            numbers = [f"INC{turn}-{i}" for i in range(250)][:: 1 if replica else -1]
            said = [
                {"id": f"{replica}-{n}", "incident": n, "release": "r1", "predictions": {"group": prediction("Mail")}}
                for n in numbers
            ]
            both.wait(60)
            store.diagnoses.add([DiagnosisEntry(one, AT) for one in said])

    with ThreadPoolExecutor(2) as replicas:
        for done in [replicas.submit(answer, replica) for replica in range(2)]:
            done.result()
    assert len(store.observations.rows("r1")) == 1_500


def test_what_was_right_is_the_last_word_of_a_person_else_what_the_resolved_incident_holds(store: Store) -> None:
    ids = {number: diagnosed(store, number) for number in ("A", "B", "C", "D", "E", "F")}
    body = {"opened_at": "2026-03-02T08:00:00Z", "group": "Network"}
    done = {"resolved_at": "2026-03-02T09:00:00Z"}
    store.incidents.put(
        {"A": {**body, **done}, "B": body, "C": {**body, **done}, "F": {"closed_at": "2026-03-03T00:00Z"}}
    )
    store.feedback.add(Feedback(ids["C"], "C", "overridden", "group", "Mail", "Desktop"))
    store.feedback.add(Feedback(ids["D"], "D", "reverted", "group", "Mail"))
    accepted = store.feedback.add(Feedback(ids["E"], "E", "accepted", "group", "Mail", "Mail"))
    assert truths(store) == {
        "A": ("Network", False),  # as it was resolved
        "B": (None, False),  # not resolved yet
        "C": ("Desktop", False),  # a person knows better than the record
        "D": (None, True),  # wrong, and nobody said what is right
        "E": ("Mail", False),
        "F": (None, False),  # closed without a group
    }
    settled = {one.incident: one.settled_at for one in store.observations.rows("r1")}
    assert {number for number, at in settled.items() if at is not None} == {"A", "C", "D", "E"}
    # Reopened, undone, and another group in the end.
    store.incidents.put({"A": {**body, "reopened_at": "2026-03-04T00:00:00Z"}, "B": {**body, **done, "group": "Mail"}})
    store.feedback.undo(accepted.id, ids["E"])
    assert {n: t for n, t in truths(store).items() if n in "ABE"} == {
        "A": (None, False),
        "B": ("Mail", False),
        "E": (None, False),
    }


def test_every_change_is_looked_at_once_also_page_by_page_and_by_two_at_once(store: Store, database_url: str) -> None:
    numbers = [f"N{i:03}" for i in range(60)]
    for number in numbers:
        diagnosed(store, number)
    store.incidents.put({n: {"number": n, "resolved_at": "2026-03-03T00:00:00Z", "group": "Mail"} for n in numbers})
    changed: list[int] = []

    def settle() -> None:
        other = Store(database_url)
        complete = False
        while not complete:
            count, complete = other.observations.settle(limit=7)
            changed.append(count)
        other.close()

    both = [Thread(target=settle) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sum(changed) == 60
    assert len(changed) > 9
    assert store.observations.settle() == (0, True)
    assert set(truths(store).values()) == {("Mail", False)}


def test_a_shadow_answers_beside_and_is_paired_with_what_was_answered(store: Store) -> None:
    diagnosed(store, "INC1")
    diagnosed(store, "INC2")
    said = {"group": prediction("Network")}
    store.observations.add(
        [ReleaseAnswer(n, "next", AT, said, 0.02, 0.01, "next") for n in ("INC1", "INC2", "NOT-STORED", "")]
    )
    store.observations.add([ReleaseAnswer("INC1", "next", AT, {"group": prediction("Desktop")}, shadow="next")])
    pairs = store.observations.pairs("next")
    assert [(a.incident, a.value, b.value, b.seconds_in_service) for a, b in pairs] == [
        ("INC1", "Mail", "Network", 0.01),
        ("INC2", "Mail", "Network", 0.01),
    ]
    assert len(store.observations.rows("next", "next")) == 3
    assert [one.incident for one in store.observations.rows("r1")] == ["INC1", "INC2"]
    assert store.observations.pairs("another") == []


def test_a_revocation_is_made_once_and_binds_its_release_alone(store: Store, database_url: str) -> None:
    detail = {"promised": 0.95, "answered": 20, "wrong": 9, "evidence": 1e4}
    made = store.revocations.add("r1", "group", "Mail", detail)
    assert made is not None
    assert store.revocations.add("r1", "group", "Mail", detail) is None
    assert store.revocations.add("r1", "group", "", detail) is not None
    replica = Store(database_url)
    (decisions,) = replica.decisions(["INC1"], "r1")
    rule = decisions.rules[0]
    assert (rule.target, rule.value, rule.action) == ("group", "Mail", "never_automatic")
    assert "9 of 20 automatic decisions were wrong" in rule.name
    assert len(decisions.rules) == 2
    assert replica.decisions(["INC1"], "r2")[0].rules == ()
    assert replica.decisions(["INC1"])[0].rules == ()
    assert [(one.value, one.detail) for one in replica.revocations.of("r1")] == [("Mail", detail), ("", detail)]
    replica.close()


def test_a_store_of_before_settles_only_what_comes_after(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    store = Store(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    store.incidents.put({"INC1": {"number": "INC1"}})
    store.database.migrate()
    assert store.observations.settle() == (0, True)
    diagnosed(store, "INC1")
    store.incidents.put({"INC1": {"number": "INC1", "resolved_at": "2026-03-03T00:00:00Z", "group": "Mail"}})
    assert truths(store) == {"INC1": ("Mail", False)}
    store.close()


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_group_is_no_truth(store: Store, value: str) -> None:
    diagnosed(store, "INC1")
    store.incidents.put({"INC1": {"resolved_at": "2026-03-03T00:00:00Z", "group": value}})
    assert truths(store) == {"INC1": (None, False)}
