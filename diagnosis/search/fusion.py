"""Fusion: how much each signal says, learned from questions whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

# Weights before anything was learned, and what little evidence is drawn towards.
PRIOR = {
    "lexical:whole": 2.0,
    "lexical:heading": 1.0,
    "lexical:glossary": 1.0,
    "history:whole": 8.0,
    "history:heading": 4.0,
    "history:passage": 4.0,
    "general:heading": 4.0,
    "general:passage": 8.0,
    "exact": 2.0,
}
_STIFFNESS = 0.05  # of the pull towards the prior, in questions a unit of squared weight


@dataclass(frozen=True)
class Fusion:
    """A score that is a weighted sum of signals, none of which may count against a candidate.

    Attributes
    ----------
    weights : mapping of str to float
        One a signal.
    n_questions : int
        How many they were learned from; 0 if they are only assumed.
    """

    weights: Mapping[str, float]
    n_questions: int = 0

    @classmethod
    def prior(cls, signals: Sequence[str]) -> Fusion:
        """Return the weights to begin with."""
        return cls({name: PRIOR[name] for name in signals})

    @classmethod
    def fit(cls, signals: Sequence[str], questions: Sequence[tuple[Matrix, int]]) -> Fusion:
        """Return the weights under which the known answers stand out most from the other candidates.

        Parameters
        ----------
        signals : sequence of str, length m
        questions : sequence of (ndarray of shape (n_candidates, m), int)
            The candidates' signals, and the row of the right one.

        References
        ----------
        McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; as a ranking loss ListNet,
        Cao et al., 2007.
        """
        from scipy.optimize import minimize  # noqa: PLC0415 - no diagnosis needs it

        prior = np.array([PRIOR[name] for name in signals])

        def loss(weights: Matrix) -> tuple[float, Matrix]:
            total = _STIFFNESS * float(((weights - prior) ** 2).sum())
            gradient = 2 * _STIFFNESS * (weights - prior)
            for rows, right in questions:
                scores = rows @ weights
                scores -= scores.max()
                chances = np.exp(scores)
                chances /= chances.sum()
                total -= np.log(max(chances[right], 1e-300))
                gradient += chances @ rows - rows[right]
            return total, gradient

        solution = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior))
        return cls(dict(zip(signals, map(float, solution.x), strict=True)), len(questions))

    def score(self, rows: Matrix, signals: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the score of each candidate; shape (n_candidates,)."""
        scores: npt.NDArray[np.float64] = rows @ np.array([self.weights.get(name, 0.0) for name in signals])
        return scores
