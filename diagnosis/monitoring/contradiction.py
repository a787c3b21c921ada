"""Which certificates of a release its own answers in service have disproved.

Two promises stand for each target: the precision of everything that is automatic, and a floor for each class. Each is
watched by `strongest_evidence`; half of the risk goes to the first, half is shared by the classes (Bonferroni). If the
first is disproved, the class whose errors exceed what is allowed by most is taken out, and the others are judged again.

The test may be looked at as often as one likes. A promise is "at most a share ``allowed`` of the answers is wrong".
Against it stands a gambler who bets on errors; if the promise holds, nobody can be expected to win, and by Ville's
inequality the chance that the capital *ever* reaches ``1 / risk`` is at most ``risk``, however often one looks. This is
a test by betting (Shafer, 2021; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
JRSS B 2024; Howard et al., 2021) with fixed bets: the capital is the mean of likelihood ratios of error shares above
``allowed``,

    K(n, w) = mean over p of (p / allowed)^w * ((1 - p) / (1 - allowed))^(n - w)

after ``n`` answers of which ``w`` were wrong. It only depends on the counts and rises with every error. So an answer of
which nothing is known yet may be counted as right: if it turns out wrong the capital is larger than it was thought to
be, never smaller, and no alarm was false that would not have come anyway. The guarantee therefore does not depend on
how soon, or how rarely, people say what was wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Bools, Floats
from diagnosis.monitoring.answers import TargetAnswers
from diagnosis.monitoring.quality import certified_values
from diagnosis.routing import Router

# Where between `allowed` and 1 the error shares lie that are bet on: a slight excess is seen late, a gross one at once.
_BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])


@dataclass(frozen=True, slots=True)
class EvidenceAgainst:
    """Where the evidence was strongest: after ``answered`` answers, ``wrong`` of them wrong.

    ``evidence`` is the capital: under the promise it exceeds ``x`` with a chance of at most ``1 / x``.
    """

    answered: int
    wrong: int
    evidence: float


@dataclass(frozen=True, slots=True)
class DisprovedPromise:
    """A class whose answers must go back to people, the promise that was broken, and the evidence against it.

    ``promised`` is the precision of all automatic answers where ``of_all``, else the floor of the class.
    """

    target: str
    value: str
    promised: float
    of_all: bool
    evidence: EvidenceAgainst


def disproved_promises(
    answers: TargetAnswers, router: Router, risk: float, revoked: Sequence[str] = ()
) -> list[DisprovedPromise]:
    """Return what the answers for one target contradict.

    Parameters
    ----------
    answers : TargetAnswers
        Every first answer of the release since it came into service, in order.
    router : Router
        What answered.
    risk : float
        Chance, over the whole life of the release, that anything is returned although every promise holds.
    revoked : sequence of str
        Classes that were taken back before: their answers count no more.
    """
    automatic = answers.take(answers.automatic)
    disproved = _below_floor(automatic, router, risk, revoked)
    excluded = {*revoked, *(promise.value for promise in disproved)}
    while True:
        remaining = automatic.take(~np.isin(automatic.value.astype(str), sorted(excluded)))
        evidence = strongest_evidence(remaining.wrong, 1 - router.precision)
        if evidence.evidence < 2 / risk:
            return disproved
        worst = _worst_class(remaining, 1 - router.precision)
        disproved.append(DisprovedPromise(answers.target, worst, router.precision, True, evidence))
        excluded.add(worst)


def _below_floor(
    automatic: TargetAnswers, router: Router, risk: float, revoked: Sequence[str]
) -> list[DisprovedPromise]:
    if not router.floor:
        return []
    share_of_risk = risk / 2 / max(len(certified_values(router)), 1)
    below = []
    for name in np.unique(automatic.value.astype(str)).tolist():
        if name in revoked:
            continue
        evidence = strongest_evidence(automatic.wrong[automatic.value == name], 1 - router.floor)
        if evidence.evidence >= 1 / share_of_risk:
            below.append(DisprovedPromise(automatic.target, name, router.floor, False, evidence))
    return below


def _worst_class(answers: TargetAnswers, allowed: float) -> str:
    names, place = np.unique(answers.value.astype(str), return_inverse=True)
    excess = np.bincount(place, weights=answers.wrong) - allowed * np.bincount(place)
    return str(names[excess.argmax()])


def log_capital(answers: npt.ArrayLike, wrong: npt.ArrayLike, allowed: float) -> Floats:
    """Return the logarithm of the capital after so many answers, so many of them wrong.

    Parameters
    ----------
    answers, wrong : array_like of int, shape (n,)
    allowed : float
        The share that may be wrong, between 0 and 1.
    """
    n, w = np.asarray(answers, dtype=np.float64), np.asarray(wrong, dtype=np.float64)
    shares = allowed + (1 - allowed) * _BETS
    up, down = np.log(shares / allowed), np.log((1 - shares) / (1 - allowed))
    logs = w[..., None] * up + (n - w)[..., None] * down
    return np.asarray(np.logaddexp.reduce(logs, axis=-1) - np.log(len(_BETS)), dtype=np.float64)


def strongest_evidence(wrong: Bools, allowed: float) -> EvidenceAgainst:
    """Return the strongest evidence that a sequence of answers ever gave.

    Parameters
    ----------
    wrong : ndarray of bool, shape (n,)
        In order of the answers; False where it is not known.
    allowed : float
        The share that may be wrong.
    """
    if not len(wrong):
        return EvidenceAgainst(0, 0, 1.0)
    counts, errors = np.arange(1, len(wrong) + 1), np.cumsum(wrong)
    logs = log_capital(counts, errors, allowed)
    best = int(logs.argmax())
    return EvidenceAgainst(int(counts[best]), int(errors[best]), float(np.exp(min(logs[best], 700.0))))
