"""Articles that say the same, and articles that answer one question in two ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
    columns = (articles[name].tolist() for name in ("title", "symptoms", "resolution"))
    words = [
        _Words.of(f"{title}\n{symptoms}", resolution) for title, symptoms, resolution in zip(*columns, strict=True)
    ]
    numbers = articles["number"].tolist()
    duplicates, contradictions = [], []
    for first, second in _near(wholes):
        if families[first] == families[second] or languages[first] != languages[second]:
            continue
        pair: Pair = (numbers[first], numbers[second])
        kind = _kind(words[first], words[second], lambda: float(questions[first] @ questions[second]))  # noqa: B023
        if kind == "duplicate":
            duplicates.append(pair)
        elif kind == "contradiction":
            contradictions.append(pair)
    return duplicates, contradictions


def _near(vectors: npt.NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        rows, columns = np.nonzero(cosines >= _NEAR)
        ordered = columns > rows + start
        yield from zip((rows[ordered] + start).tolist(), columns[ordered].tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of what an article is about and of its fix, and the numbers of the fix; no fix where it says none."""

    question: frozenset[str]
    fix: frozenset[str]
    numbers: frozenset[str]
    has_fix: bool

    @classmethod
    def of(cls, question: str, fix: str) -> _Words:
        numbers = frozenset(_NUMBER.findall(_LIST_NUMBER.sub("", fix)))
        return cls(content(question), content(fix), numbers, not says_nothing(fix))


def _kind(first: _Words, second: _Words, likeness: Callable[[], float]) -> str:
    if not (first.has_fix and second.has_fix):
        return ""
    shared_fix, shared_question = _shared(first.fix, second.fix), _shared(first.question, second.question)
    if shared_fix >= _SAME_FIX and (shared_question >= _SAME_QUESTION or likeness() >= _LIKE_QUESTION):
        return "contradiction" if shared_question >= _SAME_QUESTION and _numbers_differ(first, second) else "duplicate"
    enough_words = min(len(first.question), len(second.question)) >= _FEWEST_WORDS
    if enough_words and shared_question >= _SAME_QUESTION and shared_fix <= _OTHER_FIX:
        return "contradiction"
    return ""


def _shared(first: frozenset[str], second: frozenset[str]) -> float:
    """Return the share of the words of both that both hold."""
    n_common = len(first & second)
    n_all = len(first) + len(second) - n_common
    return n_common / n_all if n_all else 0.0


def _numbers_differ(first: _Words, second: _Words) -> bool:
    return bool(first.numbers and second.numbers) and first.numbers.isdisjoint(second.numbers)
