"""Labels as people wrote them: surrounding spaces and case make no class, the most common spelling is shown."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.object_]


def label_key(label: str) -> str:
    """Return what two spellings of one label share: NFKC, single spaces, no case."""
    return " ".join(unicodedata.normalize("NFKC", label).split()).casefold()


def merge_spellings(labels: Iterable[object]) -> Labels:
    """Return the labels with every spelling of a class replaced by its most common one; missing ones become ``""``.

    Returns
    -------
    ndarray of str, shape (n,)

    Examples
    --------
    >>> merge_spellings(["Network", " network ", "Network", None]).tolist()
    ['Network', 'Network', 'Network', '']
    """
    spelled = [" ".join(label.split()) if isinstance(label, str) else "" for label in labels]
    spellings: dict[str, Counter[str]] = {}
    for label in spelled:
        spellings.setdefault(label_key(label), Counter())[label] += 1
    # Of two equally common spellings the first in code order wins, so that the order of rows does not matter.
    best = {key: min(counts, key=lambda s: (-counts[s], s)) for key, counts in spellings.items()}
    return np.array([best[label_key(label)] for label in spelled], dtype=object)


def known_spelling(labels: Iterable[object], known: Iterable[str]) -> Labels:
    """Return labels with one spelling a class, in the spelling that is known already where there is one."""
    spelling = {label_key(name): name for name in known}
    return np.array([spelling.get(label_key(label), label) for label in merge_spellings(labels)], dtype=object)
