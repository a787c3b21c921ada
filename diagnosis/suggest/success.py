"""How likely a solution is to hold, from few uses: shrunk towards the average by as much as the uses can prove.

Beta-binomial empirical Bayes: each solution has its own probability, drawn from a beta distribution whose mean and
precision are estimated from all solutions by moments (Kleinman, "Proportions with extraneous variance", JASA 1973).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Floats

_PRECISION = (2.0, 20.0)  # uses that the average counts for, at least and at most
_FEWEST_OF_A_KIND = 10  # solutions that make an average of their own


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


def fit_priors(successes: Floats, failures: Floats, is_workaround: npt.NDArray[np.bool_]) -> tuple[Prior, Prior, Prior]:
    """Return the prior of all solutions, of fixes and of workarounds; luck in few uses makes none of a kind.

    A kind of few solutions has the prior of all, another one is shrunk towards it. A workaround is never expected to
    hold better than a fix of which as much is known.
    """
    common = fit_prior(successes, failures)
    fixes, workarounds = (
        _of_kind(successes[of_kind], failures[of_kind], common) for of_kind in (~is_workaround, is_workaround)
    )
    return common, fixes, replace(workarounds, mean=min(workarounds.mean, fixes.mean))


def _of_kind(successes: Floats, failures: Floats, common: Prior) -> Prior:
    """Return the prior of one kind of solution, its mean shrunk as if the common one had been seen in twenty uses."""
    if np.count_nonzero(successes + failures) < _FEWEST_OF_A_KIND:
        return common
    own = fit_prior(successes, failures)
    mean = replace(common, precision=_PRECISION[1]).expected(float(successes.sum()), float(failures.sum()))
    return replace(own, mean=mean)
