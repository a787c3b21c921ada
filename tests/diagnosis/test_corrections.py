"""What people took back on nearly the same incidents is not decided without them."""

from datetime import UTC, datetime

import pytest

from diagnosis.corrections import apply_corrections, near_duplicates
from diagnosis.decisions import HumanDecisions
from diagnosis.findings import Diagnosis, Prediction, SimilarIncident


def diagnosis(*similar: tuple[str, float], decision: str = "automatic") -> Diagnosis:
    prediction = Prediction(decision, "邮件组", 0.99, 0.95, None)  # type: ignore[arg-type]
    found = tuple(SimilarIncident(number, cosine, "", "", None) for number, cosine in similar)
    return Diagnosis("D", "N", "r", datetime(2026, 3, 1, tzinfo=UTC), "zh", {"group": prediction}, None, found)


TAKEN_BACK = HumanDecisions((), {"group": frozenset({"邮件组 "})}, {"group": "网络组"})
ONLY_BACK = HumanDecisions((), {"group": frozenset({"邮件组"})})
CONFIRMED = HumanDecisions((), {}, {"group": "邮件组"})
OTHER = HumanDecisions((), {"category": frozenset({"邮件组"})}, {"category": "x"})


def test_a_correction_sends_the_next_one_to_a_person_with_the_reason() -> None:
    (heeded,) = apply_corrections(diagnosis(("A", 0.95)), {"A": TAKEN_BACK}).predictions.values()
    assert (heeded.decision, heeded.value, heeded.certified_precision) == ("suggested", "邮件组", None)
    assert heeded.reason == "a person changed '邮件组' to '网络组' on A, which is nearly the same"
    (heeded,) = apply_corrections(diagnosis(("A", 0.95)), {"A": ONLY_BACK}).predictions.values()
    assert heeded.reason == "a person marked '邮件组' as wrong on A, which is nearly the same"


@pytest.mark.parametrize(
    ("similar", "people"),
    [
        ([("A", 0.89)], {"A": TAKEN_BACK}),  # like it, not the same
        ([("A", 0.99)], {"A": OTHER}),  # spoke of something else
        ([("A", 0.99), ("B", 0.99)], {"A": TAKEN_BACK, "B": CONFIRMED}),  # people confirmed it as often
        ([("A", 0.99)], {"B": TAKEN_BACK}),
        ([], {}),
    ],
)
def test_it_stays_automatic_where_nothing_speaks_against_it(similar, people) -> None:
    said = diagnosis(*similar)
    assert apply_corrections(said, people) == said


def test_what_people_decide_anyway_asks_nothing_of_the_store() -> None:
    assert near_duplicates(diagnosis(("A", 0.99), decision="suggested")) == []
    assert near_duplicates(diagnosis(("A", 0.99), ("B", 0.5))) == ["A"]
