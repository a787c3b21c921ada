"""Words in a run of Chinese, Japanese or Korean characters, as the history itself shows them.

The most probable division of the run into character groups, each as probable as it is common in the history (a unigram
model solved by dynamic programming): enough to show a reader whole words, without a dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnosis.routing.terms import TermFeatures

_LONGEST = 5
_UNSEEN = -12.0  # logarithm of the probability of a character that the history does not hold


@dataclass(frozen=True)
class Segmenter:
    """Divides runs of characters by what a fitted `TermFeatures` has counted."""

    terms: TermFeatures

    def spans(self, run: str) -> list[tuple[int, int]]:
        """Return begin and end of each word, in order; together they cover the run."""
        best = [0.0] + [-np.inf] * len(run)
        begin_of = [0] * (len(run) + 1)
        for end in range(1, len(run) + 1):
            for begin in range(max(0, end - _LONGEST), end):
                score = best[begin] + self._log_share(run[begin:end])
                if score > best[end]:
                    best[end], begin_of[end] = score, begin
        spans: list[tuple[int, int]] = []
        end = len(run)
        while end:
            spans.append((begin_of[end], end))
            end = begin_of[end]
        return spans[::-1]

    def _log_share(self, gram: str) -> float:
        column = self.terms.vocabulary_.grams.get(gram)
        if column is None:
            return _UNSEEN * len(gram)
        # idf is minus the logarithm of the share of texts that hold the gram, plus one.
        return 1.0 - float(self.terms.gram_idf_[column])
