"""What to say to the caller: nothing that is not so."""

import pytest

from api.console.incident_view import to_caller


@pytest.mark.parametrize(("decision", "told"), [("automatic", True), ("abstained", True), ("suggested", False)])
@pytest.mark.parametrize(("language", "words"), [("en", "Network is looking into it"), ("zh", "Network正在处理")])
def test_a_group_is_named_once_it_has_the_incident(decision, told, language, words) -> None:
    said = {
        "incident": "INC1", "language": language, "recurrence": None, "similar_incidents": [],
        "predictions": {"assignment_group": {"decision": decision, "value": "Network"}},
    }  # fmt: skip
    assert (words in to_caller(said, language)) is told
