"""Evidence against a promise, looked at as often as one likes.

The promise is "at most a share ``allowed`` of the answers is wrong". Against it stands a gambler who bets on errors; if
the promise holds, nobody can be expected to win, and by Ville's inequality the chance that the capital *ever* reaches
``1 / risk`` is at most ``risk``, however often one looks. This is a test by betting (Shafer, 2021; Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Howard et al., 2021) with fixed bets:
the capital is the mean of likelihood ratios of error shares above ``allowed``,

    K(n, w) = mean over p of (p / allowed)^w * ((1 - p) / (1 - allowed))^(n - w)

after ``n`` answers of which ``w`` were wrong. It only depends on the counts and rises with every error. So an answer of
which nothing is known yet may be counted as right: if it turns out wrong the capital is larger than it was thought to
be, never smaller, and no alarm was false that would not have come anyway. The guarantee therefore does not depend on
how soon, or how rarely, people say what was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# Where between `allowed` and 1 the error shares lie that are bet on: a slight excess is seen late, a gross one at once.
_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Where the evidence was strongest: after ``answered`` answers, ``wrong`` of them wrong.

    ``evidence`` is the capital: under the promise it exceeds ``x`` with a chance of at most ``1 / x``.
    """

    answered: int
    wrong: int
    evidence: float


def log_capital(answered: npt.ArrayLike, wrong: npt.ArrayLike, allowed: float) -> Floats:
    """Return the logarithm of the capital after so many answers, so many of them wrong.

    Parameters
    ----------
    answered, wrong : array_like of int, shape (n,)
    allowed : float
        The share that may be wrong, between 0 and 1.
    """
    n, w = np.asarray(answered, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    shares = allowed + (1 - allowed) * _BETS
    up, down = np.log(shares / allowed), np.log((1 - shares) / (1 - allowed))
    logs = w[..., None] * up + (n - w)[..., None] * down
    return np.asarray(np.logaddexp.reduce(logs, axis=-1) - np.log(len(_BETS)), dtype=np.float64)


def strongest(wrong: Bools, allowed: float) -> Contradiction:
    """Return the strongest evidence that a sequence of answers ever gave.

    Parameters
    ----------
    wrong : ndarray of bool, shape (n,)
        In order of the answers; False where it is not known.
    allowed : float
        The share that may be wrong.
    """
    if not len(wrong):
        return Contradiction(0, 0, 1.0)
    counts, errors = np.arange(1, len(wrong) + 1), np.cumsum(wrong)
    logs = log_capital(counts, errors, allowed)
    best = int(logs.argmax())
    return Contradiction(int(counts[best]), int(errors[best]), float(np.exp(min(logs[best], 700.0))))
