"""The model that suits a history is chosen by rows held out of the fit, the usual one unless another surely wins."""

import numpy as np
import pytest
import scipy.sparse as sp

from diagnosis.routing.hinge import fit_hinge, held_out_hinge
from diagnosis.routing.matrix import FeatureMatrix
from diagnosis.routing.selection import OF_FEW, View, choose_half_life, choose_model, held_out_quality

CONSTANT = 0.2


def matrix_of(rows: np.ndarray) -> FeatureMatrix:
    sparse = sp.csr_matrix(np.hstack([rows, np.full((len(rows), 1), CONSTANT)]).astype(np.float32))
    return FeatureMatrix(sparse, np.zeros((len(rows), 0), dtype=np.float32))


def one_hot(words: np.ndarray, n_words: int) -> np.ndarray:
    return np.eye(n_words, dtype=np.float32)[words]


def test_scores_of_the_hinge_loss_estimate_probabilities() -> None:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2, 4000)
    codes = np.where(rng.random(4000) < np.where(words == 0, 0.7, 0.1), 0, 1)
    weights = fit_hinge(matrix_of(one_hot(words, 2)), codes, 2, 10.0, np.ones(4000, dtype=np.float32))
    scores = matrix_of(one_hot(np.array([0, 1]), 2)) @ weights
    assert scores == pytest.approx(np.array([[0.7, 0.3], [0.1, 0.9]]), abs=0.04)


def test_a_class_without_a_row_scores_nothing_and_a_single_class_one() -> None:
    matrix = matrix_of(one_hot(np.array([0, 1, 0, 1]), 2))
    ones = np.ones(4, dtype=np.float32)
    assert not fit_hinge(matrix, np.array([0, 2, 0, 2]), 4, 1.0, ones)[:, [1, 3]].any()
    assert matrix @ fit_hinge(matrix, np.zeros(4, dtype=np.intp), 2, 1.0, ones) == pytest.approx(np.eye(2)[[0] * 4])


def test_rows_of_equal_text_are_held_out_together() -> None:
    words = np.arange(30) % 10
    codes = words % 2
    scores = held_out_hinge(matrix_of(one_hot(words, 10)), codes, 2, 10.0, np.ones(30, dtype=np.float32), words)
    assert len(np.unique(scores.round(4), axis=0)) <= 3  # a word that no fold knows says only what its fold's prior is


def test_quality_is_accuracy_and_half_of_macro_f1_and_of_top_3_accuracy() -> None:
    scores = np.eye(4)[[0, 0, 1, 1]] + np.array([0, 0, 0, 0.1])
    quality = held_out_quality(scores.astype(np.float32), np.array([0, 0, 1, 2]))
    assert quality == pytest.approx(0.75 + ((1 + 2 / 3 + 0) / 3 + 0.75) / 2)


def test_a_model_that_surely_wins_is_taken_and_few_rows_keep_the_usual_one() -> None:
    """Here only least squares sees the columns that tell classes apart."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 600)
    matrix, groups = matrix_of(one_hot(codes, 3)), np.arange(600)

    def scales(view: View) -> np.ndarray:
        return np.array([float(view.terms == 1 and view.fields == 1)] * 3 + [1.0], dtype=np.float32)

    assert choose_model(matrix, scales, codes, groups, None, 0).ridge > 0
    assert choose_model(matrix, scales, codes[:20], groups[:20], None, 0) == OF_FEW


def test_word_vectors_are_taken_where_they_surely_help_and_only_there() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 200)
    groups, tell, nothing = np.arange(200), one_hot(codes, 3), one_hot(rng.integers(0, 3, 200), 3)
    for terms, vectors, taken in ((nothing, tell, True), (tell, nothing, False)):
        matrix = matrix_of(np.hstack([terms, vectors]))

        def scales(view: View) -> np.ndarray:
            return np.array([1.0] * 3 + [view.words] * 3 + [1.0], dtype=np.float32)

        assert choose_model(matrix, scales, codes, groups, None, 0, has_words=True).words == taken
        assert not choose_model(matrix, scales, codes, groups, None, 0).words


def test_a_dated_history_is_asked_by_its_later_rows() -> None:
    """A word changed its class for good: who lets old rows fade answers the later ones."""
    words = np.random.default_rng(2).integers(0, 3, 900)
    age = np.linspace(1, 0, 900)
    codes = np.where((age < 0.45) & (words == 0), 3, words)
    matrix = matrix_of(one_hot(words, 3))

    def scales(_: View) -> np.ndarray:
        return np.ones(4, dtype=np.float32)

    assert choose_model(matrix, scales, codes, np.arange(900), age, 0).half_life is not None
    assert choose_model(matrix, scales, codes, np.arange(900), None, 0).half_life is None


@pytest.mark.parametrize(("moved", "fades"), [(True, True), (False, False)])
def test_old_incidents_fade_only_where_duties_moved(moved, fades) -> None:
    rng = np.random.default_rng(2)
    words = rng.integers(0, 4, 600)
    age = np.linspace(1, 0, 600)
    codes = np.where(moved & (age < 0.4) & (words == 0), 4, words)
    matrix = matrix_of(one_hot(words, 4))
    assert (choose_half_life(matrix, codes, age, 0) is not None) == fades
    assert choose_half_life(matrix, codes, None, 0) is None
