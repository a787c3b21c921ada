"""TargetAnswers: observations of one target as arrays, with whether each answer was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnosis.arrays import Bools, Labels
from diagnosis.routing import Router
from diagnosis.routing.labels import label_key
from diagnosis.store.observations import Observation


@dataclass(frozen=True)
class TargetAnswers:
    """The first answers for one target, in order; all arrays have one entry an answer.

    Attributes
    ----------
    value : ndarray of str
        What was answered or would have been.
    automatic, abstained : ndarray of bool
    settled : ndarray of bool
        Whether it is known if ``value`` was right.
    right : ndarray of bool
        Where settled; False elsewhere. A parent is right for each of its classes.
    """

    target: str
    value: Labels
    automatic: Bools
    abstained: Bools
    settled: Bools
    right: Bools

    @property
    def wrong(self) -> Bools:
        """Answers that are known to be wrong."""
        return self.settled & ~self.right

    def take(self, rows: Bools) -> TargetAnswers:
        """Return some of the answers."""
        return TargetAnswers(
            self.target,
            self.value[rows],
            self.automatic[rows],
            self.abstained[rows],
            self.settled[rows],
            self.right[rows],
        )

    def __len__(self) -> int:
        return len(self.value)


def target_answers(observations: Sequence[Observation], target: str, router: Router | None = None) -> TargetAnswers:
    """Return the observations of one target.

    Parameters
    ----------
    router : Router, optional
        Of the release that answered: it knows which parent a class has.
    """
    rows = [row for row in observations if row.target == target]
    settled = [row.truth is not None or row.taken_back for row in rows]
    right = [row.truth is not None and is_right(row.value, row.truth, router) for row in rows]
    decision = np.array([row.decision for row in rows], dtype=object)
    return TargetAnswers(
        target,
        np.array([row.value for row in rows], dtype=object),
        np.asarray(decision == "automatic", dtype=bool),
        np.asarray(decision == "abstained", dtype=bool),
        np.array(settled, dtype=bool),
        np.array(right, dtype=bool),
    )


def is_right(value: str, truth: str, router: Router | None = None) -> bool:
    """Tell whether an answer names what was right, or its parent."""
    if label_key(value) == label_key(truth):
        return True
    tree = router.hierarchy_ if router is not None else None
    if router is None or tree is None:
        return False
    spelling = next((str(name) for name in router.classes_ if label_key(str(name)) == label_key(truth)), truth)
    return label_key(tree.parent(spelling)) == label_key(value)
