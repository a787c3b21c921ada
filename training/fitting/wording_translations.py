"""Which resolutions in two languages say the same: found once, in training, by a model that reads both."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from diagnosis.arrays import Vectors
from diagnosis.suggest.wording import canonical, says_nothing
from diagnosis.text.tokens import HAN

Encode = Callable[[Sequence[str]], Vectors]

_MOST_WORDINGS = 200  # of each language, the most frequent: each costs some 35 ms
_FEWEST_USES = 2
_LENGTH = 300  # characters that are read
# Nearest to one another in both directions, and at least so near: of 132 fixes of the sample history, whose three fixes
# of one fault are near one another, 110 were found and none wrongly.
_SAME = 0.5
_HAN = re.compile(f"[{HAN}]")


def wording_translations(resolutions: Iterable[str], encode: Encode) -> dict[str, str]:
    """Return for a Chinese resolution, in canonical wording, the one in another language that says the same, and back.

    Parameters
    ----------
    resolutions : iterable of str
        Of all incidents. Of each language the most frequent wordings are compared, and none that was used once.
    encode : callable of (sequence of str) to ndarray of float32, shape (n, d)
        Unit vectors in which a text is near its translation; not called where the history has one language.
    """
    frequent = _frequent(resolutions)
    if not all(frequent):
        return {}
    chinese, foreign = ([text[:_LENGTH] for text in texts.values()] for texts in frequent)
    cosines = encode(chinese) @ encode(foreign).T
    nearest, nearest_to_foreign = cosines.argmax(axis=1), cosines.argmax(axis=0)
    rows = np.arange(len(chinese))
    mutual = np.flatnonzero((nearest_to_foreign[nearest] == rows) & (cosines[rows, nearest] >= _SAME))
    wordings, foreign_wordings = map(list, frequent)
    pairs = [(wordings[row], foreign_wordings[nearest[row]]) for row in mutual]
    return dict(pairs) | {right: left for left, right in pairs}


def _frequent(resolutions: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the most frequent wordings in Chinese and in other languages, each with a text that says it so."""
    texts: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in resolutions:
        if not says_nothing(text):
            wording = canonical(text)
            texts.setdefault(wording, text)
            counts[wording] += 1
    wordings = [wording for wording, count in counts.most_common() if count >= _FEWEST_USES]
    chinese = [wording for wording in wordings if _HAN.search(texts[wording])][:_MOST_WORDINGS]
    foreign = [wording for wording in wordings if not _HAN.search(texts[wording])][:_MOST_WORDINGS]
    return {wording: texts[wording] for wording in chinese}, {wording: texts[wording] for wording in foreign}
