"""Contradiction: which certificates of a release its own answers in service have disproved.

Two promises stand for each target: the precision of everything that is automatic, and a floor for each class. Each is
watched by `evidence.strongest`; half of the risk goes to the first, half is shared by the classes (Bonferroni). If the
first is disproved, the class whose errors exceed what is allowed by most is taken out, and the rest is judged again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.live.answered import Answered
from diagnosis.live.evidence import Contradiction, strongest
from diagnosis.live.quality import certified_values
from diagnosis.routing import Router


@dataclass(frozen=True, slots=True)
class Disproved:
    """A class whose answers must go back to people, the promise that was broken, and what broke it.

    ``promised`` is the precision of all automatic answers where ``of_all``, else the floor of the class.
    """

    target: str
    value: str
    promised: float
    of_all: bool
    why: Contradiction


def disproved(one: Answered, router: Router, risk: float, already: Sequence[str] = ()) -> list[Disproved]:
    """Return what the answers for one target contradict.

    Parameters
    ----------
    one : Answered
        Every first answer of the release since it came into service, in order.
    router : Router
        What answered.
    risk : float
        Chance, over the whole life of the release, that anything is returned although every promise holds.
    already : sequence of str
        Classes that were taken back before: their answers count no more.
    """
    mine = one.of(one.automatic)
    found: list[Disproved] = []
    gone = set(already)
    classes = certified_values(router)
    floor = risk / 2 / max(len(classes), 1)
    for name in np.unique(mine.value.astype(str)).tolist():
        why = strongest(mine.wrong[mine.value == name], 1 - router.floor) if name not in gone and router.floor else None
        if why is not None and why.evidence >= 1 / floor:
            found.append(Disproved(one.target, name, router.floor, False, why))
            gone.add(name)
    while True:
        rest = mine.of(~np.isin(mine.value.astype(str), sorted(gone)))
        why = strongest(rest.wrong, 1 - router.precision)
        if why.evidence < 2 / risk:
            return found
        worst = _worst(rest, 1 - router.precision)
        found.append(Disproved(one.target, worst, router.precision, True, why))
        gone.add(worst)


def _worst(one: Answered, allowed: float) -> str:
    names, place = np.unique(one.value.astype(str), return_inverse=True)
    excess = np.bincount(place, weights=one.wrong) - allowed * np.bincount(place)
    return str(names[excess.argmax()])
