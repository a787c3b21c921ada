"""Trees: gradient-boosted trees as plain arrays, fitted by scikit-learn and read without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from diagnosis.arrays import Floats

_CHUNK = 4_096  # rows that go through all trees together: more would not fit into the processor's cache


@dataclass(frozen=True)
class Trees:
    """Boosted trees for a binary outcome; all arrays of nodes have shape (n_nodes,), those of all trees end to end.

    Attributes
    ----------
    roots : ndarray of int, shape (n_trees,)
    feature, left, right : ndarray of int
        A leaf's children are the leaf itself.
    threshold : ndarray
        Values up to it go left.
    missing_left : ndarray of bool
        Where an unknown value goes.
    value : ndarray
        What a leaf adds to the log-odds.
    baseline : float
    depth : int
        Steps from a root to its deepest leaf.
    """

    roots: npt.NDArray[np.intp]
    feature: npt.NDArray[np.intp]
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    value: Floats
    baseline: float
    depth: int

    @classmethod
    def fit(cls, x: Floats, y: npt.NDArray[np.bool_], weight: Floats, *, seed: int = 0) -> Self:
        """Fit histogram gradient boosting (Ke et al. 2017, as scikit-learn has it) and keep its trees.

        Parameters
        ----------
        x : ndarray, shape (n, n_features)
            NaN is "not known".
        y : ndarray of bool, shape (n,)
        weight : ndarray, shape (n,)
        """
        if y.all() or not y.any():  # scikit-learn would take the one outcome for the other
            root = np.zeros(1, dtype=np.intp)
            share = (y.sum() + 0.5) / (len(y) + 1)
            return cls(root, root, np.zeros(1), np.ones(1, dtype=bool), root, root, np.zeros(1), float(logit(share)), 0)
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - serving reads arrays alone

        model = HistGradientBoostingClassifier(
            max_iter=80,
            learning_rate=0.1,
            max_leaf_nodes=16,
            min_samples_leaf=40,
            l2_regularization=5.0,
            max_features=0.3,
            early_stopping=False,
            random_state=seed,
        ).fit(x, y, sample_weight=weight)
        return cls._from_nodes([trees[0].nodes for trees in model._predictors], float(model._baseline_prediction[0, 0]))

    @classmethod
    def _from_nodes(cls, trees: list[npt.NDArray[Any]], baseline: float) -> Self:
        sizes = np.array([len(nodes) for nodes in trees])
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        nodes = np.concatenate(trees)
        offset = np.repeat(roots, sizes)
        itself = np.arange(len(nodes))
        leaf = nodes["is_leaf"].astype(bool)
        return cls(
            roots,
            np.where(leaf, 0, nodes["feature_idx"]).astype(np.intp),
            nodes["num_threshold"].astype(np.float64),
            nodes["missing_go_to_left"].astype(bool),
            np.where(leaf, itself, nodes["left"] + offset).astype(np.intp),
            np.where(leaf, itself, nodes["right"] + offset).astype(np.intp),
            nodes["value"].astype(np.float64),
            baseline,
            int(nodes["depth"].max()),
        )

    def log_odds(self, x: Floats) -> Floats:
        """Return the log-odds of each row, shape (n,)."""
        if len(x) > _CHUNK:
            return np.concatenate([self.log_odds(x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)])
        at = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        rows = np.arange(len(x))[:, None]
        for _ in range(self.depth):
            values = x[rows, self.feature[at]]
            goes_left = np.where(np.isnan(values), self.missing_left[at], values <= self.threshold[at])
            at = np.where(goes_left, self.left[at], self.right[at])
        odds: Floats = self.baseline + self.value[at].sum(axis=1)
        return odds

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the trees as arrays to be saved."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `to_arrays` gave."""
        numbers = {"baseline": float(arrays["baseline"]), "depth": int(arrays["depth"])}
        return cls(**{**arrays, **numbers})  # type: ignore[arg-type]
