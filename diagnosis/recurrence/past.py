"""Past: the incidents seen under one value of one field, and what they say of the next, in numbers."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

WINDOWS = (1, 3, 7, 14, 30, 90)  # days
SETTLING = (3.0, 7.0)  # days after which an earlier incident tells whether its fault came back at once
SMOOTHING = 5.0  # incidents at the desk's own rate that a key starts with: one seen twice proves little
LONG_AGO = 90.0  # days: what was never seen before counts as last seen then
SOON = 0.02  # days, about half an hour: below this, "since" does not matter
OF_KEY = (*(f"last {days} days" for days in WINDOWS), "rate", "since", "recurred soon", "recurred", "settled",
          "gap", "gap spread")  # fmt: skip
OF_EXPECTED = ("expected", "rate, 5 days", "rate, 20 days", "share, 1", "share, 5")


class Past:
    """When incidents were logged, how far apart, and how many of them recurred."""

    __slots__ = ("gap_squares", "gaps", "recurred", "settled", "times")  # counts by age of `SETTLING`

    def __init__(self) -> None:
        self.times = array("d")
        self.gaps = 0.0
        self.gap_squares = 0.0
        self.settled = [0] * len(SETTLING)
        self.recurred = [0] * len(SETTLING)

    def add(self, time: float) -> None:
        """Add one incident, in days since 1970."""
        if self.times:
            gap = math.log(max(time - self.times[-1], 0.0) + SOON)
            self.gaps += gap
            self.gap_squares += gap * gap
        if self.times and time < self.times[-1]:  # reported late
            self.times.insert(bisect_right(self.times, time), time)
        else:
            self.times.append(time)

    def copy(self) -> Past:
        """Return one that may be added to without changing this."""
        other = Past()
        other.gaps, other.gap_squares = self.gaps, self.gap_squares
        other.times, other.settled, other.recurred = self.times[:], self.settled[:], self.recurred[:]
        return other

    def share(self, age: int, usual: float) -> float:
        """Return the share that recurred by an age, drawn towards the usual one while few have reached it."""
        return (self.recurred[age] + SMOOTHING * usual) / (self.settled[age] + SMOOTHING)

    def usual(self) -> list[float]:
        """Return the share of all that recurred by each age, where these are the whole desk's."""
        return [(came + 1.0) / (of + 10.0) for came, of in zip(self.recurred, self.settled, strict=True)]


def since(times: array[float], time: float, days: float) -> int:
    """Return how many of the times lie within some days before one."""
    return bisect_right(times, time) - bisect_left(times, time - days)


def describe_key(past: Past | None, time: float, span: float, usual: Sequence[float]) -> list[float]:
    """Return `OF_KEY` for one key, counts and rates as logarithms, shares as log-odds.

    The whole span of the history counts as one more gap, so a key seen once is rare and not merely unknown.
    """
    seen = bisect_right(past.times, time) if past else 0
    if past is None or not seen:
        never = [0.0] * len(WINDOWS)
        shares = [log_odds(share) for share in usual]
        return [*never, math.log(0.5 / (span + 7.0)), math.log(LONG_AGO), *shares, 0.0, math.log(span), 0.0]
    counts = [math.log1p(seen - bisect_left(past.times, time - days)) for days in WINDOWS]
    shares = [log_odds(past.share(age, usual[age])) for age in range(len(SETTLING))]
    last = math.log(min(time - past.times[seen - 1], LONG_AGO) + SOON)
    gaps, known = len(past.times) - 1, max(len(past.times) - 1, 1)
    spread = math.sqrt(max(past.gap_squares / known - (past.gaps / known) ** 2, 0.0))
    gap = (past.gaps + math.log(span)) / (gaps + 1)
    rate = math.log((seen + 0.5) / (span + 7.0))
    return [*counts, rate, last, *shares, math.log1p(past.settled[-1]), gap, spread]


def describe_expected(same: int, of_fields: Sequence[int], everyone: int, span: float) -> list[float]:
    """Return `OF_EXPECTED`: the signature's own rate, drawn towards what its fields would give were they independent.

    A caller who logs a lot, of a kind that everyone logs, will soon log it, even if not yet: the logarithms of both
    counts cannot say that of their product. Gamma-Poisson shrinkage over 5 and 20 days, and the share of the first
    field's incidents that are of this signature, drawn towards the desk's by 1 and by 5 incidents.

    Parameters
    ----------
    same, everyone : int
        Incidents seen of the signature, and of the desk.
    of_fields : sequence of int
        Incidents seen of each of the signature's fields' values.
    span : float
        Days since the first incident.
    """
    share = math.prod((count + 0.5) / (everyone + 50.0) for count in of_fields[1:])
    expected = (of_fields[0] + 1.0) / (span + 3.0) * share
    rates = [math.log((same + days * expected) / (span + days)) for days in (5.0, 20.0)]
    shares = [math.log((same + few * share) / (of_fields[0] + few)) for few in (1.0, 5.0)]
    return [math.log(expected), *rates, *shares]


def log_odds(share: float) -> float:
    """Return the log-odds of a share, at most those of 99 %."""
    share = min(max(share, 0.01), 0.99)
    return math.log(share / (1.0 - share))
