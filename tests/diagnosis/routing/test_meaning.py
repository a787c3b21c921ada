"""Routing with vectors of a general encoder: what they bring, and what happens where they are missing."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from diagnosis.errors import InputError
from diagnosis.findings import TermEvidence
from diagnosis.prepared import PreparedIncidents
from diagnosis.routing import Router, share_features
from diagnosis.routing.meaning import Meaning

ALIKE = {"notebook": "laptop", "笔记本": "laptop", "屏幕": "screen", "display": "screen", "卡纸": "jam", "stuck": "jam"}


def vectors_of(texts):
    """Return the mean of the words' vectors as a general encoder would, for which some words are the same."""
    rows = np.zeros((len(texts), 24), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            rows[row] += np.random.default_rng(crc32(ALIKE.get(word, word).encode())).normal(size=24)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


@pytest.fixture(scope="module")
def told(batch):
    """Return incidents with vectors from their texts."""

    def tell(texts) -> PreparedIncidents:
        return batch(texts).with_general(vectors_of(texts))

    return tell


@pytest.fixture(scope="module")
def router(told):
    rng = np.random.default_rng(4)
    groups = rng.choice(["Desktop", "Printing"], 700)
    own = {"Desktop": ["laptop broken", "screen black"], "Printing": ["jam again", "toner empty"]}
    texts = [f"{rng.choice(own[g])} {rng.choice(['please', '谢谢'])} {rng.integers(10**6)}" for g in groups]
    labels = np.where(rng.random(700) < 0.05, rng.choice(["Desktop", "Printing"], 700), groups).tolist()
    rows = np.arange(700)
    return Router("assignment_group", precision=0.8).fit_and_calibrate(told(texts), labels, rows[:400], rows[400:])


def test_the_features_are_those_of_a_gaussian_kernel():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = Meaning.learn(np.vstack([vectors, vectors[:30], np.zeros((5, 16), np.float32)]), 1000, 0)
    assert len(features) == 80
    exact = np.exp(-((vectors[:, None] - vectors[None]) ** 2).sum(axis=2))
    found = features.of(vectors)
    assert found @ found.T == pytest.approx(exact, abs=1e-3)
    few = Meaning.learn(vectors, 20, 0).of(vectors)
    assert few.shape == (80, 20)
    assert ((few**2).sum(axis=1) <= 1 + 1e-5).all()


def test_what_has_no_vector_has_no_features():
    vectors = np.eye(4, dtype=np.float32)
    features = Meaning.learn(vectors, 1000, 0)
    assert not features.of(np.zeros((2, 4), dtype=np.float32)).any()
    assert features.of(np.zeros((3, 0), dtype=np.float32)).shape == (3, 4)
    assert Meaning.learn(np.zeros((9, 0), dtype=np.float32), 1000, 0).of(vectors).shape == (4, 0)
    assert Meaning.learn(np.zeros((9, 4), dtype=np.float32), 1000, 0).of(vectors).shape == (4, 0)
    with pytest.raises(InputError, match="vectors of 4 dimensions; found 5"):
        features.of(np.eye(5, dtype=np.float32))


def test_words_that_nobody_used_are_understood_in_both_languages(router, told, batch):
    texts = ["notebook display", "卡纸 stuck", "笔记本 屏幕"]
    assert [answer.value for answer in router.predict(told(texts))] == ["Desktop", "Printing", "Desktop"]
    with_meaning, without = router.predict_proba(told(texts)), router.predict_proba(batch(texts))
    truth = np.searchsorted(router.classes_.astype(str), ["Desktop", "Printing", "Desktop"])
    assert (with_meaning[range(3), truth] > without[range(3), truth] + 0.1).all()


def test_without_vectors_it_answers_but_nothing_is_certified(router, told, batch):
    text = ["laptop broken please"]
    assert router.predict(told(text))[0].decision == "automatic"
    (answer,) = router.predict(batch(text))
    assert (answer.decision, answer.value) == ("suggested", "Desktop")
    assert answer.reason == ("not automatic without the general encoder's vector, which nearly every past incident had")


@pytest.mark.parametrize("text", ["my laptop is broken", "jam", "toner empty please"])
def test_removing_the_strongest_terms_lowers_the_probability(router, told, text):
    (before,) = router.predict(told([text]))
    terms = [e for e in before.evidence if isinstance(e, TermEvidence)]
    without = " ".join(word for word in text.split() if word not in {term.text for term in terms})
    column = router.classes_.tolist().index(before.value)
    assert router.predict_proba(told([without]))[0, column] < before.probability - 0.05


def test_a_saved_router_with_meaning_answers_as_it_did_and_shares_it(router, told, tmp_path):
    router.save(tmp_path)
    one, two = Router.load(tmp_path), Router.load(tmp_path)
    share_features([one, two])
    assert one.classifier_.features_.meaning_ is two.classifier_.features_.meaning_
    asked = told(["laptop broken", "display", ""])
    assert one.predict(asked) == two.predict(asked) == router.predict(asked)


def test_a_history_without_vectors_has_topics_and_one_with_vectors_meaning(router, calibrated):
    assert len(router.classifier_.features_.meaning_) > 300
    assert not router.classifier_.features_.topics_.directions.size
    assert not len(calibrated.classifier_.features_.meaning_)
    assert calibrated.classifier_.features_.topics_.directions.size
