"""Coverage: whether anything answers at all, calibrated on questions whose answer was taken out."""

import json

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.search import Coverage, Filters, Retriever
from diagnosis.search.coverage import adjusted
from training.fitting.search import fit_search

VERBS = ["replace", "restart", "renew", "clean", "move", "reset", "update", "remove"]
THINGS = ["fuser", "gateway", "certificate", "roller", "mailbox", "password", "firmware", "profile", "dock", "cable"]
FAULTS = ["drops", "jams", "fails", "hangs", "expires", "blinks", "overheats", "refuses"]


def base(count=160):
    rng = np.random.default_rng(3)
    rows = []
    for i in range(count):
        thing, fault, verb = (str(rng.choice(words)) for words in (THINGS, FAULTS, VERBS))
        place = f"unit{rng.integers(40)}"
        title = f"{thing} {fault} in {place}"
        rows.append(
            (f"KB{i:04}", title, f"the {thing} of {place} {fault} since morning", f"{verb} the {thing} {place}")
        )
    return pd.DataFrame(rows, columns=["number", "title", "symptoms", "resolution"])


@pytest.fixture(scope="module")
def found():
    return fit_search(base(), pd.DataFrame({"number": []}))


def test_a_question_with_its_article_is_likelier_to_be_covered_than_without(found):
    assert found.coverage["knowledge"].n_questions >= 20
    asked = base().iloc[:60]
    questions = (asked["symptoms"] + ", please help").tolist()
    present = [answer.covered for answer in found.answers(questions, "knowledge", 3)]
    absent = [
        found.answers([question], "knowledge", 3, Filters(exclude=frozenset([number])))[0].covered
        for question, number in zip(questions, asked["number"], strict=True)
    ]
    assert np.mean(np.array(present) > np.array(absent)) > 0.8
    assert np.mean(present) > np.mean(absent) + 0.2


def test_words_that_no_article_has_are_not_covered_and_incidents_say_nothing(found):
    assert found.answers(["qqqq zzzz"], "knowledge")[0].covered == 0.0
    assert found.answers(["fuser jams"], "incidents")[0].covered is None


def history(count=400):
    """Return incidents of which some twenty faults come again and again, each with its own fix."""
    rng = np.random.default_rng(5)
    rows = []
    for i in range(count):
        fault = int(rng.integers(20))
        thing, sign = THINGS[fault % 10], FAULTS[fault % 8]
        place = f"floor{rng.integers(9)}"
        text = f"the {thing} {sign} again on {place}"
        rows.append((f"INC{i:04}", f"{thing} {sign}", text, f"{VERBS[fault % 8]} the {thing} as in guide {fault}"))
    return pd.DataFrame(rows, columns=["number", "short_description", "description", "close_notes"])


def test_a_past_incident_with_the_same_fix_is_likelier_than_none():
    incidents = history()
    found = fit_search(pd.DataFrame({"number": []}), incidents)
    assert found.coverage["incidents"].n_questions >= 20
    assert "knowledge" not in found.coverage
    asked = incidents.iloc[:60]
    fixes = incidents.groupby("close_notes")["number"].agg(frozenset)
    questions = (asked["short_description"] + "\n" + asked["description"]).tolist()
    pairs = zip(questions, asked["number"], asked["close_notes"], strict=True)
    present, absent = [], []
    for question, number, fix in pairs:
        own, alike = Filters(exclude=frozenset([number])), Filters(exclude=fixes[fix])
        present.append(found.answers([question], "incidents", 3, own)[0].covered)
        absent.append(found.answers([question], "incidents", 3, alike)[0].covered)
    assert np.mean(present) > 0.6
    assert np.mean(absent) < 0.4


def test_a_number_is_answered_with_its_record_alone(found):
    (answer,) = found.answers([" kb0017 "], "knowledge")
    assert [hit.number for hit in answer.hits] == ["KB0017"]
    assert answer.covered == 1.0


def test_a_loaded_retriever_says_the_same(found, tmp_path):
    found.save(tmp_path / "search")
    questions = ["gateway drops in unit7", "roller jams"]
    before, after = (r.answers(questions, "knowledge") for r in (found, Retriever.load(tmp_path / "search")))
    assert [answer.covered for answer in before] == [answer.covered for answer in after]


def test_without_calibration_nothing_is_said(encoder):
    articles = pd.DataFrame({"number": ["A"], "title": ["vpn tunnel drops"], "resolution": ["update the client"]})
    small = Retriever(encoder).fit(articles, pd.DataFrame({"number": []}))
    assert small.answers(["vpn tunnel drops"], "knowledge")[0].covered is None
    with pytest.raises(InputError, match="expected 20 questions to calibrate by; found 3"):
        Coverage.fit(["exact"], np.ones((3, 4)), np.zeros((3, 4)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_probabilities_of_many_move_towards_the_share_that_is_covered(share):
    rng = np.random.default_rng(0)
    covered = rng.random(4_000) < share
    logits = 4 * (rng.normal(size=len(covered)) / 2 + covered - 0.5)  # of classes of equal size: calibrated at a half
    before = 1 / (1 + np.exp(-logits))
    after = adjusted(before)
    assert np.mean((after - covered) ** 2) <= np.mean((before - covered) ** 2) + 0.002
    assert abs(after.mean() - share) < abs(before.mean() - share) + 0.02
    assert np.array_equal(np.argsort(before), np.argsort(after))
    assert len(adjusted(before[:0])) == 0


def questions_of_two_lengths(count=200):
    """Return rows of two features with an answer and without, and which are long: these alone tell the two apart."""
    rng = np.random.default_rng(7)
    is_long = np.arange(count) % 2 == 0
    without = rng.normal(size=(count, 4))
    return without + np.where(is_long, 3.0, 0.1)[:, None], without, is_long


def test_long_questions_are_judged_by_what_long_ones_have_taught():
    present, absent, is_long = questions_of_two_lengths()
    coverage = Coverage.fit(["exact"], present, absent, is_long)
    alike = Coverage.fit(["exact"], present, absent)
    rows, truth = np.concatenate([present, absent]), np.repeat([1.0, 0.0], len(present))
    long = np.tile(is_long, 2)
    errors, errors_alike = ((c.probabilities(rows, long) - truth) ** 2 for c in (coverage, alike))
    assert errors[long].mean() < errors_alike[long].mean() - 0.02
    assert np.array_equal(errors[~long], errors_alike[~long]), "short ones are judged as before"
    again = Coverage.from_dict(json.loads(json.dumps(coverage.to_dict())))
    assert np.array_equal(again.probabilities(rows, long), coverage.probabilities(rows, long))


def test_of_too_few_long_questions_nothing_is_learned_apart():
    present, absent, _ = questions_of_two_lengths()
    few = np.arange(len(present)) < 19
    assert Coverage.fit(["exact"], present, absent, few) == Coverage.fit(["exact"], present, absent)


def test_what_a_release_of_before_has_learned_still_judges():
    present, absent, is_long = questions_of_two_lengths()
    saved = Coverage.fit(["exact"], present, absent).to_dict()
    del saved["long"]
    before = Coverage.from_dict(saved)
    wider = np.column_stack([present, np.ones(len(present))])  # a score of words that it does not know
    assert np.array_equal(before.probabilities(wider, is_long), before.probabilities(present, is_long))
