"""Fusion: how much each signal says, learned from questions whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.arrays import Floats

# Weights before anything was learned, and what few questions are drawn towards: half of the way between the mix for an
# encoder that pairs of question and answer have taught, and `UNTAUGHT`.
PRIOR = {
    "lexical:whole": 2.2,
    "lexical:heading": 1.0,
    "lexical:glossary": 1.0,
    "lexical:cosine": 2.7,
    "history:whole": 5.5,
    "history:heading": 2.5,
    "history:passage": 2.5,
    "general:heading": 4.0,
    "general:passage": 8.0,
    "exact": 1.8,
}
# Where records hold too little to ask with, the encoder had little to learn from. Each of six sets judged by the
# weights that the others taught, this mix was ahead of every signal alone on five (docs/benchmarks/search.md).
UNTAUGHT = PRIOR | {
    "lexical:whole": 2.3,
    "lexical:cosine": 3.3,
    "history:whole": 3.1,
    "history:heading": 1.0,
    "history:passage": 1.1,
    "exact": 1.5,
}
_STIFFNESS = (0.2, 0.02)  # of the pull towards the prior, in questions a unit of squared weight; what is tried in turn
_BESIDE_ONE = 0.05  # share of its prior weight that other signals keep beside one that is best alone: they order equals
_FOLDS = 5
LabelledCandidates = tuple[Floats, int]  # what every signal says of the candidates for a question, and the right row


@dataclass(frozen=True)
class Fusion:
    """A score that is a weighted sum of signals, none of which may count against a candidate.

    Attributes
    ----------
    weights : mapping of str to float
        One a signal.
    n_questions : int
        How many they were learned from; 0 if they are the prior.
    """

    weights: Mapping[str, float]
    n_questions: int = 0

    @classmethod
    def prior(cls, signals: Sequence[str]) -> Fusion:
        """Return the weights to begin with."""
        return cls({name: PRIOR[name] for name in signals})

    @classmethod
    def untaught(cls, signals: Sequence[str]) -> Fusion:
        """Return the weights where there were no questions to learn from."""
        return cls({name: UNTAUGHT[name] for name in signals})

    @classmethod
    def fit(cls, signals: Sequence[str], questions: Sequence[LabelledCandidates]) -> Fusion:
        """Return the weights under which the known answers stand out most from the other candidates.

        They stand only where no signal alone ranks answers better, by more than a standard error, in questions that did
        not teach them (five folds, mean reciprocal rank); if weights that are freer of the prior do not either, the
        best signal counts nearly alone.

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
        if not questions:
            return cls.prior(signals)
        prior = np.array([PRIOR[name] for name in signals])
        alone = np.array([_reciprocal_ranks(questions, weights) for weights in np.eye(len(signals))])
        for stiffness in _STIFFNESS:
            ahead = alone - _held_out_ranks(questions, prior, stiffness)
            clearly = ahead.mean(axis=1) > ahead.std(axis=1) / np.sqrt(len(questions))
            if not clearly.any():
                weights = _solved(questions, prior, stiffness)
                return cls(dict(zip(signals, map(float, weights), strict=True)), len(questions))
        best = int(alone.mean(axis=1).argmax())
        weights = np.where(np.arange(len(signals)) == best, prior, _BESIDE_ONE * prior)
        return cls(dict(zip(signals, map(float, weights), strict=True)), len(questions))

    def score(self, rows: Floats, signals: Sequence[str]) -> Floats:
        """Return the score of each candidate; shape (n_candidates,)."""
        scores: Floats = rows @ np.array([self.weights.get(name, 0.0) for name in signals])
        return scores


def _solved(questions: Sequence[LabelledCandidates], prior: Floats, stiffness: float) -> Floats:
    """Return the weights of least loss: that of a choice among the candidates, and of the way from the prior."""
    from scipy.optimize import minimize  # noqa: PLC0415 - no diagnosis needs it

    def loss(weights: Floats) -> tuple[float, Floats]:
        total = stiffness * float(((weights - prior) ** 2).sum())
        gradient = 2 * stiffness * (weights - prior)
        for rows, right in questions:
            scores = rows @ weights
            scores -= scores.max()
            chances = np.exp(scores)
            chances /= chances.sum()
            total -= np.log(max(chances[right], 1e-300))
            gradient += chances @ rows - rows[right]
        return total, gradient

    solution = minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(prior))
    weights: Floats = solution.x
    return weights


def _held_out_ranks(questions: Sequence[LabelledCandidates], prior: Floats, stiffness: float) -> Floats:
    """Return the reciprocal rank of each answer under weights that the other folds' questions taught."""
    ranks = np.zeros(len(questions))
    for fold in range(min(_FOLDS, len(questions))):
        others = [question for i, question in enumerate(questions) if i % _FOLDS != fold]
        ranks[fold::_FOLDS] = _reciprocal_ranks(questions[fold::_FOLDS], _solved(others, prior, stiffness))
    return ranks


def _reciprocal_ranks(questions: Sequence[LabelledCandidates], weights: Floats) -> Floats:
    """Return one divided by the rank of each answer, the middle one among equals."""
    ranks = []
    for rows, right in questions:
        scores = rows @ weights
        ranks.append(1 + (scores > scores[right]).sum() + ((scores == scores[right]).sum() - 1) / 2)
    return 1 / np.array(ranks, dtype=np.float64)
