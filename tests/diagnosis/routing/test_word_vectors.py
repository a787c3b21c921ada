"""Word vectors beside the terms: what they bring, how an unknown spelling is guessed, and what stays as it was."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from diagnosis.findings import TermEvidence
from diagnosis.routing import Router, share_features
from diagnosis.routing.vocabulary import Vocabulary
from diagnosis.routing.word_vectors import WordVectors

ALIKE = {"notebook": "laptop", "笔记本": "laptop", "屏幕": "screen", "display": "screen", "卡纸": "jam", "stuck": "jam"}
OWN = {"Desktop": ["laptop", "screen", "notebook", "屏幕"], "Printing": ["jam", "toner", "卡纸", "stuck"]}


def encode(words):
    """Return vectors by a general model for which some words are the same."""
    draws = [np.random.default_rng(crc32(ALIKE.get(word, word).encode())).normal(size=24) for word in words]
    return np.array(draws, dtype=np.float32).reshape(len(words), 24)


@pytest.fixture(scope="module")
def texts_and_groups():
    """Each word of a group stands in few texts, and tells the group only by what it means."""
    rng = np.random.default_rng(4)
    groups = rng.choice(["Desktop", "Printing"], 600)
    texts = [f"{rng.choice(OWN[g])} {rng.choice(['please', '谢谢', 'hello'])} {rng.integers(10**6)}" for g in groups]
    return texts, groups.tolist()


@pytest.fixture(scope="module")
def router(batch, texts_and_groups):
    texts, groups = texts_and_groups
    rows = np.arange(600)
    learn, calibrate = rows[:400], rows[400:]
    return Router("assignment_group", precision=0.8).fit_and_calibrate(
        batch(texts), groups, learn, calibrate, encode_words=encode
    )


def read(texts):
    words = [text.split() for text in texts]
    vocabulary = Vocabulary.learn(words, 1, 1, 2)
    return vocabulary, vocabulary.read(words)


def test_a_text_is_the_weighted_sum_of_its_words():
    texts = ["printer jam jam", "printer toner", "vpn down"]
    vocabulary, terms = read(texts)
    vectors = WordVectors.learn(terms, encode, len(vocabulary.grams))
    words = [*vectors.index]
    full = encode(words)
    counts = np.array([sum(word in text.split() for text in texts) for word in words])
    centred = full - (counts @ full) / counts.sum()
    weights = np.log(4 / (1 + counts))
    expected = weights[words.index("printer")] * centred[words.index("printer")]
    expected = expected + weights[words.index("jam")] * (1 + np.log(2)) * centred[words.index("jam")]
    of_texts = vectors.of(terms)
    assert np.linalg.norm(of_texts, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    # Dimensions are turned, not stretched: inner products are those of the model's own vectors.
    toner = weights[words.index("printer")] * centred[words.index("printer")]
    toner = toner + weights[words.index("toner")] * centred[words.index("toner")]
    cosine = expected @ toner / np.linalg.norm(expected) / np.linalg.norm(toner)
    assert of_texts[0] @ of_texts[1] == pytest.approx(cosine, abs=2e-3)
    single = vocabulary.read([texts[0].split()])
    assert vectors.parts(single).sum(axis=0) == pytest.approx(of_texts[0], abs=1e-5)
    assert vectors.of(single)[0] == pytest.approx(of_texts[0], abs=1e-5)


def test_a_spelling_that_the_history_never_used_lies_near_its_like():
    stems = [f"{a}{b}{c}" for a in "bdfgklmnprstvz" for b in "aeiou" for c in "nrst"]
    words = [stem + ending for stem in stems for ending in ("", "ing", "ed")]

    def by_stem(asked):
        return encode([word.removesuffix("ing").removesuffix("ed").removesuffix("er") for word in asked])

    vocabulary, terms = read(words)
    vectors = WordVectors.learn(terms, by_stem, len(vocabulary.grams))
    unknown = vectors.of(vocabulary.read([[stem + "er"] for stem in stems]))
    known = vectors.of(vocabulary.read([[stem] for stem in stems]))
    nearest = (unknown @ known.T).argmax(axis=1)
    assert (nearest == np.arange(len(stems))).mean() > 0.6  # one in 280 by chance


def test_without_words_there_is_nothing():
    vocabulary, terms = read(["", ""])
    vectors = WordVectors.learn(terms, encode, len(vocabulary.grams))
    assert vectors.of(terms).shape == (2, 0)
    vocabulary, terms = read(["printer jam", "toner"])
    some = WordVectors.learn(terms, encode, len(vocabulary.grams))
    assert not some.of(vocabulary.read([[]])).any()


def test_evidence_names_the_word_and_removing_it_lowers_the_probability(router, batch):
    (before,) = router.predict(batch(["laptop please"]))
    assert before.value == "Desktop"
    terms = [e.text for e in before.evidence if isinstance(e, TermEvidence)]
    assert terms[0] == "laptop"
    column = router.classes_.tolist().index("Desktop")
    assert router.predict_proba(batch(["please"]))[0, column] < before.probability - 0.05


def test_a_text_that_the_history_does_not_know_gets_the_shares_of_the_classes(router, batch):
    (shares,) = router.predict_proba(batch(["ωψφχ"]))
    assert shares == pytest.approx(router.suggester_.shares_, abs=1e-6)


def test_a_saved_router_answers_as_it_did_one_by_one_and_shares_its_vectors(router, batch, tmp_path):
    router.save(tmp_path)
    one, two = Router.load(tmp_path), Router.load(tmp_path)
    share_features([one, two])
    assert one.suggester_.features_.word_vectors_ is two.suggester_.features_.word_vectors_
    texts = ["laptop please", "notebooks", "卡纸 谢谢", "", "toner toner"]
    together = router.predict_proba(batch(texts))
    assert one.predict_proba(batch(texts)) == pytest.approx(together)
    alone = np.vstack([one.predict_proba(batch([text])) for text in texts])
    assert alone == pytest.approx(together, abs=1e-6)
