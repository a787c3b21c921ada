"""Coverage: the probability that some article, or some past incident, answers a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from diagnosis.arrays import Bools, Floats
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.search.signals import Candidates

GUESS = 0.5  # below it, what is shown is more likely no answer than one
FEWEST_QUESTIONS = 20  # fewer calibrate nothing
_CANDIDATES = 6  # the best, and those whose mean it is compared with
_RIDGE = 1.0
_SHARE_BEFORE = 0.5  # of questions that have an answer, before a batch of them was looked at: as they were trained
_WEIGHT_BEFORE = 0.5  # of that share, beside the questions of the batch
_ROUNDS = 200


@dataclass(frozen=True)
class Coverage:
    """A logistic regression of "something here answers this" on how the best candidate stands out.

    No signal may count against an answer.

    Attributes
    ----------
    features : sequence of str
        ``score`` and ``lead`` (of the best candidate, and over the mean of the next five), ``chance`` (log odds of the
        best among all candidates), and what every signal says of the best candidate, words by the share that it holds
        and by their scores. Releases of before have no scores.
    means, scales, weights : sequence of float
        One a feature.
    intercept : float
    n_questions : int
        Each asked twice: with its answers, and with these taken out.
    long : Coverage or None
        What judges long questions, learned from such alone: in many words a good candidate stands out more, and short
        questions would teach that little can be said. None where there were too few.
    """

    features: Sequence[str]
    means: Sequence[float]
    scales: Sequence[float]
    weights: Sequence[float]
    intercept: float
    n_questions: int
    long: Coverage | None = None

    @classmethod
    def fit(
        cls, signals: Sequence[str], with_answer: Floats, without_answer: Floats, is_long: Bools | None = None
    ) -> Coverage:
        """Learn from questions whose answers were there, and the same ones with these taken out.

        Parameters
        ----------
        signals : sequence of str, length m
            The columns of `Candidates.absolute`.
        with_answer, without_answer : ndarray of float, shape (n_questions, m + 3)
            See `measured`.
        is_long : ndarray of bool, shape (n_questions,), optional
            Which of them are long; by default none.

        Raises
        ------
        InputError
            If there are too few questions to calibrate by.
        """
        from scipy.optimize import minimize  # noqa: PLC0415 - no diagnosis needs it

        if len(with_answer) < FEWEST_QUESTIONS:
            raise InputError(Phrase("too_few_questions", {"needed": FEWEST_QUESTIONS, "found": len(with_answer)}))
        rows = np.concatenate([with_answer, without_answer])
        covered = np.repeat([1.0, 0.0], [len(with_answer), len(without_answer)])
        means, scales = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        standardised = (rows - means) / scales

        def loss(parameters: Floats) -> tuple[float, Floats]:
            logits = standardised @ parameters[1:] + parameters[0]
            total = np.logaddexp(0.0, np.where(covered > 0, -logits, logits)).sum()
            errors = _sigmoid(logits) - covered
            gradient = np.concatenate([[errors.sum()], standardised.T @ errors + _RIDGE * parameters[1:]])
            return float(total + _RIDGE * (parameters[1:] ** 2).sum() / 2), gradient

        n_features = rows.shape[1]
        bounds = [(None, None), *[(0.0, None)] * n_features]
        solution = minimize(loss, np.zeros(n_features + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
        names = ("score", "lead", "chance", *signals)
        weights, intercept = solution[1:].tolist(), float(solution[0])
        long = None
        if is_long is not None and is_long.sum() >= FEWEST_QUESTIONS:
            long = cls.fit(signals, with_answer[is_long], without_answer[is_long])
        return cls(names, means.tolist(), scales.tolist(), weights, intercept, len(with_answer), long)

    def probabilities(self, rows: Floats, is_long: Bools) -> Floats:
        """Return the probability of each question that something answers it; shape (n_questions,).

        Parameters
        ----------
        rows : ndarray of float, shape (n_questions, n_features)
        is_long : ndarray of bool, shape (n_questions,)
        """
        known = rows[:, : len(self.means)]  # a release of before knows no scores of words, which stand last
        standardised = (known - np.array(self.means)) / np.array(self.scales)
        probabilities = _sigmoid(standardised @ np.array(self.weights) + self.intercept)
        if self.long is not None and is_long.any():
            probabilities[is_long] = self.long.probabilities(rows[is_long], np.zeros(int(is_long.sum()), dtype=bool))
        return probabilities

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Coverage:
        """Read what `to_dict` has returned."""
        long = values.get("long")
        return cls(**{**values, "long": None if long is None else cls.from_dict(long)})


def measured(candidates: Candidates, scores: Floats) -> Floats:
    """Return the features of one question; shape (m + 3,) for m columns of `absolute`, zeros where nothing was found.

    Parameters
    ----------
    candidates : Candidates
    scores : ndarray of float, shape (n_candidates,)
        Fused.
    """
    if not len(scores):
        return np.zeros(candidates.absolute.shape[1] + 3)
    order = np.argsort(-scores, kind="stable")[:_CANDIDATES]
    best, others = order[0], order[1:]
    lead = scores[best] - (scores[others].mean() if len(others) else 0.0)
    against = np.log(max(np.exp(scores - scores[best]).sum() - 1.0, 1e-9))
    return np.concatenate([[scores[best], lead, min(-against, 10.0)], candidates.absolute[best]])


def adjusted(probabilities: Floats) -> Floats:
    """Return the probabilities of a batch of questions, moved by the share of all of them that has an answer.

    One question is judged as if half of such questions had an answer. Of many, the probabilities say themselves how
    many have: the share is estimated from them (expectation and maximisation), drawn towards a half.

    References
    ----------
    Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", 2002.
    """
    share, before = _SHARE_BEFORE, _WEIGHT_BEFORE * len(probabilities)
    estimates = probabilities
    for _ in range(_ROUNDS if len(probabilities) else 0):
        odds_for, odds_against = probabilities * share, (1.0 - probabilities) * (1.0 - share)
        estimates = odds_for / (odds_for + odds_against)
        share = float((estimates.sum() + before * _SHARE_BEFORE) / (len(estimates) + before))
    return estimates


def _sigmoid(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -35.0, 35.0)))
