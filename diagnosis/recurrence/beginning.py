"""beginning_of: when records begin, whatever single dates lie long before them."""

from __future__ import annotations

import numpy as np

from diagnosis.arrays import Floats

UNLIKELY = 1e-4  # chance of such a pause before all others, from which what lies before it is taken as misdated
FEWEST_STRAYS, STRAY_SHARE = 2, 0.05  # of the records, and at least so many, may be
PAUSE = 30.0  # days: a shorter pause is none


def beginning_of(times: Floats, end: float, pause: float = PAUSE) -> float:
    """Return when records begin: the first time, unless it is one of few that lie apart from all others.

    A machine whose clock was set back, or a typing error, dates an incident years before the records. Counted from
    there, everything before a day is rare. With n times in the S days after a pause of G days, the chance that a
    process of constant rate rests so long is (S / (S + G))^n.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Sorted, in days; at least one.
    end : float
        Until when was watched.
    pause : float
        Days: what lies no longer before the others is theirs.

    Examples
    --------
    >>> beginning_of(np.array([11_000.0, 20_000.0, 20_010.0, 20_020.0]), 20_030.0)
    20000.0
    >>> beginning_of(np.array([19_900.0, 20_000.0, 20_010.0, 20_020.0]), 20_030.0)
    19900.0
    """
    n_strays = min(max(FEWEST_STRAYS, int(STRAY_SHARE * len(times))), len(times) - 1)
    nexts = times[1 : n_strays + 1]
    gaps, days = nexts - times[:n_strays], np.maximum(end - nexts, 1.0)
    chances = (days / (days + gaps)) ** (len(times) - 1 - np.arange(n_strays))
    strays = np.flatnonzero((gaps > pause) & (chances < UNLIKELY))
    return float(times[strays[-1] + 1] if len(strays) else times[0])
