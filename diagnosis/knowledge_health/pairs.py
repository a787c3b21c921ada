"""Articles that say the same, and articles that answer one question in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.knowledge_health.form import families_of, languages_of
from diagnosis.suggest.wording import content, says_nothing

Pair = tuple[str, str]

_NEAR = 0.5  # cosine of two articles that are compared word by word
_SAME_FIX = 0.6  # of the words of both together
_SAME_QUESTION = 0.6
_LIKE_QUESTION = 0.35  # cosine of what two articles are about, where their fix is the same
_OTHER_FIX = 0.2
_FEWEST_WORDS = 3  # fewer words are alike by chance
_BLOCK = 1_000
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_LIST_NUMBER = re.compile(r"^\s*\d+[.)、]", re.MULTILINE)


def pairs_of(
    articles: pd.DataFrame, wholes: npt.NDArray[np.float32], questions: npt.NDArray[np.float32]
) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs of duplicates and those of contradictions, in order of number.

    Duplicates are about the same and tell the same steps. A contradiction is one question with two answers that share
    hardly a word, or whose steps differ in numbers alone. Translations of one article are neither.

    Parameters
    ----------
    articles : DataFrame, shape (n, ...)
        Canonical.
    wholes, questions : ndarray of float32, shape (n, d)
        Unit vectors of each whole article, and of its title and symptoms.
    """
    families, languages = families_of(articles), languages_of(articles)
    texts = [
        (f"{title}\n{symptoms}", resolution)
        for title, symptoms, resolution in zip(
            articles["title"], articles["symptoms"], articles["resolution"], strict=True
        )
    ]
    duplicates, contradictions = [], []
    for first, second in _near(wholes):
        if families[first] == families[second] or languages[first] != languages[second]:
            continue
        pair: Pair = (str(articles["number"].iloc[first]), str(articles["number"].iloc[second]))
        kind = _kind(texts[first], texts[second], float(questions[first] @ questions[second]))
        if kind == "duplicate":
            duplicates.append(pair)
        elif kind == "contradiction":
            contradictions.append(pair)
    return duplicates, contradictions


def _near(vectors: npt.NDArray[np.float32]) -> Sequence[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        rows, columns = np.nonzero(cosines >= _NEAR)
        ordered = columns > rows + start
        pairs += zip((rows[ordered] + start).tolist(), columns[ordered].tolist(), strict=True)
    return pairs


def _kind(first: tuple[str, str], second: tuple[str, str], likeness: float) -> str:
    fixes = first[1], second[1]
    if any(says_nothing(fix) for fix in fixes):
        return ""
    shared_fix, shared_question = _shared(*fixes), _shared(first[0], second[0])
    if shared_fix >= _SAME_FIX and (likeness >= _LIKE_QUESTION or shared_question >= _SAME_QUESTION):
        return "contradiction" if shared_question >= _SAME_QUESTION and _numbers_differ(*fixes) else "duplicate"
    enough_words = min(len(content(first[0])), len(content(second[0]))) >= _FEWEST_WORDS
    if enough_words and shared_question >= _SAME_QUESTION and shared_fix <= _OTHER_FIX:
        return "contradiction"
    return ""


def _shared(first: str, second: str) -> float:
    """Return the share of the words of both texts that both hold."""
    words = content(first), content(second)
    union = words[0] | words[1]
    return len(words[0] & words[1]) / len(union) if union else 0.0


def _numbers_differ(first: str, second: str) -> bool:
    of_each = [set(_NUMBER.findall(_LIST_NUMBER.sub("", text))) for text in (first, second)]
    return bool(of_each[0] and of_each[1]) and of_each[0].isdisjoint(of_each[1])
