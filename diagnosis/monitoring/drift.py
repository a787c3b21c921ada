"""Drift: how far the incidents that come in have moved away from those that the release learned from.

Each field is measured by the population stability index, the words by the Jensen-Shannon divergence; both are 0 for
equal shares. What chance alone reaches in samples of these sizes is given beside each figure: for a field in closed
form (Yurdakul and Naranjo, "Statistical properties of the population stability index", 2020: chi-square with one degree
less than there are bins, times 1/n + 1/m), and for words, which do not come independently, from draws out of the
reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.special import chdtri

from diagnosis.arrays import Floats
from diagnosis.incident import IncidentBatch
from diagnosis.reference import Reference, fields_of, words_of

Verdict = Literal["none", "some", "strong"]

FEWEST = 100  # incidents on either side; of fewer nothing can be said
STRONG_INDEX = 0.25  # the usual reading of the index: from here on, "significant change"
STRONG_DIVERGENCE = 0.1  # bits
_BINS = 50
_CHANCE = 0.99
_DRAWS = 40
_LISTED = 5


@dataclass(frozen=True, slots=True)
class ShareChange:
    """A value or word whose share has changed."""

    value: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one field, the language or the words (``name``) have moved.

    Attributes
    ----------
    measure : {"psi", "jensen-shannon"}
    drift, chance : float
        The figure, and what it stays below in 99 of 100 cases where nothing has changed.
    verdict : {"none", "some", "strong"}
        ``some`` is more than chance; ``strong`` is also large enough that a new release is worth making.
    changes : tuple of ShareChange
        What moved most.
    """

    name: str
    measure: str
    drift: float
    chance: float
    verdict: Verdict
    changes: tuple[ShareChange, ...]


def drift(reference: Reference, recent: IncidentBatch | pd.DataFrame) -> list[Drift]:
    """Return how far recent incidents have moved from a reference: fields, language, words; ``[]`` for too few.

    Parameters
    ----------
    recent : IncidentBatch or DataFrame
        As logged, personal data masked.
    """
    recent = IncidentBatch.of(recent)
    if min(len(reference), len(recent)) < FEWEST:
        return []
    of_fields = [
        _field_drift(name, reference.fields[name], Counter(values)) for name, values in fields_of(recent).items()
    ]
    return [*(measured for measured in of_fields if measured is not None), _word_drift(reference, words_of(recent))]


def stability_index(reference: Floats, recent: Floats) -> float:
    """Return the population stability index of two sets of counts over the same bins, half a count added to each."""
    p, q = reference + 0.5, recent + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _field_drift(name: str, reference: Counter[str], recent: Counter[str]) -> Drift | None:
    frequent = [value for value, _ in reference.most_common(_BINS - 1)]
    if set(frequent) | set(recent) <= {""}:  # never filled in
        return None
    counts = [_binned(frequent, reference), _binned(frequent, recent)]
    index = stability_index(*counts)
    bins = int((counts[0] + counts[1] > 0).sum())
    chance = float(chdtri(max(bins - 1, 1), 1 - _CHANCE)) * (1 / reference.total() + 1 / recent.total())
    shares = {
        value: (reference[value] / reference.total(), recent[value] / recent.total()) for value in {*frequent, *recent}
    }
    return Drift(name, "psi", index, chance, _verdict(index, chance, STRONG_INDEX), _most_changed(shares))


def _word_drift(reference: Reference, recent: Sequence[frozenset[str]]) -> Drift:
    counts = Counter(word for words in recent for word in words)
    divergence = _divergence(_binned(reference.common, reference.words), _binned(reference.common, counts))
    chance = _chance(reference, len(recent))
    shares = {
        word: (reference.words[word] / len(reference), counts[word] / len(recent))
        for word in {*reference.common, *counts}
    }
    verdict = _verdict(divergence, chance, STRONG_DIVERGENCE)
    return Drift("text", "jensen-shannon", divergence, chance, verdict, _most_changed(shares))


def _chance(reference: Reference, size: int) -> float:
    """Return what the divergence of a sample of this size stays below if it comes from the same incidents."""
    rng = np.random.default_rng(0)
    divergences = []
    for _ in range(_DRAWS):
        # Two samples with replacement, as reference and recent incidents are two samples of one source.
        draws = [rng.integers(len(reference), size=n) for n in (len(reference), size)]
        multiplicities = [np.bincount(draw, minlength=len(reference)) for draw in draws]
        divergences.append(_divergence(*[times @ reference.documents for times in multiplicities]))
    # The quantile of a normal: too few draws to read it off.
    return float(np.mean(divergences) + 2.33 * np.std(divergences))


def _binned(bins: Sequence[str], counts: Counter[str]) -> Floats:
    """Return the count of each bin and, last, of everything outside the bins."""
    of_bins = [counts[value] for value in bins]
    return np.array([*of_bins, counts.total() - sum(of_bins)], dtype=np.float64)


def _divergence(reference: Floats, recent: Floats) -> float:
    if not reference.sum() or not recent.sum():
        return float(reference.sum() != recent.sum())
    return float(jensenshannon(reference, recent, base=2) ** 2)


def _verdict(measured: float, chance: float, strong: float) -> Verdict:
    if measured <= chance:
        return "none"
    return "strong" if measured >= strong else "some"


def _most_changed(shares: dict[str, tuple[float, float]]) -> tuple[ShareChange, ...]:
    order = sorted(shares, key=lambda value: (-abs(shares[value][1] - shares[value][0]), value))
    return tuple(
        ShareChange(value, *shares[value]) for value in order[:_LISTED] if shares[value][0] != shares[value][1]
    )
