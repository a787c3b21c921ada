"""Problems and actions are kept on both databases: members, where ids went, records, decisions in order, due dates."""

from datetime import date

import pytest

from diagnosis.actions import Action
from diagnosis.store import Store
from diagnosis.store.database import RecordNotFoundError


def test_members_go_on_and_what_ended_says_where(store: Store) -> None:
    problems = store.problems
    problems.save({"P1": ["a", "b"], "P2": ["c", "d"]}, {}, {"P2": "P1"})
    problems.save({"P1": ["a", "b"], "P2": ["c", "d"]}, {}, {})  # another replica found the same
    first = problems.rows()
    assert (problems.members(), first["P2"].split_from) == ({"P1": ("a", "b"), "P2": ("c", "d")}, "P1")
    problems.set_record("P1", {"system": "jira", "number": "PM-7"})
    problems.save({"P1": ["a", "b", "c", "d"]}, {"P2": "P1"}, {})
    rows = problems.rows()
    assert problems.members() == {"P1": ("a", "b", "c", "d")}
    assert (rows["P2"].merged_into, rows["P1"].record) == ("P1", {"system": "jira", "number": "PM-7"})
    assert rows["P1"].created_at == first["P1"].created_at
    problems.save({"P1": ["a"], "P2": ["c", "d"]}, {}, {})  # it came back
    assert problems.rows()["P2"].merged_into is None
    problems.set_record("P3", {"system": "jira", "number": None})  # one that a person split off
    assert problems.rows()["P3"].record == {"system": "jira", "number": None}


def test_decisions_hold_in_order_until_they_are_taken_back(store: Store) -> None:
    problems = store.problems
    first = problems.decide("key:1", "rename", "P1", "Ours")
    problems.decide("key:2", "split", "P1", "P9", ["a", "b"])
    assert [(entry.kind, entry.value, entry.numbers) for entry in problems.decisions()] == [
        ("rename", "Ours", ()),
        ("split", "P9", ("a", "b")),
    ]
    assert problems.state() == (2, 0)
    assert problems.undo(first.id) == first
    assert ([entry.kind for entry in problems.decisions()], problems.state()) == (["split"], (2, 1))
    with pytest.raises(RecordNotFoundError):
        problems.undo(first.id)


def test_an_action_comes_back_as_it_was_stored(store: Store) -> None:
    action = Action(
        "renew", "fix", "problem", "P1", ({"number": "a"},), "Ops", date(2026, 12, 31), expected_effect={"hours": 1.5}
    )
    stored = store.actions.add(action, "key:1")
    assert store.actions.get(stored.id) == stored
    changed = store.actions.change(stored.id, status="done", result={"verdict": "held"})
    assert store.actions.get(stored.id) == changed
    assert (changed.result, changed.title, changed.created_at) == ({"verdict": "held"}, "renew", stored.created_at)
    assert store.actions.all("problem", "P1") == [changed]
    assert store.actions.all("review") == store.actions.due_by(date(2027, 1, 1)) == []
