"""TokenBags: short texts kept as their tokens, to be compared with a question exactly at two bytes a token.

The history encoder's vector of a text is the sum of its tokens' vectors, scaled; so a text's product with a question is
the sum of its tokens' products with it. A heading of ten tokens takes 24 bytes so, where a vector takes 512. Bags are
for comparing what something else has found: they name nothing themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diagnosis.arrays import Rows, Vectors
from diagnosis.search.encoder import Bags, HistoryEncoder
from diagnosis.search.index.ids import FILE, Ids
from diagnosis.search.index.segments import SegmentedIndex, SegmentView, located

_ARRAYS = ("tokens", "starts", "norms")


class BagSegment:
    """Bags that do not change, by id."""

    settled = True

    def __init__(self, ids: Ids, bags: Bags) -> None:
        self.ids = ids
        self.bags = bags


class TokenBags(SegmentedIndex[BagSegment]):
    """Texts by id; added, replaced and removed ones count at once, for any number of threads.

    Parameters
    ----------
    encoder : HistoryEncoder
        Whose tokens they are.
    """

    def __init__(self, encoder: HistoryEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    @property
    def nbytes(self) -> int:
        """Bytes of the tokens and what belongs to them."""
        arrays = [getattr(view.segment.bags, name) for view in self._views for name in _ARRAYS]
        return sum(int(array.nbytes) for array in arrays)

    def add(self, ids: Ids, bags: Bags) -> None:
        """Add texts that are not here yet, by distinct ids; the bags are those of `HistoryEncoder`."""
        self._insert(BagSegment(ids, bags), new=True)

    def similarities_at(self, places: Rows, vector: Vectors) -> npt.NDArray[np.float64]:
        """Return the cosine of the texts at places in `ids` with one vector, shape (1, dimensions).

        0 where a text is empty, and for the place -1.
        """
        cosines = np.zeros(len(places))
        for view, targets, rows in located(self._views, places) if vector.any() else ():
            bags = view.segment.bags
            full = bags.norms[rows] > 0
            if full.any():
                cosines[targets[full]] = self._cosines(bags.take(rows[full]), vector[0])
        return cosines

    def save(self, folder: Path) -> None:
        """Write the bags into an empty folder, as one segment."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._at_rest() as views:
            for view in views:
                view.segment.ids.save(folder)
                for name in _ARRAYS:
                    np.save(folder / f"{name}.npy", getattr(view.segment.bags, name))

    @classmethod
    def load(cls, folder: Path, encoder: HistoryEncoder) -> TokenBags:
        """Read what `save` has written; the arrays stay on disk and are shared by the processes that read them."""
        index = cls(encoder)
        if (folder / FILE).exists():
            arrays = [np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in _ARRAYS]
            index._insert(BagSegment(Ids.load(folder), Bags(*arrays)))
        return index

    def _cosines(self, bags: Bags, vector: Vectors) -> npt.NDArray[np.float64]:
        # Each token once: half of them stand in several of the texts.
        is_used = np.zeros(len(self.encoder.weights), dtype=bool)
        is_used[bags.tokens] = True
        tokens = np.flatnonzero(is_used)
        products = np.empty(len(is_used), dtype=np.float32)
        products[tokens] = self.encoder.weights.take(tokens, axis=0) @ vector
        sums = np.add.reduceat(products[bags.tokens].astype(np.float64), bags.starts[:-1])
        cosines: npt.NDArray[np.float64] = np.clip(sums / bags.norms, -1.0, 1.0)
        return cosines

    def _merge(self, views: Sequence[SegmentView[BagSegment]]) -> BagSegment:
        living = [view.segment.bags.take(np.flatnonzero(view.alive)) for view in views]
        lengths = np.concatenate([np.diff(bags.starts) for bags in living])
        ids = Ids.joined([(view.segment.ids, view.alive) for view in views])
        return BagSegment(
            ids,
            Bags(
                np.concatenate([bags.tokens for bags in living]),
                np.concatenate([[0], np.cumsum(lengths)]),
                np.concatenate([bags.norms for bags in living]),
            ),
        )
