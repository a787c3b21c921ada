"""What to say to the caller: nothing that is not so."""

import pytest

from api.console.incident_view import promised_hours, reply_to_caller


@pytest.mark.parametrize(("decision", "told"), [("automatic", True), ("abstained", True), ("suggested", False)])
@pytest.mark.parametrize(("language", "words"), [("en", "Network is working on it"), ("zh", "Network 正在处理")])
def test_a_group_is_named_once_it_has_the_incident(decision, told, language, words) -> None:
    said = {
        "incident": "INC1",
        "language": language,
        "recurrence": None,
        "similar_incidents": [],
        "predictions": {"assignment_group": {"decision": decision, "value": "Network"}},
    }
    assert (words in reply_to_caller(said, language)) is told


def similar(hours, similarity=0.8):
    return {"similarity": similarity, "outcome": {"hours_to_restore": hours}}


def test_a_duration_is_promised_only_from_enough_similar_cases_and_then_for_most_of_them() -> None:
    hours = [0.8, 0.9, 1.25, 3.7, 31.0]
    assert promised_hours([similar(h) for h in hours]) == 31.0
    assert promised_hours([similar(h) for h in [*hours, 1.0, 1.0, 1.0, 1.0, 2.0]]) == 3.7
    assert promised_hours([similar(h) for h in hours[:4]]) is None
    assert promised_hours([similar(h, 0.3) for h in hours]) is None, "cases unlike this one"
