"""ReturnChances: how likely a fault that only texts joined is to come back, drawn towards what its like do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from diagnosis.arrays import Floats
from diagnosis.problems.joining import Joining

DAYS = (7, 30, 90)
WEIGHTS = np.geomspace(0.5, 64.0, 15)  # incidents that the chance of all such faults may count for
FEWEST = 20  # watched incidents from which chances are said


@dataclass(frozen=True, slots=True)
class ReturnChances:
    """Chance that the fault is logged again within days of an incident, and that of all faults joined by text."""

    chances: Mapping[int, float]
    overall: Mapping[int, float]


def return_chances(joining: Joining, opened: Floats, end: float) -> dict[str, ReturnChances]:
    """Return the chances of each fault that texts joined.

    Of the incidents that have been watched for so many days, how many were followed by another of the same fault. The
    first of each fault is not counted: most faults occur once, and what is asked later is asked of a chronic one. A
    beta prior around the share of all such faults is drawn in, as strongly as is most likely (beta-binomial).

    Parameters
    ----------
    opened : ndarray, shape (n,)
        Days since 1970, sorted.
    end : float
        End of the records, in days since 1970.
    """
    places = [place for place, fault in enumerate(joining.faults) if fault.joined_by == "text"]
    members = joining.members()
    times = [opened[members[place]] for place in places]
    chances: list[dict[int, float]] = [{} for _ in places]
    overall: dict[int, float] = {}
    for days in DAYS:
        counts = np.array([_watched(of_fault, end, days) for of_fault in times], dtype=np.float64).reshape(-1, 2)
        n, k = counts[:, 0], counts[:, 1]
        if n.sum() < FEWEST or not 0 < k.sum() < n.sum():
            continue
        overall[days] = share = float(k.sum() / n.sum())
        weight = _weight(n, k, share)
        for place in range(len(places)):
            chances[place][days] = float((k[place] + weight * share) / (n[place] + weight))
    return {
        joining.faults[place].id: ReturnChances(of_fault, overall)
        for place, of_fault in zip(places, chances, strict=True)
        if of_fault
    }


def _watched(times: Floats, end: float, days: int) -> tuple[int, int]:
    watched = times + days <= end
    watched[:1] = False
    following = np.append(times[1:], np.inf)
    return int(watched.sum()), int((watched & (following - times <= days)).sum())


def _weight(n: Floats, k: Floats, share: float) -> float:
    from scipy.special import betaln  # noqa: PLC0415 - no diagnosis needs it

    a, b = WEIGHTS * share, WEIGHTS * (1 - share)
    likelihood = betaln(k[:, None] + a, (n - k)[:, None] + b) - betaln(a, b)
    return float(WEIGHTS[int(np.argmax(likelihood.sum(axis=0)))])
