"""Back-off: when probability is spread over the children of one parent, the parent may still be sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_PURE = 0.95


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
    named = [parent.get(name) or name for name in classes]
    parents = tuple(sorted(set(named)))
    if len(parents) in (1, len(classes)):
        return None
    return Hierarchy(tuple(classes), parents, np.array([parents.index(name) for name in named], dtype=np.intp))


def learn_parents(children: Sequence[str], parents: Sequence[str]) -> dict[str, str]:
    """Return the parent of each child that history shows with one parent nearly always; others have none."""
    seen: dict[str, Counter[str]] = {}
    for child, parent in zip(children, parents, strict=True):
        if child and parent:
            seen.setdefault(child, Counter())[parent] += 1
    most = {child: counts.most_common(1)[0] for child, counts in seen.items()}
    return {child: parent for child, (parent, count) in most.items() if count >= _PURE * seen[child].total()}
