"""Labels: the spellings of one class, and the parents that classes may have."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats, Labels


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


def known_spelling(labels: Iterable[object], existing: Iterable[str]) -> Labels:
    """Return labels with one spelling a class, in the spelling that is known already where there is one."""
    spelling = {label_key(name): name for name in existing}
    return np.array([spelling.get(label_key(label), label) for label in merge_spellings(labels)], dtype=object)


_PURE = 0.95
_BLOCKS, _LEAST_ACTIVE_BLOCKS, _SILENT_BLOCKS = 20, 5, 3
_STEADY = 0.8  # share of the blocks of its time that hold a steady class
_EXPECTED_SINCE = 20  # incidents that were to be expected of it since: none comes by chance once in e^20


@dataclass(frozen=True)
class Hierarchy:
    """The parent of each class; a class without one is its own parent.

    Attributes
    ----------
    classes : tuple of str
    parents : tuple of str
        Every parent once, in code order.
    parent_of : ndarray of int, shape (n_classes,)
        Row of ``parents``.
    """

    classes: tuple[str, ...]
    parents: tuple[str, ...]
    parent_of: npt.NDArray[np.intp]

    def roll_up(self, probabilities: Floats) -> Floats:
        """Return the probability of each parent, the sum of its children's: shape (n, n_parents)."""
        summed = np.zeros((len(probabilities), len(self.parents)))
        np.add.at(summed.T, self.parent_of, probabilities.T)
        return summed

    def parent(self, name: str) -> str:
        """Return the parent of a class; of a class that is not known, itself."""
        return self.parents[self.parent_of[self.classes.index(name)]] if name in self.classes else name

    def is_group(self, parent: str) -> bool:
        """Tell whether a parent has more than one class below it."""
        return int((self.parent_of == self.parents.index(parent)).sum()) > 1


def hierarchy_of(classes: Sequence[str], parent: Mapping[str, str]) -> Hierarchy | None:
    """Return the hierarchy over the classes, None where no parent has two children."""
    parent_names = [parent.get(name) or name for name in classes]
    parents = tuple(sorted(set(parent_names)))
    if len(parents) in (1, len(classes)):
        return None
    return Hierarchy(tuple(classes), parents, np.array([parents.index(name) for name in parent_names], dtype=np.intp))


def learn_parents(children: Sequence[str], parents: Sequence[str]) -> dict[str, str]:
    """Return the parent of each child that history shows with one parent nearly always; others have none."""
    counts_of: dict[str, Counter[str]] = {}
    for child, parent in zip(children, parents, strict=True):
        if child and parent:
            counts_of.setdefault(child, Counter())[parent] += 1
    favourite = {child: counts.most_common(1)[0] for child, counts in counts_of.items()}
    return {child: parent for child, (parent, count) in favourite.items() if count >= _PURE * counts_of[child].total()}


def retired_classes(labels: Labels, opened: pd.Series) -> frozenset[str]:
    """Return the classes that were given steadily and no longer are, such as a group that got another name.

    The labelled history is cut into blocks of equally many incidents. A class is retired if nearly every block from its
    first to its last one has it, the latest blocks do not, and as often as before it would have been expected there so
    many times that its absence is no chance. A class that comes in bursts never is.

    Parameters
    ----------
    labels : ndarray of str, shape (n,)
    opened : Series of timestamps, shape (n,)
        Without times for most incidents nothing is retired.
    """
    dated = np.flatnonzero(opened.notna().to_numpy())
    if 2 * len(dated) < len(labels):
        return frozenset()
    by_time = labels[dated[np.argsort(opened.iloc[dated].to_numpy(), kind="stable")]]
    block_of = np.arange(len(by_time)) * _BLOCKS // max(len(by_time), 1)
    retired = []
    for name in np.unique(by_time.astype(str)):
        rows = np.flatnonzero(by_time == name)
        blocks = np.unique(block_of[rows])
        active = int(blocks[-1] - blocks[0] + 1)
        steady = active >= _LEAST_ACTIVE_BLOCKS and len(blocks) >= _STEADY * active
        expected = len(rows) / (rows[-1] - rows[0] + 1) * (len(by_time) - 1 - rows[-1])
        if steady and expected >= _EXPECTED_SINCE and blocks[-1] <= _BLOCKS - 1 - _SILENT_BLOCKS:
            retired.append(str(name))
    return frozenset(retired)
