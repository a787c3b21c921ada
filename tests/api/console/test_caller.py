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


def diagnosed(similarities, p80, reopened=False):
    outcome = {"hours_to_restore": 0.3, "reopened": reopened}
    hours = {"p50": 0.3, "p80": p80}
    return {
        "incident": "INC1",
        "language": "en",
        "recurrence": None,
        "predictions": {},
        "similar_incidents": [{"similarity": similarity, "outcome": outcome} for similarity in similarities],
        "service_levels": {"response": None, "restoration": {"hours": hours}},
    }


def test_a_duration_is_promised_only_where_five_cases_are_alike_and_by_what_the_whole_history_says() -> None:
    assert promised_hours(diagnosed([0.8] * 5, 30.2)) == 30.2
    assert promised_hours(diagnosed([0.8] * 4 + [0.3], 30.2)) is None, "cases unlike this one"
    assert promised_hours(diagnosed([0.8] * 5, None)) is None, "four of five take longer than can be said"
    unlearned = {**diagnosed([0.8] * 5, 1.0), "service_levels": None}
    assert promised_hours(unlearned) is None
    came_back = diagnosed([0.8] * 5, 30.2, reopened=True)  # each was resolved after 0.3 hours
    assert "solved within 31 hours" in reply_to_caller(came_back, "en")
