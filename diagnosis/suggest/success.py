"""How likely a solution is to hold, from few uses: shrunk towards the average by as much as the uses can prove.

Beta-binomial empirical Bayes: each solution has its own probability, drawn from a beta distribution whose mean and
precision are estimated from all solutions by moments (Kleinman, "Proportions with extraneous variance", JASA 1973).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.arrays import Floats

_PRECISION = (2.0, 20.0)  # uses that the average counts for, at least and at most


@dataclass(frozen=True, slots=True)
class Prior:
    """The average solution, and for how many uses it counts."""

    mean: float = 0.5
    precision: float = _PRECISION[0]

    def expected(self, successes: float, failures: float) -> float:
        """Return the posterior mean of the probability to hold."""
        return (self.mean * self.precision + successes) / (self.precision + successes + failures)


def fit_prior(successes: Floats, failures: Floats) -> Prior:
    """Return the prior of solutions with these weighted uses, shape (n_solutions,) each."""
    uses = successes + failures
    successes, uses = successes[uses > 0], uses[uses > 0]
    if not len(uses):
        return Prior()
    total = uses.sum()
    mean = float(successes.sum() / total)
    # One use of each says nothing about how solutions differ; the average keeps at least the weight of two uses.
    spread = float((uses * (successes / uses - mean) ** 2).sum() - (len(uses) - 1) * mean * (1 - mean))
    freedom = float(total - (uses**2).sum() / total)
    variance = spread / freedom if freedom > 1e-9 else 0.0
    precision = mean * (1 - mean) / variance - 1 if variance > 1e-9 else _PRECISION[1]
    return Prior(mean, float(np.clip(precision, *_PRECISION)))
