"""Finished reviews and survey answers, on both databases."""

import pytest

from diagnosis.store import Store
from diagnosis.store.database import ConflictError, RecordNotFoundError
from diagnosis.store.erasure import Person, erase_person

CONTENT = {"quarter": "2026Q3", "data_hash": "0" * 64, "measures": [{"value": 0.1, "interval": [0.05, 1 / 3]}]}


def test_a_review_comes_back_as_it_was_finished(store: Store) -> None:
    frozen = store.reviews.freeze("2026Q3", CONTENT, "agreed", "key:1")
    again = store.reviews.freeze("2026Q3", {**CONTENT, "data_hash": "1" * 64}, "", "key:1")
    assert store.reviews.get(frozen.id).content == CONTENT
    assert [review.id for review in store.reviews.all("2026Q3")] == [again.id, frozen.id]
    assert store.reviews.all("2025Q3") == []
    with pytest.raises(RecordNotFoundError):
        store.reviews.get("none")


def test_a_proposal_is_decided_on_once(store: Store) -> None:
    store.reviews.decide("2026Q3", "2026Q3-1", "taken", "A1", "key:1")
    with pytest.raises(ConflictError):
        store.reviews.decide("2026Q3", "2026Q3-1", "dropped", None, "key:2")
    assert store.reviews.decisions("2026Q3") == {"2026Q3-1": ("taken", "A1")}


def test_an_incident_is_answered_for_once(store: Store) -> None:
    store.survey_answers.add("INC1", 4, "很快", "zh")
    with pytest.raises(ConflictError):
        store.survey_answers.add("INC1", 1, "", "en")
    assert store.survey_answers.of("INC1").rating == 4
    assert store.survey_answers.of("INC2") is None


def test_a_person_can_be_erased_from_a_finished_review(store: Store) -> None:
    frozen = store.reviews.freeze("2026Q3", {**CONTENT, "actions": [{"owner": "Li Lei"}]}, "asked by Li Lei", "key:1")
    erase_person(store.database, Person(["Li Lei"]))
    opened = store.reviews.get(frozen.id)
    assert opened.content["actions"][0]["owner"] == "<PERSON>"
    assert "Li Lei" not in opened.note
